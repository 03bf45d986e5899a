"""The requests of a call, each in its place and with its answer, as rules over calls look at them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from vapi_conformance.call_record import CallRecord, CallRequest, ToolRun
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none
from vapi_conformance.rules.called import has_calls
from vapi_conformance.rules.heeding import is_answered
from vapi_conformance.rules.prompt_words import folded, message_texts, stands_within, told_to_say

__all__ = ["CallStep", "Group", "asked_for_code_word", "asks", "call_of", "call_steps", "repeats", "tool_runs"]

Group = Sequence[Evidence]

_MOST_SPOKEN: Final = 20_000
"""Characters of an answer that are compared: more than twenty minutes of speech. What is longer is not heard out, and
comparing it with every request of a call would take time that a hostile endpoint could choose."""


@dataclass(frozen=True, kw_only=True)
class CallStep:
    """One request of a call, and what came of it."""

    place: int
    """Its position in the group, which a violation names as its step."""
    evidence: Evidence
    request: CallRequest
    is_dropped: bool
    """The caller's words changed afterwards: nobody hears this answer, whole or not."""

    @cached_property
    def text(self) -> str:
        """The words of the answer, as far as anybody listens."""
        return self.evidence.transcript.text[:_MOST_SPOKEN]

    @cached_property
    def folded_text(self) -> str:
        """The words of the answer, to be compared."""
        return folded(self.text)

    @cached_property
    def is_answered(self) -> bool:
        """A whole answer came, and we did not hang up on it."""
        return self.request.closed is None and is_answered(self.evidence)

    @property
    def is_heard(self) -> bool:
        """A whole answer that the caller hears, if it has words."""
        return self.is_answered and not self.is_dropped

    @property
    def is_spoken(self) -> bool:
        """Words that the caller hears to the end."""
        return self.is_heard and bool(self.text.strip())

    @property
    def calls_tools(self) -> bool:
        """Whether a tool is called."""
        return has_calls(self.evidence)

    @cached_property
    def told(self) -> str | None:
        """What the caller asked to have said word for word."""
        return told_to_say(self.evidence.request)

    @cached_property
    def heard_text(self) -> str:
        """What the caller said last, as the request has it."""
        texts = tuple(message_texts(self.evidence.request, "user")) if self.evidence.request else ()
        return texts[-1] if texts else ""

    def says(self, words: str) -> bool:
        """Whether the answer has these words in this order and nothing between them."""
        return stands_within(self.folded_text, folded(words))

    @cached_property
    def results(self) -> Mapping[str, str]:
        """What the request tells of tools, by the id of the call."""
        request = self.evidence.request
        sent = array_or_nothing(request.body.get("messages") if request is not None else None)
        messages = (object_or_nothing(each) for each in sent)
        return {
            call_id: content
            for each in messages
            if each.get("role") == "tool"
            and (call_id := string_or_none(each.get("tool_call_id"))) is not None
            and (content := string_or_none(each.get("content"))) is not None
        }


def call_of(group: Group) -> CallRecord | None:
    """The call that these exchanges make; None where they are not all of it."""
    call = group[0].call if group else None
    return call if call is not None and len(call.requests) == len(group) else None


def call_steps(group: Group) -> tuple[CallStep, ...]:
    """In order; empty where the exchanges are not those of one whole call."""
    call = call_of(group)
    if call is None:
        return ()
    newest = {request.turn: at for at, request in enumerate(call.requests) if request.why == "heard-again"}
    return tuple(
        CallStep(place=at, evidence=each, request=request, is_dropped=newest.get(request.turn, -1) > at)
        for at, (each, request) in enumerate(zip(group, call.requests, strict=True))
    )


def tool_runs(group: Group) -> list[ToolRun]:
    """Those that an answer of the call asked for; a stored call may say anything."""
    call = call_of(group)
    return [] if call is None else [run for run in call.tools if run.exchange < len(group)]


def repeats(steps: Sequence[CallStep]) -> bool:
    """Whether some answer says what this or another request of the call tells it to."""
    told = {step.told for step in steps if step.told is not None}
    return any(step.says(words) for step in steps for words in told)


def asks(step: CallStep, question: str) -> bool:
    """Whether the caller's last words hold this question."""
    return stands_within(folded(step.heard_text), question)


def asked_for_code_word(step: CallStep) -> bool:
    """Whether the caller wants to know their code word."""
    return asks(step, "what is my code word")
