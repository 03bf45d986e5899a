"""Events of a Responses stream, each by itself: its type and number, what it names, and what it carries."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from vapi_conformance.dialects.responses.order import EVENT_TYPES
from vapi_conformance.dialects.responses.story import Event
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import integer_or_none, string_or_none
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.responses.view import RESPONSES, at, is_event_stream, story_of
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.shape import shape_violations, unclaimed

__all__ = [
    "delta_is_a_string",
    "done_has_the_whole",
    "event_has_type",
    "event_line_equals_type",
    "event_matches_the_schema",
    "event_type_is_known",
    "events_name_the_item",
    "events_name_the_output_index",
    "events_name_the_part",
    "every_event_is_numbered",
    "item_events_carry_the_item",
    "lifecycle_events_carry_the_response",
    "no_end_marker",
    "no_top_level_error_key",
    "part_events_carry_the_part",
    "sequence_number_is_an_integer",
    "sequence_numbers_are_contiguous",
    "sequence_numbers_rise",
]

_EVENT: Final = "openai-openapi 2.3.0, ResponseStreamEvent"


def _events(evidence: Evidence) -> tuple[Event, ...]:
    return story_of(evidence).events


def _has(*scopes: str) -> Callable[[Evidence], bool]:
    """From scopes to whether a stream has an event of one of them."""
    return lambda evidence: is_event_stream(evidence) and any(each.place.scope in scopes for each in _events(evidence))


@rule(
    "responses-stream.event-has-type",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_EVENT}: each has a type; openai-python, src/openai/_streaming.py: clients read nothing else",
    catalogue=["RESP-STREAM-03"],
    remedy='Put the name of the event into the payload as "type"; the event line alone is not read.',
    applies=is_event_stream,
)
def event_has_type(evidence: Evidence) -> Iterator[Violation]:
    """Every payload has a `type`, a string that is not empty."""
    return shape_violations(evidence, "responses-stream.event-has-type", expected="a type in the payload")


@rule(
    "responses-stream.event-type-is-known",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_EVENT}; observed: openai-node's helper fails on others",
    catalogue=["RESP-STREAM-26"],
    remedy="Use the described event types; keep the line alive by comments, or by OpenAI's keepalive.",
    applies=is_event_stream,
)
def event_type_is_known(evidence: Evidence) -> Iterator[Violation]:
    """Every event is of a described type."""
    return at_most(
        at(event, expected="a described type", actual=quote(kind))
        for event in _events(evidence)
        if (kind := string_or_none(event.fields.get("type"))) and kind not in EVENT_TYPES
    )


@rule(
    "responses-stream.event-line-equals-type",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: in every stream of OpenAI the event line repeats the type",
    catalogue=["RESP-STREAM-03"],
    remedy="Send `event: TYPE` before each payload, the same as its type.",
    needs=[Need.FRAMING],
    applies=is_event_stream,
)
def event_line_equals_type(evidence: Evidence) -> Iterator[Violation]:
    """Every event has an `event` line, which equals the `type` of its payload."""
    return at_most(
        at(event, expected=f"event: {kind[:80]}", actual=_line(event))
        for event in _events(evidence)
        if (kind := string_or_none(event.fields.get("type"))) and event.chunk.event_type != kind
    )


def _line(event: Event) -> str:
    return "no event line" if event.chunk.event_type == "message" else f"event: {event.chunk.event_type[:80]}"


# --- counting ----------------------------------------------------------------------------------------------------


def _numbers(evidence: Evidence) -> list[tuple[Event, int]]:
    numbered = ((event, integer_or_none(event.fields.get("sequence_number"))) for event in _events(evidence))
    return [(event, number) for event, number in numbered if number is not None]


def _counts(evidence: Evidence) -> bool:
    """Streams of early 2025 have no numbers at all, OpenAI's own too."""
    return is_event_stream(evidence) and any("sequence_number" in event.fields for event in _events(evidence))


def _faulty_step(evidence: Evidence) -> tuple[Event, int, int] | None:
    """The first event that does not count up from the one before it, with both numbers."""
    numbered = _numbers(evidence)
    for (_, before), (event, number) in pairwise(numbered):
        if number <= before:
            return event, before, number
    return None


