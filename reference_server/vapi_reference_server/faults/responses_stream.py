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
    first_changed,
    inside,
    last_changed,
    place,
    rewritten,
    swapped,
    twice,
    without,
)
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import JsonObject, as_object, objects_of

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
_FAILURE: JsonObject = {"code": "server_error", "message": "The model failed."}


def responses_stream_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_frame(), *_ends(), *_numbers(), *_items(), *_ids(), *_parts(), *_sums(), *_failures())


def _frame() -> tuple[Fault, ...]:
    return (
        _stream(
            "responses-no-created",
            "responses-stream.created-is-first",
            "The stream begins without response.created.",
            without(_CREATED),
        ),
        _stream(
            "responses-created-twice",
            "responses-stream.created-is-sent-once",
            "response.created is sent twice.",
            twice(_CREATED),
        ),
        _stream(
            "responses-no-in-progress",
            "responses-stream.in-progress-precedes-items",
            "The first item comes without response.in_progress.",
            without(_RUNNING),
        ),
        _stream(
            "responses-created-with-output",
            "responses-stream.begins-empty",
            "response.created holds the whole output already.",
            rewritten(_created_with_output),
        ),
        _stream(
            "responses-created-completed",
            "responses-stream.begins-in-progress",
            "response.created says it is completed.",
            changed(inside(put("status", "completed"), "response"), _CREATED),
        ),
        _wire(
            "responses-event-names-wrong",
            "responses-stream.event-name-is-the-type",
            "Each event is named message, whatever its type.",
            _named_message,
        ),
        _stream(
            "responses-unknown-events",
            "responses-stream.event-types-are-known",
            "An event of a type that nobody knows follows the first.",
            added(_CREATED, {"type": "response.mood", "sequence_number": 0, "mood": "friendly"}),
        ),
        _wire(
            "responses-type-missing",
            "responses-stream.events-have-a-type",
            "The events with the words have no type.",
            swap(b'"type":"response.output_text.delta",', b""),
        ),
    )


def _ends() -> tuple[Fault, ...]:
    last = "responses-stream.terminal-event-is-last"
    return (
        _stream(
            "responses-no-end",
            "responses-stream.ends-with-a-terminal-event",
            "The stream ends without response.completed.",
            without(_COMPLETED),
        ),
        _stream(
            "responses-two-ends",
            "responses-stream.one-terminal-event",
            "response.completed is sent twice.",
            twice(_COMPLETED),
        ),
        _stream(
            "responses-event-after-end",
            last,
            "Words follow response.completed.",
            rewritten(_words_after_end),
        ),
        _wire("responses-done-marker", "responses-stream.no-done-marker", "[DONE] ends the stream.", _done),
        _stream(
            "responses-end-without-output",
            "responses-stream.terminal-output-is-complete",
            "The output of the last event is empty.",
            changed(inside(put("output", []), "response"), _COMPLETED),
        ),
        _stream(
            "responses-end-without-usage",
            "responses-stream.terminal-response-is-whole",
            "The last event has no usage.",
            changed(inside(drop("usage"), "response"), _COMPLETED),
        ),
        _stream(
            "responses-end-type-differs",
            "responses-stream.terminal-type-is-the-status",
            "response.completed holds an answer that is in progress.",
            changed(inside(put("status", "in_progress"), "response"), _COMPLETED),
        ),
    )


def _numbers() -> tuple[Fault, ...]:
    rising = "responses-stream.sequence-numbers-rise"
    contiguous = "responses-stream.sequence-numbers-are-contiguous"
    return (
        _stream("responses-numbers-missing", rising, "Events have no number.", _numbered(lambda _at: None)),
        _stream("responses-numbers-same", rising, "Every event has the number 0.", _numbered(lambda _at: 0)),
        _stream("responses-numbers-from-one", contiguous, "Events are counted from 1.", _numbered(lambda at: at + 1)),
        _stream(
            "responses-numbers-by-two", contiguous, "Every second number is left out.", _numbered(lambda at: 2 * at)
        ),
    )


def _items() -> tuple[Fault, ...]:
    return (
        _stream(
            "responses-item-not-added",
            "responses-stream.item-is-added-first",
            "Words come for an item that was never added.",
            without(_ADDED),
        ),
        _stream(
            "responses-item-added-late",
            "responses-stream.item-is-added-first",
            "The first words come before their item is added.",
            swapped(_ADDED, _TEXT),
        ),
        _stream(
            "responses-item-added-twice",
            "responses-stream.output-index-is-added-once",
            "The item is added twice.",
            twice(_ADDED),
        ),
        _stream(
            "responses-index-from-one",
            "responses-stream.output-indexes-rise-by-one",
            "Items are counted from 1.",
            changed(_next_index),
        ),
        _stream(
            "responses-item-not-done",
            "responses-stream.every-item-is-done",
            "The item is never done.",
            without(_DONE),
        ),
        _stream(
            "responses-item-done-from-start",
            "responses-stream.item-status-follows-its-life",
            "The item is completed when it is added.",
            changed(inside(put("status", "completed"), "item"), _ADDED),
        ),
        _calls(
            "responses-items-late",
            "responses-stream.every-item-is-done",
            "Of two calls, the first is never done.",
            rewritten(_first_done_left_out),
        ),
    )


