"""Faults of the items of a Responses stream: their order, their ids, their sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.editing import Shelf, drop, put
from vapi_reference_server.faults.events import (
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
    from vapi_reference_server.faults.fault import Fault

_stream = Shelf(SeenOn.STREAM, Stage.CHUNKS, dialect=DialectName.RESPONSES).fault
_calls = Shelf(SeenOn.TOOL_STREAM, Stage.CHUNKS, dialect=DialectName.RESPONSES).fault
_thoughts = Shelf(SeenOn.THOUGHT_STREAM, Stage.CHUNKS, dialect=DialectName.RESPONSES).fault

_CREATED, _RUNNING, _COMPLETED = "response.created", "response.in_progress", "response.completed"
_ADDED, _DONE = "response.output_item.added", "response.output_item.done"
_PART_ADDED, _PART_DONE = "response.content_part.added", "response.content_part.done"
_TEXT, _TEXT_DONE = "response.output_text.delta", "response.output_text.done"
_ARGUMENTS_DONE = "response.function_call_arguments.done"
_SUMMARY_ADDED, _SUMMARY_DONE = "response.reasoning_summary_part.added", "response.reasoning_summary_part.done"
_SUMMARY_TEXT_DONE = "response.reasoning_summary_text.done"


def responses_stream_item_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_items(), *_finished_items(), *_ids(), *_parts(), *_sums(), *_final_sums())


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
            "responses-stream.item-is-added-once",
            "The item is added twice.",
            twice(_ADDED),
        ),
        _stream(
            "responses-index-from-one",
            "responses-stream.item-indexes-are-contiguous",
            "Items are counted from 1.",
            changed(_next_index),
        ),
        _stream(
            "responses-item-not-done",
            "responses-stream.item-is-done",
            "The item is never done.",
            without(_DONE),
        ),
        _stream(
            "responses-item-done-from-start",
            "responses-stream.added-item-is-in-progress",
            "The item is completed when it is added.",
            changed(inside(put("status", "completed"), "item"), _ADDED),
        ),
        _calls(
            "responses-items-late",
            "responses-stream.item-is-done",
            "Of two calls, the first is never done.",
            rewritten(_first_done_left_out),
        ),
    )


def _finished_items() -> tuple[Fault, ...]:
    return (
        _stream(
            "responses-item-lost",
            "responses-stream.item-events-carry-the-item",
            "Events that open the item do not hold it.",
            changed(drop("item"), _ADDED),
        ),
        _stream(
            "responses-item-done-twice",
            "responses-stream.nothing-follows-a-done-item",
            "The item is done twice.",
            twice(_DONE),
        ),
        _stream(
            "responses-item-never-finished",
            "responses-stream.done-item-is-finished",
            "The item is in progress when it is done.",
            changed(inside(put("status", "in_progress"), "item"), _DONE),
        ),
        _stream(
            "responses-item-type-varies",
            "responses-stream.item-type-is-constant",
            "A message is added, and done as reasoning.",
            changed(inside(put("type", "reasoning"), "item"), _DONE),
        ),
        _calls(
            "responses-call-name-varies",
            "responses-tools.name-is-constant",
            "A call is done under another name than it was added.",
            changed(inside(put("name", "another"), "item"), _DONE),
        ),
        _calls(
            "responses-call-id-varies",
            "responses-tools.call-id-is-constant",
            "A call is done with another call_id than it was added.",
            changed(inside(put("call_id", "call_another"), "item"), _DONE),
        ),
        _calls(
            "responses-arguments-from-start",
            "responses-tools.added-call-has-no-arguments",
            "A call is added with its arguments.",
            changed(inside(put("arguments", "{}"), "item"), _ADDED),
        ),
    )


def _ids() -> tuple[Fault, ...]:
    return (
        _stream(
            "responses-id-varies",
            "responses-stream.response-id-is-constant",
            "The last event has another id than the first.",
            changed(inside(put("id", "resp_another"), "response"), _COMPLETED),
        ),
        _stream(
            "responses-item-id-varies",
            "responses-stream.item-id-is-constant",
            "The item is done under another id than it was added.",
            changed(inside(put("id", "msg_another"), "item"), _DONE),
        ),
        _stream(
            "responses-item-id-differs-in-deltas",
            "responses-stream.item-id-is-constant",
            "Words name another item than was added.",
            changed(put("item_id", "msg_another"), _TEXT),
        ),
        _stream(
            "responses-deltas-nameless",
            "responses-stream.events-name-the-item",
            "Words do not say to which item and part they belong.",
            changed(_nameless, _TEXT),
        ),
        _stream(
            "responses-error-null-key",
            "responses-stream.no-top-level-error-key",
            "Every event has an error key that is null.",
            changed(put("error", None)),
        ),
        _stream(
            "responses-output-index-missing",
            "responses-stream.events-name-the-output-index",
            "Words do not say to which item they belong.",
            changed(drop("output_index"), _TEXT),
        ),
        _stream(
            "responses-content-index-missing",
            "responses-stream.events-name-the-part",
            "Words do not say to which part they belong.",
            changed(drop("content_index"), _TEXT),
        ),
        _calls(
            "responses-item-ids-same",
            "responses.item-ids-are-unique",
            "All items have the id fc_0.",
            changed(_one_id),
        ),
    )


def _parts() -> tuple[Fault, ...]:
    return (
        _stream(
            "responses-part-not-added",
            "responses-stream.part-is-added-first",
            "Words come for a part that was never added.",
            without(_PART_ADDED),
        ),
        _stream(
            "responses-part-not-done",
            "responses-stream.part-is-done",
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
            "responses-summary-not-added",
            "responses-stream.part-is-added-first",
            "A part of the summary is never added.",
            without(_SUMMARY_ADDED),
        ),
        _thoughts(
            "responses-summary-not-done",
            "responses-stream.part-is-done",
            "A part of the summary is never done.",
            without(_SUMMARY_DONE),
        ),
        _thoughts(
            "responses-summary-differs",
            "responses-stream.reasoning-done-equals-deltas",
            "The summary at its end is not what was sent.",
            changed(put("text", "Something else."), _SUMMARY_TEXT_DONE),
        ),
        _stream(
            "responses-part-lost",
            "responses-stream.part-events-carry-the-part",
            "Events that open the part do not hold it.",
            changed(drop("part"), _PART_ADDED),
        ),
        _stream(
            "responses-part-added-twice",
            "responses-stream.part-is-added-once",
            "The part is added twice.",
            twice(_PART_ADDED),
        ),
        _stream(
            "responses-part-from-one",
            "responses-stream.part-indexes-are-contiguous",
            "Parts are counted from 1.",
            changed(_next_part),
        ),
        _stream(
            "responses-text-done-twice",
            "responses-stream.nothing-follows-a-done-text",
            "The words are done twice.",
            twice(_TEXT_DONE),
        ),
        _stream(
            "responses-text-in-call",
            "responses-stream.events-fit-their-item",
            "Words come for an item that is a call.",
            changed(inside(put("type", "function_call"), "item"), _ADDED),
        ),
        _stream(
            "responses-running-background-text",
            "responses-stream.event-matches-the-schema",
            "response.in_progress says in a string whether it runs in the background.",
            changed(inside(put("background", "no"), "response"), "response.in_progress"),
        ),
    )


def _sums() -> tuple[Fault, ...]:
    return (
        _stream(
            "responses-text-differs",
            "responses-stream.text-done-equals-deltas",
            "The words at their end are not what was sent.",
            changed(put("text", "Something else."), _TEXT_DONE),
        ),
        _stream(
            "responses-part-differs",
            "responses-stream.part-repeats-its-text",
            "The part at its end is not what was sent.",
            changed(inside(put("text", "Something else."), "part"), _PART_DONE),
        ),
        _stream(
            "responses-delta-lost",
            "responses-stream.text-done-equals-deltas",
            "The first words are not sent.",
            rewritten(_first_delta_left_out),
        ),
        _calls(
            "responses-arguments-differ",
            "responses-tools.arguments-done-equals-deltas",
            "The arguments at their end are not what was sent.",
            first_changed(put("arguments", "{}"), _ARGUMENTS_DONE),
        ),
        _calls(
            "responses-item-arguments-differ",
            "responses-tools.item-repeats-its-arguments",
            "The item at its end has other arguments than were sent.",
            first_changed(inside(put("arguments", "{}"), "item"), _DONE),
        ),
        _calls(
            "responses-arguments-not-done",
            "responses-tools.arguments-are-done",
            "Arguments are never done.",
            without(_ARGUMENTS_DONE),
        ),
    )


def _final_sums() -> tuple[Fault, ...]:
    return (
        _stream(
            "responses-final-text-differs",
            "responses-stream.output-repeats-the-text",
            "The last event says other words than were sent.",
            last_changed(_other_words, _COMPLETED),
        ),
        _stream(
            "responses-delta-object",
            "responses-stream.delta-is-a-string",
            "Words are objects.",
            changed(_delta_as_object, _TEXT),
        ),
        _stream(
            "responses-done-without-text",
            "responses-stream.done-has-the-whole",
            "The words at their end are left out.",
            changed(drop("text"), _TEXT_DONE),
        ),
        _stream(
            "responses-item-text-differs",
            "responses-stream.item-repeats-its-text",
            "The item at its end has other words than were sent.",
            changed(_other_item_words, _DONE),
        ),
        _calls(
            "responses-arguments-done-twice",
            "responses-tools.nothing-follows-done-arguments",
            "Arguments are done twice.",
            twice(_ARGUMENTS_DONE),
        ),
        _calls(
            "responses-final-call-differs",
            "responses-tools.output-repeats-the-call",
            "The last event has other arguments than were sent.",
            last_changed(_other_arguments, _COMPLETED),
        ),
        _calls(
            "responses-arguments-nameless",
            "responses-tools.arguments-done-has-name",
            "The event that ends arguments does not name the function.",
            changed(drop("name"), _ARGUMENTS_DONE),
        ),
    )


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


def _next_part(event: JsonObject) -> None:
    if "content_index" in event:
        event["content_index"] = int(str(event["content_index"])) + 1


def _delta_as_object(event: JsonObject) -> None:
    event["delta"] = {"text": event["delta"]}


def _other_item_words(event: JsonObject) -> None:
    for part in objects_of(as_object(event["item"]) or {}, "content"):
        part["text"] = "Something else."


def _other_arguments(event: JsonObject) -> None:
    for item in objects_of(as_object(event["response"]) or {}, "output"):
        item["arguments"] = '{"city":"Rome"}'


def _one_id(event: JsonObject) -> None:
    owners = [as_object(event.get("item")) or {}, *objects_of(as_object(event.get("response")) or {}, "output")]
    for owner in owners:
        owner["id"] = "fc_0"
    if "item_id" in event:
        event["item_id"] = "fc_0"
