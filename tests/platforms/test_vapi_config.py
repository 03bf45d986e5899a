"""Assistants and credentials from files, and what is said about files that cannot be used."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from vapi_conformance.platforms.config_file import MAX_BYTES
from vapi_conformance.platforms.vapi import ConfigError, OAuth2Plan, load_assistant, load_credential
from vapi_conformance.problems import UsageError

SECRET = "sk-very-secret-0123456789"
Write = Callable[[object], Path]
NOTHING: Mapping[str, object] = {}
MODEL: Mapping[str, object] = {"provider": "custom-llm", "model": "m", "url": "https://llm.example/v1"}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(document: object) -> Path:
        path = tmp_path / "config.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return path

    return written


def refusal(load: Callable[[Path], object], path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    text = str(caught.value)
    assert isinstance(caught.value, UsageError)
    assert text.startswith(str(path))
    assert SECRET not in text + repr(caught.value)
    return text.removeprefix(str(path)).lstrip(": ")


class TestLoadAssistant:
    def test_reads_the_least_there_is_and_fills_in_the_defaults(self, write: Write) -> None:
        model = load_assistant(write({"model": MODEL})).model
        assert ("custom-llm", "m", "https://llm.example/v1") == (model.provider, model.model, model.url)
        assert (0.5, 250, 20.0, "variable") == (
            model.temperature,
            model.max_tokens,
            model.timeout_s,
            model.metadata_send_mode,
        )

    def test_reads_everything_that_shapes_a_request(self, write: Write) -> None:
        system = {"role": "system", "content": "Be kind."}
        tool = {"type": "endCall"}
        more = {
            "headers": {"X-Tenant": "a"},
            "metadataSendMode": "off",
            "timeoutSeconds": 45,
            "temperature": 0,
            "maxTokens": 300,
            "messages": [system],
            "tools": [tool],
        }
        assistant = load_assistant(
            write(
                {
                    "id": "a1",
                    "name": "Desk",
                    "firstMessage": "Hello.",
                    "firstMessageMode": "assistant-waits-for-user",
                    "metadata": {"branch": 1},
                    "model": {**MODEL, **more},
                    "voice": {"provider": "vapi"},
                }
            )
        )
        assert ("a1", "Desk", "Hello.") == (assistant.id, assistant.name, assistant.first_message)
        assert "assistant-waits-for-user" == assistant.first_message_mode
        assert {"branch": 1} == assistant.metadata
        model = assistant.model
        assert ({"X-Tenant": "a"}, "off", 45.0, 0, 300) == (
            model.headers,
            model.metadata_send_mode,
            model.timeout_s,
            model.temperature,
            model.max_tokens,
        )
        assert isinstance(model.temperature, int)
        assert ((system,), (tool,)) == (model.messages, model.tools)

    @pytest.mark.parametrize("provider", ["openrouter", "anyscale", "together-ai"])
    def test_other_providers_need_no_url(self, write: Write, provider: str) -> None:
        assert load_assistant(write({"model": {"provider": provider, "model": "m"}})).model.url is None

    def test_a_byte_order_mark_is_forgiven(self, tmp_path: Path) -> None:
        path = tmp_path / "bom.json"
        path.write_text(json.dumps({"model": MODEL}), encoding="utf-8-sig")
        assert "m" == load_assistant(path).model.model

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"url": None}, "model.url is of the wrong JSON type. Vapi expects the endpoint's base URL with http"),
            ({"url": "llm.example/v1"}, "model.url is no such URL. Vapi expects the endpoint's base URL"),
            ({"url": "https://llm.example/v 1"}, "model.url has characters that are not allowed there"),
            ({"provider": "openai"}, "model.provider is wrong: 'openai' is not one of ['custom-llm', 'openrouter'"),
            (
                {"temperature": 2.1},
                "model.temperature is wrong: 2.1 is greater than the maximum of 2. Vapi expects a num",
            ),
            ({"temperature": "0.5"}, "model.temperature is wrong: '0.5' is not of type 'number'"),
            ({"maxTokens": 49}, "model.maxTokens is wrong: 49 is less than the minimum of 50. Vapi expects an integer"),
            ({"maxTokens": 10001}, "model.maxTokens is wrong: 10001 is greater than the maximum of 10000."),
            ({"maxTokens": 99.5}, "model.maxTokens is wrong: 99.5 is not of type 'integer'"),
            ({"timeoutSeconds": 601}, "model.timeoutSeconds is wrong: 601 is greater than the maximum of 600."),
            ({"timeoutSeconds": -1}, "model.timeoutSeconds is wrong: -1 is less than the minimum of 0."),
            ({"metadataSendMode": "on"}, "model.metadataSendMode is wrong: 'on' is not one of"),
            (
                {"headers": {"X": 1}},
                "model.headers.X is of the wrong JSON type. Vapi expects an object of header names",
            ),
            ({"headers": {"X-A": f"{SECRET}\n"}}, "model.headers.X-A has characters that are not allowed there"),
            ({"headers": {"X A": "1"}}, "model.headers has characters that are not allowed there"),
            ({"numFastTurns": -1}, "model.numFastTurns is wrong: -1 is less than the minimum of 0."),
            ({"messages": [{"role": "bot"}]}, "model.messages[0].role is wrong: 'bot' is not one of"),
            (
                {"tools": [{"type": "function"}]},
                "model.tools[0].function is missing. Vapi expects a tool of type function",
            ),
            (
                {"tools": [{"type": "function", "function": NOTHING}]},
                "model.tools[0].function.name is missing. Vapi expects",
            ),
        ],
    )
    def test_a_wrong_field_is_named_with_what_vapi_expects(
        self, write: Write, change: Mapping[str, object], said: str
    ) -> None:
        assert refusal(load_assistant, write({"model": {**MODEL, **change}})).startswith(said)

    @pytest.mark.parametrize("missing", ["provider", "model", "url"])
    def test_a_missing_field_is_named(self, write: Write, missing: str) -> None:
        document = {"model": {key: value for key, value in MODEL.items() if key != missing}}
        assert refusal(load_assistant, write(document)).startswith(f"model.{missing} is missing. Vapi expects ")

    def test_a_file_of_another_kind_is_told_from_an_assistant(self, write: Write) -> None:
        assert refusal(load_assistant, write({"provider": "custom-llm", "apiKey": SECRET})).startswith(
            "model is missing."
        )
        assert refusal(load_assistant, write([SECRET])).startswith(
            "is of the wrong JSON type. Vapi expects an assistant"
        )
        assert refusal(load_assistant, write(json.dumps(SECRET))).startswith("is of the wrong JSON type.")

    @pytest.mark.parametrize(("seconds", "mode"), [(0, "off"), (300, "variable"), (600, "destructured")])
    def test_bounds_are_inside(self, write: Write, seconds: int, mode: str) -> None:
        model = {**MODEL, "timeoutSeconds": seconds, "metadataSendMode": mode, "temperature": 2, "maxTokens": 50}
        assert float(seconds) == load_assistant(write({"model": model})).model.timeout_s

    def test_nothing_secret_is_in_its_repr(self, write: Write) -> None:
        tool = {"type": "endCall", "server": {"secret": SECRET}}
        document = {
            "credentials": [{"provider": "custom-llm", "apiKey": SECRET}],
            "metadata": {"token": SECRET},
            "model": {**MODEL, "headers": {"X-Key": SECRET}, "tools": [tool]},
        }
        assert SECRET not in repr(load_assistant(write(document)))


class TestLoadCredential:
    @pytest.mark.parametrize("provider", ["custom-llm", "openrouter", "anyscale", "together-ai"])
    def test_reads_the_key(self, write: Write, provider: str) -> None:
        found = load_credential(write({"provider": provider, "apiKey": SECRET, "name": "main"}))
        assert (provider, SECRET, "main", None) == (found.provider, found.api_key, found.name, found.oauth2)

    def test_reads_the_oauth2_plan(self, write: Write) -> None:
        plan = {
            "type": "oauth2",
            "url": "https://id.example/token",
            "clientId": "c",
            "clientSecret": SECRET,
            "scope": "s",
        }
        found = load_credential(write({"provider": "custom-llm", "apiKey": "unused", "authenticationPlan": plan}))
        expected = OAuth2Plan(token_url="https://id.example/token", client_id="c", client_secret=SECRET, scope="s")
        assert expected == found.oauth2

    def test_nothing_secret_is_in_its_repr(self, write: Write) -> None:
        plan = {"type": "oauth2", "url": "https://id.example/token", "clientId": "c", "clientSecret": SECRET}
        found = load_credential(write({"provider": "custom-llm", "apiKey": SECRET, "authenticationPlan": plan}))
        assert SECRET not in repr(found)

    @pytest.mark.parametrize(
        ("document", "said"),
        [
            ({"provider": "custom-llm"}, "apiKey is missing. Vapi expects the key"),
            ({"apiKey": SECRET}, "provider is missing. Vapi expects custom-llm, openrouter, anyscale or together-ai"),
            ({"provider": SECRET, "apiKey": "k"}, "provider is none of the known values. Vapi expects custom-llm"),
            ({"provider": "custom-llm", "apiKey": [SECRET]}, "apiKey is of the wrong JSON type. Vapi expects"),
            ({"provider": "custom-llm", "apiKey": ""}, "apiKey "),
            ({"provider": "custom-llm", "apiKey": f"{SECRET}\n"}, "apiKey has characters that are not allowed there."),
            ({"provider": "custom-llm", "apiKey": SECRET * 500}, "apiKey is too long. Vapi expects"),
            ({"provider": "custom-llm", "apiKey": SECRET, "name": "n" * 41}, "name is too long. Vapi expects a name"),
            (
                {"provider": "custom-llm", "apiKey": SECRET, "authenticationPlan": {"type": "oauth2"}},
                "authenticationPlan.url is missing. Vapi expects the token endpoint's URL",
            ),
            (
                {"provider": "custom-llm", "apiKey": SECRET, "authenticationPlan": SECRET},
                "authenticationPlan is of the wrong JSON type. Vapi expects an object with type oauth2",
            ),
            (
                {"provider": "openrouter", "apiKey": SECRET, "authenticationPlan": {"type": "oauth2"}},
                "authenticationPlan is not what Vapi takes. Vapi expects none: only a custom-llm credential has",
            ),
            ([SECRET], "is of the wrong JSON type. Vapi expects a credential"),
        ],
    )
    def test_a_wrong_field_is_named_and_no_value_quoted(self, write: Write, document: object, said: str) -> None:
        text = refusal(load_credential, write(document))
        assert text.startswith(said), text


@pytest.mark.parametrize("load", [load_assistant, load_credential])
class TestUnusableFiles:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "is empty"),
            (b" \n\t", "is empty"),
            (b'{"model": {"provider": "cus', "is cut off: the JSON document is not complete (line 1, column 24)"),
            (b'{"model": {\n', "is cut off: the JSON document is not complete (line 2, column 1)"),
            (b"{'model': 1}", "is not JSON: Expecting property name enclosed in double quotes (line 1, column 2)"),
            (b"<html></html>", "is not JSON: Expecting value (line 1, column 1)"),
            (b'{"a": NaN}', "is not JSON: NaN is no JSON number"),
            (b'{"a": "\xe9"}', "is not UTF-8 text (byte 7)"),
            ('{"a": 1}'.encode("utf-16"), "is not UTF-8 text (byte 0)"),
            (b"[" * 100_000, "is nested too deeply"),
            (
                b'{"a": ' + b"1" * 5000 + b"}",
                "is not JSON: it holds a number of 5000 digits",
            ),
            (b" " * (MAX_BYTES + 1), "is larger than 4 MiB"),
        ],
        ids=[
            "nothing",
            "blank",
            "cut",
            "cut at a line",
            "python",
            "html",
            "nan",
            "latin",
            "utf-16",
            "deep",
            "digits",
            "huge",
        ],
    )
    def test_are_refused_in_one_sentence(
        self, load: Callable[[Path], object], tmp_path: Path, content: bytes, said: str
    ) -> None:
        path = tmp_path / "bad.json"
        path.write_bytes(content)
        text = refusal(load, path)
        assert text.startswith(said), text
        assert "\n" not in text

    def test_a_missing_file_is_named(self, load: Callable[[Path], object], tmp_path: Path) -> None:
        assert "does not exist" == refusal(load, tmp_path / "none.json")

    def test_a_directory_is_named(self, load: Callable[[Path], object], tmp_path: Path) -> None:
        assert "is a directory, not a JSON file" == refusal(load, tmp_path)

    def test_a_path_that_leads_through_a_file_is_named(self, load: Callable[[Path], object], tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert refusal(load, tmp_path / "file" / "config.json").startswith("cannot be read: ")

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
    def test_an_unreadable_file_is_named(self, load: Callable[[Path], object], tmp_path: Path) -> None:
        path = tmp_path / "closed.json"
        path.touch(mode=0)
        assert "cannot be read: Permission denied" == refusal(load, path)
