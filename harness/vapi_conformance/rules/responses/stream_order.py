"""The course of a Responses stream from `response.created` to its one terminal event.

What is out of order comes from the dialect's table (`dialects.responses.order.TRANSITIONS`).
"""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.responses.order import TERMINAL, Signal, State
from vapi_conformance.dialects.responses.story import Event
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.responses.view import (
    RESPONSES,
    at,
    faults_of,
    is_event_stream,
    is_readable,
    is_whole_event_stream,
    responses_of,
    story_of,
)
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule

__all__ = [
    "begins_with_created",
    "begun_response_has_no_output",
    "begun_response_has_no_usage",
    "begun_response_is_in_progress",
    "created_at_is_constant",
    "has_a_terminal_event",
    "has_one_terminal_event",
    "in_progress_precedes_output",
    "lifecycle_is_in_order",
    "model_is_constant",
    "nothing_follows_the_terminal_event",
    "response_id_is_constant",
    "terminal_event_agrees_with_status",
]

_STREAM: Final = "openai-openapi 2.3.0, ResponseStreamEvent"
_PYTHON: Final = "openai-python, src/openai/lib/streaming/responses"
# Recorders that rebuild the framing have been seen to join the answers of several requests in one body.
_ONE_ANSWER: Final = (Need.FRAMING,)
_BEGINNING: Final = frozenset({Signal.CREATED, Signal.QUEUED, Signal.IN_PROGRESS})


@rule(
    "responses-stream.begins-with-created",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_PYTHON}: the helper fails where the first event is another",
    catalogue=["RESP-STREAM-01"],
    remedy="Send response.created before everything else.",
    applies=is_readable,
)
def begins_with_created(evidence: Evidence) -> Iterator[Violation]:
    """The first event is `response.created`."""
    for fault in faults_of(evidence):
        if fault.state is State.AWAITED:
            yield at(fault.event, expected="response.created first", actual=quote(fault.event.type))
            return


@rule(
    "responses-stream.lifecycle-is-in-order",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_STREAM}: created, queued, in_progress, each at most once",
    catalogue=["RESP-STREAM-01", "RESP-STREAM-02"],
    remedy="Send response.created, response.queued if at all, and response.in_progress once each, in this order.",
    applies=is_readable,
)
def lifecycle_is_in_order(evidence: Evidence) -> Iterator[Violation]:
    """The response is created, queued and in progress in this order, each at most once."""
    states = (State.CREATED, State.QUEUED, State.RUNNING)
    return at_most(
        at(
            fault.event,
            expected="created, queued, in_progress, each at most once",
            actual=f"{fault.signal} again or late",
        )
        for fault in faults_of(evidence)
        if fault.state in states and fault.signal in _BEGINNING
    )


@rule(
    "responses-stream.in-progress-precedes-output",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: response.in_progress comes before the first item in every stream",
    catalogue=["RESP-STREAM-02"],
    remedy="Send response.in_progress after response.created and before the first item.",
    applies=lambda evidence: is_readable(evidence) and bool(story_of(evidence).items),
)
def in_progress_precedes_output(evidence: Evidence) -> Iterator[Violation]:
    """`response.in_progress` comes before the first item."""
    events = story_of(evidence).events
    first = next((each for each in events if each.place.scope != "response" and "output_index" in each.fields), None)
    if first is None or any(fault.signal in _BEGINNING for fault in faults_of(evidence)):
        return
    if not any(each.place.signal is Signal.IN_PROGRESS for each in events[: first.chunk.index]):
        yield at(first, expected="response.in_progress before the first item", actual=quote(first.type))


def _begun(evidence: Evidence) -> Iterator[Event]:
    """`response.created` and what says how far it is, with a response."""
    return (
        event
        for event in story_of(evidence).events
        if event.place.signal in _BEGINNING and object_or_none(event.fields.get("response")) is not None
    )


def _begins(evidence: Evidence) -> bool:
    return is_event_stream(evidence) and any(True for _ in _begun(evidence))


@rule(
    "responses-stream.begun-response-is-in-progress",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: in_progress, or queued where the response waits in the background",
    catalogue=["RESP-STREAM-17"],
    remedy="Send status in_progress with response.created and response.in_progress.",
    applies=_begins,
)
def begun_response_is_in_progress(evidence: Evidence) -> Iterator[Violation]:
    """The response of `response.created` and `response.in_progress` has the status in_progress (or queued)."""
    allowed = {
        Signal.CREATED: ("in_progress", "queued"),
        Signal.QUEUED: ("queued",),
        Signal.IN_PROGRESS: ("in_progress",),
    }
    for event in _begun(evidence):
        status = object_or_nothing(event.response).get("status")
        # A status that does not exist, or none, is another rule's.
        if status in ("completed", "failed", "incomplete", "cancelled", "queued", "in_progress") and (
            status not in allowed[event.place.signal]
        ):
            expected = f"status {' or '.join(allowed[event.place.signal])}"
            yield at(event, expected=expected, actual=f"{describe(status)} in {event.type}")
            return


@rule(
    "responses-stream.begun-response-has-no-output",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: output is an empty array until the terminal event",
    catalogue=["RESP-STREAM-17"],
    remedy='Send "output": [] until the response is done; items come by events.',
    applies=_begins,
)
def begun_response_has_no_output(evidence: Evidence) -> Iterator[Violation]:
    """The response has no output before its terminal event."""
    for event in _begun(evidence):
        if output := array_or_nothing(object_or_nothing(event.response).get("output")):
            yield at(event, expected="an empty output", actual=f"{len(output)} items in {event.type}")
            return


