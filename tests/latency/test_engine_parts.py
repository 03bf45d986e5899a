"""What the engine is made of: stamps, framing, requests as bytes, health, waiting."""

import os
import socket
import struct
import time
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raw_server import chunked, head
from vapi_conformance.exchange import End
from vapi_conformance.latency.engine import Health, prepared
from vapi_conformance.latency.engine.clocks import arrived_ns, ask_for_stamps, offset_ns
from vapi_conformance.latency.engine.framing import Framing
from vapi_conformance.latency.engine.health import LAG_BUCKETS, Pulse
from vapi_conformance.latency.engine.origin import Origin
from vapi_conformance.latency.engine.pipes import messages, send
from vapi_conformance.latency.engine.poller import READABLE, WRITABLE, make_poller
from vapi_conformance.latency.engine.raw import Raw, RawRead
from vapi_conformance.latency.engine.record import recorded
from vapi_conformance.problems import UsageError

OFFSET_NS = 1_700_000_000_000_000_000
ANSWER = (
    b"HTTP/1.1 100 Continue\r\n\r\n" + head(Transfer_Encoding="chunked", X="y") + chunked(b"data: a\n\n", b"b" * 40)
)
REQUEST = prepared(url="http://127.0.0.1:1/v1", body=b"{}")


def stamp(monotonic_ns: int) -> bytes:
    return struct.pack("=qq", *divmod(monotonic_ns + OFFSET_NS, 1_000_000_000))


def raw(*reads: RawRead, sent_ns: int = 1_000) -> Raw:
    return Raw(
        number=0,
        intended_ns=0,
        sent_ns=sent_ns,
        ended_ns=9_000,
        ending="complete",
        error=None,
        reads=list(reads),
        dns_ns=None,
        connect_ns=None,
        tls_ns=None,
        is_reused=True,
        was_sent_again=False,
        started_at_s=1.0,
        offset_ns=OFFSET_NS,
    )


class TestArrival:
    @pytest.mark.parametrize(
        ("stamped_ns", "expected_ns"),
        [(5_000, 5_000), (3_999, 4_000), (9_001, 9_000), (-5_000_000_000, 4_000), (5_000_000_000, 9_000)],
        ids=["the kernel's word", "before it could be read", "after the read", "clock set back", "clock set forward"],
    )
    def test_lies_between_the_last_empty_look_and_the_read(self, stamped_ns: int, expected_ns: int) -> None:
        at_ns = arrived_ns(read_ns=9_000, empty_ns=4_000, stamp=stamp(stamped_ns), offset_ns=OFFSET_NS)
        assert expected_ns == at_ns

    @pytest.mark.parametrize("unusable", [None, b"", b"short"])
    def test_is_the_read_where_nobody_stamps(self, unusable: bytes | None) -> None:
        assert 9_000 == arrived_ns(read_ns=9_000, empty_ns=4_000, stamp=unusable, offset_ns=OFFSET_NS)

    def test_of_bytes_that_nobody_fetched_is_when_they_came(self) -> None:
        """Half a second in the kernel's buffer is our delay, and not the endpoint's."""
        ours, theirs = connected()
        with ours, theirs:
            if not ask_for_stamps(ours):
                pytest.skip("no stamps on this platform")
            before_ns = time.monotonic_ns()
            theirs.sendall(b"x")
            after_ns = time.monotonic_ns()
            time.sleep(0.5)
            _, ancillary, _, _ = ours.recvmsg(10, 64)
            read_ns = time.monotonic_ns()
        if not ancillary:
            pytest.skip("the kernel gave this packet no stamp, as it may while it turns stamps on")
        at_ns = arrived_ns(read_ns=read_ns, empty_ns=before_ns, stamp=ancillary[0][2], offset_ns=offset_ns())
        assert before_ns <= at_ns < after_ns + 400_000_000


def connected() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    return ours, theirs


class TestFraming:
    @given(cuts=st.sets(st.integers(1, len(ANSWER) - 1)))
    def test_the_end_is_at_the_last_byte_however_the_reads_are_cut(self, cuts: set[int]) -> None:
        edges = [0, *sorted(cuts), len(ANSWER)]
        framing = Framing()
        for start, end in pairwise(edges):
            assert not framing.is_over
            assert framing.feed(ANSWER[start:end]) is None
        assert (True, True, False) == (framing.is_over, framing.keeps_alive, framing.has_more)
        framing.release()

    def test_one_answer_follows_the_other(self) -> None:
        framing = Framing()
        for _ in range(3):
            framing.renew()
            assert framing.feed(ANSWER) is None
            assert framing.is_over
            assert framing.keeps_alive
        framing.release()

    @pytest.mark.parametrize("more", [b"x", b"HTTP/1.1 200 OK\r\n", b"\x00"])
    def test_bytes_behind_the_answer_are_no_part_of_it(self, more: bytes) -> None:
        framing = Framing()
        assert framing.feed(ANSWER + more) is None
        assert (True, True) == (framing.is_over, framing.has_more)
        framing.release()

    @given(data=st.binary(max_size=200))
    def test_any_bytes_are_taken(self, data: bytes) -> None:
        framing = Framing()
        framing.feed(data)
        framing.feed(ANSWER[:40] + data)
        framing.release()
        assert framing.feed(data) is None


