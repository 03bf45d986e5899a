"""The client records what comes, with times, from endpoints of every kind; nothing they do hangs or fills it."""

import gzip
import itertools
import os
import queue
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import pytest

from raw_server import Part, chunked, head, playing, read_request, reset, saying
from vapi_conformance.client import Client, Limits, Outgoing
from vapi_conformance.exchange import End, Exchange, Label
from vapi_conformance.masking import Secrets

SSE = {"Content_Type": "text/event-stream", "Transfer_Encoding": "chunked"}
DRIP_BODY: list[Part] = [b"1\r\nx\r\n", 0.05]
DRIP_HEAD: list[Part] = [b"X: y\r\n", 0.05]
posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
PATIENT = Limits(connect_s=10, idle_s=30, total_s=60)
QUICK = Limits(connect_s=2, idle_s=0.5, total_s=1.5, max_body_bytes=100_000)


def outgoing(url: str, **changes: object) -> Outgoing:
    settings = {"headers": (("Content-Type", "application/json"),), "body": b"{}", **changes}
    return Outgoing(url=f"{url}/chat/completions", **settings)  # type: ignore[arg-type]  # test data


def sent(url: str, *, limits: Limits = QUICK, secrets: tuple[str, ...] = (), **changes: object) -> Exchange:
    with Client(limits=limits, secrets=secrets) as client:
        return client.send(outgoing(url, **changes))


