"""The engine records what the client records, whatever an endpoint does."""

import gzip
import itertools
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial

import pytest

from raw_server import Part, Script, chunked, head, playing, read_request, reset, saying
from vapi_conformance.client import Client, Limits, Outgoing
from vapi_conformance.exchange import End, Exchange, Label
from vapi_conformance.latency.engine import Engine, Shot, prepared

SSE = {"Content_Type": "text/event-stream", "Transfer_Encoding": "chunked"}
PATIENT = Limits(connect_s=10, idle_s=30, total_s=60, max_body_bytes=100_000)
QUICK = Limits(connect_s=2, idle_s=0.5, total_s=1.5, max_body_bytes=100_000)
HEADERS = (("Content-Type", "application/json"), ("X-Case", "kEpt"))
LABEL = Label(scenario="plain", step="stream")
EVENT = b"data: a\n\n"


def by_the_client(script: Script, limits: Limits = PATIENT) -> Exchange:
    with playing(script) as url, Client(limits=limits) as client:
        return client.send(Outgoing(url=f"{url}/chat", headers=HEADERS, body=b"{}", label=LABEL))


def by_the_engine(engine: Engine, script: Script) -> Exchange:
    with playing(script) as url:
        request = prepared(url=f"{url}/chat", headers=HEADERS, body=b"{}", label=LABEL)
        (measured,) = engine.run([Shot(at_ns=0, request=request)])
        return measured.exchange


