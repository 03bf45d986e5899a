"""A streamed answer as the rules on chat streams look at it: which parts they judge, and which others have judged."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from vapi_conformance.dialects.transcript import Choice, Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_none, object_or_nothing

__all__ = [
    "KNOWN_FINISH_REASONS",
    "SentDelta",
    "is_chat_answer",
    "is_chat_stream",
    "is_streamed",
    "is_whole",
    "is_whole_stream",
    "reason_of",
    "sent_deltas",
]

KNOWN_FINISH_REASONS: Final = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
"""openai-openapi 2.3.0, CreateChatCompletionStreamResponse, choices[].finish_reason."""


class SentDelta(NamedTuple):
    """What one chunk says about one choice."""

    chunk: Chunk
    choice: int
    """Its index; its place in `choices` where it has none."""
    fields: Mapping[str, object]
    """The item of `choices` as sent."""
    delta: Mapping[str, object] | None
    """None where there is no delta, or one that is no object."""


def is_chat_stream(evidence: Evidence) -> bool:
    """A successful stream with at least one chunk that carries the answer."""
    return evidence.is_success and evidence.transcript.kind == "stream" and bool(evidence.answer_chunks)


def is_streamed(evidence: Evidence) -> bool:
    """A successful streamed answer of any API, as events or as an array of chunks."""
    return evidence.is_success and evidence.transcript.kind in ("stream", "array") and bool(evidence.answer_chunks)


def is_chat_answer(evidence: Evidence) -> bool:
    """A successful answer, streamed or whole."""
    return evidence.is_success and bool(evidence.answer_chunks)


def is_whole(evidence: Evidence) -> bool:
    """Nothing of the answer is lost, so that what is missing was never sent.

    A broken connection, an in-band error, a payload that cannot be read and an event without its end are faults
    with rules of their own; what they swallowed is not a second fault.
    """
    if not is_chat_answer(evidence) or evidence.exchange.end is not End.CLEAN or evidence.transcript.errors:
        return False
    tail = evidence.stream.tail if evidence.stream else None
    if tail is not None and any(field.name == "data" for field in tail.fields):
        return False
    return all(chunk.record is not None for chunk in evidence.transcript.chunks)


def is_whole_stream(evidence: Evidence) -> bool:
    """A stream of which nothing is lost."""
    return evidence.transcript.kind == "stream" and is_whole(evidence)


def sent_deltas(evidence: Evidence) -> Iterator[SentDelta]:
    """Every choice object of every chunk that carries the answer, in wire order."""
    for chunk in evidence.answer_chunks:
        for position, item in enumerate(array_or_nothing(object_or_nothing(chunk.payload.value).get("choices"))):
            fields = object_or_nothing(item)
            index = integer_or_none(fields.get("index"))
            yield SentDelta(
                chunk=chunk,
                choice=position if index is None else index,
                fields=fields,
                delta=object_or_none(fields.get("delta")),
            )


def reason_of(choice: Choice) -> str | None:
    """The first finish reason sent, when it is one that the standard knows; rules of their own speak about others."""
    reason = choice.finish_reason
    return reason if isinstance(reason, str) and reason in KNOWN_FINISH_REASONS else None