@pytest.fixture
def with_ctrl_c() -> Iterator[None]:
    """As at a terminal: whoever starts the tests in the background may have them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def soon(_new: bytes, _at_ns: int) -> int | None:
    return 50_000_000


def until_something_comes(new: bytes, _at_ns: int) -> int | None:
    return None if new else 5_000_000_000


def at_an_a(new: bytes, at_ns: int) -> int | None:
    return at_ns if b"a" in new else None


class TestRecord:
    def test_reads_are_stamped_as_they_come(self) -> None:
        parts: list[Part] = [head(**SSE), chunked(b"data: a\n\n", end=False), 0.15, chunked(b"data: b\n\n")]
        with playing(saying(parts)) as url:
            exchange = sent(url)
        assert [b"data: a\n\n", b"data: b\n\n"] == [read.data for read in exchange.reads]
        first, second = (read.at_ns for read in exchange.reads)
        assert first is not None
        assert second is not None
        assert 0.1e9 < second - first < 10e9
        assert End.CLEAN is exchange.end

    def test_chunks_of_one_socket_read_are_one_read(self) -> None:
        with playing(saying([head(**SSE) + chunked(b"data: a\n\n", b"data: b\n\n")])) as url:
            assert [b"data: a\n\ndata: b\n\n"] == [read.data for read in sent(url).reads]

    def test_stations_of_a_fresh_and_of_a_reused_connection(self) -> None:
        def twice(connection: socket.socket) -> None:
            for _ in range(2):
                read_request(connection)
                connection.sendall(head(Content_Length="2") + b"{}")

        with playing(twice) as url, Client(limits=QUICK) as client:
            fresh, reused = client.send(outgoing(url)), client.send(outgoing(url))
        assert (False, True) == (fresh.connection_reused, reused.connection_reused)
        assert fresh.timing.connect_ns is not None
        assert reused.timing.connect_ns is None
        assert reused.timing.first_header_byte_ns is not None
        assert reused.timing.end_ns is not None

    def test_headers_go_out_and_come_in_as_they_are(self) -> None:
        seen: list[bytes] = []

        def script(connection: socket.socket) -> None:
            seen.append(read_request(connection))
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-One: 1\r\nx-ONE: 2\r\nContent-Length: 0\r\n\r\n")

        with playing(script) as url:
            exchange = sent(url, headers=(("aCCept", "a/b"), ("X-Last", "z")))
        assert exchange.response is not None
        assert ((b"X-One", b"1"), (b"x-ONE", b"2")) == exchange.response.headers[:2]
        assert b"\r\naCCept: a/b\r\nX-Last: z\r\n" in seen[0]
        assert b"user-agent" not in seen[0].lower()

    def test_label_becomes_the_source(self) -> None:
        with playing(saying([head(Content_Length="0")])) as url:
            exchange = sent(url, label=Label(scenario="plain", step="stream"))
        assert "plain/stream" == exchange.source

    def test_redirects_are_recorded_and_not_followed(self) -> None:
        with playing(saying([head("307 Temporary Redirect", Location="/else", Content_Length="0")])) as url:
            exchange = sent(url)
        assert exchange.response is not None
        assert 307 == exchange.response.status


class TestEnds:
    def test_truncated_inside_the_body(self) -> None:
        with playing(saying([head(**SSE), chunked(b"data: a\n\n", end=False)])) as url:
            exchange = sent(url)
        assert (End.TRUNCATED, b"data: a\n\n") == (exchange.end, exchange.body)

    def test_reset_inside_the_body(self) -> None:
        def script(connection: socket.socket) -> None:
            read_request(connection)
            connection.sendall(head(**SSE) + chunked(b"data: a\n\n", end=False))
            time.sleep(0.1)
            reset(connection)

        with playing(script) as url:
            exchange = sent(url)
        assert (End.RESET, b"data: a\n\n") == (exchange.end, exchange.body)

    def test_silence_is_waited_out_once(self) -> None:
        with playing(saying([head(**SSE), chunked(b"data: a\n\n", end=False), 3.0])) as url:
            exchange = sent(url)
        assert (End.TIMED_OUT, b"data: a\n\n") == (exchange.end, exchange.body)
        assert exchange.timing.end_ns is not None
        assert exchange.timing.end_ns < 2.9e9  # the server would have ended it after three seconds

    def test_no_response_at_all(self) -> None:
        with playing(saying([])) as url:
            exchange = sent(url)
        assert (End.NO_RESPONSE, None) == (exchange.end, exchange.response)

    @pytest.mark.parametrize(
        "greeting", [b"SSH-2.0-OpenSSH_9.9\r\n\r\n", b"\x16\x03\x01\x02\x00", b"HTTP/9 abc\r\n\r\n"]
    )
    def test_what_is_no_http(self, greeting: bytes) -> None:
        with playing(saying([greeting])) as url:
            exchange = sent(url)
        assert (End.NO_RESPONSE, None) == (exchange.end, exchange.response)
        assert exchange.error

    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        exchange = sent(f"http://127.0.0.1:{port}")
        assert End.NO_RESPONSE is exchange.end
        assert "refused" in str(exchange.error)

    def test_a_name_that_does_not_resolve(self) -> None:
        exchange = sent("http://no-such-host.invalid")
        assert "the name 'no-such-host.invalid' cannot be resolved" in str(exchange.error)

    def test_hanging_up_closes_the_connection(self) -> None:
        closed: list[bytes] = []

        def script(connection: socket.socket) -> None:
            read_request(connection)
            connection.sendall(head(**SSE) + chunked(b"data: a\n\n", end=False))
            closed.append(connection.recv(1))

        with playing(script) as url:
            exchange = sent(url, hang_up=at_an_a)
            deadline = time.monotonic() + 2
            while not closed and time.monotonic() < deadline:
                time.sleep(0.01)
        assert End.CLOSED_BY_US is exchange.end
        assert [b""] == closed

    @pytest.mark.parametrize("begun", [[], [head(**SSE)], [head(**SSE) + chunked(b"data: a\n\n", end=False)]])
    def test_hanging_up_at_a_time_does_not_wait_for_the_next_read(self, begun: list[bytes | float]) -> None:
        """A caller who speaks into a silence closes the connection, whether an answer has begun or not."""
        with playing(saying([*begun, 5.0])) as url:
            exchange = sent(url, hang_up=soon)
        assert (End.CLOSED_BY_US, "hung up on purpose") == (exchange.end, exchange.error)

    @posix
    @pytest.mark.usefixtures("with_ctrl_c")
    @pytest.mark.parametrize("begun", [b"", head(**SSE) + chunked(b"data: a\n\n", end=False)])
    def test_ctrl_c_closes_the_connection_where_it_may(self, begun: bytes) -> None:
        """Whether the endpoint says nothing at all or has begun to answer."""
        closed = queue.SimpleQueue[bytes]()

        def script(connection: socket.socket) -> None:
            read_request(connection)
            connection.sendall(begun)
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGINT)
            closed.put(connection.recv(1))

        with playing(script) as url:
            exchange = sent(url, limits=PATIENT, may_interrupt=nullcontext)
            assert b"" == closed.get(timeout=10)
        assert (End.CLOSED_BY_US, "hung up on purpose") == (exchange.end, exchange.error)
        assert begun.partition(b"\r\n\r\n")[2].count(b"data") == exchange.body.count(b"data")

    @posix
    @pytest.mark.usefixtures("with_ctrl_c")
    def test_ctrl_c_goes_through_elsewhere(self) -> None:
        def script(connection: socket.socket) -> None:
            read_request(connection)
            os.kill(os.getpid(), signal.SIGINT)
            connection.recv(1)

        with playing(script) as url, pytest.raises(KeyboardInterrupt):
            sent(url, limits=PATIENT)

    def test_a_time_to_hang_up_that_is_taken_back_is_none(self) -> None:
        with playing(saying([head(**SSE) + chunked(b"data: b\n\n", end=False), 0.2, chunked(b"data: a\n\n")])) as url:
            exchange = sent(url, hang_up=until_something_comes)
        assert End.CLEAN is exchange.end

    def test_a_dead_kept_alive_connection_is_replaced_once(self) -> None:
        with playing(saying([head(Content_Length="0"), 0.05])) as url, Client(limits=QUICK) as client:
            client.send(outgoing(url))
            time.sleep(0.2)
            assert End.CLEAN is client.send(outgoing(url)).end


class TestHostileEndpoints:
    def test_an_endless_body_is_cut_at_the_bound(self) -> None:
        def script(connection: socket.socket) -> None:
            read_request(connection)
            connection.sendall(head(**SSE))
            while True:
                connection.sendall(chunked(b"x" * 10_000, end=False))

        with playing(script) as url:
            exchange = sent(url)
        assert End.CLOSED_BY_US is exchange.end
        assert "more than 100000 body bytes, a line counting for 500, a comma in JSON for 200" == exchange.error
        assert len(exchange.body) < 200_000

    @pytest.mark.parametrize(
        ("start", "tiny"),
        [(b"", b"data: {}\r\n\r\n"), (b"", b"data: {}\r\r"), (b"", b":\n"), (b"[", b"{},"), (b'{"output":[', b"{},")],
    )
    def test_many_small_things_are_cut_before_they_fill_our_memory(self, start: bytes, tiny: bytes) -> None:
        def script(connection: socket.socket) -> None:
            read_request(connection)
            connection.sendall(head(**SSE) + chunked(start or b"\n", end=False))
            while True:
                connection.sendall(chunked(tiny * 100, end=False))

        with playing(script) as url:
            exchange = sent(url)
        assert End.CLOSED_BY_US is exchange.end
        assert len(exchange.body) < 20_000

    def test_a_steady_drip_ends_at_the_total_bound(self) -> None:
        drip = itertools.chain([head(**SSE)], itertools.cycle(DRIP_BODY))
        started = time.monotonic()
        with playing(saying(drip)) as url:
            exchange = sent(url)
        assert End.TIMED_OUT is exchange.end
        assert time.monotonic() - started < 10  # the drip has no end

    def test_dripping_headers_end_at_the_total_bound(self) -> None:
        drip = itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.cycle(DRIP_HEAD))
        with playing(saying(drip)) as url:
            exchange = sent(url)
        assert (End.TIMED_OUT, None) == (exchange.end, exchange.response)

    def test_endless_headers_are_cut(self) -> None:
        def script(connection: socket.socket) -> None:
            read_request(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.sendall(b"X: " + b"y" * 10_000 + b"\r\n")

        with playing(script) as url:
            exchange = sent(url)
        assert (End.NO_RESPONSE, None) == (exchange.end, exchange.response)


class TestSecrets:
    KEY = "sk-very-secret-0123456789"

    def test_are_masked_where_they_are_sent_and_where_they_come_back(self) -> None:
        def echo(connection: socket.socket) -> None:
            request = read_request(connection)
            assert self.KEY.encode() in request
            connection.sendall(head("401 Unauthorized", X_Echo=self.KEY, Content_Length="25") + self.KEY.encode())

        with playing(echo) as url:
            exchange = sent(url, secrets=(self.KEY,), headers=(("Authorization", f"Bearer {self.KEY}"),))
        assert self.KEY not in repr(exchange)
        assert b"*" * len(self.KEY) == exchange.body
        assert (b"Authorization", b"Bearer " + b"*" * len(self.KEY)) in exchange.request.headers

    def test_are_masked_across_reads(self) -> None:
        key = self.KEY.encode()
        parts: list[Part] = [head(**SSE), chunked(b"data: " + key[:10], end=False), 0.1, chunked(key[10:] + b"\n\n")]
        with playing(saying(parts)) as url:
            exchange = sent(url, secrets=(self.KEY,))
        assert b"data: " + b"*" * len(key) + b"\n\n" == exchange.body
        assert 2 == len(exchange.reads)

    def test_are_masked_under_gzip(self) -> None:
        body = gzip.compress(b"key: " + self.KEY.encode())
        with playing(saying([head(Content_Encoding="gzip", Content_Length=str(len(body))) + body])) as url:
            exchange = sent(url, secrets=(self.KEY,))
        assert b"key: " + b"*" * len(self.KEY) == exchange.body
        assert "decoded" == exchange.capture.body


def test_many_at_once_come_back_in_order() -> None:
    def script(connection: socket.socket) -> None:
        while request := read_request(connection):
            body = request.rpartition(b"\r\n\r\n")[2]
            connection.sendall(head(Content_Length=str(len(body))) + body)

    with playing(script) as url, Client(limits=QUICK) as client:
        exchanges = client.send_all([outgoing(url, body=str(number).encode()) for number in range(8)])
    assert [str(number).encode() for number in range(8)] == [exchange.body for exchange in exchanges]


class TestRedirect:
    @pytest.mark.parametrize(
        "location",
        [
            "https://other.example/v1",
            "/v2",
            "javascript:alert(1)",
            "http://[::1",
            "http://xn--/",
            "\x7f",
            "é",
            "x" * 70_000,
        ],
        ids=range(8),
    )
    def test_is_recorded_and_not_followed_wherever_it_leads(self, location: str) -> None:
        answer = b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: " + location.encode() + b"\r\n\r\n"
        with playing(saying([answer])) as url:
            exchange = sent(url)
        assert exchange.response is not None
        assert (End.CLEAN, 307) == (exchange.end, exchange.response.status)
        assert location.encode() == dict(exchange.response.headers)[b"Location"]


class TestRenewal:
    @staticmethod
    def statuses(*statuses: str, seen: list[bytes]) -> Callable[[socket.socket], None]:
        """One connection that answers with these, one after the other."""

        def script(connection: socket.socket) -> None:
            for status in statuses:
                if not (request := read_request(connection)):
                    return
                seen.append(request)
                connection.sendall(head(status, Content_Length="0"))

        return script

    @staticmethod
    def sent(url: str, told: list[tuple[str, int]], *answers: str | None) -> Exchange:
        """With a renewal that gives these values for Authorization, one after the other."""
        left = list(answers)

        def renew(headers: tuple[tuple[str, str], ...], status: int) -> tuple[tuple[str, str], ...] | None:
            told.append((dict(headers)["Authorization"], status))
            answer = left.pop(0) if left else None
            return None if answer is None else (("Authorization", answer),)

        with Client(limits=QUICK, renew=renew) as client:
            return client.send(outgoing(url, headers=(("Authorization", "old"),)))

    def test_sends_once_more_with_what_it_is_given(self) -> None:
        seen: list[bytes] = []
        told: list[tuple[str, int]] = []
        with playing(self.statuses("401 Unauthorized", "200 OK", seen=seen)) as url:
            exchange = self.sent(url, told, "new")
        assert exchange.response is not None
        assert (200, b"new") == (exchange.response.status, dict(exchange.request.headers)[b"Authorization"])
        assert [("old", 401), ("new", 200)] == told
        old, new = seen
        assert b"Authorization: old" in old
        assert b"Authorization: new" in new

    def test_is_not_tried_twice(self) -> None:
        seen: list[bytes] = []
        told: list[tuple[str, int]] = []
        with playing(self.statuses("401 Unauthorized", "401 Unauthorized", "200 OK", seen=seen)) as url:
            exchange = self.sent(url, told, "new", "newer")
        assert exchange.response is not None
        assert (401, 2, [("old", 401), ("new", 401)]) == (exchange.response.status, len(seen), told)

    def test_leaves_alone_what_needs_none(self) -> None:
        seen: list[bytes] = []
        told: list[tuple[str, int]] = []
        with playing(self.statuses("200 OK", seen=seen)) as url:
            exchange = self.sent(url, told)
        assert b"old" == dict(exchange.request.headers)[b"Authorization"]
        assert (1, [("old", 200)]) == (len(seen), told)

    def test_a_secret_that_became_known_on_the_way_is_masked(self) -> None:
        secrets = Secrets()

        def renew(_: tuple[tuple[str, str], ...], status: int) -> tuple[tuple[str, str], ...] | None:
            secrets.add("fetched-token")
            return (("Authorization", "Bearer fetched-token"),) if status == 401 else None

        seen: list[bytes] = []
        script = self.statuses("401 Unauthorized", "200 OK", seen=seen)
        with playing(script) as url, Client(limits=QUICK, secrets=secrets, renew=renew) as client:
            exchange = client.send(outgoing(url))
        assert "fetched-token" not in repr(exchange)
        assert b"Bearer fetched-token" in seen[1]
