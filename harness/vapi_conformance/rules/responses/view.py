"""An answer of the Responses API as its own rules look at it: its responses, items and parts, streamed or whole."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.responses.story import Event, Fault, Item, Story, StoryTranscript
from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.rules.rule import Violation
from vapi_conformance.rules.streamed import is_whole

__all__ = [
    "RESPONSES",
    "Sent",
    "at",
    "carries_a_response",
    "faults_of",
    "final_response",
    "has_item",
    "has_part",
    "is_event_stream",
    "is_readable",
    "is_whole_event_stream",
    "items_of",
    "output_items",
    "responses_of",
    "sent_items",
    "sent_parts",
    "sent_responses",
    "story_of",
    "texts_in",
]

RESPONSES: Final = frozenset({Dialect.OPENAI_RESPONSES})
"""The dialect whose rules these are."""


class Sent(NamedTuple):
    """Something of an answer, and the chunk that holds it."""

    chunk: Chunk
    fields: Mapping[str, object]


def story_of(evidence: Evidence) -> Story:
    """Nothing for an answer that is no success, and where a refusal was due: a fault with a rule of its own."""
    transcript, label = evidence.transcript, evidence.exchange.label
    is_judged = evidence.is_success and (label is None or label.expects != "refusal")
    return transcript.story if is_judged and isinstance(transcript, StoryTranscript) else Story()


def is_event_stream(evidence: Evidence) -> bool:
    """A successful stream with at least one event."""
    return evidence.transcript.kind == "stream" and bool(story_of(evidence).events)


def is_readable(evidence: Evidence) -> bool:
    """A stream whose every payload could be read: of another, order is not judged, because something is lost."""
    return is_event_stream(evidence) and all(chunk.record is not None for chunk in evidence.transcript.chunks)


def is_whole_event_stream(evidence: Evidence) -> bool:
    """A stream of which nothing is lost, and that reports no failure."""
    return is_event_stream(evidence) and is_whole(evidence)


def at(event: Event, *, expected: str, actual: str) -> Violation:
    """A violation that an event shows."""
    return Violation.at(event.chunk, expected=expected, actual=actual)


def items_of(evidence: Evidence, *kinds: str) -> Iterator[Item]:
    """Items of a stream; of these types, where any are named."""
    return (item for item in story_of(evidence).items if not kinds or item.type in kinds)


def faults_of(evidence: Evidence) -> tuple[Fault, ...]:
    """What came out of order; nothing where a payload is lost that may have held what is missing."""
    return story_of(evidence).faults if is_readable(evidence) else ()


def responses_of(evidence: Evidence) -> Iterator[tuple[Event, Mapping[str, object]]]:
    """Every event that carries a response, or the document, with that response."""
    for event in story_of(evidence).events:
        if (response := event.response) is not None:
            is_error = not event.type and event.chunk.index in evidence.transcript.errors
            if not is_error:
                yield event, response


def sent_responses(evidence: Evidence) -> Iterator[Sent]:
    """Responses alone."""
    return (Sent(event.chunk, response) for event, response in responses_of(evidence))


def carries_a_response(evidence: Evidence) -> bool:
    """Whether there is a response to look at."""
    return any(True for _ in sent_responses(evidence))


def final_response(evidence: Evidence) -> Sent | None:
    """That of the first terminal event, or the document; None where there is none, or one that reports an error."""
    for event in story_of(evidence).ends[:1]:
        response = event.response
        if response is not None and (event.type or event.chunk.index not in evidence.transcript.errors):
            return Sent(event.chunk, response)
    return None


def output_items(sent: Sent | None) -> Iterator[Mapping[str, object]]:
    """Items of a response's output that are objects."""
    for item in array_or_nothing(sent.fields.get("output")) if sent is not None else ():
        if (record := object_or_none(item)) is not None:
            yield record


def sent_items(evidence: Evidence) -> Iterator[Sent]:
    """Every item as often as it is sent: in item events and in the output of responses."""
    for event in story_of(evidence).events:
        if "item" in event.fields and event.place.scope == "item" and event.item:
            yield Sent(event.chunk, event.item)
    for sent in sent_responses(evidence):
        yield from (Sent(sent.chunk, item) for item in output_items(sent))


def sent_parts(evidence: Evidence) -> Iterator[Sent]:
    """Every part as often as it is sent: in part events and in the content of items."""
    for event in story_of(evidence).events:
        if event.place.scope in ("content", "summary") and event.part:
            yield Sent(event.chunk, event.part)
    for sent in sent_items(evidence):
        for part in array_or_nothing(sent.fields.get("content")):
            if (record := object_or_none(part)) is not None:
                yield Sent(sent.chunk, record)


def has_item(*kinds: str) -> Callable[[Evidence], bool]:
    """From item types to whether such an item is sent; any will do where none is named."""
    return lambda evidence: any(not kinds or sent.fields.get("type") in kinds for sent in sent_items(evidence))


def has_part(*kinds: str) -> Callable[[Evidence], bool]:
    """From part types to whether such a part is sent; any will do where none is named."""
    return lambda evidence: any(not kinds or sent.fields.get("type") in kinds for sent in sent_parts(evidence))


def texts_in(item: Mapping[str, object], key: str = "content") -> list[str]:
    """The texts and refusals of an item's parts, in their order; empty ones count."""
    found: list[str] = []
    for part in map(object_or_nothing, array_or_nothing(item.get(key))):
        text = string_or_none(part.get("text"))
        refusal = string_or_none(part.get("refusal"))
        if (said := text if text is not None else refusal) is not None:
            found.append(said)
    return found
