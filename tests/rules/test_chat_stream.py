"""Rules on the chunks of a stream: each fault has one owner, and what first parties add is left alone."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chunked_answers import (
    DONE,
    FINISH,
    ROLE,
    broken_by,
    choice,
    delta,
    is_judged,
    record,
    said,
    stream,
    violations,
    words,
)
from vapi_conformance.dialects.chat.api import API, CHUNK_SCHEMA
from vapi_conformance.dialects.shape import shape_errors
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.bounding import MAX_TOLD
from vapi_conformance.schema import errors

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
AZURE_FILTER = {"prompt_index": 0}
AZURE_FIRST = record(id="", object="", created=0, model="", prompt_filter_results=[AZURE_FILTER])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


class TestShape:
    @pytest.mark.parametrize(
        ("top", "rule"),
        [
            ({"id": 7}, "id-is-non-empty"),
            ({"id": None}, "id-is-non-empty"),
            ({"object": "chat.completion"}, "object-is-chunk"),
            ({"created": "now"}, "created-is-integer-seconds"),
            ({"created": True}, "created-is-integer-seconds"),
            ({"created": 0}, "created-is-integer-seconds"),
            ({"model": ""}, "model-is-named"),
            ({"choices": None}, "choices-is-an-array"),
            ({"choices": {"0": "text"}}, "choices-is-an-array"),
            ({"choices": [None]}, "choices-is-an-array"),
            ({"choices": ["text"]}, "choices-is-an-array"),
            ({"service_tier": 3}, "chunk-matches-the-schema"),
            ({"system_fingerprint": []}, "chunk-matches-the-schema"),
        ],
    )
    def test_each_place_has_one_owner(self, top: dict[str, object], rule: str) -> None:
        chunk = {**delta({"content": "two"}), **top}
        assert {f"chat-stream.{rule}"} == broken_by(stream(ROLE, *words("one"), chunk, FINISH, DONE))

    @pytest.mark.parametrize("key", ["id", "object", "created", "model", "choices"])
    def test_a_missing_key_is_the_fault_of_one_rule(self, key: str) -> None:
        chunk = {name: value for name, value in delta({"content": "two"}).items() if name != key}
        assert 1 == len(broken_by(stream(ROLE, chunk, FINISH, DONE)))

    @pytest.mark.parametrize(
        ("fields", "rule"),
        [
            ({"delta": {"content": "two"}, "finish_reason": None}, "choice-has-index"),
            (choice({"content": "two"}, index="0"), "choice-has-index"),
            ({"index": 0, "finish_reason": None}, "choice-has-delta"),
            (choice("two"), "choice-has-delta"),
            ({"index": 0, "message": {"content": "two"}, "finish_reason": None}, "choice-has-delta"),
            ({"index": 0, "delta": {"content": "two"}}, "finish-reason-key-is-present"),
            (choice({"content": "two"}, ""), "finish-reason-is-known"),
            (choice({"content": 2}), "content-is-a-string"),
            (choice({"content": [{"type": "text", "text": "two"}]}), "content-is-a-string"),
            (choice({"refusal": 1}), "chunk-matches-the-schema"),
            ({**choice({"content": "two"}), "logprobs": []}, "logprobs-are-null-or-object"),
            ({**choice({"content": "two"}), "logprobs": {"content": [7]}}, "logprobs-are-null-or-object"),
        ],
    )
    def test_each_place_in_a_choice_has_one_owner(self, fields: dict[str, object], rule: str) -> None:
        assert {f"chat-stream.{rule}"} == broken_by(stream(ROLE, *words("one"), record(fields), FINISH, DONE))

    @pytest.mark.parametrize(
        "fields", [{"content": None}, {}, {"content": "two", "reasoning": "hm", "channel": "final"}, {"role": None}]
    )
    def test_deltas_that_are_sound(self, fields: dict[str, object]) -> None:
        assert set() == broken_by(stream(ROLE, delta(fields), FINISH, DONE))

    def test_extra_keys_are_welcome(self) -> None:
        extras = {"obfuscation": "x9", "x_groq": {"id": "r"}, "timings": {}, "provider": "p", "p": "abc"}
        assert set() == broken_by(stream(ROLE, delta({"content": "two"}, **extras), FINISH, DONE))

    def test_a_wrong_constant_is_quoted_as_sent(self) -> None:
        (violation,) = violations("chat-stream.object-is-chunk", stream(delta({"role": "assistant"}, object="text")))
        assert "/object: 'text'" == violation.actual

    def test_a_fault_on_every_chunk_is_told_in_a_bounded_way(self) -> None:
        found = violations("chat-stream.id-is-non-empty", stream(*(delta({"content": "a"}, id="") for _ in range(500))))
        assert MAX_TOLD == len(found)
        assert found[-1].actual.endswith(f"and {500 - MAX_TOLD} more")

    @pytest.mark.parametrize("payload", ["<html>", "[1]", "null", "7", '{"id":'])
    def test_what_is_no_object_is_left_to_the_rules_on_payloads(self, payload: str) -> None:
        assert set() == broken_by(stream(ROLE, payload, *words("one"), FINISH, DONE))

    def test_events_of_another_name_without_choices_are_left_to_the_rules_on_framing(self) -> None:
        ping = 'event: ping\ndata: {"type": "ping"}\n\n'
        assert set() == broken_by(stream(ROLE, *words("one"), FINISH, raw_end=f"{ping}data: [DONE]\n\n"))

    def test_an_error_is_not_judged_as_a_chunk(self) -> None:
        error = {"error": {"message": "overloaded"}, "choices": "none", "id": 7}
        assert {"stream.answer-does-not-fail"} == broken_by(stream(ROLE, error))

    def test_a_refused_request_is_not_judged(self) -> None:
        assert set() == broken_by(stream({"choices": None}, status=500))


class TestEmptyChoices:
    @pytest.mark.parametrize(
        "top",
        [
            {"usage": USAGE},
            {"moderation": {"flagged": False}},
            {"prompt_filter_results": [AZURE_FILTER]},
            {"prompt_filter_results": []},
        ],
    )
    def test_may_be_sent_for_something_else(self, top: dict[str, object]) -> None:
        assert set() == broken_by(stream(ROLE, *words("one"), FINISH, record(**top), DONE))

    @pytest.mark.parametrize("top", [{}, {"usage": None}])
    def test_may_not_be_sent_for_nothing(self, top: dict[str, object]) -> None:
        assert {"chat-stream.empty-choices-have-a-reason"} == broken_by(stream(ROLE, record(**top), FINISH, DONE))


class TestConstants:
    @pytest.mark.parametrize(
        ("key", "rule"),
        [
            ("id", "id-is-constant"),
            ("model", "model-is-constant"),
            ("system_fingerprint", "fingerprint-is-constant"),
            ("service_tier", "fingerprint-is-constant"),
        ],
    )
    def test_a_change_is_told_once_with_its_extent(self, key: str, rule: str) -> None:
        chunks = [delta({"content": "a"}, **{key: f"v{min(at, 40)}"}) for at in range(50)]
        (violation,) = violations(f"chat-stream.{rule}", stream(*chunks))
        assert 1 == violation.chunk
        assert f"{key} 'v0' on every chunk, as on the first" == violation.expected
        assert "'v1'; 49 of 50 chunks have another one than the first" == violation.actual

    def test_created_is_one_of_them(self) -> None:
        later = delta({"content": "one"}, created=1785312001)
        assert {"chat-stream.created-is-constant"} == broken_by(stream(ROLE, later, FINISH, DONE))

    def test_a_fingerprint_on_the_last_chunk_only_is_sound(self) -> None:
        assert set() == broken_by(stream(ROLE, *words("one"), delta({}, "stop", system_fingerprint="fp_ollama"), DONE))

    def test_azures_first_chunk_is_a_legal_extension_but_for_its_id(self) -> None:
        broken = broken_by(stream(AZURE_FIRST, ROLE, *words("one"), FINISH, DONE))
        assert {"chat-stream.id-is-non-empty"} == broken

    def test_other_chunks_may_not_be_like_it(self) -> None:
        bare = {key: value for key, value in AZURE_FIRST.items() if key != "prompt_filter_results"}
        rules = ("id-is-non-empty", "object-is-chunk", "created-is-integer-seconds", "model-is-named")
        assert {f"chat-stream.{rule}" for rule in rules} <= broken_by(stream(bare, ROLE, *words("one"), FINISH, DONE))


class TestErrorKey:
    @pytest.mark.parametrize("error", [None, False, "", {}, []])
    def test_is_not_sent_without_an_error(self, error: object) -> None:
        chunk = delta({"content": "one"}, error=error)
        assert {"chat-stream.no-null-error-key"} == broken_by(stream(ROLE, chunk, FINISH, DONE))

    @pytest.mark.parametrize("error", ["overloaded", True, 500, ["overloaded"], {"code": 500}, {"message": ""}])
    def test_holds_an_object_with_a_message(self, error: object) -> None:
        broken = broken_by(stream(ROLE, {"error": error}))
        assert {"chat-stream.error-is-an-object", "stream.answer-does-not-fail"} == broken

    def test_is_judged_where_no_chunk_came_before_it(self) -> None:
        assert {"chat-stream.error-is-an-object"} == broken_by(stream({"error": "overloaded"}))


class TestExplanations:
    def test_chunks_that_differ_in_their_words_share_one(self) -> None:
        chunks = [delta({"content": f"word {at}"}, id="", obfuscation="x" * at) for at in range(3)]
        found = shape_errors(Evidence(exchange=stream(*chunks)).answer_chunks, lambda _: CHUNK_SCHEMA, API.words)
        assert 3 == len(found)
        assert found[0].error is found[2].error

    @settings(max_examples=80, deadline=None)
    @given(fields=st.dictionaries(st.sampled_from(["role", "content", "refusal", "tool_calls", "x"]), JSON_VALUES))
    def test_are_those_of_the_schema(self, fields: dict[str, object]) -> None:
        evidence = Evidence(exchange=stream(delta(fields), delta(fields), DONE))
        expected = [each for chunk in evidence.answer_chunks for each in errors(CHUNK_SCHEMA, chunk.payload.value)]
        assert expected == [each.error for each in evidence.shape_errors]


class TestAnything:
    @settings(max_examples=60, deadline=None)
    @given(payloads=st.lists(JSON_VALUES | st.builds(record, JSON_VALUES) | st.builds(delta, JSON_VALUES), max_size=6))
    def test_never_makes_a_rule_fail(self, payloads: list[object]) -> None:
        broken_by(stream(*payloads, DONE))

    @settings(max_examples=60, deadline=None)
    @given(
        deltas=st.lists(
            st.dictionaries(
                st.sampled_from(["role", "content", "tool_calls", "function_call", "refusal", "reasoning"]),
                JSON_VALUES | st.lists(st.dictionaries(st.sampled_from(["index", "id", "function"]), JSON_VALUES)),
            ),
            max_size=5,
        ),
        finish=JSON_VALUES,
        index=JSON_VALUES,
        request=st.dictionaries(st.sampled_from(["tools", "tool_choice", "functions", "function_call"]), JSON_VALUES),
    )
    def test_in_a_delta_never_makes_a_rule_fail(
        self, deltas: list[object], finish: object, index: object, request: dict[str, object]
    ) -> None:
        chunks = [delta(each, index=index) for each in deltas]
        broken_by(stream(*chunks, delta({}, finish, index=index), {"error": finish}, request=request))

    def test_nested_deeply_does_not_make_a_rule_fail(self) -> None:
        deep = "[" * 900 + "]" * 900
        payloads = [f'{{"choices": [{{"delta": {{"role": {deep}}}, "finish_reason": {deep}}}], "error": {deep}}}']
        payloads += [f'{{"choices": {deep}}}', f'{{"choices": [{deep}], "id": {deep}}}']
        broken_by(stream(*payloads, DONE))

    def test_is_judged_in_linear_time(self) -> None:
        def cpu_s(count: int) -> float:
            exchange = stream(*(delta({"content": "a", "role": "assistant"}, "eos", id="") for _ in range(count)), DONE)
            start = time.process_time()
            broken_by(exchange)
            return time.process_time() - start

        small = min(cpu_s(500) for _ in range(3))
        assert cpu_s(4000) < 30 * small  # eight times as long, where the work is linear; 64 times, if not


def test_a_sound_stream_is_judged_by_every_rule_on_chunks() -> None:
    rules = ["object-is-chunk", "id-is-constant", "choices-is-an-array", "no-null-error-key", "error-is-an-object"]
    assert [] == [rule for rule in rules if not is_judged(f"chat-stream.{rule}", said("We open at seven."))]
    assert set() == broken_by(said("We open ", "at seven."))
