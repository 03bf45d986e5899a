"""What httpx2 makes of an HTTP answer, before the Python packages openai 3.x and anthropic 2.x see its body.

API: `body = PythonBody(exchange, max_body_bytes=...)`; go once through `body.pieces()`, which gives the body with its
content codings undone, read by read, and raises `HttpxError` in httpx2's own class and words when the connection or a
coding is broken. openai turns that into `openai_error(error)`; anthropic lets it through. `raise_for_no_answer` and
`text_of` serve both packages.

Codings: gzip and deflate, as installed without the optional packages for brotli and zstandard; what is not known is
handed on as it is. Nothing follows the first gzip member, and a stream that stops early ends well. Behaviour taken
from `_decoders.py` and `_models.py` of httpx2 2.16, and from runs over real sockets on Linux.
"""

import codecs
import zlib
from collections.abc import Iterator
from email.message import Message
from urllib.parse import urljoin

from vapi_conformance.consumers.py_error import PyError
from vapi_conformance.exchange import End, Exchange, header_values

__all__ = ["HttpxError", "PythonBody", "openai_error", "raise_for_no_answer", "text_of"]

_MAX_OUTPUT_BYTES = 1 << 20
_MAX_CODINGS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BODY_KEPT = frozenset({307, 308})


class HttpxError(PyError):
    """An exception of httpx2's."""

    @property
    def is_timeout(self) -> bool:
        """Whether it is one of those for a silence; when the library's patience ends is not in the record."""
        return self.name == "ReadTimeout"


class PythonBody:
    """The body as httpx2 hands it on, read by read, and then the way in which it ended."""

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
            HttpxError: a coding or the connection is broken.
            PyError: the body grows beyond `max_body_bytes`, in our words.
        """
        ended_at_ns = self.at_ns
        decoders = _decoders(self._exchange)
        total = 0
        for read in self._exchange.reads:
            self.at_ns = read.at_ns
            for piece in _through(decoders, read.data):
                total += len(piece)
                if total > self._max_body_bytes:
                    raise PyError("", f"(not followed beyond {self._max_body_bytes} bytes)")
                if piece:
                    yield piece
        self.at_ns = ended_at_ns
        _raise_for_end(self._exchange)


def _raise_for_end(exchange: Exchange) -> None:
    if exchange.end is End.TIMED_OUT:
        raise HttpxError("ReadTimeout", "timed out")
    if exchange.end is End.RESET:
        raise HttpxError("ReadError", "[Errno 104] Connection reset by peer")
    if exchange.end is not End.TRUNCATED:
        return
    headers = exchange.response.headers if exchange.response is not None else ()
    if header_values(headers, "transfer-encoding"):
        how = "incomplete chunked read"
    elif lengths := header_values(headers, "content-length"):
        how = f"received {len(exchange.body)} bytes, expected {lengths[0]}"
    else:
        return  # the close is the end, and nothing tells that it came too early
    raise HttpxError("RemoteProtocolError", f"peer closed connection without sending complete message body ({how})")


def raise_for_no_answer(exchange: Exchange) -> None:
    """For an exchange without an answer, or with one that sends the client elsewhere.

    Raises:
        PyError: the package's own error, in the names that openai and anthropic share, or a word of ours.
    """
    response = exchange.response
    if response is None:
        if exchange.end is End.CLOSED_BY_US:
            raise PyError("", "(given up before an answer came)")
        # After the library's ten minutes; the user's own timeout is likely to be shorter.
        raise openai_error(HttpxError("ReadTimeout" if exchange.end is End.TIMED_OUT else "ReadError", ""))
    location = header_values(response.headers, "location")
    if response.status not in _REDIRECTS or not location:
        return
    try:
        target = urljoin(exchange.request.url, location[0])
    except ValueError:
        raise openai_error(HttpxError("RemoteProtocolError", "")) from None
    how = "the request is sent again" if response.status in _BODY_KEPT else "followed with GET and without a body"
    raise PyError("", f"({response.status}: {how} to {target})")


def openai_error(error: HttpxError) -> PyError:
    """What openai raises for it, while it waits for the head and while it iterates a stream."""
    if error.is_timeout:
        return PyError("APITimeoutError", "Request timed out.")
    return PyError("APIConnectionError", "Connection error.")


def text_of(exchange: Exchange, content: bytes) -> str:
    """`Response.text`: in the charset of the content type if Python knows it, else as UTF-8; wrong bytes replaced."""
    values = header_values(exchange.response.headers, "content-type") if exchange.response is not None else ()
    message = Message()
    message["content-type"] = ", ".join(values)
    charset = message.get_content_charset() or "utf-8"
    try:
        return codecs.getincrementaldecoder(charset)("replace").decode(content, final=True)
    except (LookupError, UnicodeError):
        return content.decode("utf-8", "replace")


def _decoders(exchange: Exchange) -> tuple["_Zlib", ...]:
    if exchange.response is None or exchange.capture.body != "wire":
        return ()
    values = ", ".join(header_values(exchange.response.headers, "content-encoding")).split(",")
    codings = [coding for coding in (value.strip().lower() for value in values) if coding in ("gzip", "deflate")]
    if len(codings) > _MAX_CODINGS:
        raise HttpxError("DecodingError", f"Cannot apply more than {_MAX_CODINGS} content encodings.")
    return tuple(_Zlib(is_gzip=coding == "gzip") for coding in reversed(codings))


def _through(decoders: tuple["_Zlib", ...], data: bytes) -> Iterator[bytes]:
    if not decoders:
        yield data
        return
    for piece in decoders[0].decode(data):
        yield from _through(decoders[1:], piece)


class _Zlib:
    def __init__(self, *, is_gzip: bool) -> None:
        self._may_be_raw = not is_gzip
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 16 if is_gzip else zlib.MAX_WBITS)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Pieces of bounded size. Deflate comes with or without zlib's header; the first read decides."""
        try:
            output = self._zlib.decompress(data, _MAX_OUTPUT_BYTES)
        except zlib.error as error:
            if not self._may_be_raw:
                raise HttpxError("DecodingError", str(error)) from None
            self._may_be_raw = False
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
            yield from self.decode(data)
            return
        self._may_be_raw = False
        while output:
            yield output
            try:
                output = self._zlib.decompress(self._zlib.unconsumed_tail, _MAX_OUTPUT_BYTES)
            except zlib.error as error:
                raise HttpxError("DecodingError", str(error)) from None