class TestRecord:
    @given(cuts=st.sets(st.integers(1, len(ANSWER) - 1)))
    def test_the_body_does_not_depend_on_how_the_reads_are_cut(self, cuts: set[int]) -> None:
        edges = [0, *sorted(cuts), len(ANSWER)]
        reads = [(2_000, 1_000, None, ANSWER[start:end]) for start, end in pairwise(edges)]
        record = recorded(raw(*reads), REQUEST, secrets=(), max_body_bytes=100_000)
        assert b"data: a\n\n" + b"b" * 40 == record.exchange.body
        assert record.exchange.response is not None
        assert ((b"Transfer-Encoding", b"chunked"), (b"X", b"y")) == record.exchange.response.headers

    def test_times_are_the_kernels_and_count_from_the_request(self) -> None:
        reads = (
            (5_000, 1_500, stamp(2_000), ANSWER[:-60]),
            (5_100, 1_500, stamp(2_500), ANSWER[-60:-5]),
            (8_000, 6_000, stamp(7_000), ANSWER[-5:]),
        )
        record = recorded(raw(*reads), REQUEST, secrets=(), max_body_bytes=100_000)
        assert 1_000 == record.exchange.timing.first_header_byte_ns
        assert 6_000 == record.exchange.timing.end_ns
        assert (7_000, 3_000, True) == (record.ended_ns, record.longest_take_ns, record.is_stamped)

    def test_time_does_not_run_backwards(self) -> None:
        """A packet that waited for a lost one is stamped earlier than what was read before it."""
        reads = ((3_000, 1_000, stamp(2_900), ANSWER[:-60]), (4_000, 1_000, stamp(1_500), ANSWER[-60:]))
        record = recorded(raw(*reads), REQUEST, secrets=(), max_body_bytes=100_000)
        assert [1_900, 1_900] == [read.at_ns for read in record.exchange.reads]

    def test_a_read_without_a_stamp_makes_the_clock_ours(self) -> None:
        reads = ((3_000, 1_000, stamp(2_900), ANSWER[:-60]), (4_000, 1_000, None, ANSWER[-60:]))
        assert not recorded(raw(*reads), REQUEST, secrets=(), max_body_bytes=100_000).is_stamped

    def test_a_heavy_body_is_cut(self) -> None:
        record = recorded(raw((2_000, 1_000, None, ANSWER)), REQUEST, secrets=(), max_body_bytes=20)
        assert End.CLOSED_BY_US is record.exchange.end
        assert "more than 20 body bytes" in str(record.exchange.error)

    @given(data=st.lists(st.binary(max_size=100), max_size=4))
    def test_any_bytes_are_recorded(self, data: list[bytes]) -> None:
        reads = [(2_000, 1_000, each, each) for each in data]
        record = recorded(raw(*reads)._replace(ending="failed"), REQUEST, secrets=(), max_body_bytes=100_000)
        assert record.exchange.end in {End.NO_RESPONSE, End.RESET}


class TestPrepared:
    @pytest.mark.parametrize(
        "url",
        [
            "http://h:80/a b/é?x=ü y&z=%41",
            "https://[::1]:8443",
            "http://u:p@h.example/x#f",
            "https://h.example:443/v1/chat/completions?key=a+b%2F",
            "http://bücher.example/",
        ],
        ids=range(5),
    )
    @pytest.mark.parametrize("body", [b"{}", b"", None])
    @pytest.mark.parametrize("method", ["POST", "GET"])
    def test_is_what_the_client_sends(self, url: str, body: bytes | None, method: str) -> None:
        headers = (("aCCept", "a/b"), ("X-Last", "z"))
        theirs = httpx.Request(method, url, headers=headers, content=body)
        ours = prepared(url=url, headers=headers, body=body, method=method)
        assert tuple(theirs.headers.raw) == ours.headers
        assert f"{method} ".encode() + theirs.url.raw_path + b" HTTP/1.1" == ours.wire.partition(b"\r\n")[0]
        assert ours.wire.endswith(b"\r\n\r\n" + (body or b""))

    def test_keeps_the_fields_that_are_given(self) -> None:
        headers = (("host", "other"), ("content-length", "9"))
        assert ((b"host", b"other"), (b"content-length", b"9")) == prepared(
            url="http://h/", headers=headers, body=b"x"
        ).headers

    @pytest.mark.parametrize(
        "url", ["ftp://h/", "h", "http://", "http://[::1", "http://h:99999/", "http://" + "ü" * 80]
    )
    def test_refuses_what_is_no_url(self, url: str) -> None:
        with pytest.raises(UsageError):
            prepared(url=url, body=None)

    @pytest.mark.parametrize("field", [("A\r\nB", "c"), ("A", "b\r\nC: d"), ("", "b"), ("A b", "c"), ("A", "b\0")])
    def test_refuses_what_would_be_another_request(self, field: tuple[str, str]) -> None:
        with pytest.raises(UsageError, match="a header cannot be sent"):
            prepared(url="http://h/", headers=(field,), body=None)
        with pytest.raises(UsageError):
            prepared(url="http://h/", body=None, method="GET / HTTP/1.1\r\nA: b\r\n\r\nPOST")

    def test_shows_no_credential(self) -> None:
        assert "sk-secret" not in repr(prepared(url="http://h/", headers=(("Authorization", "sk-secret"),), body=None))


