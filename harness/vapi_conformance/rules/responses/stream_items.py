"""Items on a Responses stream: each is added, filled and done, under one index and one id, and stands in the output."""

from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.dialects.responses.order import Signal, State
from vapi_conformance.dialects.responses.story import Event, Item
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import integer_or_none, object_or_nothing, string_or_none
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.responses.view import (
    RESPONSES,
    at,
    faults_of,
    is_event_stream,
    is_readable,
    is_whole_event_stream,
    items_of,
    story_of,
)
from vapi_conformance.rules.rule import MUST, SHOULD, Violation, rule

__all__ = [
    "added_item_is_in_progress",
    "done_item_is_finished",
    "events_fit_their_item",
    "hosted_call_begins",
    "hosted_call_ends",
    "item_id_is_constant",
    "item_indexes_are_contiguous",
    "item_is_added_first",
    "item_is_added_once",
    "item_is_done",
    "item_type_is_constant",
    "nothing_follows_a_done_item",
    "output_holds_the_items",
]

_PYTHON: Final = "openai-python, src/openai/lib/streaming/responses"


def _has_items(evidence: Evidence) -> bool:
    return is_event_stream(evidence) and bool(story_of(evidence).items)


def _readable_items(evidence: Evidence) -> bool:
    return is_readable(evidence) and bool(story_of(evidence).items)


@rule(
    "responses-stream.item-is-added-first",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_PYTHON}: the helper fails on what names an item that was not added",
    catalogue=["RESP-STREAM-07"],
    remedy="Send response.output_item.added before anything that names its output_index.",
    applies=_readable_items,
)
def item_is_added_first(evidence: Evidence) -> Iterator[Violation]:
    """An item is added before anything else names it."""
    seen: set[object] = set()
    for fault in faults_of(evidence):
        index = integer_or_none(fault.event.fields.get("output_index"))
        if fault.state is State.NO_ITEM and index not in seen:
            seen.add(index)
            actual = f"{quote(fault.event.type)} for item {describe(index)}, which was not added"
            yield at(fault.event, expected="response.output_item.added first", actual=actual)


@rule(
    "responses-stream.item-is-added-once",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_PYTHON}: the helper fails on an index that comes again",
    catalogue=["RESP-STREAM-08"],
    remedy="Add each item once.",
    applies=_readable_items,
)
def item_is_added_once(evidence: Evidence) -> Iterator[Violation]:
    """No item is added twice."""
    return at_most(
        at(fault.event, expected="each item added once", actual=f"item {describe(_index(fault.event))} again")
        for fault in faults_of(evidence)
        if fault.signal is Signal.ITEM_ADDED and fault.state in (State.ITEM_OPEN, State.ITEM_DONE)
    )


def _index(event: Event) -> object:
    return event.fields.get("output_index")


@rule(
    "responses-stream.item-indexes-are-contiguous",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseOutputItemAddedEvent.output_index: the place in the output",
    catalogue=["RESP-STREAM-08"],
    remedy="Number items 0, 1, 2 in the order in which they are added.",
    applies=_has_items,
)
def item_indexes_are_contiguous(evidence: Evidence) -> Iterator[Violation]:
    """Items are added with the indexes 0, 1, 2 and so on."""
    added = (event for item in items_of(evidence) for event in item.added[:1])
    for expected, event in enumerate(added):
        index = integer_or_none(_index(event))
        if index is not None and index != expected:
            yield at(event, expected=f"output_index {expected}", actual=describe(index))
            return


@rule(
    "responses-stream.item-is-done",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_PYTHON}: the helper fails on an item that is not done",
    catalogue=["RESP-STREAM-09"],
    remedy="Send response.output_item.done for each item before the terminal event, for one that was cut too.",
    applies=lambda evidence: is_whole_event_stream(evidence) and bool(story_of(evidence).ends) and _has_items(evidence),
)
def item_is_done(evidence: Evidence) -> Iterator[Violation]:
    """Every item that was added is done before the terminal event."""
    return at_most(
        at(item.added[0], expected="response.output_item.done", actual=f"item {item.index} stays open")
        for item in items_of(evidence)
        if item.added and not item.done
    )


