"""For whoever writes rules in a distribution of their own: prove that a rule catches, and that it does not cry wolf."""

from collections.abc import Collection, Sequence

from vapi_conformance.evidence import Evidence
from vapi_conformance.rules import Rule, own_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.rules.third_party import vetted
from vapi_conformance.specimens import Specimen, specimen_in
from vapi_conformance.verdict import Outcome, RuleResult, judge_rule

__all__ = ["Specimen", "load_specimen", "prove"]


def load_specimen(rule_id: str, package: str) -> Specimen:
    """A package's stored example `specimens/RULE.json`; its `broken_evidence()`, `sound_evidence()` are for `prove`.

    Raises FileNotFoundError where there is none, ValueError for one that cannot be read.
    """
    return specimen_in(package, rule_id)


def prove(rule: Rule, broken: Sequence[Evidence], sound: Sequence[Evidence], *, also: Collection[str] = ()) -> None:
    """Raises AssertionError unless the rule is violated by `broken` and passed by `sound`; both have to show it.

    Of our own rules `broken` may break none, or the example shows something else as well, and `sound` none at all.
    also: those of ours that `broken` cannot help breaking.
    """
    try:
        known = vetted(rule)
    except ValueError as problem:
        raise AssertionError(f"it cannot be installed: {problem}") from problem
    for what, evidence, wanted in (("broken", broken, Outcome.VIOLATED), ("sound", sound, Outcome.PASSED)):
        if not evidence:
            raise AssertionError(f"{rule.id}: the {what} example has no exchange")
        strangers = {each.dialect for each in evidence} - rule.dialects
        if strangers:
            raise AssertionError(f"{rule.id} is not about {', '.join(sorted(strangers))}, which the {what} example is")
        found = judge_rule(known, MUST, evidence)
        if found.outcome is not wanted:
            raise AssertionError(f"{rule.id}: the {what} example is {_told(found)}")
        others = _ours_broken_by(evidence) - set(also if what == "broken" else ())
        if others:
            raise AssertionError(f"{rule.id}: the {what} example breaks {', '.join(sorted(others))}, too")


def _told(found: RuleResult) -> str:
    why = found.reason or "; ".join(each.violation.actual for each in found.findings)
    return f"{found.outcome.value}{f': {why}' if why else ''}"


def _ours_broken_by(evidence: Sequence[Evidence]) -> set[str]:
    """Those of Rapida alone are about one client library, and most sound answers break some."""
    dialects = {each.dialect for each in evidence}
    rules = [
        each
        for each in own_rules().values()
        if dialects <= each.dialects and not (each.standard is None and each.vapi is None)
    ]
    return {each.id for each in rules if judge_rule(each, MUST, evidence).outcome is Outcome.VIOLATED}
