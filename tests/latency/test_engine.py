"""Shots start when they are meant to, whatever becomes of the others; each gives one result, or is said to be lost."""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
import trustme

from raw_server import Script, chunked, head, playing, read_request
from vapi_conformance.exchange import End
from vapi_conformance.latency.engine import Bounds, Engine, Measured, Prepared, Settings, Shot, prepared
from vapi_conformance.problems import UsageError

MS = 1_000_000
KEY = "sk-very-secret-0123456789"
OK = head(Content_Length="2") + b"{}"


def request_to(url: str, body: bytes = b"{}", **headers: str) -> Prepared:
    fields = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return prepared(url=f"{url}/chat", headers=fields, body=body)


def shots(request: Prepared, count: int, every_ns: int = 0) -> list[Shot]:
    return [Shot(at_ns=number * every_ns, request=request, tag=str(number)) for number in range(count)]


def answering(answer: bytes = OK, requests: int = 1_000_000) -> Script:
    """So many requests of a connection, each at once."""

    def script(connection: socket.socket) -> None:
        for _ in range(requests):
            if not read_request(connection):
                return
            connection.sendall(answer)

    return script


class TestOpenLoop:
    def test_each_shot_has_one_result(self, engine: Engine) -> None:
        with playing(answering()) as url:
            results = list(engine.run(shots(request_to(url), 40, MS)))
        assert [str(number) for number in range(40)] == sorted((each.shot.tag for each in results), key=int)
        assert list(range(40)) == sorted(each.number for each in results)
        assert {End.CLEAN} == {each.exchange.end for each in results}

    def test_times_count_from_the_start_of_the_run(self, engine: Engine) -> None:
        with playing(answering()) as url:
            results = sorted(engine.run(shots(request_to(url), 5, 20 * MS)), key=lambda each: each.number)
        assert [0, 20 * MS, 40 * MS, 60 * MS, 80 * MS] == [each.intended_ns for each in results]
        for each in results:
            assert each.sent_ns is not None
            assert each.intended_ns <= each.sent_ns <= each.ended_ns
            assert each.exchange.timing.end_ns == each.ended_ns - each.sent_ns

    def test_a_stalled_answer_does_not_keep_the_next_shot_waiting(self, engine: Engine) -> None:
        second_came = threading.Event()

        def stalled(connection: socket.socket) -> None:
            read_request(connection)
            second_came.wait(20)
            connection.sendall(OK)

        def second(connection: socket.socket) -> None:
            read_request(connection)
            second_came.set()
            connection.sendall(OK)

        with playing(stalled, second) as url:
            results = list(engine.run(shots(request_to(url), 2, 100 * MS)))
        assert second_came.is_set()
        assert {End.CLEAN} == {each.exchange.end for each in results}

    def test_too_many_at_once_are_said_to_be_unsent(self) -> None:
        free = threading.Event()

        def stalled(connection: socket.socket) -> None:
            read_request(connection)
            free.wait(20)
            connection.sendall(OK)

        with playing(stalled) as url, Engine(Settings(most_streams=2)) as engine:
            results: list[Measured] = []
            for each in engine.run(shots(request_to(url), 3)):
                results.append(each)
                free.set()
        unsent = results[0]
        assert (End.NO_RESPONSE, None) == (unsent.exchange.end, unsent.sent_ns)
        assert "not sent: 2 streams of this process are under way" == unsent.exchange.error
        assert [End.CLEAN, End.CLEAN] == [each.exchange.end for each in results[1:]]

    def test_a_slow_consumer_delays_no_shot(self, engine: Engine) -> None:
        last_came = threading.Event()

        def script(connection: socket.socket) -> None:
            while request := read_request(connection):
                if request.endswith(b"last"):
                    last_came.set()
                connection.sendall(OK)

        with playing(script) as url:
            last = Shot(at_ns=20 * MS, request=request_to(url, b"last"))
            running = engine.run([*shots(request_to(url), 5), last])
            next(running)
            assert last_came.wait(20)
            assert 5 == len(list(running))

    def test_a_failing_schedule_is_the_callers(self, engine: Engine) -> None:
        with playing(answering()) as url:
            request = request_to(url)

            def schedule() -> Iterator[Shot]:
                yield from shots(request, 500)
                raise ValueError("no more")

            with pytest.raises(ValueError, match="no more"):
                list(engine.run(schedule()))

    def test_leaving_early_drops_what_is_under_way(self, engine: Engine) -> None:
        def first_only(connection: socket.socket) -> None:
            while request := read_request(connection):
                if request.endswith(b"answer"):
                    connection.sendall(OK)

        with playing(first_only) as url:
            running = engine.run([Shot(at_ns=0, request=request_to(url, b"answer")), *shots(request_to(url), 10)])
            with contextlib.closing(running):
                assert End.CLEAN is next(running).exchange.end
        with playing(answering()) as url:
            assert 3 == len(list(engine.run(shots(request_to(url), 3))))


