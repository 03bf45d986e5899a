"""Rules on the counts of one report, in whole answers and on streams."""

import json
from dataclasses import replace

import pytest

from judging import outcome, streamed, told
from vapi_conformance.exchange import Exchange
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome
from whole_answers import choice_of, document, message_of, whole


def counting(**counts: object) -> Exchange:
    """The sound answer with other counts."""
    sent = document()
    sent["usage"] = {"prompt_tokens": 31, "completion_tokens": 19, "total_tokens": 50, **counts}
    return whole(sent)


def asking(exchange: Exchange, **body: object) -> Exchange:
    """With more in the request."""
    asked = {**json.loads(exchange.request.body or b"{}"), **body}
    return replace(exchange, request=replace(exchange.request, body=json.dumps(asked).encode()))


class TestIsReported:
    def test_null_is_no_report(self) -> None:
        assert ["none"] == told("usage.is-reported", whole({**document(), "usage": None}))

    def test_a_malformed_report_is_one_with_a_fault_of_its_own(self) -> None:
        assert [] == told("usage.is-reported", whole({**document(), "usage": 50}))


class TestCountsAreIntegers:
    RULE = "usage.counts-are-integers"

    @pytest.mark.parametrize(
        ("count", "value"),
        [
            ("prompt_tokens", -1),
            ("completion_tokens", 19.5),
            ("total_tokens", None),
            ("total_tokens", True),
            ("prompt_tokens_details", {"cached_tokens": "0"}),
            ("completion_tokens_details", {"reasoning_tokens": -1}),
            ("completion_tokens_details", []),
        ],
    )
    def test_tells_the_place(self, count: str, value: object) -> None:
        (found,) = told(self.RULE, counting(**{count: value}))
        assert found.startswith(f"/usage/{count}")

    @pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None}, {"image_tokens": 3}])
    def test_details_may_be_null_empty_or_new(self, details: object) -> None:
        assert [] == told(self.RULE, counting(prompt_tokens_details=details))

    def test_a_report_that_is_no_object_is_told_on_streams_too(self) -> None:
        body = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":50}\n\n'
        assert 1 == len(told(self.RULE, streamed(body)))

    def test_running_counts_are_told_a_few_times(self) -> None:
        body = b'data: {"choices":[{"index":0,"delta":{}}],"usage":{}}\n\n' * 50
        found = told(self.RULE, streamed(body))
        assert 20 == len(found)
        assert found[-1].endswith("... and 130 more")


class TestSums:
    def test_the_total_is_compared_with_both(self) -> None:
        assert ["total_tokens 60"] == told("usage.total-is-the-sum", counting(total_tokens=60))

    @pytest.mark.parametrize("count", ["prompt_tokens", "completion_tokens", "total_tokens"])
    def test_a_count_that_is_missing_cannot_be_added(self, count: str) -> None:
        assert Outcome.NOT_APPLICABLE is outcome("usage.total-is-the-sum", counting(**{count: "many"}))

    def test_parts_may_be_the_whole(self) -> None:
        sound = counting(
            prompt_tokens_details={"cached_tokens": 31}, completion_tokens_details={"reasoning_tokens": 19}
        )
        assert [] == told("usage.cached-within-prompt", sound)
        assert [] == told("usage.reasoning-within-completion", sound)

    def test_parts_beyond_the_whole_are_told(self) -> None:
        broken = counting(
            prompt_tokens_details={"cached_tokens": 32}, completion_tokens_details={"reasoning_tokens": 20}
        )
        assert ["cached_tokens 32"] == told("usage.cached-within-prompt", broken)
        assert ["reasoning_tokens 20"] == told("usage.reasoning-within-completion", broken)


class TestCompletionIsCounted:
    RULE = "usage.completion-is-counted"

    def test_of_an_empty_answer_nothing_is_to_be_counted(self) -> None:
        sent = document()
        message_of(sent)["content"] = ""
        assert Outcome.NOT_APPLICABLE is outcome(self.RULE, whole(sent))

    def test_a_tool_call_takes_tokens_too(self) -> None:
        sent = document("tool-json")
        sent["usage"] = {"prompt_tokens": 31, "completion_tokens": 0, "total_tokens": 31}
        assert ["completion_tokens 0"] == told(self.RULE, whole(sent, "tool-json"))


class TestWithinMaxTokens:
    RULE = "usage.within-max-tokens"

    def test_the_bound_itself_is_within(self) -> None:
        assert [] == told(self.RULE, asking(counting(), max_tokens=19))
        assert ["completion_tokens 19"] == told(self.RULE, asking(counting(), max_tokens=18))

    def test_the_newer_name_counts_first(self) -> None:
        assert [] == told(self.RULE, asking(counting(), max_tokens=5, max_completion_tokens=19))

    def test_each_choice_has_the_bound_for_itself(self) -> None:
        sent = document("choices-json")
        assert 2 == len([choice_of(sent, place) for place in (0, 1)])
        assert [] == told(self.RULE, asking(whole(sent, "choices-json"), max_tokens=10))
        assert 1 == len(told(self.RULE, asking(whole(sent, "choices-json"), max_tokens=9)))

    def test_without_a_bound_there_is_nothing_to_keep(self) -> None:
        assert Outcome.NOT_APPLICABLE is outcome(self.RULE, asking(counting(), max_tokens=None))

    def test_the_last_report_of_a_stream_is_the_one_that_counts(self) -> None:
        (exchange,) = base("usage-stream")
        assert [] == told(self.RULE, asking(exchange, max_tokens=19))
        assert 1 == len(told(self.RULE, asking(exchange, max_tokens=18)))
