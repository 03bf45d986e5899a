"""The stamping server says when it sent what, and sends what it was asked for when it was asked for."""

import socket
import time
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path

import pytest
import trustme

from raw_server import chunked
from vapi_conformance.exchange import End
from vapi_conformance.latency.engine import Engine, Measured, Prepared, Settings, Shot, prepared
from vapi_conformance.latency.stamping_server import Pace, Stamp, StampingServer, stamps_in

MS = 1_000_000
PACE = Pace(chunks=5, first_ns=30 * MS, gap_ns=10 * MS)


@pytest.fixture(scope="module")
def server() -> Generator[StampingServer]:
    with StampingServer() as server:
        yield server


def asking(server: StampingServer, pace: Pace) -> Prepared:
    return prepared(url=server.url(pace), body=b'{"stream": true}')


def stamps_of(measured: Measured) -> tuple[Stamp, ...]:
    return stamps_in(measured.exchange.body)


def test_sends_so_many_chunks_and_ends(server: StampingServer, engine: Engine) -> None:
    (measured,) = engine.run([Shot(at_ns=0, request=asking(server, PACE))])
    assert End.CLEAN is measured.exchange.end
    assert 5 == len(stamps_of(measured))
    assert measured.exchange.body.endswith(b"data: [DONE]\n\n")
    assert b'"role":"assistant"' in measured.exchange.body.split(b"\n\n")[0]


def test_does_the_same_behind_tls(tmp_path: Path) -> None:
    own, vouching, authority = tmp_path / "server.pem", tmp_path / "ca.pem", trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(own)
    authority.cert_pem.write_to_path(vouching)
    with StampingServer(certificate=own) as server, Engine(Settings(ca_file=str(vouching))) as engine:
        with socket.create_connection(("127.0.0.1", server.port)) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while stranger.recv(4096):
                """It says in an alert that this is no TLS, and leaves."""
        for _ in range(2):
            first, second = engine.run([Shot(at_ns=0, request=asking(server, PACE))] * 2, lanes=1)
            assert [End.CLEAN, End.CLEAN] == [first.exchange.end, second.exchange.end]
            assert [5, 5] == [len(stamps_of(each)) for each in (first, second)]
            assert all(stamp.request_ns + PACE.first_ns <= stamp.sent_ns for stamp in stamps_of(second))


def test_never_sends_before_its_time(server: StampingServer, engine: Engine) -> None:
    (measured,) = engine.run([Shot(at_ns=0, request=asking(server, PACE))])
    stamps = stamps_of(measured)
    due_ns = [stamps[0].request_ns + PACE.first_ns + number * PACE.gap_ns for number in range(5)]
    assert all(due <= stamp.sent_ns for due, stamp in zip(due_ns, stamps, strict=True))
    assert all(earlier.sent_ns < later.sent_ns for earlier, later in pairwise(stamps))
    assert 1 == len({stamp.request_ns for stamp in stamps})


def test_its_clock_and_the_engines_are_one(server: StampingServer, engine: Engine) -> None:
    """Nothing arrives before it was sent, and the request not before it left."""
    (measured,) = engine.run([Shot(at_ns=0, request=asking(server, PACE))])
    assert measured.sent_ns is not None
    sent_ns = engine.begin_ns + measured.sent_ns
    pairs = [(stamp, read) for read in measured.exchange.reads for stamp in stamps_in(read.data)]
    assert 5 == len(pairs)
    for stamp, read in pairs:
        assert sent_ns - MS < stamp.request_ns
        assert read.at_ns is not None
        assert stamp.sent_ns - MS < sent_ns + read.at_ns


def test_serves_many_with_different_paces_at_once(server: StampingServer, engine: Engine) -> None:
    paces = [Pace(chunks=number, first_ns=number * MS, gap_ns=MS) for number in range(20)]
    shots = [Shot(at_ns=0, request=asking(server, pace), tag=str(pace.chunks)) for pace in paces]
    results = list(engine.run(shots))
    assert {str(number): number for number in range(20)} == {each.shot.tag: len(stamps_of(each)) for each in results}


@pytest.mark.parametrize("query", ["", "?chunks=x", "?chunks=-5", "?gap_us=" + "9" * 5000], ids=range(4))
def test_what_it_does_not_understand_is_left_out(server: StampingServer, query: str) -> None:
    request = f"POST /{query} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request.encode())
        assert connection.recv(15).startswith(b"HTTP/1.1 200 OK")


def test_survives_callers_who_leave_or_do_not_read(server: StampingServer, engine: Engine) -> None:
    request = asking(server, Pace(chunks=100_000, first_ns=0, gap_ns=0)).wire
    with (
        socket.create_connection(("127.0.0.1", server.port)) as rude,
        socket.create_connection(("127.0.0.1", server.port)) as deaf,
        socket.create_connection(("127.0.0.1", server.port)) as hasty,
    ):
        rude.sendall(request)
        rude.close()
        deaf.sendall(request)
        hasty.sendall(request + request)
        time.sleep(0.2)
    (measured,) = engine.run([Shot(at_ns=0, request=asking(server, PACE))])
    assert End.CLEAN is measured.exchange.end


class TestStamps:
    def test_are_found_in_chunks(self) -> None:
        data = chunked(b'data: {"content":"t12 3 "}\n\n', b'data: {"content":"t45 3 "}\n\n')
        assert (Stamp(sent_ns=12, request_ns=3), Stamp(sent_ns=45, request_ns=3)) == stamps_in(data)

    def test_are_none_elsewhere(self) -> None:
        assert () == stamps_in(b'data: {"content":"t12 "}\n\n')