class TestReadingAhead:
    @pytest.mark.parametrize("lanes", [None, 2], ids=["open", "closed"])
    def test_shots_are_not_made_long_before_they_are_sent(self, engine: Engine, lanes: int | None) -> None:
        """At one a second (open), or with answers that take their time (closed)."""
        made: list[int] = []

        def slowly(connection: socket.socket) -> None:
            while read_request(connection):
                time.sleep(0.2)
                connection.sendall(OK)

        def endless(request: Prepared) -> Iterator[Shot]:
            for number in range(1000):
                made.append(number)
                yield Shot(at_ns=0 if lanes else number * 1000 * MS, request=request)

        with playing(slowly) as url:
            running = engine.run(endless(request_to(url)), lanes=lanes)
            with contextlib.closing(running):
                next(running)
        assert len(made) < 50


class TestClosedLoop:
    def test_no_more_than_its_streams_are_under_way(self, engine: Engine) -> None:
        lock = threading.Lock()
        under_way: list[int] = [0]
        most: list[int] = [0]

        def script(connection: socket.socket) -> None:
            while read_request(connection):
                with lock:
                    under_way[0] += 1
                    most[0] = max(most[0], under_way[0])
                time.sleep(0.01)
                with lock:
                    under_way[0] -= 1
                connection.sendall(OK)

        with playing(script) as url:
            results = list(engine.run(shots(request_to(url), 20), lanes=3))
        assert (20, 3) == (len(results), most[0])

    def test_goes_on_until_somebody_leaves(self, engine: Engine) -> None:
        with playing(answering()) as url:
            request = request_to(url)
            running = engine.run((Shot(at_ns=0, request=request) for _ in iter(int, 1)), lanes=2)
            with contextlib.closing(running):
                assert 100 == len([next(running) for _ in range(100)])

    def test_what_is_in_store_when_the_time_is_over_is_not_sent(self, engine: Engine) -> None:
        seen: list[bytes] = []

        def script(connection: socket.socket) -> None:
            while request := read_request(connection):
                seen.append(request)
                time.sleep(0.06)
                connection.sendall(OK)

        with playing(script) as url:
            request = request_to(url)
            results = list(engine.run((Shot(at_ns=0, request=request, until_ns=50 * MS) for _ in range(20)), lanes=1))
        assert 20 == len(results)
        assert len(seen) == sum(not each.was_too_late for each in results) < 20
        assert {None} == {each.sent_ns for each in results if each.was_too_late}

    def test_streams_are_shared_by_processes(self) -> None:
        with playing(answering()) as url, Engine(Settings(processes=2)) as engine:
            results = list(engine.run(shots(request_to(url), 200), lanes=4))
            health = engine.health
        assert 200 == len(results)
        assert {0, 1} == {each.worker for each in results}
        assert [0, 1] == [each.worker for each in health]


