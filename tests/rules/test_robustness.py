"""Rules on odd requests and dropped connections: the branches that one specimen each does not reach."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from judging import judged, outcome, steps, streamed, told, with_header, with_status
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.verdict import Outcome


def gone(exchange: Exchange) -> Exchange:
    return replace(exchange, response=None, reads=(), end=End.NO_RESPONSE, error="connection refused")


def cut(exchange: Exchange) -> Exchange:
    return replace(exchange, end=End.TRUNCATED)


def of_unknown_connection(exchange: Exchange) -> Exchange:
    return replace(exchange, connection_reused=None)


class TestUnknownKeys:
    @pytest.mark.parametrize("status", [400, 422, 500])
    def test_are_refused_by_any_error(self, status: int) -> None:
        bare, extra = steps("unknown-keys").values()
        result = judged("http.unknown-keys-are-ignored", bare, with_status(extra, status))
        assert [(f"status {status}", 1)] == [(each.violation.actual, each.violation.step) for each in result.findings]

    @pytest.mark.parametrize(
        ("body", "end", "actual"),
        [
            (b"", End.TRUNCATED, "status 200 and an answer that is truncated"),
            (b"", End.CLEAN, "status 200 and nothing in the body"),
            (b'data: {"error": {"message": "no"}}\n\n', End.CLEAN, "status 200 and an error in the answer"),
        ],
    )
    def test_are_not_ignored_by_who_fails_after_the_status(self, body: bytes, end: End, actual: str) -> None:
        bare, extra = steps("unknown-keys").values()
        failing = replace(extra, reads=streamed(body).reads if body else (), end=end)
        assert [actual] == told("http.unknown-keys-are-ignored", bare, failing)

    def test_show_nothing_where_the_bare_answer_breaks_off(self) -> None:
        bare, extra = steps("unknown-keys").values()
        broken = replace(bare, reads=(), end=End.TRUNCATED)
        assert Outcome.UNTESTABLE is outcome("http.unknown-keys-are-ignored", broken, extra)

    def test_show_nothing_where_the_bare_request_fails(self) -> None:
        failing = [with_status(exchange, 500) for exchange in steps("unknown-keys").values()]
        assert Outcome.UNTESTABLE is outcome("http.unknown-keys-are-ignored", *failing)


class TestMetadataModes:
    def test_are_told_one_by_one(self) -> None:
        played = steps("metadata-modes")
        group = [played["off"], *(with_status(played[step], 500) for step in ("empty", "no-call"))]
        assert ["status 500"] * 2 == told("http.metadata-modes-are-accepted", *group)

    def test_are_not_accepted_by_who_fails_after_the_status(self) -> None:
        played = steps("metadata-modes")
        cut = replace(played["destructured"], reads=(), end=End.TRUNCATED)
        told_of = told("http.metadata-modes-are-accepted", played["off"], cut)
        assert ["status 200 and an answer that is truncated"] == told_of

    def test_show_nothing_where_every_request_fails(self) -> None:
        failing = [with_status(exchange, 500) for exchange in steps("metadata-modes").values()]
        assert Outcome.UNTESTABLE is outcome("http.metadata-modes-are-accepted", *failing)


class TestRefusals:
    @pytest.mark.parametrize(
        ("rule_id", "probe", "status", "expected"),
        [
            ("http.wrong-method-is-refused", "wrong-method", 404, Outcome.PASSED),
            ("http.wrong-method-is-refused", "wrong-method", 501, Outcome.PASSED),
            ("http.wrong-method-is-refused", "wrong-method", 500, Outcome.VIOLATED),
            ("http.unknown-path-is-404", "unknown-path", 200, Outcome.VIOLATED),
            ("http.malformed-json-is-400", "malformed-json", 500, Outcome.VIOLATED),
            ("http.malformed-json-is-400", "malformed-json", 200, Outcome.VIOLATED),
            ("http.oversized-request-is-refused", "oversized", 200, Outcome.PASSED),
            ("http.oversized-request-is-refused", "oversized", 413, Outcome.PASSED),
            ("http.oversized-request-is-refused", "oversized", 503, Outcome.VIOLATED),
        ],
    )
    def test_have_the_right_status(self, rule_id: str, probe: str, status: int, expected: Outcome) -> None:
        (exchange,) = steps(probe).values()
        assert expected is outcome(rule_id, with_status(exchange, status))

    def test_of_large_requests_are_heard(self) -> None:
        (exchange,) = steps("oversized").values()
        assert ["no response: 'connection refused'"] == told("http.oversized-request-is-refused", gone(exchange))


class TestKeepAlive:
    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            (cut, ["one that is truncated"]),
            (of_unknown_connection, []),
            (gone, ["no response: 'connection refused'"]),
        ],
    )
    def test_needs_a_second_whole_answer(self, changed: Callable[[Exchange], Exchange], expected: list[str]) -> None:
        played = steps("keep-alive")
        assert expected == told("http.keep-alive-serves-two-requests", played["first"], changed(played["second"]))

    def test_shows_nothing_where_the_first_request_fails(self) -> None:
        played = steps("keep-alive")
        failing = with_status(played["first"], 500)
        assert Outcome.UNTESTABLE is outcome("http.keep-alive-serves-two-requests", failing, played["second"])


class TestDisconnect:
    def pair(self) -> tuple[Exchange, Exchange]:
        played = steps("disconnect")
        return replace(played["aborted"], end=End.CLOSED_BY_US), played["follow-up"]

    def test_must_have_happened(self) -> None:
        aborted, after = self.pair()
        finished_first = replace(aborted, end=End.CLEAN)
        rule_id = "http.disconnect-leaves-the-server-healthy"
        assert Outcome.UNTESTABLE is outcome(rule_id, finished_first, with_status(after, 500))

    @pytest.mark.parametrize("end", [End.TRUNCATED, End.TIMED_OUT])
    def test_leaves_the_next_answer_whole(self, end: End) -> None:
        aborted, after = self.pair()
        actual = told("http.disconnect-leaves-the-server-healthy", aborted, replace(after, end=end))
        assert [f"one that is {end.value}"] == actual

    @pytest.mark.parametrize("value", [None, "", "many", "-1", "²"])
    def test_without_evidence_says_nothing_about_the_work(self, value: str | None) -> None:
        aborted, after = self.pair()
        quiet = with_header(after, "x-generations-active", value)
        assert outcome("http.disconnect-stops-the-work", aborted, quiet) not in (Outcome.PASSED, Outcome.VIOLATED)


class TestAccept:
    def test_may_not_decide_for_an_error(self) -> None:
        played = steps("accept")
        refused = with_status(played["json"], 406)
        actual = told("http.stream-ignores-accept", refused, played["event-stream"])
        assert ["status 406 for Accept: 'application/json'"] == actual

    def test_is_ignored_by_a_server_that_never_streams(self) -> None:
        documents = [replace(each, reads=(replace(each.reads[0], data=b"{}"),)) for each in steps("accept").values()]
        assert [] == told("http.stream-ignores-accept", *documents)
