"""Parts on a Responses stream: text, refusals and summaries are opened, filled and closed, and every telling agrees.

The same words are told up to five times: in deltas, in the event that ends them, with the part, with the item, and in
the terminal event. Each telling is held against those before it and is at fault when it equals none of them, so that
one slip is told once.
"""

from collections.abc import Callable, Iterator
from typing import Final

from vapi_conformance.dialects.responses.order import Signal, State
from vapi_conformance.dialects.responses.story import Event, Item, Unit
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import integer_or_none, object_or_nothing, string_or_none
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.responses.view import (
    RESPONSES,
    at,
    faults_of,
    is_readable,
    items_of,
    story_of,
    texts_in,
)
from vapi_conformance.rules.rule import MUST, SHOULD, Violation, rule
from vapi_conformance.rules.shape import shape_violations

__all__ = [
    "annotations_are_numbered",
    "item_repeats_its_text",
    "nothing_follows_a_done_text",
    "output_repeats_the_text",
    "part_indexes_are_contiguous",
    "part_is_added_first",
    "part_is_added_once",
    "part_is_done",
    "part_repeats_its_text",
    "reasoning_done_equals_deltas",
    "refusal_done_equals_deltas",
    "text_done_equals_deltas",
    "text_is_done",
]

_API: Final = "openai-openapi 2.3.0"
_REASONING: Final = ("summary_text", "reasoning_text")
_TEXTS: Final = ("output_text", "refusal", *_REASONING)
_HOLDERS: Final = ("message", "reasoning")


def _units(evidence: Evidence, *subjects: str) -> Iterator[tuple[Item, Unit]]:
    for item in items_of(evidence):
        for unit in item.units:
            if not subjects or unit.subject in subjects:
                yield item, unit


def _readable(*subjects: str) -> Callable[[Evidence], bool]:
    """From subjects to whether a stream of which nothing is lost has such a text."""
    return lambda evidence: is_readable(evidence) and any(True for _ in _units(evidence, *subjects))


def _has_parts(evidence: Evidence) -> bool:
    return is_readable(evidence) and any(unit.scope != "body" for _, unit in _units(evidence))


def _where(unit: Unit, item: Item) -> str:
    return f"part {unit.index} of item {item.index}"


# --- order -------------------------------------------------------------------------------------------------------


@rule(
    "responses-stream.part-is-added-first",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-python, src/openai/lib/streaming/responses: the helper fails on text of a part that was not added",
    catalogue=["RESP-STREAM-11", "RESP-STREAM-16"],
    remedy="Send response.content_part.added before the first delta (reasoning_summary_part.added for a summary).",
    applies=_has_parts,
)
def part_is_added_first(evidence: Evidence) -> Iterator[Violation]:
    """A part is added before its text."""
    seen: set[tuple[object, object]] = set()
    for fault in faults_of(evidence):
        fields = fault.event.fields
        key = (integer_or_none(fields.get("output_index")), integer_or_none(fields.get("content_index")))
        if fault.state is State.NO_PART and key not in seen:
            seen.add(key)
            yield at(fault.event, expected="the part added first", actual=quote(fault.event.type))


@rule(
    "responses-stream.part-is-added-once",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, ResponseContentPartAddedEvent: a new part",
    catalogue=["RESP-STREAM-11", "RESP-STREAM-16"],
    remedy="Add each part once.",
    applies=_has_parts,
)
def part_is_added_once(evidence: Evidence) -> Iterator[Violation]:
    """No part is added twice."""
    return at_most(
        at(fault.event, expected="each part added once", actual=f"{quote(fault.event.type)} again")
        for fault in faults_of(evidence)
        if fault.signal is Signal.PART_ADDED and fault.state in (State.PART_OPEN, State.PART_FULL, State.PART_DONE)
    )


@rule(
    "responses-stream.text-is-done",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, ResponseTextDoneEvent, ResponseRefusalDoneEvent, ResponseReasoningSummaryTextDoneEvent",
    catalogue=["RESP-STREAM-12", "RESP-STREAM-15", "RESP-STREAM-16"],
    remedy="End each text with its done event, before the part is done.",
    applies=_has_parts,
)
def text_is_done(evidence: Evidence) -> Iterator[Violation]:
    """A text, a refusal or a summary ends with its done event."""
    return at_most(
        at(fault.event, expected="the done event of the text first", actual=quote(fault.event.type))
        for fault in faults_of(evidence)
        if fault.state is State.PART_OPEN and fault.signal in (Signal.PART_DONE, Signal.ITEM_DONE)
    )


@rule(
    "responses-stream.part-is-done",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, ResponseContentPartDoneEvent, ResponseReasoningSummaryPartDoneEvent",
    catalogue=["RESP-STREAM-11", "RESP-STREAM-16"],
    remedy="Send response.content_part.done before the item is done (reasoning_summary_part.done for a summary).",
    applies=_has_parts,
)
def part_is_done(evidence: Evidence) -> Iterator[Violation]:
    """A part that was added is done before its item is."""
    return at_most(
        at(fault.event, expected="the part done first", actual=quote(fault.event.type))
        for fault in faults_of(evidence)
        if fault.state is State.PART_FULL and fault.signal is Signal.ITEM_DONE
    )


