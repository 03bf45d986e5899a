"""What node-fetch 2 and Node's `http` make of an HTTP answer, before openai-node sees its body.

Content codings are undone read by read, so that a compressor which holds text back shows in the times. How a broken
connection ends is told from `Exchange.end`; the words of the errors are those of Node 20.
"""

from collections.abc import Iterator

from vapi_conformance.body_weight import BodyBound
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.node_zlib import Brotli, Decoder, Gunzip, Identity, Inflate
from vapi_conformance.exchange import End, Exchange, header_values

__all__ = ["Body", "NeverEndsError"]


class NeverEndsError(JsError):
    """No error of the library's: it would wait for ever, and only its user's own timeout ends that."""

    def __init__(self, why: str) -> None:
        super().__init__("", f"({why}, and the library waits for ever)")


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
        bound = BodyBound(self._max_body_bytes)
        for read in self._exchange.reads:
            self.at_ns = read.at_ns
            for piece in decoder.feed(read.data):
                if past := bound.passed_by(piece):
                    raise JsError("", past)
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
    answered = exchange.body or not isinstance(_decoder(exchange), Inflate)
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


def _decoder(exchange: Exchange) -> Decoder:
    if exchange.response is None or exchange.capture.body != "wire":
        return Identity()
    match ", ".join(header_values(exchange.response.headers, "content-encoding")):
        case "gzip" | "x-gzip":
            return Gunzip()
        case "deflate" | "x-deflate":
            return Inflate()
        case "br":
            return Brotli()
        case _:
            return Identity()