@rule(
    "responses-stream.nothing-follows-a-done-item",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseOutputItemDoneEvent: the item is whole",
    catalogue=["RESP-STREAM-09"],
    remedy="Send everything about an item before its response.output_item.done, and that once.",
    applies=_readable_items,
)
def nothing_follows_a_done_item(evidence: Evidence) -> Iterator[Violation]:
    """Nothing names an item that is done; it is done once."""
    return at_most(
        at(fault.event, expected="nothing more of a done item", actual=f"{quote(fault.event.type)} for item {item}")
        for fault in faults_of(evidence)
        if fault.state is State.ITEM_DONE and fault.signal is not Signal.ITEM_ADDED
        for item in [describe(_index(fault.event))]
    )


def _ids(item: Item) -> Iterator[tuple[Event, str]]:
    """Every id by which events name the item."""
    for event in item.events:
        carried = string_or_none(event.item.get("id")) if event.place.scope == "item" else None
        name = carried or string_or_none(event.fields.get("item_id"))
        if name:
            yield event, name


@rule(
    "responses-stream.item-id-is-constant",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_PYTHON}: the helper fails where an id changes",
    catalogue=["RESP-STREAM-10"],
    remedy="Make the id when the item is added, and name the item by it to the end. It is not the call_id.",
    applies=_has_items,
)
def item_id_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """An item has the same id when it is added, in its deltas, and when it is done."""
    for item in items_of(evidence):
        named = list(_ids(item))
        other = next(((event, name) for event, name in named if name != named[0][1]), None)
        if other is not None:
            actual = f"{quote(other[1])} in {other[0].type}"
            yield at(other[0], expected=f"id {quote(named[0][1])} for item {item.index}", actual=actual)
            return


@rule(
    "responses-stream.item-type-is-constant",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_PYTHON}: clients decide by the type that was added",
    catalogue=["RESP-STREAM-10"],
    remedy="Add an item when its type is known.",
    applies=lambda evidence: any(item.added and item.done for item in items_of(evidence)),
)
def item_type_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """An item is done as what it was added."""
    for item in items_of(evidence):
        for event in item.done[:1] if item.added else ():
            kind, done = item.type, string_or_none(event.item.get("type"))
            if kind and done and kind != done:
                yield at(event, expected=f"an item of type {quote(kind)}", actual=quote(done))
                return


def _ended_well(evidence: Evidence) -> bool:
    """With a terminal event whose response has the output: of a failure nothing is promised."""
    ends = story_of(evidence).ends[:1]
    return is_readable(evidence) and any(
        each.place.signal is Signal.ENDED and isinstance(object_or_nothing(each.response).get("output"), list)
        for each in ends
    )


def _identities(items: Sequence[object]) -> list[str | None]:
    return [string_or_none(object_or_nothing(each).get("id")) for each in items]


@rule(
    "responses-stream.output-holds-the-items",
    dialects=RESPONSES,
    standard=MUST,
    source="observed: the terminal event has as many items as were added, with the same ids",
    catalogue=["RESP-STREAM-10", "RESP-STREAM-18"],
    remedy="Put every item that was streamed into the output of the terminal event, in order; official helpers use it.",
    applies=_ended_well,
)
def output_holds_the_items(evidence: Evidence) -> Iterator[Violation]:
    """The output of the terminal event holds the items that were streamed, by id and in their order."""
    story = story_of(evidence)
    by_index = sorted(story.items, key=lambda item: item.index)
    streamed = [next((name for _, name in _ids(item)), None) for item in by_index]
    final = _identities(story.output)
    if len(final) != len(streamed):
        actual = f"{len(final)} items, of {len(streamed)} that were streamed"
        yield at(story.ends[0], expected="the output that was streamed", actual=actual)
        return
    for place, (mine, theirs) in enumerate(zip(final, streamed, strict=True)):
        # An item without an id has a rule of its own; and so has one whose id changes.
        if mine and theirs and mine not in {name for _, name in _ids(by_index[place])}:
            yield at(story.ends[0], expected=f"{quote(theirs)} at place {place}", actual=quote(mine))
            return


