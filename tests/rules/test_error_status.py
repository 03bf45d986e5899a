"""Rules on the status of refusals and failures."""

from dataclasses import replace

import pytest

from judging import outcome, steps, streamed, told, with_status
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange, Label
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome, judge_rule
from whole_answers import refused, whole

ANSWERED = "errors.well-formed-request-is-answered"


def labelled(exchange: Exchange, scenario: str, step: str = "stream") -> Exchange:
    return replace(exchange, label=Label(scenario=scenario, step=step))


class TestNoErrorIn200:
    RULE = "errors.no-error-in-200"

    @pytest.mark.parametrize("error", ["overloaded", {"code": 502}, ["overloaded"], 1])
    def test_any_error_in_place_of_an_answer_is_told(self, error: object) -> None:
        assert 1 == len(told(self.RULE, whole({"error": error})))

    @pytest.mark.parametrize("error", [None, {}, "", False])
    def test_an_empty_one_is_none(self, error: object) -> None:
        assert [] == told(self.RULE, whole({"error": error}))


class TestStatusPrecedesTheStream:
    RULE = "errors.status-precedes-the-stream"
    ERROR = b'data: {"error":{"message":"the model is overloaded"}}\n\n'

    def test_the_first_event_decides(self) -> None:
        assert 1 == len(told(self.RULE, streamed(self.ERROR)))

    def test_after_a_chunk_it_is_too_late_for_a_status(self) -> None:
        assert [] == told(self.RULE, streamed(b'data: {"choices":[]}\n\n' + self.ERROR))


class TestStatusOfProbes:
    @pytest.mark.parametrize(
        ("rule", "name", "sound", "broken"),
        [
            ("errors.unknown-model-is-refused", "unknown-model", [404], [200, 400, 500]),
            ("errors.context-overflow-is-400", "context-overflow", [200, 400], [404, 413, 500]),
            ("errors.wrong-type-is-400", "wrong-types", [400, 422], [200, 404, 500]),
            ("errors.empty-messages-is-400", "empty-messages", [400, 422], [200, 500]),
        ],
    )
    def test_are_accepted_or_told(self, rule: str, name: str, sound: list[int], broken: list[int]) -> None:
        first = base(name)[0]
        assert [] == [status for status in sound if told(rule, with_status(first, status)) != []]
        assert [] == [status for status in broken if len(told(rule, with_status(first, status))) != 1]

    @pytest.mark.parametrize(
        ("status", "found"), [(400, Outcome.PASSED), (404, Outcome.PASSED), (500, Outcome.VIOLATED)]
    )
    def test_responses_may_call_a_model_that_is_not_there_a_bad_value(self, status: int, found: Outcome) -> None:
        probe = with_status(base("unknown-model")[0], status)
        evidence = Evidence(exchange=probe, dialect=Dialect.OPENAI_RESPONSES)
        assert found is judge_rule(all_rules()["errors.unknown-model-is-refused"], MUST, [evidence]).outcome

    @pytest.mark.parametrize("name", ["unknown-model", "context-overflow", "wrong-types", "empty-messages"])
    @pytest.mark.parametrize("status", [401, 403, 429])
    def test_who_does_not_look_at_a_request_is_not_judged_by_it(self, name: str, status: int) -> None:
        rule = {
            "unknown-model": "errors.unknown-model-is-refused",
            "context-overflow": "errors.context-overflow-is-400",
            "wrong-types": "errors.wrong-type-is-400",
            "empty-messages": "errors.empty-messages-is-400",
        }[name]
        assert Outcome.UNTESTABLE is outcome(rule, with_status(base(name)[0], status))

    def test_each_wrong_type_is_told_by_its_step(self) -> None:
        probes = steps("wrong-types")
        found = told(
            "errors.wrong-type-is-400", with_status(probes["temperature"], 200), with_status(probes["messages"], 500)
        )
        assert ["status 200 (temperature)", "status 500 (messages)"] == found

    def test_a_step_without_a_response_shows_nothing(self) -> None:
        probes = steps("wrong-types")
        lost = replace(probes["messages"], response=None, reads=(), end=End.NO_RESPONSE)
        assert [] == told("errors.wrong-type-is-400", probes["temperature"], lost)

    @pytest.mark.parametrize(
        ("body", "passes"),
        [
            ({"error": {"message": "no", "code": "context_length_exceeded"}}, True),
            ({"error": {"message": "Too many tokens in prompt"}}, True),
            ({"error": "prompt is too long"}, True),
            ({"error": {"message": "Bad Request"}}, False),
            ({"detail": "no"}, False),
        ],
    )
    def test_an_overflow_says_what_is_too_long(self, body: object, passes: bool) -> None:
        exchange = replace(refused(body), label=base("context-overflow")[0].label)
        assert passes == (told("errors.context-overflow-is-400", exchange) == [])


class TestStatusHasItsOwnReason:
    RULE = "errors.status-has-its-own-reason"

    @pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
    def test_six_have_one(self, status: int) -> None:
        assert [] == told(self.RULE, refused({}, status=status))

    @pytest.mark.parametrize("status", [402, 404, 408, 422, 502, 504])
    def test_all_others_share_one(self, status: int) -> None:
        assert 1 == len(told(self.RULE, refused({}, status=status)))

    def test_probes_that_vapi_never_sends_are_let_be(self) -> None:
        assert Outcome.NOT_APPLICABLE is outcome(self.RULE, base("unknown-model")[0])


class TestWellFormedRequestIsAnswered:
    def test_a_recording_may_have_asked_for_it(self) -> None:
        assert Outcome.NOT_APPLICABLE is outcome(ANSWERED, refused({}))

    @pytest.mark.parametrize(
        ("scenario", "step"),
        [("auth", "right"), ("message-without-content", "stream"), ("unknown-keys", "extra"), ("json-mode", "json")],
    )
    def test_acceptance_with_a_rule_of_its_own_is_left_to_it(self, scenario: str, step: str) -> None:
        assert Outcome.NOT_APPLICABLE is outcome(ANSWERED, labelled(refused({}), scenario, step))

    def test_the_bare_request_beside_it_is_not(self) -> None:
        assert 1 == len(told(ANSWERED, labelled(refused({}), "unknown-keys", "bare")))

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"error": {"message": "the model is loading"}}, "status 500, 'the model is loading'"),
            ({"error": {"code": 1}}, "status 500, an object without a message"),
            (b"Internal Server Error", "status 500, no error object"),
        ],
    )
    def test_the_server_s_words_are_told(self, body: object, words: str) -> None:
        assert [words] == told(ANSWERED, labelled(refused(body, status=500), "plain"))

    @pytest.mark.parametrize("status", [401, 403])
    def test_who_sent_no_key_is_told_so(self, status: int) -> None:
        (found,) = told(ANSWERED, labelled(refused({}, status=status), "plain"))
        assert found.endswith("; the request carried no key")

    def test_who_sent_one_is_not(self) -> None:
        exchange = labelled(refused({}, status=401), "plain")
        keyed = replace(exchange, request=replace(exchange.request, headers=((b"AUTHORIZATION", b"Bearer *"),)))
        (found,) = told(ANSWERED, keyed)
        assert "key" not in found
