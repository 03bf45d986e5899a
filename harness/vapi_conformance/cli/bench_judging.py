"""Load traffic before the judges: each answer that was kept, by every rule on single exchanges and by the platform;
each call that was kept whole, by the rules on any call.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from vapi_conformance.call_scenario import ANY_CALL
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.latency.played_calls import PlayedCall
from vapi_conformance.report.effect import heard_of
from vapi_conformance.rules import Profile, Rule, all_rules
from vapi_conformance.verdict import Outcome, RuleResult, judge

__all__ = ["Judgement", "judged"]

_LONGEST_S: Final = 20.0
"""For judging in all. What is left then is not judged, and the count says so."""


@dataclass(kw_only=True)
class Judgement:
    """What the judges said."""

    judged: int = 0
    """Answers."""
    calls: int = 0
    """Whole calls."""
    violations: Counter[str] = field(default_factory=Counter[str])
    """Answers, or calls, that broke each rule."""
    levels: dict[str, str] = field(default_factory=dict[str, str])
    """MUST, SHOULD or MAY, of the rules that were broken."""
    heard: Counter[str] = field(default_factory=Counter[str])
    faults: dict[str, None] = field(default_factory=dict[str, None])
    """Rules that failed to run: our bug."""


def judged(
    kept: Sequence[Evidence], calls: Sequence[PlayedCall] = (), *, profile: Profile, dialect: Dialect
) -> Judgement:
    """Pure but for the time it may take."""
    rules = [rule for rule in all_rules().values() if not rule.scenarios]
    found = Judgement()
    until = time.monotonic() + _LONGEST_S
    for evidence in kept:
        if found.judged and time.monotonic() > until:
            break
        found.judged += 1
        _count(judge(rules, [evidence], profile=profile, dialect=dialect), found)
        found.heard.update(heard_of([evidence]))
    for call in calls:
        if found.calls and time.monotonic() > until:
            break
        found.calls += 1
        group = call.group(found.calls)
        over_calls = [rule for rule in all_rules().values() if _is_over(rule, call)]
        _count(judge(over_calls, group, profile=profile, dialect=dialect), found)
    return found


def _is_over(rule: Rule, call: PlayedCall) -> bool:
    """Rules over one scenario count on what a load leaves out of it, but for those on callers who call at once."""
    return ANY_CALL in rule.scenarios or (bool(call.words) and call.scenario.label in rule.scenarios)


def _count(results: Sequence[RuleResult], found: Judgement) -> None:
    """Of one answer, or one call."""
    for result in results:
        if result.outcome is Outcome.VIOLATED:
            found.violations[result.rule.id] += 1
            found.levels[result.rule.id] = result.level.name
        elif result.outcome is Outcome.HARNESS_ERROR:
            found.faults[f"{result.rule.id}: {result.reason}"] = None
