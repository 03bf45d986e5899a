"""The lines of an event stream sorted by what they are meant to be, and payloads that line breaks tore apart.

No rules here: several rules share one look at the bytes, so that one fault is told by one rule.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from typing import Final

from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.payload import parse
from vapi_conformance.sse import Block, Field

__all__ = [
    "KNOWN_FIELDS",
    "LineKind",
    "OddLine",
    "Tear",
    "blocks",
    "is_stream",
    "is_whole_stream",
    "lone_carriage_returns",
    "odd_lines",
    "tears",
]

KNOWN_FIELDS: Final = frozenset({"data", "event", "id", "retry"})
"""HTML Living Standard, 9.2.6; every other name is ignored."""

_AROUND_NAMES: Final = " \t\xa0\ufeff"
"""What servers put around a field's name by mistake; a byte order mark where each write has one."""
_FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,31}")
"""A name somebody invented. Log lines and error pages do not begin so: `INFO: `, `KeyError: `, `<html>`."""
_OPENINGS: Final = ("{", "[")

_MAX_INDENT: Final = 64
"""Characters of white space that may stand before a payload."""
_MAX_PAYLOADS: Final = 100
"""Broken payloads looked at; more tell nothing new and cost time."""
_MAX_PIECES: Final = 8
"""Blocks that one payload may be torn into."""
_MAX_TORN_CHARACTERS: Final = 1024 * 1024


class LineKind(Enum):
    """What a line is that is neither a comment nor one of the standard's fields."""

    MISNAMED = auto()
    """One of the standard's fields, in the wrong case or with blanks around its name."""
    UNKNOWN = auto()
    """A field, but of no name that the standard has."""
    STRANGE = auto()
    """No field at all: JSON, HTML, a log line, a traceback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddLine:
    """A line that a client ignores although it was meant to say something."""

    block: Block
    field: Field
    kind: LineKind
    has_colon: bool

    @property
    def text(self) -> str:
        """The line as sent, without its end."""
        return _text(self.field, has_colon=self.has_colon)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tear:
    """A payload that line breaks cut: joined again, the pieces are JSON."""

    chunk: Chunk
    """The first piece."""
    chunks: frozenset[int]
    """Every piece that became a chunk of its own."""
    blocks: frozenset[int]
    """The blocks that hold pieces."""


def is_stream(evidence: Evidence) -> bool:
    """A successful answer whose body is an event stream, whatever its media type."""
    return evidence.is_success and evidence.transcript.kind == "stream"


def is_whole_stream(evidence: Evidence) -> bool:
    """A stream that came to its own end, so that its last bytes can be held against the server."""
    return is_stream(evidence) and evidence.exchange.end is End.CLEAN and evidence.decoded.error is None


def lone_carriage_returns(evidence: Evidence) -> int:
    """Lines that end with a carriage return alone. Where the body was cut, a line feed may have been next."""
    alone = evidence.stream.line_ends.cr if evidence.stream else 0
    return alone - (alone > 0 and evidence.body.endswith(b"\r") and not is_whole_stream(evidence))


def blocks(evidence: Evidence) -> tuple[Block, ...]:
    """All blocks; without the rest of a body that was cut, for which the framing is not to blame."""
    found = evidence.stream.blocks if evidence.stream else ()
    whole = evidence.exchange.end is End.CLEAN and evidence.decoded.error is None
    return found if whole or not found or found[-1].terminated else found[:-1]


def odd_lines(evidence: Evidence) -> Iterator[OddLine]:
    """Every line that is neither a comment nor exactly one of the standard's fields."""
    for block in blocks(evidence):
        for field in block.fields:
            if field.name and field.name not in KNOWN_FIELDS:
                has_colon = _has_colon(field, evidence.body)
                yield OddLine(block=block, field=field, kind=_kind(field, has_colon=has_colon), has_colon=has_colon)


def tears(evidence: Evidence) -> tuple[Tear, ...]:
    """Payloads cut by line breaks, inside a block or across blocks. Nothing unless a payload is broken."""
    broken = islice((chunk for chunk in evidence.transcript.chunks if _may_go_on(chunk)), _MAX_PAYLOADS)
    first = next(broken, None)
    if first is None:
        return ()
    all_blocks = blocks(evidence)
    place = {block.start: position for position, block in enumerate(all_blocks) if block.event is not None}
    chunk_at = {chunk.start: chunk for chunk in evidence.transcript.chunks}
    found: list[Tear] = []
    joined: set[int] = set()
    for chunk in (first, *broken):
        if chunk.index in joined or chunk.start not in place:
            continue
        following = all_blocks[place[chunk.start] : place[chunk.start] + _MAX_PIECES]
        tear = _tear(chunk, following, chunk_at, evidence.body)
        if tear is not None:
            found.append(tear)
            joined |= tear.chunks
    return tuple(found)


def _kind(field: Field, *, has_colon: bool) -> LineKind:
    if not has_colon:
        return LineKind.STRANGE
    if field.name.strip(_AROUND_NAMES).lower() in KNOWN_FIELDS:
        return LineKind.MISNAMED
    return LineKind.UNKNOWN if _FIELD_NAME.fullmatch(field.name) else LineKind.STRANGE


def _has_colon(field: Field, body: bytes) -> bool:
    """The decoder gives a bare name and a name with an empty value the same form."""
    at = field.start + len(field.name.encode())
    return bool(field.value) or field.spaced or body[at : at + 1] == b":"


def _text(field: Field, *, has_colon: bool) -> str:
    return f"{field.name}{':' if has_colon else ''}{' ' if field.spaced else ''}{field.value}"


def _may_go_on(chunk: Chunk) -> bool:
    payload = chunk.payload
    if payload.error is None or payload.non_finite or payload.complete_values > 1:
        return False
    return payload.raw[:_MAX_INDENT].lstrip().startswith(_OPENINGS)


def _tear(chunk: Chunk, following: Iterable[Block], chunk_at: dict[int, Chunk], body: bytes) -> Tear | None:
    text, pieces = "", 0
    held: list[Block] = []
    for block in following:
        other = chunk_at.get(block.start)
        if held and block.event is not None and (other is None or other.payload.error is None):
            return None  # a whole payload, or the end marker: the broken one has no continuation
        lines = list(_pieces(block, body))
        if not lines:
            continue
        held.append(block)
        text += "".join(lines)
        pieces += len(lines)
        if len(text) > _MAX_TORN_CHARACTERS:
            return None
        if pieces > 1 and parse(text).error is None:
            return Tear(
                chunk=chunk,
                chunks=frozenset(chunk_at[each.start].index for each in held if each.start in chunk_at),
                blocks=frozenset(each.index for each in held),
            )
    return None


def _pieces(block: Block, body: bytes) -> Iterator[str]:
    """What a payload may have left in a block: data values, and lines whose `data:` was forgotten."""
    for field in block.fields:
        if field.name == "data":
            yield field.value
        elif field.name and field.name not in KNOWN_FIELDS:
            yield _text(field, has_colon=_has_colon(field, body))
