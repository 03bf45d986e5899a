"""The lines of Gemini's streams: `data: ` and nothing else, because its clients are no readers of event streams.

Python's takes every line that is not empty for JSON behind `data: `; Node's loses an event that follows another field
in its block; Go's splits at blank lines only, and takes one line from each block (facts on dialects, 5.3).
"""

from collections.abc import Callable, Iterator
from typing import Final

from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.bounding import tell
from vapi_conformance.rules.gemini.view import GEMINI
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, Need, Violation, rule
from vapi_conformance.rules.sse_lines import LineKind, blocks, is_stream, lone_carriage_returns, odd_lines, tears
from vapi_conformance.sse import Block, Field

__all__ = [
    "lines_end_with_lf",
    "no_comments",
    "no_end_marker",
    "no_event_lines",
    "no_id_or_retry_lines",
    "no_other_lines",
    "one_data_line_per_event",
    "one_space_after_colon",
]

_PYTHON: Final = "observed: google-genai for Python takes such a line for JSON, and fails"


def _fields(evidence: Evidence, is_meant: Callable[[Field], bool]) -> Iterator[tuple[Block, Field]]:
    return ((block, field) for block in blocks(evidence) for field in block.fields if is_meant(field))


def _told(
    evidence: Evidence, is_meant: Callable[[Field], bool], expected: str, word: Callable[[Field], str]
) -> Iterator[Violation]:
    return tell(
        _fields(evidence, is_meant),
        lambda found: Violation(
            expected=expected,
            actual=word(found[1]),
            start=found[1].start,
            end=found[1].start + max(len(found[1].name), 1),
            at_ns=found[0].at_ns,
        ),
    )


