"""What server-sent events carry: each one whole JSON object, and nothing that parsers read differently."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.names import BUT_GEMINI, CHAT
from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.payload import Payload, parse
from vapi_conformance.rules.bounding import tell
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.sse_lines import blocks, is_stream, tears

__all__ = [
    "event_is_not_split",
    "events_are_separated",
    "no_event_names",
    "no_lone_surrogates",
    "one_data_line_per_event",
    "payload_is_an_object",
    "payload_is_json",
    "payload_keys_are_unique",
    "payload_numbers_are_finite",
]

_CHUNK: Final = "openai-openapi 2.3.0, CreateChatCompletionStreamResponse"
_END_MARKER: Final = "[DONE]"


def _is_broken(payload: Payload) -> bool:
    """No JSON text; `NaN` and its kind are told by their own rule."""
    return payload.error is not None and not payload.non_finite


def _is_joined(payload: Payload) -> bool:
    """Several payloads in one event, the last of which may be the end marker."""
    if payload.complete_values > 1:
        return True
    text = payload.raw.rstrip()
    if not text.endswith(_END_MARKER):
        return False
    rest = parse(text.removesuffix(_END_MARKER))
    return rest.error is None or rest.complete_values > 1


def _chunk_at(evidence: Evidence) -> dict[int, Chunk]:
    return {chunk.start: chunk for chunk in evidence.transcript.chunks}


@rule(
    "sse.event-is-not-split",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="HTML Living Standard, 9.2.6",
    catalogue=["SSE-05"],
    remedy="Write JSON on one line: line breaks inside strings are escaped as \\n by every JSON writer.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def event_is_not_split(evidence: Evidence) -> Iterator[Violation]:
    """No line break and no empty line cuts a payload in two."""
    yield from tell(
        tears(evidence),
        lambda tear: Violation.at(
            tear.chunk,
            expected="each payload whole, on one line of one event",
            actual=f"a payload that stops at {quote(tear.chunk.payload.raw[-40:])} and goes on after a line break",
        ),
    )


@rule(
    "sse.events-are-separated",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="HTML Living Standard, 9.2.6",
    catalogue=["SSE-04"],
    remedy="Write an empty line between events: each ends with two line ends.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def events_are_separated(evidence: Evidence) -> Iterator[Violation]:
    """An empty line stands between any two events, so that no event holds several payloads."""
    yield from tell(
        (chunk for chunk in evidence.transcript.chunks if _is_broken(chunk.payload) and _is_joined(chunk.payload)),
        lambda chunk: Violation.at(
            chunk,
            expected="one payload in each event",
            actual=f"{_payloads(chunk.payload)} payloads in one, beginning {quote(chunk.payload.raw, 60)}",
        ),
    )


def _payloads(payload: Payload) -> str:
    return "several" if payload.complete_values <= 1 else str(payload.complete_values)


@rule(
    "sse.one-data-line-per-event",
    dialects=BUT_GEMINI,
    standard=SHOULD,
    vapi=SHOULD,
    source="HTML Living Standard, 9.2.6 joins the lines; observed: clients that read line by line do not",
    catalogue=["SSE-08"],
    remedy="Write JSON on one line, without indentation.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def one_data_line_per_event(evidence: Evidence) -> Iterator[Violation]:
    """Each payload is on one `data` line."""
    chunk_at = _chunk_at(evidence)
    yield from tell(
        (
            (chunk, lines)
            for block in blocks(evidence)
            if (chunk := chunk_at.get(block.start)) is not None
            and not _is_broken(chunk.payload)
            and (lines := sum(field.name == "data" for field in block.fields)) > 1
        ),
        lambda found: Violation.at(found[0], expected="one `data` line", actual=f"{found[1]} of them for one payload"),
    )


@rule(
    "sse.payload-is-json",
    standard=MUST,
    vapi=MUST,
    both=True,
    source=f"RFC 8259, 2; {_CHUNK}",
    catalogue=["SSE-09"],
    remedy="Let a JSON writer make every payload; the only payload that is no JSON is [DONE].",
    applies=is_stream,
)
def payload_is_json(evidence: Evidence) -> Iterator[Violation]:
    """Each payload is one complete JSON text, or the end marker."""
    torn = frozenset[int]().union(*(tear.chunks for tear in tears(evidence)))
    yield from tell(
        (
            chunk
            for chunk in evidence.transcript.chunks
            if _is_broken(chunk.payload) and chunk.index not in torn and not _is_joined(chunk.payload)
        ),
        lambda chunk: Violation.at(
            chunk,
            expected="a JSON text",
            actual=f"{quote(chunk.payload.raw)}: {chunk.payload.error}",
        ),
    )


@rule(
    "sse.payload-is-an-object",
    standard=MUST,
    vapi=MUST,
    both=True,
    source=_CHUNK,
    catalogue=["SSE-10"],
    remedy="Send each chunk as a JSON object.",
    applies=is_stream,
)
def payload_is_an_object(evidence: Evidence) -> Iterator[Violation]:
    """Each JSON payload is an object."""
    yield from tell(
        (chunk for chunk in evidence.transcript.chunks if chunk.payload.error is None and chunk.record is None),
        lambda chunk: Violation.at(chunk, expected="a JSON object", actual=quote(chunk.payload.raw)),
    )


@rule(
    "sse.payload-keys-are-unique",
    standard=MUST,
    vapi=SHOULD,
    source="RFC 8259, 4: with a repeated name the behaviour of parsers is unpredictable",
    catalogue=["SSE-11"],
    remedy="Write each key of an object once.",
    applies=is_stream,
)
def payload_keys_are_unique(evidence: Evidence) -> Iterator[Violation]:
    """No object in a payload has the same key twice."""
    yield from tell(
        (chunk for chunk in evidence.transcript.chunks if chunk.payload.repeated_keys),
        lambda chunk: Violation.at(
            chunk,
            expected="each key once in an object",
            actual=f"{', '.join(map(quote, chunk.payload.repeated_keys[:5]))} more than once",
        ),
    )


@rule(
    "sse.payload-numbers-are-finite",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="RFC 8259, 6: Infinity and NaN are not permitted",
    catalogue=["SSE-11"],
    remedy="Send null, or leave the key out.",
    applies=is_stream,
)
def payload_numbers_are_finite(evidence: Evidence) -> Iterator[Violation]:
    """No payload holds NaN or Infinity."""
    yield from tell(
        (chunk for chunk in evidence.transcript.chunks if chunk.payload.non_finite),
        lambda chunk: Violation.at(
            chunk, expected="numbers that JSON has", actual=", ".join(sorted(set(chunk.payload.non_finite)))
        ),
    )


@rule(
    "sse.no-lone-surrogates",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="RFC 8259, 8.2",
    catalogue=["SSE-18"],
    remedy="Cut the text between characters, not between UTF-16 code units.",
    applies=is_stream,
)
def no_lone_surrogates(evidence: Evidence) -> Iterator[Violation]:
    """No string holds half of a surrogate pair, and no character is cut between two deltas."""
    yield from tell(
        (chunk for chunk in evidence.transcript.chunks if chunk.payload.lone_surrogates),
        lambda chunk: Violation.at(
            chunk,
            expected="whole characters in every string",
            actual=f"half of a surrogate pair in {quote(chunk.payload.raw)}",
        ),
    )


@rule(
    "sse.no-event-names",
    dialects=CHAT,
    standard=SHOULD,
    vapi=MUST,
    source="observed: no stream of api.openai.com has one; openai-node 4.91 hands a named event over in another form",
    catalogue=["SSE-21"],
    remedy="Leave the `event` line out.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def no_event_names(evidence: Evidence) -> Iterator[Violation]:
    """Chunks come without an `event` line; only an error may have one."""
    chunk_at = _chunk_at(evidence)
    yield from tell(
        (
            (chunk, names[-1])
            for block in blocks(evidence)
            if (names := [field.value for field in block.fields if field.name == "event"])
            and (chunk := chunk_at.get(block.start)) is not None
            # Groq names a failure in mid-stream, and clients raise for it either way.
            and not object_or_nothing(chunk.payload.value).get("error")
        ),
        lambda found: Violation.at(
            found[0], expected="no `event` line beside a chunk", actual=f"event: {quote(found[1])}"
        ),
    )
