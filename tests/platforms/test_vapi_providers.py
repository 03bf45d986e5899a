"""Vapi's four providers: their credential and model documents, and what becomes of them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from vapi_conformance.narrow import array_or_nothing
from vapi_conformance.platforms.vapi import ConfigError, Conversation, Envelope, Platform, ToolCall
from vapi_conformance.schema import errors

KEY = "sk-very-secret-0123456789"
OPENAI = "https://api.openai.com/v1"
PROVIDERS: Mapping[str, str] = {
    "custom-llm": "https://llm.acme.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "anyscale": "https://api.endpoints.anyscale.com/v1",
    "together-ai": "https://api.together.xyz/v1",
}
COMMON: Mapping[str, object] = {
    "messages": [{"role": "system", "content": "Be kind."}],
    "tools": [{"type": "endCall"}],
    "temperature": 0,
    "maxTokens": 10000,
    "emotionRecognitionEnabled": False,
    "numFastTurns": 0,
}
CUSTOM: Mapping[str, object] = {
    "headers": {"X-Tenant": "a"},
    "metadataSendMode": "off",
    "timeoutSeconds": 300,
    "wordLevelConfidenceEnabled": True,
}


def file(folder: Path, name: str, document: object) -> Path:
    path = folder / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def model_of(provider: str) -> dict[str, object]:
    """The least that its model object needs."""
    url = {"url": PROVIDERS[provider]} if provider == "custom-llm" else {}
    return {"provider": provider, "model": "m", **url}


@pytest.mark.parametrize("provider", PROVIDERS)
class TestEveryProvider:
    def test_its_documents_follow_our_schemas_with_all_they_may_hold(self, provider: str) -> None:
        model = {**model_of(provider), **COMMON, **(CUSTOM if provider == "custom-llm" else {})}
        assert () == errors("vapi/assistant", {"model": model_of(provider)})
        assert () == errors("vapi/assistant", {"name": "Desk", "model": model})
        assert () == errors("vapi/credential", {"provider": provider, "apiKey": KEY})
        assert () == errors("vapi/credential", {"provider": provider, "apiKey": KEY, "name": "n" * 40})

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("temperature", 2.1),
            ("temperature", -0.1),
            ("temperature", "0"),
            ("maxTokens", 49),
            ("maxTokens", 10001),
            ("numFastTurns", -1),
            ("emotionRecognitionEnabled", 1),
            ("model", ""),
            ("messages", [{"role": "bot", "content": ""}]),
        ],
    )
    def test_a_value_out_of_its_models_bounds_does_not(self, provider: str, option: str, value: object) -> None:
        assert [f"/model/{option}"] == [
            "/".join(error.pointer.split("/")[:3])
            for error in errors("vapi/assistant", {"model": {**model_of(provider), option: value}})
        ]

    @pytest.mark.parametrize(
        "change", [{"apiKey": ""}, {"apiKey": None}, {"apiKey": "two words"}, {"name": ""}, {"name": "n" * 41}]
    )
    def test_a_credential_out_of_its_bounds_does_not(self, provider: str, change: Mapping[str, object]) -> None:
        assert () != errors("vapi/credential", {"provider": provider, "apiKey": KEY, **change})

    def test_the_length_of_a_key_is_bound_where_vapi_bounds_it(self, provider: str) -> None:
        is_bound = provider in {"custom-llm", "anyscale"}
        assert is_bound is bool(errors("vapi/credential", {"provider": provider, "apiKey": "k" * 10001}))
        assert () == errors("vapi/credential", {"provider": provider, "apiKey": "k" * 10000})

    def test_only_a_custom_llm_has_an_oauth2_plan(self, provider: str) -> None:
        plan = {"type": "oauth2", "url": "https://id.acme.com/token", "clientId": "c", "clientSecret": "s"}
        found = errors("vapi/credential", {"provider": provider, "apiKey": KEY, "authenticationPlan": plan})
        assert (provider == "custom-llm") is (found == ())

    def test_is_called_at_its_base_url_with_its_key(self, tmp_path: Path, provider: str) -> None:
        credential = file(tmp_path, "credential.json", {"provider": provider, "apiKey": KEY})
        made = Platform.from_files(file(tmp_path, "assistant.json", {"model": model_of(provider)}), credential)
        assert (PROVIDERS[provider], f"{PROVIDERS[provider]}/chat/completions") == (made.base_url, made.url())
        assert f"Bearer {KEY}" == dict(made.headers())["authorization"]

    def test_takes_no_credential_of_another(self, tmp_path: Path, provider: str) -> None:
        assistant = file(tmp_path, "assistant.json", {"model": model_of(provider)})
        for other in PROVIDERS.keys() - {provider}:
            credential = file(tmp_path, "credential.json", {"provider": other, "apiKey": KEY})
            with pytest.raises(ConfigError, match=f"provider is {other!r}, but the assistant's model has {provider!r}"):
                Platform.from_files(assistant, credential)


class TestProvidersWithoutOwnOptions:
    @pytest.mark.parametrize("provider", ["openrouter", "anyscale", "together-ai"])
    def test_are_sent_no_data_of_the_caller(self, tmp_path: Path, provider: str) -> None:
        credential = file(tmp_path, "credential.json", {"provider": provider, "apiKey": KEY})
        assistant = file(tmp_path, "assistant.json", {"model": model_of(provider), "metadata": {"a": 1}})
        turn = Conversation().user("Hi.")
        for made in (Platform.from_files(assistant, credential), Platform.from_files(credential=credential)):
            assert ["model", "messages", "temperature", "stream", "max_tokens"] == list(made.body(turn))

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("url", "https://other.acme.com"),
            ("headers", {"X-A": "line\nbreak"}),
            ("metadataSendMode", "variable"),
            ("timeoutSeconds", "soon"),
            ("wordLevelConfidenceEnabled", True),
        ],
    )
    def test_ignore_a_custom_llms_options_whatever_they_hold_and_say_so(
        self, tmp_path: Path, option: str, value: object
    ) -> None:
        model = {**model_of("openrouter"), option: value}
        made = Platform.from_files(file(tmp_path, "assistant.json", {"model": model}), api_key=KEY)
        plain = Platform.from_files(file(tmp_path, "assistant.json", {"model": model_of("openrouter")}), api_key=KEY)
        assert (plain.base_url, plain.headers(), plain.timeout_s) == (made.base_url, made.headers(), made.timeout_s)
        (lint,) = made.lints()
        assert f"warning: model.{option} is no option of provider openrouter and not used" == str(lint)

    def test_a_custom_llms_options_are_its_own(self, tmp_path: Path) -> None:
        model = {**model_of("custom-llm"), **CUSTOM}
        assert () == Platform.from_files(file(tmp_path, "assistant.json", {"model": model}), api_key=KEY).lints()


TOOLS: tuple[Mapping[str, object], ...] = (
    {
        "type": "function",
        "async": False,
        "server": {"url": "https://tools.acme.com"},
        "function": {
            "name": "find_slot",
            "description": "Finds a slot.",
            "parameters": {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]},
            "strict": True,
        },
    },
    {"type": "endCall"},
    {"type": "transferCall", "destinations": [{"type": "number", "number": "+12125550100"}]},
)
TALK = (
    Conversation()
    .system("Be kind.")
    .assistant("Hello.")
    .user("Tomorrow?")
    .tools(
        ToolCall(id="call_1", name="find_slot", arguments='{"day":"tomorrow"}', result="Nine."), filler="One moment."
    )
    .assistant("Nine is free.")
    .user("Good.")
)


class TestFineTunedOpenAi:
    """Vapi's guide: provider custom-llm, OpenAI's own URL and key, metadataSendMode off (facts on Vapi, 6.3)."""

    def made(self, folder: Path, mode: str | None) -> Platform:
        model = {
            "provider": "custom-llm",
            "model": "ft:gpt-4o-mini-2024-07-18:acme::abc123",
            "url": OPENAI,
            "temperature": 0.2,
            "maxTokens": 500,
            "timeoutSeconds": 30,
            "wordLevelConfidenceEnabled": True,
            "emotionRecognitionEnabled": True,
            "numFastTurns": 1,
            "messages": [{"role": "system", "content": "Be kind."}],
            "tools": TOOLS,
        }
        document = {
            "name": "Desk",
            "firstMessage": "Hello.",
            "metadata": {"branch": "harbour"},
            "model": model | ({} if mode is None else {"metadataSendMode": mode}),
        }
        return Platform.from_files(
            file(folder, "assistant.json", document),
            file(folder, "credential.json", {"provider": "custom-llm", "apiKey": KEY}),
        )

    def refused_keys(self, platform: Platform) -> set[str]:
        """What OpenAI would answer 400 to, by the schema of its request."""
        found: set[str] = set()
        for conversation in (platform.conversation(), TALK):
            for error in errors("openai/chat-request-strict", platform.body(conversation)):
                found |= set(re.findall(r"'(\w+)'", error.message)) if error.pointer == "" else {error.pointer}
        return found

    def test_is_called_at_openai_with_the_users_key(self, tmp_path: Path) -> None:
        made = self.made(tmp_path, "off")
        assert (f"{OPENAI}/chat/completions", f"Bearer {KEY}") == (made.url(), dict(made.headers())["authorization"])

    def test_with_mode_off_sends_not_one_key_that_openai_would_refuse(self, tmp_path: Path) -> None:
        made = self.made(tmp_path, "off")
        assert set() == self.refused_keys(made)
        body = made.body(TALK)
        assert ["model", "messages", "temperature", "tools", "stream", "max_tokens"] == list(body)
        assert len(TOOLS) == len(array_or_nothing(body["tools"]))

    @pytest.mark.parametrize(
        ("mode", "keys"),
        [
            (None, {"call", "phoneNumber", "customer", "assistant", "timestamp", "/metadata/numUserTurns"}),
            ("variable", {"call", "phoneNumber", "customer", "assistant", "timestamp", "/metadata/numUserTurns"}),
            ("destructured", {"call", "phoneNumber", "customer", "assistant", "timestamp", "branch", "numUserTurns"}),
        ],
    )
    def test_with_any_other_mode_the_same_test_finds_them(
        self, tmp_path: Path, mode: Envelope | None, keys: set[str]
    ) -> None:
        assert keys <= self.refused_keys(self.made(tmp_path, mode))

    @pytest.mark.parametrize("mode", [None, "variable", "destructured"])
    def test_with_any_other_mode_the_user_is_told(self, tmp_path: Path, mode: str | None) -> None:
        errors_told = [each for each in self.made(tmp_path, mode).lints() if each.level == "error"]
        assert ["model.metadataSendMode"] == [each.field for each in errors_told]
        assert "must be off for api.openai.com" in errors_told[0].message

    def test_with_mode_off_there_is_no_error_to_tell(self, tmp_path: Path) -> None:
        assert [] == [each for each in self.made(tmp_path, "off").lints() if each.level == "error"]


class TestStrictSchema:
    @pytest.mark.parametrize("key", ["call", "customer", "top_k", "metadataSendMode"])
    def test_refuses_a_key_that_openai_does_not_know(self, key: str) -> None:
        sound: Mapping[str, object] = {"model": "m", "messages": [{"role": "user", "content": "Hi."}]}
        assert () == errors("openai/chat-request-strict", sound)
        messages = [error.message for error in errors("openai/chat-request-strict", {**sound, key: {}})]
        assert messages
        assert all(f"'{key}'" in each for each in messages)

    def test_refuses_one_inside_a_message_a_tool_and_a_call(self) -> None:
        tool = {"type": "function", "function": {"name": "f"}}
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        user: Mapping[str, object] = {"role": "user", "content": "Hi."}
        for change in (
            {"messages": [{**user, "time": 1}]},
            {"messages": [user], "tools": [{**tool, "server": {}}]},
            {"messages": [{"role": "assistant", "tool_calls": [{**call, "time": 1}]}]},
        ):
            assert () != errors("openai/chat-request-strict", {"model": "m", **change})
