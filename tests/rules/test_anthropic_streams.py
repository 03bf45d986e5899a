"""Rules on Messages before what clones and gateways send, before legal streams of every kind, and before anything."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.dialects.anthropic.order import Signal
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Read
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST, SHOULD, Level, Profile
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome, RuleResult, judge

JsonObject = Mapping[str, object]
USAGE = {"input_tokens": 10, "output_tokens": 1}
OWN = [rule for rule in all_rules().values() if rule.id.startswith(("anthropic", "stream."))]


def start(**fields: object) -> JsonObject:
    message: JsonObject = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": USAGE,
        **fields,
    }
    return {"type": "message_start", "message": message}


def block(index: object, kind: str = "text", **fields: object) -> JsonObject:
    content: JsonObject = {"type": kind, **({"text": ""} if kind == "text" else {}), **fields}
    return {"type": "content_block_start", "index": index, "content_block": content}


def call(index: object, name: str = "f") -> JsonObject:
    return block(index, "tool_use", id=f"toolu_{index}", name=name, input={})


def text(words: str, index: object = 0) -> JsonObject:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": words}}


def piece(words: str, index: object = 0) -> JsonObject:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": words}}


def stop(index: object = 0) -> JsonObject:
    return {"type": "content_block_stop", "index": index}


def ending(reason: object = "end_turn", output: int = 5) -> JsonObject:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": output},
    }


STOPPED: JsonObject = {"type": "message_stop"}
SPOKEN = (block(0), text("Hello"), text(" there."), stop(0))


def exchange(body: bytes, name: str = "anthropic-text-stream") -> Exchange:
    return replace(base(name)[0], reads=(Read(at_ns=1, data=body),))


def event(payload: JsonObject) -> str:
    return f"event: {payload['type']}\ndata: {json.dumps(payload)}\n\n"


def streamed(payloads: Iterable[JsonObject]) -> Exchange:
    return exchange("".join(map(event, payloads)).encode())


def judged(sent: Exchange) -> list[RuleResult]:
    evidence = [Evidence(exchange=sent, dialect=Dialect.ANTHROPIC_MESSAGES)]
    results = judge(OWN, evidence, profile=Profile.STANDARD, dialect=Dialect.ANTHROPIC_MESSAGES)
    assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
    return results


def broken(sent: Exchange, level: Level = SHOULD) -> set[str]:
    """Rules broken at this level and above."""
    return {each.rule.id for each in judged(sent) if each.outcome is Outcome.VIOLATED and each.level >= level}


class TestLegalStreams:
    @pytest.mark.parametrize(
        "payloads",
        [
            (start(), *SPOKEN, ending(), STOPPED),
            (start(), ending(), STOPPED),
            (start(), *SPOKEN, ending(None), ending("end_turn"), STOPPED),
            (start(), block(0), text("No."), stop(0), ending("refusal"), STOPPED),
            (start(), {"type": "something_new", "x": 1}, *SPOKEN, ending(), STOPPED),
            (
                start(),
                block(0, "something_new", x=1),
                {**text("a"), "delta": {"type": "new_delta"}},
                stop(0),
                ending(),
                STOPPED,
            ),
            (start(), *SPOKEN, call(1), piece("", 1), stop(1), ending("tool_use"), STOPPED),
            (start(), call(0), piece('{"a": 1'), stop(0), ending("max_tokens"), STOPPED),
            (start(), call(0), piece("{}"), stop(0), call(1), piece("{}", 1), stop(1), ending("tool_use"), STOPPED),
            (
                start(),
                block(0, "server_tool_use", id="s", name="web_search", input={}),
                stop(0),
                ending("pause_turn"),
                STOPPED,
            ),
            (
                start(),
                block(0, "redacted_thinking", data="eA=="),
                stop(0),
                block(1),
                text("Hi", 1),
                stop(1),
                ending(),
                STOPPED,
            ),
            (
                start(),
                block(0, "thinking", thinking=""),
                {**text("a"), "delta": {"type": "thinking_delta", "thinking": "Hm"}},
                {**text("a"), "delta": {"type": "signature_delta", "signature": "eA=="}},
                stop(0),
                block(1),
                text("Hi", 1),
                stop(1),
                ending(),
                STOPPED,
            ),
            (
                start(),
                block(0, "compaction", content=None),
                stop(0),
                block(1),
                text("Hi", 1),
                stop(1),
                ending(),
                STOPPED,
            ),
            (
                start(usage={**USAGE, "cache_read_input_tokens": None, "service_tier": "priority"}),
                *SPOKEN,
                ending(),
                STOPPED,
            ),
            (start(container={"id": "c"}, x_unknown=1), *SPOKEN, ending(), STOPPED),
        ],
    )
    def test_break_nothing(self, payloads: tuple[JsonObject, ...]) -> None:
        assert set() == broken(streamed(payloads))


class TestClones:
    @pytest.mark.parametrize("fields", [{}, {"signature": ""}])
    def test_a_thought_that_is_never_signed_is_told(self, fields: dict[str, object]) -> None:
        unsigned = (block(0, "thinking", thinking="", **fields), stop(0), block(1), text("Hi", 1), stop(1))
        assert {"anthropic.thinking-is-signed"} == broken(streamed((start(), *unsigned, ending(), STOPPED)))

    def test_blocks_that_are_all_closed_at_the_end_overlap(self) -> None:
        """llama.cpp does so."""
        payloads = (
            start(),
            block(0),
            text("a"),
            call(1),
            piece("{}", 1),
            stop(0),
            stop(1),
            ending("tool_use"),
            STOPPED,
        )
        assert {"anthropic-stream.blocks-do-not-overlap"} == broken(streamed(payloads))

    def test_a_block_of_index_minus_one_has_no_index(self) -> None:
        """A gateway's bridge did so."""
        payloads = (start(), block(-1), text("a", -1), stop(-1), ending(), STOPPED)
        assert {"anthropic-stream.index-is-an-integer"} == broken(streamed(payloads))

    def test_without_event_lines_nothing_is_heard_by_official_clients(self) -> None:
        body = "".join(f"data: {json.dumps(each)}\n\n" for each in (start(), *SPOKEN, ending(), STOPPED))
        assert {"anthropic-stream.event-name-equals-type"} == broken(exchange(body.encode()))

    def test_a_stream_of_chat_completions_is_told_in_few_words(self) -> None:
        chunk = {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
        body = f"data: {json.dumps(chunk)}\n\n" * 3 + "data: [DONE]\n\n"
        expected = {
            "anthropic-stream.begins-with-message-start",
            "anthropic-stream.events-have-a-type",
            "anthropic-stream.no-done-marker",
        }
        assert expected == broken(exchange(body.encode()))

    def test_a_document_of_chat_completions_is_told_in_one(self) -> None:
        document = {"object": "chat.completion", "choices": [{"index": 0, "message": {"content": "Hi"}}]}
        sent = exchange(json.dumps(document).encode(), "anthropic-text-json")
        assert {"anthropic.type-is-message"} == broken(sent)

    def test_a_stop_reason_of_chat_completions_is_not_taken_for_another_fault(self) -> None:
        payloads = (start(), call(0), piece("{}"), stop(0), ending("tool_calls"), STOPPED)
        assert {"anthropic.stop-reason-is-known"} == broken(streamed(payloads))

    def test_counts_of_the_last_piece_only_fall(self) -> None:
        payloads = (start(usage={**USAGE, "output_tokens": 9}), *SPOKEN, ending(output=2), STOPPED)
        assert {"anthropic-stream.output-count-never-falls"} == broken(streamed(payloads))

    def test_an_unsigned_thought_on_a_stream(self) -> None:
        thought = block(0, "thinking", thinking="", signature="")
        payloads = (start(), thought, stop(0), block(1), text("Hi", 1), stop(1), ending(), STOPPED)
        assert {"anthropic.thinking-is-signed"} == broken(streamed(payloads))

    def test_a_stream_that_just_ends_lacks_both_ends(self) -> None:
        expected = {"anthropic-stream.message-delta-is-sent", "anthropic-stream.ends-with-message-stop"}
        assert expected == broken(streamed((start(), *SPOKEN)))

    def test_what_an_error_swallowed_is_no_second_fault(self) -> None:
        error: JsonObject = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        assert {"stream.answer-does-not-fail"} == broken(streamed((start(), block(0), text("a"), error)))

    def test_a_bare_error_of_another_api_is_incomplete(self) -> None:
        body = event(start()) + 'data: {"error": {"message": "x", "type": "server_error"}}\n\n'
        expected = {"anthropic-stream.error-is-complete", "stream.answer-does-not-fail"}
        assert expected == broken(exchange(body.encode()))


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "kind", "expected"),
        [
            (404, "not_found_error", set[str]()),
            (529, "overloaded_error", set[str]()),
            (422, "invalid_request_error", set[str]()),
            (429, "overloaded_error", {"anthropic.error-type-fits-the-status"}),
            (500, "", {"anthropic.error-has-a-type"}),
        ],
    )
    def test_the_type_of_an_error_belongs_to_its_status(self, status: int, kind: str, expected: set[str]) -> None:
        body = {"type": "error", "error": {"type": kind, "message": "no"}, "request_id": "req_1"}
        sent = exchange(json.dumps(body).encode(), "anthropic-error-json")
        assert sent.response is not None
        assert expected == broken(replace(sent, response=replace(sent.response, status=status)))

    @pytest.mark.parametrize("body", [b"[]", b'"no"', b"null", b'{"type": "error"}', b'{"type": "error", "error": []}'])
    def test_what_has_no_error_object_breaks_one_rule(self, body: bytes) -> None:
        assert {"anthropic.error-is-an-object"} == broken(exchange(body, "anthropic-error-json"))

    def test_html_is_a_matter_of_every_api(self) -> None:
        assert set() == broken(exchange(b"<html>", "anthropic-error-json"))