@rule(
    "responses-stream.nothing-follows-a-done-text",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, ResponseTextDoneEvent: the text is final",
    catalogue=["RESP-STREAM-12", "RESP-STREAM-15", "RESP-STREAM-16"],
    remedy="Send the done event after the last delta, once.",
    applies=_has_parts,
)
def nothing_follows_a_done_text(evidence: Evidence) -> Iterator[Violation]:
    """No delta follows the end of its text, and a text or part ends once."""
    said = (Signal.DELTA, Signal.TEXT_DONE, Signal.PART_DONE, Signal.NOTE)
    return at_most(
        at(fault.event, expected="nothing more of a text that is done", actual=quote(fault.event.type))
        for fault in faults_of(evidence)
        if fault.state in (State.PART_FULL, State.PART_DONE) and fault.signal in said
    )


@rule(
    "responses-stream.part-indexes-are-contiguous",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, ResponseContentPartAddedEvent.content_index, ResponseReasoningSummaryPartAddedEvent.summary_index",
    catalogue=["RESP-STREAM-11", "RESP-STREAM-16"],
    remedy="Number the parts of an item 0, 1, 2, and those of its summary likewise.",
    applies=_has_parts,
)
def part_indexes_are_contiguous(evidence: Evidence) -> Iterator[Violation]:
    """The parts of an item, and those of a summary, are added with the indexes 0, 1, 2 and so on."""
    for item in items_of(evidence):
        expected = {"content": 0, "summary": 0}
        for unit in (unit for unit in item.units if unit.added):
            if unit.index != expected[unit.scope]:
                actual = f"index {describe(unit.index)} in item {item.index}"
                yield at(unit.added[0], expected=f"index {expected[unit.scope]}", actual=actual)
                return
            expected[unit.scope] += 1


@rule(
    "responses-stream.annotations-are-numbered",
    dialects=RESPONSES,
    standard=SHOULD,
    source=f"{_API}, ResponseOutputTextAnnotationAddedEvent.annotation, .annotation_index",
    catalogue=["RESP-STREAM-11"],
    remedy="Send annotations as objects, with annotation_index 0, 1, 2 in each part.",
    applies=lambda evidence: any(unit.notes for _, unit in _units(evidence)),
)
def annotations_are_numbered(evidence: Evidence) -> Iterator[Violation]:
    """The annotations of a text are objects and are numbered from 0."""
    yield from shape_violations(evidence, "responses-stream.annotations-are-numbered", expected="an object, numbered")
    for _, unit in _units(evidence):
        for expected, event in enumerate(unit.notes):
            index = integer_or_none(event.fields.get("annotation_index"))
            if index is not None and index >= 0 and index != expected:
                yield at(event, expected=f"annotation_index {expected}", actual=describe(index))
                return


# --- agreement ---------------------------------------------------------------------------------------------------


def _tellings(unit: Unit) -> list[str]:
    """What was said of the text before its part was done: the deltas joined, and the whole."""
    whole = unit.done[0].text if unit.done else None
    told = [unit.joined] if unit.deltas else []
    return told if whole is None else [*told, whole]


def _differs(unit: Unit) -> Iterator[Violation]:
    whole = unit.done[0].text if unit.done else None
    if whole is not None and unit.deltas and whole != unit.joined:
        yield at(unit.done[0], expected=f"{_ends(unit.joined)}, the deltas joined", actual=_ends(whole))


def _ends(text: str) -> str:
    """A long text by its length and its last words, where most slips are."""
    return quote(text) if len(text) <= 60 else f"{len(text)} characters ending {quote(text[-40:])}"  # noqa: PLR2004


@rule(
    "responses-stream.text-done-equals-deltas",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, ResponseTextDoneEvent.text; observed: the sum of the deltas in every stream",
    catalogue=["RESP-STREAM-12"],
    remedy="Send in response.output_text.done exactly what the deltas add up to.",
    applies=_readable("output_text"),
)
def text_done_equals_deltas(evidence: Evidence) -> Iterator[Violation]:
    """The text that is done is the sum of its deltas."""
    return at_most(each for _, unit in _units(evidence, "output_text") for each in _differs(unit))


@rule(
    "responses-stream.refusal-done-equals-deltas",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, ResponseRefusalDoneEvent.refusal",
    catalogue=["RESP-STREAM-15"],
    remedy="Send in response.refusal.done exactly what the deltas add up to.",
    applies=_readable("refusal"),
)
def refusal_done_equals_deltas(evidence: Evidence) -> Iterator[Violation]:
    """The refusal that is done is the sum of its deltas."""
    return at_most(each for _, unit in _units(evidence, "refusal") for each in _differs(unit))


