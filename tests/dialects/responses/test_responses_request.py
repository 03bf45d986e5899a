"""What a Responses request asked for, and how the words of Chat Completions are put into it."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.data import data_dir
from vapi_conformance.dialects.apis import api_of
from vapi_conformance.dialects.asked import Asked, OfferedTool, Turn
from vapi_conformance.dialects.chat.request import read_request as read_chat_request
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.responses.put import put
from vapi_conformance.dialects.responses.request import read_request
from vapi_conformance.narrow import array_or_nothing, object_or_nothing

JsonObject = Mapping[str, object]
API = api_of(Dialect.OPENAI_RESPONSES)
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {"name": "get_weather", "description": "Weather.", "parameters": PARAMETERS}


def asked(body: Mapping[str, object]) -> Asked:
    found = read_request(json.dumps(body).encode())
    assert found is not None
    return found


class TestRequests:
    def test_without_a_json_object_ask_nothing(self) -> None:
        assert [None, None, None] == [read_request(each) for each in (None, b"{", b"[]")]

    def test_hold_the_prompt_and_the_history(self) -> None:
        items = [
            {"role": "user", "content": "Hi"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes?"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "17 degrees"},
            {"role": "developer", "content": "Be short."},
        ]
        expected = [("system", "Be kind."), ("user", "Hi"), ("assistant", "Yes?"), ("tool", "17 degrees")]
        turns = asked({"instructions": "Be kind.", "input": items}).turns
        assert [*expected, ("system", "Be short.")] == [(each.role, each.text) for each in turns]

    def test_may_be_one_sentence(self) -> None:
        assert (Turn(role="user", text="Hello"),) == asked({"input": "Hello"}).turns

    def test_offer_flat_functions(self) -> None:
        tools = [{"type": "function", **FUNCTION, "strict": True}, {"type": "custom", "name": "calc"}]
        found = asked({"tools": tools})
        assert (OfferedTool(name="get_weather", parameters=PARAMETERS, strict=True),) == found.tools
        assert frozenset({"get_weather", "calc"}) == found.names_offered

    def test_with_tools_behind_tools_offer_unknown_names(self) -> None:
        assert asked({"tools": [{"type": "tool_search"}]}).names_offered is None

    @pytest.mark.parametrize(
        ("sent", "choice", "name"),
        [
            ("none", "none", None),
            ("required", "required", None),
            ({"type": "function", "name": "f"}, "named", "f"),
            ({"type": "allowed_tools", "mode": "required", "tools": []}, "required", None),
            ({"type": "web_search"}, None, None),
            ("sometimes", None, None),
            (7, None, None),
        ],
    )
    def test_say_whether_to_call(self, sent: object, choice: str | None, name: str | None) -> None:
        found = asked({"tool_choice": sent})
        assert (choice, name) == (found.tool_choice, found.named_tool)

    def test_say_the_bound_the_format_and_parallel_calls(self) -> None:
        schema: JsonObject = {"type": "json_schema", "name": "reply", "schema": PARAMETERS}
        found = asked({"max_output_tokens": 16, "text": {"format": schema}, "parallel_tool_calls": False})
        assert (16, False) == (found.max_tokens, found.parallel_tool_calls)
        assert {"type": "json_schema", "json_schema": {"name": "reply", "schema": PARAMETERS}} == found.response_format

    def test_for_a_stream_ask_for_its_usage(self) -> None:
        assert asked({"stream": True}).include_usage
        assert not asked({"stream": False}).include_usage


class TestPut:
    def test_makes_instructions_of_the_first_system_message(self) -> None:
        messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
        assert {"instructions": "Be kind.", "input": messages[1:]} == put({"messages": messages})

    def test_leaves_a_lonely_system_message_in_the_input(self) -> None:
        messages = [{"role": "system", "content": "Greet."}]
        assert {"input": messages} == put({"messages": messages})

    def test_makes_items_of_calls_and_results(self) -> None:
        call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        messages = [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "17"},
            {"role": "assistant", "content": "Wait.", "tool_calls": [call]},
        ]
        item = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
        result = {"type": "function_call_output", "call_id": "call_1", "output": "17"}
        said = {"role": "assistant", "content": "Wait."}
        assert [messages[0], item, result, said, item] == put({"messages": messages})["input"]

    def test_names_parts_by_their_direction(self) -> None:
        text = {"type": "text", "text": "Look"}
        image = {"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}}
        messages = [{"role": "user", "content": [text, image, 7]}, {"role": "assistant", "content": [text]}]
        (mine, theirs) = array_or_nothing(put({"messages": messages})["input"])
        assert [
            {"type": "input_text", "text": "Look"},
            {"type": "input_image", "image_url": "data:x", "detail": "low"},
            7,
        ] == object_or_nothing(mine)["content"]
        assert [{"type": "output_text", "text": "Look"}] == object_or_nothing(theirs)["content"]

    def test_flattens_tools_and_the_choice_of_one(self) -> None:
        body = put(
            {
                "tools": [{"type": "function", "function": FUNCTION}, {"type": "web_search"}],
                "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
            }
        )
        assert [{"type": "function", "strict": False, **FUNCTION}, {"type": "web_search"}] == body["tools"]
        assert {"type": "function", "name": "get_weather"} == body["tool_choice"]

    def test_flattens_the_tools_that_are_allowed(self) -> None:
        allowed = {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}
        body = put({"tool_choice": {"type": "allowed_tools", "allowed_tools": allowed}})
        expected = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}
        assert expected == body["tool_choice"]

    @pytest.mark.parametrize(
        ("chat", "responses"),
        [
            ({"max_tokens": 250}, {"max_output_tokens": 250}),
            ({"max_tokens": 250, "max_completion_tokens": 90}, {"max_output_tokens": 90}),
            ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
            ({"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}),
            ({"stream_options": {"include_obfuscation": False}}, {"stream_options": {"include_obfuscation": False}}),
            ({"response_format": {"type": "json_object"}}, {"text": {"format": {"type": "json_object"}}}),
            (
                {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}},
                {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}},
            ),
            ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
            ({"logprobs": True, "top_logprobs": 2}, {"include": ["message.output_text.logprobs"], "top_logprobs": 2}),
            ({"logprobs": False}, {}),
            ({"temperature": 0.5, "top_p": 1, "user": "u"}, {"temperature": 0.5, "top_p": 1, "user": "u"}),
        ],
    )
    def test_renames_options(self, chat: Mapping[str, object], responses: Mapping[str, object]) -> None:
        assert responses == put(chat)

    @pytest.mark.parametrize(
        ("chat", "responses"),
        [
            ({"temperature": "hot"}, {"temperature": "hot"}),
            ({"messages": {"role": "user"}}, {"input": {"role": "user"}}),
            ({"messages": []}, {"input": []}),
            ({"messages": [7, {"content": "Hi"}]}, {"input": [7, {"content": "Hi"}]}),
            ({"max_tokens": "many"}, {"max_output_tokens": "many"}),
            ({"tools": "all"}, {"tools": "all"}),
            ({"tools": [None]}, {"tools": [None]}),
            ({"stream_options": 7}, {"stream_options": 7}),
            ({"logprobs": "yes"}, {"logprobs": "yes"}),
            ({"response_format": "json"}, {"text": {"format": "json"}}),
            ({"metadata": {"call": "x"}, "n": 2, "seed": 1}, {"metadata": {"call": "x"}, "n": 2, "seed": 1}),
        ],
    )
    def test_passes_wrong_and_unknown_things_on(
        self, chat: Mapping[str, object], responses: Mapping[str, object]
    ) -> None:
        assert responses == put(chat)


CHAT_KEYS = st.sampled_from(
    (
        *("messages", "tools", "tool_choice", "response_format", "stream_options", "logprobs", "max_tokens"),
        *("role", "content", "tool_calls", "function", "custom", "type", "id", "name", "arguments"),
        *("text", "image_url", "url", "json_schema", "allowed_tools"),
    )
)
CHAT_WORDS = st.sampled_from(["system", "user", "assistant", "tool", "function", "custom", "text", "image_url", "x"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | CHAT_WORDS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(CHAT_KEYS, below, max_size=6),
    max_leaves=14,
)


class TestHostileRequests:
    @given(st.dictionaries(CHAT_KEYS, VALUES, max_size=8))
    def test_are_put(self, body: dict[str, object]) -> None:
        before = json.dumps(body)
        asked(put(body))
        assert before == json.dumps(body)

    @given(st.dictionaries(CHAT_KEYS | st.sampled_from(["input", "instructions", "text"]), VALUES, max_size=8))
    def test_are_read(self, body: dict[str, object]) -> None:
        asked(body)

    @given(st.binary(max_size=200))
    def test_of_any_bytes_are_read(self, body: bytes) -> None:
        read_request(body)


def scenario_bodies() -> list[Mapping[str, object]]:
    documents = [json.loads(path.read_text()) for path in sorted((data_dir("fixtures") / "scenarios").glob("*.json"))]
    steps = [step for each in documents for step in array_or_nothing(object_or_nothing(each).get("steps"))]
    return [
        {**({"messages": record["messages"]} if "messages" in record else {}), **object_or_nothing(record.get("body"))}
        | ({"tools": record["tools"]} if "tools" in record else {})
        for record in map(object_or_nothing, steps)
    ]


class TestRoundTrip:
    def test_what_scenarios_ask_is_asked_here_too(self) -> None:
        """Read in either API, the same is wanted. Without null: an item cannot be one."""
        for body in scenario_bodies():
            chat = read_chat_request(json.dumps(body).encode())
            assert chat is not None
            mine = asked(put(body))
            assert [(each.role, each.text) for each in chat.turns if each.text] == [
                (each.role, each.text) for each in mine.turns if each.text
            ]
            assert (chat.tools, chat.tool_choice, chat.named_tool, chat.max_tokens) == (
                mine.tools,
                mine.tool_choice,
                mine.named_tool,
                mine.max_tokens,
            )
            assert chat.response_format == mine.response_format


class TestApi:
    @pytest.mark.parametrize("base", ["http://endpoint.example/v1", "http://endpoint.example/v1/"])
    def test_url_is_below_the_base(self, base: str) -> None:
        assert "http://endpoint.example/v1/responses" == API.url(base, "m", True)

    def test_key_is_a_bearer_token(self) -> None:
        assert (("Authorization", "Bearer k"),) == API.headers("k")
        assert () == API.headers(None)


@needs_shared
class TestRecordings:
    @pytest.mark.parametrize("recording", wire_recordings("openai_responses__"), ids=lambda each: each.name)
    def test_ask_something(self, recording: Recording) -> None:
        body = object_or_nothing(recording.load()["request"])["body"]
        if body is not None:
            found = asked(object_or_nothing(body))
            assert found.model
            assert found.turns
