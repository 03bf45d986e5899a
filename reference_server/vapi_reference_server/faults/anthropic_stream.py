"""Faults of the events of an Anthropic stream: their order, their names, their counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server.answer import DONE, Write
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.editing import Shelf, drop, put, swap
from vapi_reference_server.faults.events import (
    added,
    changed,
    inside,
    place,
    rewritten,
    swapped,
    twice,
    without,
)
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import JsonObject, as_object

if TYPE_CHECKING:
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_stream = Shelf(SeenOn.STREAM, Stage.CHUNKS, dialect=DialectName.ANTHROPIC).fault
_calls = Shelf(SeenOn.TOOL_STREAM, Stage.CHUNKS, dialect=DialectName.ANTHROPIC).fault
_wire = Shelf(SeenOn.STREAM, Stage.WRITES, dialect=DialectName.ANTHROPIC).fault

_START, _END, _STOP = "message_start", "message_delta", "message_stop"
_OPEN, _DELTA, _CLOSE = "content_block_start", "content_block_delta", "content_block_stop"
_OVERLOADED: JsonObject = {"type": "overloaded_error", "message": "Overloaded"}


def anthropic_stream_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_frame(), *_starts(), *_ends(), *_failures())


def _frame() -> tuple[Fault, ...]:
    return (
        _wire("anthropic-no-event-lines", "anthropic-stream.event-name-equals-type", "Events have no name.", _nameless),
        _wire(
            "anthropic-event-names-wrong",
            "anthropic-stream.event-name-equals-type",
            "Each event is named message, whatever its type.",
            _named_message,
        ),
        _stream(
            "anthropic-no-message-start",
            "anthropic-stream.begins-with-message-start",
            "The stream begins with a block.",
            without(_START),
        ),
        _stream(
            "anthropic-message-start-twice",
            "anthropic-stream.message-start-is-sent-once",
            "message_start is sent twice.",
            twice(_START),
        ),
        _stream(
            "anthropic-ping-first",
            "anthropic-stream.ping-follows-message-start",
            "A ping comes before message_start.",
            swapped(_START, "ping"),
        ),
        _stream(
            "anthropic-no-message-stop",
            "anthropic-stream.ends-with-message-stop",
            "The stream ends without message_stop.",
            without(_STOP),
        ),
        _stream(
            "anthropic-message-stop-twice",
            "anthropic-stream.nothing-after-message-stop",
            "message_stop is sent twice.",
            twice(_STOP),
        ),
        _stream(
            "anthropic-ping-after-stop",
            "anthropic-stream.nothing-after-message-stop",
            "A ping follows message_stop.",
            added(_STOP, {"type": "ping"}),
        ),
        _wire("anthropic-done-marker", "anthropic-stream.no-done-marker", "[DONE] ends the stream.", _done),
        _wire(
            "anthropic-type-missing",
            "anthropic-stream.events-have-a-type",
            "The events with the words have no type.",
            swap(b'"type":"content_block_delta",', b""),
        ),
        _stream(
            "anthropic-delta-container-text",
            "anthropic-stream.event-matches-the-schema",
            "The container in message_delta is a string.",
            changed(inside(put("container", "none"), "delta"), _END),
        ),
    )


def _starts() -> tuple[Fault, ...]:
    return (
        _stream(
            "anthropic-start-with-content",
            "anthropic-stream.start-message-is-empty",
            "message_start holds a block already.",
            changed(inside(put("content", [{"type": "text", "text": "Hello"}]), "message"), _START),
        ),
        _stream(
            "anthropic-start-stopped",
            "anthropic-stream.start-message-is-empty",
            "message_start has a stop reason.",
            changed(inside(put("stop_reason", "end_turn"), "message"), _START),
        ),
        _stream(
            "anthropic-start-without-counts",
            "anthropic-stream.start-counts-the-prompt",
            "message_start does not count the prompt.",
            changed(inside(drop("input_tokens"), "message", "usage"), _START),
        ),
        _stream(
            "anthropic-stream-counts-more",
            "anthropic.stream-and-json-count-alike",
            "A stream counts five more tokens of input than a whole answer.",
            changed(_five_more),
        ),
        _stream(
            "anthropic-stream-of-another",
            "anthropic.stream-and-json-are-one-shape",
            "A stream names another model than a whole answer.",
            changed(inside(put("model", "another"), "message"), _START),
        ),
    )


def _ends() -> tuple[Fault, ...]:
    counts = "anthropic-stream.message-delta-counts-the-answer"
    return (
        _stream(
            "anthropic-no-message-delta",
            "anthropic-stream.message-delta-is-sent",
            "The stream ends without message_delta.",
            without(_END),
        ),
        _stream(
            "anthropic-message-delta-early",
            "anthropic-stream.message-delta-follows-the-blocks",
            "message_delta comes before the block is closed.",
            swapped(_CLOSE, _END),
        ),
        _stream(
            "anthropic-delta-without-reason",
            "anthropic-stream.stop-reason-is-sent",
            "message_delta has no stop reason.",
            changed(inside(put("stop_reason", None), "delta"), _END),
        ),
        _stream("anthropic-delta-without-usage", counts, "message_delta has no usage.", changed(drop("usage"), _END)),
        _stream(
            "anthropic-counts-fall",
            "anthropic-stream.output-count-never-falls",
            "message_delta counts fewer tokens than message_start.",
            rewritten(_counts_fall),
        ),
        _calls(
            "anthropic-stream-tool-ends-turn",
            "anthropic.calls-stop-for-tools",
            "A stream that uses a tool ends with end_turn.",
            changed(inside(put("stop_reason", "end_turn"), "delta"), _END),
        ),
        _stream(
            "anthropic-stop-reason-unknown",
            "anthropic.stop-reason-is-known",
            "The stop reason of a stream is stop, as in Chat Completions.",
            changed(inside(put("stop_reason", "stop"), "delta"), _END),
        ),
        _stream(
            "anthropic-stop-reason-changes",
            "anthropic-stream.stop-reason-does-not-change",
            "Two message_delta say two reasons.",
            rewritten(_two_reasons),
        ),
    )


def _failures() -> tuple[Fault, ...]:
    return (
        _stream(
            "anthropic-goes-on-after-error",
            "anthropic-stream.nothing-after-error",
            "Words follow an error event.",
            added(_OPEN, {"type": "error", "error": _OVERLOADED}),
        ),
        _stream(
            "anthropic-error-nameless",
            "anthropic-stream.error-is-complete",
            "The stream ends with an error that has no type.",
            rewritten(lambda events: [*events[: place(events, _DELTA) + 1], {"type": "error", "error": "Overloaded"}]),
        ),
        _stream(
            "anthropic-unknown-events",
            "anthropic-stream.event-types-are-known",
            "An event of a type that nobody knows follows the first.",
            added(_START, {"type": "mood", "mood": "friendly"}),
        ),
        _stream(
            "anthropic-breaks-off",
            "stream.answer-does-not-fail",
            "In the middle the answer fails, as it should be said.",
            rewritten(_broken_off),
        ),
    )


def _nameless(work: Work) -> None:
    work.writes = [replace(write, data=write.data.partition(b"\n")[2]) for write in work.writes]


def _named_message(work: Work) -> None:
    work.writes = [replace(write, data=b"event: message\n" + write.data.partition(b"\n")[2]) for write in work.writes]


def _done(work: Work) -> None:
    work.writes.append(Write(data=DONE))


def _counts_fall(events: list[JsonObject]) -> list[JsonObject]:
    inside(put("output_tokens", 5), "message", "usage")(events[0])
    changed_at = place(events, _END)
    inside(put("output_tokens", 2), "usage")(events[changed_at])
    return events


def _five_more(event: JsonObject) -> None:
    for owner in (as_object(event.get("message")) or {}, event):
        usage = as_object(owner.get("usage"))
        if usage is not None:
            usage["input_tokens"] = int(str(usage["input_tokens"])) + 5


def _two_reasons(events: list[JsonObject]) -> list[JsonObject]:
    at = place(events, _END)
    delta = {"stop_reason": "refusal", "stop_sequence": None}
    return [*events[:at], {**events[at], "delta": delta}, *events[at:]]


def _broken_off(events: list[JsonObject]) -> list[JsonObject]:
    return [*events[: place(events, _DELTA) + 1], {"type": "error", "error": _OVERLOADED}]
