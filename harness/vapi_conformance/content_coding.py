"""Content coding undone read by read (RFC 9110, 8.4), so that each event keeps the time at which it could be read."""

import zlib
from dataclasses import dataclass, replace
from typing import Final

from vapi_conformance.exchange import Exchange, Read, header_values

__all__ = ["MAX_DECODED_BYTES", "Decoded", "decode_content"]

MAX_DECODED_BYTES: Final = 64 * 1024 * 1024
"""A few kilobytes of gzip can hold gigabytes; past this we stop and say so."""

_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32
_RAW_DEFLATE: Final = -zlib.MAX_WBITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The reads with content coding undone; a read that completed no byte stays, empty, with its time."""

    reads: tuple[Read, ...]
    coding: str | None = None
    """The coding that was undone, None where there was none."""
    error: str | None = None
    """Why decoding stopped; what was decoded before is kept."""


def decode_content(exchange: Exchange) -> Decoded:
    """Handles gzip, x-gzip and deflate (with and without zlib's frame, as clients do); others are an error."""
    codings = [
        part.strip().lower()
        for value in header_values(exchange.response.headers if exchange.response else (), "content-encoding")
        for part in value.split(",")
        if part.strip().lower() not in {"", "identity"}
    ]
    if exchange.capture.body != "wire" or not codings:
        return Decoded(reads=exchange.reads)
    name = ", ".join(codings)
    if len(codings) > 1 or codings[0] not in {"gzip", "x-gzip", "deflate"}:
        return Decoded(reads=(), coding=name, error=f"content coding {name!r} was never asked for")
    return _inflate(exchange.reads, name)


def _inflate(reads: tuple[Read, ...], coding: str) -> Decoded:
    start = b"".join(read.data for read in reads[:2])[:2]
    framed = coding != "deflate" or (len(start) == 2 and start[0] & 0x0F == 8 and int.from_bytes(start) % 31 == 0)  # noqa: PLR2004 - RFC 1950, 2.2
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB if framed else _RAW_DEFLATE)
    decoded: list[Read] = []
    room = MAX_DECODED_BYTES
    for read in reads:
        try:
            data = inflater.decompress(read.data, room)
        except zlib.error as problem:
            return Decoded(reads=tuple(decoded), coding=coding, error=str(problem))
        room -= len(data)
        decoded.append(replace(read, data=data))
        if room <= 0:
            return Decoded(
                reads=tuple(decoded), coding=coding, error=f"more than {MAX_DECODED_BYTES} bytes once decoded"
            )
    error = None if inflater.eof or not reads else f"the {coding} data stops before its end"
    return Decoded(reads=tuple(decoded), coding=coding, error=error)