def endless(first: bytes, more: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(first)
        while True:
            connection.sendall(more)

    return script


def resetting(parts: Iterable[bytes]) -> Script:
    def script(connection: socket.socket) -> None:
        read_request(connection)
        for part in parts:
            connection.sendall(part)
        time.sleep(0.1)
        reset(connection)

    return script


def cut(*pieces: bytes) -> Script:
    """Each piece a read of its own."""
    return saying([part for piece in pieces for part in (piece, 0.05)])


ZIPPED = gzip.compress(b"data: zipped\n\n")
SAID: dict[str, list[Part]] = {
    "chunked": [head(**SSE) + chunked(EVENT, EVENT)],
    "chunked with extensions and trailers": [head(**SSE) + b"9;x=y\r\n" + EVENT + b"\r\n0\r\nX-Sum: 1\r\n\r\n"],
    "content-length": [head(Content_Length="9") + EVENT],
    "closed when done": [head(Content_Type="text/event-stream") + EVENT],
    "no body": [head("204 No Content")],
    "not modified": [head("304 Not Modified", Content_Length="9")],
    "zipped": [head(Content_Encoding="gzip", Content_Length=str(len(ZIPPED))) + ZIPPED],
    "an error": [head("429 Too Many Requests", Retry_After="1", Content_Length="2") + b"{}"],
    "a redirect": [head("307 Temporary Redirect", Location="http://[::1", Content_Length="0")],
    "interim answers": [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Eh\r\nA: x\r\n\r\n", head(**SSE), chunked(EVENT)],
    "both framings": [head(Content_Length="4", Transfer_Encoding="chunked") + chunked(EVENT)],
    "bare line feeds": [b"HTTP/1.1 200 OK\nContent-Length: 9\n\n" + EVENT],
    "control characters": [b"HTTP/1.1 200 OK\r\nX: a\x01b\xff\r\nContent-Length: 9\r\n\r\n" + EVENT],
    "a space behind a chunk's size": [head(**SSE) + b"9 \r\n" + EVENT + b"\r\n0\r\n\r\n"],
    "another protocol from now on": [head("101 Switching Protocols", Upgrade="x", Connection="upgrade") + EVENT],
    "too much for a number": [head(Content_Length="9" * 30) + EVENT],
    "no name": [b"HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 9\r\n\r\n" + EVENT],
    "http/1.0": [b"HTTP/1.0 200 OK\r\nX: 1\r\n\r\nbody"],
    "fields twice": [b"HTTP/1.1 200 OK\r\nX-One: 1\r\nx-ONE:   2  \r\nContent-Length: 0\r\n\r\n"],
    "nothing": [],
    "half a head": [b"HTTP/1.1 200 OK\r\nX-One: 1\r\n"],
    "half a chunk": [head(**SSE) + b"ff\r\n" + EVENT],
    "no last chunk": [head(**SSE) + chunked(EVENT, end=False)],
    "less than it said": [head(Content_Length="90") + EVENT],
    "more than it said": [head(Content_Length="4") + EVENT],
    "no chunk": [head(**SSE) + chunked(EVENT, end=False) + b"zz\r\n"],
    "lengths that differ": [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n" + EVENT],
    "another protocol": [b"SSH-2.0-OpenSSH_9.9\r\n\r\n"],
    "tls": [b"\x16\x03\x01\x02\x00"],
}  # fmt: skip
SCRIPTS: dict[str, Callable[[], Script]] = {
    **{name: partial(saying, parts) for name, parts in SAID.items()},
    "a head in pieces": lambda: cut(
        b"HTTP/1.1 2", b"00 O", b"K\r\nX-O", b"ne: ab", b"c\r\nContent-Length: 2\r\n\r", b"\nok"
    ),
    "chunks in pieces": lambda: cut(head(**SSE), b"9\r", b"\ndata: a\n", b"\n\r\n0", b"\r\n\r\n"),
    "a reset at once": lambda: resetting([]),
    "a reset in the body": lambda: resetting([head(**SSE) + chunked(EVENT, end=False)]),
    "a body without end": lambda: endless(head(**SSE), chunked(b"x" * 10_000, end=False)),
    "small lines without end": lambda: endless(head(**SSE), chunked(b":\n" * 100, end=False)),
    "a head without end": lambda: endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 10_000 + b"\r\n"),
}
SLOW: dict[str, Callable[[], Iterable[Part]]] = {
    "silence": lambda: [3.0],
    "silence in the head": lambda: [b"HTTP/1.1 200 OK\r\n", 3.0],
    "silence in the body": lambda: [head(**SSE) + chunked(EVENT, end=False), 3.0],
    "a dripping body": lambda: itertools.chain([head(**SSE)], itertools.cycle([b"1\r\nx\r\n", 0.05])),
    "a dripping head": lambda: itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.cycle([b"X: y\r\n", 0.05])),
}


def assert_alike(theirs: Exchange, ours: Exchange) -> None:
    assert theirs.end is ours.end
    assert theirs.response == ours.response
    assert (theirs.error is None) == (ours.error is None)
    assert (theirs.label, theirs.source, theirs.capture) == (ours.label, ours.source, ours.capture)
    assert theirs.connection_reused == ours.connection_reused


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_bytes_give_the_same_record(engine: Engine, name: str) -> None:
    ours, theirs = by_the_engine(engine, SCRIPTS[name]()), by_the_client(SCRIPTS[name]())
    assert_alike(theirs, ours)
    if ours.end is not End.CLOSED_BY_US:
        assert theirs.body == ours.body


@pytest.mark.parametrize("name", SLOW)
def test_whoever_takes_too_long_is_timed_out(quick_engine: Engine, name: str) -> None:
    ours = by_the_engine(quick_engine, saying(SLOW[name]()))
    assert_alike(by_the_client(saying(SLOW[name]()), QUICK), ours)
    assert End.TIMED_OUT is ours.end
    assert ("body" in name) == (ours.body != b"")


def test_the_request_is_the_same_to_the_byte(engine: Engine) -> None:
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(head(Content_Length="0"))

    ours, theirs = by_the_engine(engine, script), by_the_client(script)
    hosts = [next(line for line in each.split(b"\r\n") if line.startswith(b"Host")) for each in seen]
    assert seen[1].replace(hosts[1], b"") == seen[0].replace(hosts[0], b"")
    assert [name for name, _ in theirs.request.headers] == [name for name, _ in ours.request.headers]
    assert (theirs.request.method, theirs.request.body) == (ours.request.method, ours.request.body)


class TestBounds:
    @pytest.mark.parametrize("name", ["a body without end", "small lines without end"])
    def test_an_endless_body_is_cut_at_the_bound(self, engine: Engine, name: str) -> None:
        exchange = by_the_engine(engine, SCRIPTS[name]())
        assert End.CLOSED_BY_US is exchange.end
        assert "more than 100000" in str(exchange.error)
        assert len(exchange.body) < 200_000

    def test_a_name_that_does_not_resolve(self, engine: Engine) -> None:
        request = prepared(url="http://no-such-host.invalid/", body=b"")
        (measured,) = engine.run([Shot(at_ns=0, request=request)])
        assert End.NO_RESPONSE is measured.exchange.end
        assert "the name 'no-such-host.invalid' cannot be resolved" in str(measured.exchange.error)

    def test_nobody_listens(self, engine: Engine) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        request = prepared(url=f"http://127.0.0.1:{port}/", body=b"")
        (measured,) = engine.run([Shot(at_ns=0, request=request)])
        assert (End.NO_RESPONSE, None) == (measured.exchange.end, measured.sent_ns)
        assert "refused" in str(measured.exchange.error)
