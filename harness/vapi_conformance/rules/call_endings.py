"""How calls end: not by a failure, but by endCall, by a transfer, or by the caller."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.call.tools import END_CALL, TRANSFER, destination
from vapi_conformance.call_record import CallRecord
from vapi_conformance.call_scenario import ANY_CALL
from vapi_conformance.dialects.names import CHAT
from vapi_conformance.narrow import array_or_none, array_or_nothing, integer_or_none, object_or_nothing, string_or_none
from vapi_conformance.platforms.vapi import ToolCall
from vapi_conformance.rules.call_frames import bare_call
from vapi_conformance.rules.call_steps import CallStep, Group, call_of, call_steps
from vapi_conformance.rules.called import calls_of
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, scenario_rule

__all__ = [
    "end_call_is_asked_for",
    "ends_as_expected",
    "no_answer_ends_the_call",
    "transfer_is_a_tool_call",
    "transfer_names_a_destination",
]

_TRANSFERS: Final = ("calls/transfer-to-a-number", "calls/transfer-to-an-assistant", "calls/transfer-as-documented")
_NO_TRANSFER: Final = "the agent did not transfer the call when it was asked to"
_BY_ASSISTANT: Final = frozenset({"assistant-ended-call", "assistant-forwarded-call", "assistant-said-end-call-phrase"})
"""Endings that need a tool call, which rules of their own look for, or a phrase, which a model need not repeat."""


def _failed(group: Group) -> CallRecord | None:
    """The call, where an answer ended it that nobody could use; what Vapi's own guide shows has a rule of its own."""
    call = call_of(group)
    return call if call is not None and call.ended.by == "endpoint" and bare_call(group[-1]) is None else None


@scenario_rule(
    "call.no-answer-ends-the-call",
    scenarios=[ANY_CALL],
    dialects=CHAT,
    standard=SHOULD,
    vapi=MUST,
    rapida=None,
    source="Vapi: ended reasons by status (documented) and for timeouts and chunks that cannot be read "
    "(observed, inferred)",
    catalogue=["VAPI-11"],
    remedy="Answer in words also when something of yours fails: to Vapi an error in the middle of a call is its end.",
    applies=lambda group: call_of(group) is not None,
)
def no_answer_ends_the_call(group: Group) -> Iterator[Violation]:
    """No answer makes Vapi end the call, however long the call has lasted."""
    call = _failed(group)
    if call is not None:
        yield Violation(
            expected="an answer that the call can go on with",
            actual=f"the call ends with {quote(call.ended.reasons[0])} ({call.ended.sureness}): {call.ended.text}",
            step=len(group) - 1,
        )


@scenario_rule(
    "call.ends-as-expected",
    scenarios=[ANY_CALL],
    dialects=CHAT,
    standard=None,
    vapi=SHOULD,
    rapida=None,
    source="Vapi (documented): endCall, endCallPhrases and the silence timeout end a call",
    catalogue=["VAPI-10"],
    remedy="Call endCall and transferCall when the caller wants that, and say an end phrase only when you mean it.",
    applies=lambda group: _its_ending(group) is not None,
)
def ends_as_expected(group: Group) -> Iterator[Violation]:
    """A call ends as it would with a sound endpoint, and not before the caller is done."""
    call = _its_ending(group)
    if call is not None and not set(call.ended.reasons) & set(call.expects_ended):
        yield Violation(
            expected=f"the call to end with {quote(' or '.join(call.expects_ended))}",
            actual=f"{quote(call.ended.reasons[0])}: {call.ended.text}",
            step=len(group) - 1,
        )


def _its_ending(group: Group) -> CallRecord | None:
    """The call, where its end is nobody else's concern: no failure, and no tool or phrase that never came."""
    call = call_of(group)
    if call is None or call.ended.by == "endpoint":
        return None
    was_left = call.ended.by in ("caller", "platform")
    return None if was_left and _BY_ASSISTANT & set(call.expects_ended) else call


def _is_last_attempt(call: CallRecord, group: Group) -> bool:
    label = group[0].exchange.label
    return label is None or label.attempt >= (integer_or_none(call.scenario.get("tries")) or 1)


def _could_hang_up(group: Group) -> bool:
    """It did, or this was the last attempt at getting it to. A call that failed before shows neither."""
    call, steps = call_of(group), call_steps(group)
    if call is None:
        return False
    hung_up = any(run.name == END_CALL for run in call.tools)
    return hung_up or (_is_last_attempt(call, group) and steps[-1].is_heard and call.ended.by != "endpoint")