@rule(
    "responses-stream.sequence-number-is-an-integer",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_EVENT}, sequence_number",
    catalogue=["RESP-STREAM-04"],
    remedy="Send sequence_number as an integer from 0.",
    applies=_counts,
)
def sequence_number_is_an_integer(evidence: Evidence) -> Iterator[Violation]:
    """A `sequence_number` is an integer from 0."""
    return shape_violations(evidence, "responses-stream.sequence-number-is-an-integer", expected="an integer from 0")


@rule(
    "responses-stream.every-event-is-numbered",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_EVENT}, sequence_number is required; observed: on each event, or in early 2025 on none",
    catalogue=["RESP-STREAM-04"],
    remedy="Number every event, those that a proxy adds too.",
    applies=_counts,
)
def every_event_is_numbered(evidence: Evidence) -> Iterator[Violation]:
    """Where events are numbered, every event is."""
    return at_most(
        at(event, expected="a sequence_number, as other events have", actual="none")
        for event in _events(evidence)
        if "sequence_number" not in event.fields
    )


@rule(
    "responses-stream.sequence-numbers-rise",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_EVENT}, sequence_number",
    catalogue=["RESP-STREAM-04"],
    remedy="Count in one place, in the order in which events are written.",
    # Recorders that rebuild the framing have been seen to join several answers, each of which counts from 0.
    needs=[Need.FRAMING],
    applies=lambda evidence: len(_numbers(evidence)) > 1,
)
def sequence_numbers_rise(evidence: Evidence) -> Iterator[Violation]:
    """Sequence numbers rise from event to event."""
    found = _faulty_step(evidence)
    if found is not None:
        event, before, number = found
        yield at(event, expected=f"more than {describe(before)}", actual=describe(number))


@rule(
    "responses-stream.sequence-numbers-are-contiguous",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: from 0 in steps of 1 in every numbered stream of seven vendors",
    catalogue=["RESP-STREAM-04"],
    remedy="Begin at 0 and count by 1; a gap looks like an event that was lost.",
    applies=_counts,
)
def sequence_numbers_are_contiguous(evidence: Evidence) -> Iterator[Violation]:
    """Sequence numbers begin at 0 and leave none out."""
    if _faulty_step(evidence) is not None:
        return
    # An event without a number, or one that is none, has a rule of its own; its place is left to it.
    expected = 0
    for event in _events(evidence):
        number = integer_or_none(event.fields.get("sequence_number"))
        if number is not None and number != expected:
            yield at(event, expected=f"sequence_number {expected}", actual=describe(number))
            return
        expected = expected + 1 if number is None else number + 1


# --- what an event names and carries -----------------------------------------------------------------------------


@rule(
    "responses-stream.lifecycle-events-carry-the-response",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseCreatedEvent.response and its like",
    catalogue=["RESP-STREAM-18"],
    remedy="Send the whole response object with created, in_progress and the terminal event.",
    applies=_has("response"),
)
def lifecycle_events_carry_the_response(evidence: Evidence) -> Iterator[Violation]:
    """Events about the response carry it under `response`."""
    expected = "the response object under response"
    yield from shape_violations(evidence, "responses-stream.lifecycle-events-carry-the-response", expected=expected)
    for event in _events(evidence):
        if event.type == "response.failed" and event.response is None:
            yield at(event, expected=expected, actual=describe(event.fields.get("response")))


@rule(
    "responses-stream.item-events-carry-the-item",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseOutputItemAddedEvent.item, ResponseOutputItemDoneEvent.item",
    catalogue=["RESP-STREAM-07"],
    remedy="Send the item with the event that opens it, and whole with the one that closes it.",
    applies=_has("item"),
)
def item_events_carry_the_item(evidence: Evidence) -> Iterator[Violation]:
    """Events that open or close an item carry it under `item`."""
    return shape_violations(
        evidence, "responses-stream.item-events-carry-the-item", expected="the item object under item"
    )


@rule(
    "responses-stream.part-events-carry-the-part",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseContentPartAddedEvent.part, ResponseContentPartDoneEvent.part",
    catalogue=["RESP-STREAM-11"],
    remedy="Send the part with the event that opens it, and whole with the one that closes it.",
    applies=_has("content", "summary"),
)
def part_events_carry_the_part(evidence: Evidence) -> Iterator[Violation]:
    """Events that open or close a part carry it under `part`."""
    return shape_violations(
        evidence, "responses-stream.part-events-carry-the-part", expected="the part object under part"
    )


_OF_ITEMS: Final = ("item", "content", "summary", "body", "hosted")


