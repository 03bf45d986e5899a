"""Connections are for one thread at a time."""

import socket
import threading
from pathlib import Path

import pytest

from raw_server import head, playing, read_request
from vapi_conformance.client import Client, Outgoing
from vapi_conformance.network import ClockedTransport, Lines
from vapi_conformance.problems import UsageError


class TestLines:
    def test_at_the_same_time_are_different(self) -> None:
        lines = Lines(3)
        with lines.taken() as one, lines.taken() as two, lines.taken() as three:
            assert 3 == len({id(one), id(two), id(three)})

    def test_one_after_the_other_are_the_same(self) -> None:
        lines = Lines(3)
        with lines.taken() as first:
            pass
        with lines.taken() as second:
            pass
        assert first is second

    def test_one_too_many_waits_for_another_to_be_given_back(self) -> None:
        lines, taken, seen = Lines(1), threading.Event(), list[ClockedTransport]()

        def wait() -> None:
            with lines.taken() as late:
                seen.append(late)
                taken.set()

        with lines.taken() as first:
            thread = threading.Thread(target=wait)
            thread.start()
            assert [] == seen
        assert taken.wait(10)
        thread.join()
        assert [first] == seen

    def test_that_are_given_back_late_are_closed_then(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed = list[ClockedTransport]()

        def close(self: ClockedTransport) -> None:
            closed.append(self)

        monkeypatch.setattr(ClockedTransport, "close", close)
        lines = Lines(2)
        with lines.taken() as transport:
            lines.close()
            assert [] == closed
        assert [transport] == closed


def test_certificates_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing.pem"))
    with pytest.raises(UsageError, match=r"the certificates to be trusted \(SSL_CERT_FILE, .*\) cannot be read"):
        ClockedTransport(connections=1)


def test_many_at_once_each_get_the_answer_to_their_own_request() -> None:
    """Sixteen threads over connections that are kept alive: no answer is another's, none is lost."""

    def echo(connection: socket.socket) -> None:
        while request := read_request(connection):
            body = request.partition(b"\r\n\r\n")[2]
            connection.sendall(head(Content_Length=str(len(body))) + body)

    with playing(echo) as url, Client(connections=16) as client:
        for _ in range(5):
            asked = [Outgoing(url=url, headers=(), body=f"{number}".encode()) for number in range(48)]
            assert [each.body for each in asked] == [exchange.body for exchange in client.send_all(asked)]
