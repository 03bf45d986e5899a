"""Rules on event stream framing: the branches that one specimen each does not reach."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judging import CHUNK, judged, outcome, streamed, told
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Capture, End
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.specimens import load_specimen
from vapi_conformance.verdict import Outcome, judge_rule

EVENT = b"data: " + CHUNK + b"\n\n"
DONE = b"data: [DONE]\n\n"
FRAMING = [rule_id for rule_id in all_rules() if rule_id.startswith(("sse.", "http."))]


def broken(body: bytes) -> set[str]:
    """Rules on framing that a stream breaks."""
    rules = [rule_id for rule_id in FRAMING if rule_id.startswith("sse.")]
    return {rule_id for rule_id in rules if outcome(rule_id, streamed(body)) is Outcome.VIOLATED}


class TestAnyBytes:
    pieces = st.sampled_from([b"data", b"Data", b":", b" ", b"{", b"}", b'"a"', b",", b"\n", b"\r", b"\n\n", b"[DONE]"])
    bodies = st.lists(st.one_of(pieces, st.binary(max_size=4)), max_size=40).map(b"".join)

    @given(body=bodies, end=st.sampled_from([End.CLEAN, End.TRUNCATED]), coding=st.sampled_from(["", "gzip"]))
    def test_never_make_a_rule_raise(self, body: bytes, end: End, coding: str) -> None:
        exchange = replace(streamed(body), end=end)
        assert exchange.response is not None
        headers = (*exchange.response.headers, (b"Content-Encoding", coding.encode()))
        evidence = Evidence(exchange=replace(exchange, response=replace(exchange.response, headers=headers)))
        results = [judge_rule(all_rules()[rule_id], MUST, [evidence]) for rule_id in FRAMING]
        assert [] == [result.reason for result in results if result.outcome is Outcome.HARNESS_ERROR]


class TestManyFaults:
    def test_are_told_twenty_times_with_the_number_of_the_rest(self) -> None:
        actual = told("sse.payload-is-json", streamed(b"data: None\n\n" * 50))
        assert 20 == len(actual)
        assert actual[-1].endswith("... and 30 more")


class TestOnePayloadTornApart:
    @pytest.mark.parametrize(
        "body",
        [
            b'data: {"a":\n\ndata: 1}\n\n',
            b'data: {"a": "x\n\n y"}\n\n',
            b'data: {"a": "x\ny"}\n\n',
            b'data: {"a": "x\ndata: y"}\n\n',
            b'data: {\n  "a": 1,\n  "b": 2\n}\n\n',
            b'data: {"a":\n\n: still here\n\ndata: 1}\n\n',
        ],
    )
    def test_is_one_fault(self, body: bytes) -> None:
        about_comments = {"sse.no-comment-only-blocks"}
        assert {"sse.event-is-not-split"} == broken(EVENT + body + DONE) - about_comments

    @pytest.mark.parametrize("following", [DONE, EVENT])
    def test_is_not_a_payload_that_merely_stops(self, following: bytes) -> None:
        assert {"sse.payload-is-json"} == broken(EVENT + b'data: {"a":\n\n' + following)


class TestSeveralPayloadsInOneEvent:
    @pytest.mark.parametrize(
        "body",
        [
            b"data: {}\ndata: {}\n\n",
            b"data: {}{}\n\n",
            b"data: {}\ndata: [DONE]\n\n",
            b"data: {}\ndata: {}\ndata: [DONE]\n\n",
        ],
    )
    def test_is_one_fault(self, body: bytes) -> None:
        assert {"sse.events-are-separated"} == broken(EVENT + body)

    def test_is_not_one_payload_on_two_lines(self) -> None:
        assert {"sse.one-data-line-per-event"} == broken(EVENT + b'data: {"a":\ndata: 1}\n\n')


class TestLinesThatAreIgnored:
    @pytest.mark.parametrize("line", [b"Data: {}", b"DATA: {}", b" data: {}", b"data : {}", b"\xef\xbb\xbfdata: {}"])
    def test_with_a_misspelt_name_are_told_as_that(self, line: bytes) -> None:
        assert {"sse.field-names-are-exact"} == broken(EVENT + line + b"\n\n" + DONE)

    @pytest.mark.parametrize("line", [b"trace: 7", b"x-request-id: 7", b"comment:"])
    def test_with_a_name_of_their_own_are_unknown_fields(self, line: bytes) -> None:
        assert {"sse.no-unknown-fields"} == broken(EVENT + line + b"\n\n" + DONE)

    @pytest.mark.parametrize(
        "line",
        [
            b"<html><body>502</body></html>",
            b'{"error": {"message": "down"}}',
            b"INFO:     Started server process",
            b"KeyError: 'choices'",
            b"1f4",
            b"[2026-01-01 00:00:00] worker died",
        ],
    )
    @pytest.mark.parametrize("end", [b"\n\n", b"\n", b""])
    def test_that_are_no_fields_do_not_belong_there(self, line: bytes, end: bytes) -> None:
        assert {"sse.body-holds-only-sse"} == broken(EVENT + DONE + line + end)

    def test_are_not_also_a_stream_without_events(self) -> None:
        assert {"sse.field-names-are-exact"} == broken(b"Data: {}\n\n")


class TestBodyThatWasCut:
    @pytest.mark.parametrize("rest", [b'data: {"a"', b'data: {"a": "\xc3', b"da"])
    def test_is_not_blamed_for_its_framing(self, rest: bytes) -> None:
        exchange = replace(streamed(EVENT + rest), end=End.TRUNCATED)
        violated = {rule_id for rule_id in FRAMING if outcome(rule_id, exchange) is Outcome.VIOLATED}
        assert {"http.body-is-complete"} == violated


class TestStreamHasAnEvent:
    @pytest.mark.parametrize("body", [b"", b": hello\n", b"\n\n"])
    def test_says_so_of_a_stream_of_nothing(self, body: bytes) -> None:
        assert [f"none in {len(body)} bytes"] == told("sse.stream-has-an-event", streamed(body))


class TestOneSpaceAfterColon:
    def test_leaves_the_indentation_of_json_on_several_lines_alone(self) -> None:
        body = b'data: {\ndata:   "a": 1\ndata: }\n\n'
        assert [] == told("sse.one-space-after-colon", streamed(body))

    def test_counts_two_as_too_many(self) -> None:
        assert ["more than one space before ' {}'"] == told("sse.one-space-after-colon", streamed(b"data:  {}\n\n"))


class TestNoEventNames:
    def test_lets_an_error_have_one(self) -> None:
        body = EVENT + b'event: error\ndata: {"error": {"message": "down"}}\n\n'
        assert [] == told("sse.no-event-names", streamed(body))

    def test_finds_the_default_name_too(self) -> None:
        assert ["event: 'message'"] == told("sse.no-event-names", streamed(b"event: message\n" + EVENT))


class TestNoEmptyEvents:
    @pytest.mark.parametrize("block", [b"event: ping\n\n", b"retry: 3000\n\n", b"id: 7\n\n", b"\n"])
    def test_finds_blocks_without_data(self, block: bytes) -> None:
        assert {"sse.no-empty-events"} == broken(EVENT + block + DONE)


class TestDecodersAgree:
    def test_tells_what_each_saw(self) -> None:
        body = b"data: 1\n\r\ndata: 2\n\r\n"
        (actual,) = told("sse.decoders-agree", streamed(body))
        assert "sseclient-py sees 1, event 0 is message '1\\n2'" == actual

    @pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
    def test_finds_line_ends_that_only_some_clients_know(self, separator: str) -> None:
        body = EVENT.replace(b'"m"', f'"m{separator}"'.encode())
        (actual,) = told("sse.decoders-agree", streamed(body))
        assert actual.startswith("a client that cuts lines with str.splitlines sees 1, event 0 is")

    def test_is_about_the_first_64_kib(self) -> None:
        early, late = b"data: 1\n\r\n" + EVENT, b"data: 1\n\r\n" + b"a\n" * 100_000
        assert 1 == len(told("sse.decoders-agree", streamed(early + EVENT * 1000)))
        assert [] == told("sse.decoders-agree", streamed(EVENT * 1000 + late + EVENT))


class TestRebuiltRecording:
    @pytest.mark.parametrize("rule_id", ["sse.last-event-is-terminated", "sse.line-ends-are-uniform"])
    def test_is_not_judged_on_framing(self, rule_id: str) -> None:
        (exchange,) = load_specimen(rule_id).broken
        rebuilt = replace(exchange, capture=Capture(body="rebuilt", headers="assumed"))
        result = judged(rule_id, rebuilt)
        assert (Outcome.NOT_APPLICABLE, "the recording kept no framing") == (result.outcome, result.reason)
