"""Server-sent events as framing: what a client that follows the HTML standard can read.

Numbers in comments are of its section 9.2.6. What the events carry is judged in `sse_payload`.
"""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.names import BUT_GEMINI
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.rules.bounding import tell
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.sse_lines import (
    KNOWN_FIELDS,
    LineKind,
    OddLine,
    blocks,
    is_stream,
    is_whole_stream,
    odd_lines,
    tears,
)
from vapi_conformance.sse import Block, Field

__all__ = [
    "body_holds_only_sse",
    "field_names_are_exact",
    "id_and_retry_are_well_formed",
    "last_event_is_terminated",
    "ndjson_is_not_sse",
    "no_comment_only_blocks",
    "no_empty_events",
    "no_unknown_fields",
    "one_space_after_colon",
    "stream_has_an_event",
]

_STANDARD: Final = "HTML Living Standard, 9.2.6"


def _may_be_stream(evidence: Evidence) -> bool:
    asked = evidence.request is None or evidence.request.stream
    return is_stream(evidence) or (evidence.is_success and asked and evidence.transcript.kind == "ndjson")


def _should_hold_events(evidence: Evidence) -> bool:
    if is_whole_stream(evidence):
        return True
    return (
        evidence.status == 200  # noqa: PLR2004 - a 204 says by itself that nothing comes
        and evidence.transcript.kind == "nothing"
        and evidence.media_type == "text/event-stream"
        and evidence.exchange.end is End.CLEAN
        and evidence.decoded.error is None
    )


def _at_block(block: Block, *, expected: str, actual: str) -> Violation:
    return Violation(expected=expected, actual=actual, start=block.start, end=block.end, at_ns=block.at_ns)


def _at_line(line: OddLine, *, expected: str, actual: str) -> Violation:
    start = line.field.start
    length = len(line.text.encode(errors="replace"))
    return Violation(expected=expected, actual=actual, start=start, end=start + length, at_ns=line.block.at_ns)


@rule(
    "sse.last-event-is-terminated",
    standard=MUST,
    vapi=MUST,
    both=True,
    source=_STANDARD,
    catalogue=["SSE-04", "GEM-STREAM-05"],
    remedy="End every event with an empty line, the last one too.",
    needs=[Need.FRAMING],
    applies=is_whole_stream,
)
def last_event_is_terminated(evidence: Evidence) -> Iterator[Violation]:
    """The last event is closed by an empty line."""
    tail = evidence.stream.tail if evidence.stream else None
    if tail is not None and any(field.name == "data" for field in tail.fields):
        yield _at_block(
            tail,
            expected="an empty line after the last event",
            actual="the body ends inside an event, which a client then discards",
        )