def _ids() -> tuple[Fault, ...]:
    same = "responses-stream.item-id-is-constant"
    return (
        _stream(
            "responses-id-varies",
            "responses-stream.response-id-is-constant",
            "The last event has another id than the first.",
            changed(inside(put("id", "resp_another"), "response"), _COMPLETED),
        ),
        _stream(
            "responses-item-id-varies",
            same,
            "The item is done under another id than it was added.",
            changed(inside(put("id", "msg_another"), "item"), _DONE),
        ),
        _stream(
            "responses-item-id-differs-in-deltas",
            same,
            "Words name another item than was added.",
            changed(put("item_id", "msg_another"), _TEXT),
        ),
        _stream(
            "responses-deltas-nameless",
            "responses-stream.deltas-name-their-place",
            "Words do not say to which item and part they belong.",
            changed(_nameless, _TEXT),
        ),
        _stream(
            "responses-error-null-key",
            "responses-stream.no-top-level-error-key",
            "Every event has an error key that is null.",
            changed(put("error", None)),
        ),
    )


def _parts() -> tuple[Fault, ...]:
    nested = "responses-stream.reasoning-parts-nest"
    return (
        _stream(
            "responses-part-not-added",
            "responses-stream.part-is-added-first",
            "Words come for a part that was never added.",
            without(_PART_ADDED),
        ),
        _stream(
            "responses-part-not-done",
            "responses-stream.every-part-is-done",
            "The part with the words is never done.",
            without(_PART_DONE),
        ),
        _stream(
            "responses-text-not-done",
            "responses-stream.text-is-done",
            "The words are never done.",
            without(_TEXT_DONE),
        ),
        _thoughts(
            "responses-summary-not-added", nested, "A part of the summary is never added.", without(_SUMMARY_ADDED)
        ),
        _thoughts("responses-summary-not-done", nested, "A part of the summary is never done.", without(_SUMMARY_DONE)),
        _thoughts(
            "responses-summary-differs",
            "responses-stream.reasoning-text-is-the-sum",
            "The summary at its end is not what was sent.",
            changed(put("text", "Something else."), _SUMMARY_TEXT_DONE),
        ),
    )


def _sums() -> tuple[Fault, ...]:
    text, arguments = "responses-stream.text-is-the-sum-of-deltas", "responses-stream.arguments-are-the-sum-of-deltas"
    return (
        _stream(
            "responses-text-differs",
            text,
            "The words at their end are not what was sent.",
            changed(put("text", "Something else."), _TEXT_DONE),
        ),
        _stream(
            "responses-part-differs",
            text,
            "The part at its end is not what was sent.",
            changed(inside(put("text", "Something else."), "part"), _PART_DONE),
        ),
        _stream("responses-delta-lost", text, "The first words are not sent.", rewritten(_first_delta_left_out)),
        _calls(
            "responses-arguments-differ",
            arguments,
            "The arguments at their end are not what was sent.",
            first_changed(put("arguments", "{}"), _ARGUMENTS_DONE),
        ),
        _calls(
            "responses-item-arguments-differ",
            arguments,
            "The item at its end has other arguments than were sent.",
            first_changed(inside(put("arguments", "{}"), "item"), _DONE),
        ),
        _calls(
            "responses-arguments-not-done",
            "responses-stream.arguments-are-done",
            "Arguments are never done.",
            without(_ARGUMENTS_DONE),
        ),
        _stream(
            "responses-final-text-differs",
            "responses-stream.terminal-output-is-complete",
            "The last event says other words than were sent.",
            last_changed(_other_words, _COMPLETED),
        ),
    )


def _failures() -> tuple[Fault, ...]:
    return (
        _stream(
            "responses-fails-without-error",
            "responses-stream.failure-says-why",
            "The answer fails in the middle, and does not say why.",
            rewritten(_failing(None)),
        ),
        _stream(
            "responses-goes-on-after-error",
            "responses-stream.error-ends-the-stream",
            "Words follow an error event.",
            added(_PART_ADDED, {"type": "error", "sequence_number": 0, **_FAILURE, "param": None}),
        ),
        _stream(
            "responses-fails-midstream",
            "responses-stream.failure-follows-an-error-event",
            "The answer fails in the middle, without an error event before.",
            rewritten(_failing(_FAILURE)),
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


def _numbered(number: Callable[[int], int | None]) -> Edit:
    def edit(work: Work) -> None:
        for at, event in enumerate(work.chunks):
            wanted = number(at)
            event.pop("sequence_number")
            if wanted is not None:
                event["sequence_number"] = wanted

    return edit


def _next_index(event: JsonObject) -> None:
    if "output_index" in event:
        event["output_index"] = int(str(event["output_index"])) + 1


def _first_done_left_out(events: list[JsonObject]) -> list[JsonObject]:
    at = place(events, _DONE)
    return [*events[:at], *events[at + 1 :]]


def _first_delta_left_out(events: list[JsonObject]) -> list[JsonObject]:
    at = place(events, _TEXT)
    return [*events[:at], *events[at + 1 :]]


def _nameless(event: JsonObject) -> None:
    for key in ("item_id", "output_index", "content_index"):
        event.pop(key, None)


def _other_words(event: JsonObject) -> None:
    for item in objects_of(as_object(event["response"]) or {}, "output"):
        for part in objects_of(item, "content"):
            part["text"] = "Something else."


def _failing(error: JsonObject | None) -> Callable[[list[JsonObject]], list[JsonObject]]:
    def rewrite(events: list[JsonObject]) -> list[JsonObject]:
        started = as_object(events[0]["response"]) or {}
        end = {"type": "response.failed", "response": {**started, "status": "failed", "error": error}}
        return [*events[: place(events, _TEXT) + 1], {**end, "sequence_number": 0}]

    return rewrite
