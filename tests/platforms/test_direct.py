"""Nobody between: what is sent is what the API's own client would send, and nothing else."""

import json
from collections.abc import Mapping

import pytest

from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.platforms.calling import Calling, native_body, patched
from vapi_conformance.platforms.direct import DEFAULT_MODELS, Direct
from vapi_conformance.problems import UsageError

KEY = "sk-0123456789abcdef"
HELLO: Mapping[str, object] = {"role": "user", "content": "Hello"}
TOOL: Mapping[str, object] = {
    "type": "function",
    "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
}
URLS = {
    Dialect.OPENAI_CHAT_COMPLETIONS: ("https://llm.example/v1", "https://llm.example/v1/chat/completions"),
    Dialect.OPENAI_COMPATIBLE: ("https://llm.example/v1/", "https://llm.example/v1/chat/completions"),
    Dialect.OPENAI_RESPONSES: ("https://llm.example/v1", "https://llm.example/v1/responses"),
    Dialect.ANTHROPIC_MESSAGES: ("https://llm.example", "https://llm.example/v1/messages"),
    Dialect.GEMINI_GENERATE_CONTENT: (
        "https://llm.example",
        "https://llm.example/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    ),
}
KEYS = {
    Dialect.OPENAI_CHAT_COMPLETIONS: ("Authorization", f"Bearer {KEY}"),
    Dialect.OPENAI_COMPATIBLE: ("Authorization", f"Bearer {KEY}"),
    Dialect.OPENAI_RESPONSES: ("Authorization", f"Bearer {KEY}"),
    Dialect.ANTHROPIC_MESSAGES: ("x-api-key", KEY),
    Dialect.GEMINI_GENERATE_CONTENT: ("x-goog-api-key", KEY),
}


def direct(dialect: Dialect, **changes: object) -> Direct:
    settings: dict[str, object] = {"base_url": URLS[dialect][0], "api_key": KEY, **changes}
    return Direct.made(dialect=dialect, **settings)  # type: ignore[arg-type]  # test data


@pytest.mark.parametrize("dialect", sorted(EVERY))
class TestRequest:
    def test_goes_to_the_path_of_the_api(self, dialect: Dialect) -> None:
        assert URLS[dialect][1] == direct(dialect).url()

    def test_carries_the_key_where_the_api_wants_it(self, dialect: Dialect) -> None:
        assert KEYS[dialect] in direct(dialect).headers()
        wrong = dict(direct(dialect).headers(bearer="wrong"))
        assert KEYS[dialect][1].replace(KEY, "wrong") == wrong[KEYS[dialect][0]]

    def test_without_a_key_carries_none(self, dialect: Dialect) -> None:
        found = direct(dialect, api_key=None)
        assert KEYS[dialect][0].lower() not in {name.lower() for name, _ in found.headers()}
        assert (False, ()) == (found.has_key, found.secrets)

    def test_holds_what_was_asked_in_the_words_of_the_api(self, dialect: Dialect) -> None:
        platform: Calling = direct(dialect)
        chat = platform.chat_body([HELLO], tools=[TOOL], mode=None)
        text = json.dumps(native_body(platform, chat, {}))
        assert "Hello" in text
        assert "get_time" in text
        assert "1024" in text

    def test_of_a_probe_holds_what_the_probe_changes(self, dialect: Dialect) -> None:
        platform = direct(dialect)
        chat = platform.chat_body([HELLO], tools=[], mode=None)
        plain, changed = native_body(platform, chat, {}), native_body(platform, chat, {"max_tokens": 17})
        assert ("17" in json.dumps(changed), "1024" in json.dumps(changed)) == (True, False)
        assert plain.keys() == changed.keys()

    def test_names_a_model_of_that_api(self, dialect: Dialect) -> None:
        assert DEFAULT_MODELS[dialect] == direct(dialect).model
        assert "other" == direct(dialect, model="other").model


class TestRest:
    def test_answers_are_not_to_be_kept(self) -> None:
        assert direct(Dialect.OPENAI_RESPONSES).chat_body([HELLO], tools=[], mode=None)["store"] is False
        assert "store" not in direct(Dialect.OPENAI_COMPATIBLE).chat_body([HELLO], tools=[], mode=None)

    def test_a_header_of_the_users_wins_and_is_a_secret_where_its_name_says_so(self) -> None:
        found = direct(Dialect.ANTHROPIC_MESSAGES, api_key=None, headers={"X-Api-Key": "mine", "user-agent": "me"})
        assert {("X-Api-Key", "mine"), ("user-agent", "me")} <= set(found.headers())
        assert (True, ("mine",)) == (found.has_key, found.secrets)

    def test_nothing_secret_is_in_the_repr(self) -> None:
        shown = repr(direct(Dialect.ANTHROPIC_MESSAGES, headers={"x-token": "hidden-value"}))
        assert KEY not in shown
        assert "hidden-value" not in shown

    @pytest.mark.parametrize("changes", [{"base_url": "llm.example"}, {"api_key": "a b"}, {"headers": {"a b": "c"}}])
    def test_what_cannot_be_sent_is_a_usage_error(self, changes: dict[str, object]) -> None:
        with pytest.raises(UsageError):
            direct(Dialect.OPENAI_RESPONSES, **changes)

    def test_has_no_prompt_no_extra_keys_no_remarks_and_no_caller(self) -> None:
        platform = direct(Dialect.OPENAI_RESPONSES)
        assert ((), {}, (), platform) == (
            platform.system_prompts,
            platform.extra,
            platform.lints(),
            platform.in_call(7),
        )


class TestPatched:
    def test_sets_in_place_and_takes_away(self) -> None:
        assert {"a": 2, "c": None, "d": 1} == patched({"a": 1, "b": 1, "c": None}, {"a": 2, "b": None, "d": 1})
