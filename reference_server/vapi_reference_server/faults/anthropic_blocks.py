"""Faults of the blocks of an Anthropic stream: their order, their deltas, their thoughts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.editing import Shelf, drop, put
from vapi_reference_server.faults.events import (
    changed,
    first_changed,
    inside,
    place,
    rewritten,
    swapped,
    twice,
    without,
)
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import JsonObject, as_object, encode

if TYPE_CHECKING:
    from vapi_reference_server.faults.fault import Fault

_stream = Shelf(SeenOn.STREAM, Stage.CHUNKS, dialect=DialectName.ANTHROPIC).fault
_calls = Shelf(SeenOn.TOOL_STREAM, Stage.CHUNKS, dialect=DialectName.ANTHROPIC).fault
_thoughts = Shelf(SeenOn.THOUGHT_STREAM, Stage.CHUNKS, dialect=DialectName.ANTHROPIC).fault

_START, _END, _STOP = "message_start", "message_delta", "message_stop"
_OPEN, _DELTA, _CLOSE = "content_block_start", "content_block_delta", "content_block_stop"


def anthropic_block_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_blocks(), *_deltas(), *_thinking())


def _blocks() -> tuple[Fault, ...]:
    separate = "anthropic-stream.blocks-do-not-overlap"
    return (
        _stream(
            "anthropic-index-from-one",
            "anthropic-stream.block-indexes-count-up",
            "Blocks are counted from 1.",
            changed(_next_index),
        ),
        _calls(
            "anthropic-index-same",
            "anthropic-stream.block-indexes-count-up",
            "Every block has the index 0.",
            changed(_index_zero),
        ),
        _stream(
            "anthropic-index-missing",
            "anthropic-stream.index-is-an-integer",
            "Events of blocks have no index.",
            changed(drop("index")),
        ),
        _calls("anthropic-blocks-closed-late", separate, "All blocks are closed at the end.", rewritten(_close_late)),
        _stream(
            "anthropic-block-not-opened",
            "anthropic-stream.deltas-follow-a-start",
            "Words come for a block that was never opened.",
            without(_OPEN),
        ),
        _stream(
            "anthropic-delta-before-block",
            "anthropic-stream.deltas-follow-a-start",
            "The first words come before their block is opened.",
            swapped(_OPEN, _DELTA),
        ),
        _stream(
            "anthropic-block-not-closed",
            "anthropic-stream.every-block-is-stopped",
            "The block is never closed.",
            without(_CLOSE),
        ),
        _stream(
            "anthropic-text-from-start",
            "anthropic-stream.texts-start-empty",
            "The block begins with words that come again.",
            changed(inside(put("text", "Hello"), "content_block"), _OPEN),
        ),
        _calls(
            "anthropic-input-from-start",
            "anthropic-stream.tool-input-starts-empty",
            "The use of a tool begins with an input.",
            changed(inside(put("input", {"city": "Rome"}), "content_block"), _OPEN),
        ),
        _calls(
            "anthropic-block-nameless",
            "anthropic.tool-use-has-id-and-name",
            "The block that uses a tool does not name it.",
            changed(inside(drop("name"), "content_block"), _OPEN),
        ),
        _stream(
            "anthropic-block-closed-twice",
            "anthropic-stream.stops-follow-a-start",
            "The block is closed twice.",
            twice(_CLOSE),
        ),
        _stream(
            "anthropic-delta-after-block",
            "anthropic-stream.deltas-come-before-the-stop",
            "Words come for a block that is closed.",
            rewritten(_delta_after_close),
        ),
        _calls(
            "anthropic-call-ids-same",
            "anthropic.call-ids-are-unique",
            "All calls have the id toolu_0.",
            changed(inside(put("id", "toolu_0"), "content_block"), _OPEN),
        ),
    )


def _deltas() -> tuple[Fault, ...]:
    return (
        _stream(
            "anthropic-delta-type-wrong",
            "anthropic-stream.delta-type-fits-the-block",
            "Words come as thoughts.",
            changed(_words_as_thoughts, _DELTA),
        ),
        _calls(
            "anthropic-arguments-as-text",
            "anthropic-stream.delta-type-fits-the-block",
            "Inputs of tools come as words.",
            changed(_json_as_words, _DELTA),
        ),
        _calls(
            "anthropic-arguments-cut",
            "tools.arguments-are-json",
            "The last piece of an input is lost.",
            rewritten(_without_last_piece),
        ),
        _calls(
            "anthropic-arguments-object",
            "anthropic-stream.partial-json-is-a-string",
            "Pieces of an input are objects.",
            changed(inside(put("partial_json", {}), "delta"), _DELTA),
        ),
        _stream(
            "anthropic-delta-empty",
            "anthropic-stream.events-hold-their-part",
            "Events with words have no delta.",
            changed(drop("delta"), _DELTA),
        ),
        _stream(
            "anthropic-delta-text-null",
            "anthropic-stream.text-delta-is-a-string",
            "The first words are null.",
            first_changed(inside(put("text", None), "delta"), _DELTA),
        ),
        _stream(
            "anthropic-text-accumulates",
            "stream.text-is-not-cumulative",
            "Each delta repeats the whole text so far.",
            rewritten(_accumulated),
        ),
        _stream(
            "anthropic-text-replayed",
            "stream.text-is-not-replayed",
            "The last delta says all of the text once more.",
            rewritten(_replayed),
        ),
    )


def _thinking() -> tuple[Fault, ...]:
    return (
        _thoughts(
            "anthropic-thoughts-unsigned",
            "anthropic.thinking-is-signed",
            "Thoughts end without a signature.",
            rewritten(lambda events: [event for event in events if not _is_signature(event)]),
        ),
        _thoughts(
            "anthropic-thoughts-last",
            "anthropic.thinking-comes-first",
            "Thoughts come after the words.",
            rewritten(_thoughts_last),
        ),
        _thoughts(
            "anthropic-signature-first",
            "anthropic-stream.signature-ends-the-thinking",
            "The signature comes before the thoughts.",
            rewritten(_signature_first),
        ),
        _thoughts(
            "anthropic-thought-number",
            "anthropic-stream.thinking-delta-is-a-string",
            "Thoughts are numbers.",
            changed(_thought_as_number, _DELTA),
        ),
    )


def _next_index(event: JsonObject) -> None:
    if "index" in event:
        event["index"] = int(str(event["index"])) + 1


def _index_zero(event: JsonObject) -> None:
    if "index" in event:
        event["index"] = 0


def _close_late(events: list[JsonObject]) -> list[JsonObject]:
    closing = [event for event in events if event["type"] == _CLOSE]
    kept = [event for event in events if event["type"] != _CLOSE]
    at = place(kept, _END)
    return [*kept[:at], *closing, *kept[at:]]


def _words_as_thoughts(event: JsonObject) -> None:
    words = (as_object(event["delta"]) or {}).get("text")
    event["delta"] = {"type": "thinking_delta", "thinking": words}


def _json_as_words(event: JsonObject) -> None:
    piece = (as_object(event["delta"]) or {}).get("partial_json")
    event["delta"] = {"type": "text_delta", "text": piece}


def _without_last_piece(events: list[JsonObject]) -> list[JsonObject]:
    at = place(events, _CLOSE) - 1
    return [*events[:at], *events[at + 1 :]]


def _is_signature(event: JsonObject) -> bool:
    return b"signature_delta" in encode(event)


def _thoughts_last(events: list[JsonObject]) -> list[JsonObject]:
    """The second block before the first; each gets the index of its new place."""
    first = [event for event in events if event.get("index") == 0]
    second = [event for event in events if event.get("index") == 1]
    for event in first:
        event["index"] = 1
    for event in second:
        event["index"] = 0
    return [events[0], *second, *first, *events[-2:]]


def _delta_after_close(events: list[JsonObject]) -> list[JsonObject]:
    at = place(events, _CLOSE)
    return [*events[: at + 1], events[place(events, _DELTA)], *events[at + 1 :]]


def _texts(events: list[JsonObject]) -> list[JsonObject]:
    found = (as_object(event.get("delta")) or {} for event in events)
    return [delta for delta in found if "text" in delta]


def _accumulated(events: list[JsonObject]) -> list[JsonObject]:
    said = ""
    for delta in _texts(events):
        said += str(delta["text"])
        delta["text"] = said
    return events


def _replayed(events: list[JsonObject]) -> list[JsonObject]:
    said = "".join(str(delta["text"]) for delta in _texts(events))
    last: JsonObject = {"type": _DELTA, "index": 0, "delta": {"type": "text_delta", "text": said}}
    at = place(events, _CLOSE)
    return [*events[:at], last, *events[at:]]


def _signature_first(events: list[JsonObject]) -> list[JsonObject]:
    signatures = [event for event in events if _is_signature(event)]
    others = [event for event in events if not _is_signature(event)]
    at = place(others, _DELTA)
    return [*others[:at], *signatures, *others[at:]]


def _thought_as_number(event: JsonObject) -> None:
    delta = as_object(event["delta"]) or {}
    if "thinking" in delta:
        delta["thinking"] = 7
