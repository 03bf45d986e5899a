"""Rules on when and how often a stream reports its usage."""

import json
from dataclasses import replace

import pytest

from judging import outcome, told
from vapi_conformance.exchange import End, Exchange, Read
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome

ONCE = "usage.stream-reports-once"
COUNTS = {"prompt_tokens": 31, "completion_tokens": 19, "total_tokens": 50}


def texts() -> list[str]:
    """The events of the sound stream with usage."""
    return [read.data.decode() for read in base("usage-stream")[0].reads]


def sending(events: list[str]) -> Exchange:
    reads = tuple(Read(at_ns=1_000_000 * at, data=event.encode()) for at, event in enumerate(events))
    return replace(base("usage-stream")[0], reads=reads)


def asking(exchange: Exchange, options: object) -> Exchange:
    asked = {**json.loads(exchange.request.body or b"{}"), "stream_options": options}
    return replace(exchange, request=replace(exchange.request, body=json.dumps(asked).encode()))


def is_report(event: str) -> bool:
    return '"choices":[]' in event


def with_running_counts(events: list[str]) -> list[str]:
    return [event.replace('"usage":null', f'"usage":{json.dumps(COUNTS)}') for event in events]


class TestStreamReportsOnce:
    def test_a_second_report_is_one_too_many(self) -> None:
        events = [copy for event in texts() for copy in ([event, event] if is_report(event) else [event])]
        assert ["one more chunk with usage and no choices"] == told(ONCE, sending(events))

    def test_a_report_in_the_wrong_place_is_a_report(self) -> None:
        events = [event for event in texts() if not is_report(event)]
        assert [] == told(ONCE, sending(with_running_counts(events)))

    @pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"include_usage": "true"}])
    def test_nobody_asked(self, options: object) -> None:
        assert Outcome.NOT_APPLICABLE is outcome(ONCE, asking(base("usage-stream")[0], options))

    @pytest.mark.parametrize("kept", [2, 5, 7])
    def test_what_a_broken_connection_took_is_not_missing(self, kept: int) -> None:
        cut = replace(sending(texts()[:kept]), end=End.TRUNCATED)
        assert Outcome.NOT_APPLICABLE is outcome(ONCE, cut)

    def test_an_error_takes_the_place_of_the_report(self) -> None:
        events = [*texts()[:4], 'data: {"error":{"message":"the model is overloaded"}}\n\n']
        assert Outcome.NOT_APPLICABLE is outcome(ONCE, sending(events))

    def test_a_payload_that_cannot_be_read_may_have_been_it(self) -> None:
        events = [event[:-10] + "\n\n" if is_report(event) else event for event in texts()]
        assert Outcome.NOT_APPLICABLE is outcome(ONCE, sending(events))


class TestPlace:
    def test_a_late_chunk_without_choices_may_follow(self) -> None:
        *events, done = texts()
        moderation = 'data: {"choices":[],"moderation":{}}\n\n'
        assert [] == told("usage.is-last-chunk", sending([*events, moderation, done]))

    def test_usage_beside_a_choice_is_in_the_wrong_place_once(self) -> None:
        events = [event for event in texts() if not is_report(event)]
        events[-2] = with_running_counts(events)[-2]
        assert ["usage beside a choice"] == told("usage.chunk-has-empty-choices", sending(events))
        assert [] == told("usage.only-one-chunk-counts", sending(events))

    def test_running_counts_before_a_report_are_no_report_in_the_wrong_place(self) -> None:
        events = with_running_counts(texts())
        assert [] == told("usage.chunk-has-empty-choices", sending(events))
        assert [] == told("usage.earlier-chunks-are-null", sending(events))
        assert 1 == len(told("usage.only-one-chunk-counts", sending(events)))

    def test_running_counts_may_be_asked_for(self) -> None:
        options = {"include_usage": True, "continuous_usage_stats": True}
        exchange = asking(sending(with_running_counts(texts())), options)
        assert Outcome.NOT_APPLICABLE is outcome("usage.only-one-chunk-counts", exchange)

    def test_missing_keys_are_counted(self) -> None:
        events = [event.replace(',"usage":null', "") for event in texts()]
        assert ["7 of 7 chunks have no key usage"] == told("usage.earlier-chunks-are-null", sending(events))


class TestIsNotSentUnasked:
    RULE = "usage.is-not-sent-unasked"

    def test_null_sends_nothing(self) -> None:
        events = [event for event in texts() if not is_report(event)]
        assert [] == told(self.RULE, asking(sending(events), None))

    def test_of_an_unknown_request_nothing_is_known(self) -> None:
        (exchange,) = base("usage-stream")
        unknown = replace(exchange, request=replace(exchange.request, body=None))
        assert Outcome.NOT_APPLICABLE is outcome(self.RULE, unknown)


class TestStreamEqualsJson:
    RULE = "usage.stream-equals-json"

    def test_without_a_count_on_either_side_there_is_nothing_to_compare(self) -> None:
        stream, whole = base("stream-and-json")
        assert Outcome.UNTESTABLE is outcome(self.RULE, stream)
        assert Outcome.UNTESTABLE is outcome(self.RULE, replace(stream, reads=stream.reads[:1]), whole)