class TestHealth:
    @staticmethod
    def with_lags(**changes: int) -> Health:
        pulse = Pulse()
        pulse.start()
        for late_us in changes.values():
            pulse.beat(late_us * 1000)
        return pulse.taken(worker=0, clock="kernel")

    def test_counts_each_beat_once(self) -> None:
        health = self.with_lags(a=0, b=1, c=3, d=9_999)
        assert (4, LAG_BUCKETS) == (sum(health.lags), len(health.lags))
        assert (1, 1, 1, 1) == (health.lags[0], health.lags[1], health.lags[2], health.lags[14])

    def test_a_pause_counts_with_every_beat_that_it_swallowed(self) -> None:
        pulse = Pulse()
        for _ in range(142):  # three seconds, of which a pause takes 150 ms
            pulse.beat(0)
        pulse.beat(150_000_000)
        health = pulse.taken(worker=0, clock="kernel")
        assert 142 + 8 == sum(health.lags)
        assert 131_072_000 == health.lag_ns(0.99)
        assert 1_000 == health.lag_ns(0.94)

    def test_however_long_a_pause_was_it_is_counted_at_once(self) -> None:
        health = self.with_lags(a=10**12)
        assert health.lags[-1]
        assert sum(health.lags) <= 10_000

    @pytest.mark.parametrize(("share", "bound_us"), [(0.25, 1), (0.5, 2), (0.75, 4), (1.0, 128)])
    def test_bounds_a_share_of_the_lags_from_above(self, share: float, bound_us: int) -> None:
        assert bound_us * 1000 == self.with_lags(a=0, b=1, c=3, d=100).lag_ns(share)

    def test_knows_no_lag_without_a_beat(self) -> None:
        assert self.with_lags().lag_ns(0.5) is None


class TestOrigin:
    def test_certificates_that_cannot_be_read_are_its_problem(self, tmp_path: Path) -> None:
        no_certificate = tmp_path / "ca.pem"
        no_certificate.write_text("no certificate")
        for ca_file in (no_certificate, tmp_path / "nothing.pem"):
            problem = Origin(("https", "127.0.0.1", 443), ca_file=str(ca_file)).problem or ""
            assert problem.startswith("the certificates to be trusted (SSL_CERT_FILE, SSL_CERT_DIR) cannot be read: ")
        assert Origin(("http", "127.0.0.1", 80)).problem is None


class TestPoller:
    def test_says_who_is_ready(self) -> None:
        poller = make_poller()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            poller.add(ours.fileno(), READABLE)
            assert [] == poller.wait(0)
            theirs.send(b"x")
            assert [(ours.fileno(), READABLE)] == poller.wait(time.monotonic_ns() + 10**10)
            poller.change(ours.fileno(), READABLE | WRITABLE)
            assert [(ours.fileno(), READABLE | WRITABLE)] == poller.wait(0)
            poller.remove(ours.fileno())
            assert [] == poller.wait(0)
        poller.close()

    def test_comes_back_by_the_time_it_was_told(self) -> None:
        """At the latest shortly after it; before it is allowed, then the caller asks again."""
        poller = make_poller()
        until_ns = time.monotonic_ns() + 3_000_000
        while time.monotonic_ns() < until_ns:
            assert [] == poller.wait(until_ns)
        poller.close()

    def test_says_when_it_looked_though_nothing_came(self) -> None:
        """What comes from then on is not called earlier than that."""
        poller = make_poller()
        for wait_ns in (-1, 0, 3_000_000):
            began_ns = time.monotonic_ns()
            assert [] == poller.wait(began_ns + wait_ns)
            assert began_ns <= poller.looked_ns <= time.monotonic_ns()
        poller.close()


class TestPipes:
    @given(said=st.lists(st.one_of(st.none(), st.binary(max_size=50), st.integers(), st.text(max_size=20)), max_size=5))
    def test_what_is_said_is_heard(self, said: list[object]) -> None:
        reading, writing = os.pipe()
        for each in said:
            send(writing, each)
        os.close(writing)
        assert said == list(messages(reading))
        os.close(reading)

    def test_half_a_message_is_none(self) -> None:
        reading, writing = os.pipe()
        send(writing, "whole")
        os.write(writing, b"\x05\x00\x00")
        os.close(writing)
        assert ["whole"] == list(messages(reading))
        os.close(reading)
