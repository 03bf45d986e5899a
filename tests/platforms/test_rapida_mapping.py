"""Rapida's two mapping tables, row by row, with and without the prefix."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from platforms.rapida_files import MODEL, URL, file, refusal
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.platforms.rapida import Platform, direct_keys, load_model_options
from vapi_conformance.schema import errors

CHAT = (Dialect.OPENAI_CHAT_COMPLETIONS, Dialect.OPENAI_COMPATIBLE)
RESPONSES = Dialect.OPENAI_RESPONSES
JSON_SCHEMA: Mapping[str, object] = {
    "type": "json_schema",
    "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
}
TURN: tuple[Mapping[str, object], ...] = ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi."})
TOOL: Mapping[str, object] = {
    "type": "function",
    "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
}

# The tables as Rapida's documentation has them: key, a value of the documented type, values of others.
NUMBER: tuple[object, ...] = ("1", True, None, [1])
TEXT: tuple[object, ...] = (1, True, None, ["a"])
CHAT_TABLE: tuple[tuple[str, object, tuple[object, ...]], ...] = (
    ("temperature", 0.4, NUMBER),
    ("top_p", 0.9, NUMBER),
    ("max_tokens", 512, NUMBER),
    ("max_completion_tokens", 256, NUMBER),
    ("frequency_penalty", 0.5, NUMBER),
    ("presence_penalty", -0.5, NUMBER),
    ("seed", 7, NUMBER),
    ("stop", ["END", "STOP"], ("END", 1, None, ["END", 1])),
    ("tool_choice", "auto", (1, None, {"type": "function"})),
    ("tool_choice", "required", ()),
    ("tool_choice", "none", ()),
    ("response_format", {"type": "text"}, ("text", 1, None, [], {}, {"type": "xml"}, {"type": "json_schema"})),
    ("response_format", {"type": "json_object"}, ()),
    ("response_format", JSON_SCHEMA, ()),
    ("reasoning_effort", "low", TEXT),
    ("user", "caller-7", TEXT),
    ("metadata", {"line": "harbour"}, ("a", 1, None, [], {"line": 1})),
    ("top_logprobs", 3, NUMBER),
)
RESPONSES_TABLE: tuple[tuple[str, object, tuple[object, ...], Mapping[str, object]], ...] = (
    ("temperature", 0.4, NUMBER, {"temperature": 0.4}),
    ("top_p", 0.9, NUMBER, {"top_p": 0.9}),
    ("max_output_tokens", 512, NUMBER, {"max_output_tokens": 512}),
    ("max_completion_tokens", 256, NUMBER, {"max_output_tokens": 256}),
    ("max_tokens", 128, NUMBER, {"max_output_tokens": 128}),
    ("store", True, ("true", 1, None), {"store": True}),
    ("store", False, (), {"store": False}),
    ("service_tier", "flex", TEXT, {"service_tier": "flex"}),
    ("tool_choice", "auto", (1, None, {}), {"tool_choice": "auto"}),
    ("tool_choice", "required", (), {"tool_choice": "required"}),
    ("tool_choice", "none", (), {"tool_choice": "none"}),
    ("response_format", {"type": "text"}, ("text", 1, None), {"text": {"format": {"type": "text"}}}),
    ("response_format", {"type": "json_object"}, (), {"text": {"format": {"type": "json_object"}}}),
    (
        "response_format",
        JSON_SCHEMA,
        (),
        {
            "text": {
                "format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, "strict": True},
            }
        },
    ),
    ("reasoning_effort", "low", TEXT, {"reasoning": {"effort": "low"}}),
    ("user", "caller-7", TEXT, {"user": "caller-7"}),
    ("metadata", {"line": "harbour"}, ("a", {"line": 1}), {"metadata": {"line": "harbour"}}),
    ("top_logprobs", 3, NUMBER, {"top_logprobs": 3}),
)
NOT_ON_CHAT = {"max_output_tokens": 1, "store": True, "service_tier": "flex"}
NOT_ON_RESPONSES = {"frequency_penalty": 1, "presence_penalty": 1, "seed": 1, "stop": ["END"]}
PREFIXES = pytest.mark.parametrize("prefix", ["model.", ""])


def platform(folder: Path, dialect: Dialect, options: Mapping[str, object]) -> Platform:
    return Platform.from_files(None, file(folder, "model.json", {**MODEL, **options}), base_url=URL, dialect=dialect)


@PREFIXES
@pytest.mark.parametrize("dialect", CHAT)
class TestChatTable:
    @pytest.mark.parametrize(("key", "value"), [row[:2] for row in CHAT_TABLE])
    def test_each_key_keeps_its_name_and_value(
        self, tmp_path: Path, dialect: Dialect, prefix: str, key: str, value: object
    ) -> None:
        assert {key: value} == direct_keys({prefix + key: value}, dialect)
        plain = platform(tmp_path, dialect, {}).body(TURN, tools=[TOOL])
        assert plain | {key: value} == platform(tmp_path, dialect, {prefix + key: value}).body(TURN, tools=[TOOL])

    @pytest.mark.parametrize(("key", "value"), NOT_ON_CHAT.items())
    def test_keys_of_the_other_table_are_not_sent(self, dialect: Dialect, prefix: str, key: str, value: object) -> None:
        assert {} == direct_keys({prefix + key: value}, dialect)


@PREFIXES
class TestResponsesTable:
    @pytest.mark.parametrize(("key", "value", "sent"), [(row[0], row[1], row[3]) for row in RESPONSES_TABLE])
    def test_each_key_becomes_what_the_api_calls_it(
        self, tmp_path: Path, prefix: str, key: str, value: object, sent: Mapping[str, object]
    ) -> None:
        plain = platform(tmp_path, RESPONSES, {}).body(TURN, tools=[TOOL])
        assert False is plain["store"]
        assert plain | dict(sent) == platform(tmp_path, RESPONSES, {prefix + key: value}).body(TURN, tools=[TOOL])

    @pytest.mark.parametrize(("key", "value"), [row[:2] for row in RESPONSES_TABLE])
    def test_each_key_reaches_the_request_in_chats_words(self, prefix: str, key: str, value: object) -> None:
        in_chat = "max_completion_tokens" if key in {"max_tokens", "max_output_tokens"} else key
        assert {"store": False} | {in_chat: value} == direct_keys({prefix + key: value}, RESPONSES)

    @pytest.mark.parametrize(("key", "value"), NOT_ON_RESPONSES.items())
    def test_keys_of_the_other_table_are_not_sent(self, prefix: str, key: str, value: object) -> None:
        assert {"store": False} == direct_keys({prefix + key: value}, RESPONSES)

    @pytest.mark.parametrize(
        ("given", "bound"),
        [
            ({"max_tokens": 1, "max_completion_tokens": 2, "max_output_tokens": 3}, 3),
            ({"max_tokens": 1, "max_completion_tokens": 2}, 2),
            ({"max_tokens": 1, "max_output_tokens": 3}, 3),
        ],
    )
    def test_of_several_bounds_the_apis_own_name_wins(
        self, prefix: str, given: Mapping[str, object], bound: int
    ) -> None:
        options = {prefix + key: value for key, value in given.items()}
        assert {"store": False, "max_completion_tokens": bound} == direct_keys(options, RESPONSES)


@PREFIXES
class TestTypes:
    @pytest.mark.parametrize(
        ("key", "value"),
        [(key, wrong) for key, _, values in CHAT_TABLE for wrong in values]
        + [(key, wrong) for key, _, values, _ in RESPONSES_TABLE for wrong in values],
    )
    def test_a_value_of_another_type_is_refused_by_its_key(
        self, tmp_path: Path, prefix: str, key: str, value: object
    ) -> None:
        text = refusal(load_model_options, file(tmp_path, "model.json", {**MODEL, prefix + key: value}))
        assert text.startswith(prefix + key), text
        assert " Rapida expects " in text

    @pytest.mark.parametrize(("key", "value"), [row[:2] for row in (*CHAT_TABLE, *RESPONSES_TABLE)])
    def test_a_value_of_the_documented_type_is_taken(
        self, tmp_path: Path, prefix: str, key: str, value: object
    ) -> None:
        path = file(tmp_path, "model.json", {**MODEL, prefix + key: value})
        assert value == load_model_options(path).direct[prefix + key]


class TestDirectKeys:
    def test_the_prefixed_spelling_wins(self) -> None:
        options = {"temperature": 0, "model.temperature": 1, "model.top_p": 0.1, "top_p": 0.2}
        assert {"temperature": 1, "top_p": 0.1} == direct_keys(options, CHAT[0])

    @pytest.mark.parametrize("dialect", [*CHAT, RESPONSES])
    @pytest.mark.parametrize("choice", ["any", "", "get_time", "AUTO"])
    def test_an_unknown_tool_choice_becomes_none(self, dialect: Dialect, choice: str) -> None:
        assert "none" == direct_keys({"model.tool_choice": choice}, dialect)["tool_choice"]

    @pytest.mark.parametrize("dialect", [Dialect.ANTHROPIC_MESSAGES, Dialect.GEMINI_GENERATE_CONTENT])
    def test_apis_without_a_table_take_chats(self, dialect: Dialect) -> None:
        options = {"model.max_tokens": 1, "model.seed": 2, "model.store": True}
        assert {"max_tokens": 1, "seed": 2} == direct_keys(options, dialect)

    def test_unknown_keys_and_names_are_not_sent(self) -> None:
        assert {} == direct_keys({**MODEL, "model.top_k": 1, "model.parameters": {}}, CHAT[0])


class TestSchemas:
    """The whole request, with every key of its table and nothing else."""

    def test_a_chat_request_follows_its_schema(self, tmp_path: Path) -> None:
        made = platform(tmp_path, CHAT[0], {f"model.{key}": value for key, value, _ in CHAT_TABLE})
        for body in (made.body(TURN, tools=[TOOL]), made.body(TURN), platform(tmp_path, CHAT[0], {}).body(TURN)):
            assert () == errors("rapida/chat-request", body)

    def test_a_responses_request_follows_its_schema(self, tmp_path: Path) -> None:
        made = platform(tmp_path, RESPONSES, {f"model.{key}": value for key, value, *_ in RESPONSES_TABLE})
        for body in (made.body(TURN, tools=[TOOL]), made.body(TURN), platform(tmp_path, RESPONSES, {}).body(TURN)):
            assert () == errors("rapida/responses-request", body)

    @pytest.mark.parametrize("name", ["rapida/chat-request", "rapida/responses-request"])
    def test_a_key_of_nobodys_table_is_refused(self, name: str) -> None:
        common: Mapping[str, object] = {"model": "m", "stream": True}
        whole = {
            "rapida/chat-request": {**common, "messages": list(TURN)},
            "rapida/responses-request": {**common, "input": "Hi.", "store": False},
        }[name]
        assert () == errors(name, whole)
        assert () != errors(name, {**whole, "stream_options": {"include_usage": True}})
        assert () != errors(name, {**whole, "tool_choice": "auto"})

    def test_only_model_parameters_add_other_keys(self, tmp_path: Path) -> None:
        made = platform(tmp_path, CHAT[1], {"model.parameters": {"top_k": 40}})
        (error,) = errors("rapida/chat-request", made.body(TURN))
        assert "'top_k' was unexpected" in error.message
        assert () == errors("rapida/chat-request", made.chat_body(TURN))
