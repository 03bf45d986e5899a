"""`vapi-conformance rules`: the catalogue."""

from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vapi_conformance.additions import shown_origin
from vapi_conformance.cli.broken_additions import tell_broken
from vapi_conformance.cli.catalogue import chosen
from vapi_conformance.cli.printing import json_option, one_line, print_json
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.problems import UsageError
from vapi_conformance.rules import Profile, Rule

__all__ = ["command", "rule_document"]

_EPILOG = """\b
Examples:
  vapi-conformance rules 'tools.*'
  vapi-conformance rules --dialect anthropic_messages
  vapi-conformance rules --json | jq -r '.rules[] | select(.levels.vapi == "MUST") | .id'

\b
Piped, there is one rule a line: id, level in the profiles standard, vapi and rapida, what holds, with tabs
between them. MUST gates, SHOULD warns, MAY informs; - is not part of that profile. Behind what holds stands
in brackets which distribution adds the rule, where it is none of ours.
"""


def rule_document(rule: Rule) -> dict[str, object]:
    """A rule for scripts."""
    return {
        "id": rule.id,
        "statement": rule.statement,
        "levels": {
            profile.value: None if (level := rule.level_of(profile)) is None else level.name for profile in Profile
        },
        "dialects": sorted(rule.dialects),
        "same_level_for_compatible": rule.both,
        "source": rule.source,
        "catalogue": list(rule.catalogue),
        "remedy": rule.remedy,
        "scenarios": list(rule.scenarios),
        "needs": sorted(rule.needs),
        "origin": shown_origin(rule.origin),
    }


@click.command(epilog=_EPILOG)
@click.argument("patterns", nargs=-1, metavar="[RULE]...")
@click.option(
    "--dialect", type=click.Choice([each.value for each in Dialect]), help="Only the rules that this API shape has."
)
@json_option
def command(*, patterns: tuple[str, ...], dialect: str | None, as_json: bool) -> None:
    """List the rules with their level in each profile; RULE is an id or a pattern like 'sse.*'."""
    rules = [rule for rule in chosen(patterns) if dialect is None or dialect in rule.dialects]
    tell_broken(patterns)
    if not rules:
        raise UsageError(f"{dialect} has none of these rules")
    if as_json:
        print_json({"rules": [rule_document(each) for each in rules]})
        return
    console = Console()
    if console.is_terminal:
        console.print(_table(rules))
        return
    # print_lines would show a tab as an escape; the texts here are our own.
    click.echo("\n".join("\t".join([rule.id, *_levels(rule), _statement(rule)]) for rule in rules))


def _table(rules: Sequence[Rule]) -> Table:
    table = Table("rule", *(profile.value for profile in Profile), "what holds", title=f"{len(rules)} rules")
    for rule in rules:
        table.add_row(rule.id, *_levels(rule), Text(_statement(rule)))  # text, so that brackets are no markup
    return table


def _statement(rule: Rule) -> str:
    """What holds; whose rule it is, where it is none of ours."""
    statement = one_line(rule.statement)
    return statement if rule.origin is None else f"{statement} [{one_line(str(rule.origin))}]"


def _levels(rule: Rule) -> list[str]:
    return [level.name if (level := rule.level_of(profile)) else "-" for profile in Profile]
