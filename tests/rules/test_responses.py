"""Rules on Responses where their specimens do not look: what passes, one fault told once, and hostile answers."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from responses_answers import (
    BEGIN,
    CALL,
    MESSAGE,
    JsonObject,
    added,
    arguments,
    event,
    framed,
    item_done,
    lifecycle,
    message,
    of_part,
    said,
)
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.responses.order import EVENT_TYPES
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Read
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome, judge_rule

OWN = [rule for rule in all_rules().values() if rule.id.startswith("responses")]
END = lifecycle("completed")
NOTHING: list[object] = []
HELLO: JsonObject = {"type": "output_text", "text": "Hello", "annotations": NOTHING, "logprobs": NOTHING}


def streamed(*payloads: object) -> Exchange:
    """The sound stream with other events, without event lines."""
    (sound,) = base("responses-plain-stream")
    return replace(sound, reads=(Read(at_ns=1_000_000, data=b"".join(map(framed, payloads))),))


def whole(changes: Mapping[str, object]) -> Exchange:
    """The sound document with other values."""
    (sound,) = base("responses-text-json")
    document = {**object_or_nothing(json.loads(sound.body)), **changes}
    return replace(sound, reads=(Read(at_ns=1_000_000, data=json.dumps(document).encode()),))


def asking(exchange: Exchange, **changes: object) -> Exchange:
    """The exchange as an answer to another request."""
    body = {**object_or_nothing(json.loads(exchange.request.body or b"{}")), **changes}
    return replace(exchange, request=replace(exchange.request, body=json.dumps(body).encode()))


def outcome(rule_id: str, exchange: Exchange) -> Outcome:
    evidence = Evidence(exchange=exchange, dialect=Dialect.OPENAI_RESPONSES)
    return judge_rule(all_rules()[rule_id], MUST, [evidence]).outcome


def told(rule_id: str, exchange: Exchange) -> list[str]:
    """What was found instead of what was expected."""
    evidence = Evidence(exchange=exchange, dialect=Dialect.OPENAI_RESPONSES)
    return [each.violation.actual for each in judge_rule(all_rules()[rule_id], MUST, [evidence]).findings]


def order(exchange: Exchange) -> set[str]:
    """Rules on the order of a stream, on calls and on failures that are broken: those that share the tables."""
    evidence = Evidence(exchange=exchange, dialect=Dialect.OPENAI_RESPONSES)
    broken = {rule.id for rule in OWN if judge_rule(rule, MUST, [evidence]).outcome is Outcome.VIOLATED}
    shapes = ("responses.", "responses-stream.event-line-equals-type", "responses-tools.arguments-done-has-name")
    return {each for each in broken if not each.startswith(shapes)}


class TestStreamsThatPass:
    def test_may_interleave_items(self) -> None:
        other: JsonObject = {**CALL, "id": "fc_2", "call_id": "call_2"}
        second = [{**each, "item_id": "fc_2"} for each in arguments("{}", at=1)]
        body = [added(CALL), added(other, 1), *second, *arguments("{}"), item_done(other, 1, arguments="{}")]
        final = lifecycle("completed", {**CALL, "arguments": "{}"}, {**other, "arguments": "{}"})
        assert set() == order(streamed(*BEGIN, *body, item_done(CALL, arguments="{}"), final))

    def test_may_have_a_part_without_deltas(self) -> None:
        done = {**MESSAGE, "content": [HELLO]}
        parts = said(done="Hello")
        final = lifecycle("completed", {**done, "status": "completed"})
        assert set() == order(streamed(*BEGIN, added(MESSAGE), *parts, item_done(done), final))

    def test_may_be_queued_in_the_background(self) -> None:
        begin = [lifecycle("created", status="queued"), lifecycle("queued"), lifecycle("in_progress")]
        assert not {each for each in order(streamed(*begin, END)) if "begun" in each or "lifecycle-is" in each}

    def test_may_keep_the_line_alive(self) -> None:
        alive = {"type": "keepalive"}
        assert Outcome.PASSED is outcome("responses-stream.event-type-is-known", streamed(*BEGIN, alive, END))

    def test_may_nest_their_error(self) -> None:
        nested = event("error", error={"type": "t", "code": None, "message": "Sorry", "param": None})
        stream = streamed(*BEGIN, nested, lifecycle("failed"))
        assert Outcome.PASSED is outcome("responses-stream.error-event-is-well-formed", stream)

    def test_may_fail_with_open_items(self) -> None:
        body = [
            added(MESSAGE),
            of_part("content_part.added", part={"type": "output_text"}),
            event("error", message="x"),
        ]
        assert set() == order(streamed(*BEGIN, *body, lifecycle("failed")))

    def test_without_numbers_are_not_judged_by_them(self) -> None:
        for name in ("every-event-is-numbered", "sequence-numbers-rise", "sequence-numbers-are-contiguous"):
            assert Outcome.NOT_APPLICABLE is outcome(f"responses-stream.{name}", streamed(*BEGIN, END))


class TestOneFaultIsToldOnce:
    def test_a_lost_delta_is_a_text_that_differs(self) -> None:
        parts = said("Hel", "lo", done="Hello")
        done = {**MESSAGE, "content": [HELLO]}
        final = lifecycle("completed", {**done, "status": "completed"})
        lossy = [each for each in parts if each.get("delta") != "lo"]
        broken = order(streamed(*BEGIN, added(MESSAGE), *lossy, item_done(done), final))
        assert {"responses-stream.text-done-equals-deltas"} == broken

    def test_a_missing_created_is_not_every_event_out_of_order(self) -> None:
        stream = streamed(BEGIN[1], *message("Hello"), END)
        assert ["'response.in_progress'"] == told("responses-stream.begins-with-created", stream)

    def test_a_missing_item_is_not_each_of_its_events(self) -> None:
        stream = streamed(*BEGIN, *message("Hel", "lo")[1:], END)
        assert 1 == len(told("responses-stream.item-is-added-first", stream))

    def test_a_late_event_is_not_also_out_of_its_item(self) -> None:
        stream = streamed(*BEGIN, END, said("Hello")[1])
        assert {"responses-stream.nothing-follows-the-terminal-event"} == order(stream)

    def test_where_a_payload_is_lost_order_is_not_judged(self) -> None:
        stream = streamed(BEGIN[0], '{"type": "response.in_prog', *message("Hello")[1:], END)
        assert Outcome.NOT_APPLICABLE is outcome("responses-stream.item-is-added-first", stream)


class TestStatus:
    @pytest.mark.parametrize("status", ["queued", "in_progress"])
    def test_of_a_response_in_the_background_may_be_unfinished(self, status: str) -> None:
        later = whole({"status": status, "background": True})
        assert Outcome.NOT_APPLICABLE is outcome("responses.answer-is-finished", later)

    @pytest.mark.parametrize("value", ["", "x", False, [], {}, {"code": "server_error", "message": "Sorry"}])
    @pytest.mark.parametrize(
        ("rule_id", "key"),
        [
            ("responses.error-is-null-unless-failed", "error"),
            ("responses.details-are-null-unless-incomplete", "incomplete_details"),
        ],
    )
    def test_completed_goes_with_neither_error_nor_details_of_any_form(
        self, rule_id: str, key: str, value: object
    ) -> None:
        assert Outcome.VIOLATED is outcome(rule_id, whole({key: value}))

    def test_of_an_item_that_was_cut_fits_a_response_that_was(self) -> None:
        (cut,) = base("responses-incomplete-json")
        assert Outcome.PASSED is outcome("responses.finished-items-are-finished", cut)

    def test_may_be_completed_at_the_last_token_with_a_whole_sentence(self) -> None:
        exact = asking(whole({}), max_output_tokens=15)
        assert Outcome.PASSED is outcome("responses.limit-reached-is-incomplete", exact)


class TestEcho:
    @pytest.mark.parametrize(
        ("asked", "answered", "expected"),
        [
            ("gpt-4o", "gpt-4o-2024-08-06", Outcome.PASSED),
            ("openai/gpt-4o", "gpt-4o", Outcome.PASSED),
            ("gpt-5-chat-latest", "gpt-5-chat-2025", Outcome.PASSED),
            ("gpt-4o", "gpt-3.5-turbo", Outcome.VIOLATED),
        ],
    )
    def test_of_the_model_may_be_more_exact(self, asked: str, answered: str, expected: Outcome) -> None:
        exchange = asking(whole({"model": answered}), model=asked)
        assert expected is outcome("responses.model-is-the-one-asked", exchange)

    def test_of_tools_may_be_sorted_anew(self) -> None:
        tools = [{"type": "function", "name": "b"}, {"type": "function", "name": "a"}]
        exchange = asking(whole({"tools": tools[::-1]}), tools=tools)
        assert Outcome.PASSED is outcome("responses.tools-are-echoed", exchange)

    def test_of_metadata_may_hold_more(self) -> None:
        exchange = asking(whole({"metadata": {"a": "1", "b": "2"}}), metadata={"a": "1"})
        assert Outcome.PASSED is outcome("responses.metadata-is-echoed", exchange)

    def test_of_what_was_not_asked_is_not_judged(self) -> None:
        exchange = asking(whole({"temperature": 1.0}), temperature=None, top_p=None)
        assert Outcome.NOT_APPLICABLE is outcome("responses.sampling-is-echoed", exchange)


class TestUsage:
    def test_of_a_response_in_progress_is_not_due(self) -> None:
        later = whole({"status": "in_progress", "usage": None})
        assert Outcome.NOT_APPLICABLE is outcome("responses.usage-is-reported", later)

    @pytest.mark.parametrize("usage", [7, [], "many", {"input_tokens": -1}, {"input_tokens": 1.5}])
    def test_of_another_form_is_told_as_that(self, usage: object) -> None:
        assert Outcome.VIOLATED is outcome("responses.usage-counts-are-integers", whole({"usage": usage}))


class TestCreatedAt:
    @pytest.mark.parametrize("created_at", [1_785_312_000, 1_785_312_000.25])
    def test_may_have_a_fraction(self, created_at: float) -> None:
        exchange = whole({"created_at": created_at, "completed_at": created_at})
        for name in ("created-at-is-a-number", "created-at-is-in-seconds", "completed-at-follows-created-at"):
            assert Outcome.PASSED is outcome(f"responses.{name}", exchange)


KEYS = st.sampled_from(
    (
        *("type", "id", "item_id", "output_index", "content_index", "summary_index", "sequence_number", "name"),
        *("item", "part", "response", "output", "content", "summary", "usage", "error", "call_id", "annotation_index"),
        *("status", "delta", "text", "arguments", "model", "created_at", "completed_at", "incomplete_details", "tools"),
    )
)
WORDS = st.sampled_from(
    (*sorted(EVENT_TYPES), "message", "function_call", "reasoning", "web_search_call", "output_text", "completed", "")
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=8),
    max_leaves=20,
)


def typed(kind: str, fields: dict[str, object]) -> JsonObject:
    return {**fields, "type": kind}


EVENTS = st.lists(st.builds(typed, WORDS, st.dictionaries(KEYS, VALUES, max_size=8)), max_size=10)


def every_outcome(exchange: Exchange) -> set[Outcome]:
    evidence = Evidence(exchange=exchange, dialect=Dialect.OPENAI_RESPONSES)
    return {
        judge_rule(rule, MUST, [evidence]).outcome
        for rule in all_rules().values()
        if Dialect.OPENAI_RESPONSES in rule.dialects
    }


class TestHostileAnswers:
    @settings(max_examples=60)
    @given(EVENTS)
    def test_of_any_events_are_judged(self, payloads: list[object]) -> None:
        assert Outcome.HARNESS_ERROR not in every_outcome(streamed(*BEGIN, *payloads, END))

    @settings(max_examples=60)
    @given(st.dictionaries(KEYS, VALUES, max_size=8))
    def test_of_any_document_are_judged(self, changes: dict[str, object]) -> None:
        assert Outcome.HARNESS_ERROR not in every_outcome(whole(changes))

    @settings(max_examples=60)
    @given(st.dictionaries(KEYS, VALUES, max_size=6), VALUES)
    def test_to_any_request_are_judged(self, asked: dict[str, object], tools: object) -> None:
        assert Outcome.HARNESS_ERROR not in every_outcome(asking(whole({}), **{**asked, "tools": tools}))

    def test_of_many_items_are_judged(self) -> None:
        """Work that grew with the square of the items would not end."""
        items = [each for at in range(4000) for each in message("a", at=at)]
        output = ({**MESSAGE, "id": f"msg_{at}"} for at in range(4000))
        assert Outcome.HARNESS_ERROR not in every_outcome(streamed(*BEGIN, *items, lifecycle("completed", *output)))
