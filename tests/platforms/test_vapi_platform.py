"""The platform as the suite uses it: files and options in, requests out."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from fake_tokens import FakeTokens
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.platforms.vapi import (
    KEY_WITHOUT_CREDENTIAL,
    Assistant,
    ConfigError,
    Conversation,
    Envelope,
    Era,
    Platform,
    ToolCall,
    TurnCounters,
)
from vapi_conformance.platforms.vapi.assistant import Model
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import errors

SECRET = "sk-very-secret-0123456789"
URL = "https://llm.example/v1"
TURN = Conversation().system("Be kind.").assistant("Hello.").user("Hi.")
TOOL: Mapping[str, object] = {"type": "function", "function": {"name": "get_time"}}
OPENAI_KEYS = ["model", "messages", "temperature", "stream", "max_tokens"]


def file(folder: Path, name: str, document: object) -> Path:
    path = folder / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def assistant_file(folder: Path, **model: object) -> Path:
    return file(folder, "assistant.json", {"model": {"provider": "custom-llm", "model": "m", "url": URL} | model})


def platform(model: Model | None = None, *, metadata: Mapping[str, object] | None = None) -> Platform:
    return Platform(assistant=Assistant(model=model or Model(), metadata=metadata or {}), base_url=URL, seed=7)


OFF = Model(metadata_send_mode="off")
DESTRUCTURED = Model(metadata_send_mode="destructured")


class TestFromFiles:
    def test_an_endpoint_is_enough(self) -> None:
        made = Platform.from_files(base_url=URL)
        assert (f"{URL}/chat/completions", "gpt-4o", 20.0) == (made.url(), made.model, made.timeout_s)

    def test_an_assistant_is_enough(self, tmp_path: Path) -> None:
        made = Platform.from_files(assistant_file(tmp_path, timeoutSeconds=9))
        assert (f"{URL}/chat/completions", "m", 9.0) == (made.url(), made.model, made.timeout_s)

    def test_neither_is_a_usage_error(self) -> None:
        with pytest.raises(UsageError, match="no endpoint: give its base URL, or an assistant whose model has a url"):
            Platform.from_files()

    def test_what_is_given_wins_over_the_files(self, tmp_path: Path) -> None:
        credential = file(tmp_path, "credential.json", {"provider": "custom-llm", "apiKey": "stored"})
        made = Platform.from_files(
            assistant_file(tmp_path, headers={"X-A": "1", "X-B": "2"}),
            credential,
            base_url="http://localhost:8000",
            model="mine",
            headers={"x-a": "3"},
            api_key=SECRET,
        )
        headers = dict(made.headers())
        assert ("http://localhost:8000/chat/completions", "mine") == (made.url(), made.body(TURN)["model"])
        assert (f"Bearer {SECRET}", "3", "2") == (headers["authorization"], headers["x-a"], headers["X-B"])
        assert "X-A" not in headers

    @pytest.mark.parametrize(
        ("provider", "url"),
        [
            ("openrouter", "https://openrouter.ai/api/v1/chat/completions"),
            ("anyscale", "https://api.endpoints.anyscale.com/v1/chat/completions"),
            ("together-ai", "https://api.together.xyz/v1/chat/completions"),
        ],
    )
    def test_other_providers_are_called_at_their_public_api_with_their_key(
        self, tmp_path: Path, provider: str, url: str
    ) -> None:
        assistant = file(tmp_path, "assistant.json", {"model": {"provider": provider, "model": "m"}})
        credential = file(tmp_path, "credential.json", {"provider": provider, "apiKey": SECRET})
        for made in (Platform.from_files(assistant, credential), Platform.from_files(credential=credential)):
            assert (url, f"Bearer {SECRET}") == (made.url(), dict(made.headers())["authorization"])

    def test_a_credential_of_another_provider_is_refused(self, tmp_path: Path) -> None:
        credential = file(tmp_path, "credential.json", {"provider": "openrouter", "apiKey": SECRET})
        with pytest.raises(ConfigError, match="provider is 'openrouter', but the assistant's model has 'custom-llm'"):
            Platform.from_files(assistant_file(tmp_path), credential)

    def test_a_credential_inside_the_assistant_is_used(self, tmp_path: Path) -> None:
        inline = [{"provider": "11labs", "apiKey": "no"}, {"provider": "custom-llm", "apiKey": SECRET}]
        model = {"provider": "custom-llm", "model": "m", "url": URL}
        made = Platform.from_files(file(tmp_path, "assistant.json", {"model": model, "credentials": inline}))
        assert f"Bearer {SECRET}" == dict(made.headers())["authorization"]

    def test_an_oauth2_plan_is_handed_on_unless_a_key_is_given(self, tmp_path: Path) -> None:
        plan = {"type": "oauth2", "url": "https://id.example/token", "clientId": "c", "clientSecret": SECRET}
        document = {"provider": "custom-llm", "apiKey": "unused", "authenticationPlan": plan}
        credential = file(tmp_path, "credential.json", document)
        made = Platform.from_files(credential=credential, base_url=URL)
        assert made.oauth2 is not None
        assert ("https://id.example/token", "Bearer token") == (
            made.oauth2.token_url,
            dict(made.headers(bearer="token"))["authorization"],
        )
        assert {"unused", SECRET} == set(made.secrets)
        assert None is Platform.from_files(credential=credential, base_url=URL, api_key="k").oauth2

    def test_so_is_the_plan_of_a_credential_inside_the_assistant(self, tmp_path: Path) -> None:
        plan = {"type": "oauth2", "url": "https://id.example/token", "clientId": "c", "clientSecret": SECRET}
        inline = [{"provider": "custom-llm", "apiKey": "unused", "authenticationPlan": plan}]
        model = {"provider": "custom-llm", "model": "m", "url": URL}
        made = Platform.from_files(file(tmp_path, "assistant.json", {"model": model, "credentials": inline}))
        assert made.oauth2 is not None
        assert (SECRET, None) == (made.oauth2.client_secret, made.oauth2.scope)

    def test_tokens_are_sent_in_place_of_the_key_and_nothing_overrides_them(self) -> None:
        headers = {"Authorization": "Bearer of-the-user", "AUTHORIZATION": "Bearer of-another", "X-A": "1"}
        keyed = Platform.from_files(base_url=URL, api_key="the-key", headers=headers)
        made = replace(keyed, tokens=FakeTokens(60))
        sent = [(name, value) for name, value in made.headers() if name.lower() in ("authorization", "x-a")]
        assert [("authorization", "Bearer token-1"), ("X-A", "1")] == sent
        assert ("authorization", "Bearer wrong") in made.headers(bearer="wrong")
        assert "Authorization is not sent" in " ".join(map(str, made.lints()))

    def test_tokens_are_something_an_endpoint_can_check(self) -> None:
        bare = Platform.from_files(base_url=URL)
        assert [False, True] == [each.has_key for each in (bare, replace(bare, tokens=FakeTokens(60)))]
        assert "credential is not given" in " ".join(map(str, bare.lints()))
        assert "credential is not given" not in " ".join(map(str, replace(bare, tokens=FakeTokens(60)).lints()))

    @pytest.mark.parametrize("key", ["", "two words", "line\n", "schlüssel"])
    def test_a_key_no_header_can_carry_is_refused_without_printing_it(self, key: str) -> None:
        with pytest.raises(UsageError) as caught:
            Platform.from_files(base_url=URL, api_key=key)
        assert str(caught.value).startswith("the API key is empty or holds characters")
        assert not key or key not in str(caught.value)

    def test_headers_that_cannot_be_sent_are_refused(self) -> None:
        with pytest.raises(UsageError, match="'X A' is no header name"):
            Platform.from_files(base_url=URL, headers={"X A": "1"})

    def test_no_credential_is_a_placeholder(self) -> None:
        assert f"Bearer {KEY_WITHOUT_CREDENTIAL}" == dict(Platform.from_files(base_url=URL).headers())["authorization"]

    def test_its_repr_shows_no_secret(self, tmp_path: Path) -> None:
        made = Platform.from_files(
            assistant_file(tmp_path, headers={"X-Key": SECRET}), headers={"X-Other": SECRET}, api_key=SECRET
        )
        assert SECRET not in repr(made)
        assert (SECRET,) == made.secrets

    def test_headers_whose_name_says_so_hold_secrets(self) -> None:
        headers = {"X-Api-Key": "one", "Cookie": "two", "X-Env": "production"}
        assert ("one", "two") == Platform.from_files(base_url=URL, headers=headers).secrets


class TestConversation:
    def test_begins_with_prompt_and_first_message(self, tmp_path: Path) -> None:
        messages = [{"role": "system", "content": "Be kind."}, {"role": "function", "content": None}]
        model = {"provider": "custom-llm", "model": "m", "url": URL, "messages": messages}
        for mode, roles in (
            ("assistant-speaks-first", ["system", "assistant"]),
            ("assistant-waits-for-user", ["system"]),
            ("assistant-speaks-first-with-model-generated-message", ["system"]),
        ):
            document = {"model": model, "firstMessage": "Hello.", "firstMessageMode": mode}
            begun = Platform.from_files(file(tmp_path, "assistant.json", document)).conversation()
            assert roles == [each["role"] for each in begun.messages()]


class TestBody:
    def test_has_vapis_keys_in_order(self) -> None:
        expected = [*OPENAI_KEYS[:3], "tools", *OPENAI_KEYS[3:], "call", "phoneNumber", "customer", "assistant"]
        assert [*expected, "metadata", "timestamp"] == list(platform().body(TURN, tools=[TOOL]))

    def test_has_no_tools_key_without_tools(self) -> None:
        assert "tools" not in platform().body(TURN, tools=[])

    def test_has_defaults_of_vapi_and_always_streams(self) -> None:
        body = platform().body(TURN)
        assert (0.5, 250, True) == (body["temperature"], body["max_tokens"], body["stream"])

    def test_off_is_openais_keys_and_nothing_else(self) -> None:
        assert OPENAI_KEYS == list(platform(OFF, metadata={"a": 1}).body(TURN))

    def test_variable_adds_metadata_with_the_counters(self) -> None:
        expected = {
            "branch": "harbour",
            "numAssistantTurns": 1,
            "numUserTurns": 1,
            "numModelRequestInTurn": 0,
            "assistantTurnInterrupted": False,
        }
        assert expected == platform(metadata={"branch": "harbour"}).body(TURN)["metadata"]

    def test_destructured_spreads_them_and_replaces_no_key(self) -> None:
        made = platform(DESTRUCTURED, metadata={"branch": "harbour", "messages": "gone"})
        body = made.body(TURN)
        assert "metadata" not in body
        assert ("harbour", 1, TURN.messages()) == (body["branch"], body["numUserTurns"], body["messages"])
        assert {"call", "phoneNumber", "customer"} <= set(body)

    @pytest.mark.parametrize("mode", ["off", "variable", "destructured", "empty-metadata"])
    @pytest.mark.parametrize("era", Era)
    def test_follows_the_schema_in_every_mode_and_era(self, mode: Envelope, era: Era) -> None:
        body = platform(metadata={"branch": "harbour"}).body(TURN, tools=[TOOL], mode=mode, era=era)
        assert () == errors("vapi/chat-request", body)

    def test_empty_metadata_is_an_empty_object(self) -> None:
        assert {} == platform(metadata={"a": 1}).body(TURN, mode="empty-metadata")["metadata"]

    def test_overrides_come_last_in_place_or_at_the_end(self) -> None:
        body = platform().body(TURN, mode="off", overrides={"max_tokens": 5, "seed": 1, "temperature": None})
        assert [*OPENAI_KEYS, "seed"] == list(body)
        assert (5, None) == (body["max_tokens"], body["temperature"])

    def test_takes_a_message_list_as_it_is(self) -> None:
        odd: list[Mapping[str, object]] = [{"role": "user", "content": "a"}, {"role": "user", "content": None}]
        assert odd == platform().body(odd)["messages"]

    def test_is_the_same_each_time_and_its_own(self) -> None:
        made = platform()
        first = made.body(TURN)
        first["call"] = None
        cast("dict[str, object]", first["metadata"]).clear()
        assert made.body(TURN) == platform().body(TURN)
        assert made.body(TURN)["call"] is not None

    def test_call_stays_the_same_while_the_conversation_goes_on(self) -> None:
        made = platform()
        assert made.body(TURN)["call"] == made.body(TURN.assistant("Yes?").user("Bye."))["call"]

    def test_another_seed_is_another_call(self) -> None:
        made = platform()
        assert made.body(TURN)["call"] != replace(made, seed=8).body(TURN)["call"]

    def test_the_assistant_is_sent_without_what_may_be_secret(self, tmp_path: Path) -> None:
        path = assistant_file(
            tmp_path, headers={"X-Key": SECRET}, tools=[{"type": "endCall", "server": {"secret": SECRET}}]
        )
        document = json.loads(path.read_text(encoding="utf-8"))
        document |= {
            "id": "a1",
            "server": {"url": "https://x.example", "secret": SECRET},
            "voice": {"provider": "vapi"},
        }
        document["credentials"] = [{"provider": "custom-llm", "apiKey": SECRET}]
        body = Platform.from_files(file(tmp_path, "full.json", document)).body(TURN)
        assert SECRET not in json.dumps(body)
        sent = object_or_nothing(body["assistant"])
        assert ("a1", {"provider": "vapi"}, {"url": "https://x.example"}) == (sent["id"], sent["voice"], sent["server"])

    def test_december_2024_has_credentials_and_no_counters(self) -> None:
        body = platform(metadata={"a": 1}).body(TURN, era=Era.WEB_2024_12)
        assert [*OPENAI_KEYS, "call", "metadata", "credentials"] == list(body)
        assert {"a": 1} == body["metadata"]


class TestTurnCounters:
    def test_are_zero_before_anyone_spoke(self) -> None:
        assert TurnCounters() == TurnCounters.of(Conversation().system("Be kind.").messages())

    def test_count_what_was_said_but_no_tool_calls(self) -> None:
        talk = TURN.tools(ToolCall(id="c", name="n")).assistant("Done.").user("Thanks.")
        assert TurnCounters(assistant_turns=2, user_turns=2) == TurnCounters.of(talk.messages())

    def test_a_turn_requested_again_was_interrupted(self) -> None:
        again = TurnCounters(user_turns=1).requested_again().requested_again()
        assert (2, True, 1) == (again.model_requests_in_turn, again.interrupted, again.user_turns)


class TestLints:
    def found(self, made: Platform) -> dict[str, str]:
        return {lint.field: lint.level for lint in made.lints()}

    def lint(self, folder: Path, **model: object) -> dict[str, str]:
        document = {"provider": "custom-llm", "model": "m", "url": "https://llm.acme.com/v1"} | model
        path = file(folder, "assistant.json", {"model": document})
        return self.found(Platform.from_files(path, api_key="k"))

    def test_a_sound_configuration_has_none(self, tmp_path: Path) -> None:
        assert {} == self.lint(tmp_path)

    @pytest.mark.parametrize(
        ("option", "value", "level"),
        [
            ("temperature", 1.2, "warning"),
            ("maxTokens", 60, "warning"),
            ("timeoutSeconds", 0, "warning"),
            ("timeoutSeconds", 19, "warning"),
            ("timeoutSeconds", 301, "warning"),
            ("toolIds", ["t"], "warning"),
            ("knowledgeBase", {"provider": "google"}, "info"),
            ("emotionRecognitionEnabled", True, "info"),
            ("numFastTurns", 2, "info"),
        ],
    )
    def test_an_odd_value_is_named(self, tmp_path: Path, option: str, value: object, level: str) -> None:
        assert {f"model.{option}": level} == self.lint(tmp_path, **{option: value})

    @pytest.mark.parametrize(
        ("option", "value"),
        [("temperature", 1), ("maxTokens", 100), ("timeoutSeconds", 20), ("timeoutSeconds", 300), ("toolIds", [])],
    )
    def test_a_usual_value_is_not(self, tmp_path: Path, option: str, value: object) -> None:
        assert {} == self.lint(tmp_path, **{option: value})

    def test_openai_itself_needs_mode_off(self, tmp_path: Path) -> None:
        openai = "https://api.openai.com/v1"
        assert {"model.metadataSendMode": "error"} == self.lint(tmp_path, url=openai)
        assert {} == self.lint(tmp_path, url=openai, metadataSendMode="off")

    def test_tools_that_only_vapi_can_expand_are_named(self, tmp_path: Path) -> None:
        function = {"name": "bad name", "description": "d" * 1000}
        tools = [{"type": "endCall"}, {"type": "dtmf"}, {"type": "function", "function": function}]
        expected = {
            "model.tools[1]": "info",
            "model.tools[2].function.name": "warning",
            "model.tools[2].function.description": "warning",
        }
        assert expected == self.lint(tmp_path, tools=tools)

    def test_headers_that_are_not_sent_are_named(self, tmp_path: Path) -> None:
        assert {"model.headers.Authorization": "warning"} == self.lint(tmp_path, headers={"Authorization": "x"})

    def test_a_taken_name_in_destructured_metadata_is_named(self) -> None:
        made = platform(DESTRUCTURED, metadata={"messages": 1, "a": 1})
        assert "warning" == self.found(made)["metadata.messages"]
        assert "metadata.a" not in self.found(made)

    def test_a_missing_credential_is_named(self, tmp_path: Path) -> None:
        assert {"credential": "info"} == self.found(Platform.from_files(base_url="https://llm.acme.com"))
        model = {"provider": "custom-llm", "model": "m", "url": "https://llm.acme.com"}
        path = file(tmp_path, "assistant.json", {"model": model, "credentialIds": ["c"]})
        assert {"credentialIds": "warning"} == self.found(Platform.from_files(path))

    def test_read_as_one_sentence(self, tmp_path: Path) -> None:
        (lint,) = Platform.from_files(
            assistant_file(tmp_path, url="https://a.acme.com", maxTokens=50), api_key="k"
        ).lints()
        expected = "warning: model.maxTokens 50 cuts longer sentences and tool arguments off; Vapi's default is 250"
        assert expected == str(lint)


class TestTools:
    def tools(self, *tools: Mapping[str, object]) -> object:
        return platform(Model(tools=tools)).body(TURN).get("tools")

    def test_functions_reach_the_model_with_three_keys(self) -> None:
        function = {"name": "n", "description": "d", "parameters": {"type": "object"}, "strict": True}
        sent = {"name": "n", "description": "d", "parameters": {"type": "object"}}
        tool = {"type": "function", "async": True, "server": {"url": "https://x.example"}, "function": function}
        assert [{"type": "function", "function": sent}] == self.tools(tool)

    def test_hanging_up_is_a_function_without_arguments(self) -> None:
        parameters = {"type": "object", "properties": dict[str, object]()}
        function = {"name": "endCall", "description": "Use this function to end the call.", "parameters": parameters}
        assert [{"type": "function", "function": function}] == self.tools({"type": "endCall"})

    def test_a_transfer_takes_one_of_its_destinations(self) -> None:
        destinations = [{"type": "number", "number": "+12125550100"}, {"type": "assistant", "assistantName": "Desk"}]
        arguments = {"destination": {"type": "string", "enum": ["+12125550100", "Desk"]}}
        parameters = {"type": "object", "properties": arguments, "required": ["destination"]}
        description = "Use this function to transfer the call."
        function = {"name": "transferCall", "description": description, "parameters": parameters}
        found = self.tools({"type": "transferCall", "destinations": destinations})
        assert [{"type": "function", "function": function}] == found

    def test_none_that_can_be_sent_is_no_key(self) -> None:
        assert None is self.tools({"type": "dtmf"})


def test_importing_the_platform_does_not_load_faker() -> None:
    """The plugin is loaded in every pytest run of its environment."""
    code = "import sys, vapi_conformance.platforms.vapi; sys.exit('faker' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
