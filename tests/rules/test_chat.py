"""Rules on whole answers: which of them a document breaks, and that no document breaks the rules."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judging import judged, outcome, told, with_header, with_status
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Timing
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome, judge_rule
from whole_answers import JsonObject, choice_of, document, message_of, refused, whole

RULES = [rule for rule in all_rules().values() if rule.id.startswith(("chat.", "usage.", "errors.", "auth."))]


def broken_by(exchange: Exchange) -> set[str]:
    """Of the rules on documents, those that it breaks."""
    results = [judge_rule(rule, MUST, [Evidence(exchange=exchange)]) for rule in RULES]
    assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
    return {each.rule.id for each in results if each.outcome is Outcome.VIOLATED}


def changed(**top: object) -> Exchange:
    """The sound document with other values at its top."""
    return whole({**document(), **top})


class TestShape:
    @pytest.mark.parametrize(
        ("key", "value", "rule"),
        [
            ("id", 7, "chat.id-is-non-empty"),
            ("object", None, "chat.object-is-chat-completion"),
            ("created", 1785312000.5, "chat.created-is-integer-seconds"),
            ("created", 0, "chat.created-is-integer-seconds"),
            ("model", "", "chat.model-is-named"),
            ("choices", None, "chat.choices-is-non-empty"),
            ("choices", {"0": "text"}, "chat.choices-is-non-empty"),
            ("choices", [None], "chat.choice-has-message"),
            ("system_fingerprint", 1, "chat.labels-are-strings"),
            ("usage", [], "usage.counts-are-integers"),
            ("moderation", "none", "chat.body-matches-the-schema"),
        ],
    )
    def test_each_place_has_one_owner(self, key: str, value: object, rule: str) -> None:
        assert {rule} == broken_by(changed(**{key: value}))

    @pytest.mark.parametrize("key", ["id", "object", "created", "model", "choices"])
    def test_a_missing_key_is_the_fault_of_one_rule(self, key: str) -> None:
        lacking = {name: value for name, value in document().items() if name != key}
        assert 1 == len(broken_by(whole(lacking)))

    @pytest.mark.parametrize("body", [{}, {"answer": "We open at seven."}, ["We open at seven."]])
    def test_what_is_no_completion_at_all_lacks_its_choices_only(self, body: object) -> None:
        assert {"chat.choices-is-non-empty"} == broken_by(whole(body))

    def test_unknown_keys_and_missing_younger_keys_are_fine(self) -> None:
        sent = document()
        for key in ("service_tier", "system_fingerprint"):
            del sent[key]
        del message_of(sent)["annotations"]
        sent["timings"] = {"predicted_ms": 12.5}
        assert set() == broken_by(whole(sent))

    def test_the_place_is_named(self) -> None:
        sent = document()
        choice_of(sent)["finish_reason"] = None
        (found,) = told("chat.finish-reason-is-known", whole(sent))
        assert found.startswith("/choices/0/finish_reason: ")

    def test_a_fault_in_many_choices_is_told_a_few_times(self) -> None:
        sent = document()
        sent["choices"] = [{**choice_of(sent), "index": at, "finish_reason": "eos"} for at in range(100)]
        found = told("chat.finish-reason-is-known", whole(sent))
        assert 20 == len(found)
        assert found[-1].endswith("... and 80 more")

    def test_streams_and_refusals_are_not_judged(self) -> None:
        for exchange in (base("text-stream")[0], base("error-json")[0]):
            assert Outcome.NOT_APPLICABLE is outcome("chat.choices-is-non-empty", exchange)

    def test_an_answer_of_status_201_is_judged_all_the_same(self) -> None:
        assert Outcome.PASSED is outcome("chat.id-is-non-empty", with_status(base("text-json")[0], 201))


class TestCreatedIsFresh:
    RULE = "chat.created-is-fresh"

    def test_without_a_clock_there_is_nothing_to_compare_with(self) -> None:
        assert Outcome.NOT_APPLICABLE is outcome(self.RULE, base("text-json")[0])

    @pytest.mark.parametrize(
        ("started_at", "passes"),
        [("2026-07-29T23:00:00+00:00", True), ("2026-07-29T08:00:00Z", True), ("2026-07-31T08:00:00", False)],
    )
    def test_the_client_s_clock_is_asked_first(self, started_at: str, passes: bool) -> None:
        exchange = with_header(base("text-json")[0], "Date", "Thu, 01 Jan 1970 00:00:00 GMT")
        exchange = replace(exchange, timing=Timing(started_at=started_at))
        assert passes == (told(self.RULE, exchange) == [])

    @pytest.mark.parametrize("date", ["yesterday", "", "Wed, 99 Jul 2026 08:00:01 GMT"])
    def test_a_date_that_cannot_be_read_is_no_clock(self, date: str) -> None:
        exchange = with_header(base("text-json")[0], "Date", date)
        assert Outcome.NOT_APPLICABLE is outcome(self.RULE, exchange)

    def test_a_date_after_the_end_of_time_is_told_and_not_stumbled_over(self) -> None:
        exchange = replace(changed(created=10**400), timing=Timing(started_at="2026-07-29T08:00:00Z"))
        assert 1 == len(told(self.RULE, exchange))


class TestChoiceIndexesAreComplete:
    RULE = "chat.choice-indexes-are-complete"

    @pytest.mark.parametrize(("indexes", "passes"), [((1, 0), True), ((0, 2), False), ((1, 1), False), ((1, 2), False)])
    def test_order_does_not_matter_but_gaps_and_repeats_do(self, indexes: tuple[int, int], passes: bool) -> None:
        sent = document("choices-json")
        for place, index in enumerate(indexes):
            choice_of(sent, place)["index"] = index
        assert passes == (told(self.RULE, whole(sent)) == [])

    @pytest.mark.parametrize("index", ["0", None, -1, 0.5, True])
    def test_an_index_that_is_no_number_is_told_once(self, index: object) -> None:
        sent = document()
        choice_of(sent)["index"] = index
        assert 1 == len(told(self.RULE, whole(sent)))


class TestLogprobs:
    RULE = "chat.logprobs-are-well-formed"

    def test_null_is_none(self) -> None:
        assert Outcome.NOT_APPLICABLE is outcome(self.RULE, base("text-json")[0])

    @pytest.mark.parametrize(
        "token",
        [
            {"token": "At", "logprob": 0.5, "bytes": None, "top_logprobs": []},
            {"token": "At", "logprob": -0.5, "top_logprobs": []},
            {"token": "At", "logprob": -0.5, "bytes": [256], "top_logprobs": []},
            {"token": "At", "logprob": -0.5, "bytes": None},
        ],
    )
    def test_a_malformed_token_is_told(self, token: JsonObject) -> None:
        sent = document("logprobs-json")
        choice_of(sent)["logprobs"] = {"content": [token]}
        assert 1 == len(told(self.RULE, whole(sent, "logprobs-json")))

    def test_alternatives_beyond_those_asked_for_are_counted(self) -> None:
        exchange = base("logprobs-json")[0]
        asked = json.loads(exchange.request.body or b"")
        del asked["top_logprobs"]
        unasked = replace(exchange, request=replace(exchange.request, body=json.dumps(asked).encode()))
        assert ["1 of them"] == told(self.RULE, unasked)

    def test_of_an_unknown_request_nothing_was_asked(self) -> None:
        exchange = base("logprobs-json")[0]
        assert [] == told(self.RULE, replace(exchange, request=replace(exchange.request, body=None)))


class TestNoErrorBesideChoices:
    RULE = "chat.no-error-beside-choices"

    def test_null_is_no_error(self) -> None:
        assert [] == told(self.RULE, changed(error=None))

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            ({"message": "the cache is full"}, "'the cache is full'"),
            ("the cache is full", "'the cache is full'"),
            ({}, "an object without a message"),
            (7, "a int"),
        ],
    )
    def test_the_error_is_quoted(self, error: object, words: str) -> None:
        assert [f"choices, and an error: {words}"] == told(self.RULE, changed(error=error))

    def test_an_error_in_place_of_choices_is_another_rule_s(self) -> None:
        assert {"errors.no-error-in-200"} == broken_by(whole({"error": {"message": "no"}}))
        assert {"errors.no-error-in-200"} == broken_by(whole({"error": {"message": "no"}, "choices": []}))


class TestKeysThatMayBeMissing:
    def test_each_choice_without_them_is_told(self) -> None:
        sent = document("choices-json")
        for place in (0, 1):
            del choice_of(sent, place)["logprobs"]
            del message_of(sent, place)["refusal"]
        assert ["choice 0 has none", "choice 1 has none"] == told("chat.logprobs-key-is-present", whole(sent))
        assert 2 == len(told("chat.refusal-key-is-present", whole(sent)))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["message", "content", "tool_calls", "logprobs", "usage", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


class TestHostileDocuments:
    @settings(deadline=None, max_examples=60)  # the first document pays for the schemas
    @given(
        st.dictionaries(
            st.sampled_from(["id", "object", "created", "model", "choices", "usage", "error", "service_tier"]),
            JSON_VALUES | st.lists(st.dictionaries(st.sampled_from(["index", "message", "logprobs"]), JSON_VALUES)),
        )
    )
    def test_no_rule_stumbles(self, body: JsonObject) -> None:
        broken_by(whole(body))
        broken_by(refused(body))

    @pytest.mark.parametrize(
        "body", [b"", b"[", b"\xff\xfe", b"null", b"[" * 100_000, b'{"choices":' + b"[" * 900 + b"]" * 900 + b"}"]
    )
    def test_no_body_breaks_the_harness(self, body: bytes) -> None:
        broken_by(whole(body))
        broken_by(refused(body))

    def test_a_lone_surrogate_in_an_id_is_no_fault_of_ours(self) -> None:
        assert (
            Outcome.HARNESS_ERROR
            is not judged("chat.id-is-non-empty", whole(b'{"id":"\\ud800","choices":[{}]}')).outcome
        )