class TestTurns:
    def test_what_follows_from_a_result_is_sent_too(self, engine: Engine) -> None:
        def then(measured: Measured) -> list[Shot]:
            turn = int(measured.shot.tag)
            return [Shot(at_ns=measured.ended_ns, request=measured.shot.request, tag=str(turn + 1))] if turn < 4 else []

        with playing(answering()) as url:
            first = Shot(at_ns=0, request=request_to(url), tag="0")
            results = list(engine.run([first], then=then))
        assert ["0", "1", "2", "3", "4"] == [each.shot.tag for each in results]
        starts = [each.intended_ns for each in results]
        assert starts == sorted(starts)


class TestConnections:
    def test_are_used_again(self, engine: Engine) -> None:
        with playing(answering()) as url:
            results = list(engine.run(shots(request_to(url), 4), lanes=1))
        assert [False, True, True, True] == [each.exchange.connection_reused for each in results]
        assert [False, True, True, True] == [each.exchange.timing.connect_ns is None for each in results]
        assert results[0].exchange.timing.dns_ns is not None

    def test_are_each_requests_own_where_that_is_asked(self) -> None:
        with playing(answering()) as url, Engine(Settings(keeps_alive=False)) as engine:
            results = list(engine.run(shots(request_to(url), 3), lanes=1))
        assert [False] * 3 == [each.exchange.connection_reused for each in results]
        assert all(each.exchange.timing.connect_ns is not None for each in results)

    @pytest.mark.parametrize("field", ["Connection: close", "X: y"], ids=["closed", "kept"])
    def test_that_the_endpoint_closes_are_not_used_again(self, engine: Engine, field: str) -> None:
        answer = f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{field}\r\n\r\n".encode()
        with playing(answering(answer)) as url:
            results = list(engine.run(shots(request_to(url), 2), lanes=1))
        assert [False, field == "X: y"] == [each.exchange.connection_reused for each in results]

    def test_with_bytes_behind_the_answer_are_not_used_again(self, engine: Engine) -> None:
        with playing(answering(OK + OK)) as url:
            results = list(engine.run(shots(request_to(url), 3), lanes=1))
        assert [False] * 3 == [each.exchange.connection_reused for each in results]

    def test_that_died_are_replaced_once(self, engine: Engine) -> None:
        closed = threading.Event()

        def once(connection: socket.socket) -> None:
            read_request(connection)
            connection.sendall(OK)
            read_request(connection)
            closed.set()

        def silent(connection: socket.socket) -> None:
            read_request(connection)

        with playing(once, answering(OK, 1), silent) as url:
            results = list(engine.run(shots(request_to(url), 3), lanes=1))
        assert closed.is_set()
        assert [False, True, True] == [each.was_sent_again for each in results]
        assert [End.CLEAN, End.CLEAN, End.NO_RESPONSE] == [each.exchange.end for each in results]

    def test_opened_ahead_are_warm(self) -> None:
        accepted = threading.Semaphore(0)

        def script(connection: socket.socket) -> None:
            accepted.release()
            answering()(connection)

        with playing(script) as url, Engine() as engine:
            request = request_to(url)
            engine.warm(request, 2)
            assert accepted.acquire(timeout=20)
            assert accepted.acquire(timeout=20)
            results = list(engine.run(shots(request, 2)))
            assert not accepted.acquire(blocking=False)
        assert 2 == len(results)

    def test_a_request_larger_than_the_sockets_buffer_arrives_whole(self, engine: Engine) -> None:
        body = bytes(range(256)) * 40_000
        seen: list[bytes] = []

        def script(connection: socket.socket) -> None:
            time.sleep(0.1)
            seen.append(read_request(connection).partition(b"\r\n\r\n")[2])
            connection.sendall(OK)

        with playing(script) as url:
            (measured,) = engine.run([Shot(at_ns=0, request=request_to(url, body))])
        assert End.CLEAN is measured.exchange.end
        assert [body] == seen


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class TestTls:
    @staticmethod
    @contextlib.contextmanager
    def playing_behind_tls(authority: trustme.CA, folder: Path, script: Script) -> Generator[str]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        context.load_cert_chain(folder / "server.pem")

        def encrypted(connection: socket.socket) -> None:
            # A client that does not trust us says so in an alert, or just leaves.
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as inner:
                script(inner)

        with playing(encrypted) as url:
            yield url.replace("http://127.0.0.1", "https://localhost")

    def test_is_recorded_apart(self, authority: trustme.CA, tmp_path: Path) -> None:
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        answer = head(Transfer_Encoding="chunked") + chunked(b"x" * 100_000, b"y")
        settings = Settings(ca_file=str(tmp_path / "ca.pem"))
        with self.playing_behind_tls(authority, tmp_path, answering(answer)) as url, Engine(settings) as engine:
            cold, warm = engine.run(shots(request_to(url), 2), lanes=1)
        assert [b"x" * 100_000 + b"y"] * 2 == [cold.exchange.body, warm.exchange.body]
        assert [End.CLEAN, End.CLEAN] == [cold.exchange.end, warm.exchange.end]
        assert cold.exchange.timing.tls_ns is not None
        assert warm.exchange.timing.tls_ns is None
        assert (False, True) == (cold.exchange.connection_reused, warm.exchange.connection_reused)

    def test_an_unknown_authority_is_refused(self, authority: trustme.CA, tmp_path: Path, engine: Engine) -> None:
        with self.playing_behind_tls(authority, tmp_path, answering()) as url:
            (measured,) = engine.run(shots(request_to(url), 1))
        assert (End.NO_RESPONSE, None) == (measured.exchange.end, measured.sent_ns)
        assert "CERTIFICATE_VERIFY_FAILED" in str(measured.exchange.error)

    def test_a_server_without_tls(self, engine: Engine) -> None:
        def plain(connection: socket.socket) -> None:
            connection.recv(1)
            connection.sendall(head("400 Bad Request", Content_Length="0"))

        with playing(plain) as url:
            (measured,) = engine.run(shots(request_to(url.replace("http://", "https://")), 1))
        assert End.NO_RESPONSE is measured.exchange.end


