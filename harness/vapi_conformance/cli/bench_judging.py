"""Load traffic before the judges: each answer that was kept, by every rule on single exchanges and by the platform."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.report.effect import heard_of
from vapi_conformance.rules import Profile, all_rules
from vapi_conformance.verdict import Outcome, judge

__all__ = ["Judgement", "judged"]

_LONGEST_S: Final = 20.0
"""For judging in all. What is left then is not judged, and the count says so."""


@dataclass(kw_only=True)
class Judgement:
    """What the judges said."""

    judged: int = 0
    violations: Counter[str] = field(default_factory=Counter[str])
    """Answers that broke each rule."""
    levels: dict[str, str] = field(default_factory=dict[str, str])
    """MUST, SHOULD or MAY, of the rules that were broken."""
    heard: Counter[str] = field(default_factory=Counter[str])
    faults: dict[str, None] = field(default_factory=dict[str, None])
    """Rules that failed to run: our bug."""


def judged(kept: Sequence[Evidence], *, profile: Profile, dialect: Dialect) -> Judgement:
    """Pure but for the time it may take."""
    rules = [rule for rule in all_rules().values() if not rule.scenarios]
    found = Judgement()
    until = time.monotonic() + _LONGEST_S
    for evidence in kept:
        if found.judged and time.monotonic() > until:
            break
        found.judged += 1
        for result in judge(rules, [evidence], profile=profile, dialect=dialect):
            if result.outcome is Outcome.VIOLATED:
                found.violations[result.rule.id] += 1
                found.levels[result.rule.id] = result.level.name
            elif result.outcome is Outcome.HARNESS_ERROR:
                found.faults[f"{result.rule.id}: {result.reason}"] = None
        found.heard.update(heard_of([evidence]))
    return found
