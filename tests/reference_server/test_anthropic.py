"""The Messages API: sound answers, streamed and whole, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from reference_server.conftest import KEY
from reference_server.talking import CLOCK, NOTHING, WEATHER, Heard, Json, Talk, every, first, inner

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = "/v1/messages"
VERSION = {"anthropic-version": "2023-06-01"}
STORY = "Tell me a long story."
THINKING: Json = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}


def tool(of: Json) -> Json:
    function = inner(of, "function")
    return {"name": function["name"], "input_schema": function["parameters"]}


TOOLS = [tool(WEATHER), tool(CLOCK)]


def ask(*contents: object, **more: object) -> Json:
    """Turns by turns, the user's first."""
    messages = [{"role": ("user", "assistant")[at % 2], "content": content} for at, content in enumerate(contents)]
    return {"model": "reference", "max_tokens": 500, "messages": messages, **more}


def send(talk: Talk, body: Json | bytes, **headers: str) -> Heard:
    return talk.post(body, PATH, {**VERSION, **headers})


def whole(talk: Talk, *contents: object, **more: object) -> Json:
    heard = send(talk, ask(*contents, **more))
    assert heard.status == 200, heard.body
    return heard.json


def stream(talk: Talk, *contents: object, **more: object) -> list[Json]:
    return send(talk, ask(*contents, stream=True, **more)).events


def text_of(message: Json) -> str:
    return "".join(str(block["text"]) for block in every(message, "content") if block["type"] == "text")


def words(talk: Talk, *contents: object, **more: object) -> str:
    return text_of(whole(talk, *contents, **more))


def deltas(events: Sequence[Json], index: int) -> list[Json]:
    return [
        inner(event, "delta") for event in events if event["type"] == "content_block_delta" and event["index"] == index
    ]


def kinds(events: Sequence[Json]) -> list[object]:
    """The types of the events, each run of deltas once."""
    found = [event["type"] for event in events]
    return [kind for at, kind in enumerate(found) if at == 0 or found[at - 1] != kind]


def result(call: Json, content: object = "Rain.", **more: object) -> list[Json]:
    return [{"type": "tool_result", "tool_use_id": call["id"], "content": content, **more}]


def error(heard: Heard) -> Json:
    return inner(heard.json, "error")


