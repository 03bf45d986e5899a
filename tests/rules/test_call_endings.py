"""Rules on how calls end."""

import json
from collections.abc import Mapping, Sequence

import pytest

from made_calls import answer, calling, in_call, judged, refused, told
from timed_answers import ask, streamed, user
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.verdict import Outcome

FAILED: Mapping[str, object] = {
    "by": "endpoint",
    "reasons": ["pipeline-error-custom-llm-500-server-error"],
    "sureness": "documented",
    "text": "Vapi takes HTTP 500 as a failure of the model.",
}
HUNG_UP: Mapping[str, object] = {"by": "assistant", "reasons": ["assistant-ended-call"], "text": "endCall."}
SILENT: Mapping[str, object] = {"by": "platform", "reasons": ["silence-timed-out"], "text": "Silence."}
BARE = streamed((10, 'data: {"function_call": {"name": "transferCall", "arguments": {}}}\n\n'))


def ended(
    by: Mapping[str, object] | None, *exchanges: Exchange, name: str = "ten-turns", **story: object
) -> list[Evidence]:
    steps = {f"turn-{turn}.1": each for turn, each in enumerate(exchanges, 1)}
    return in_call(name, steps, {**({} if by is None else {"ended": by}), **story})


HELLO = answer("Hi.", "Hello.")


class TestNoAnswerEndsTheCall:
    RULE = "call.no-answer-ends-the-call"

    def test_a_caller_who_hangs_up_is_no_failure(self) -> None:
        assert Outcome.PASSED is judged(self.RULE, ended(None, HELLO)).outcome

    @pytest.mark.parametrize("by", [HUNG_UP, SILENT])
    def test_neither_is_an_end_that_somebody_wanted(self, by: Mapping[str, object]) -> None:
        assert Outcome.PASSED is judged(self.RULE, ended(by, HELLO)).outcome

    def test_tells_with_which_reason_it_ended_and_how_sure_that_is(self) -> None:
        ((step, fault),) = told(self.RULE, ended(FAILED, HELLO, refused("And now?")))
        assert "turn-2.1" == step
        assert (
            "the call ends with 'pipeline-error-custom-llm-500-server-error' (documented): "
            "Vapi takes HTTP 500 as a failure of the model." == fault
        )

    def test_a_failure_that_was_dropped_is_none(self) -> None:
        exchanges = {"turn-1.1": refused("Hel"), "turn-1.2": HELLO}
        assert Outcome.PASSED is judged(self.RULE, in_call("grown-turn", exchanges)).outcome

    def test_a_transfer_as_vapis_guide_prints_it_is_for_another_rule(self) -> None:
        assert Outcome.PASSED is judged(self.RULE, ended(FAILED, BARE)).outcome


class TestEndsAsExpected:
    RULE = "call.ends-as-expected"

    @pytest.mark.parametrize(
        ("by", "expected", "outcome"),
        [
            (None, ["customer-ended-call"], Outcome.PASSED),
            (HUNG_UP, ["customer-ended-call"], Outcome.VIOLATED),
            (HUNG_UP, ["assistant-ended-call"], Outcome.PASSED),
            (SILENT, ["customer-ended-call"], Outcome.VIOLATED),
            (SILENT, ["silence-timed-out", "customer-ended-call"], Outcome.PASSED),
            (None, ["assistant-said-end-call-phrase"], Outcome.UNTESTABLE),
            (HUNG_UP, ["assistant-said-end-call-phrase"], Outcome.VIOLATED),
            (HUNG_UP, ["assistant-forwarded-call"], Outcome.VIOLATED),
            (None, ["assistant-ended-call"], Outcome.UNTESTABLE),
            (None, ["assistant-forwarded-call"], Outcome.UNTESTABLE),
            (SILENT, ["assistant-ended-call"], Outcome.UNTESTABLE),
            (FAILED, ["customer-ended-call"], Outcome.UNTESTABLE),
        ],
    )
    def test_failures_and_what_the_assistant_did_not_do_are_no_concern_of_it(
        self, by: Mapping[str, object] | None, expected: Sequence[str], outcome: Outcome
    ) -> None:
        assert outcome is judged(self.RULE, ended(by, HELLO, expects_ended=list(expected))).outcome

    def test_tells_both_ends(self) -> None:
        (found,) = judged(self.RULE, ended(HUNG_UP, HELLO)).findings
        assert "the call to end with 'customer-ended-call'" == found.violation.expected
        assert "'assistant-ended-call': endCall." == found.violation.actual


