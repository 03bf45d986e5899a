"""From calls to a judged run, and to what stands on paper of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from vapi_conformance.call_record import CallRecord
from vapi_conformance.call_scenario import ANY_CALL, all_call_scenarios
from vapi_conformance.endpoint import Endpoint, Opened
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.problems import Problem
from vapi_conformance.report.call_result import CallResult, call_result
from vapi_conformance.report.effect import heard_of, hearer
from vapi_conformance.report.run import Run
from vapi_conformance.rules import all_rules
from vapi_conformance.suite import be_sure_of
from vapi_conformance.verdict import Outcome, RuleResult, judge

__all__ = ["Judged", "judged", "owed"]

_NEVER_ASKED: Final = "the model was never asked"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Calls, and all rules over them."""

    results: tuple[CallResult, ...]
    run: Run
    advice: str | None = None
    """What to change in the set-up, where the first request was turned away."""

    @property
    def is_bad(self) -> bool:
        """A MUST is broken or was not shown, or no response came. That nothing was asked is the user's choice."""
        if self.run.unreachable is not None:
            return self.run.unreachable != _NEVER_ASKED
        return any(each.gates for each in self.run.results)


def judged(records: Sequence[CallRecord], endpoint: Endpoint, live: Opened) -> Judged:
    """Everything that the catalogue says about these calls."""
    by_call = [
        [
            Evidence(exchange=each, conditions=live.conditions, dialect=endpoint.dialect, call=record)
            for each in record.exchanges
        ]
        for record in records
    ]
    evidence = [each for call in by_call for each in call]
    names = {ANY_CALL, *(label.scenario for each in evidence if (label := each.exchange.label) is not None)}
    rules = [rule for rule in all_rules().values() if not rule.scenarios or names & set(rule.scenarios)]
    results = judge(rules, evidence, profile=endpoint.profile, dialect=endpoint.dialect)
    unreachable = _unreachable(evidence)
    return Judged(
        results=tuple(call_result(record, of) for record, of in zip(records, by_call, strict=True)),
        run=Run(
            target=live.target,
            profile=endpoint.profile,
            dialect=endpoint.dialect,
            results=owed(results, (record.name for record in records)),
            exchanges=len(evidence),
            heard=heard_of(evidence),
            hearer=hearer(evidence[0]) if evidence else "Vapi",
            lints=[str(lint) for lint in live.platform.lints()] if endpoint.name != "reference" else (),
            unreachable=unreachable,
        ),
        advice=_advice(evidence, live) if unreachable is None else None,
    )


def owed(results: Sequence[RuleResult], calls: Iterable[str]) -> list[RuleResult]:
    """Without what calls of a user's own did not show: only those of ours are made to show what rules are about."""
    ours = all_call_scenarios().keys() & set(calls)
    return [each for each in results if ours or each.outcome is not Outcome.UNTESTABLE]


def _unreachable(evidence: Sequence[Evidence]) -> str | None:
    if not evidence:
        return _NEVER_ASKED
    if any(each.exchange.response is not None for each in evidence):
        return None
    first = next((each.exchange for each in evidence if each.exchange.end is not End.CLOSED_BY_US), None)
    if first is None:
        return "no response was waited for"
    return f"{first.request.url} gave no response: {first.error or first.end.value}"


def _advice(evidence: Sequence[Evidence], live: Opened) -> str | None:
    if evidence[0].exchange.response is None:
        return None
    try:
        be_sure_of(evidence[0].exchange, has_key=live.has_key)
    except Problem as problem:
        return str(problem)
    return None