class TestJson:
    def test_the_whole_message(self, talk: Talk) -> None:
        message = whole(talk, "Say exactly: Hi.")
        assert str(message.pop("id")).startswith("msg_")
        assert message == {
            "type": "message",
            "role": "assistant",
            "model": "reference",
            "content": [{"type": "text", "text": "Hi."}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": 5,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                "output_tokens": 2,
                "service_tier": "standard",
            },
        }

    def test_calls_are_objects(self, talk: Talk) -> None:
        message = whole(talk, "Weather and clock", tools=TOOLS)
        calls = every(message, "content")
        assert [(call["type"], call["name"], call["input"]) for call in calls] == [
            ("tool_use", "get_weather", {"city": "Paris", "days": 1}),
            ("tool_use", "read_clock", {}),
        ]
        assert all(str(call["id"]).startswith("toolu_") for call in calls)
        assert message["stop_reason"] == "tool_use"

    def test_the_limit_is_kept(self, talk: Talk) -> None:
        message = whole(talk, STORY, max_tokens=7)
        assert (message["stop_reason"], inner(message, "usage")["output_tokens"]) == ("max_tokens", 7)

    def test_half_a_call_is_not_sent(self, talk: Talk) -> None:
        message = whole(talk, "Weather", tools=TOOLS, max_tokens=3)
        assert (message["content"], message["stop_reason"]) == ([], "max_tokens")

    def test_a_stop_sequence_is_named(self, talk: Talk) -> None:
        message = whole(talk, "Say exactly: one two three", stop_sequences=["three", "two"])
        assert (text_of(message), message["stop_reason"], message["stop_sequence"]) == ("one ", "stop_sequence", "two")

    def test_a_limit_before_the_stop_sequence_ends_it(self, talk: Talk) -> None:
        message = whole(talk, "Say exactly: one two three", stop_sequences=["three"], max_tokens=1)
        assert (message["stop_reason"], message["stop_sequence"]) == ("max_tokens", None)

    @pytest.mark.parametrize(
        "system",
        ["The house word is oak.", [{"type": "text", "text": "The house "}, {"type": "text", "text": "word is oak."}]],
    )
    def test_the_system_prompt_reaches_the_model(self, talk: Talk, system: object) -> None:
        assert words(talk, "What is the house word?", system=system) == "The house word is oak."

    def test_a_history_of_blocks_is_read(self, talk: Talk) -> None:
        blocks = [{"type": "text", "text": "My code word is plum."}]
        assert words(talk, blocks, "Fine.", "What is my code word?") == "Your code word is plum."

    @pytest.mark.parametrize(
        ("choice", "names"),
        [
            ({"type": "none"}, []),
            ({"type": "auto"}, []),
            ({"type": "any"}, ["get_weather"]),
            ({"type": "tool", "name": "read_clock"}, ["read_clock"]),
        ],
    )
    def test_the_choice_of_tools_is_honoured(self, talk: Talk, choice: Json, names: list[str]) -> None:
        message = whole(talk, "Hi there", tools=TOOLS, tool_choice=choice)
        assert [block["name"] for block in every(message, "content") if block["type"] == "tool_use"] == names
        assert (message["stop_reason"] == "tool_use") == bool(names)

    def test_one_call_at_a_time_where_asked(self, talk: Talk) -> None:
        choice = {"type": "auto", "disable_parallel_tool_use": True}
        assert len(every(whole(talk, "Weather and clock", tools=TOOLS, tool_choice=choice), "content")) == 1

    def test_thoughts_come_first_and_signed(self, talk: Talk) -> None:
        thinking, text = every(whole(talk, "Hi", **THINKING), "content")
        assert (list(thinking), text["type"]) == (["type", "thinking", "signature"], "text")

    def test_an_output_format_gives_json(self, talk: Talk) -> None:
        schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
        text = words(talk, "Answer", output_config={"format": {"type": "json_schema", "schema": schema}})
        assert list(json.loads(text)) == ["answer"]

    def test_unknown_keys_and_hosted_tools_are_ignored(self, talk: Talk) -> None:
        hosted = [{"type": "web_search_20250305", "name": "web_search"}]
        assert words(talk, "Say exactly: Hi.", call={"id": 1}, tools=hosted) == "Hi."

    def test_the_short_path_is_served(self, talk: Talk) -> None:
        assert talk.post(ask("Hi"), "/messages", VERSION).status == 200

    def test_the_request_has_an_id(self, talk: Talk) -> None:
        assert send(talk, ask("Hi")).headers["request-id"].startswith("req_")


class TestStream:
    def test_events_of_words(self, talk: Talk) -> None:
        heard = send(talk, ask(STORY, stream=True))
        assert heard.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert heard.headers["request-id"].startswith("req_")
        assert kinds(heard.events) == [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]

    def test_a_message_starts_empty(self, talk: Talk) -> None:
        start = inner(stream(talk, STORY)[0], "message")
        assert (start["content"], start["stop_reason"], start["stop_sequence"]) == ([], None, None)
        assert inner(start, "usage")["output_tokens"] == 1
        assert set(start) == set(whole(talk, STORY))

    def test_blocks_follow_one_another(self, talk: Talk) -> None:
        events = stream(talk, "Weather and clock", tools=TOOLS)
        block = ["content_block_start", "content_block_delta", "content_block_stop"]
        for index in (0, 1):
            assert kinds([event for event in events if event.get("index") == index]) == block
        indexes = [cast("int", event["index"]) for event in events if "index" in event]
        assert indexes == sorted(indexes)

    def test_arguments_come_in_pieces(self, talk: Talk) -> None:
        events = stream(talk, "Weather and clock", tools=TOOLS)
        starts = [inner(event, "content_block") for event in events if event["type"] == "content_block_start"]
        assert [start["input"] for start in starts] == [{}, {}]
        weather = [str(delta["partial_json"]) for delta in deltas(events, 0)]
        assert (weather[0], len(weather) > 2, json.loads("".join(weather))) == ("", True, {"city": "Paris", "days": 1})
        assert deltas(events, 1) == [{"type": "input_json_delta", "partial_json": ""}]

    def test_thoughts_are_signed_at_their_end(self, talk: Talk) -> None:
        events = stream(talk, "Hi", **THINKING)
        thoughts = deltas(events, 0)
        assert [delta["type"] for delta in thoughts[-2:]] == ["thinking_delta", "signature_delta"]
        assert {delta["type"] for delta in deltas(events, 1)} == {"text_delta"}
        assert first(whole(talk, "Hi", **THINKING), "content") == {
            "type": "thinking",
            "thinking": "".join(str(delta["thinking"]) for delta in thoughts[:-1]),
            "signature": thoughts[-1]["signature"],
        }

    @pytest.mark.parametrize(
        ("said", "more"), [(STORY, {}), ("Weather", {"tools": TOOLS}), (STORY, {"max_tokens": 9}), ("Hi", THINKING)]
    )
    def test_says_at_its_end_what_json_says(self, talk: Talk, said: str, more: Json) -> None:
        message = whole(talk, said, **more)
        end, stop = stream(talk, said, **more)[-2:]
        assert inner(end, "delta") == {key: message[key] for key in ("stop_reason", "stop_sequence")}
        assert inner(end, "usage").items() <= inner(message, "usage").items()
        assert inner(end, "usage")["output_tokens"] == inner(message, "usage")["output_tokens"]
        assert stop == {"type": "message_stop"}

    def test_deltas_sum_up(self, talk: Talk) -> None:
        assert "".join(str(delta["text"]) for delta in deltas(stream(talk, STORY), 0)) == words(talk, STORY)

    def test_no_words_are_no_block(self, talk: Talk) -> None:
        assert kinds(stream(talk, "Say exactly: no", stop_sequences=["no"])) == [
            "message_start",
            "message_delta",
            "message_stop",
        ]


