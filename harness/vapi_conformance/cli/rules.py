"""`vapi-conformance rules`: the catalogue."""

import click
from rich.console import Console
from rich.table import Table

from vapi_conformance.cli.printing import json_option, print_json
from vapi_conformance.rules import Rule
from vapi_conformance.rules.selection import select

__all__ = ["command", "rule_document"]


def rule_document(rule: Rule) -> dict[str, object]:
    """A rule for scripts."""
    return {
        "id": rule.id,
        "statement": rule.statement,
        "levels": {
            "standard": None if rule.standard is None else rule.standard.name,
            "vapi": None if rule.vapi is None else rule.vapi.name,
        },
        "same_level_for_compatible": rule.both,
        "source": rule.source,
        "catalogue": list(rule.catalogue),
        "remedy": rule.remedy,
        "scenarios": list(rule.scenarios),
        "needs": sorted(rule.needs),
    }


@click.command()
@click.argument("patterns", nargs=-1, metavar="[RULE]...")
@json_option
def command(*, patterns: tuple[str, ...], as_json: bool) -> None:
    """List the rules with their level in each profile; RULE is an id or a pattern like 'sse.*'."""
    rules = select(patterns)
    if as_json:
        print_json({"rules": [rule_document(each) for each in rules]})
        return
    console = Console()
    if not console.is_terminal:
        for rule in rules:
            levels = [level.name if level else "-" for level in (rule.standard, rule.vapi)]
            click.echo("\t".join([rule.id, *levels, rule.statement]))
        return
    table = Table("rule", "standard", "vapi", "what holds", title=f"{len(rules)} rules")
    for rule in rules:
        standard, vapi = (level.name if level else "-" for level in (rule.standard, rule.vapi))
        table.add_row(rule.id, standard, vapi, rule.statement)
    console.print(table)
