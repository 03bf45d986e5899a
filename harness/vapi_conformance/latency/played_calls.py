"""Calls of a load that are kept whole, and what the judges of calls are shown of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from vapi_conformance.call.hearing import heard_by_vapi
from vapi_conformance.call_record import CallRecord, CallRequest, Ended, ToolRun
from vapi_conformance.call_scenario import CALLER_ENDED, CallScenario
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Label
from vapi_conformance.platforms.vapi import Caller, ToolCall

__all__ = ["PlayedCall", "weight_of"]

_MOST_BYTES: Final = 4 * 1024 * 1024
"""Of one call. A larger one is not kept."""
_BYTES_PER_READ: Final = 200
"""That Python takes beside what was read."""


def weight_of(evidence: Evidence) -> int:
    """About what it takes in memory."""
    exchange = evidence.exchange
    sent = exchange.request.body or b""
    return len(sent) + sum(len(read.data) + _BYTES_PER_READ for read in exchange.reads)


@dataclass(slots=True, kw_only=True)
class PlayedCall:
    """Grows with each turn until the call is over."""

    scenario: CallScenario
    call_id: str
    caller_data: tuple[str, ...]
    """See `CallRecord`."""
    word: str | None = None
    words: tuple[str, ...] = ()
    requests: list[CallRequest] = field(default_factory=list[CallRequest])
    answers: list[Evidence] = field(default_factory=list[Evidence])
    """In the order of `requests`."""
    tools: list[ToolRun] = field(default_factory=list[ToolRun])
    size_bytes: int = 0
    has_failed: bool = False
    """Its last answer was no sound one."""

    @classmethod
    def of(cls, caller: Caller, scenario: CallScenario, word: str, words: tuple[str, ...]) -> Self:
        """Nothing is said yet. word, words: this caller's own and all callers', where several call at once."""
        is_one_of_many = scenario.callers > 1
        return cls(
            scenario=scenario,
            call_id=caller.call_id,
            caller_data=(caller.number, caller.call_id),
            word=word if is_one_of_many else None,
            words=words if is_one_of_many else (),
        )

    def takes(self, evidence: Evidence, *, has_failed: bool) -> bool:
        """The answer to the newest request. False where the call is too large by now and has to be given up."""
        self.answers.append(replace(evidence))  # without what was worked out of it, which is larger than itself
        self.size_bytes += weight_of(evidence)
        self.has_failed = has_failed
        return self.size_bytes <= _MOST_BYTES

    def ran(self, calls: Sequence[ToolCall], *, at_ns: int, for_ns: int) -> None:
        """Tools that the newest answer called, side by side."""
        exchange = len(self.answers) - 1
        for call in calls:
            run = ToolRun(
                id=call.id,
                name=call.name,
                arguments=call.arguments,
                result=call.result,
                started_ns=at_ns,
                ended_ns=at_ns + for_ns,
                exchange=exchange,
            )
            self.tools.append(run)

    def group(self, number: int) -> Sequence[Evidence]:
        """As if it had been played alone: all its exchanges, up to the one at which Vapi would have ended the call.

        number: other calls of the same judgement have others. What a scenario expects of a call's end is left out,
        because a load leaves out what leads there.
        """
        ended, count = self._ended()
        label = self.scenario.label
        exchanges = tuple(
            replace(
                each.exchange,
                label=Label(scenario=label, step=f"turn-{request.turn}.{request.number + 1}", attempt=number),
            )
            for request, each in zip(self.requests[:count], self.answers[:count], strict=True)
        )
        record = CallRecord(
            name=self.scenario.name,
            call_id=self.call_id,
            clock="real",
            scenario=self.scenario.document,
            word=self.word,
            words=self.words,
            requests=tuple(self.requests[:count]),
            exchanges=exchanges,
            tools=tuple(run for run in self.tools if run.exchange < count),
            ended=ended,
            expects_ended=ended.reasons,
            caller_data=self.caller_data,
        )
        answers = zip(self.answers[:count], exchanges, strict=True)
        return [replace(each, exchange=exchange, call=record) for each, exchange in answers]

    def _ended(self) -> tuple[Ended, int]:
        """Why, and after how many answers."""
        for count, each in enumerate(self.answers, 1):
            outcome = heard_by_vapi(each).consequence
            if outcome.ended_reasons:
                at_ns = self.requests[count - 1].at_ns
                return Ended(
                    at_ns=at_ns,
                    by="endpoint",
                    reasons=outcome.ended_reasons,
                    sureness=outcome.sureness,
                    text=outcome.text,
                ), count
        return Ended(
            at_ns=self.requests[-1].at_ns,
            by="caller",
            reasons=(CALLER_ENDED,),
            sureness="documented",
            text="Everything of the scenario was said.",
        ), len(self.answers)