class TestToolRound:
    @pytest.mark.parametrize("content", ["Rain.", [{"type": "text", "text": "Rain."}]])
    def test_the_result_is_told(self, talk: Talk, content: object) -> None:
        call = first(whole(talk, "Weather", tools=TOOLS), "content")
        assert words(talk, "Weather", [call], result(call, content), tools=TOOLS) == "The tool says: Rain."

    def test_results_of_parallel_calls_are_all_told(self, talk: Talk) -> None:
        calls = every(whole(talk, "Weather and clock", tools=TOOLS), "content")
        results = [*result(calls[0], "Rain."), *result(calls[1], "Noon.")]
        said = words(talk, "Weather and clock", calls, results, tools=TOOLS)
        assert said == "The tool says: Rain. The tool says: Noon."

    def test_words_beside_a_result_are_heard(self, talk: Talk) -> None:
        call = first(whole(talk, "Weather", tools=TOOLS), "content")
        turn = [*result(call), {"type": "text", "text": "Say exactly: Hi."}]
        assert words(talk, "Weather", [call], turn) == "Hi."

    def test_a_result_without_content_is_accepted(self, talk: Talk) -> None:
        call = first(whole(talk, "Weather", tools=TOOLS), "content")
        empty = [{"type": "tool_result", "tool_use_id": call["id"], "is_error": True}]
        assert send(talk, ask("Weather", [call], empty)).status == 200

    def test_the_result_of_a_call_that_nobody_made_gets_400(self, talk: Talk) -> None:
        heard = send(talk, ask("Hi", "Hello", result({"id": "toolu_unknown"})))
        assert (heard.status, error(heard)["type"]) == (400, "invalid_request_error")
        assert "toolu_unknown" in str(error(heard)["message"])


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({**ask("Hi"), "max_tokens": None}, "max_tokens"),
            (ask("Hi", max_tokens=0), "max_tokens"),
            (ask("Hi", max_tokens="7"), "max_tokens"),
            ({"model": "reference", "max_tokens": 5}, "messages"),
            (ask(), "messages"),
            ({**ask(), "messages": {}}, "messages"),
            ({**ask("Hi"), "model": 7}, "model"),
            ({**ask(), "messages": [7]}, "messages.0"),
            ({**ask(), "messages": [{"role": "tool", "content": "Hi"}]}, "messages.0.role"),
            (ask(7), "messages.0.content"),
            (ask([{"type": "smell"}]), "messages.0.content.0.type"),
            (ask([{"type": "text"}]), "messages.0.content.0.text"),
            (ask("\ud83d"), "messages.0.content"),
            (ask("Hi", [{"type": "tool_use", "id": "t", "name": "f", "input": "{}"}]), "messages.1.content.0.input"),
            (ask([{"type": "tool_use", "id": "t", "name": "f", "input": NOTHING}]), "messages.0.content.0.type"),
            (ask("Hi", system=7), "system"),
            (ask("Hi", stream="yes"), "stream"),
            (ask("Hi", temperature=1.5), "temperature"),
            (ask("Hi", temperature="hot"), "temperature"),
            (ask("Hi", top_k=-1), "top_k"),
            (ask("Hi", stop_sequences="three"), "stop_sequences"),
            (ask("Hi", stop_sequences=[""]), "stop_sequences"),
            (ask("Hi", tools=[{"name": "f"}]), "tools.0.input_schema"),
            (ask("Hi", tools=[{"input_schema": NOTHING}]), "tools.0.name"),
            (ask("Hi", tool_choice="auto"), "tool_choice"),
            (ask("Hi", tool_choice={"type": "maybe"}), "tool_choice.type"),
            (ask("Hi", tool_choice={"type": "any"}), "tool_choice"),
            (ask("Hi", tools=TOOLS, tool_choice={"type": "tool", "name": "other"}), "tool_choice.name"),
            (ask("Hi", thinking={"type": "enabled", "budget_tokens": 5000}), "thinking.budget_tokens"),
            (ask("Hi", thinking={"type": "enabled", "budget_tokens": 10}), "thinking.budget_tokens"),
            (ask("Hi", metadata={"user_id": 7}), "metadata.user_id"),
        ],
    )
    def test_a_wrong_field_gets_400_and_is_named(self, talk: Talk, body: Json, named: str) -> None:
        heard = send(talk, body)
        assert (heard.status, error(heard)["type"]) == (400, "invalid_request_error")
        assert named in str(error(heard)["message"])

    def test_the_body_of_a_refusal(self, talk: Talk) -> None:
        heard = send(talk, {**ask("Hi"), "model": "claude-unknown"})
        assert (heard.status, list(heard.json)) == (404, ["type", "error", "request_id"])
        assert (heard.json["type"], error(heard)["type"]) == ("error", "not_found_error")
        assert heard.json["request_id"] == heard.headers["request-id"]

    @pytest.mark.parametrize("version", [{}, {"anthropic-version": "latest"}])
    def test_without_a_version_gets_400(self, talk: Talk, version: dict[str, str]) -> None:
        heard = talk.post(ask("Hi"), PATH, version)
        assert (heard.status, "anthropic-version" in str(error(heard)["message"])) == (400, True)

    @pytest.mark.parametrize(
        ("body", "status", "kind"),
        [
            (b"{", 400, "invalid_request_error"),
            (b"[" * 50_000, 400, "invalid_request_error"),
            (b" " * 70_000, 413, "request_too_large"),
        ],
    )
    def test_bodies_that_are_none(self, talk: Talk, body: bytes, status: int, kind: str) -> None:
        heard = send(talk, body)
        assert (heard.status, error(heard)["type"]) == (status, kind)

    def test_another_method_and_another_path(self, talk: Talk) -> None:
        assert talk.post(b"", PATH, VERSION, "GET").status == 405
        heard = talk.post(ask("Hi"), f"{PATH}/batches", VERSION)
        assert (heard.status, error(heard)["type"]) == (404, "not_found_error")


class TestKey:
    @pytest.mark.parametrize("sent", [{"x-api-key": KEY}, {"authorization": f"Bearer {KEY}"}])
    def test_is_accepted_both_ways(self, locked: Talk, sent: dict[str, str]) -> None:
        assert send(locked, ask("Hi"), **sent).status == 200

    @pytest.mark.parametrize(
        "sent",
        [{}, {"x-api-key": "wrong-secret-key"}, {"authorization": "Bearer wrong-secret-key"}, {"authorization": KEY}],
    )
    def test_anything_else_gets_401(self, locked: Talk, sent: dict[str, str]) -> None:
        heard = send(locked, ask("Hi"), **sent)
        assert (heard.status, error(heard)["type"]) == (401, "authentication_error")
        assert heard.headers["www-authenticate"] == "Bearer"
        assert b"wrong-secret-key" not in heard.body