@rule(
    "sse.field-names-are-exact",
    standard=MUST,
    vapi=MUST,
    both=True,
    source=_STANDARD,
    catalogue=["SSE-06"],
    remedy="Write the field name in lower case at the very start of the line: `data: ...`.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def field_names_are_exact(evidence: Evidence) -> Iterator[Violation]:
    """Field names are written exactly: lower case, no blank before or after the name."""
    yield from tell(
        (line for line in odd_lines(evidence) if line.kind is LineKind.MISNAMED),
        lambda line: _at_line(
            line,
            expected="`data`, `event`, `id` or `retry`, exactly",
            actual=f"{quote(line.field.name)}, a field that clients ignore",
        ),
    )


@rule(
    "sse.one-space-after-colon",
    dialects=BUT_GEMINI,
    standard=SHOULD,
    vapi=MAY,
    source="HTML Living Standard, 9.2.6 makes it optional; observed: google-genai for Python fails without",
    catalogue=["SSE-07"],
    remedy="Write `data: ` with one space.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def one_space_after_colon(evidence: Evidence) -> Iterator[Violation]:
    """One space follows the colon after a field name."""
    yield from tell(
        (
            (block, field)
            for block in blocks(evidence)
            for field in block.fields
            if field.name in KNOWN_FIELDS and field.value and _is_badly_spaced(field, block)
        ),
        lambda found: _at_space(*found),
    )


def _is_badly_spaced(field: Field, block: Block) -> bool:
    if not field.spaced:
        return True
    # Several data lines may be JSON put on lines with its indentation: those blanks are the payload's.
    lines = sum(each.name == "data" for each in block.fields[:2])
    return field.value.startswith(" ") and lines == 1


def _at_space(block: Block, field: Field) -> Violation:
    return Violation(
        expected=f"`{field.name}: ` with one space",
        actual=f"{'more than one' if field.spaced else 'no'} space before {quote(field.value, 40)}",
        start=field.start,
        end=field.start + len(field.name) + 1,
        at_ns=block.at_ns,
    )


@rule(
    "sse.no-comment-only-blocks",
    dialects=BUT_GEMINI,
    standard=MAY,
    vapi=MAY,
    rapida=MUST,
    source="HTML Living Standard, 9.2.6 and 9.2.7 allow comments; observed: openai-go v1.12 dies of such a block",
    catalogue=["SSE-12"],
    remedy="Write a keep-alive comment without an empty line after it, so that it joins the next event.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def no_comment_only_blocks(evidence: Evidence) -> Iterator[Violation]:
    """No block between empty lines holds comments alone."""
    yield from tell(
        (block for block in blocks(evidence) if block.terminated and block.is_comment_only),
        lambda block: _at_block(
            block,
            expected="comments beside an event, or none",
            actual=f"a block that holds only the comment {quote(block.fields[0].value)}",
        ),
    )


@rule(
    "sse.no-empty-events",
    standard=SHOULD,
    vapi=MAY,
    rapida=MUST,
    source="HTML Living Standard, 9.2.6: no data, no event; observed: openai-go v1.12 dispatches and fails",
    catalogue=["SSE-13"],
    remedy="Write one empty line after each event, and no event without a `data` field.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def no_empty_events(evidence: Evidence) -> Iterator[Violation]:
    """Every block has data: no doubled empty lines, no fields without a payload."""
    yield from tell(
        (block for block in blocks(evidence) if block.terminated and _is_empty(block)),
        lambda block: _at_block(
            block,
            expected="a block with a `data` field",
            actual=f"only {', '.join(sorted({field.name for field in block.fields if field.name}))}"
            if block.fields
            else "an empty line that closes nothing",
        ),
    )


def _is_empty(block: Block) -> bool:
    if block.event is not None or block.oversized or block.is_comment_only:
        return False
    # A misnamed, unknown or strange line has a rule of its own.
    return all(field.name == "" or field.name in KNOWN_FIELDS for field in block.fields)


@rule(
    "sse.id-and-retry-are-well-formed",
    dialects=BUT_GEMINI,
    standard=MAY,
    vapi=MAY,
    source=_STANDARD,
    catalogue=["SSE-14"],
    remedy="Leave `id` and `retry` out: a chat stream cannot be resumed.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def id_and_retry_are_well_formed(evidence: Evidence) -> Iterator[Violation]:
    """An `id` holds no NUL, and a `retry` holds digits only."""
    yield from tell(
        (
            (block, field)
            for block in blocks(evidence)
            for field in block.fields
            if (field.name == "id" and "\0" in field.value)
            or (field.name == "retry" and not (field.value.isascii() and field.value.isdigit()))
        ),
        lambda found: _at_block(
            found[0],
            expected="an id without NUL" if found[1].name == "id" else "milliseconds in digits",
            actual=f"{found[1].name}: {quote(found[1].value)}, which clients ignore",
        ),
    )


@rule(
    "sse.no-unknown-fields",
    dialects=BUT_GEMINI,
    standard=SHOULD,
    vapi=MAY,
    source="HTML Living Standard, 9.2.6: the field is ignored",
    catalogue=["SSE-15"],
    remedy="Put what the client is to know into the payload.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def no_unknown_fields(evidence: Evidence) -> Iterator[Violation]:
    """No field has a name that the standard does not know."""
    yield from tell(
        _untorn(evidence, LineKind.UNKNOWN),
        lambda line: _at_line(
            line,
            expected="fields `data`, `event`, `id`, `retry` only",
            actual=f"a field {quote(line.field.name)}",
        ),
    )


@rule(
    "sse.body-holds-only-sse",
    standard=MUST,
    vapi=MUST,
    both=True,
    source=_STANDARD,
    catalogue=["SSE-16"],
    remedy='Keep logs, error pages and bare JSON out of the stream; say an error as `data: {"error": {...}}`.',
    needs=[Need.FRAMING],
    applies=is_stream,
)
def body_holds_only_sse(evidence: Evidence) -> Iterator[Violation]:
    """The body holds event stream lines and nothing else."""
    yield from tell(
        _untorn(evidence, LineKind.STRANGE),
        lambda line: _at_line(line, expected="fields and comments only", actual=f"the line {quote(line.text)}"),
    )


def _untorn(evidence: Evidence, kind: LineKind) -> Iterator[OddLine]:
    """Lines of that kind; not those of a payload that a line break tore apart: sse.event-is-not-split tells it."""
    torn: frozenset[int] | None = None
    for line in odd_lines(evidence):
        if line.kind is kind:
            torn = frozenset[int]().union(*(tear.blocks for tear in tears(evidence))) if torn is None else torn
            if line.block.index not in torn:
                yield line


@rule(
    "sse.stream-has-an-event",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="HTML Living Standard, 9.2.6; observed: official clients give an empty answer and no error",
    catalogue=["SSE-17"],
    remedy="Send at least one chunk, or a status that says why there is none.",
    needs=[Need.FRAMING],
    applies=_should_hold_events,
)
def stream_has_an_event(evidence: Evidence) -> Iterator[Violation]:
    """A stream holds at least one event."""
    has_event = evidence.stream is not None and bool(evidence.stream.events)
    if not has_event and not _holds_lost_events(evidence):
        size = len(evidence.body)
        yield Violation(expected="at least one event", actual=f"none in {size} bytes")


def _holds_lost_events(evidence: Evidence) -> bool:
    """Events were meant, but are misnamed, too long, not terminated or no SSE: other rules tell it."""
    lost = any(
        block.oversized or (not block.terminated and any(field.name == "data" for field in block.fields))
        for block in blocks(evidence)
    )
    return lost or next(odd_lines(evidence), None) is not None


@rule(
    "sse.ndjson-is-not-sse",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="HTML Living Standard, 9.2.6; observed: official clients find no event in it and give no error",
    catalogue=["SSE-22"],
    remedy="Write `data: ` before each JSON text and an empty line after it.",
    needs=[Need.FRAMING],
    applies=_may_be_stream,
)
def ndjson_is_not_sse(evidence: Evidence) -> Iterator[Violation]:
    """A stream is made of events, not of bare lines of JSON."""
    if evidence.transcript.kind == "ndjson":
        lines = len(evidence.transcript.chunks)
        yield Violation(expected="events: `data: {...}` and an empty line", actual=f"{lines} bare lines of JSON")
