"""What a generateContent request asked for, and how a Chat Completions body becomes one."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.dialects.asked import Asked, OfferedTool, Turn
from vapi_conformance.dialects.chat.request import read_request as read_chat
from vapi_conformance.dialects.gemini.api import API
from vapi_conformance.dialects.gemini.put import put
from vapi_conformance.dialects.gemini.request import allowed_names, read_request, wants_integer_enums, wants_sse
from vapi_conformance.dialects.gemini.tool_schema import from_gemini, to_gemini
from vapi_conformance.dialects.names import EVERY
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.recordings import load_wire
from vapi_conformance.scenario import Scenario, all_scenarios

BASE = "https://endpoint.example"
URL = f"{BASE}/v1beta/models/gemini-2.5-flash:generateContent"
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": ["integer", "null"]}},
    "required": ["city"],
    "additionalProperties": False,
}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "type", "text", "tool_calls", "function", "name", "arguments", "parts"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
SCENARIOS = [each for each in all_scenarios().values() if each.dialects == EVERY]
CHAT_KEYS = ["messages", "tools", "tool_choice", "stop", "response_format", "temperature", "generationConfig", "n"]


def read(body: Mapping[str, object], url: str = URL) -> Asked:
    request = read_request(json.dumps(body).encode(), url)
    assert request is not None
    return request


def asked(**body: object) -> Asked:
    return read(body)


def from_chat(**body: object) -> Asked:
    return read(put(body))


class TestUrl:
    @pytest.mark.parametrize(
        ("base", "path"),
        [
            (BASE, "/v1beta/models/m:generateContent"),
            (f"{BASE}/", "/v1beta/models/m:generateContent"),
            (f"{BASE}/v1", "/v1/models/m:generateContent"),
            (f"{BASE}/v1beta/", "/v1beta/models/m:generateContent"),
            (f"{BASE}/router/google", "/router/google/v1beta/models/m:generateContent"),
            (
                f"{BASE}/v1/projects/p/locations/l/publishers/google",
                "/v1/projects/p/locations/l/publishers/google/models/m:generateContent",
            ),
        ],
    )
    def test_joins_base_and_model(self, base: str, path: str) -> None:
        assert BASE + path == API.url(base, "m", False)

    def test_a_stream_has_a_method_of_its_own_and_asks_for_events(self) -> None:
        assert f"{BASE}/v1/models/m:streamGenerateContent?alt=sse" == API.url(f"{BASE}/v1", "m", True)

    @pytest.mark.parametrize(
        ("model", "path"),
        [("models/m", "models/m"), ("tunedModels/t", "tunedModels/t"), ("a b?#", "models/a%20b%3F%23")],
    )
    def test_names_the_model_as_a_resource(self, model: str, path: str) -> None:
        assert f"{BASE}/v1/{path}:generateContent" == API.url(f"{BASE}/v1", model, False)

    @given(model=st.text(max_size=20), stream=st.booleans())
    def test_what_it_says_can_be_read_again(self, model: str, stream: bool) -> None:
        request = read_request(b"{}", API.url(BASE, model, stream))
        assert request is not None
        if model and "/" not in model:
            assert (model, stream) == (request.model, request.stream)

    def test_the_key_goes_into_a_header(self) -> None:
        assert (("x-goog-api-key", "k"),) == API.headers("k")
        assert () == API.headers(None)


class TestReadRequest:
    @pytest.mark.parametrize("body", [None, b"", b"[]", b'"x"', b"null", b'{"contents":', b"\xff\xfe"])
    def test_no_json_object_is_no_request(self, body: bytes | None) -> None:
        assert read_request(body, URL) is None

    @given(body=st.binary(max_size=80), url=st.text(max_size=40))
    def test_any_bytes_and_any_url_are_read(self, body: bytes, url: str) -> None:
        read_request(body, url)

    @given(
        body=st.dictionaries(
            st.sampled_from(["contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "model"]),
            ANY_JSON
            | st.dictionaries(
                st.sampled_from(["functionDeclarations", "functionCallingConfig", "stopSequences", "responseSchema"]),
                ANY_JSON,
            ),
        )
    )
    def test_any_json_is_read(self, body: dict[str, object]) -> None:
        read(body)

    def test_the_url_says_model_and_stream(self) -> None:
        streamed = read({}, f"{BASE}/v1beta/models/m-1:streamGenerateContent?alt=sse&key=x")
        whole = read({}, f"{BASE}/v1/projects/p/locations/l/publishers/google/models/m%202:generateContent")
        assert ("m-1", True, True) == (streamed.model, streamed.stream, streamed.include_usage)
        assert ("m 2", False, False) == (whole.model, whole.stream, whole.include_usage)

    @pytest.mark.parametrize(
        ("query", "sse", "integers"),
        [
            ("?alt=sse", True, False),
            ("?key=k&%24alt=sse", True, False),
            ("?alt=ssex", False, False),
            ("?$alt=json;enum-encoding=int", False, True),
            ("?%24alt=json%3Benum-encoding%3Dint", False, True),
            ("", False, False),
        ],
    )
    def test_the_query_says_the_form_of_the_answer(self, query: str, sse: bool, integers: bool) -> None:
        assert (sse, integers) == (wants_sse(URL + query), wants_integer_enums(URL + query))

    def test_turns_are_read_in_order_with_the_system_first(self) -> None:
        request = asked(
            contents=[
                {"parts": [{"text": "a"}, {"text": "b"}]},
                {
                    "role": "model",
                    "parts": [{"text": "hm", "thought": True}, {"text": "c"}, {"functionCall": {"name": "f"}}],
                },
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "17"}}}]},
                {"role": "user", "parts": [{"function_response": {"name": "f", "response": {"x": 1}}}, {"text": "d"}]},
            ],
            systemInstruction={"parts": {"text": "s"}},
        )
        assert (
            Turn(role="system", text="s"),
            Turn(role="user", text="a\nb"),
            Turn(role="assistant", text="c"),
            Turn(role="tool", text="17"),
            Turn(role="tool", text='{"x": 1}'),
            Turn(role="user", text="d"),
        ) == request.turns

    @pytest.mark.parametrize("spelling", ["camel", "snake"])
    def test_both_spellings_are_read(self, spelling: str) -> None:
        body = {
            "generationConfig": {"maxOutputTokens": 5, "candidateCount": 2, "stopSequences": ["x"]},
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
        }
        text = json.dumps(body)
        if spelling == "snake":
            for name in (*body, "maxOutputTokens", "candidateCount", "stopSequences", "functionCallingConfig"):
                text = text.replace(name, "".join(f"_{each.lower()}" if each.isupper() else each for each in name))
            text = text.replace("allowedFunctionNames", "allowed_function_names")
            text = text.replace("functionDeclarations", "function_declarations")
            text = text.replace("parametersJsonSchema", "parameters_json_schema")
        request = read_request(text.encode(), URL)
        assert request is not None
        assert (5, 2, ("x",), "named", "f") == (
            request.max_tokens,
            request.n,
            request.stops,
            request.tool_choice,
            request.named_tool,
        )
        assert (OfferedTool(name="f", parameters={"type": "object"}),) == request.tools

    @pytest.mark.parametrize(
        ("mode", "choice"),
        [("AUTO", "auto"), ("ANY", "required"), ("NONE", "none"), ("VALIDATED", "auto"), (2, "required"), ([], None)],
    )
    def test_modes_are_tool_choices(self, mode: object, choice: str | None) -> None:
        request = asked(toolConfig={"functionCallingConfig": {"mode": mode}})
        assert (choice, None) == (request.tool_choice, request.named_tool)

    def test_several_allowed_names_name_none(self) -> None:
        config = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}}
        request = asked(toolConfig=config)
        assert ("required", None) == (request.tool_choice, request.named_tool)
        assert ("f", "g") == allowed_names(request.body)

    def test_tools_that_bring_their_own_names_leave_them_open(self) -> None:
        nothing: dict[str, object] = {}
        assert asked(tools=[{"computerUse": nothing}]).names_offered is None
        assert frozenset() == asked(tools=[{"googleSearch": nothing}]).names_offered

    def test_json_is_a_response_format(self) -> None:
        def formatted(**config: object) -> object:
            return asked(generationConfig=config).response_format

        mime = "application/json"
        assert {} == formatted(responseSchema={"type": "STRING"})
        assert {"type": "json_object"} == formatted(responseMimeType=mime)
        assert {"type": "json_schema", "json_schema": {"name": "response", "schema": {"type": "string"}}} == formatted(
            response_mime_type=mime, responseSchema={"type": "STRING"}
        )


class TestToolSchema:
    def test_there_and_back_keeps_the_meaning(self) -> None:
        told = object_or_nothing(to_gemini(WEATHER))
        assert {"type": "INTEGER", "nullable": True} == object_or_nothing(told["properties"])["days"]
        assert {key: value for key, value in WEATHER.items() if key != "additionalProperties"} == from_gemini(told)

    def test_types_may_be_numbers(self) -> None:
        assert {"type": "object", "properties": {"a": {"type": "string"}}} == from_gemini(
            {"type": 6, "properties": {"a": {"type": 1}}}
        )

    @given(schema=ANY_JSON | st.dictionaries(st.sampled_from(["type", "properties", "items", "anyOf"]), ANY_JSON))
    def test_any_schema_is_translated(self, schema: object) -> None:
        to_gemini(schema)
        from_gemini(schema)

    def test_deep_schemas_end(self) -> None:
        deep: dict[str, object] = {}
        for _ in range(300):
            deep = {"type": "array", "items": deep}
        assert len(json.dumps(to_gemini(deep))) < 2000
        assert len(json.dumps(from_gemini(deep))) < 2000


class TestPut:
    def test_a_conversation_with_a_tool_round(self) -> None:
        body = {
            "model": "m",
            "stream": True,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Weather?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"city": "Lisbon"}'}},
                        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}},
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "17"},
                {"role": "tool", "tool_call_id": "c2", "content": "noon"},
                {"role": "user", "content": [{"type": "text", "text": "And?"}]},
            ],
        }
        assert {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "Weather?"}]},
                {
                    "role": "model",
                    "parts": [
                        {"functionCall": {"id": "c1", "name": "f", "args": {"city": "Lisbon"}}},
                        {"functionCall": {"id": "c2", "name": "g", "args": {}}},
                    ],
                },
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "17"}}},
                        {"functionResponse": {"id": "c2", "name": "g", "response": {"output": "noon"}}},
                    ],
                },
                {"role": "user", "parts": [{"text": "And?"}]},
            ],
        } == put(body)

    def test_parameters_go_into_the_generation_config(self) -> None:
        body: dict[str, object] = {
            "messages": [],
            "temperature": 0.5,
            "top_p": 1,
            "max_tokens": 9,
            "stop": "x",
            "n": 2,
            "seed": 7,
            "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
            "reasoning_effort": "low",
        }
        assert {
            "contents": [],
            "generationConfig": {
                "temperature": 0.5,
                "topP": 1,
                "maxOutputTokens": 9,
                "stopSequences": ["x"],
                "candidateCount": 2,
                "seed": 7,
                "responseMimeType": "application/json",
                "responseJsonSchema": {"type": "object"},
                "thinkingConfig": {"thinkingLevel": "low"},
            },
        } == put(body)

    def test_keys_of_its_own_win_and_unknown_ones_pass(self) -> None:
        body: dict[str, object] = {
            "temperature": 1,
            "generationConfig": {"temperature": 0},
            "safetySettings": [],
            "call": {"id": "x"},
        }
        assert {"generationConfig": {"temperature": 0}, "safetySettings": [], "call": {"id": "x"}} == put(body)

    def test_wrong_values_arrive_under_the_name_they_have_here(self) -> None:
        body = {"messages": {"role": "user"}, "temperature": "hot", "tools": 1, "stop": 5, "tool_choice": 3}
        assert {
            "contents": {"role": "user"},
            "tools": 1,
            "toolConfig": {"functionCallingConfig": {"mode": 3}},
            "generationConfig": {"temperature": "hot", "stopSequences": 5},
        } == put(body)

    @pytest.mark.parametrize(
        ("choice", "config"),
        [
            ("auto", {"mode": "AUTO"}),
            ("required", {"mode": "ANY"}),
            ("none", {"mode": "NONE"}),
            ({"type": "function", "function": {"name": "f"}}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        ],
    )
    def test_tool_choices_are_modes(self, choice: object, config: object) -> None:
        assert {"toolConfig": {"functionCallingConfig": config}} == put({"tool_choice": choice})

    def test_tools_are_declared_in_one_tool_and_own_tools_pass(self) -> None:
        own: dict[str, object] = {"googleSearch": {"excludeDomains": ["endpoint.example"]}}
        tools: list[dict[str, object]] = [
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": WEATHER, "strict": True}},
            own,
            {"type": "function", "function": {"name": "g"}},
        ]
        request = from_chat(tools=tools)
        assert ("f", "g") == tuple(each.name for each in request.tools)
        assert own == array_or_nothing(put({"tools": tools})["tools"])[1]

    def test_images_in_the_request_are_inline_data(self) -> None:
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
        remote = {"type": "image_url", "image_url": {"url": "https://endpoint.example/x.png"}}
        contents = put({"messages": [{"role": "user", "content": [image, remote]}]})["contents"]
        assert [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, remote]}] == (
            contents
        )

    @given(body=st.dictionaries(st.sampled_from(CHAT_KEYS), ANY_JSON))
    def test_any_body_is_put(self, body: dict[str, object]) -> None:
        json.dumps(put(body))

    @pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
    def test_every_scenario_says_the_same_in_both_apis(self, scenario: Scenario) -> None:
        for step in scenario.steps:
            body = {"messages": list(step.messages), "tools": list(step.tools), **step.body}
            chat = read_chat(json.dumps(body).encode())
            request = from_chat(**body)
            assert chat is not None
            if isinstance(body["messages"], list):
                assert sorted(map(repr, chat.turns)) == sorted(map(repr, request.turns))
            assert [each.name for each in chat.tools] == [each.name for each in request.tools]
            assert (chat.tool_choice, chat.named_tool, chat.max_tokens, chat.stops, chat.n) == (
                request.tool_choice,
                request.named_tool,
                request.max_tokens,
                request.stops,
                request.n,
            )


RECORDED = [
    each
    for each in wire_recordings("gemini_generate_content__")
    if object_or_nothing(each.load()["request"]).get("body") is not None
]


@needs_shared
class TestRecordedRequests:
    @pytest.mark.parametrize("recording", RECORDED, ids=lambda each: each.name)
    def test_model_turns_and_tools_are_read(self, recording: Recording) -> None:
        exchange = load_wire(recording.path)
        request = API.read_request(exchange.request.body, exchange.request.url)
        assert request is not None
        assert request.model
        assert request.model.startswith(("gemini-", "invalid-model"))
        assert ("streamGenerateContent" in exchange.request.url) is request.stream
        assert any(turn.role == "user" and turn.text for turn in request.turns)
        declared = str(object_or_nothing(recording.load()["request"])).count("'functionDeclarations'")
        assert (declared > 0) is bool(request.tools)
