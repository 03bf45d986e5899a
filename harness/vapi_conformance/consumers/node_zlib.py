"""Content codings as Node's `zlib` undoes them, piece by piece, with its words for what is broken.

Shared by node-fetch 2 (`node_http`) and by the fetch of Node itself (`undici_body`), which ask Node's `zlib` for the
same: to flush on every write, and gzip to be content with any end.
"""

import zlib
from collections.abc import Iterator
from typing import Protocol

from vapi_conformance.consumers.js_error import JsError

__all__ = ["Brotli", "Decoder", "Gunzip", "Identity", "Inflate"]

_ZLIB_METHOD = 8
"""Low half of the first byte of zlib's header: deflate (RFC 1950, 2.2)."""
_INPUT_BYTES = 16 << 10
"""Input is cut first: each block of output and each end of a gzip member copies what is left of the input."""
_OUTPUT_BYTES = 16 << 10
"""Node's zlib hands its output on in blocks of this size; what a failing call had put in its block is lost."""


class _Zlib(Protocol):
    """What `zlib.decompressobj` gives; its type has no public name."""

    @property
    def eof(self) -> bool: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class Decoder(Protocol):
    """One coding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What a piece of the body gives.

        Raises:
            JsError: an Error in Node's words; the coding is broken.
        """
        ...

    def end(self) -> None:
        """The body has ended well.

        Raises:
            JsError: an Error in Node's words; the coding has not.
        """
        ...


class Identity:
    """No coding, or one that is not known."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def end(self) -> None: ...


class Brotli:
    """Cannot be undone here."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        if data:
            raise JsError("", "(brotli, which the library's request does not ask for, is not modelled)")
        yield data

    def end(self) -> None: ...


class Gunzip:
    """`zlib.createGunzip` as node-fetch sets it: flushed on every write, content to end anywhere."""

    def __init__(self) -> None:
        self._zlib: _Zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._member_ended = False
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        block = bytearray()
        for start in range(0, len(data), _INPUT_BYTES):
            rest, full = data[start : start + _INPUT_BYTES], False
            while (rest or full) and not self._ended:
                if self._member_ended:
                    if not self._next_member(rest):
                        break
                    continue
                room = _OUTPUT_BYTES - len(block)
                output, rest, self._member_ended = _inflate(self._zlib, rest, room)
                block += output
                full = len(output) == room
                if full:
                    yield bytes(block)
                    block.clear()
        if block:
            yield bytes(block)

    def _next_member(self, rest: bytes) -> bool:
        """What follows a member is taken for another one, however little it looks so, but for a zero byte."""
        if not rest:
            return False
        self._ended = rest[0] == 0
        self._member_ended = False
        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)
        return not self._ended

    def end(self) -> None: ...


class Inflate:
    """`deflate`: with or without zlib's header, told from the first byte."""

    def __init__(self) -> None:
        self._zlib: _Zlib | None = None
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        if self._zlib is None:
            wrapped = data[0] & 0x0F == _ZLIB_METHOD
            self._zlib = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        for start in range(0, len(data), _INPUT_BYTES):
            rest, full = data[start : start + _INPUT_BYTES], False
            while (rest or full) and not self._ended:
                output, rest, self._ended = _inflate(self._zlib, rest, _OUTPUT_BYTES)
                full = len(output) == _OUTPUT_BYTES
                yield output

    def end(self) -> None:
        if self._zlib is not None and not self._ended:
            raise JsError("Error", "unexpected end of file")


def _inflate(inflater: _Zlib, data: bytes, max_bytes: int) -> tuple[bytes, bytes, bool]:
    """Output, input that is left, and whether the compressed stream has ended.

    As much output as was allowed means that there may be more, even without input.
    """
    try:
        output = inflater.decompress(data, max_bytes)
    except zlib.error as error:
        _, _, message = str(error).partition(": ")
        raise JsError("Error", message or "Missing dictionary") from None
    return output, inflater.unused_data if inflater.eof else inflater.unconsumed_tail, inflater.eof
