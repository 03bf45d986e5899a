"""Faults of the events of a Responses stream: their order, their numbers, their sums."""

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
    twice,
    without,
)
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import JsonObject, as_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_stream = Shelf(SeenOn.STREAM, Stage.CHUNKS, dialect=DialectName.RESPONSES).fault
_calls = Shelf(SeenOn.TOOL_STREAM, Stage.CHUNKS, dialect=DialectName.RESPONSES).fault
_thoughts = Shelf(SeenOn.THOUGHT_STREAM, Stage.CHUNKS, dialect=DialectName.RESPONSES).fault
_wire = Shelf(SeenOn.STREAM, Stage.WRITES, dialect=DialectName.RESPONSES).fault

_CREATED, _RUNNING, _COMPLETED = "response.created", "response.in_progress", "response.completed"
_ADDED, _DONE = "response.output_item.added", "response.output_item.done"
_PART_ADDED, _PART_DONE = "response.content_part.added", "response.content_part.done"
_TEXT, _TEXT_DONE = "response.output_text.delta", "response.output_text.done"
_ARGUMENTS_DONE = "response.function_call_arguments.done"
_SUMMARY_ADDED, _SUMMARY_DONE = "response.reasoning_summary_part.added", "response.reasoning_summary_part.done"
_SUMMARY_TEXT_DONE = "response.reasoning_summary_text.done"
_ERROR_EVENT: JsonObject = {
    "type": "error",
    "sequence_number": 0,
    "code": "server_error",
    "message": "The model failed.",
    "param": None,
}
_USAGE: JsonObject = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
_FAILURE: JsonObject = {"code": "server_error", "message": "The model failed."}


def responses_stream_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_frame(), *_ends(), *_numbers(), *_failures())


def _frame() -> tuple[Fault, ...]:
    return (
        _stream(
            "responses-no-created",
            "responses-stream.begins-with-created",
            "The stream begins without response.created.",
            without(_CREATED),
        ),
        _stream(
            "responses-created-twice",
            "responses-stream.lifecycle-is-in-order",
            "response.created is sent twice.",
            twice(_CREATED),
        ),
        _stream(
            "responses-no-in-progress",
            "responses-stream.in-progress-precedes-output",
            "The first item comes without response.in_progress.",
            without(_RUNNING),
        ),
        _stream(
            "responses-created-with-output",
            "responses-stream.begun-response-has-no-output",
            "response.created holds the whole output already.",
            rewritten(_created_with_output),
        ),
        _stream(
            "responses-created-completed",
            "responses-stream.begun-response-is-in-progress",
            "response.created says it is completed.",
            changed(inside(put("status", "completed"), "response"), _CREATED),
        ),
        _wire(
            "responses-event-names-wrong",
            "responses-stream.event-line-equals-type",
            "Each event is named message, whatever its type.",
            _named_message,
        ),
        _stream(
            "responses-unknown-events",
            "responses-stream.event-type-is-known",
            "An event of a type that nobody knows follows the first.",
            added(_CREATED, {"type": "response.mood", "sequence_number": 0, "mood": "friendly"}),
        ),
        _wire(
            "responses-type-missing",
            "responses-stream.event-has-type",
            "The events with the words have no type.",
            swap(b'"type":"response.output_text.delta",', b""),
        ),
        _stream(
            "responses-lifecycle-empty",
            "responses-stream.lifecycle-events-carry-the-response",
            "response.in_progress does not hold the response.",
            changed(drop("response"), _RUNNING),
        ),
        _stream(
            "responses-created-with-usage",
            "responses-stream.begun-response-has-no-usage",
            "response.created counts tokens already.",
            changed(inside(put("usage", _USAGE), "response"), _CREATED),
        ),
        _stream(
            "responses-model-varies",
            "responses-stream.model-is-constant",
            "The last event names another model.",
            changed(inside(put("model", "reference-2"), "response"), _COMPLETED),
        ),
        _stream(
            "responses-created-varies",
            "responses-stream.created-at-is-constant",
            "The last event says another time of creation.",
            changed(inside(put("created_at", 1_700_000_000.5), "response"), _COMPLETED),
        ),
    )


