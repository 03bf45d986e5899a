"""Content coding undone read by read (RFC 9110, 8.4), so that each event keeps the time at which it could be read."""

import zlib
from copy import copy
from dataclasses import dataclass, replace
from typing import Final, Protocol

from vapi_conformance.body_weight import HOW_WEIGHED, BodyWeight
from vapi_conformance.exchange import Exchange, Read, header_values

__all__ = ["MAX_DECODED_BYTES", "Decoded", "decode_content"]

MAX_DECODED_BYTES: Final = 64 * 1024 * 1024
"""A few kilobytes of gzip can hold gigabytes; past this we stop and say so."""

_WEIGHED_BYTES: Final = 16 * 1024
_INPUT_BYTES: Final = 64 * 1024
"""Input is handed over in pieces: each end of a gzip member copies what is left of the piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The reads with content coding undone; a read that completed no byte stays, empty, with its time."""

    reads: tuple[Read, ...]
    coding: str | None = None
    """The coding that was undone, None where there was none."""
    error: str | None = None
    """Why decoding stopped; every byte that could be decoded before is kept, however the reads were cut."""
    is_past_bound: bool = False
    """The error is our bound, and no fault in the data."""


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
    return _undone(exchange.reads, name)


def _undone(reads: tuple[Read, ...], coding: str) -> Decoded:
    inflater = _Inflater(_window_bits(reads, coding))
    decoded: list[Read] = []
    for position, read in enumerate(reads):
        decoded.append(replace(read, data=inflater.feed(read.data)))
        if inflater.is_broken:
            whole = _up_to_the_fault(_Inflater(_window_bits(reads, coding)), reads[:position], read.data)
            decoded[-1] = replace(read, data=whole)
        if inflater.error is not None:
            bounded = not inflater.is_broken
            return Decoded(reads=tuple(decoded), coding=coding, error=inflater.error, is_past_bound=bounded)
    is_whole = inflater.may_end or not any(read.data for read in reads)
    return Decoded(
        reads=tuple(decoded), coding=coding, error=None if is_whole else f"the {coding} data stops before its end"
    )


def _window_bits(reads: tuple[Read, ...], coding: str) -> int:
    """What zlib calls the kind of frame. `deflate` means zlib's frame, and some servers send none."""
    if coding != "deflate":
        return zlib.MAX_WBITS | 16
    start = b""
    for read in reads:
        start += read.data[:2]
        if len(start) >= 2:  # noqa: PLR2004 - the header's length (RFC 1950, 2.2)
            break
    method, check = start[:1], int.from_bytes(start[:2])
    framed = len(start) > 1 and method[0] & 0x0F == 8 and check % 31 == 0  # noqa: PLR2004 - RFC 1950, 2.2
    return zlib.MAX_WBITS if framed else -zlib.MAX_WBITS


def _up_to_the_fault(inflater: "_Inflater", before: tuple[Read, ...], data: bytes) -> bytes:
    """zlib gives nothing of a piece with a fault in it: go up to the very byte, by halves."""
    for read in before:
        inflater.feed(read.data)
    output = bytearray()
    while len(data) > 1:
        half = len(data) // 2
        trial = inflater.copy()
        produced = trial.feed(data[:half])
        if trial.error is None:
            inflater, data = trial, data[half:]
            output += produced
        else:
            data = data[:half]
    return bytes(output)


class _Zlib(Protocol):
    """What `zlib.decompressobj` gives; its type has no public name."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def copy(self) -> "_Zlib": ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Inflater:
    """One body under way. `feed` never raises: what goes wrong is told and ends it."""

    def __init__(self, window_bits: int) -> None:
        """window_bits: as zlib understands them."""
        self._window_bits = window_bits
        self._zlib: _Zlib = zlib.decompressobj(window_bits)
        self._room = MAX_DECODED_BYTES
        self._weight = BodyWeight()
        self._between_members = False
        self._is_over = False
        self.error: str | None = None
        self.is_broken = False
        """The error is one of the data, not our bound."""

    @property
    def may_end(self) -> bool:
        """Whether the data is whole if it stops here."""
        return self._is_over or self._between_members

    def copy(self) -> "_Inflater":
        """Where this one stands, to go on from twice."""
        twin = _Inflater(self._window_bits)
        twin._zlib = self._zlib.copy()
        twin._room, twin._weight = self._room, copy(self._weight)
        twin._between_members, twin._is_over = self._between_members, self._is_over
        return twin

    def feed(self, data: bytes) -> bytes:
        """What these bytes complete."""
        output = bytearray()
        for start in range(0, len(data), _INPUT_BYTES):
            rest = data[start : start + _INPUT_BYTES]
            while rest and not self._is_over:
                rest = self._step(rest, output)
        return bytes(output)

    def _step(self, data: bytes, output: bytearray) -> bytes:
        """On to the end of the data or of a gzip member; gives what is left."""
        if self._between_members:
            # "A gzip file consists of a series of members" (RFC 1952, 2.2); browsers and Node go on with the next
            # one. To them a zero byte is padding, and what follows it is nothing.
            if data[0] == 0:
                self._is_over = True
                return b""
            self._between_members = False
            self._zlib = zlib.decompressobj(self._window_bits)
        try:
            produced = self._zlib.decompress(data, self._room + 1)
        except zlib.error as problem:
            self.is_broken = True
            return self._stop(str(problem))
        for start in range(0, len(produced), _WEIGHED_BYTES):
            piece = produced[start : start + _WEIGHED_BYTES]
            output += piece[: max(self._room, 0)]
            self._room -= self._weight.of(piece)
            if self._room < 0:
                return self._stop(f"more than {MAX_DECODED_BYTES} bytes once decoded, {HOW_WEIGHED}")
        if not self._zlib.eof:
            return b""
        if self._window_bits > zlib.MAX_WBITS:
            self._between_members = True
            return self._zlib.unused_data
        self._is_over = True  # behind zlib's data clients look at nothing
        return b""

    def _stop(self, error: str) -> bytes:
        self.error = error
        self._is_over = True
        return b""
