"""Responses: bytes to a typed reply, event by event, and no bytes that it fails on."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responses_answers import (
    BEGIN,
    CALL,
    MESSAGE,
    JsonObject,
    added,
    answers,
    arguments,
    event,
    framed,
    item_done,
    lifecycle,
    message,
    of_part,
    reads,
    said,
    streamed,
    whole,
)
from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.responses.answer import read_answer
from vapi_conformance.dialects.responses.order import EVENT_TYPES
from vapi_conformance.dialects.transcript import Role, TextDelta
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_nothing

TEXT: JsonObject = {"type": "output_text", "text": "Hello", "annotations": []}
END = lifecycle("completed")


class TestText:
    def test_deltas_are_joined_with_their_chunks_and_times(self) -> None:
        reply = streamed(*BEGIN, *message("Hel", "lo"), END)
        assert "Hello" == reply.text
        assert (
            TextDelta(chunk=4, text="Hel", at_ns=5_000_000),
            TextDelta(chunk=5, text="lo", at_ns=6_000_000),
        ) == reply.choices[0].content

    def test_of_a_part_without_deltas_is_what_done_says(self) -> None:
        sound = [added(MESSAGE), of_part("content_part.added", part={}), of_part("output_text.done", text="Hello")]
        assert "Hello" == streamed(*BEGIN, *sound, END).text

    def test_of_several_messages_comes_in_wire_order(self) -> None:
        assert "One two" == streamed(*BEGIN, *message("One ", at=0), *message("two", at=1), END).text

    def test_is_not_a_refusal(self) -> None:
        refused = [
            added(MESSAGE),
            of_part("content_part.added", part={"type": "refusal"}),
            of_part("refusal.delta", delta="No."),
            of_part("refusal.done", refusal="No."),
        ]
        choice = streamed(*BEGIN, *refused, END).choices[0]
        assert ("", ["No."]) == (choice.text, [each.text for each in choice.refusal])

    @pytest.mark.parametrize("kind", ["reasoning_text", "reasoning_summary_text"])
    def test_is_not_reasoning(self, kind: str) -> None:
        item: JsonObject = {"type": "reasoning", "id": "rs_1", "summary": []}
        thought = event(f"{kind}.delta", output_index=0, item_id="rs_1", summary_index=0, delta="Hm")
        choice = streamed(*BEGIN, added(item), thought, END).choices[0]
        assert ("", ["Hm"]) == (choice.text, [each.text for each in choice.reasoning])

    def test_of_a_document_is_that_of_its_messages(self) -> None:
        output = [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]},
            {**MESSAGE, "content": [TEXT]},
        ]
        choice = whole({"object": "response", "status": "completed", "output": output}).choices[0]
        assert ("Hello", ["Hm"]) == (choice.text, [each.text for each in choice.reasoning])
        assert (Role(chunk=0, value="assistant"),) == choice.roles

    def test_of_a_document_may_be_a_refusal(self) -> None:
        output = [{**MESSAGE, "content": [{"type": "refusal", "refusal": "No."}]}]
        choice = whole({"object": "response", "status": "completed", "output": output}).choices[0]
        assert ("", ["No."]) == (choice.text, [each.text for each in choice.refusal])


class TestCalls:
    def test_are_known_by_call_id(self) -> None:
        (call,) = (
            streamed(*BEGIN, added(CALL), *arguments('{"city":', '"Rome"}'), item_done(CALL), END).choices[0].tool_calls
        )
        assert ("call_1", "get_weather", '{"city":"Rome"}') == (call.id, call.name, call.arguments)
        assert [2, 3, 4] == [piece.chunk for piece in call.fragments]

    def test_without_deltas_have_the_arguments_that_done_says(self) -> None:
        done = event("function_call_arguments.done", output_index=0, arguments="{}")
        (call,) = streamed(*BEGIN, added(CALL), done, END).choices[0].tool_calls
        assert ("{}", [2, 3]) == (call.arguments, [piece.chunk for piece in call.fragments])

    def test_without_events_of_their_own_have_the_arguments_of_the_item(self) -> None:
        (call,) = streamed(*BEGIN, added(CALL), item_done(CALL, arguments="{}"), END).choices[0].tool_calls
        assert ("{}", [2, 3]) == (call.arguments, [piece.chunk for piece in call.fragments])

    def test_are_kept_where_no_item_was_added(self) -> None:
        (call,) = streamed(*BEGIN, *arguments("{}"), END).choices[0].tool_calls
        assert (None, None, "{}") == (call.id, call.name, call.arguments)

    def test_in_parallel_are_told_apart_by_index(self) -> None:
        other = {**CALL, "id": "fc_2", "call_id": "call_2"}
        mixed = [added(CALL), added(other, 1), *arguments("{}", at=1), *arguments('{"a":1}', at=0)]
        calls = streamed(*BEGIN, *mixed, END).choices[0].tool_calls
        assert [("call_1", '{"a":1}', 0), ("call_2", "{}", 1)] == [
            (each.id, each.arguments, each.index) for each in calls
        ]

    def test_of_custom_tools_have_their_input(self) -> None:
        item: JsonObject = {
            "type": "custom_tool_call",
            "id": "ctc_1",
            "call_id": "call_1",
            "name": "calc",
            "input": "4 + 4",
        }
        (call,) = whole({"object": "response", "output": [item]}).choices[0].tool_calls
        assert ("call_1", "calc", "4 + 4") == (call.id, call.name, call.arguments)

    def test_that_the_service_makes_itself_are_none(self) -> None:
        item: JsonObject = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
        assert () == whole({"object": "response", "output": [item]}).choices[0].tool_calls


class TestFinish:
    @pytest.mark.parametrize(
        ("terminal", "meaning"),
        [
            (lifecycle("completed"), "stop"),
            (lifecycle("incomplete", incomplete_details={"reason": "max_output_tokens"}), "length"),
            (lifecycle("incomplete", incomplete_details={"reason": "content_filter"}), "content_filter"),
            (lifecycle("failed", error={"code": "server_error", "message": "Sorry"}), "failed"),
        ],
    )
    def test_means_what_the_terminal_event_says(self, terminal: object, meaning: str) -> None:
        choice = streamed(*BEGIN, *message("Hello"), terminal).choices[0]
        assert (meaning, object_or_nothing(terminal)["type"]) == (
            choice.finish_meaning,
            f"response.{choice.finish_reason}",
        )

    def test_with_calls_is_for_the_calls(self) -> None:
        choice = streamed(*BEGIN, added(CALL), *arguments("{}"), item_done(CALL), END).choices[0]
        assert ("completed", "tool_calls") == (choice.finish_reason, choice.finish_meaning)

    @pytest.mark.parametrize(
        ("status", "meaning"),
        [("completed", "stop"), ("cancelled", "failed"), ("queued", None), ("done", None), (7, None)],
    )
    def test_of_a_document_is_its_status(self, status: object, meaning: str | None) -> None:
        choice = whole({"object": "response", "status": status, "output": []}).choices[0]
        assert (status, meaning) == (choice.finish_reason, choice.finish_meaning)

    def test_is_absent_where_no_terminal_event_came(self) -> None:
        assert () == streamed(*BEGIN, *message("Hello")).choices[0].finishes


class TestUsage:
    def test_is_read_where_it_is_an_object(self) -> None:
        counts = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
        (report,) = streamed(*BEGIN, *message("Hello"), lifecycle("completed", usage=counts)).usages
        assert (3, 4, 7, counts) == (report.input_tokens, report.output_tokens, report.total_tokens, report.counts)
        assert report.chunk == 8


class TestErrors:
    @pytest.mark.parametrize(
        "payload",
        [
            event("error", error={"message": "Sorry"}),
            event("error", code="server_error", message="Sorry", param=None),
            lifecycle("failed"),
            {"error": {"message": "Sorry"}},
        ],
    )
    def test_are_told_in_every_form(self, payload: object) -> None:
        assert (2,) == streamed(*BEGIN, payload).errors

    def test_are_not_empty_keys(self) -> None:
        assert () == streamed({**BEGIN[0], "error": None}).errors

    def test_of_a_document_are_not_a_failed_response(self) -> None:
        assert (0,) == whole({"error": {"message": "Sorry"}}).errors
        assert () == whole({"object": "response", "error": {"message": "Sorry"}, "output": []}).errors


class TestAnswer:
    def test_does_not_depend_on_an_event_line_beside_the_type(self) -> None:
        payloads = [*BEGIN, *message("Hello"), END]
        named = [f"event: {each['type']}\n".encode() + framed(each) for each in payloads]
        reply = read_answer(reads(*named), media_type="").transcript
        assert ("Hello", "stop", ()) == (reply.text, reply.choices[0].finish_meaning, reply.out_of_order)

    def test_takes_the_event_line_where_the_type_is_missing(self) -> None:
        delta = {key: value for key, value in said("Hello")[1].items() if key != "type"}
        body = [*map(framed, [*BEGIN, added(MESSAGE), said("")[0]])]
        body.append(b"event: response.output_text.delta\n" + framed(delta))
        assert "Hello" == read_answer(reads(*body), media_type="").transcript.text

    @pytest.mark.parametrize("document", [{}, [], 7, None, {"output": None}, {"output": {}}, {"error": "no"}])
    def test_of_another_form_says_nothing(self, document: object) -> None:
        assert "" == whole(document).text

    def test_without_events_has_no_choice(self) -> None:
        assert () == streamed().choices


WORDS = st.sampled_from(
    [*EVENT_TYPES, "message", "function_call", "reasoning", "output_text", "completed", "response", "", "?", "[DONE]"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS
KEYS = st.sampled_from(
    (
        *("type", "id", "item_id", "output_index", "content_index", "summary_index", "sequence_number", "name"),
        *("item", "part", "response", "output", "content", "summary", "usage", "error"),
        *("status", "delta", "text", "arguments"),
    )
)
VALUES = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=4) | st.dictionaries(KEYS, below, max_size=6), max_leaves=12
)


def typed(kind: object, rest: dict[str, object]) -> JsonObject:
    return {**rest, "type": kind}


EVENTS = st.builds(typed, WORDS | SCALARS, st.dictionaries(KEYS, VALUES, max_size=8))


class TestHostileAnswers:
    @given(st.lists(EVENTS | VALUES, max_size=12))
    def test_streams_are_read(self, payloads: list[object]) -> None:
        reply = streamed(*payloads)
        assert len(reply.chunks) + len(reply.markers) == len(payloads)
        assert all(each.chunk < len(reply.chunks) for each in reply.out_of_order)

    @given(VALUES | st.dictionaries(KEYS, VALUES, max_size=10))
    def test_documents_are_read(self, document: object) -> None:
        assert len(whole(document).choices) <= 1

    @pytest.mark.parametrize("kind", [[], {}, [["function_call"]]])
    def test_an_item_whose_type_is_no_text_is_no_call(self, kind: object) -> None:
        [choice] = whole({"output": [{"type": kind}]}).choices
        assert () == choice.tool_calls

    @given(st.binary(max_size=400))
    def test_bytes_are_read(self, body: bytes) -> None:
        read_answer(reads(b"data: " + body), media_type="text/event-stream")

    @given(st.sets(st.integers(1, 600), max_size=6))
    def test_cuts_change_nothing(self, cuts: set[int]) -> None:
        body = b"".join(map(framed, [*BEGIN, *message("Hel", "lo ö"), END]))
        edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
        pieces = [body[begin:end] for begin, end in pairwise(edges)]
        cut = read_answer(reads(*pieces), media_type="").transcript
        assert ("Hello ö", ()) == (cut.text, cut.out_of_order)

    def test_many_items_are_read(self) -> None:
        payloads = [*BEGIN, *(added({"type": "message"}, at) for at in range(20_000)), END]
        assert 1 == len(streamed(*payloads).choices)


FIRST_PARTY = "openai_responses__openai__"


@needs_shared
class TestRecordings:
    @pytest.mark.parametrize("recording", wire_recordings("openai_responses__"), ids=lambda each: each.name)
    def test_are_in_order_and_end(self, recording: Recording) -> None:
        for exchange in answers(recording):
            reply = Evidence(exchange=exchange, dialect=Dialect.OPENAI_RESPONSES).transcript
            assert () == reply.out_of_order
            if exchange.response is not None and exchange.response.status == 200:
                assert reply.choices[0].finish_meaning is not None

    @pytest.mark.parametrize("recording", wire_recordings("openai_responses__"), ids=lambda each: each.name)
    def test_say_what_their_last_word_holds(self, recording: Recording) -> None:
        """A stream and the response that its terminal event carries tell the same."""
        for exchange in answers(recording):
            reply = Evidence(exchange=exchange, dialect=Dialect.OPENAI_RESPONSES).transcript
            if reply.kind != "stream":
                continue
            record = object_or_nothing(reply.chunks[-1].record)
            last = whole(json.loads(json.dumps(record["response"])))
            choice, final = reply.choices[0], last.choices[0]
            assert final.text == choice.text
            assert [(each.id, each.name, each.arguments) for each in final.tool_calls] == [
                (each.id, each.name, each.arguments) for each in choice.tool_calls
            ]
            assert "".join(each.text for each in final.refusal) == "".join(each.text for each in choice.refusal)
            assert final.finish_meaning == choice.finish_meaning
            assert [each.counts for each in last.usages] == [each.counts for each in reply.usages]

    @pytest.mark.parametrize("recording", wire_recordings("openai_responses__"), ids=lambda each: each.name)
    def test_count_their_tokens(self, recording: Recording) -> None:
        for exchange in answers(recording):
            for report in Evidence(exchange=exchange, dialect=Dialect.OPENAI_RESPONSES).transcript.usages:
                assert report.total_tokens == (report.input_tokens or 0) + (report.output_tokens or 0)