@rule(
    "responses-stream.events-name-the-output-index",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseTextDeltaEvent.output_index and its like; clients find the item by it",
    catalogue=["RESP-STREAM-24"],
    remedy="Send the place of the item in the output with every event about it.",
    applies=_has(*_OF_ITEMS),
)
def events_name_the_output_index(evidence: Evidence) -> Iterator[Violation]:
    """Events about an item have its `output_index`, an integer from 0."""
    return shape_violations(
        evidence, "responses-stream.events-name-the-output-index", expected="output_index, an integer from 0"
    )


@rule(
    "responses-stream.events-name-the-item",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseTextDeltaEvent.item_id and its like",
    catalogue=["RESP-STREAM-24"],
    remedy="Send the id of the item with every delta and with what follows it.",
    applies=_has(*_OF_ITEMS[1:]),
)
def events_name_the_item(evidence: Evidence) -> Iterator[Violation]:
    """Events inside an item have its `item_id`, a string that is not empty."""
    return shape_violations(evidence, "responses-stream.events-name-the-item", expected="item_id, a string")


@rule(
    "responses-stream.events-name-the-part",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseTextDeltaEvent.content_index and its like, with summary_index for summaries",
    catalogue=["RESP-STREAM-24"],
    remedy="Send content_index with every event about a part, summary_index with those about a summary.",
    applies=_has("content", "summary"),
)
def events_name_the_part(evidence: Evidence) -> Iterator[Violation]:
    """Events about a part have its `content_index` or `summary_index`, an integer from 0."""
    return shape_violations(evidence, "responses-stream.events-name-the-part", expected="an integer from 0")


@rule(
    "responses-stream.delta-is-a-string",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseTextDeltaEvent.delta and its like",
    catalogue=["RESP-STREAM-24"],
    remedy="Send the increment as a string; arguments too are JSON as text.",
    applies=_has("content", "summary", "body"),
)
def delta_is_a_string(evidence: Evidence) -> Iterator[Violation]:
    """The `delta` of an event is a string."""
    return shape_violations(evidence, "responses-stream.delta-is-a-string", expected="delta is a string")


@rule(
    "responses-stream.done-has-the-whole",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseTextDoneEvent.text, ResponseFunctionCallArgumentsDoneEvent.arguments",
    catalogue=["RESP-STREAM-12", "RESP-STREAM-13"],
    remedy="Send the whole text with the event that ends it, under the key that the event has for it.",
    applies=_has("content", "summary", "body"),
)
def done_has_the_whole(evidence: Evidence) -> Iterator[Violation]:
    """An event that ends a text holds the whole of it, a string."""
    return shape_violations(evidence, "responses-stream.done-has-the-whole", expected="the whole text, a string")


@rule(
    "responses-stream.no-top-level-error-key",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-go 1.12.0, packages/ssestream/ssestream.go: any key error ends the stream, null too",
    catalogue=["RESP-STREAM-25"],
    remedy="Leave the key error out of every event but the one of type error.",
    applies=is_event_stream,
)
def no_top_level_error_key(evidence: Evidence) -> Iterator[Violation]:
    """No event but an `error` has a top-level key `error`, not even null."""
    return at_most(
        at(event, expected="no key error", actual=f"error is {describe(event.fields['error'])}")
        for event in _events(evidence)
        if "error" in event.fields and event.type not in ("error", "?")
    )


@rule(
    "responses-stream.no-end-marker",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: OpenAI's streams end with the terminal event; clients put up with [DONE]",
    catalogue=["RESP-STREAM-22"],
    remedy="Leave [DONE] out: the terminal event ends the answer.",
    needs=[Need.FRAMING],
    applies=is_event_stream,
)
def no_end_marker(evidence: Evidence) -> Iterator[Violation]:
    """The stream ends with its terminal event, without `[DONE]`."""
    for marker in evidence.transcript.markers[:1]:
        yield Violation(
            expected="no end marker",
            actual=quote(marker.text),
            start=marker.start,
            end=marker.end,
            at_ns=marker.at_ns,
        )


@rule(
    "responses-stream.event-matches-the-schema",
    dialects=RESPONSES,
    standard=SHOULD,
    source=_EVENT,
    remedy="Send what the schema describes; unknown keys are welcome, known ones have their types.",
    applies=is_event_stream,
)
def event_matches_the_schema(evidence: Evidence) -> Iterator[Violation]:
    """Every event matches the schema of its type also where no other rule looks."""
    return unclaimed(evidence)
