"""What a request asked for, read from bodies of every kind."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_data import Recording, needs_shared, vapi_recordings
from vapi_conformance.dialects.asked import Asked, OfferedTool, Turn
from vapi_conformance.dialects.chat.request import read_request


def asked(**body: object) -> Asked:
    request = read_request(json.dumps(body).encode())
    assert request is not None
    return request


class TestBody:
    @pytest.mark.parametrize("body", [None, b"", b"[]", b'"x"', b"null", b'{"model":', b"\xff\xfe"])
    def test_no_json_object_is_no_request(self, body: bytes | None) -> None:
        assert read_request(body) is None

    @given(body=st.binary(max_size=80))
    def test_any_bytes_are_read(self, body: bytes) -> None:
        read_request(body)

    def test_an_empty_object_asks_for_nothing(self) -> None:
        request = asked()
        assert (None, False, False, 1, None) == (
            request.model,
            request.stream,
            request.include_usage,
            request.n,
            request.max_tokens,
        )
        assert ((), (), (), None, None, {}) == (
            request.turns,
            request.stops,
            request.tools,
            request.tool_choice,
            request.named_tool,
            request.response_format,
        )

    def test_values_of_the_wrong_type_ask_for_nothing(self) -> None:
        request = asked(
            model=1,
            stream="true",
            stream_options=[],
            n="2",
            max_tokens=1.5,
            messages={},
            stop=1,
            tools=1,
            tool_choice=1,
        )
        assert (None, False, False, 1, None) == (
            request.model,
            request.stream,
            request.include_usage,
            request.n,
            request.max_tokens,
        )
        assert ((), (), (), None) == (request.turns, request.stops, request.tools, request.named_tool)


class TestProperties:
    def test_stream_and_usage(self) -> None:
        request = asked(stream=True, stream_options={"include_usage": True})
        assert (True, True) == (request.stream, request.include_usage)

    def test_the_newer_name_of_the_bound_wins(self) -> None:
        assert (5, 5, 9, 0) == (
            asked(max_tokens=5).max_tokens,
            asked(max_tokens=9, max_completion_tokens=5).max_tokens,
            asked(max_tokens=9, max_completion_tokens=None).max_tokens,
            asked(max_tokens=9, max_completion_tokens=0).max_tokens,
        )

    def test_stop_is_a_text_or_several(self) -> None:
        assert (("a",), ("a", "b")) == (asked(stop="a").stops, asked(stop=["a", 1, "b"]).stops)

    def test_turns_are_the_messages_with_a_known_role(self) -> None:
        messages = [1, {"role": "user"}, None, {"role": "developer", "content": [{"text": "a"}, {"text": "b"}]}, {}]
        assert (Turn(role="user", text=""), Turn(role="system", text="a\nb")) == asked(messages=messages).turns

    def test_a_named_tool(self) -> None:
        assert "f" == asked(tool_choice={"type": "function", "function": {"name": "f"}}).named_tool
        assert "named" == asked(tool_choice={"type": "function", "function": {"name": "f"}}).tool_choice
        assert ("required", None) == (
            asked(tool_choice="required").tool_choice,
            asked(tool_choice="required").named_tool,
        )

    def test_the_old_way_to_forbid_calls(self) -> None:
        assert "none" == asked(function_call="none").tool_choice


class TestTools:
    def test_by_both_names(self) -> None:
        parameters = {"type": "object"}
        request = asked(
            tools=[{"type": "function", "function": {"name": "f", "parameters": parameters, "strict": True}}],
            functions=[{"name": "g"}],
        )
        assert (
            OfferedTool(name="f", parameters=parameters, strict=True),
            OfferedTool(name="g", parameters=None, strict=False),
        ) == request.tools

    def test_what_has_no_name_is_no_tool(self) -> None:
        assert () == asked(tools=[1, {}, {"function": None}, {"function": {"name": 1}}], functions=[None]).tools

    @needs_shared
    @pytest.mark.parametrize("recording", vapi_recordings("05-"), ids=lambda each: each.name)
    def test_of_a_recorded_call(self, recording: Recording) -> None:
        body = recording.load()["body"]
        request = read_request(json.dumps(body).encode())
        assert request is not None
        assert request.stream
        assert request.tools
        assert all(tool.parameters is not None for tool in request.tools)
