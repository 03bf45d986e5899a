"""The official client library holds a conversation with the server and finds nothing strange."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from reference_server.conftest import KEY

if TYPE_CHECKING:
    from collections.abc import Generator

    import openai
    from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

openai_sdk = pytest.importorskip("openai", reason="the official client library is not installed")

TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]


@pytest.fixture(scope="module")
def client(locked_url: str) -> Generator[openai.OpenAI]:
    with cast("type[openai.OpenAI]", openai_sdk.OpenAI)(base_url=f"{locked_url}/v1", api_key=KEY, max_retries=0) as sdk:
        yield sdk


def tool_round(call_id: str, name: str, arguments: str) -> list[ChatCompletionMessageParam]:
    """The call as the client gives it back, and its result."""
    return [
        {
            "role": "assistant",
            "tool_calls": [{"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}],
        },
        {"role": "tool", "tool_call_id": call_id, "content": "Sunny"},
    ]


class TestConversation:
    def test_whole_answers_with_a_tool_round(self, client: openai.OpenAI) -> None:
        messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "How is the weather?"}]
        answer = client.chat.completions.create(model="reference", messages=messages, tools=TOOLS)
        asked = answer.choices[0]
        assert asked.finish_reason == "tool_calls"
        assert asked.message.tool_calls is not None
        (call,) = asked.message.tool_calls
        assert call.type == "function"
        assert json.loads(call.function.arguments) == {"city": "Paris"}
        messages += tool_round(call.id, call.function.name, call.function.arguments)
        told = client.chat.completions.create(model="reference", messages=messages, tools=TOOLS)
        assert told.choices[0].message.content == "The tool says: Sunny."
        assert told.usage is not None
        assert told.usage.total_tokens == told.usage.prompt_tokens + told.usage.completion_tokens

    def test_streams_with_a_tool_round(self, client: openai.OpenAI) -> None:
        messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "How is the weather?"}]
        with client.chat.completions.stream(model="reference", messages=messages, tools=TOOLS) as stream:
            asked = stream.get_final_completion().choices[0]
        assert asked.finish_reason == "tool_calls"
        assert asked.message.tool_calls is not None
        (call,) = asked.message.tool_calls
        assert json.loads(call.function.arguments) == {"city": "Paris"}
        messages += tool_round(call.id, call.function.name, call.function.arguments)
        with client.chat.completions.stream(
            model="reference", messages=messages, stream_options={"include_usage": True}
        ) as stream:
            deltas = [event.delta for event in stream if event.type == "content.delta"]
            told = stream.get_final_completion()
        assert len(deltas) > 1
        assert "".join(deltas) == told.choices[0].message.content == "The tool says: Sunny."
        assert told.usage is not None

    def test_errors_become_its_exceptions(self, client: openai.OpenAI) -> None:
        with pytest.raises(openai_sdk.NotFoundError, match="does not exist here"):
            client.chat.completions.create(model="other", messages=[{"role": "user", "content": "Hi"}])
        with pytest.raises(openai_sdk.AuthenticationError):
            client.with_options(api_key="another-key").chat.completions.create(
                model="reference", messages=[{"role": "user", "content": "Hi"}]
            )