class TestHostileBytes:
    VALUES = st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.sampled_from(["", "a", "text", "tool_use", *Signal]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "index", "delta", "content", "text", "input", "id", "usage", "tool_use_id"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    )

    @given(values=st.lists(VALUES, max_size=3), signals=st.lists(st.sampled_from(Signal), max_size=6))
    def test_no_rule_fails_on_events_of_any_shape(self, values: list[object], signals: list[Signal]) -> None:
        fields = dict(zip(("index", "delta", "content_block", "message", "usage"), [*values, *values], strict=False))
        judged(streamed({**fields, "type": str(signal)} for signal in signals))

    @given(value=VALUES, name=st.sampled_from(["anthropic-text-json", "anthropic-error-json"]))
    def test_no_rule_fails_on_documents_of_any_shape(self, value: object, name: str) -> None:
        documents: tuple[object, ...] = (value, {"type": "message", "content": value, "usage": value}, {"error": value})
        for document in documents:
            judged(exchange(json.dumps(document).encode(), name))

    @pytest.mark.parametrize("digits", [17, 4300, 5000])
    def test_counts_beyond_all_measure_are_no_counts(self, digits: int) -> None:
        huge = "9" * digits
        usage = f'{{"input_tokens":{huge},"output_tokens":{huge},"cache_creation_input_tokens":{huge}}}'
        body = f'{{"type":"message","content":[],"usage":{usage[:-1]},"cache_creation":{{"a":{huge},"b":{huge}}}}}}}'
        assert "anthropic.role-is-assistant" in broken(exchange(body.encode(), "anthropic-text-json"), MUST)

    def test_a_fault_on_every_event_is_told_a_few_times(self) -> None:
        body = "".join(f"data: {json.dumps(text('a'))}\n\n" for _ in range(3000))
        results = [each for each in judged(exchange(body.encode())) if each.outcome is Outcome.VIOLATED]
        assert results
        assert max(len(each.findings) for each in results) <= 20
