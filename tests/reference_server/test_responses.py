"""The Responses API: sound answers, streamed and whole, what is remembered, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from reference_server.talking import CLOCK, NOTHING, WEATHER, Heard, Json, Talk, every, first, inner
from vapi_reference_server.dialects.responses.stored import StoredAnswer, StoredAnswers
from vapi_reference_server.request import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = "/v1/responses"
TOOLS: list[Json] = [{"type": "function", "strict": True, **inner(tool, "function")} for tool in (WEATHER, CLOCK)]
REQUIRED = (
    *("id", "object", "created_at", "error", "incomplete_details", "instructions", "metadata", "model", "output"),
    *("parallel_tool_calls", "temperature", "tool_choice", "tools", "top_p"),
)
THINKING: Json = {"reasoning": {"effort": "low", "summary": "auto"}}


def ask(said: object, **more: object) -> Json:
    return {"model": "reference", "input": said, **more}


def whole(talk: Talk, said: object, **more: object) -> Json:
    heard = talk.post(ask(said, **more), PATH)
    assert heard.status == 200, heard.body
    return heard.json


def words(talk: Talk, said: object, **more: object) -> str:
    return text_of(whole(talk, said, **more))


def text_of(response: Json) -> str:
    messages = [item for item in every(response, "output") if item["type"] == "message"]
    return "".join(str(part["text"]) for item in messages for part in every(item, "content"))


def stream(talk: Talk, said: object, **more: object) -> list[Json]:
    return talk.post(ask(said, stream=True, **more), PATH).events


def kinds(events: Sequence[Json]) -> list[str]:
    return [str(event["type"]).removeprefix("response.") for event in events]


def joined(events: Sequence[Json], kind: str, **where: object) -> str:
    found = [event for event in events if event["type"] == f"response.{kind}" and where.items() <= event.items()]
    return "".join(str(event["delta"]) for event in found)


def error(heard: Heard) -> Json:
    return inner(heard.json, "error")


def call_of(response: Json) -> Json:
    return next(item for item in every(response, "output") if item["type"] == "function_call")


def output(call_id: object, text: object = "Rain.") -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


class TestJson:
    def test_all_required_keys_are_there(self, talk: Talk) -> None:
        response = whole(talk, "Say exactly: Hi.")
        assert set(REQUIRED) <= response.keys()
        assert (response["object"], response["status"], response["error"]) == ("response", "completed", None)
        assert str(response["id"]).startswith("resp_")
        assert isinstance(response["created_at"], int)

    def test_words_are_a_message(self, talk: Talk) -> None:
        (item,) = every(whole(talk, "Say exactly: Hi."), "output")
        assert {key: value for key, value in item.items() if key != "id"} == {
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hi.", "annotations": [], "logprobs": []}],
        }

    def test_calls_have_two_ids(self, talk: Talk) -> None:
        calls = every(whole(talk, "Weather and clock", tools=TOOLS), "output")
        assert [call["name"] for call in calls] == ["get_weather", "read_clock"]
        assert [json.loads(str(call["arguments"])) for call in calls] == [{"city": "Paris", "days": 1}, {}]
        assert len({call[key] for call in calls for key in ("id", "call_id")}) == 4

    def test_total_is_the_sum(self, talk: Talk) -> None:
        usage = inner(whole(talk, "Tell me a long story."), "usage")
        assert usage["total_tokens"] == cast("int", usage["input_tokens"]) + cast("int", usage["output_tokens"])
        assert inner(usage, "input_tokens_details") == {"cached_tokens": 0}
        assert inner(usage, "output_tokens_details") == {"reasoning_tokens": 0}

    def test_the_limit_makes_it_incomplete(self, talk: Talk) -> None:
        response = whole(talk, "Tell me a long story.", max_output_tokens=16)
        assert (response["status"], response["incomplete_details"], response["completed_at"]) == (
            "incomplete",
            {"reason": "max_output_tokens"},
            None,
        )
        assert inner(response, "usage")["output_tokens"] == 16
        assert first(response, "output")["status"] == "incomplete"

    def test_what_was_asked_is_repeated(self, talk: Talk) -> None:
        asked: Json = {
            "instructions": "Be brief.",
            "metadata": {"caller": "7"},
            "temperature": 0.5,
            "top_p": 0.9,
            "tool_choice": "none",
            "parallel_tool_calls": False,
            "max_output_tokens": 99,
            "store": False,
        }
        response = whole(talk, "Hi", tools=TOOLS, **asked)
        assert asked.items() <= response.items()
        assert every(response, "tools")[0] == TOOLS[0]

    def test_what_was_not_asked_has_its_default(self, talk: Talk) -> None:
        response = whole(talk, "Hi")
        expected: Json = {
            "instructions": None,
            "metadata": {},
            "temperature": 1.0,
            "top_p": 1.0,
            "tools": [],
            "tool_choice": "auto",
            "parallel_tool_calls": True,
            "store": True,
            "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "reasoning": {"effort": None, "summary": None},
        }
        assert expected.items() <= response.items()

    def test_instructions_reach_the_model(self, talk: Talk) -> None:
        said = words(talk, "What is the house word?", instructions="The house word is oak.")
        assert said == "The house word is oak."

    @pytest.mark.parametrize(
        "content", ["My code word is plum.", [{"type": "input_text", "text": "My code word is plum."}]]
    )
    def test_a_history_of_items_is_read(self, talk: Talk, content: object) -> None:
        answer = {"role": "assistant", "content": [{"type": "output_text", "text": "Fine."}]}
        items = [{"role": "user", "content": content}, answer, {"role": "user", "content": "What is my code word?"}]
        assert words(talk, items) == "Your code word is plum."

    @pytest.mark.parametrize("kind", ["json_object", "json_schema"])
    def test_json_modes_give_json(self, talk: Talk, kind: str) -> None:
        schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
        text = words(talk, "Answer in JSON", text={"format": {"type": kind, "name": "answer", "schema": schema}})
        assert isinstance(json.loads(text), dict)
        assert ("answer" in text) == (kind == "json_schema")

    @pytest.mark.parametrize(
        ("choice", "names"),
        [
            ("none", []),
            ("required", ["get_weather"]),
            ({"type": "function", "name": "read_clock"}, ["read_clock"]),
            ({"type": "allowed_tools", "mode": "required", "tools": [TOOLS[1]]}, ["read_clock"]),
        ],
    )
    def test_the_choice_of_tools_is_honoured(self, talk: Talk, choice: object, names: list[str]) -> None:
        items = every(whole(talk, "Hi there", tools=TOOLS, tool_choice=choice), "output")
        assert [item["name"] for item in items if item["type"] == "function_call"] == names

    def test_one_call_at_a_time_where_asked(self, talk: Talk) -> None:
        response = whole(talk, "Weather and clock", tools=TOOLS, parallel_tool_calls=False)
        assert len(every(response, "output")) == 1

    def test_the_summary_of_reasoning_is_an_item_of_its_own(self, talk: Talk) -> None:
        reasoning, message = every(whole(talk, "Hi", **THINKING), "output")
        assert (reasoning["type"], message["type"]) == ("reasoning", "message")
        assert "status" not in reasoning
        assert first(reasoning, "summary")["type"] == "summary_text"

    def test_effort_none_reasons_about_nothing(self, talk: Talk) -> None:
        response = whole(talk, "Hi", reasoning={"effort": "none", "summary": "auto"})
        assert [item["type"] for item in every(response, "output")] == ["message"]
        assert inner(response, "reasoning") == {"effort": "none", "summary": "auto"}

    def test_unknown_keys_and_hosted_tools_are_ignored(self, talk: Talk) -> None:
        assert words(talk, "Say exactly: Hi.", call={"id": 1}, tools=[{"type": "web_search"}]) == "Hi."

    def test_what_it_repeats_may_be_as_deep_as_what_it_reads(self, talk: Talk) -> None:
        deepest = json.loads("[" * 240 + "]" * 240)
        tool = {"type": "function", "name": "f", "parameters": {"properties": {"a": {"const": deepest}}}}
        response = whole(talk, "Hi", tools=[tool], tool_choice="required")
        assert inner(first(response, "tools"), "parameters") == tool["parameters"]
        assert json.loads(str(call_of(response)["arguments"])) == {"a": deepest}

    def test_half_a_character_is_repeated_as_it_came(self, talk: Talk) -> None:
        assert whole(talk, "Hi", tools=[{"type": "web_search", "x": "\ud83d"}])["tools"] == [
            {"type": "web_search", "x": "\ud83d"}
        ]

    def test_the_short_path_is_served(self, talk: Talk) -> None:
        assert talk.post(ask("Hi"), "/responses").status == 200

    def test_the_request_has_an_id(self, talk: Talk) -> None:
        assert talk.post(ask("Hi"), PATH).headers["x-request-id"].startswith("req_")


class TestStream:
    def test_events_of_words(self, talk: Talk) -> None:
        heard = talk.post(ask("Say exactly: Hi.", stream=True), PATH)
        assert heard.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert kinds(heard.events) == [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]

    def test_events_of_calls(self, talk: Talk) -> None:
        events = stream(talk, "Weather and clock", tools=TOOLS)
        one = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]
        steps = [kind for at, kind in enumerate(kinds(events)) if at == 0 or kinds(events)[at - 1] != kind]
        assert steps == ["created", "in_progress", *one, *one, "completed"]
        for index, call in enumerate(every(inner(events[-1], "response"), "output")):
            where = {"output_index": index, "item_id": call["id"]}
            assert joined(events, "function_call_arguments.delta", **where) == call["arguments"]

    def test_events_of_reasoning(self, talk: Talk) -> None:
        events = stream(talk, "Hi", **THINKING)
        steps = [kind for kind in kinds(events) if "reasoning" in kind]
        assert (steps[0], steps[-2:]) == (
            "reasoning_summary_part.added",
            ["reasoning_summary_text.done", "reasoning_summary_part.done"],
        )
        summary = first(first(inner(events[-1], "response"), "output"), "summary")
        assert joined(events, "reasoning_summary_text.delta", summary_index=0) == summary["text"]

    @pytest.mark.parametrize("more", [{}, {"tools": TOOLS}, THINKING])
    def test_numbers_rise_by_one_from_zero(self, talk: Talk, more: Json) -> None:
        events = stream(talk, "Weather", **more)
        assert [event["sequence_number"] for event in events] == list(range(len(events)))

    def test_deltas_sum_up(self, talk: Talk) -> None:
        events = stream(talk, "Tell me a long story.")
        text = joined(events, "output_text.delta")
        assert kinds(events).count("output_text.delta") > 20
        done = next(event for event in events if event["type"] == "response.output_text.done")
        assert text == done["text"] == text_of(inner(events[-1], "response"))

    def test_nothing_is_there_at_the_start(self, talk: Talk) -> None:
        for event in stream(talk, "Hi")[:2]:
            response = inner(event, "response")
            assert (response["status"], response["output"], response["usage"]) == ("in_progress", [], None)
            assert set(REQUIRED) <= response.keys()

    def test_an_item_begins_empty_and_ends_as_in_the_response(self, talk: Talk) -> None:
        events = stream(talk, "Weather and clock", tools=TOOLS)
        added = [inner(event, "item") for event in events if event["type"] == "response.output_item.added"]
        done = [inner(event, "item") for event in events if event["type"] == "response.output_item.done"]
        assert [(item["status"], item["arguments"]) for item in added] == [("in_progress", "")] * 2
        assert done == every(inner(events[-1], "response"), "output")

    def test_the_last_event_is_the_whole_answer(self, talk: Talk) -> None:
        last = inner(stream(talk, "Say exactly: Hi.")[-1], "response")
        response = whole(talk, "Say exactly: Hi.")
        assert list(last) == list(response)
        assert (last["usage"], text_of(last)) == (response["usage"], text_of(response))

    def test_the_limit_ends_it_incomplete(self, talk: Talk) -> None:
        last = stream(talk, "Tell me a long story.", max_output_tokens=16)[-1]
        assert last["type"] == "response.incomplete"
        assert inner(last, "response", "incomplete_details") == {"reason": "max_output_tokens"}

    def test_the_id_is_the_same_throughout(self, talk: Talk) -> None:
        responses = [inner(event, "response") for event in stream(talk, "Hi") if "response" in event]
        assert (len(responses), len({response["id"] for response in responses})) == (3, 1)


class TestToolRound:
    @pytest.mark.parametrize("store", [True, False])
    def test_with_the_items_replayed(self, talk: Talk, store: bool) -> None:
        call = call_of(whole(talk, "Weather", tools=TOOLS, store=store))
        history = [{"role": "user", "content": "Weather"}, call, output(call["call_id"])]
        assert words(talk, history, tools=TOOLS, store=store) == "The tool says: Rain."

    def test_that_goes_on_from_an_answer(self, talk: Talk) -> None:
        asked = inner(stream(talk, "Weather", tools=TOOLS)[-1], "response")
        told = whole(talk, [output(call_of(asked)["call_id"])], tools=TOOLS, previous_response_id=asked["id"])
        assert text_of(told) == "The tool says: Rain."
        assert told["previous_response_id"] == asked["id"]

    def test_with_the_item_by_reference(self, talk: Talk) -> None:
        call = call_of(whole(talk, "Weather", tools=TOOLS))
        reference = {"type": "item_reference", "id": call["id"]}
        assert words(talk, [reference, output(call["call_id"])]) == "The tool says: Rain."

    def test_with_a_result_in_parts(self, talk: Talk) -> None:
        call = call_of(whole(talk, "Weather", tools=TOOLS))
        parts = [{"type": "input_text", "text": "Rain"}, {"type": "input_text", "text": " soon."}]
        assert words(talk, [call, output(call["call_id"], parts)]) == "The tool says: Rain soon."

    def test_with_a_call_that_nobody_made_gets_400(self, talk: Talk) -> None:
        heard = talk.post(ask([output("call_unknown")]), PATH)
        assert (heard.status, error(heard)["param"]) == (400, "input")
        assert "call_unknown" in str(error(heard)["message"])


class TestMemory:
    def test_an_answer_can_be_read_again(self, talk: Talk) -> None:
        response = whole(talk, "Hi")
        for path in (f"{PATH}/{response['id']}", f"/responses/{response['id']}"):
            assert talk.post(b"", path, method="GET").json == response

    def test_a_conversation_goes_on_but_its_instructions_do_not(self, talk: Talk) -> None:
        start = whole(talk, "My code word is plum.", instructions="The house word is oak.")
        more: Json = {"previous_response_id": start["id"]}
        assert words(talk, "What is my code word?", **more) == "Your code word is plum."
        assert words(talk, "What is the house word?", **more) == "Nobody has told me a house word."

    @pytest.mark.parametrize("streamed", [True, False])
    def test_nothing_is_kept_where_store_is_false(self, talk: Talk, streamed: bool) -> None:
        said = ask("Hi", store=False, stream=streamed)
        heard = talk.post(said, PATH)
        response = inner(heard.events[-1], "response") if streamed else heard.json
        again = talk.post(b"", f"{PATH}/{response['id']}", method="GET")
        on = talk.post(ask("Hi", previous_response_id=response["id"]), PATH)
        assert (again.status, error(again)["type"]) == (404, "invalid_request_error")
        assert (on.status, error(on)["code"]) == (400, "previous_response_not_found")

    def test_it_is_bounded_by_count_and_by_size(self) -> None:
        def kept(number: int, text: str = "") -> StoredAnswer:
            return StoredAnswer(response={"id": str(number)}, messages=(Message(role="user", text=text),))

        answers = StoredAnswers()
        for number in range(300):
            answers.keep(kept(number))
        assert (answers.find("0"), answers.find("299")) == (None, kept(299))
        answers.keep(kept(300, "x" * 12_000_000))
        answers.keep(kept(301, "x" * 12_000_000))
        assert (answers.find("299"), answers.find("300")) == (None, None)
        assert answers.find("301") is not None


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"input": "Hi"}, "model"),
            ({"model": "reference"}, "input"),
            (ask([]), "input"),
            (ask({}), "input"),
            (ask([7]), "input[0]"),
            (ask("\ud83d"), "input"),
            (ask([{"role": "robot", "content": "Hi"}]), "input[0].role"),
            (ask([{"role": "user", "content": 7}]), "input[0].content"),
            (ask([{"role": "user", "content": [{"type": "smell"}]}]), "input[0].content[0].type"),
            (ask([{"type": "unheard_of"}]), "input[0].type"),
            (ask([{"type": "function_call", "call_id": "c", "name": "f", "arguments": NOTHING}]), "input[0].arguments"),
            (ask("Hi", instructions=7), "instructions"),
            (ask("Hi", stream="yes"), "stream"),
            (ask("Hi", store="no"), "store"),
            (ask("Hi", temperature="hot"), "temperature"),
            (ask("Hi", temperature=3), "temperature"),
            (ask("Hi", top_p=2), "top_p"),
            (ask("Hi", max_output_tokens=15), "max_output_tokens"),
            (ask("Hi", max_output_tokens="16"), "max_output_tokens"),
            (ask("Hi", tools={}), "tools"),
            (ask("Hi", tools=[WEATHER]), "tools[0].name"),
            (ask("Hi", tools=[{"name": "f"}]), "tools[0].type"),
            (ask("Hi", tool_choice="required"), "tool_choice"),
            (ask("Hi", tools=TOOLS, tool_choice={"type": "function", "name": "other"}), "tool_choice"),
            (ask("Hi", text={"format": {"type": "json_schema"}}), "text.format"),
            (ask("Hi", text={"format": {"type": "xml"}}), "text.format.type"),
            (ask("Hi", reasoning={"effort": "heroic"}), "reasoning.effort"),
            (ask("Hi", metadata={"a": {}}), "metadata.a"),
            (ask("Hi", previous_response_id="resp_unknown"), "previous_response_id"),
            (ask("Hi", conversation="conv_1"), "conversation"),
            (ask("Hi", background=True), "background"),
            (ask("Hi", include="everything"), "include"),
        ],
    )
    def test_a_wrong_field_gets_400_and_is_named(self, talk: Talk, body: Json, param: str) -> None:
        heard = talk.post(body, PATH)
        assert (heard.status, error(heard)["param"]) == (400, param)
        assert list(error(heard)) == ["message", "type", "param", "code"]

    def test_an_unknown_model_gets_400(self, talk: Talk) -> None:
        heard = talk.post({"model": "gpt-unknown", "input": "Hi"}, PATH)
        assert (heard.status, error(heard)["code"]) == (400, "model_not_found")

    def test_an_unknown_reference_gets_404(self, talk: Talk) -> None:
        assert talk.post(ask([{"type": "item_reference", "id": "msg_unknown"}]), PATH).status == 404

    @pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"[" * 50_000, b'{"a":' + b"[" * 300 + b"]" * 300 + b"}"])
    def test_what_is_no_json_object_gets_400(self, talk: Talk, raw: bytes) -> None:
        heard = talk.post(raw, PATH)
        assert (heard.status, error(heard)["code"]) == (400, "malformed_json")

    def test_another_method_gets_405(self, talk: Talk) -> None:
        assert talk.post(b"", PATH, method="GET").status == 405
        assert talk.post(b"{}", f"{PATH}/resp_1").status == 405

    @pytest.mark.parametrize("sent", [None, "Bearer wrong-secret-key"])
    @pytest.mark.parametrize(("path", "method"), [(PATH, "POST"), (f"{PATH}/resp_1", "GET")])
    def test_without_the_key_gets_401(self, locked: Talk, sent: str | None, path: str, method: str) -> None:
        heard = locked.post(ask("Hi"), path, {} if sent is None else {"Authorization": sent}, method)
        assert (heard.status, heard.headers["www-authenticate"], list(heard.json)) == (401, "Bearer", ["error"])
        assert b"wrong-secret-key" not in heard.body
