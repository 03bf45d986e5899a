"""From evidence to outcomes: which rules were kept, which broken, which never shown; and what that makes of a run."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vapi_conformance.additions import one_sentence
from vapi_conformance.call_scenario import ANY_CALL, CALLS
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.rule import Level, Need, Profile, Rule, Violation

__all__ = ["Finding", "Outcome", "RuleResult", "Verdict", "judge", "judge_rule", "verdict_of"]


class Outcome(StrEnum):
    """The result of checking one rule; never two at once."""

    PASSED = "passed"
    VIOLATED = "violated"
    """The endpoint is at fault; the findings say how."""
    NOT_APPLICABLE = "not applicable"
    """About something optional that the endpoint does not claim."""
    UNTESTABLE = "untestable"
    """Needed, but never shown to us: red, not grey."""
    UNREACHABLE = "unreachable"
    """No exchange at all: nothing that would show it got a response."""
    HARNESS_ERROR = "harness error"
    """A rule failed to run: our bug, or that of whoever brought the rule (`Rule.origin`)."""


class Verdict(StrEnum):
    """What a whole run comes to."""

    CONFORMANT = "conformant"
    VIOLATED = "violated"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A violation with the exchange that shows it."""

    violation: Violation
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """One rule's outcome over all exchanges."""

    rule: Rule
    level: Level
    outcome: Outcome
    judged: int = 0
    """Exchanges, or attempts at a scenario, on which the rule was judged."""
    broken: int = 0
    """How many of those broke it: `broken` of `judged`."""
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    """Why it is not applicable, untestable, unreachable, or our bug."""

    @property
    def gates(self) -> bool:
        """Whether it keeps the run from being conformant."""
        if self.outcome is Outcome.HARNESS_ERROR:
            return True
        return self.level is Level.MUST and self.outcome not in (Outcome.PASSED, Outcome.NOT_APPLICABLE)


def judge(
    rules: Iterable[Rule], evidence: Sequence[Evidence], *, profile: Profile, dialect: Dialect
) -> list[RuleResult]:
    """One result per rule that the profile has, in the order given."""
    return [judge_rule(rule, level, evidence) for rule in rules if (level := rule.level(profile, dialect)) is not None]


def judge_rule(rule: Rule, level: Level, evidence: Sequence[Evidence]) -> RuleResult:
    """A rule that fails to run is our bug and is reported as ours; one of a third party's, as theirs."""
    groups = list(_groups(rule, evidence))
    findings: list[Finding] = []
    judged = broken = 0
    lacking: set[Need] = set()
    whole = False
    why = ""
    for group in groups:
        try:
            if missing := {need for each in group for need in rule.needs if not _has(need, each)}:
                lacking |= missing
                continue
            whole = True
            if not rule.applies(group):
                why = why or (rule.why_unjudged(group) if rule.why_unjudged is not None else "")
                continue
            found = [Finding(violation=each, evidence=group[each.step]) for each in rule.check(group)]
        except Exception as problem:  # noqa: BLE001 - whatever a rule raises is our bug, and the run goes on
            reason = f"{one_sentence(problem)} (on {group[0].exchange.source or 'an exchange'})"
            if rule.origin is not None:
                reason = f"a bug of {rule.origin}: {reason}"
            return RuleResult(rule=rule, level=level, outcome=Outcome.HARNESS_ERROR, judged=judged, reason=reason)
        judged += 1
        broken += bool(found)
        findings += found
    findings.sort(key=_was_to_be_refused)
    if judged:
        outcome = Outcome.VIOLATED if findings else Outcome.PASSED
        return RuleResult(
            rule=rule, level=level, outcome=outcome, judged=judged, broken=broken, findings=tuple(findings)
        )
    shown = [each for group in groups for each in group]
    # Where one had all that is needed, what others lack is not why: a live GET has no body, and lost none.
    lost = lacking if rule.scenarios or not whole else set[Need]()
    outcome, reason = _unjudged(rule, shown or evidence, played=bool(shown), lacking=lost, why=why)
    return RuleResult(rule=rule, level=level, outcome=outcome, reason=reason)


def _was_to_be_refused(finding: Finding) -> bool:
    """Ordinary turns are told first: what a caller meets, before what only a probe does."""
    label = finding.evidence.exchange.label
    return label is not None and label.expects != "answer"


def _unjudged(
    rule: Rule, evidence: Sequence[Evidence], *, played: bool, lacking: set[Need], why: str
) -> tuple[Outcome, str]:
    """evidence: what the rule was shown, or all there is where that is nothing. played: it was shown something.

    why: the rule's own words for what it missed in that.
    """
    if not any(each.exchange.response for each in evidence):
        words = next((each.exchange.error for each in evidence if each.exchange.error), None)
        return Outcome.UNREACHABLE, "no response came" + (f": {words}" if words else "")
    if lacking:
        return Outcome.NOT_APPLICABLE, f"the recording kept no {', '.join(sorted(lacking))}"
    names = rule.scenarios
    if names and played and rule.optional:
        return Outcome.NOT_APPLICABLE, why or "the endpoint offers nothing that shows it"
    if names and played:
        return Outcome.UNTESTABLE, why or f"no attempt at {', '.join(names)} showed what the rule is about"
    if names:
        wanted = "a whole call" if ANY_CALL in names else f"the scenario {' or '.join(names)}"
        return Outcome.NOT_APPLICABLE, f"needs {wanted}, which was not played"
    return Outcome.NOT_APPLICABLE, "no exchange shows what the rule is about"


def _groups(rule: Rule, evidence: Sequence[Evidence]) -> Iterator[Sequence[Evidence]]:
    """Single exchanges, or those of one attempt at one scenario. Exchanges without a response show nothing."""
    if not rule.scenarios:
        yield from ([each] for each in evidence if each.exchange.response is not None)
        return
    groups: defaultdict[tuple[str, int], list[Evidence]] = defaultdict(list)
    for each in evidence:
        label = each.exchange.label
        if label is not None and _is_of(rule, label.scenario, in_call=each.call is not None):
            groups[label.scenario, label.attempt].append(each)
    yield from groups.values()


def _is_of(rule: Rule, scenario: str, *, in_call: bool) -> bool:
    """Of a call only what knows the whole of it: one exchange alone does not say what happened around it."""
    if scenario.startswith(CALLS):
        return in_call and (scenario in rule.scenarios or ANY_CALL in rule.scenarios)
    return scenario in rule.scenarios


def _has(need: Need, evidence: Evidence) -> bool:
    capture = evidence.exchange.capture
    match need:
        case Need.FRAMING:
            return capture.body != "rebuilt"
        case Need.WIRE:
            return capture.body == "wire"
        case Need.HEADERS:
            return capture.headers != "assumed"
        case Need.TIMES:
            return evidence.is_timed
        case Need.REQUEST:
            return evidence.request is not None


def verdict_of(results: Iterable[RuleResult]) -> Verdict:
    """Violated when a MUST is broken; incomplete when one could not be shown, nothing was judged, or we failed."""
    judged = list(results)
    outcomes = {result.outcome for result in judged if result.level is Level.MUST}
    if Outcome.VIOLATED in outcomes:
        return Verdict.VIOLATED
    failed = any(result.outcome is Outcome.HARNESS_ERROR for result in judged)
    if failed or outcomes & {Outcome.UNTESTABLE, Outcome.UNREACHABLE} or not any(each.judged for each in judged):
        return Verdict.INCOMPLETE
    return Verdict.CONFORMANT
