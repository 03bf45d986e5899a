"""`vapi-conformance explain`: one rule, and the example that breaks it."""

import json
from collections.abc import Iterator

import click

from vapi_conformance.call_scenario import ANY_CALL
from vapi_conformance.cli.catalogue import chosen
from vapi_conformance.cli.printing import json_option, print_json, print_lines
from vapi_conformance.cli.rules import rule_document
from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.problems import UsageError
from vapi_conformance.report.effect import effects
from vapi_conformance.report.text import Line, violation_lines
from vapi_conformance.rules import Profile, Rule
from vapi_conformance.rules.rule import MUST
from vapi_conformance.specimens import Specimen, load_specimen
from vapi_conformance.verdict import judge_rule

__all__ = ["command"]

_EPILOG = """\b
Examples:
  vapi-conformance explain chat-stream.ends-with-done
  vapi-conformance rules          lists the ids
"""


@click.command(epilog=_EPILOG)
@click.argument("rule_id", metavar="RULE")
@json_option
def command(*, rule_id: str, as_json: bool) -> None:
    """Explain RULE: what holds, how strictly, where that is written, a broken example and what to do."""
    rule, *others = chosen([rule_id])
    if others:
        raise UsageError(f"{rule_id!r} names {len(others) + 1} rules, from {rule.id} to {others[-1].id}; name one")
    specimen = _specimen(rule)
    if as_json:
        told = None if specimen is None else {"about": specimen.about, "difference": list(specimen.edits)}
        print_json({**rule_document(rule), "specimen": told})
        return
    print_lines(_lines(rule))
    if specimen is None:
        print_lines([Line(""), Line(f"{rule.origin} brings no broken example of it.", "faint")])
        return
    print_lines([Line(""), Line("A broken example", "strong"), Line(f"  {specimen.about}")])
    for edit in specimen.edits:
        print_lines([Line(f"  {json.dumps(edit, ensure_ascii=False)}", "faint")])
    evidence = specimen.broken_evidence()
    print_lines([Line(""), Line("What is said about it", "strong")])
    level = rule.vapi or rule.standard or MUST
    print_lines(violation_lines(judge_rule(rule, level, evidence), repeat="vapi-conformance check FILE --rule {rule}"))
    if not any(effects(each) for each in evidence):
        print_lines(
            [
                Line(
                    "  What becomes of a call is not told: Vapi sends no such request, or we hung up ourselves.",
                    "faint",
                )
            ]
        )


def _specimen(rule: Rule) -> Specimen | None:
    """None for a rule of another distribution that brings none. Raises UsageError for one that cannot be read."""
    try:
        return load_specimen(rule.id)
    except (OSError, ValueError, KeyError, IndexError) as problem:
        if rule.origin is None:
            raise
        if isinstance(problem, FileNotFoundError):
            return None
        raise UsageError(f"the specimen of {rule.id} in {rule.origin} cannot be read: {problem}") from problem


def _shown_by(rule: Rule) -> str:
    """In words; the same exchange never shows it when it stands alone."""
    if ANY_CALL in rule.scenarios:
        return "any whole call, which pytest --endpoint plays"
    if Dialect.VAPI_SERVER_MESSAGES in rule.dialects:
        names = [name.removeprefix("webhooks/") for name in rule.scenarios]
        return f"the messages {' or '.join(names)}, which check-webhook sends"
    return f"the scenario {' or '.join(rule.scenarios)}, which pytest --endpoint plays"


def _lines(rule: Rule) -> Iterator[Line]:
    yield Line(rule.id, "strong")
    yield Line(f"  {rule.statement}")
    is_softened = not rule.both and rule.standard is not None and Dialect.OPENAI_COMPATIBLE in rule.dialects
    softer = " (one step softer for openai_compatible)" if is_softened else ""
    for profile in Profile:
        level = rule.level_of(profile)
        told = level.name if level else "not part of it"
        yield Line(f"  {profile.value:<9} {told}{softer if profile is Profile.STANDARD else ''}")
    yield Line(f"  source    {rule.source}")
    if rule.origin is not None:
        yield Line(f"  added by  {rule.origin}")
    if rule.dialects != EVERY:
        yield Line(f"  dialects  {', '.join(sorted(rule.dialects))}")
    if rule.scenarios:
        yield Line(f"  shown by  {_shown_by(rule)}")
    yield Line(f"  mend      {rule.remedy}")
