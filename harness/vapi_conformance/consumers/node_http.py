"""What node-fetch 2 and Node's `http` make of an HTTP answer, before openai-node sees its body.

Content codings are undone read by read, so that a compressor which holds text back shows in the times. How a broken
connection ends is told from `Exchange.end`; the words of the errors are those of Node 20.
"""

import zlib
from collections.abc import Iterator
from typing import Protocol

from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.exchange import End, Exchange, Read, header_values

__all__ = ["NEVER_ENDS", "decoded_reads", "ended_at_ns", "raise_for_end"]

NEVER_ENDS = "(the library waits for ever)"
_ZLIB_METHOD = 8
"""Low half of the first byte of zlib's header: deflate (RFC 1950, 2.2)."""
_INFLATE_STEP_BYTES = 1 << 20


class _Zlib(Protocol):
    """What `zlib.decompressobj` gives; its type has no public name."""

    @property
    def eof(self) -> bool: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Decoder(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...
    def end(self) -> None: ...


def ended_at_ns(exchange: Exchange) -> int | None:
    """When the body ended; a recording without that time has at least the last read's."""
    if exchange.timing.end_ns is not None:
        return exchange.timing.end_ns
    return exchange.reads[-1].at_ns if exchange.reads else None


def decoded_reads(exchange: Exchange, *, max_body_bytes: int) -> Iterator[Read]:
    """The body with its content coding undone, each piece with the time of the read that brought it.

    Raises:
        JsError: the coding is broken, or the body grows beyond `max_body_bytes` (then the words are ours).
    """
    decoder = _decoder(exchange)
    total = 0
    for read in exchange.reads:
        for piece in decoder.feed(read.data):
            total += len(piece)
            if total > max_body_bytes:
                raise JsError("", f"(not followed beyond {max_body_bytes} bytes)")
            yield Read(at_ns=read.at_ns, data=piece)
    if exchange.end is End.CLEAN:
        decoder.end()


def raise_for_end(exchange: Exchange) -> None:
    """How a body that did not end well ends the loop over it.

    Raises:
        JsError: with Node's words, or ours where the library would say nothing at all.
    """
    match exchange.end:
        case End.TRUNCATED:
            raise JsError("Error", "Premature close")
        case End.RESET:
            raise JsError("Error", "read ECONNRESET")
        case End.TIMED_OUT:
            raise JsError("", NEVER_ENDS)
        case _:
            return


def _decoder(exchange: Exchange) -> _Decoder:
    if exchange.response is None or exchange.capture.body != "wire":
        return _Identity()
    match ", ".join(header_values(exchange.response.headers, "content-encoding")):
        case "gzip" | "x-gzip":
            return _Gunzip()
        case "deflate" | "x-deflate":
            return _Inflate()
        case "br":
            return _Brotli()
        case _:
            return _Identity()


class _Identity:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def end(self) -> None: ...


class _Brotli:
    def feed(self, data: bytes) -> Iterator[bytes]:
        if data:
            raise JsError("", "(brotli, which the library's request does not ask for, is not modelled)")
        yield data

    def end(self) -> None: ...


class _Gunzip:
    """`zlib.createGunzip` as node-fetch sets it: flushed on every write, content to end anywhere."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield from _inflated(self._zlib, data)

    def end(self) -> None: ...


class _Inflate:
    """`deflate`: with or without zlib's header, told from the first byte."""

    def __init__(self) -> None:
        self._zlib: _Zlib | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        if self._zlib is None:
            wrapped = data[0] & 0x0F == _ZLIB_METHOD
            self._zlib = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        yield from _inflated(self._zlib, data)

    def end(self) -> None:
        if self._zlib is not None and not self._zlib.eof:
            raise JsError("Error", "unexpected end of file")


def _inflated(inflater: _Zlib, data: bytes) -> Iterator[bytes]:
    rest = data
    while rest and not inflater.eof:
        try:
            piece = inflater.decompress(rest, _INFLATE_STEP_BYTES)
        except zlib.error as error:
            raise JsError("Error", str(error).rpartition(": ")[2]) from None
        if piece:
            yield piece
        rest = inflater.unconsumed_tail
