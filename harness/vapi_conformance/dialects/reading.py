"""From body reads to chunks, whatever the API: the events of a stream, or the documents of a JSON body."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from vapi_conformance.dialects.body_kind import BOM, sniff
from vapi_conformance.dialects.transcript import BodyKind, Chunk, Marker, Transcript
from vapi_conformance.exchange import Read
from vapi_conformance.payload import parse
from vapi_conformance.sse import EventStream, decode

__all__ = ["Answer", "Transcribe", "read_body", "time_at"]

_LINE: Final = re.compile(rb"[^\r\n]+")
_DONE: Final = re.compile(r"""\s*["']?\[done\]["']?\s*""", re.IGNORECASE)

Transcribe = Callable[[BodyKind, tuple[Chunk, ...], tuple[Marker, ...]], Transcript]
"""What an API makes of the chunks of a body. Never raises on what a server sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer's body on both floors: framing (None when the body is no stream) and meaning."""

    stream: EventStream | None
    transcript: Transcript


def read_body(reads: Sequence[Read], media_type: str, transcribe: Transcribe) -> Answer:
    """Body reads with content coding undone; the media type only decides where the bytes themselves do not."""
    body = b"".join(read.data for read in reads)
    kind = sniff(body, media_type)
    if kind == "stream":
        stream = decode(reads)
        return Answer(stream=stream, transcript=transcribe(kind, *_events(stream)))
    chunks = tuple(_documents(body, reads)) if kind == "ndjson" else (_document(body, reads),) if kind == "json" else ()
    return Answer(stream=None, transcript=transcribe(kind, chunks, ()))


def _document(body: bytes, reads: Sequence[Read]) -> Chunk:
    """The whole body; it can be read when its last byte has come."""
    start = len(body) - len(body.removeprefix(BOM))
    text = body[start:].decode(errors="replace")
    return Chunk(
        index=0, payload=parse(text), event_type="", start=start, end=len(body), at_ns=time_at(reads)(len(body))
    )


def _documents(body: bytes, reads: Sequence[Read]) -> Iterator[Chunk]:
    """One for each line that is not blank, with the time of the read that completed it."""
    read_at = time_at(reads)
    lines = (line for line in _LINE.finditer(body, len(body) - len(body.removeprefix(BOM))) if line[0].strip())
    for index, line in enumerate(lines):
        yield Chunk(
            index=index,
            payload=parse(line[0].decode(errors="replace")),
            event_type="",
            start=line.start(),
            end=line.end(),
            at_ns=read_at(line.end()),
        )


def time_at(reads: Sequence[Read]) -> Callable[[int], int | None]:
    """From a number of bytes to the time of the read with which so many had come."""
    ends = list(accumulate(len(read.data) for read in reads))
    return lambda size: reads[bisect_left(ends, size)].at_ns


def _events(stream: EventStream) -> tuple[tuple[Chunk, ...], tuple[Marker, ...]]:
    chunks: list[Chunk] = []
    markers: list[Marker] = []
    for event in stream.events:
        if _DONE.fullmatch(event.data) or event.data.startswith("[DONE]"):
            markers.append(
                Marker(
                    text=event.data,
                    exact=event.data == "[DONE]",
                    position=len(chunks),
                    start=event.start,
                    end=event.end,
                    at_ns=event.at_ns,
                )
            )
            continue
        chunks.append(
            Chunk(
                index=len(chunks),
                payload=parse(event.data),
                event_type=event.type,
                start=event.start,
                end=event.end,
                at_ns=event.at_ns,
            )
        )
    return tuple(chunks), tuple(markers)
