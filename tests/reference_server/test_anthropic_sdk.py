"""Anthropic's client library holds a conversation with the server and finds nothing strange."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from reference_server.conftest import KEY

if TYPE_CHECKING:
    from collections.abc import Generator

    import anthropic
    from anthropic.types import MessageParam, ToolParam, ToolUseBlock

anthropic_sdk = pytest.importorskip("anthropic", reason="Anthropic's client library is not installed")

TOOLS: list[ToolParam] = [
    {
        "name": "get_weather",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]
ASKED: MessageParam = {"role": "user", "content": "How is the weather?"}


@pytest.fixture(scope="module")
def client(locked_url: str) -> Generator[anthropic.Anthropic]:
    with cast("type[anthropic.Anthropic]", anthropic_sdk.Anthropic)(
        base_url=locked_url, api_key=KEY, max_retries=0
    ) as sdk:
        yield sdk


def tool_round(call: ToolUseBlock) -> list[MessageParam]:
    """The call as the client gives it back, and its result."""
    return [
        ASKED,
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "Sunny"}]},
    ]


class TestConversation:
    def test_whole_answers_with_a_tool_round(self, client: anthropic.Anthropic) -> None:
        asked = client.messages.create(model="reference", max_tokens=200, messages=[ASKED], tools=TOOLS)
        (call,) = asked.content
        assert call.type == "tool_use"
        assert (asked.stop_reason, call.name, call.input) == ("tool_use", "get_weather", {"city": "Paris"})
        told = client.messages.create(model="reference", max_tokens=200, messages=tool_round(call), tools=TOOLS)
        (text,) = told.content
        assert text.type == "text"
        assert (told.stop_reason, text.text) == ("end_turn", "The tool says: Sunny.")

    def test_streams_with_a_tool_round(self, client: anthropic.Anthropic) -> None:
        with client.messages.stream(model="reference", max_tokens=200, messages=[ASKED], tools=TOOLS) as stream:
            (call,) = stream.get_final_message().content
        assert call.type == "tool_use"
        assert call.input == {"city": "Paris"}
        with client.messages.stream(
            model="reference",
            max_tokens=2000,
            messages=tool_round(call),
            tools=TOOLS,
            thinking={"type": "enabled", "budget_tokens": 1024},
        ) as stream:
            texts = list(stream.text_stream)
            told = stream.get_final_message()
        assert len(texts) > 1
        assert "".join(texts) == "The tool says: Sunny."
        assert [block.type for block in told.content] == ["thinking", "text"]
        assert told.usage.output_tokens > told.usage.input_tokens

    def test_errors_become_its_exceptions(self, client: anthropic.Anthropic) -> None:
        with pytest.raises(anthropic_sdk.NotFoundError, match="does not exist here") as refused:
            client.messages.create(model="other", max_tokens=200, messages=[ASKED])
        assert cast("anthropic.NotFoundError", refused.value).request_id is not None
        with pytest.raises(anthropic_sdk.AuthenticationError):
            client.with_options(api_key="another-key").messages.create(
                model="reference", max_tokens=200, messages=[ASKED]
            )