@rule(
    "responses-stream.reasoning-done-equals-deltas",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, ResponseReasoningSummaryTextDoneEvent.text, ResponseReasoningTextDoneEvent.text",
    catalogue=["RESP-STREAM-16"],
    remedy="Send with the end of reasoning exactly what its deltas add up to.",
    applies=_readable(*_REASONING),
)
def reasoning_done_equals_deltas(evidence: Evidence) -> Iterator[Violation]:
    """Reasoning that is done, or a summary of it, is the sum of its deltas."""
    return at_most(each for _, unit in _units(evidence, *_REASONING) for each in _differs(unit))


def _part_text(event: Event) -> str | None:
    return next(iter(texts_in({"content": [dict(event.part)]})), None)


@rule(
    "responses-stream.part-repeats-its-text",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, ResponseContentPartDoneEvent.part; observed: the same text in every stream",
    catalogue=["RESP-STREAM-12", "RESP-STREAM-15", "RESP-STREAM-16"],
    remedy="Send with the part that is done the text that was streamed.",
    applies=lambda evidence: is_readable(evidence) and any(unit.closed for _, unit in _units(evidence)),
)
def part_repeats_its_text(evidence: Evidence) -> Iterator[Violation]:
    """A part that is done holds the text that was streamed."""
    return at_most(
        at(unit.closed[0], expected=_ends(told[-1]), actual=f"{_ends(said)} in {_where(unit, item)}")
        for item, unit in _units(evidence)
        if unit.closed and (said := _part_text(unit.closed[0])) is not None
        if (told := _tellings(unit)) and said not in told
    )


def _streamed_texts(item: Item) -> list[list[str]]:
    """For each part of an item what was said of its text, by index; summaries after the content."""
    units = [unit for unit in item.units if unit.subject in _TEXTS]
    return [
        [*_tellings(unit), *(text for event in unit.closed if (text := _part_text(event)) is not None)]
        for unit in sorted(units, key=lambda unit: (unit.scope == "summary", unit.index))
    ]


def _held_texts(fields: object) -> list[str]:
    record = object_or_nothing(fields)
    return [*texts_in(record), *texts_in(record, "summary")]


def _disagreeing(item: Item, fields: object) -> tuple[str, str] | None:
    """What was streamed and what an item holds, at the first place where they differ."""
    streamed, held = [texts for texts in _streamed_texts(item) if texts], _held_texts(fields)
    if len(held) != len(streamed):
        return f"{len(streamed)} texts", f"{len(held)}"
    return next(
        ((_ends(texts[-1]), _ends(text)) for texts, text in zip(streamed, held, strict=True) if text not in texts), None
    )


def _done_texts(evidence: Evidence) -> Iterator[tuple[Item, Event]]:
    for item in items_of(evidence, *_HOLDERS):
        for event in item.done[:1]:
            if any(unit.subject in _TEXTS and _tellings(unit) for unit in item.units):
                yield item, event


@rule(
    "responses-stream.item-repeats-its-text",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_API}, ResponseOutputItemDoneEvent.item; observed: the whole item in every stream",
    catalogue=["RESP-STREAM-12", "RESP-STREAM-15", "RESP-STREAM-16"],
    remedy="Send with the item that is done every text that was streamed for it.",
    applies=lambda evidence: is_readable(evidence) and any(True for _ in _done_texts(evidence)),
)
def item_repeats_its_text(evidence: Evidence) -> Iterator[Violation]:
    """An item that is done holds the texts that were streamed for it."""
    return at_most(
        at(event, expected=found[0], actual=f"{found[1]} in item {item.index}")
        for item, event in _done_texts(evidence)
        if (found := _disagreeing(item, event.item)) is not None
    )


def _final_texts(evidence: Evidence) -> Iterator[tuple[Item, Event, object]]:
    """Items that were streamed beside what the terminal event holds at their place."""
    story = story_of(evidence)
    output = story.output
    for end in story.ends[:1]:
        if end.place.signal is Signal.FAILED:
            return
        for item, event in _done_texts(evidence):
            if 0 <= item.index < len(output):
                yield item, event, output[item.index]


@rule(
    "responses-stream.output-repeats-the-text",
    dialects=RESPONSES,
    standard=MUST,
    source="observed: the terminal event repeats every text; official helpers take the final answer from it",
    catalogue=["RESP-STREAM-12", "RESP-STREAM-18"],
    remedy="Build the output of the terminal event from the items that were streamed.",
    applies=lambda evidence: is_readable(evidence) and any(True for _ in _final_texts(evidence)),
)
def output_repeats_the_text(evidence: Evidence) -> Iterator[Violation]:
    """The output of the terminal event holds the texts that were streamed."""
    for item, event, final in _final_texts(evidence):
        same_item = string_or_none(object_or_nothing(final).get("type")) == item.type
        found = _disagreeing(item, final)
        if same_item and found is not None and _held_texts(final) != _held_texts(event.item):
            yield at(story_of(evidence).ends[0], expected=found[0], actual=f"{found[1]} in item {item.index}")
            return
