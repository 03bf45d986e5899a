"""The beginning of an answer, looked at before anybody knows which API it follows: enough to tell whose it is.

Bounded on purpose: a body may be endless, and one object of it may be longer than what is looked at. An object that
goes on past the bound is closed at the last key that was seen whole.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from vapi_conformance.content_coding import decode_content
from vapi_conformance.dialects.body_kind import BOM, sniff
from vapi_conformance.exchange import Exchange, Read
from vapi_conformance.narrow import object_or_none
from vapi_conformance.payload import parse
from vapi_conformance.sse import Block, Decoder

__all__ = ["MAX_GLANCE_BYTES", "Glance", "begun_object", "glance"]

MAX_GLANCE_BYTES: Final = 256 * 1024
"""Bytes of a body that are looked at, before and after content coding is undone."""

_MOST_BLOCKS: Final = 2000
_PIECE_BYTES: Final = 4096
"""So many blank lines are as many blocks, and each takes far more memory than its byte."""

_TEXT_OR_MARK: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{},]', re.DOTALL)
_LAST_KEY: Final = re.compile(r'\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*:', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What stands at the beginning of an answer."""

    objects: tuple[Mapping[str, object], ...] = ()
    """JSON objects in their order: the data of events, or the document; of an array of objects the first."""
    event_types: tuple[str, ...] = ()
    """Values of the `event` fields, in their order."""
    comments: tuple[str, ...] = ()
    """Comments of the event stream."""
    is_list: bool = False
    """The body is a JSON array."""


def glance(exchange: Exchange) -> Glance:
    """Never raises, whatever the body is. What it takes depends on `MAX_GLANCE_BYTES`, not on the body's length."""
    body = _beginning(exchange)
    kind = sniff(body, "")
    if kind == "stream":
        return _of_blocks(_blocks(body))
    if kind not in {"json", "ndjson"}:
        return Glance()
    text = body.removeprefix(BOM).decode(errors="replace").lstrip()
    document = begun_object(text)
    return Glance(objects=() if document is None else (document,), is_list=text[:1] == "[")


def begun_object(text: str) -> Mapping[str, object] | None:
    """The first JSON object of a text that may be cut anywhere: its whole keys, and null for the value that is cut.

    Takes linear time. None where no object begins the text, also not as the first member of an array.
    """
    start = re.match(r"\s*(?:\[\s*)?\{", text)
    if start is None:
        return None
    depth, separator = 0, start.end()
    for mark in _TEXT_OR_MARK.finditer(text, start.end() - 1):
        if (character := mark[0]) in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth == 1:
            separator = mark.start()
        if depth == 0:
            return object_or_none(parse(text[start.end() - 1 : mark.end()]).value)
    whole = text[start.end() - 1 : separator]
    key = _LAST_KEY.match(text, separator + (text[separator : separator + 1] == ","))
    pending = "" if key is None else f"{key[1]}: null"
    return object_or_none(parse(f"{whole}{',' if len(whole) > 1 and pending else ''}{pending}}}").value)


def _beginning(exchange: Exchange) -> bytes:
    """Decoded. An error of the coding is not told here: what came before it counts."""
    room, reads = MAX_GLANCE_BYTES, list[Read]()
    for read in exchange.reads:
        if room <= 0:
            break
        reads.append(replace(read, data=read.data[:room]))
        room -= len(read.data)
    decoded = decode_content(replace(exchange, reads=tuple(reads)))
    return b"".join(read.data for read in decoded.reads)[:MAX_GLANCE_BYTES]


def _blocks(body: bytes) -> tuple[Block, ...]:
    decoder, blocks = Decoder(), list[Block]()
    for start in range(0, len(body), _PIECE_BYTES):
        blocks += decoder.feed(body[start : start + _PIECE_BYTES], None)
        if len(blocks) >= _MOST_BLOCKS:
            return tuple(blocks[:_MOST_BLOCKS])
    tail = decoder.close()
    return (*blocks, *(() if tail is None else (tail,)))


def _of_blocks(blocks: tuple[Block, ...]) -> Glance:
    return Glance(
        objects=tuple(each for block in blocks if (each := begun_object(_data(block))) is not None),
        event_types=tuple(_values(blocks, "event")),
        comments=tuple(_values(blocks, "")),
    )


def _data(block: Block) -> str:
    return "\n".join(field.value for field in block.fields if field.name == "data")


def _values(blocks: tuple[Block, ...], name: str) -> Iterator[str]:
    yield from (field.value for block in blocks for field in block.fields if field.name == name)