class TestSecrets:
    def test_leave_no_trace(self) -> None:
        def echo(connection: socket.socket) -> None:
            request = read_request(connection)
            assert KEY.encode() in request
            connection.sendall(head(X_Echo=KEY, Content_Length=str(len(KEY))) + KEY.encode())

        with playing(echo) as url, Engine(secrets=(KEY,)) as engine:
            shot = Shot(at_ns=0, request=request_to(url, Authorization=f"Bearer {KEY}"))
            (measured,) = engine.run([shot])
        assert KEY not in repr(measured)
        assert b"*" * len(KEY) == measured.exchange.body


class TestWorkers:
    @pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
    @pytest.mark.parametrize("processes", [1, 2])
    def test_that_die_are_named(self, processes: int) -> None:
        is_killed = threading.Event()

        def script(connection: socket.socket) -> None:
            while request := read_request(connection):
                if request.endswith(b"late"):
                    is_killed.wait(20)
                connection.sendall(OK)

        with playing(script) as url, Engine(Settings(processes=processes)) as engine:
            done: list[Measured] = []
            prompt, late = shots(request_to(url), processes), shots(request_to(url, b"late"), processes)
            for measured in engine.run([*prompt, *late]):
                done.append(measured)
                if len(done) == processes:
                    os.kill(engine.process_ids[0], signal.SIGKILL)
                    os.waitid(os.P_PID, engine.process_ids[0], os.WEXITED | os.WNOWAIT)
                    is_killed.set()
            health, lost = engine.health, engine.lost_shots
        assert (2 * processes - 1, 1) == (len(done), lost)
        assert [True, False][:processes] == [each.is_lost for each in health]

    def test_say_how_they_fared(self, engine: Engine) -> None:
        with playing(answering()) as url:
            list(engine.run(shots(request_to(url), 5, 30 * MS)))
        (health,) = engine.health
        assert health.wall_ns > 100 * MS
        assert 0 < health.cpu_ns
        assert sum(health.lags) > 0
        assert (0, False) == (health.stalled_ns, health.is_lost)

    @pytest.mark.skipif(sys.platform != "linux", reason="the kernel stamps what is read on Linux alone")
    def test_a_connection_on_which_nothing_was_read_says_nothing_of_the_clock(self, engine: Engine) -> None:
        with playing(answering()) as url:
            unknown = Shot(at_ns=0, request=request_to("http://no-such-host.invalid"))
            results = list(engine.run([unknown, *shots(request_to(url), 2)]))
        assert [End.CLEAN, End.CLEAN, End.NO_RESPONSE] == sorted((each.exchange.end for each in results), key=str)
        assert ["kernel"] == [each.clock for each in engine.health]

    def test_import_nothing_that_takes_long(self) -> None:
        command = "import sys, vapi_conformance.latency.engine.worker; print(*sys.modules)"
        names = subprocess.run(
            [sys.executable, "-c", command], capture_output=True, check=True, text=True
        ).stdout.split()
        assert set[str]() == {"pytest", "rich", "httpx", "faker", "click", "jsonschema", "asyncio"} & set(names)