def _ends() -> tuple[Fault, ...]:
    return (
        _stream(
            "responses-no-end",
            "responses-stream.has-a-terminal-event",
            "The stream ends without response.completed.",
            without(_COMPLETED),
        ),
        _stream(
            "responses-two-ends",
            "responses-stream.has-one-terminal-event",
            "response.completed is sent twice.",
            twice(_COMPLETED),
        ),
        _stream(
            "responses-event-after-end",
            "responses-stream.nothing-follows-the-terminal-event",
            "Words follow response.completed.",
            rewritten(_words_after_end),
        ),
        _wire("responses-done-marker", "responses-stream.no-end-marker", "[DONE] ends the stream.", _done),
        _stream(
            "responses-end-without-output",
            "responses-stream.output-holds-the-items",
            "The output of the last event is empty.",
            changed(inside(put("output", []), "response"), _COMPLETED),
        ),
        _stream(
            "responses-end-without-usage",
            "responses.usage-is-reported",
            "The last event has no usage.",
            changed(inside(drop("usage"), "response"), _COMPLETED),
        ),
        _stream(
            "responses-end-type-differs",
            "responses-stream.terminal-event-agrees-with-status",
            "response.completed holds an answer that is in progress.",
            changed(inside(put("status", "in_progress"), "response"), _COMPLETED),
        ),
    )


def _numbers() -> tuple[Fault, ...]:
    return (
        _stream(
            "responses-numbers-missing",
            "responses-stream.every-event-is-numbered",
            "Every second event has no number.",
            _numbered(lambda at: None if at % 2 else at),
        ),
        _stream(
            "responses-numbers-same",
            "responses-stream.sequence-numbers-rise",
            "Every event has the number 0.",
            _numbered(lambda _at: 0),
        ),
        _stream(
            "responses-numbers-from-one",
            "responses-stream.sequence-numbers-are-contiguous",
            "Events are counted from 1.",
            _numbered(lambda at: at + 1),
        ),
        _stream(
            "responses-numbers-by-two",
            "responses-stream.sequence-numbers-are-contiguous",
            "Every second number is left out.",
            _numbered(lambda at: 2 * at),
        ),
        _stream(
            "responses-numbers-text",
            "responses-stream.sequence-number-is-an-integer",
            "Numbers of events are strings.",
            _numbered(str),
        ),
    )


def _failures() -> tuple[Fault, ...]:
    return (
        _stream(
            "responses-fails-without-error",
            "responses.failed-has-an-error",
            "The answer fails in the middle, and does not say why.",
            rewritten(_failing(None)),
        ),
        _stream(
            "responses-goes-on-after-error",
            "responses-stream.only-failed-follows-an-error",
            "Words follow an error event.",
            added(_PART_ADDED, {"type": "error", "sequence_number": 0, **_FAILURE, "param": None}),
        ),
        _stream(
            "responses-fails-midstream",
            "responses-stream.failed-follows-an-error",
            "The answer fails in the middle, without an error event before.",
            rewritten(_failing(_FAILURE)),
        ),
        _stream(
            "responses-error-nameless",
            "responses-stream.error-event-is-well-formed",
            "The stream ends with an error that says nothing.",
            rewritten(_ending_with({"type": "error", "sequence_number": 0})),
        ),
        _stream(
            "responses-error-alone",
            "responses-stream.error-is-followed-by-failed",
            "An error event ends the stream, without response.failed.",
            rewritten(_ending_with(_ERROR_EVENT)),
        ),
        _stream(
            "responses-breaks-off",
            "stream.answer-does-not-fail",
            "In the middle the answer fails, as it should be said.",
            rewritten(_broken_off),
        ),
    )


def _created_with_output(events: list[JsonObject]) -> list[JsonObject]:
    start, end = as_object(events[0]["response"]) or {}, as_object(events[-1]["response"]) or {}
    start["output"] = end["output"]
    return events


def _named_message(work: Work) -> None:
    work.writes = [replace(write, data=b"event: message\n" + write.data.partition(b"\n")[2]) for write in work.writes]


def _words_after_end(events: list[JsonObject]) -> list[JsonObject]:
    return [*events, {**events[place(events, _TEXT)], "delta": " One more thing."}]


def _done(work: Work) -> None:
    work.writes.append(Write(data=DONE))


def _numbered(number: Callable[[int], object]) -> Edit:
    def edit(work: Work) -> None:
        for at, event in enumerate(work.chunks):
            wanted = number(at)
            event.pop("sequence_number")
            if wanted is not None:
                event["sequence_number"] = wanted

    return edit


def _failing(error: JsonObject | None) -> Callable[[list[JsonObject]], list[JsonObject]]:
    def rewrite(events: list[JsonObject]) -> list[JsonObject]:
        started = as_object(events[0]["response"]) or {}
        end = {"type": "response.failed", "response": {**started, "status": "failed", "error": error}}
        return [*events[: place(events, _TEXT) + 1], {**end, "sequence_number": 0}]

    return rewrite


def _ending_with(event: JsonObject) -> Callable[[list[JsonObject]], list[JsonObject]]:
    def rewrite(events: list[JsonObject]) -> list[JsonObject]:
        return [*events[: place(events, _TEXT) + 1], dict(event)]

    return rewrite


def _broken_off(events: list[JsonObject]) -> list[JsonObject]:
    *said, failed = _failing(_FAILURE)(events)
    return [*said, dict(_ERROR_EVENT), failed]
