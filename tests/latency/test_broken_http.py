"""Bytes that are no HTTP are told in our own words, whatever httptools calls them, and are an error of their own."""

import pytest

from latency.samples import sample
from raw_server import head, playing, saying
from vapi_conformance.exchange import End
from vapi_conformance.latency.engine import Engine, Shot, prepared
from vapi_conformance.latency.engine.framing import Framing
from vapi_conformance.latency.metrics import error_kind

CHUNKED = head(Transfer_Encoding="chunked")
NO_LENGTH = "broken HTTP: a Content-Length that is no length"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n", "broken HTTP: what came is no HTTP response"),
        (b"\x15\x03\x01\x00\x02", "broken HTTP: what came is no HTTP response"),
        (b"\x00\xff" * 500, "broken HTTP: what came is no HTTP response"),
        (b"HTTP/9.9 200 OK\r\n", "broken HTTP: what came is no HTTP/1.1 response"),
        (b"HTTP/1.1 OK\r\n", "broken HTTP: a status that is none"),
        (head(Content_Length="9" * 30), NO_LENGTH),
        (head(Content_Length="ten"), NO_LENGTH),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n", NO_LENGTH),
        (b"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "broken HTTP: a header field that is none"),
        (CHUNKED + b"zz\r\n", "broken HTTP: a chunk without a size or without its end"),
        (CHUNKED + b"f" * 40 + b"\r\n", "broken HTTP: a chunk without a size or without its end"),
        (CHUNKED + b"1\r\nxyz\r\n", "broken HTTP: a chunk without a size or without its end"),
        (head("101 Switching Protocols", Upgrade="x", Connection="upgrade"), "broken HTTP: the endpoint switched to"),
    ],
)
def test_is_told_in_our_own_words(answer: bytes, words: str) -> None:
    framing = Framing()
    told = framing.feed(answer)
    framing.release()
    assert words == (told or "")[: len(words)]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, "broken HTTP: a head of more than 102400 bytes"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5000, " interim answers (1xx) and no other in more than 102400 bytes"),
        (head(Content_Length="9" * 30), NO_LENGTH),
    ],
    ids=["a head too large", "a flood of interim answers", "no length"],
)
def test_is_an_error_of_its_own(engine: Engine, answer: bytes, words: str) -> None:
    with playing(saying([answer, 3600.0])) as url:
        (measured,) = engine.run([Shot(at_ns=0, request=prepared(url=f"{url}/chat", body=b"{}"))])
    exchange = measured.exchange
    assert (End.NO_RESPONSE, True) == (exchange.end, words in (exchange.error or ""))
    assert "broken HTTP" == error_kind(sample(exchange))