class TestMisuse:
    def test_a_run_needs_a_started_engine(self) -> None:
        with pytest.raises(RuntimeError, match="the engine is not started"):
            Engine().run([])

    def test_a_closed_loop_needs_a_stream(self, engine: Engine) -> None:
        with pytest.raises(UsageError, match="at least one stream, not 0"):
            engine.run([], lanes=0)

    def test_two_runs_at_once(self, engine: Engine) -> None:
        with playing(answering()) as url:
            running = engine.run(shots(request_to(url), 2))
            next(running)
            with pytest.raises(RuntimeError, match="a run is under way"):
                engine.run([])
            assert 1 == len(list(running))

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            (lambda: Settings(processes=0), "at least one process, not 0"),
            (lambda: Settings(processes=4, most_streams=3), "each of the 4 processes needs a stream"),
        ],
        ids=["no process", "no streams"],
    )
    def test_settings_that_cannot_be(self, changes: Callable[[], Settings], words: str) -> None:
        with pytest.raises(UsageError, match=words):
            changes()

    def test_nothing_to_send_is_nothing_to_wait_for(self, engine: Engine) -> None:
        assert [] == list(engine.run([]))


def test_all_streams_together_have_a_bound_of_memory() -> None:
    """Once they hold more than the bound, each further one is cut short."""

    def endless(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head(Transfer_Encoding="chunked"))
        while True:
            connection.sendall(chunked(b"x" * 10_000, end=False))

    bounds = Bounds(max_body_bytes=1 << 40, max_held_bytes=1_000_000, tight_body_bytes=1_000)
    with playing(endless) as url, Engine(Settings(bounds=bounds)) as engine:
        (measured,) = engine.run(shots(request_to(url), 1))
    assert End.CLOSED_BY_US is measured.exchange.end
    assert "more than 1000 bytes in one answer" in str(measured.exchange.error)


def test_results_that_nobody_takes_have_a_bound_of_memory() -> None:
    answer = head(Content_Length="100000") + b"x" * 100_000
    asked: list[int] = []

    def script(connection: socket.socket) -> None:
        while read_request(connection):
            asked.append(1)
            connection.sendall(answer)

    with playing(script) as url, Engine(Settings(bounds=Bounds(max_held_bytes=300_000))) as engine:
        running = engine.run(shots(request_to(url), 50), lanes=2)
        next(running)
        until = time.monotonic() + 20
        while len(asked) < 50 and time.monotonic() < until:
            time.sleep(0.01)
        assert 0 < engine.waiting_bytes < 600_000
        assert 49 == len(list(running))