@scenario_rule(
    "call.end-call-is-asked-for",
    scenarios=["calls/end-call", "calls/voicemail"],
    dialects=CHAT,
    standard=None,
    vapi=SHOULD,
    rapida=None,
    source="Vapi (documented): endCall is attached as a tool, and a streamed call of it ends the call",
    catalogue=["VAPI-10"],
    remedy="Offer the model all tools of the request; when it is time to hang up, stream a tool call named endCall.",
    applies=_could_hang_up,
)
def end_call_is_asked_for(group: Group) -> Iterator[Violation]:
    """Asked to end the call, with the tool endCall at hand, the assistant calls it."""
    call = call_of(group)
    if call is not None and all(run.name != END_CALL for run in call.tools):
        last = call_steps(group)[-1]
        names = ", ".join(quote(each.name or "") for each in calls_of(last.evidence))
        yield Violation(
            expected=f"a call of {END_CALL}",
            actual=f"calls of {names}" if names else f"the answer is {quote(last.text)}, and the line stays open",
            step=last.place,
        )


def _places(step: CallStep) -> tuple[str, ...] | None:
    """Where a call may be transferred to, as the request offers it; None where it does not say."""
    for tool in step.evidence.request.tools if step.evidence.request is not None else ():
        if tool.name == TRANSFER:
            properties = object_or_nothing(object_or_nothing(tool.parameters).get("properties"))
            names = array_or_none(object_or_nothing(properties.get("destination")).get("enum"))
            return None if names is None else tuple(each for each in names if isinstance(each, str))
    return None


def _transfers(group: Group) -> Iterator[tuple[CallStep, tuple[str, ...], str | None]]:
    """Each call of transferCall, with the places that were offered and the one that it names."""
    call = call_of(group)
    tools = (object_or_nothing(each) for each in array_or_nothing(call.scenario.get("tools") if call else None))
    written = [
        place
        for tool in tools
        if tool.get("name") == TRANSFER
        for each in array_or_nothing(tool.get("destinations"))
        if (place := string_or_none(each)) is not None
    ]
    for step in call_steps(group):
        for each in calls_of(step.evidence):
            if each.name == TRANSFER:
                named = destination(ToolCall(id=each.id or "", name=TRANSFER, arguments=each.arguments or "{}"))
                yield step, _places(step) or tuple(written), named


def _is_same_place(one: str, other: str) -> bool:
    """Whatever blanks and dashes a number has, and in whatever case a name is written."""
    return _bare(one) == _bare(other)


def _bare(place: str) -> str:
    return "".join(each for each in place.casefold() if each.isalnum())


@scenario_rule(
    "call.transfer-names-a-destination",
    scenarios=_TRANSFERS,
    dialects=CHAT,
    standard=None,
    vapi=MUST,
    rapida=None,
    source="Vapi (documented): transferCall with a number or an assistant's name out of `destinations`; "
    "that Vapi connects to no other place is inferred",
    catalogue=["VAPI-10"],
    remedy="Give `destination` one of the values that the tool's parameters list.",
    needs=[Need.REQUEST],
    optional=True,
    applies=lambda group: any(places for _, places, _ in _transfers(group)),
    why_unjudged=lambda _: _NO_TRANSFER,
)
def transfer_names_a_destination(group: Group) -> Iterator[Violation]:
    """transferCall names one of the places that were offered."""
    for step, places, named in _transfers(group):
        if places and not any(_is_same_place(named or "", place) for place in places):
            yield Violation(
                expected=f"one of {', '.join(map(quote, places))}",
                actual=f"the destination {quote(named)}" if named is not None else "no destination",
                step=step.place,
            )


@scenario_rule(
    "call.transfer-is-a-tool-call",
    scenarios=_TRANSFERS,
    dialects=CHAT,
    standard=None,
    vapi=MUST,
    rapida=None,
    source="Vapi's guide prints a bare frame `function_call` (documented), and its client "
    "fails on it with `chunk.choices is not iterable` (observed, SUP:26975041)",
    catalogue=["VAPI-10"],
    remedy='Stream `choices[0].delta.tool_calls` with the name transferCall and finish_reason "tool_calls".',
    optional=True,
    applies=lambda group: any(_transfers(group)) or any(bare_call(each) for each in group),
    why_unjudged=lambda _: _NO_TRANSFER,
)
def transfer_is_a_tool_call(group: Group) -> Iterator[Violation]:
    """A transfer is asked for by a tool call, and not by a frame without `choices` as in Vapi's guide."""
    for step, evidence in enumerate(group):
        frame = bare_call(evidence)
        if frame is not None:
            yield Violation.at(
                frame,
                expected="a tool call in `choices[0].delta`",
                actual="a frame `function_call` without it",
                step=step,
            )
