"""Messages: what a request asks for, and requests in the words of Chat Completions put into this API's own."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.dialects.anthropic.api import API
from vapi_conformance.dialects.anthropic.putting import put
from vapi_conformance.dialects.anthropic.request import read_request
from vapi_conformance.dialects.asked import Asked, OfferedTool, Turn
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.recordings import load_wire

TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Weather.", "parameters": {"type": "object"}},
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Lisbon"}'}}


def asked(**body: object) -> Asked:
    request = read_request(json.dumps(body).encode())
    assert request is not None
    return request


def messages(*turns: Mapping[str, object]) -> list[object]:
    return list(array_or_nothing(put({"messages": list(turns)})["messages"]))


class TestReading:
    @pytest.mark.parametrize("body", [None, b"", b"[]", b'"x"', b"null", b'{"model":', b"\xff\xfe"])
    def test_no_json_object_is_no_request(self, body: bytes | None) -> None:
        assert read_request(body) is None

    @given(body=st.binary(max_size=80))
    def test_any_bytes_are_read(self, body: bytes) -> None:
        read_request(body)

    def test_an_empty_object_asks_for_nothing(self) -> None:
        assert Asked(body={}) == asked()

    def test_values_of_the_wrong_type_ask_for_nothing(self) -> None:
        body: dict[str, object] = dict.fromkeys(("model", "stream", "max_tokens", "output_config"), "x")
        body |= {"model": 1, "messages": {}, "stop_sequences": "x", "tools": 1, "tool_choice": "auto", "system": 5}
        request = asked(**body)
        assert Asked(body=body, turns=(Turn(role="system", text=""),)) == request

    def test_a_stream_always_reports_usage(self) -> None:
        assert (True, True) == (asked(stream=True).stream, asked(stream=True).include_usage)
        assert not asked(stream=False).include_usage

    def test_the_system_prompt_comes_first_and_results_are_turns_of_tools(self) -> None:
        history: list[Mapping[str, object]] = [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "17"}]},
                    {"type": "tool_result", "tool_use_id": "u", "content": "18"},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result"}, {"type": "text", "text": "Well?"}]},
            {"role": "robot", "content": "no"},
        ]
        request = asked(system=[{"type": "text", "text": "Be brief."}], messages=history)
        expected = [
            ("system", "Be brief."),
            ("user", "Weather?"),
            ("assistant", ""),
            ("tool", "17"),
            ("tool", "18"),
            ("tool", ""),
            ("user", "Well?"),
        ]
        assert expected == [(turn.role, turn.text) for turn in request.turns]

    def test_tools_of_the_callers_own_have_schemas_and_those_of_anthropic_names(self) -> None:
        request = asked(
            tools=[
                {"name": "f", "input_schema": {"type": "object"}, "strict": True},
                {"type": "custom", "name": "g"},
                {"type": "web_search_20250305", "name": "web_search"},
            ]
        )
        offered = (
            OfferedTool(name="f", parameters={"type": "object"}, strict=True),
            OfferedTool(name="g", parameters=None),
        )
        assert (offered, frozenset({"web_search"})) == (request.tools, request.other_tool_names)

    def test_a_set_of_tools_brings_names_that_nobody_knows(self) -> None:
        assert asked(tools=[{"type": "mcp_toolset", "mcp_server_name": "x"}]).names_offered is None

    @pytest.mark.parametrize(
        ("choice", "expected"),
        [
            ({"type": "auto"}, ("auto", None, None)),
            ({"type": "any"}, ("required", None, None)),
            ({"type": "none"}, ("none", None, None)),
            ({"type": "tool", "name": "f"}, ("named", "f", None)),
            ({"type": "auto", "disable_parallel_tool_use": True}, ("auto", None, False)),
            ({"type": ["auto"]}, (None, None, None)),
        ],
    )
    def test_tool_choice(self, choice: object, expected: tuple[object, ...]) -> None:
        request = asked(tool_choice=choice)
        assert expected == (request.tool_choice, request.named_tool, request.parallel_tool_calls)

    @pytest.mark.parametrize(
        "body",
        [
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            {"output_format": {"type": "json_schema", "schema": {"type": "object"}}},
        ],
    )
    def test_a_schema_for_the_answer(self, body: dict[str, object]) -> None:
        expected = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
        assert expected == asked(**body).response_format

    @needs_shared
    @pytest.mark.parametrize("recording", wire_recordings("anthropic_messages__"), ids=lambda each: each.name)
    def test_recorded_requests_are_read(self, recording: Recording) -> None:
        request = load_wire(recording.path).request
        read = read_request(request.body, request.url)
        if request.body is not None:
            assert read is not None
            assert (True, True) == (bool(read.model), bool(read.max_tokens))
            assert read.turns


class TestMessages:
    def test_system_prompts_have_a_place_of_their_own(self) -> None:
        body = put(
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Hi"},
                    {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
                ]
            }
        )
        assert "Be brief.\n\nBe kind." == body["system"]
        assert [{"role": "user", "content": "Hi"}] == body["messages"]

    def test_without_a_system_prompt_there_is_no_key(self) -> None:
        assert "system" not in put({"messages": [{"role": "user", "content": "Hi"}]})

    def test_calls_are_blocks_behind_the_words(self) -> None:
        (turn,) = messages({"role": "assistant", "content": "One moment.", "tool_calls": [CALL]})
        block = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Lisbon"}}
        assert {"role": "assistant", "content": [{"type": "text", "text": "One moment."}, block]} == turn

    @pytest.mark.parametrize("content", [None, ""])
    def test_calls_without_words_have_no_text(self, content: object) -> None:
        (turn,) = messages({"role": "assistant", "content": content, "tool_calls": [CALL]})
        assert 1 == len(array_or_nothing(object_or_nothing(turn).get("content")))

    @pytest.mark.parametrize("arguments", ["", "[1]", '{"a":', None, 5])
    def test_arguments_that_are_no_object_become_an_empty_one(self, arguments: object) -> None:
        call = {"id": "c", "function": {"name": "f", "arguments": arguments}}
        (turn,) = messages({"role": "assistant", "tool_calls": [call]})
        assert [{"type": "tool_use", "id": "c", "name": "f", "input": {}}] == object_or_nothing(turn)["content"]

    def test_the_results_of_a_round_and_what_is_said_next_are_one_turn(self) -> None:
        turns = messages(
            {"role": "tool", "tool_call_id": "a", "content": "17"},
            {"role": "tool", "tool_call_id": "b"},
            {"role": "user", "content": "Well?"},
            {"role": "user", "content": "Hello?"},
            {"role": "assistant", "content": "It is 17."},
        )
        content = [
            {"type": "tool_result", "tool_use_id": "a", "content": "17"},
            {"type": "tool_result", "tool_use_id": "b"},
            {"type": "text", "text": "Well?"},
            {"type": "text", "text": "Hello?"},
        ]
        assert [{"role": "user", "content": content}, {"role": "assistant", "content": "It is 17."}] == turns

    @pytest.mark.parametrize("content", [None, "", []])
    def test_an_assistant_that_said_nothing_is_left_out(self, content: object) -> None:
        assert [] == messages({"role": "assistant", "content": content})

    def test_images_have_a_source(self) -> None:
        parts = [
            {"type": "text", "text": "Look"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "video", "video": 1},
        ]
        (turn,) = messages({"role": "user", "content": parts})
        expected = [
            {"type": "text", "text": "Look"},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "video", "video": 1},
        ]
        assert expected == object_or_nothing(turn)["content"]

    @pytest.mark.parametrize("value", [{}, "x", None, 5, {"role": "user"}])
    def test_what_is_no_list_arrives_as_it_is(self, value: object) -> None:
        assert (value, False) == ((body := put({"messages": value}))["messages"], "system" in body)

    @pytest.mark.parametrize("value", [5, "x", None, [], {}, {"role": 5}, {"role": "user", "content": 5}])
    def test_items_of_any_kind_arrive(self, value: object) -> None:
        assert [value] == put({"messages": [value]})["messages"]


class TestTools:
    def test_functions_have_an_input_schema(self) -> None:
        expected = {"name": "get_weather", "description": "Weather.", "input_schema": {"type": "object"}}
        assert [expected] == put({"tools": [TOOL]})["tools"]

    def test_a_function_without_parameters_takes_an_empty_object(self) -> None:
        tools = put({"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]})["tools"]
        assert [{"name": "f", "strict": True, "input_schema": {"type": "object", "properties": {}}}] == tools

    @pytest.mark.parametrize("value", [{}, "x", [5], [{"name": "f"}], [{"function": "f"}]])
    def test_what_is_no_function_arrives_as_it_is(self, value: object) -> None:
        assert value == put({"tools": value})["tools"]

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"tool_choice": "auto"}, {"type": "auto"}),
            ({"tool_choice": "required"}, {"type": "any"}),
            ({"tool_choice": "none"}, {"type": "none"}),
            ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"type": "tool", "name": "f"}),
            ({"tool_choice": "sometimes"}, "sometimes"),
            ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
            (
                {"tool_choice": "required", "parallel_tool_calls": False},
                {"type": "any", "disable_parallel_tool_use": True},
            ),
            ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
            ({"parallel_tool_calls": True}, None),
            ({}, None),
        ],
    )
    def test_tool_choice(self, body: dict[str, object], expected: object) -> None:
        assert expected == put(body).get("tool_choice")


class TestParameters:
    def test_limits_go_by_one_name_and_one_has_to_be_there(self) -> None:
        bodies: list[dict[str, object]] = [{"max_tokens": 5}, {"max_completion_tokens": 6}, {"max_tokens": None}, {}]
        assert [5, 6, 1024, 1024] == [put(body)["max_tokens"] for body in bodies]

    @pytest.mark.parametrize(
        ("value", "expected"), [(0, 0), (0.5, 0.5), (1.5, 1.0), ("hot", "hot"), (None, None), ([], [])]
    )
    def test_temperature_ends_at_one(self, value: object, expected: object) -> None:
        assert expected == put({"temperature": value})["temperature"]

    @pytest.mark.parametrize(("value", "expected"), [("a", ["a"]), (["a", "b"], ["a", "b"]), (5, 5)])
    def test_stops_are_a_list(self, value: object, expected: object) -> None:
        assert expected == put({"stop": value})["stop_sequences"]

    def test_a_schema_and_an_effort_share_a_key(self) -> None:
        schema = {"type": "object"}
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        body = put({"response_format": wanted, "reasoning_effort": "low"})
        assert {"format": {"type": "json_schema", "schema": schema}, "effort": "low"} == body["output_config"]

    @pytest.mark.parametrize("body", [{"response_format": {"type": "json_object"}}, {"reasoning_effort": "none"}])
    def test_what_cannot_be_demanded_is_left_out(self, body: dict[str, object]) -> None:
        assert {"max_tokens": 1024} == put(body)

    def test_keys_that_only_chat_completions_has_are_left_out_and_unknown_ones_pass(self) -> None:
        body = put(
            {"model": "m", "stream": True, "n": 2, "seed": 7, "stream_options": {}, "x_unknown": [1], "top_k": 5}
        )
        assert {"model": "m", "stream": True, "x_unknown": [1], "top_k": 5, "max_tokens": 1024} == body

    def test_user_and_service_tier_have_names_of_their_own(self) -> None:
        body = put({"user": "u", "service_tier": "default"})
        assert ({"user_id": "u"}, "standard_only") == (body["metadata"], body["service_tier"])

    VALUES = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["role", "content", "tool_calls", "function", "arguments", "image_url", "url", "type"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    )

    @given(value=VALUES)
    def test_any_value_is_put(self, value: object) -> None:
        keys = ("messages", "tools", "tool_choice", "temperature", "stop", "max_tokens", "response_format", "user")
        for key in keys:
            put({key: value})
        put({"messages": [value, {"role": "assistant", "tool_calls": [value]}, {"role": "tool", "content": value}]})

    @given(value=VALUES)
    def test_what_is_put_is_read(self, value: object) -> None:
        read_request(json.dumps(put({"messages": value, "tools": value})).encode())


class TestApi:
    @pytest.mark.parametrize(
        ("base", "url"),
        [
            ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
            ("https://host/v1", "https://host/v1/messages"),
            ("https://host/v1/", "https://host/v1/messages"),
            ("https://host/anthropic/", "https://host/anthropic/v1/messages"),
        ],
    )
    def test_v1_is_not_doubled(self, base: str, url: str) -> None:
        assert url == API.url(base, "m", True)

    def test_the_version_is_sent_always_and_the_key_when_there_is_one(self) -> None:
        version = ("anthropic-version", "2023-06-01")
        assert (("x-api-key", "k"), version) == API.headers("k")
        assert (version,) == API.headers(None)
