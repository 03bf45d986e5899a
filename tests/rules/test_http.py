"""Rules on HTTP around an answer: the branches that one specimen each does not reach."""

import zlib
from dataclasses import replace

import pytest

from judging import CHUNK, outcome, streamed, told, with_header, with_status
from vapi_conformance.exchange import Capture, End, Exchange, Read
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome

EVENT = b"data: " + CHUNK + b"\n\n"
DONE = b"data: [DONE]\n\n"


def json_answer(body: bytes) -> Exchange:
    (sound,) = base("text-json")
    return replace(sound, reads=(Read(at_ns=0, data=body),))


class TestStatus:
    @pytest.mark.parametrize("status", [201, 202, 206, 299])
    def test_of_a_success_is_200(self, status: int) -> None:
        assert [f"status {status}"] == told("http.success-status-is-200", with_status(streamed(EVENT), status))

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_of_a_post_is_no_redirection(self, status: int) -> None:
        moved = with_header(with_status(streamed(b""), status), "Location", "/elsewhere")
        assert [f"status {status} to '/elsewhere'"] == told("http.post-is-not-redirected", moved)

    @pytest.mark.parametrize("status", [200, 204, 205])
    def test_without_a_body_is_one_fault(self, status: int) -> None:
        empty = replace(with_status(json_answer(b""), status), reads=())
        assert [f"status {status} and nothing in the body"] == told("http.no-content-is-not-an-answer", empty)
        assert Outcome.NOT_APPLICABLE is outcome("http.success-status-is-200", empty)
        assert Outcome.NOT_APPLICABLE is outcome("http.json-request-gets-json", empty)


class TestMediaType:
    @pytest.mark.parametrize(
        "value", ["text/event-stream", "Text/Event-Stream; Charset=UTF-8", 'text/event-stream;charset="utf-8"']
    )
    def test_of_a_stream_may_be_written_in_many_ways(self, value: str) -> None:
        assert [] == told("http.stream-media-type", with_header(streamed(EVENT), "Content-Type", value))

    @pytest.mark.parametrize("value", ["text/event-stream; charset=latin-1", "application/json", ""])
    def test_of_a_stream_is_no_other(self, value: str) -> None:
        assert 1 == len(told("http.stream-media-type", with_header(streamed(EVENT), "Content-Type", value)))

    def test_that_is_missing_is_told_as_missing(self) -> None:
        assert ["no Content-Type"] == told("http.stream-media-type", with_header(streamed(EVENT), "Content-Type", None))

    def test_is_not_held_against_a_server_by_a_cassette_but_by_a_har(self) -> None:
        mislabelled = with_header(streamed(EVENT), "Content-Type", "application/json")
        cassette = replace(mislabelled, capture=Capture(recorder="vcrpy", body="decoded", headers="joined"))
        har = replace(mislabelled, capture=Capture(recorder="HAR", body="decoded", headers="joined"))
        assert Outcome.NOT_APPLICABLE is outcome("http.stream-media-type", cassette)
        assert Outcome.VIOLATED is outcome("http.stream-media-type", har)


class TestLength:
    @pytest.mark.parametrize(
        ("version", "expected"),
        [("HTTP/1.1", Outcome.VIOLATED), ("HTTP/1.0", Outcome.VIOLATED), ("HTTP/2", Outcome.PASSED)],
    )
    def test_of_a_stream_is_framed_by_the_protocol(self, version: str, expected: Outcome) -> None:
        exchange = with_header(streamed(EVENT), "Transfer-Encoding", None)
        assert exchange.response is not None
        exchange = replace(exchange, response=replace(exchange.response, http_version=version))
        assert expected is outcome("http.stream-has-no-content-length", exchange)


class TestCaching:
    @pytest.mark.parametrize("value", ["no-store", "No-Cache", "private, no-cache=set-cookie", None])
    def test_is_forbidden_by_either_directive(self, value: str | None) -> None:
        exchange = with_header(streamed(EVENT), "Cache-Control", value)
        expected = [] if value else ["no Cache-Control"]
        assert expected == told("http.stream-is-not-cached", exchange)

    def test_is_not_judged_where_a_recorder_may_have_lost_the_header(self) -> None:
        exchange = with_header(streamed(EVENT), "Cache-Control", None)
        recorded = replace(exchange, capture=Capture(recorder="HAR", body="decoded", headers="joined"))
        assert Outcome.NOT_APPLICABLE is outcome("http.stream-is-not-cached", recorded)


