"""Rules on Gemini where one specimen is not enough: precedence, edges, hostile answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange, Read
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome, RuleResult, judge_rule

GEMINI = Dialect.GEMINI_GENERATE_CONTENT
OWN = [rule for rule in all_rules().values() if rule.dialects == frozenset({GEMINI})]
EVERY_ONE = [
    rule
    for rule in all_rules().values()
    if GEMINI in rule.dialects and (rule.standard is not None or rule.vapi is not None)
]
(STREAM,) = base("gemini-text-stream")
(ARRAY,) = base("gemini-array")
(DOCUMENT,) = base("gemini-json")
(CALL,) = base("gemini-tool-stream")
(ERROR,) = base("gemini-error")


def results(*exchanges: Exchange) -> list[RuleResult]:
    evidence = [Evidence(exchange=exchange, dialect=GEMINI) for exchange in exchanges]
    return [judge_rule(rule, MUST, evidence) for rule in EVERY_ONE]


def violated(*exchanges: Exchange) -> set[str]:
    return {result.rule.id for result in results(*exchanges) if result.outcome is Outcome.VIOLATED}


def outcome(rule_id: str, exchange: Exchange) -> Outcome:
    return judge_rule(all_rules()[rule_id], MUST, [Evidence(exchange=exchange, dialect=GEMINI)]).outcome


def with_body(exchange: Exchange, body: bytes) -> Exchange:
    return replace(exchange, reads=(Read(at_ns=1, data=body),))


def edited(exchange: Exchange, *changes: tuple[str, str]) -> Exchange:
    body = exchange.body.decode()
    for old, new in changes:
        assert old in body
        body = body.replace(old, new)
    return with_body(exchange, body.encode())


def document(**keys: object) -> Exchange:
    """The sound answer with other keys; None takes one away."""
    record = {**json.loads(DOCUMENT.body), **keys}
    kept = {key: value for key, value in record.items() if value is not None}
    return with_body(DOCUMENT, json.dumps(kept).encode())


def counted(**counts: object) -> Exchange:
    return document(usageMetadata={key: value for key, value in counts.items() if value is not None})


def candidate(*parts: Mapping[str, object], finish: str = "STOP") -> Exchange:
    return document(candidates=[{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish}])


class TestCatalogue:
    def test_has_at_least_45_rules_of_its_own(self) -> None:
        assert len(OWN) >= 45

    def test_own_rules_are_named_for_it(self) -> None:
        assert {"gemini", "gemini-stream"} == {rule.id.split(".")[0] for rule in OWN}

    def test_there_are_no_rules_of_its_name_for_others(self) -> None:
        assert {rule.id for rule in OWN} == {each for each in all_rules() if each.startswith("gemini")}


class TestSpelling:
    def test_an_answer_in_snake_case_is_told_for_its_keys_and_what_clients_lose(self) -> None:
        snake = edited(
            STREAM,
            ("finishReason", "finish_reason"),
            ("usageMetadata", "usage_metadata"),
            ("modelVersion", "model_version"),
            ("responseId", "response_id"),
        )
        assert {"gemini.keys-are-camel-case"} == violated(snake)

    def test_names_of_arguments_are_not_the_apis(self) -> None:
        call = {"functionCall": {"name": "get_time", "args": {"finish_reason": {"usage_metadata": 1}}}}
        assert outcome("gemini.keys-are-camel-case", candidate(call)) is Outcome.PASSED


class TestNull:
    def test_what_writers_of_python_leave_in_is_told_by_one_rule(self) -> None:
        part = {"text": "We open at seven.", "functionCall": None, "inlineData": None, "thoughtSignature": None}
        nulls = document(
            candidates=[
                {
                    "content": {"role": "model", "parts": [part]},
                    "finishReason": "STOP",
                    "index": None,
                    "safetyRatings": None,
                }
            ],
            usageMetadata={**TestUsage.SOUND, "thoughtsTokenCount": None, "cachedContentTokenCount": None},
        )
        assert {"gemini.nothing-is-null"} == violated(nulls)

    def test_is_no_sign_of_a_call_in_pieces(self) -> None:
        sound = '"functionCall":{"name":"get_weather",'
        call = edited(CALL, (sound, sound + '"partialArgs":null,"willContinue":null,'))
        assert {"gemini.nothing-is-null"} == violated(call)

    @pytest.mark.parametrize("key", ["modelVersion", "responseId", "usageMetadata"])
    def test_what_has_to_be_there_is_missing_all_the_same(self, key: str) -> None:
        found = violated(with_body(DOCUMENT, json.dumps({**json.loads(DOCUMENT.body), key: None}).encode()))
        assert 1 == len(found)
        assert "gemini.nothing-is-null" not in found

    def test_null_in_arguments_is_the_models(self) -> None:
        call = {"functionCall": {"name": "get_time", "args": {"city": None, "text": None}}}
        assert outcome("gemini.nothing-is-null", candidate(call)) is Outcome.PASSED


class TestCuts:
    def test_between_carriage_return_and_line_feed_leave_no_line_that_ends_wrong(self) -> None:
        up_to_cr = STREAM.body[: STREAM.body.index(b"\r\n") + 1]
        hung_up = replace(with_body(STREAM, up_to_cr), end=End.CLOSED_BY_US)
        assert "gemini-stream.lines-end-with-lf" not in violated(hung_up)
        assert "gemini-stream.lines-end-with-lf" in violated(replace(hung_up, end=End.CLEAN))


class TestFilters:
    @pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII"])
    def test_what_is_held_back_whole_need_not_speak(self, reason: str) -> None:
        held = document(
            candidates=[{"finishReason": reason}], usageMetadata={"promptTokenCount": 9, "totalTokenCount": 9}
        )
        assert set() == violated(held)

    def test_an_empty_answer_that_nobody_held_back_is_told(self) -> None:
        silent = document(
            candidates=[{"finishReason": "STOP"}], usageMetadata={"promptTokenCount": 9, "totalTokenCount": 9}
        )
        assert {"speech.answer-is-not-empty"} == violated(silent)


class TestParts:
    @pytest.mark.parametrize(
        "part",
        [
            {"text": ""},
            {"text": "a", "thought": True, "thoughtSignature": "QUJD"},
            {"functionCall": {}, "thoughtSignature": "QUJD"},
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"payloadOfTomorrow": {}},
            {"text": "a", "partMetadata": {}},
        ],
    )
    def test_one_payload_is_enough_and_may_be_new(self, part: Mapping[str, object]) -> None:
        assert outcome("gemini.part-has-one-payload", candidate(part)) is Outcome.PASSED

    @pytest.mark.parametrize(
        "part", [{}, {"thought": True}, {"thoughtSignature": "QUJD"}, {"text": "a", "inlineData": {"data": "QQ=="}}]
    )
    def test_none_or_two_are_not(self, part: Mapping[str, object]) -> None:
        assert outcome("gemini.part-has-one-payload", candidate(part)) is Outcome.VIOLATED

    @pytest.mark.parametrize(
        ("signature", "expected"),
        [
            ("QUJD", Outcome.PASSED),
            ("QUI=", Outcome.PASSED),
            ("QUI", Outcome.PASSED),
            ("_-8", Outcome.PASSED),
            ("+/8=", Outcome.PASSED),
            ("", Outcome.VIOLATED),
            ("A", Outcome.VIOLATED),
            ("+_8=", Outcome.VIOLATED),
            ("QU JD", Outcome.VIOLATED),
            ("QUJD\n", Outcome.VIOLATED),
            (1, Outcome.VIOLATED),
        ],
    )
    def test_signatures_are_base64_of_either_alphabet(self, signature: object, expected: Outcome) -> None:
        part = {"text": "a", "thoughtSignature": signature}
        assert expected is outcome("gemini.thought-signature-is-base64", candidate(part))

    def test_thoughts_after_code_was_run_are_in_order(self) -> None:
        parts: Sequence[Mapping[str, object]] = (
            {"text": "Let me see."},
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"text": "So it is 1.", "thought": True},
            {"text": "It is 1."},
        )
        assert outcome("gemini.thoughts-precede-answers", candidate(*parts)) is Outcome.PASSED
        assert outcome("gemini.thoughts-precede-answers", candidate(parts[0], parts[2])) is Outcome.VIOLATED


class TestCalls:
    def test_a_call_that_the_answer_itself_calls_unexpected_was_not_to_be_offered(self) -> None:
        other = ('"name":"get_weather"', '"name":"list_files"')
        unexpected = edited(CALL, other, ('"STOP"', '"UNEXPECTED_TOOL_CALL"'))
        assert "tools.name-was-offered" in violated(edited(CALL, other))
        assert set() == violated(unexpected)

    def test_arguments_may_be_left_out(self) -> None:
        assert set() == violated(edited(CALL, ('"args":{"city":"Lisbon"},', ""), ('"get_weather"', '"get_time"'))) - {
            "tools.arguments-match-the-schema"
        }

    def test_arguments_are_held_to_the_schema_that_was_offered(self) -> None:
        assert {"tools.arguments-match-the-schema"} == violated(edited(CALL, ('"city":"Lisbon"', '"city":5')))


class TestUsage:
    SOUND: Mapping[str, object] = {"promptTokenCount": 23, "candidatesTokenCount": 9, "totalTokenCount": 32}

    def test_zeros_may_be_left_out(self) -> None:
        assert set() == violated(counted(**self.SOUND))

    def test_absurd_counts_are_told_and_not_written_out(self) -> None:
        huge = 9 * 10**4299
        body = counted(promptTokenCount=huge, candidatesTokenCount=huge, totalTokenCount=5)
        broken = [each for each in results(body) if each.outcome is Outcome.HARNESS_ERROR]
        assert [] == broken
        assert "gemini.usage-total-is-the-sum" in violated(body)

    @pytest.mark.parametrize("count", ["9", 9.5, -1, True, [], {}])
    def test_a_count_of_the_wrong_type_is_one_fault(self, count: object) -> None:
        usage = {**self.SOUND, "toolUsePromptTokenCount": count}
        assert {"gemini.usage-counts-are-integers"} == violated(document(usageMetadata=usage)) - {
            "gemini.usage-total-is-the-sum"
        }

    @pytest.mark.parametrize("usage", [[], "many", 5])
    def test_usage_that_is_no_object_is_one_fault(self, usage: object) -> None:
        assert {"gemini.usage-counts-are-integers"} == violated(document(usageMetadata=usage))


class TestArrays:
    def test_an_array_is_judged_as_a_stream(self) -> None:
        late = edited(ARRAY, ('"finishReason":"STOP",', ""))
        assert set() == violated(ARRAY)
        assert {"gemini-stream.finish-reason-is-sent"} == violated(late)

    def test_a_cut_array_is_the_connections_fault_or_its_writers_and_no_second_one(self) -> None:
        body = ARRAY.body
        for size in range(len(body) // 2, len(body) - 2, 40):
            assert {"gemini-stream.array-is-json"} == violated(with_body(ARRAY, body[:size]))

    @pytest.mark.parametrize("body", [b"[]", b"[ ]\n"])
    def test_an_empty_array_is_no_answer(self, body: bytes) -> None:
        assert "gemini-stream.array-holds-objects" in violated(with_body(ARRAY, body))

    def test_an_array_for_a_whole_answer_is_not_what_was_asked(self) -> None:
        whole = with_body(DOCUMENT, b"[" + DOCUMENT.body + b"]")
        assert {"http.json-request-gets-json"} == violated(whole)


class TestErrors:
    def test_an_array_is_due_where_an_array_was_asked(self) -> None:
        request = replace(ERROR.request, url=ARRAY.request.url)
        wrapped = with_body(replace(ERROR, request=request), b"[" + ERROR.body + b"]")
        assert set() == violated(wrapped)

    def test_the_body_says_when_to_come_back(self) -> None:
        assert ERROR.response is not None
        retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}
        error = {"code": 429, "message": "You exceeded your quota.", "status": "RESOURCE_EXHAUSTED"}
        busy = replace(ERROR, response=replace(ERROR.response, status=429))
        late = with_body(busy, json.dumps({"error": {**error, "details": [retry]}}).encode())
        never = with_body(busy, json.dumps({"error": {**error, "details": [{**retry, "retryDelay": ""}]}}).encode())
        assert set() == violated(late)
        assert {"errors.retry-after-is-sent"} == violated(never)

    def test_a_router_may_refuse_in_its_own_words(self) -> None:
        assert ERROR.response is not None
        body = b'{"detail": "Method Not Allowed"}'
        refused = replace(with_body(ERROR, body), response=replace(ERROR.response, status=405))
        assert set() == violated(refused)

    @pytest.mark.parametrize("body", [b"null", b"[]", b'"no"', b"5", b'{"error": "no"}', b'{"error": null}', b"{}"])
    def test_what_is_no_error_object_is_one_fault(self, body: bytes) -> None:
        assert {"gemini.error-is-an-object"} == violated(with_body(ERROR, body))


NAMES = [
    "candidates",
    "content",
    "parts",
    "role",
    "text",
    "thought",
    "thoughtSignature",
    "functionCall",
    "name",
    "args",
    "id",
    "partialArgs",
    "willContinue",
    "index",
    "finishReason",
    "finish_reason",
    "safetyRatings",
    "promptFeedback",
    "blockReason",
    "usageMetadata",
    "promptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "cachedContentTokenCount",
    "totalTokenCount",
    "promptTokensDetails",
    "tokenCount",
    "modelVersion",
    "responseId",
    "error",
    "code",
    "status",
    "message",
    "details",
]
HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**4290)
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["STOP", "SAFETY", "model", "stop", "QUJD", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=25,
)
PART = st.dictionaries(st.sampled_from(NAMES[4:8]), HOSTILE, max_size=3)
CANDIDATE = st.fixed_dictionaries(
    {},
    optional={
        "content": st.fixed_dictionaries({}, optional={"parts": st.lists(PART | HOSTILE, max_size=3), "role": HOSTILE}),
        "finishReason": HOSTILE,
        "index": HOSTILE,
    },
)
RESPONSE = st.fixed_dictionaries(
    {},
    optional={
        "candidates": st.lists(CANDIDATE | HOSTILE, max_size=3),
        "usageMetadata": st.dictionaries(st.sampled_from(NAMES[20:27]), HOSTILE, max_size=5),
        "promptFeedback": HOSTILE,
        "modelVersion": HOSTILE,
        "responseId": HOSTILE,
        "error": HOSTILE,
    },
)


class TestHostileAnswers:
    @settings(max_examples=40)
    @given(chunks=st.lists(RESPONSE | HOSTILE, min_size=1, max_size=3))
    def test_no_rule_fails_to_run(self, chunks: list[object]) -> None:
        texts = [json.dumps(chunk) for chunk in chunks]
        bodies = (
            (STREAM, "".join(f"data: {text}\r\n\r\n" for text in texts)),
            (ARRAY, f"[{','.join(texts)}]"),
            (DOCUMENT, texts[0]),
            (ERROR, texts[0]),
        )
        for exchange, body in bodies:
            judged = results(with_body(exchange, body.encode()))
            assert [] == [each.reason for each in judged if each.outcome is Outcome.HARNESS_ERROR]

    @settings(max_examples=40)
    @given(body=st.binary(max_size=100), start=st.sampled_from([b"", b"data: ", b"[", b"{", b": x\r"]))
    def test_nor_on_any_bytes(self, body: bytes, start: bytes) -> None:
        for exchange in (STREAM, ARRAY, DOCUMENT, ERROR):
            judged = results(with_body(exchange, start + body))
            assert [] == [each.reason for each in judged if each.outcome is Outcome.HARNESS_ERROR]