class TestEndCall:
    RULE = "call.end-call-is-asked-for"
    RUN: Mapping[str, object] = {"step": "turn-1.1", "id": "call_1", "name": "endCall", "result": "Success."}

    def call(self, exchange: Exchange, *, tries: int = 3, attempt: int = 3, **story: object) -> list[Evidence]:
        return in_call("end-call", {"turn-1.1": exchange}, {"scenario": {"tries": tries}, **story}, attempt=attempt)

    def test_a_call_of_it_is_what_was_asked_for(self) -> None:
        evidence = self.call(calling("endCall"), attempt=1, tools=[self.RUN], ended=HUNG_UP)
        assert Outcome.PASSED is judged(self.RULE, evidence).outcome

    def test_words_at_the_last_attempt_are_a_fault(self) -> None:
        ((_, fault),) = told(self.RULE, self.call(answer("Goodbye!", "Please hang up.")))
        assert "the answer is 'Goodbye!', and the line stays open" == fault

    def test_another_tool_is_named(self) -> None:
        ((_, fault),) = told(self.RULE, self.call(calling("hangUp")))
        assert "calls of 'hangUp'" == fault

    def test_an_attempt_before_the_last_shows_nothing_yet(self) -> None:
        words = answer("Goodbye!", "Please hang up.")
        assert Outcome.UNTESTABLE is judged(self.RULE, self.call(words, attempt=2)).outcome
        done = self.call(calling("endCall"), attempt=2, tools=[self.RUN], ended=HUNG_UP)
        found = judged(self.RULE, self.call(words, attempt=1), done)
        assert (Outcome.PASSED, 1) == (found.outcome, found.judged)

    def test_a_call_that_failed_shows_nothing(self) -> None:
        assert Outcome.UNTESTABLE is judged(self.RULE, self.call(refused("Bye."), ended=FAILED)).outcome


def transferring(arguments: str, places: object = ("+12125550142", "Bookings")) -> Exchange:
    destination = {"type": "string"} if places is None else {"type": "string", "enum": places}
    parameters = {"type": "object", "properties": {"destination": destination}}
    tool = {"type": "function", "function": {"name": "transferCall", "parameters": parameters}}
    return calling("transferCall", arguments, request=ask(user("Transfer me."), tools=[tool]))


class TestDestinations:
    RULE = "call.transfer-names-a-destination"

    def call(self, arguments: str, places: object = ("+12125550142", "Bookings"), **story: object) -> list[Evidence]:
        return ended(None, transferring(arguments, places), name="transfer-to-a-number", **story)

    @pytest.mark.parametrize(
        ("named", "outcome"),
        [
            ("+12125550142", Outcome.PASSED),
            ("+1 212-555-0142", Outcome.PASSED),
            ("bookings", Outcome.PASSED),
            ("+15550999", Outcome.VIOLATED),
            ("2125550142", Outcome.VIOLATED),
            ("", Outcome.VIOLATED),
            (None, Outcome.VIOLATED),
            (["+12125550142"], Outcome.VIOLATED),
            ({"type": "number", "number": "+15550999"}, Outcome.VIOLATED),
        ],
    )
    def test_are_those_that_were_offered(self, named: object, outcome: Outcome) -> None:
        assert outcome is judged(self.RULE, self.call(json.dumps({"destination": named}))).outcome

    @pytest.mark.parametrize("arguments", ["", "{", "[]", "5"])
    def test_none_is_named_where_there_are_no_arguments(self, arguments: str) -> None:
        ((_, fault),) = told(self.RULE, self.call(arguments))
        assert "no destination" == fault

    @pytest.mark.parametrize("places", [None, [], [None, 5], "+12125550142"])
    def test_a_tool_that_lists_none_is_looked_up_in_the_scenario(self, places: object) -> None:
        tools = [{"name": "transferCall", "destinations": ["+12125550187"]}, None, {"name": "endCall"}]
        evidence = self.call('{"destination": "+15550999"}', places, scenario={"tools": tools})
        assert Outcome.VIOLATED is judged(self.RULE, evidence).outcome
        evidence = self.call('{"destination": "+12125550187"}', places, scenario={"tools": tools})
        assert Outcome.PASSED is judged(self.RULE, evidence).outcome

    def test_an_agent_that_does_not_transfer_names_none(self) -> None:
        found = judged(self.RULE, ended(None, HELLO, name="transfer-to-a-number"))
        assert Outcome.NOT_APPLICABLE is found.outcome
        assert "the agent did not transfer the call when it was asked to" == found.reason


class TestTransferIsAToolCall:
    RULE = "call.transfer-is-a-tool-call"

    def outcome(self, exchange: Exchange) -> Outcome:
        return judged(self.RULE, ended(FAILED, exchange, name="transfer-as-documented")).outcome

    def test_a_tool_call_is_one(self) -> None:
        assert Outcome.PASSED is self.outcome(transferring('{"destination": "+12125550142"}'))

    def test_a_frame_without_choices_is_none(self) -> None:
        assert Outcome.VIOLATED is self.outcome(BARE)

    @pytest.mark.parametrize(
        "data",
        [
            '{"choices": [], "function_call": {"name": "transferCall"}}',
            '{"function_call": "transferCall"}',
            '{"error": {"message": "no"}}',
            '[{"function_call": {}}]',
            "{",
        ],
    )
    def test_other_frames_are_for_other_rules(self, data: str) -> None:
        assert Outcome.NOT_APPLICABLE is self.outcome(streamed((10, f"data: {data}\n\n")))
