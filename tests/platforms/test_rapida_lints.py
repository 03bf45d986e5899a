"""What a user is told about a configuration of Rapida before any call."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from platforms.rapida_files import CREDENTIAL, MODEL, SECRET, URL, file
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.platforms.rapida import Lint, Platform

SOUND: Mapping[str, object] = {**CREDENTIAL, "headers": {"Authorization": f"Bearer {SECRET}"}}


def lints(
    folder: Path,
    credential: Mapping[str, object] | None = None,
    options: Mapping[str, object] | None = None,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    dialect: Dialect | None = None,
) -> list[Lint]:
    platform = Platform.from_files(
        file(folder, "credential.json", {**SOUND, **(credential or {})}),
        file(folder, "model.json", {**MODEL, **(options or {})}),
        base_url=base_url,
        api_key=api_key,
        dialect=dialect,
    )
    found = list(platform.lints())
    assert not [each for each in found if SECRET in str(each)]
    return found


def told(found: list[Lint]) -> list[tuple[str, str]]:
    return [(each.level, each.field) for each in found]


def test_a_sound_configuration_has_none(tmp_path: Path) -> None:
    options: Mapping[str, object] = {
        "model.temperature": 0.4,
        "model.tool_choice": "auto",
        "model.parameters": {"top_k": 40, "max_tokens": 250},
    }
    assert [] == lints(tmp_path, options=options)
    responses = {"apiCompatibility": "openai_responses"}
    assert [] == lints(tmp_path, responses, {"model.max_tokens": 1, "model.store": True})


class TestBaseUrl:
    @pytest.mark.parametrize("dialect", ["openai_chat_completions", "openai_compatible", "openai_responses"])
    @pytest.mark.parametrize("url", ["https://llm.acme.com", "https://llm.acme.com/", "https://llm.acme.com/api"])
    def test_without_v1_is_remarked_on_openais_shapes(self, tmp_path: Path, dialect: str, url: str) -> None:
        (lint,) = lints(tmp_path, {"apiCompatibility": dialect, "baseUrl": url})
        assert ("warning", "baseUrl") == (lint.level, lint.field)
        assert lint.message.startswith("has no /v1: Rapida wants the API's root including it and appends /")

    @pytest.mark.parametrize("path", ["/v1", "/v1/", "/openai/v1", "/api/paas/v4", "/v1beta/openai"])
    def test_with_any_version_is_not(self, tmp_path: Path, path: str) -> None:
        assert [] == lints(tmp_path, {"baseUrl": f"https://llm.acme.com{path}"})

    @pytest.mark.parametrize(
        ("dialect", "path"),
        [
            ("openai_chat_completions", "/v1/chat/completions"),
            ("openai_compatible", "/chat/completions/"),
            ("openai_responses", "/v1/responses"),
            ("openai_responses", "/v1/chat/completions"),
        ],
    )
    def test_that_is_the_whole_url_is_an_error(self, tmp_path: Path, dialect: str, path: str) -> None:
        (lint,) = lints(tmp_path, {"apiCompatibility": dialect, "baseUrl": f"https://llm.acme.com{path}"})
        assert ("error", "baseUrl") == (lint.level, lint.field)
        assert lint.message.startswith(f"already ends in {path.removeprefix('/v1').rstrip('/')}; Rapida appends /")

    @pytest.mark.parametrize(
        ("dialect", "path"),
        [
            ("anthropic_messages", "/v1/messages"),
            ("gemini_generate_content", "/v1beta/models/m:generateContent"),
            ("gemini_generate_content", "/v1beta/models/m:streamGenerateContent"),
        ],
    )
    def test_that_is_the_whole_url_of_another_api_is_an_error(self, tmp_path: Path, dialect: str, path: str) -> None:
        found = lints(tmp_path, {"apiCompatibility": dialect, "baseUrl": f"https://llm.acme.com{path}"})
        assert [("warning", "apiCompatibility"), ("error", "baseUrl")] == told(found)

    def test_without_tls_is_remarked(self, tmp_path: Path) -> None:
        (lint,) = lints(tmp_path, {"baseUrl": "http://llm.acme.com/v1"})
        assert "warning: baseUrl is not https: keys and conversations travel in the open" == str(lint)

    def test_on_the_own_machine_is_a_note(self, tmp_path: Path) -> None:
        found = lints(tmp_path, {"baseUrl": "http://localhost:8000/v1"})
        assert [("info", "baseUrl"), ("info", "baseUrl")] == told(found)

    def test_given_for_the_run_is_named_so(self, tmp_path: Path) -> None:
        assert [("warning", "endpoint")] == told(lints(tmp_path, base_url="https://llm.acme.com"))

    def test_that_breaks_once_a_path_is_appended_is_an_error(self, tmp_path: Path) -> None:
        assert [("error", "baseUrl")] == told(lints(tmp_path, {"baseUrl": f"{URL}?key={SECRET}"}))


class TestCredential:
    @pytest.mark.parametrize("dialect", ["anthropic_messages", "gemini_generate_content"])
    def test_an_api_without_chat_at_rapida_is_remarked(self, tmp_path: Path, dialect: str) -> None:
        (lint,) = lints(tmp_path, {"apiCompatibility": dialect, "baseUrl": "https://llm.acme.com"})
        assert ("warning", "apiCompatibility") == (lint.level, lint.field)
        assert lint.message.startswith(f"{dialect} can be stored, but Rapida executes no chat there")

    def test_a_missing_compatibility_is_a_note_because_the_form_wants_it(self, tmp_path: Path) -> None:
        platform = Platform.from_files(
            file(tmp_path, "credential.json", {"baseUrl": URL}), base_url=None, model="m", api_key="k"
        )
        (lint,) = platform.lints()
        assert (
            "info: apiCompatibility is not given: Rapida's backend then takes openai_chat_completions, "
            "but its form marks the field required"
        ) == str(lint)

    def test_another_dialect_for_the_run_is_remarked(self, tmp_path: Path) -> None:
        (lint,) = lints(tmp_path, dialect=Dialect.OPENAI_RESPONSES)
        assert "is openai_chat_completions in the file, but this run speaks openai_responses" == lint.message

    def test_an_unknown_key_is_named(self, tmp_path: Path) -> None:
        assert [("warning", "timeout")] == told(lints(tmp_path, {"timeout": 5}))

    @pytest.mark.parametrize("key", ["apiKey", "api_key", "key"])
    def test_a_field_for_the_key_is_told_where_it_goes(self, tmp_path: Path, key: str) -> None:
        (lint,) = lints(tmp_path, {key: SECRET})
        assert key == lint.field
        assert lint.message.endswith("write it as headers.Authorization")

    def test_two_spellings_are_named(self, tmp_path: Path) -> None:
        found = lints(tmp_path, {"base_url": URL, "api_compatibility": "openai_compatible"})
        assert [("warning", "api_compatibility"), ("warning", "base_url")] == told(found)


class TestAuthorization:
    def test_nowhere_is_remarked(self, tmp_path: Path) -> None:
        (lint,) = lints(tmp_path, {"headers": {"X-Tenant": "a"}})
        assert ("warning", "headers.Authorization") == (lint.level, lint.field)
        assert lint.message.startswith("is not given, nor a key for this run")

    def test_in_another_header_or_for_the_run_is_not(self, tmp_path: Path) -> None:
        assert [] == lints(tmp_path, {"headers": {"api-key": SECRET}})
        assert [] == lints(tmp_path, {"headers": {"X-Session-Token": SECRET}})
        assert [] == lints(tmp_path, {"headers": {}}, api_key=SECRET)

    @pytest.mark.parametrize("value", [SECRET, f"Bearer{SECRET}", "", "Bearer "])
    def test_without_a_scheme_is_remarked(self, tmp_path: Path, value: str) -> None:
        (lint,) = lints(tmp_path, {"headers": {"authorization": value}})
        assert lint.message.startswith("has no scheme in front of the key")

    def test_that_hides_the_runs_key_is_remarked(self, tmp_path: Path) -> None:
        (lint,) = lints(tmp_path, api_key="other-key")
        assert "is sent, and not the key that was given for this run" == lint.message

    def test_headers_of_the_connection_are_named(self, tmp_path: Path) -> None:
        headers = {"Authorization": f"Bearer {SECRET}", "Host": "x"}
        assert [("warning", "headers.Host")] == told(lints(tmp_path, {"headers": headers}))


class TestModelOptions:
    def test_an_unknown_key_is_named_as_it_is_written(self, tmp_path: Path) -> None:
        found = lints(tmp_path, options={"model.top_k": 1, "topp": 1})
        assert [("warning", "model.top_k"), ("warning", "topp")] == told(found)

    @pytest.mark.parametrize(
        ("dialect", "key", "value"),
        [
            ("openai_responses", "model.seed", 1),
            ("openai_responses", "stop", ["END"]),
            ("openai_chat_completions", "model.store", True),
            ("openai_compatible", "max_output_tokens", 1),
        ],
    )
    def test_a_key_of_the_other_table_is_named(self, tmp_path: Path, dialect: str, key: str, value: object) -> None:
        (lint,) = lints(tmp_path, {"apiCompatibility": dialect}, {key: value})
        assert ("warning", key) == (lint.level, lint.field)
        assert f"is not sent: Rapida's table for {dialect} does not have it" == lint.message

    def test_a_key_with_and_without_prefix_is_named(self, tmp_path: Path) -> None:
        options = {"temperature": 1, "model.temperature": 0, "name": "other"}
        assert [("warning", "temperature"), ("warning", "name")] == sorted(
            told(lints(tmp_path, options=options)), reverse=True
        )

    def test_an_unknown_tool_choice_is_named(self, tmp_path: Path) -> None:
        (lint,) = lints(tmp_path, options={"tool_choice": "any"})
        assert ("warning", "tool_choice") == (lint.level, lint.field)

    def test_several_bounds_are_named(self, tmp_path: Path) -> None:
        options: Mapping[str, object] = {"model.max_tokens": 1, "max_completion_tokens": 2}
        (chat,) = lints(tmp_path, options=options)
        assert "model.max_tokens is sent beside max_completion_tokens" in str(chat)
        (responses,) = lints(tmp_path, {"apiCompatibility": "openai_responses"}, options)
        assert "model.max_tokens is not sent: max_completion_tokens is the bound" in str(responses)


class TestParameters:
    def test_that_replace_what_rapida_builds_are_named(self, tmp_path: Path) -> None:
        found = lints(tmp_path, options={"model.parameters": {"stream": False, "messages": [], "input": ""}})
        assert [("warning", "model.parameters.stream"), ("warning", "model.parameters.messages")] == told(found)

    def test_in_chats_words_on_responses_are_told_the_apis(self, tmp_path: Path) -> None:
        options = {"model.parameters": {"max_tokens": 1, "messages": "", "input": ""}}
        first, second, third = lints(tmp_path, {"apiCompatibility": "openai_responses"}, options)
        assert first.message.endswith("the Responses API calls it max_output_tokens")
        assert second.message.endswith("the Responses API calls it input")
        assert third.message.startswith("replaces what Rapida builds")

    def test_that_replace_a_direct_key_are_a_note(self, tmp_path: Path) -> None:
        found = lints(tmp_path, options={"temperature": 1, "model.parameters": {"temperature": 0, "top_k": 1}})
        assert ["info: model.parameters.temperature replaces temperature"] == [str(each) for each in found]

    @pytest.mark.parametrize(
        ("key", "value", "parameters", "said"),
        [
            ("model.max_tokens", 1, {"max_output_tokens": 2}, "max_output_tokens replaces model.max_tokens"),
            ("response_format", {"type": "text"}, {"text": {"verbosity": "low"}}, "text replaces response_format"),
            ("reasoning_effort", "low", {"reasoning": {}}, "reasoning replaces reasoning_effort"),
        ],
    )
    def test_that_replace_what_a_direct_key_became_are_a_note(
        self, tmp_path: Path, key: str, value: object, parameters: Mapping[str, object], said: str
    ) -> None:
        options = {key: value, "model.parameters": parameters}
        found = lints(tmp_path, {"apiCompatibility": "openai_responses"}, options)
        assert [f"info: model.parameters.{said}"] == [str(each) for each in found]
        assert [] == lints(tmp_path, {"apiCompatibility": "openai_responses"}, {"model.parameters": parameters})
