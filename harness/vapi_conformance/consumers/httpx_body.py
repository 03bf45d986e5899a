"""What httpx, and httpx2 after it, make of an HTTP answer before a Python library sees its body.

Content codings are undone read by read, so that a compressor which holds text back shows in the times. How a broken
connection ends is told from `Exchange.end`; the words are those of httpcore and h11. Behaviour taken from httpx 0.28
and httpx2 2.16 (`_decoders.py`, `_models.py`), installed without their extras: brotli and zstd are then not undone.
"""

import codecs
import zlib
from collections.abc import Iterator
from email.message import Message
from typing import Protocol

from vapi_conformance.body_weight import BodyBound
from vapi_conformance.consumers.py_error import PyError
from vapi_conformance.exchange import End, Exchange, header_values

__all__ = ["Body", "NeverEndsError", "raise_for_missing_head", "text_of"]

_OUTPUT_BYTES = 1 << 20
_INPUT_BYTES = 64 << 10
"""Input is cut first: each block of output copies what is left of the input."""
_MAX_CODINGS = 5


class NeverEndsError(PyError):
    """No error of the library's: it would wait for ever, and only its user's own timeout ends that."""

    def __init__(self, why: str) -> None:
        super().__init__("", f"({why}, and the library waits for ever)")


class _Zlib(Protocol):
    """What `zlib.decompressobj` gives; its type has no public name."""

    @property
    def eof(self) -> bool: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Decoder(Protocol):
    def decode(self, data: bytes) -> Iterator[bytes]: ...


class Body:
    """The body with its content codings undone, read by read, and then the way in which it ended."""

    def __init__(self, exchange: Exchange, *, max_body_bytes: int, read_timeout: bool) -> None:
        """`read_timeout`: whether the library gives up when nothing more comes."""
        self.at_ns = exchange.reads[-1].at_ns if exchange.reads else None
        """The time of what is being looked at: a read's while its pieces come, else that of the body's end."""
        if exchange.timing.end_ns is not None:
            self.at_ns = exchange.timing.end_ns
        self._exchange = exchange
        self._max_body_bytes = max_body_bytes
        self._read_timeout = read_timeout

    def pieces(self) -> Iterator[bytes]:
        """To be gone through once; no piece is empty.

        Raises:
            NeverEndsError: the library goes on waiting.
            PyError: the coding is broken or the connection broke, in httpx's words; or the body grows beyond
                `max_body_bytes`, in ours.
        """
        ended_at_ns = self.at_ns
        decoders = _decoders(self._exchange)
        bound = BodyBound(self._max_body_bytes)
        for read in self._exchange.reads:
            self.at_ns = read.at_ns
            for piece in _undone(decoders, read.data):
                if past := bound.passed_by(piece):
                    raise PyError("", past)
                yield piece
        self.at_ns = ended_at_ns
        self._raise_for_end()

    def whole(self) -> bytes:
        """All of it.

        Raises:
            PyError: as `pieces`.
        """
        return b"".join(self.pieces())

    def _raise_for_end(self) -> None:
        exchange = self._exchange
        if exchange.end is End.TIMED_OUT:
            if self._read_timeout:
                raise PyError("ReadTimeout", "timed out")
            raise NeverEndsError("nothing more came")
        if exchange.end is End.RESET:
            raise PyError("ReadError", "[Errno 104] Connection reset by peer")
        if exchange.end is End.TRUNCATED:
            headers = exchange.response.headers if exchange.response is not None else ()
            lengths = header_values(headers, "content-length")
            seen = "incomplete chunked read"
            if lengths and not header_values(headers, "transfer-encoding"):
                seen = f"received {len(exchange.body)} bytes, expected {lengths[0]}"
            raise PyError(
                "RemoteProtocolError", f"peer closed connection without sending complete message body ({seen})"
            )


def raise_for_missing_head(exchange: Exchange) -> None:
    """For the library that passes httpx's own errors on.

    Raises:
        PyError: no response head came. Which class it has depends on how far the connection got.
    """
    if exchange.response is not None:
        return
    if exchange.end is End.TIMED_OUT:
        raise NeverEndsError("no response came")
    if exchange.end is End.CLOSED_BY_US:
        raise PyError("", "(hung up before a response came)")
    if exchange.timing.connect_ns is None and not exchange.connection_reused:
        raise PyError("", "(no response: a TransportError of httpx's)")
    raise PyError("RemoteProtocolError", "Server disconnected without sending a response.")


def text_of(exchange: Exchange, content: bytes) -> str:
    """`Response.text`: in the charset of the content type if Python knows it, else as UTF-8; wrong bytes replaced.

    Raises:
        PyError: in our words; the charset names something that is no encoding of text.
    """
    headers = exchange.response.headers if exchange.response is not None else ()
    message = Message()
    message["content-type"] = ", ".join(header_values(headers, "content-type"))
    charset = message.get_content_charset() or "utf-8"
    try:
        codecs.lookup(charset)
    except (LookupError, ValueError):
        charset = "utf-8"
    try:
        return content.decode(charset, "replace")
    except (LookupError, ValueError, Warning):
        raise PyError("", "(the charset names no encoding of text)") from None


def _undone(decoders: tuple[_Decoder, ...], data: bytes) -> Iterator[bytes]:
    if not decoders:
        if data:
            yield data
        return
    for piece in decoders[0].decode(data):
        yield from _undone(decoders[1:], piece)


def _decoders(exchange: Exchange) -> tuple[_Decoder, ...]:
    """In the order in which they undo what was applied last.

    Raises:
        PyError: too many of them.
    """
    if exchange.response is None or exchange.capture.body != "wire":
        return ()
    named = ",".join(header_values(exchange.response.headers, "content-encoding")).lower().split(",")
    known = [name.strip() for name in named if name.strip() in ("gzip", "deflate")]
    if len(known) > _MAX_CODINGS:
        raise PyError("DecodingError", f"Cannot apply more than {_MAX_CODINGS} content encodings.")
    return tuple(_Gunzip() if name == "gzip" else _Inflate() for name in reversed(known))


class _Gunzip:
    """One member; what follows it is dropped."""

    def __init__(self) -> None:
        self._zlib: _Zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def decode(self, data: bytes) -> Iterator[bytes]:
        try:
            yield from _inflated(self._zlib, data)
        except zlib.error as error:
            raise PyError("DecodingError", str(error)) from None


class _Inflate:
    """With zlib's header; without it only if the first piece already shows that it is missing."""

    def __init__(self) -> None:
        self._zlib: _Zlib = zlib.decompressobj()
        self._is_first = True

    def decode(self, data: bytes) -> Iterator[bytes]:
        was_first, self._is_first = self._is_first, False
        try:
            yield from _inflated(self._zlib, data)
        except zlib.error as error:
            if not was_first:
                raise PyError("DecodingError", str(error)) from None
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
            yield from self.decode(data)


def _inflated(inflater: _Zlib, data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _INPUT_BYTES):
        rest = data[start : start + _INPUT_BYTES]
        while not inflater.eof:
            output = inflater.decompress(rest, _OUTPUT_BYTES)
            if not output:
                break
            yield output
            rest = inflater.unconsumed_tail
