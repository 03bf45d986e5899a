"""Google's client library holds a conversation with the server and finds nothing strange."""

# Its methods name types of libraries that need not be there, and are not here.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reference_server.conftest import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from google.genai import Client
    from google.genai.types import GenerateContentConfig

genai = pytest.importorskip("google.genai", reason="Google's client library is not installed")


def client_with(url: str, key: str) -> Client:
    from google.genai import Client
    from google.genai.types import HttpOptions

    return Client(api_key=key, http_options=HttpOptions(base_url=url))


@pytest.fixture(scope="module")
def client(locked_url: str) -> Generator[Client]:
    with client_with(locked_url, KEY) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def config() -> GenerateContentConfig:
    from google.genai.types import (
        AutomaticFunctionCallingConfig,
        FunctionDeclaration,
        GenerateContentConfig,
        Schema,
        Tool,
        Type,
    )

    city = Schema(type=Type.OBJECT, properties={"city": Schema(type=Type.STRING)}, required=["city"])
    declared = FunctionDeclaration(name="get_weather", parameters=city)
    return GenerateContentConfig(
        tools=[Tool(function_declarations=[declared])],
        automatic_function_calling=AutomaticFunctionCallingConfig(disable=True),
    )


class TestConversation:
    def test_whole_answers_with_a_tool_round(self, client: Client, config: GenerateContentConfig) -> None:
        from google.genai.types import FinishReason, Part

        chat = client.chats.create(model="reference", config=config)
        asked = chat.send_message("How is the weather?")
        assert asked.function_calls is not None
        (call,) = asked.function_calls
        assert (call.name, call.args) == ("get_weather", {"city": "Paris"})
        told = chat.send_message(Part.from_function_response(name="get_weather", response={"result": "Sunny"}))
        assert told.text == "The tool says: Sunny."
        assert told.candidates is not None
        assert told.candidates[0].finish_reason is FinishReason.STOP

    def test_streams_with_a_tool_round(self, client: Client, config: GenerateContentConfig) -> None:
        from google.genai.types import Part

        chat = client.chats.create(model="reference", config=config)
        calls = [
            call for chunk in chat.send_message_stream("How is the weather?") for call in chunk.function_calls or []
        ]
        assert [(call.name, call.args) for call in calls] == [("get_weather", {"city": "Paris"})]
        result = Part.from_function_response(name="get_weather", response={"result": "Sunny"})
        chunks = list(chat.send_message_stream(result))
        assert len(chunks) > 1
        assert "".join(chunk.text or "" for chunk in chunks) == "The tool says: Sunny."
        counts = chunks[-1].usage_metadata
        assert counts is not None
        assert counts.total_token_count == (counts.prompt_token_count or 0) + (counts.candidates_token_count or 0)

    def test_calls_functions_by_itself(self, client: Client) -> None:
        from google.genai.types import GenerateContentConfig

        def get_weather(city: str) -> str:
            """Weather in a city."""
            return f"Sunny in {city}."

        tools: list[Callable[..., object]] = [get_weather]
        told = client.models.generate_content(
            model="reference", contents="How is the weather?", config=GenerateContentConfig(tools=[*tools])
        )
        assert told.text == "The tool says: Sunny in Paris."

    @pytest.mark.parametrize(
        ("model", "key", "code", "status"),
        [("other", KEY, 404, "NOT_FOUND"), ("reference", "another-key", 400, "INVALID_ARGUMENT")],
    )
    def test_errors_become_its_exceptions(self, locked_url: str, model: str, key: str, code: int, status: str) -> None:
        from google.genai.errors import ClientError

        with client_with(locked_url, key) as client, pytest.raises(ClientError) as refused:
            client.models.generate_content(model=model, contents="Hi")
        assert (refused.value.code, refused.value.status) == (code, status)
