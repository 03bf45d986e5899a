"""Server-sent events as bytes: the encoding, and where lines end."""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.names import BUT_GEMINI
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.bounding import tell
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule
from vapi_conformance.rules.sse_lines import blocks, is_stream, is_whole_stream, lone_carriage_returns
from vapi_conformance.sse import MAX_LINE_BYTES

__all__ = [
    "line_ends_are_uniform",
    "lines_are_bounded",
    "no_byte_order_mark",
    "no_lone_carriage_return",
    "utf_8_is_valid",
]

_MIB: Final = 1024 * 1024


@rule(
    "sse.utf-8-is-valid",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="HTML Living Standard, 9.2.5",
    catalogue=["SSE-01"],
    remedy="Encode the stream as UTF-8, and never cut a string between the bytes of a character before encoding it.",
    applies=is_stream,
)
def utf_8_is_valid(evidence: Evidence) -> Iterator[Violation]:
    """The stream is valid UTF-8."""
    bad = evidence.stream.invalid_utf8_at if evidence.stream else ()
    tail = evidence.stream.tail if evidence.stream else None
    # A body that was cut may end inside a character; that is not the encoder's fault.
    cut_at = None if tail is None or is_whole_stream(evidence) else tail.start
    yield from tell(
        (at for at in bad if cut_at is None or at < cut_at),
        lambda at: Violation(
            expected="bytes that are UTF-8",
            actual=f"byte 0x{evidence.body[at]:02x}, which is none here",
            start=at,
            end=at + 1,
        ),
    )


@rule(
    "sse.no-byte-order-mark",
    standard=SHOULD,
    vapi=MUST,
    source="HTML Living Standard, 9.2.5; observed: openai-node 4.91 and openai-python lose the first event",
    catalogue=["SSE-02"],
    remedy="Encode with plain UTF-8 (`utf-8`, not `utf-8-sig`).",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def no_byte_order_mark(evidence: Evidence) -> Iterator[Violation]:
    """The stream does not begin with a byte order mark."""
    if evidence.stream and evidence.stream.has_bom:
        yield Violation(
            expected="a field name as the first bytes",
            actual="a byte order mark (EF BB BF), with which several clients lose the first event",
            start=0,
            end=3,
        )


@rule(
    "sse.line-ends-are-uniform",
    standard=SHOULD,
    vapi=SHOULD,
    source="HTML Living Standard, 9.2.5: LF, CR and CRLF are line ends; observed: clients that look for one kind only",
    catalogue=["SSE-03"],
    remedy="End every line with LF.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def line_ends_are_uniform(evidence: Evidence) -> Iterator[Violation]:
    """Lines end all with LF or all with CRLF."""
    ends = evidence.stream.line_ends if evidence.stream else None
    if ends is not None and ends.lf and ends.crlf:
        yield Violation(
            expected="one kind of line end in the whole stream", actual=f"{ends.lf} lines end LF and {ends.crlf} CRLF"
        )


@rule(
    "sse.no-lone-carriage-return",
    dialects=BUT_GEMINI,
    standard=SHOULD,
    vapi=SHOULD,
    rapida=MUST,
    source="HTML Living Standard, 9.2.5 allows it; observed: openai-go v1.12 knows LF and CRLF only",
    catalogue=["SSE-03"],
    remedy="End every line with LF.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def no_lone_carriage_return(evidence: Evidence) -> Iterator[Violation]:
    """No line ends with a carriage return alone."""
    alone = lone_carriage_returns(evidence)
    if alone and evidence.stream:
        lines = sum(evidence.stream.line_ends)
        yield Violation(expected="lines that end LF or CRLF", actual=f"{alone} of {lines} lines end CR")


@rule(
    "sse.lines-are-bounded",
    standard=SHOULD,
    vapi=SHOULD,
    rapida=MUST,
    source="observed: the scanners of openai-go and anthropic-sdk-go end at 32 MiB",
    catalogue=["SSE-20"],
    remedy="Send the text in many small chunks.",
    needs=[Need.FRAMING],
    applies=is_stream,
)
def lines_are_bounded(evidence: Evidence) -> Iterator[Violation]:
    """No line is longer than 16 MiB."""
    yield from tell(
        (block for block in blocks(evidence) if block.oversized),
        lambda block: Violation(
            expected=f"lines of at most {MAX_LINE_BYTES // _MIB} MiB",
            actual=f"a longer one, in a block of {(block.end - block.start) / _MIB:.1f} MiB",
            start=block.start,
            end=block.end,
            at_ns=block.at_ns,
        ),
    )
