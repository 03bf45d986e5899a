"""What node-fetch 2 and Node's `http` make of an HTTP answer, before openai-node sees its body.

Content codings are undone read by read, so that a compressor which holds text back shows in the times. How a broken
connection ends is told from `Exchange.end`; the words of the errors are those of Node 20.
"""

import zlib
from collections.abc import Iterator
from typing import Protocol

from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.exchange import End, Exchange, header_values

__all__ = ["Body", "NeverEndsError"]

_ZLIB_METHOD = 8
"""Low half of the first byte of zlib's header: deflate (RFC 1950, 2.2)."""
_INPUT_BYTES = 16 << 10
"""Input is cut first: each block of output and each end of a gzip member copies what is left of the input."""
_OUTPUT_BYTES = 16 << 10
"""Node's zlib hands its output on in blocks of this size; what a failing call had put in its block is lost."""


class NeverEndsError(JsError):
    """No error of the library's: it would wait for ever, and only its user's own timeout ends that."""

    def __init__(self, why: str) -> None:
        super().__init__("", f"({why}, and the library waits for ever)")


class _Zlib(Protocol):
    """What `zlib.decompressobj` gives; its type has no public name."""

    @property
    def eof(self) -> bool: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Decoder(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...
    def end(self) -> None: ...


class Body:
    """The body with its content coding undone, read by read, and then the way in which it ended."""

    def __init__(self, exchange: Exchange, *, max_body_bytes: int) -> None:
        self.at_ns = exchange.reads[-1].at_ns if exchange.reads else None
        """The time of what is being looked at: a read's while its pieces come, else that of the body's end."""
        if exchange.timing.end_ns is not None:
            self.at_ns = exchange.timing.end_ns
        self._exchange = exchange
        self._max_body_bytes = max_body_bytes

    def pieces(self) -> Iterator[bytes]:
        """To be gone through once.

        Raises:
            NeverEndsError: the library goes on waiting.
            JsError: the coding is broken or the connection broke, in Node's words; or the body grows beyond
                `max_body_bytes`, in ours.
        """
        ended_at_ns = self.at_ns
        decoder = _decoder(self._exchange)
        total = 0
        for read in self._exchange.reads:
            self.at_ns = read.at_ns
            for piece in decoder.feed(read.data):
                total += len(piece)
                if total > self._max_body_bytes:
                    raise JsError("", f"(not followed beyond {self._max_body_bytes} bytes)")
                yield piece
        self.at_ns = ended_at_ns
        if self._exchange.end is End.CLEAN:
            decoder.end()
        else:
            _raise_for_end(self._exchange)


def _raise_for_end(exchange: Exchange) -> None:
    if exchange.end is End.TIMED_OUT:
        raise NeverEndsError("nothing more came")
    # Before the first byte node-fetch cannot tell the kind of deflate, and gives no answer at all.
    answered = exchange.body or not isinstance(_decoder(exchange), _Inflate)
    if exchange.end is End.RESET:
        raise JsError("Error", "read ECONNRESET") if answered else JsError("APIConnectionError", "Connection error.")
    if exchange.end is End.TRUNCATED:
        if not answered:
            raise NeverEndsError("the connection was closed before the body began")
        if _is_framed_by_length(exchange):
            # node-fetch looks for a premature close only under the chunked coding; its pipe from Node's
            # message does not pass the abort on, and the SDK's timer stopped when the head had come.
            raise NeverEndsError("the connection was closed before Content-Length was reached")
        raise JsError("Error", "Premature close")


def _is_framed_by_length(exchange: Exchange) -> bool:
    headers = exchange.response.headers if exchange.response is not None else ()
    return bool(header_values(headers, "content-length")) and not header_values(headers, "transfer-encoding")


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


class _Inflate:
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