@rule(
    "gemini-stream.no-comments",
    dialects=GEMINI,
    standard=MUST,
    source=_PYTHON,
    catalogue=["GEM-STREAM-02", "SSE-12"],
    remedy="Turn off the keep-alive comments of your server or framework for this API.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def no_comments(evidence: Evidence) -> Iterator[Violation]:
    """A stream holds no comments, not even to keep the connection alive."""
    yield from _told(
        evidence,
        lambda field: field.name == "",
        "lines that begin with `data: ` only",
        lambda field: f"the comment {quote(field.value)}",
    )


@rule(
    "gemini-stream.no-event-lines",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_PYTHON}; @google/genai loses the event",
    catalogue=["GEM-STREAM-02"],
    remedy="Leave the `event` line out: an error, too, is told by the payload.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def no_event_lines(evidence: Evidence) -> Iterator[Violation]:
    """No event has a name: there is no line `event`."""
    yield from _told(
        evidence,
        lambda field: field.name == "event",
        "lines that begin with `data: ` only",
        lambda field: f"event: {quote(field.value)}",
    )


@rule(
    "gemini-stream.no-id-or-retry-lines",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_PYTHON}; @google/genai loses the event",
    catalogue=["GEM-STREAM-02"],
    remedy="Leave `id` and `retry` out: a stream cannot be resumed.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def no_id_or_retry_lines(evidence: Evidence) -> Iterator[Violation]:
    """There is no line `id` and no line `retry`."""
    yield from _told(
        evidence,
        lambda field: field.name in ("id", "retry"),
        "lines that begin with `data: ` only",
        lambda field: f"{field.name}: {quote(field.value)}",
    )


@rule(
    "gemini-stream.no-other-lines",
    dialects=GEMINI,
    standard=MUST,
    source=_PYTHON,
    catalogue=["GEM-STREAM-02", "SSE-15"],
    remedy="Put what the client is to know into the payload.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def no_other_lines(evidence: Evidence) -> Iterator[Violation]:
    """There is no field that the standard of event streams does not know."""
    lines = [line for line in odd_lines(evidence) if line.kind is LineKind.UNKNOWN]
    torn = frozenset[int]().union(*(tear.blocks for tear in tears(evidence))) if lines else frozenset[int]()
    yield from tell(
        (line for line in lines if line.block.index not in torn),
        lambda line: Violation(
            expected="lines that begin with `data: ` only",
            actual=f"a field {quote(line.field.name)}",
            start=line.field.start,
            end=line.field.start + len(line.text.encode(errors="replace")),
            at_ns=line.block.at_ns,
        ),
    )


def _is_badly_spaced(field: Field) -> bool:
    return field.name == "data" and bool(field.value) and (not field.spaced or field.value.startswith(" "))


@rule(
    "gemini-stream.one-space-after-colon",
    dialects=GEMINI,
    standard=MUST,
    source="observed: google-genai for Python fails without the space",
    catalogue=["SSE-07"],
    remedy="Write `data: ` with one space.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def one_space_after_colon(evidence: Evidence) -> Iterator[Violation]:
    """One space follows the colon after `data`."""
    several = {block.index for block in blocks(evidence) if sum(field.name == "data" for field in block.fields) > 1}
    yield from tell(
        # Of a payload on several lines the blanks are its own, and the lines have a rule of their own.
        (
            (block, field)
            for block, field in _fields(evidence, _is_badly_spaced)
            if not field.spaced or block.index not in several
        ),
        lambda found: Violation(
            expected="`data: ` with one space",
            actual=f"{'more than one' if found[1].spaced else 'no'} space before {quote(found[1].value, 40)}",
            start=found[1].start,
            end=found[1].start + len("data:"),
            at_ns=found[0].at_ns,
        ),
    )


@rule(
    "gemini-stream.one-data-line-per-event",
    dialects=GEMINI,
    standard=MUST,
    source="observed: none of the three official clients joins lines as the standard says, and @google/genai fails",
    catalogue=["SSE-08"],
    remedy="Write JSON on one line, without indentation.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def one_data_line_per_event(evidence: Evidence) -> Iterator[Violation]:
    """Each payload is on one `data` line."""
    joined = frozenset[int]().union(*(tear.blocks for tear in tears(evidence)))
    broken = {chunk.start for chunk in evidence.transcript.chunks if chunk.payload.error is not None}
    yield from tell(
        (
            (block, lines)
            for block in blocks(evidence)
            if (lines := sum(field.name == "data" for field in block.fields)) > 1
            and block.index not in joined
            and block.start not in broken
        ),
        lambda found: Violation(
            expected="one `data` line",
            actual=f"{found[1]} of them in one event",
            start=found[0].start,
            end=found[0].end,
            at_ns=found[0].at_ns,
        ),
    )


@rule(
    "gemini-stream.lines-end-with-lf",
    dialects=GEMINI,
    standard=MUST,
    source="go-genai 1.40, api_client.go: events are separated by two LF, or by two CRLF",
    catalogue=["GEM-STREAM-03", "SSE-03"],
    remedy="End every line with CRLF, as Google does, or with LF.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def lines_end_with_lf(evidence: Evidence) -> Iterator[Violation]:
    """Lines end with LF or CRLF, none with a carriage return alone."""
    alone = lone_carriage_returns(evidence)
    if alone and evidence.stream:
        lines = sum(evidence.stream.line_ends)
        yield Violation(expected="lines that end LF or CRLF", actual=f"{alone} of {lines} lines end CR")


@rule(
    "gemini-stream.no-end-marker",
    dialects=GEMINI,
    standard=MUST,
    source="observed: the official clients for Python, Node and Go all fail on it",
    catalogue=["GEM-STREAM-04"],
    remedy="End the stream after the chunk with the finishReason; [DONE] belongs to the APIs of OpenAI.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def no_end_marker(evidence: Evidence) -> Iterator[Violation]:
    """The stream has no end marker."""
    for marker in evidence.transcript.markers[:1]:
        yield Violation(
            expected="the end of the body",
            actual=quote(marker.text),
            start=marker.start,
            end=marker.end,
            at_ns=marker.at_ns,
        )
