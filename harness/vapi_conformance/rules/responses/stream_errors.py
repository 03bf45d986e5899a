"""How a Responses stream fails: an error event, then `response.failed`, and nothing else."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.responses.order import State
from vapi_conformance.dialects.responses.story import Event
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.narrow import object_or_none, string_or_none
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.responses.view import RESPONSES, at, faults_of, is_event_stream, is_readable, story_of
from vapi_conformance.rules.rule import MUST, SHOULD, Violation, rule

__all__ = [
    "error_event_is_well_formed",
    "error_is_followed_by_failed",
    "failed_follows_an_error",
    "only_failed_follows_an_error",
]

_ERROR: Final = "openai-openapi 2.3.0, ResponseErrorEvent; observed: with the error nested"


def _errors(evidence: Evidence) -> list[Event]:
    return [event for event in story_of(evidence).events if event.type == "error"]


def _failures(evidence: Evidence) -> list[Event]:
    return [event for event in story_of(evidence).events if event.type == "response.failed"]


def _has_error(evidence: Evidence) -> bool:
    return is_event_stream(evidence) and bool(_errors(evidence))


@rule(
    "responses-stream.error-event-is-well-formed",
    dialects=RESPONSES,
    standard=MUST,
    source=_ERROR,
    catalogue=["RESP-STREAM-21"],
    remedy="Send code, message and param in the event itself, or in an object error; the message is a sentence.",
    applies=_has_error,
)
def error_event_is_well_formed(evidence: Evidence) -> Iterator[Violation]:
    """An error event has a message, and a code that is a string or null, in itself or in an object `error`."""
    for event in _errors(evidence):
        nested = object_or_none(event.fields.get("error"))
        held = event.fields if nested is None else nested
        if "error" in event.fields and nested is None:
            actual = f"error is {describe(event.fields['error'])}"
        elif not string_or_none(held.get("message")):
            actual = f"message is {describe(held['message'])}" if "message" in held else "no message"
        elif not isinstance(held.get("code"), str | None):
            actual = f"code is {describe(held['code'])}"
        else:
            continue
        yield at(event, expected="message and code, flat or in an object error", actual=actual)


@rule(
    "responses-stream.only-failed-follows-an-error",
    dialects=RESPONSES,
    standard=MUST,
    source="openai-python, src/openai/_streaming.py: clients raise at the error and read no further",
    catalogue=["RESP-STREAM-21"],
    remedy="After an error event send response.failed and close the stream.",
    applies=lambda evidence: is_readable(evidence) and _has_error(evidence),
)
def only_failed_follows_an_error(evidence: Evidence) -> Iterator[Violation]:
    """Nothing but `response.failed` follows an error event."""
    return at_most(
        at(fault.event, expected="response.failed, or the end", actual=quote(fault.event.type))
        for fault in faults_of(evidence)
        if fault.state is State.BROKEN
    )


@rule(
    "responses-stream.error-is-followed-by-failed",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: OpenAI ends a stream that fails with response.failed; some clients wait for a terminal event",
    catalogue=["RESP-STREAM-20", "RESP-STREAM-05"],
    remedy="Send response.failed after the error event.",
    applies=lambda evidence: is_readable(evidence) and _has_error(evidence) and evidence.exchange.end is End.CLEAN,
)
def error_is_followed_by_failed(evidence: Evidence) -> Iterator[Violation]:
    """A stream with an error event ends with `response.failed`."""
    if not story_of(evidence).ends:
        yield at(_errors(evidence)[-1], expected="response.failed after it", actual="the stream ends with the error")


@rule(
    "responses-stream.failed-follows-an-error",
    dialects=RESPONSES,
    standard=SHOULD,
    source="observed: an error event comes before response.failed; official clients raise at the former only",
    catalogue=["RESP-STREAM-20"],
    remedy="Send an error event before response.failed: clients that read no further than the type notice it.",
    applies=lambda evidence: is_readable(evidence) and bool(_failures(evidence)),
)
def failed_follows_an_error(evidence: Evidence) -> Iterator[Violation]:
    """`response.failed` comes after an error event."""
    failed = _failures(evidence)[0]
    if not any(event.chunk.index < failed.chunk.index for event in _errors(evidence)):
        yield at(failed, expected="an error event before it", actual="none")
