"""A judged run: everything that a report says, whoever prints it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.rule import Level, Profile
from vapi_conformance.verdict import Outcome, RuleResult, Verdict, verdict_of

__all__ = ["Run", "Target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who was judged, for people. No secrets."""

    name: str
    """URL as given, `reference`, or the file of a recording."""
    url: str | None = None
    """Where requests went."""
    platform: str = "vapi"
    model: str | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """Results in the catalogue's order."""

    target: Target
    profile: Profile
    dialect: Dialect
    results: Sequence[RuleResult]
    exchanges: int
    duration_s: float | None = None
    heard: Mapping[str, int] = field(default_factory=dict[str, int])
    """What `hearer` would make of the streamed answers: heard, silence, tool-call, ...; how many each."""
    hearer: str = "Vapi"
    """Who hears, for people."""
    lints: Sequence[str] = ()
    """Remarks on the user's configuration."""
    recognised: str | None = None
    """How the dialect of a recording was known; None where the user named it."""
    flavour: str | None = None
    """Whose server this looks like, and why; None where nothing tells."""
    unreachable: str | None = None
    """Why there was nothing to judge, one sentence."""
    evidence: Sequence[Evidence] = field(default=(), repr=False)
    """What was judged, where it is told one by one."""

    @cached_property
    def verdict(self) -> Verdict:
        """What the run comes to."""
        return Verdict.INCOMPLETE if self.unreachable else verdict_of(self.results)

    def broken(self, level: Level) -> list[RuleResult]:
        """Results of that level that did not pass, but for what does not apply."""
        return [
            each
            for each in self.results
            if each.level is level and each.outcome not in (Outcome.PASSED, Outcome.NOT_APPLICABLE)
        ]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many rules came to each outcome."""
        counted = Counter(each.outcome for each in self.results)
        return {outcome.value: counted[outcome] for outcome in Outcome}
