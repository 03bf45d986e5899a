"""Rules on what an endpoint makes of the results of tool calls."""

import json
from dataclasses import replace

import pytest

from chunked_answers import (
    DONE,
    FINISH,
    ROLE,
    JsonObject,
    broken_by,
    delta,
    is_judged,
    said,
    stream,
    violations,
    whole,
    words,
)
from vapi_conformance.exchange import End, Exchange, Label

RESULT = "tools.result-is-answered"
PARALLEL = "tools.parallel-results-are-answered"
SENTINELS = "tools.sentinels-are-answered"
UNKNOWN = "tools.unknown-result-is-refused"
AGREE = "tools.stream-and-json-agree"
PENDING = "Tool Result Still Pending But Proceed Further If Possible."
NO_RESULT = "No result returned. If this is unexpected, see troubleshooting tips at https://docs.example/tools"
TOOLS = [{"type": "function", "function": {"name": "f"}}]
CALL = {"index": 0, "id": "call_0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLING = stream(
    delta({"role": "assistant", "tool_calls": [CALL]}), delta({}, "tool_calls"), DONE, request={"tools": TOOLS}
)


def step(exchange: Exchange, scenario: str, name: str = "stream", *, result: str = "17 degrees") -> Exchange:
    """The exchange as a step of a scenario, after a tool message with that result."""
    message: JsonObject = {"role": "tool", "tool_call_id": "call_1", "content": result}
    body = json.dumps({"model": "reference", "stream": True, "messages": [message], "tools": TOOLS}).encode()
    label = Label(scenario=scenario, step=name)
    return replace(exchange, label=label, request=replace(exchange.request, body=body))


def refused(status: int) -> Exchange:
    return whole({"content": "no"}, status=status)


@pytest.mark.parametrize(("rule_id", "scenario"), [(RESULT, "tool-result"), (PARALLEL, "tool-results-parallel")])
class TestResult:
    def test_is_answered_in_words(self, rule_id: str, scenario: str) -> None:
        for answer in (said("It is 17 degrees."), whole({"content": "It is 17 degrees."})):
            assert is_judged(rule_id, step(answer, scenario))
            assert set() == broken_by(step(answer, scenario))

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (CALLING, "a call of 'f', and no words"),
            (refused(400), "status 400"),
            (refused(302), "status 302"),
            (stream(ROLE, FINISH, DONE), "no words"),
            (stream(ROLE, *words("  "), FINISH, DONE), "no words"),
            (stream({"error": {"message": "unknown role: tool"}}), "an error: 'unknown role: tool'"),
            (whole({}), "no words"),
        ],
    )
    def test_is_not_answered_by_less(self, rule_id: str, scenario: str, answer: Exchange, told: str) -> None:
        (violation,) = violations(rule_id, step(answer, scenario))
        assert told == violation.actual

    def test_answered_by_a_stream_that_broke_is_the_fault_of_the_connection(self, rule_id: str, scenario: str) -> None:
        assert [] == violations(rule_id, step(stream(ROLE, end=End.RESET), scenario))

    def test_without_a_response_is_not_judged(self, rule_id: str, scenario: str) -> None:
        silent = replace(said("one"), response=None, reads=(), end=End.NO_RESPONSE)
        assert not is_judged(rule_id, step(silent, scenario))


class TestSentinels:
    @pytest.mark.parametrize(
        ("result", "text"),
        [
            ("Success.", "Success. Your table is booked."),
            (NO_RESULT, "I am sorry, no result returned from the weather service."),
            (PENDING, "I am still waiting for the weather."),
        ],
    )
    def test_are_put_into_other_words(self, result: str, text: str) -> None:
        assert set() == broken_by(step(said(text), "tool-sentinels", result=result))

    @pytest.mark.parametrize("result", [NO_RESULT, PENDING])
    def test_are_not_read_out(self, result: str) -> None:
        assert {SENTINELS} == broken_by(step(said(f"The tool says: {result}"), "tool-sentinels", result=result))

    def test_may_be_followed_by_another_try(self) -> None:
        assert set() == broken_by(step(CALLING, "tool-sentinels", result=NO_RESULT))

    def test_are_accepted(self) -> None:
        first, second = (
            step(said("Done."), "tool-sentinels", "success"),
            step(refused(500), "tool-sentinels", "no-result"),
        )
        (violation,) = violations(SENTINELS, first, second)
        assert ("status 500", 1) == (violation.actual, violation.step)


class TestUnknownResult:
    @pytest.mark.parametrize("status", [400, 404, 422])
    def test_is_refused(self, status: int) -> None:
        assert [] == violations(UNKNOWN, step(refused(status), "tool-unknown-result"))

    @pytest.mark.parametrize("status", [200, 302, 500])
    def test_is_not_taken_and_breaks_nothing(self, status: int) -> None:
        (violation,) = violations(UNKNOWN, step(refused(status), "tool-unknown-result"))
        assert f"status {status}" == violation.actual


class TestAgreement:
    CALLED = whole({"tool_calls": [{key: CALL[key] for key in CALL if key != "index"}]}, "tool_calls")

    def of(self, streamed: Exchange, document: Exchange) -> list[tuple[str, int]]:
        both = step(streamed, "tool-call"), step(document, "tool-call", "json")
        return [(each.actual, each.step) for each in violations(AGREE, *both)]

    def test_of_two_calls(self) -> None:
        assert [] == self.of(CALLING, self.CALLED)

    def test_of_words_and_words(self) -> None:
        assert [] == self.of(said("one"), whole({"content": "two"}))

    def test_of_a_call_and_words_is_none(self) -> None:
        assert [("words, finish_reason 'stop'", 1)] == self.of(CALLING, whole({"content": "one"}))

    def test_of_calls_that_end_differently_is_none(self) -> None:
        stopped = stream(delta({"role": "assistant", "tool_calls": [CALL]}), delta({}, "stop"), DONE)
        assert [("calls, finish_reason 'tool_calls'", 1)] == self.of(stopped, self.CALLED)

    def test_needs_both_answers(self) -> None:
        assert not is_judged(AGREE, step(CALLING, "tool-call"), step(refused(500), "tool-call", "json"))