@rule(
    "responses-stream.begun-response-has-no-usage",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: usage is null until the terminal event",
    catalogue=["RESP-STREAM-17", "RESP-11"],
    remedy='Send "usage": null until the response is done; some clients add up what they see.',
    applies=_begins,
)
def begun_response_has_no_usage(evidence: Evidence) -> Iterator[Violation]:
    """The response has no usage before its terminal event."""
    for event in _begun(evidence):
        if object_or_none(object_or_nothing(event.response).get("usage")) is not None:
            yield at(event, expected="usage null", actual=f"a usage object in {event.type}")
            return


@rule(
    "responses-stream.has-a-terminal-event",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_PYTHON}: without it there is no final response, and the helper fails",
    catalogue=["RESP-STREAM-05"],
    remedy="End every stream with response.completed, response.incomplete or response.failed.",
    applies=is_whole_event_stream,
)
def has_a_terminal_event(evidence: Evidence) -> Iterator[Violation]:
    """A stream ends with `response.completed`, `response.incomplete` or `response.failed`."""
    events = story_of(evidence).events
    if not any(event.type in TERMINAL for event in events):
        yield at(events[-1], expected="a terminal event", actual=f"the stream ends after {quote(events[-1].type)}")


def _has_ended(evidence: Evidence) -> bool:
    return is_event_stream(evidence) and any(event.type in TERMINAL for event in story_of(evidence).events)


@rule(
    "responses-stream.has-one-terminal-event",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_STREAM}: completed, incomplete or failed",
    catalogue=["RESP-STREAM-05"],
    remedy="Decide how the response ends, and say it once.",
    needs=_ONE_ANSWER,
    applies=_has_ended,
)
def has_one_terminal_event(evidence: Evidence) -> Iterator[Violation]:
    """A stream has one terminal event only."""
    ends = [event for event in story_of(evidence).events if event.type in TERMINAL]
    if len(ends) > 1:
        yield at(ends[1], expected="one terminal event", actual=f"{quote(ends[1].type)} after {quote(ends[0].type)}")


@rule(
    "responses-stream.nothing-follows-the-terminal-event",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_PYTHON}: the response is final; observed: nothing follows",
    catalogue=["RESP-STREAM-05"],
    remedy="Send everything before the terminal event, and close the stream after it.",
    needs=_ONE_ANSWER,
    applies=_has_ended,
)
def nothing_follows_the_terminal_event(evidence: Evidence) -> Iterator[Violation]:
    """No event follows the terminal event."""
    events = story_of(evidence).events
    first = next(place for place, event in enumerate(events) if event.type in TERMINAL)
    late = [event for event in events[first + 1 :] if event.type not in TERMINAL]
    if late:
        actual = f"{len(late)} more events, the first of them {quote(late[0].type)}"
        yield at(late[0], expected="no event after the terminal one", actual=actual)


def _changes(evidence: Evidence, key: str) -> Iterator[Violation]:
    kinds = str if key in ("id", "model") else (int, float)
    first: object = None
    for event, response in responses_of(evidence):
        value = response.get(key)
        if not isinstance(value, kinds):
            continue
        if first is not None and value != first:
            yield at(event, expected=f"{key} {describe(first)} throughout", actual=describe(value))
            return
        first = value


def _has_several(evidence: Evidence) -> bool:
    return is_event_stream(evidence) and sum(1 for _ in responses_of(evidence)) > 1


@rule(
    "responses-stream.response-id-is-constant",
    dialects=RESPONSES,
    standard=MUST,
    source=f"{_PYTHON}: the helper fails where it changes",
    catalogue=["RESP-STREAM-06"],
    remedy="Make the id when the response is created, and send the same one with it each time.",
    needs=_ONE_ANSWER,
    applies=_has_several,
)
def response_id_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """The response has the same id in every event that carries it."""
    return _changes(evidence, "id")


@rule(
    "responses-stream.model-is-constant",
    dialects=RESPONSES,
    standard=SHOULD,
    source="openai-openapi 2.3.0, Response.model; observed: the same throughout",
    catalogue=["RESP-STREAM-18"],
    remedy="Name the same model in every event that carries the response.",
    needs=_ONE_ANSWER,
    applies=_has_several,
)
def model_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """The response names the same model in every event that carries it."""
    return _changes(evidence, "model")


@rule(
    "responses-stream.created-at-is-constant",
    dialects=RESPONSES,
    standard=SHOULD,
    source="openai-openapi 2.3.0, Response.created_at; observed: the same throughout",
    catalogue=["RESP-STREAM-18", "RESP-05"],
    remedy="Read the clock when the response is created, and not for each event.",
    needs=_ONE_ANSWER,
    applies=_has_several,
)
def created_at_is_constant(evidence: Evidence) -> Iterator[Violation]:
    """The response has the same `created_at` in every event that carries it."""
    return _changes(evidence, "created_at")


@rule(
    "responses-stream.terminal-event-agrees-with-status",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-openapi 2.3.0, ResponseCompletedEvent, ResponseIncompleteEvent, ResponseFailedEvent",
    catalogue=["RESP-STREAM-19"],
    remedy="Send response.completed with status completed, and so on: some clients read the one, some the other.",
    applies=lambda evidence: any(object_or_none(each.fields.get("response")) for each in story_of(evidence).ends),
)
def terminal_event_agrees_with_status(evidence: Evidence) -> Iterator[Violation]:
    """The terminal event is called as the status of its response."""
    for event in story_of(evidence).ends:
        status = object_or_nothing(event.response).get("status")
        known = ("completed", "failed", "in_progress", "cancelled", "queued", "incomplete")
        if status in known and event.type and status != event.type.removeprefix("response."):
            yield at(event, expected=f"status {event.type.removeprefix('response.')}", actual=f"status {status}")
            return