class TestCoding:
    packed = zlib.compress(EVENT * 4 + DONE, wbits=31)

    def coded(self, *reads: bytes, coding: str = "gzip", at_ms: tuple[int, ...] = ()) -> Exchange:
        return with_header(streamed(reads, at_ms=at_ms), "Content-Encoding", coding)

    def test_that_held_events_back_is_told_with_its_delay(self) -> None:
        exchange = self.coded(self.packed[:10], self.packed[10:], at_ms=(100, 900))
        assert ["5 events all at once, 800 ms after the first bytes of their gzip data"] == told(
            "http.coding-is-flushed-per-event", exchange
        )

    def test_of_an_answer_that_came_at_once_held_nothing_back(self) -> None:
        exchange = self.coded(self.packed[:10], self.packed[10:], at_ms=(100, 101))
        assert [] == told("http.coding-is-flushed-per-event", exchange)

    @pytest.mark.parametrize(
        ("body", "coding", "expected"),
        [
            (packed[:-12], "gzip", "the gzip data stops before its end"),
            (EVENT, "br", "content coding 'br' was never asked for"),
        ],
    )
    def test_that_cannot_be_undone_is_a_fault(self, body: bytes, coding: str, expected: str) -> None:
        assert [expected] == told("http.coding-is-flushed-per-event", self.coded(body, coding=coding))


class TestKindOfBody:
    @pytest.mark.parametrize(
        "body", [b"<html>", b'{"choices": []', b'{"a": NaN}', b'{"a": 1}\n{"a": 2}\n', b"data: {}\n\n"]
    )
    def test_for_a_json_request_is_one_json_document(self, body: bytes) -> None:
        assert 1 == len(told("http.json-request-gets-json", json_answer(body)))

    @pytest.mark.parametrize("body", [b"<html>", b"{}", b"just words"])
    def test_for_a_stream_request_is_a_stream(self, body: bytes) -> None:
        exchange = with_header(streamed(body), "Content-Type", "text/html")
        assert 1 == len(told("http.stream-request-gets-stream", exchange))

    @pytest.mark.parametrize("body", [b'{"error": {"message": "down"}}', b'{"a": 1}\n{"a": 2}\n'])
    def test_that_has_a_rule_of_its_own_is_left_to_it(self, body: bytes) -> None:
        assert Outcome.NOT_APPLICABLE is outcome("http.stream-request-gets-stream", streamed(body))


class TestJsonEncoding:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b'\xef\xbb\xbf{"a": 1}', "a byte order mark before the JSON text"),
            ('{"a": 1}'.encode("utf-16-le"), "UTF-16 or UTF-32"),
            ('{"a": 1}'.encode("utf-16"), "UTF-16 or UTF-32"),
            ('{"a": 1}'.encode("utf-32-be"), "UTF-16 or UTF-32"),
            (b'{"a": "\xe9"}', "byte 0xe9, which is no UTF-8 here"),
        ],
    )
    def test_is_told_once(self, body: bytes, expected: str) -> None:
        exchange = json_answer(body)
        if body[:1] != b"\0":
            assert [expected] == told("http.json-body-is-utf8", exchange)
        assert Outcome.NOT_APPLICABLE is outcome("http.json-request-gets-json", exchange)


class TestBodyIsComplete:
    @pytest.mark.parametrize(
        ("end", "body", "expected"),
        [
            (End.RESET, EVENT, 1),
            (End.TRUNCATED, b"", 1),
            (End.TIMED_OUT, EVENT, 1),
            (End.TIMED_OUT, b"", 0),
            (End.TIMED_OUT, EVENT + DONE, 0),
        ],
    )
    def test_leaves_questions_of_time_to_others(self, end: End, body: bytes, expected: int) -> None:
        assert expected == len(told("http.body-is-complete", replace(streamed(body), end=end)))

    def test_is_not_about_hanging_up_ourselves(self) -> None:
        hung_up = replace(streamed(EVENT), end=End.CLOSED_BY_US, error="hung up on purpose")
        assert Outcome.NOT_APPLICABLE is outcome("http.body-is-complete", hung_up)
        assert [] == told("http.body-is-bounded", hung_up)


class TestErrorIsNotAnEventStream:
    def test_looks_at_the_label_too(self) -> None:
        exchange = with_status(streamed(b'{"error": {"message": "down"}}'), 500)
        assert ["status 500 as text/event-stream"] == told("http.error-is-not-an-event-stream", exchange)