@rule(
    "responses-stream.added-item-is-in-progress",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: items that have a status are added with in_progress",
    catalogue=["RESP-STREAM-23"],
    remedy="Add an item with status in_progress.",
    applies=lambda evidence: any("status" in event.item for item in items_of(evidence) for event in item.added),
)
def added_item_is_in_progress(evidence: Evidence) -> Iterator[Violation]:
    """An item is added with the status in_progress, where it has one."""
    return at_most(
        at(event, expected="status in_progress", actual=describe(event.item["status"]))
        for item in items_of(evidence)
        for event in item.added[:1]
        if event.item.get("status") in ("completed", "incomplete", "failed")
    )


@rule(
    "responses-stream.done-item-is-finished",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: items that have a status are done with completed or incomplete",
    catalogue=["RESP-STREAM-23"],
    remedy="Set the status of an item before its response.output_item.done.",
    applies=lambda evidence: any("status" in event.item for item in items_of(evidence) for event in item.done),
)
def done_item_is_finished(evidence: Evidence) -> Iterator[Violation]:
    """An item is done with another status than in_progress, where it has one."""
    return at_most(
        at(event, expected="status completed or incomplete", actual="in_progress")
        for item in items_of(evidence)
        for event in item.done[:1]
        if event.item.get("status") == "in_progress"
    )


_HOLDERS: Final = {
    "output_text": ("message",),
    "refusal": ("message",),
    "summary_text": ("reasoning",),
    "reasoning_text": ("reasoning",),
    "function_call_arguments": ("function_call",),
    "custom_tool_call_input": ("custom_tool_call",),
    "mcp_call_arguments": ("mcp_call",),
    "code_interpreter_call_code": ("code_interpreter_call",),
}


@rule(
    "responses-stream.events-fit-their-item",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_PYTHON}: the helper fails on text for a call, and on arguments for a message",
    catalogue=["RESP-STREAM-07", "RESP-STREAM-11"],
    remedy="Send text and refusals for messages, arguments for calls, summaries for reasoning.",
    applies=_has_items,
)
def events_fit_their_item(evidence: Evidence) -> Iterator[Violation]:
    """Text belongs to a message, arguments to a call, and a summary to reasoning."""
    for item in items_of(evidence):
        if not item.added or item.type is None:
            continue
        for event in item.events:
            subject = event.place.subject
            if subject in _HOLDERS and event.place.scope != "hosted" and item.type not in _HOLDERS[subject]:
                actual = f"{quote(event.type)} for an item of type {quote(item.type)}"
                yield at(event, expected=f"an item of type {_HOLDERS[subject][0]}", actual=actual)
                break


def _has_hosted(evidence: Evidence) -> bool:
    return is_readable(evidence) and any(item.hosted for item in items_of(evidence))


@rule(
    "responses-stream.hosted-call-begins",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: in_progress comes first, then what is done, then completed or failed",
    catalogue=["RESP-STREAM-27"],
    remedy="Send the in_progress event of a call before its others, and nothing after the last one.",
    applies=_has_hosted,
)
def hosted_call_begins(evidence: Evidence) -> Iterator[Violation]:
    """A call that the service makes itself is in progress before it works or ends, and ends once."""
    return at_most(
        at(fault.event, expected="in_progress, then the work, then one end", actual=f"{quote(fault.event.type)} {when}")
        for fault in faults_of(evidence)
        for when in [str(fault.state)]
        if fault.state is State.CALL_AWAITED
        or (fault.state is State.CALL_OVER and fault.signal is not Signal.ITEM_DONE)
    )


@rule(
    "responses-stream.hosted-call-ends",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: completed or failed comes before the item is done",
    catalogue=["RESP-STREAM-27"],
    remedy="Send the completed or failed event of a call before response.output_item.done.",
    applies=_has_hosted,
)
def hosted_call_ends(evidence: Evidence) -> Iterator[Violation]:
    """A call that the service makes itself completes or fails before its item is done."""
    return at_most(
        at(fault.event, expected=f"response.{fault.unit}.completed or .failed first", actual=quote(fault.event.type))
        for fault in faults_of(evidence)
        if fault.state is State.CALL_RUNS and fault.signal is Signal.ITEM_DONE
    )
