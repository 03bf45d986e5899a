"""What the fetch of Node 20 itself (undici 6) makes of an HTTP answer before a library sees its body.

Content codings are undone read by read. Whatever breaks under way, connection or coding, gives the same words. What
is not modelled: brotli, and a race; when a broken coding is found in the same moment in which the body ends, fetch may
wait for ever instead of failing. Behaviour measured with Node 20.18 (undici 6.19).
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin

from vapi_conformance.body_weight import BodyBound
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.node_http import NeverEndsError
from vapi_conformance.consumers.node_zlib import Brotli, Decoder, Gunzip, Inflate
from vapi_conformance.exchange import End, Exchange, header_values

__all__ = ["UndiciBody", "raise_for_redirect"]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BODY_KEPT: Final = frozenset({307, 308})


class UndiciBody:
    """The body with its content codings undone, read by read, and then the way in which it ended."""

    def __init__(self, exchange: Exchange, *, max_body_bytes: int, gives_up: bool) -> None:
        """`gives_up`: whether fetch's own patience with a silent server (five minutes) is left in force."""
        self.at_ns = exchange.reads[-1].at_ns if exchange.reads else None
        """The time of what is being looked at: a read's while its pieces come, else that of the body's end."""
        if exchange.timing.end_ns is not None:
            self.at_ns = exchange.timing.end_ns
        self._exchange = exchange
        self._max_body_bytes = max_body_bytes
        self._gives_up = gives_up

    def pieces(self) -> Iterator[bytes]:
        """To be gone through once; no piece is empty.

        Raises:
            NeverEndsError: the library goes on waiting.
            JsError: a TypeError, "terminated"; or the body grows beyond `max_body_bytes`, in our words.
        """
        ended_at_ns = self.at_ns
        decoders = _decoders(self._exchange)
        bound = BodyBound(self._max_body_bytes)
        for read in self._exchange.reads:
            self.at_ns = read.at_ns
            for piece in _undone(decoders, read.data):
                if past := bound.passed_by(piece):
                    raise JsError("", past)
                yield piece
        self.at_ns = ended_at_ns
        if self._exchange.end is End.TIMED_OUT and not self._gives_up:
            raise NeverEndsError("nothing more came")
        if self._exchange.end is End.TIMED_OUT or _is_cut_off(self._exchange):
            raise JsError("TypeError", "terminated")

    def whole(self) -> bytes:
        """All of it.

        Raises:
            JsError: as `pieces`.
        """
        return b"".join(self.pieces())


def raise_for_redirect(exchange: Exchange) -> None:
    """fetch goes where a redirect leads, and what comes there is in no record.

    Raises:
        JsError: in our words.
    """
    response = exchange.response
    location = header_values(response.headers, "location") if response is not None else ()
    if response is None or response.status not in _REDIRECTS or not location:
        return
    try:
        target = urljoin(exchange.request.url, location[0])
    except ValueError:
        raise JsError("TypeError", "fetch failed") from None
    how = "the request is sent again" if response.status in _BODY_KEPT else "followed with GET and without a body"
    raise JsError("", f"({response.status}: {how} to {target})")


def _is_cut_off(exchange: Exchange) -> bool:
    """Whether fetch sees that something is missing.

    Where the server had said that it would close the connection, fetch takes any close, and even a reset, for the
    end, unless a Content-Length is not reached.
    """
    if exchange.end not in (End.TRUNCATED, End.RESET):
        return False
    headers = exchange.response.headers if exchange.response is not None else ()
    if header_values(headers, "content-length"):
        return True
    closes = "close" in ",".join(header_values(headers, "connection")).lower().replace(" ", "").split(",")
    old = exchange.response is not None and exchange.response.http_version == "HTTP/1.0"
    return not (closes or old)


def _undone(decoders: tuple[Decoder, ...], data: bytes) -> Iterator[bytes]:
    if not data:
        return
    if not decoders:
        yield data
        return
    try:
        for piece in decoders[0].feed(data):
            yield from _undone(decoders[1:], piece)
    except JsError as error:
        raise error if not error.name else JsError("TypeError", "terminated") from None


def _decoders(exchange: Exchange) -> tuple[Decoder, ...]:
    """In the order in which the header lists them, which is the wrong way round for more than one (RFC 9110, 8.4).

    One that fetch does not know makes it undo none of them.
    """
    if exchange.response is None or exchange.capture.body != "wire":
        return ()
    values = ", ".join(header_values(exchange.response.headers, "content-encoding")).lower()
    decoders: list[Decoder] = []
    for name in (each.strip() for each in values.split(",")):
        match name:
            case "gzip" | "x-gzip":
                decoders.append(Gunzip())
            case "deflate":
                decoders.append(Inflate())
            case "br":
                decoders.append(Brotli())
            case _:
                return ()
    return tuple(decoders)
