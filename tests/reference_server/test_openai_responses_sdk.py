"""The official client library holds a Responses conversation with the server and finds nothing strange."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from reference_server.conftest import KEY

if TYPE_CHECKING:
    from collections.abc import Generator

    import openai
    from openai.types.responses import FunctionToolParam, ResponseInputParam

openai_sdk = pytest.importorskip("openai", reason="the official client library is not installed")

TOOLS: list[FunctionToolParam] = [
    {
        "type": "function",
        "name": "get_weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    }
]


@pytest.fixture(scope="module")
def client(locked_url: str) -> Generator[openai.OpenAI]:
    with cast("type[openai.OpenAI]", openai_sdk.OpenAI)(base_url=f"{locked_url}/v1", api_key=KEY, max_retries=0) as sdk:
        yield sdk


class TestConversation:
    def test_whole_answers_with_a_tool_round_that_goes_on_from_the_first(self, client: openai.OpenAI) -> None:
        asked = client.responses.create(model="reference", input="How is the weather?", tools=TOOLS)
        (call,) = asked.output
        assert call.type == "function_call"
        assert json.loads(call.arguments) == {"city": "Paris"}
        told = client.responses.create(
            model="reference",
            tools=TOOLS,
            previous_response_id=asked.id,
            input=[{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"}],
        )
        assert (told.status, told.output_text) == ("completed", "The tool says: Sunny.")
        assert told.usage is not None
        assert told.usage.total_tokens == told.usage.input_tokens + told.usage.output_tokens
        assert client.responses.retrieve(told.id).output_text == told.output_text

    def test_streams_with_a_tool_round_that_nobody_stores(self, client: openai.OpenAI) -> None:
        history: ResponseInputParam = [{"role": "user", "content": "How is the weather?"}]
        with client.responses.stream(model="reference", input=history, tools=TOOLS, store=False) as stream:
            (call,) = stream.until_done().get_final_response().output
        assert call.type == "function_call"
        assert json.loads(call.arguments) == {"city": "Paris"}
        result: ResponseInputParam = [
            {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
            {"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"},
        ]
        history += result
        with client.responses.stream(
            model="reference", input=history, store=False, reasoning={"effort": "low", "summary": "auto"}
        ) as stream:
            deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
            told = stream.get_final_response()
        assert len(deltas) > 1
        assert "".join(deltas) == told.output_text == "The tool says: Sunny."
        assert [item.type for item in told.output] == ["reasoning", "message"]

    def test_errors_become_its_exceptions(self, client: openai.OpenAI) -> None:
        with pytest.raises(openai_sdk.BadRequestError, match="does not exist here"):
            client.responses.create(model="other", input="Hi")
        with pytest.raises(openai_sdk.NotFoundError):
            client.responses.retrieve("resp_unknown")
        with pytest.raises(openai_sdk.AuthenticationError):
            client.with_options(api_key="another-key").responses.create(model="reference", input="Hi")
