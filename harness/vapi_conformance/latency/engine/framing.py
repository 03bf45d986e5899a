"""Says when an HTTP/1.1 response is over, by httptools; keeps none of its bytes."""

from http import HTTPStatus
from typing import Final

import httptools

from vapi_conformance.latency.broken_http import BROKEN_HTTP, broken_http

__all__ = ["SWITCHED", "Framing", "is_interim", "make_parser"]

SWITCHED: Final = BROKEN_HTTP + "the endpoint switched to another protocol, which nobody asked for"


class Framing:
    """A connection's responses, one after the other. Call `release` in the end: parser and framing hold each other."""

    __slots__ = ("_parser", "has_head", "has_more", "interim", "is_over", "keeps_alive")

    def __init__(self) -> None:
        """Before the first byte of the first response."""
        self._parser: httptools.HttpResponseParser | None = make_parser(self)
        self.renew()

    def renew(self) -> None:
        """The next bytes belong to the answer to a new request."""
        self.has_head = self.is_over = self.has_more = self.keeps_alive = False
        self.interim = 0

    def release(self) -> None:
        """No more bytes come."""
        self._parser = None

    def feed(self, data: bytes) -> str | None:
        """What is wrong with the bytes; None where nothing is, or where the response was over before."""
        parser = self._parser
        if parser is None:
            return None
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return SWITCHED
        except httptools.HttpParserError as problem:
            if not self.is_over:
                return broken_http(str(problem))
            self.has_more = True
        return None

    def on_message_begin(self) -> None:
        """Of httptools. After the end it is something nobody asked for."""
        self.has_more = self.is_over

    def on_headers_complete(self) -> None:
        """Of httptools."""
        if self._is_interim():
            self.interim += 1
        elif not self.is_over:
            self.has_head = True

    def on_message_complete(self) -> None:
        """Of httptools. Whether the connection stays is known here and not later."""
        if not self.is_over and not self._is_interim() and self._parser is not None:
            self.is_over = True
            self.keeps_alive = self._parser.should_keep_alive()

    def _is_interim(self) -> bool:
        return self._parser is not None and is_interim(self._parser.get_status_code())


def is_interim(status: int) -> bool:
    """100 Continue, 103 Early Hints: the answer comes after them (RFC 9110, 15.2)."""
    return HTTPStatus.CONTINUE <= status < HTTPStatus.OK


def make_parser(protocol: object) -> httptools.HttpResponseParser:
    """As tolerant as the client's own parser, where that can be had: load must not find other faults than the suite."""
    parser = httptools.HttpResponseParser(protocol)
    parser.set_dangerous_leniencies(
        lenient_headers=True,  # control characters, folded lines
        lenient_chunked_length=True,  # both framings: the chunked one counts (RFC 9112, 6.3)
        lenient_optional_cr_before_lf=True,  # RFC 9112, 2.2
        lenient_spaces_after_chunk_size=True,
    )
    return parser
