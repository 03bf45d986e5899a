"""The order of a streamed answer: role, deltas, one finish reason per choice, end marker; and nothing out of place.

What is out of order comes from the dialect's table (`dialects.chat.answer.TRANSITIONS`).
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final

from vapi_conformance.dialects.chat.answer import Signal, State
from vapi_conformance.dialects.names import CHAT
from vapi_conformance.dialects.transcript import Choice, OutOfOrder
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_none, object_or_nothing
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.streamed import SentDelta, is_chat_stream, is_whole_stream, sent_deltas

__all__ = [
    "done_is_exact",
    "done_is_last",
    "done_is_sent_once",
    "ends_with_done",
    "every_choice_finishes",
    "finish_delta_is_empty",
    "finish_reason_is_sent",
    "finish_reason_is_sent_once",
    "first_delta_has_role",
    "nothing_after_error",
    "nothing_after_finish",
    "role_is_not_repeated",
]

_EXAMPLE: Final = "openai-openapi 2.3.0, createChatCompletion, streaming example"
_FINISH: Final = "openai-openapi 2.3.0, CreateChatCompletionStreamResponse.choices[].finish_reason"
_DONE: Final = "openai-openapi 2.3.0, CreateChatCompletionRequest.stream: the stream ends with data: [DONE]"

_DELTA_KEYS: Final = ("content", "refusal", "tool_calls", "function_call", "reasoning_content", "reasoning")


@rule(
    "chat-stream.first-delta-has-role",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=_EXAMPLE,
    catalogue=["CHAT-STREAM-10", "CHAT-STREAM-23"],
    remedy='Begin each choice with a delta that has "role": "assistant".',
    applies=is_chat_stream,
)
def first_delta_has_role(evidence: Evidence) -> Iterator[Violation]:
    """The first delta of each choice has the role assistant."""
    first: dict[int, SentDelta] = {}
    for sent in sent_deltas(evidence):
        if sent.delta is not None:
            first.setdefault(sent.choice, sent)
    unread = next((chunk.index for chunk in evidence.transcript.chunks if chunk.record is None), None)
    for index, sent in first.items():
        role = object_or_nothing(sent.delta).get("role")
        # A payload before it that cannot be read may have held the role.
        if role == "assistant" or (unread is not None and unread < sent.chunk.index):
            continue
        yield Violation.at(
            sent.chunk,
            expected="role assistant in the first delta",
            actual=f"choice {index} begins with {'no role' if role is None else f'role {describe(role)}'}",
        )


@rule(
    "chat-stream.role-is-not-repeated",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    source=_EXAMPLE,
    catalogue=["CHAT-STREAM-11"],
    remedy="Send the role with the first delta of a choice only.",
    applies=is_chat_stream,
)
def role_is_not_repeated(evidence: Evidence) -> Iterator[Violation]:
    """The role of a choice is sent once."""
    for choice in evidence.transcript.choices:
        roles = [role for role in choice.roles if role.chunk < _end(evidence)]
        if len(roles) > 1:
            yield Violation.at(
                evidence.transcript.chunks[roles[1].chunk],
                expected="the role on the first delta only",
                actual=f"choice {choice.index} has it {len(roles)} times",
            )


@rule(
    "chat-stream.finish-reason-is-sent",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    source=_FINISH,
    catalogue=["CHAT-STREAM-14"],
    remedy='Finish the choice with {"delta": {}, "finish_reason": "stop"}, or whatever the reason is.',
    applies=lambda evidence: is_whole_stream(evidence) and bool(evidence.transcript.choices),
)
def finish_reason_is_sent(evidence: Evidence) -> Iterator[Violation]:
    """A stream says why the answer ended."""
    if not any(choice.finishes for choice in evidence.transcript.choices):
        last = evidence.answer_chunks[-1]
        yield Violation.at(last, expected="a finish_reason before the end", actual="none on any chunk")


@rule(
    "chat-stream.every-choice-finishes",
    dialects=CHAT,
    standard=MUST,
    vapi=MAY,
    source=_FINISH,
    catalogue=["CHAT-STREAM-23"],
    remedy="Send a finish_reason for every index that was begun.",
    applies=lambda evidence: is_whole_stream(evidence) and len(evidence.transcript.choices) > 1,
)
def every_choice_finishes(evidence: Evidence) -> Iterator[Violation]:
    """Where a stream holds several choices, each of them gets its own finish reason."""
    choices = evidence.transcript.choices
    finished = sum(1 for choice in choices if choice.finishes)
    if 0 < finished < len(choices):
        names = ", ".join(str(choice.index) for choice in choices[:100] if not choice.finishes)
        yield Violation.at(
            evidence.answer_chunks[-1],
            expected=f"a finish_reason for each of {len(choices)} choices",
            actual=f"{finished} of them finish; without one: {quote(names)}",
        )


@rule(
    "chat-stream.finish-reason-is-sent-once",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    source=_FINISH,
    catalogue=["CHAT-STREAM-14"],
    remedy="Send the finish_reason on the chunk that finishes the choice and null on all others.",
    applies=is_chat_stream,
)
def finish_reason_is_sent_once(evidence: Evidence) -> Iterator[Violation]:
    """A choice has one finish reason."""
    chunks = evidence.transcript.chunks
    reasons = {
        (choice.index, finish.chunk): finish.value
        for choice in evidence.transcript.choices
        for finish in choice.finishes
    }
    return at_most(
        Violation.at(
            chunks[fault.chunk],
            expected="one finish_reason",
            actual=f"choice {fault.choice} was finished and is finished again: {describe(reason)}",
        )
        for fault in _after_finish(evidence, Signal.FINISH_REASON)
        # An empty one breaks chat-stream.finish-reason-is-known.
        if (reason := reasons.get((fault.choice, fault.chunk)))
    )


@rule(
    "chat-stream.nothing-after-finish",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    source=_FINISH,
    catalogue=["CHAT-STREAM-16"],
    remedy="Send the finish_reason after the last piece of text or tool call.",
    applies=is_chat_stream,
)
def nothing_after_finish(evidence: Evidence) -> Iterator[Violation]:
    """Nothing of a choice follows its finish reason."""
    chunks = evidence.transcript.chunks
    return at_most(
        Violation.at(
            chunks[fault.chunk],
            expected="no text and no tool call after the finish_reason",
            actual=f"choice {fault.choice} goes on after it was finished",
        )
        for fault in _after_finish(evidence, Signal.DELTA)
    )


def _after_finish(evidence: Evidence, signal: Signal) -> Iterator[OutOfOrder]:
    """This signal where the choice had been finished, and not merely by an empty reason."""
    finished = _first_finishes(evidence.transcript.choices)
    errors = frozenset(evidence.transcript.errors)
    for fault in evidence.transcript.out_of_order:
        if fault.state != State.FINISHED or fault.signal != signal or fault.chunk in errors:
            continue
        if fault.chunk > finished.get(fault.choice, fault.chunk):
            yield fault


def _first_finishes(choices: tuple[Choice, ...]) -> Mapping[int, int]:
    """Choice to the chunk of its first finish reason that is not empty."""
    return {
        choice.index: chunk
        for choice in choices
        if (chunk := next((finish.chunk for finish in choice.finishes if finish.value), None)) is not None
    }


def _end(evidence: Evidence) -> int:
    """Chunks from this one on come after the end marker, which has a rule of its own."""
    transcript = evidence.transcript
    return transcript.markers[0].position if transcript.markers else len(transcript.chunks)


@rule(
    "chat-stream.finish-delta-is-empty",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MAY,
    rapida=MUST,
    source=_EXAMPLE,
    catalogue=["CHAT-STREAM-15"],
    remedy='Send the finish_reason on a chunk of its own with "delta": {}; an empty "content" there keeps some clients '
    "from completing the turn.",
    applies=is_chat_stream,
)
def finish_delta_is_empty(evidence: Evidence) -> Iterator[Violation]:
    """The delta that comes with the finish reason is empty."""
    return at_most(
        Violation.at(
            sent.chunk,
            expected="an empty delta beside the finish_reason",
            actual=f"{held} in it",
        )
        for sent in sent_deltas(evidence)
        if sent.fields.get("finish_reason") and (held := _held(sent.delta or {}))
    )


def _held(delta: Mapping[str, object]) -> str:
    """What of an answer a delta holds; null is nothing, and an empty list of calls has a rule of its own."""
    keys = [key for key in _DELTA_KEYS if delta.get(key) is not None and array_or_none(delta[key]) != []]
    return ", ".join(f'{key} ""' if delta[key] == "" else key for key in keys)


@rule(
    "chat-stream.ends-with-done",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    rapida=MAY,
    source=_DONE,
    catalogue=["CHAT-STREAM-17", "VAPI-4"],
    remedy="Send `data: [DONE]` and an empty line after the last chunk.",
    needs=[Need.FRAMING],
    applies=is_whole_stream,
)
def ends_with_done(evidence: Evidence) -> Iterator[Violation]:
    """The stream ends with `data: [DONE]`."""
    # A marker that is there but framed wrongly (`Data: [DONE]`) is the fault of its framing.
    if not evidence.transcript.markers and not evidence.body.rstrip().endswith(b"[DONE]"):
        last = evidence.transcript.chunks[-1]
        yield Violation.at(last, expected="data: [DONE] after the last chunk", actual="the stream ends without it")


@rule(
    "chat-stream.done-is-last",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    source=_DONE,
    catalogue=["CHAT-STREAM-18"],
    remedy="Send everything, usage too, before `data: [DONE]`.",
    needs=[Need.FRAMING],
    applies=lambda evidence: is_chat_stream(evidence) and bool(evidence.transcript.markers),
)
def done_is_last(evidence: Evidence) -> Iterator[Violation]:
    """No chunk follows `[DONE]`."""
    late = evidence.transcript.chunks[_end(evidence) :]
    if late:
        yield Violation.at(late[0], expected="[DONE] after the last chunk", actual=f"{len(late)} chunks after it")


@rule(
    "chat-stream.done-is-sent-once",
    dialects=CHAT,
    standard=MUST,
    vapi=SHOULD,
    source=_DONE,
    catalogue=["CHAT-STREAM-18"],
    remedy="Send `data: [DONE]` in one place only; a proxy that adds its own must drop the backend's.",
    needs=[Need.FRAMING],
    applies=lambda evidence: is_chat_stream(evidence) and bool(evidence.transcript.markers),
)
def done_is_sent_once(evidence: Evidence) -> Iterator[Violation]:
    """The end marker is sent once."""
    markers = evidence.transcript.markers
    if len(markers) > 1:
        second = markers[1]
        yield Violation(
            expected="one [DONE]",
            actual=f"{len(markers)} of them",
            start=second.start,
            end=second.end,
            at_ns=second.at_ns,
        )


@rule(
    "chat-stream.done-is-exact",
    dialects=CHAT,
    standard=MUST,
    vapi=MUST,
    source=_DONE,
    catalogue=["CHAT-STREAM-18"],
    remedy="Send exactly `data: [DONE]`: no quotation marks, capital letters, nothing behind it.",
    needs=[Need.FRAMING],
    applies=lambda evidence: is_chat_stream(evidence) and bool(evidence.transcript.markers),
)
def done_is_exact(evidence: Evidence) -> Iterator[Violation]:
    """The end marker is exactly `[DONE]`."""
    return at_most(
        Violation(
            expected="[DONE] to the letter",
            actual=quote(marker.text),
            start=marker.start,
            end=marker.end,
            at_ns=marker.at_ns,
        )
        for marker in evidence.transcript.markers
        if not marker.exact
    )


@rule(
    "chat-stream.nothing-after-error",
    dialects=CHAT,
    standard=SHOULD,
    vapi=SHOULD,
    source="openai-python, src/openai/_streaming.py: a client stops reading at the error",
    catalogue=["CHAT-STREAM-21"],
    remedy="Close the stream after the error.",
    applies=is_chat_stream,
)
def nothing_after_error(evidence: Evidence) -> Iterator[Violation]:
    """No text and no tool call follows an error."""
    transcript = evidence.transcript
    if not transcript.errors:
        return
    late = [
        at
        for choice in transcript.choices
        for at in chain(
            (delta.chunk for delta in chain(choice.content, choice.refusal)),
            (fragment.chunk for call in choice.tool_calls for fragment in call.fragments),
        )
        if transcript.errors[0] < at < _end(evidence)
    ]
    if late:
        yield Violation.at(
            transcript.chunks[min(late)],
            expected="nothing after the error",
            actual=f"{len(late)} deltas after it, which no client reads",
        )
