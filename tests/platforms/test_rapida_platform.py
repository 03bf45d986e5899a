"""Rapida as the suite uses it: files and options in, requests out."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from platforms.rapida_files import CREDENTIAL, MODEL, SECRET, URL, file
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.platforms.rapida import ConfigError, Platform
from vapi_conformance.problems import UsageError

TURN: tuple[Mapping[str, object], ...] = ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi."})
TOOL: Mapping[str, object] = {"type": "function", "function": {"name": "get_time"}}


def made(
    folder: Path,
    credential: Mapping[str, object] | None = None,
    options: Mapping[str, object] | None = None,
    *,
    base_url: str | None = None,
    model: str | None = None,
    headers: Mapping[str, str] | None = None,
    api_key: str | None = None,
    dialect: Dialect | None = None,
) -> Platform:
    return Platform.from_files(
        file(folder, "credential.json", {**CREDENTIAL, **(credential or {})}),
        file(folder, "model.json", {**MODEL, **(options or {})}),
        base_url=base_url,
        model=model,
        headers=headers,
        api_key=api_key,
        dialect=dialect,
    )


def sent(platform: Platform, *, bearer: str | None = None) -> dict[str, str]:
    """Header fields by lower-case name; none comes twice."""
    fields = platform.headers(bearer=bearer)
    found = {name.lower(): value for name, value in fields}
    assert len(fields) == len(found)
    return found


class TestFromFiles:
    def test_two_files_are_enough(self, tmp_path: Path) -> None:
        found = made(tmp_path)
        assert (f"{URL}/chat/completions", "llama", 60.0) == (found.url(), found.model, found.timeout_s)
        assert Dialect.OPENAI_CHAT_COMPLETIONS is found.dialect

    def test_an_endpoint_and_a_model_are_enough(self) -> None:
        found = Platform.from_files(base_url=URL, model="mine")
        assert {"model": "mine", "messages": list(TURN), "stream": True} == found.body(TURN)

    def test_no_endpoint_is_a_usage_error(self) -> None:
        with pytest.raises(UsageError, match="no endpoint: give its base URL, or a credential with a baseUrl"):
            Platform.from_files(model="mine")

    def test_no_model_is_a_usage_error(self) -> None:
        with pytest.raises(UsageError, match=r"no model: give its name, or model options with model\.id and model"):
            Platform.from_files(base_url=URL)

    def test_what_is_given_wins_over_the_files(self, tmp_path: Path) -> None:
        headers = {"X-A": "1", "X-B": "2"}
        found = made(
            tmp_path,
            {"headers": headers},
            base_url="http://localhost:8000/v1",
            model="mine",
            headers={"x-a": "3"},
            dialect=Dialect.OPENAI_COMPATIBLE,
        )
        assert ("http://localhost:8000/v1", "mine") == (found.base_url, found.body(TURN)["model"])
        assert ("3", "2") == (sent(found)["x-a"], sent(found)["x-b"])
        assert Dialect.OPENAI_COMPATIBLE is found.dialect

    def test_a_file_that_rapida_would_refuse_is_refused_even_where_it_is_overruled(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="baseUrl is empty"):
            made(tmp_path, {"baseUrl": ""}, base_url=URL)

    @pytest.mark.parametrize("key", ["", "two words", "secret\n"])
    def test_a_key_no_header_can_carry_is_refused(self, key: str) -> None:
        with pytest.raises(UsageError, match="the API key is empty or holds characters"):
            Platform.from_files(base_url=URL, model="m", api_key=key)

    def test_headers_that_cannot_be_sent_are_refused(self) -> None:
        with pytest.raises(UsageError, match="'X A' is no header name"):
            Platform.from_files(base_url=URL, model="m", headers={"X A": "1"})

    def test_an_endpoint_without_scheme_is_refused(self) -> None:
        with pytest.raises(UsageError, match="the endpoint needs http:// or https://"):
            Platform.from_files(base_url="localhost:8000", model="m")


class TestUrl:
    @pytest.mark.parametrize("base", [URL, f"{URL}/", f"{URL}//"])
    @pytest.mark.parametrize("dialect", [Dialect.OPENAI_CHAT_COMPLETIONS, Dialect.OPENAI_COMPATIBLE])
    def test_joins_without_doubled_slashes(self, base: str, dialect: Dialect) -> None:
        assert f"{URL}/chat/completions" == Platform.from_files(base_url=base, model="m", dialect=dialect).url()

    @pytest.mark.parametrize("base", [URL, f"{URL}/"])
    def test_of_responses_is_its_own(self, base: str) -> None:
        found = Platform.from_files(base_url=base, model="m", dialect=Dialect.OPENAI_RESPONSES)
        assert f"{URL}/responses" == found.url()


class TestHeaders:
    def test_are_few_and_name_nobody(self, tmp_path: Path) -> None:
        expected = {"user-agent": "vapi-conformance", "content-type": "application/json", "accept-encoding": "gzip"}
        assert expected == sent(made(tmp_path))

    def test_authorization_stands_in_the_map(self, tmp_path: Path) -> None:
        headers = {"Authorization": f"Bearer {SECRET}", "X-Tenant": "a"}
        found = made(tmp_path, {"headers": headers})
        assert (f"Bearer {SECRET}", "a") == (sent(found)["authorization"], sent(found)["x-tenant"])

    def test_a_key_of_the_run_is_a_bearer_token(self, tmp_path: Path) -> None:
        assert f"Bearer {SECRET}" == sent(made(tmp_path, api_key=SECRET))["authorization"]

    @pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
    def test_the_maps_authorization_wins_over_the_runs_key(self, tmp_path: Path, name: str) -> None:
        found = made(tmp_path, {"headers": {name: "Basic abc"}}, api_key=SECRET)
        assert "Basic abc" == sent(found)["authorization"]
        assert None is found.api_key

    def test_a_header_of_the_run_wins_over_the_maps(self, tmp_path: Path) -> None:
        found = made(tmp_path, {"headers": {"authorization": "Bearer a"}}, headers={"Authorization": "Bearer b"})
        assert "Bearer b" == sent(found)["authorization"]

    def test_a_wrong_key_on_purpose_replaces_whatever_is_there(self, tmp_path: Path) -> None:
        for found in (
            made(tmp_path, {"headers": {"authorization": SECRET, "X-A": "1"}}),
            made(tmp_path, {"headers": {"X-A": "1"}}, api_key=SECRET),
            made(tmp_path, {"headers": {"X-A": "1", "Api-Key": SECRET}}),
        ):
            fields = sent(found, bearer="wrong")
            assert ("Bearer wrong", "1") == (fields["authorization"], fields["x-a"])
            assert SECRET not in fields.values()

    def test_a_name_of_ours_is_replaced_and_the_connections_own_not_sent(self, tmp_path: Path) -> None:
        headers = {"user-agent": "mine", "Host": "other.acme.com", "Content-Length": "1"}
        fields = sent(made(tmp_path, {"headers": headers}))
        assert ["user-agent", "content-type", "accept-encoding"] == list(fields)
        assert "mine" == fields["user-agent"]

    @pytest.mark.parametrize(
        ("headers", "key", "expected"),
        [
            ({}, None, False),
            ({"X-Tenant": "a"}, None, False),
            ({"authorization": "Bearer a"}, None, True),
            ({"api-key": "a"}, None, True),
            ({"Cookie": "a"}, None, False),
            ({}, "k", True),
        ],
    )
    def test_it_knows_whether_it_says_who_calls(
        self, tmp_path: Path, headers: Mapping[str, str], key: str | None, expected: bool
    ) -> None:
        assert expected is made(tmp_path, {"headers": headers}, api_key=key).has_key


class TestOtherApis:
    """Rapida stores credentials for them and executes no chat; here requests go there all the same."""

    @pytest.mark.parametrize(
        ("dialect", "path", "key_header"),
        [
            (Dialect.ANTHROPIC_MESSAGES, "/v1/messages", "x-api-key"),
            (Dialect.GEMINI_GENERATE_CONTENT, "/models/llama:streamGenerateContent", "x-goog-api-key"),
        ],
    )
    def test_are_asked_at_their_own_path_with_their_own_header(
        self, tmp_path: Path, dialect: Dialect, path: str, key_header: str
    ) -> None:
        found = made(tmp_path, api_key=SECRET, dialect=dialect)
        assert path in found.url()
        assert SECRET == sent(found)[key_header]
        wrong = sent(found, bearer="wrong")
        assert "wrong" == wrong[key_header]
        assert SECRET not in wrong.values()

    @pytest.mark.parametrize(
        ("dialect", "built"),
        [
            (Dialect.ANTHROPIC_MESSAGES, {"system": "Be kind.", "max_tokens": 9}),
            (Dialect.GEMINI_GENERATE_CONTENT, {"generationConfig": {"maxOutputTokens": 9}}),
        ],
    )
    def test_get_a_body_in_their_own_words_with_parameters_merged_last(
        self, tmp_path: Path, dialect: Dialect, built: Mapping[str, object]
    ) -> None:
        found = made(tmp_path, options={"model.max_tokens": 9, "model.parameters": {"top_k": 40}}, dialect=dialect)
        body = found.body(TURN)
        assert {**built, "top_k": 40} == {key: body[key] for key in (*built, "top_k")}


class TestSecrets:
    def test_are_the_key_and_headers_whose_name_says_so(self, tmp_path: Path) -> None:
        found = made(tmp_path, {"headers": {"X-Api-Key": "one", "X-Env": "production"}}, api_key=SECRET)
        assert (SECRET, "one") == found.secrets

    def test_stand_in_no_repr(self, tmp_path: Path) -> None:
        found = made(
            tmp_path,
            {"headers": {"X-Other": SECRET}},
            {"model.parameters": {"token": SECRET}, "model.metadata": {"token": SECRET}},
            api_key=SECRET,
        )
        assert SECRET not in repr(found)


class TestBody:
    def test_without_options_is_model_messages_and_stream(self, tmp_path: Path) -> None:
        assert {"model": "llama", "messages": list(TURN), "stream": True} == made(tmp_path).body(TURN)

    def test_has_tools_and_a_choice_only_where_there_are_tools(self, tmp_path: Path) -> None:
        found = made(tmp_path, options={"model.tool_choice": "required"})
        with_tools = found.body(TURN, tools=[TOOL])
        assert ([TOOL], "required") == (with_tools["tools"], with_tools["tool_choice"])
        assert {"tools", "tool_choice"}.isdisjoint(found.body(TURN))

    def test_has_no_choice_unless_it_is_configured(self, tmp_path: Path) -> None:
        assert "tool_choice" not in made(tmp_path).body(TURN, tools=[TOOL])

    def test_parameters_are_merged_last_so_that_their_keys_win(self, tmp_path: Path) -> None:
        parameters: Mapping[str, object] = {
            "temperature": 0.1,
            "model": "other",
            "chat_template_kwargs": {"thinking": False},
        }
        found = made(tmp_path, options={"model.temperature": 0.9, "model.top_p": 1, "model.parameters": parameters})
        body = found.body(TURN)
        assert parameters == {key: body[key] for key in parameters}
        assert 1 == body["top_p"]
        assert ("llama", 0.9) == (found.chat_body(TURN)["model"], found.chat_body(TURN)["temperature"])
        assert parameters == found.extra

    def test_the_documented_example_is_what_is_sent(self, tmp_path: Path) -> None:
        name = "meta-llama/Llama-3.1-8B-Instruct"
        parameters = {"temperature": 0.4, "max_tokens": 512, "top_p": 0.9}
        options = {"model.id": name, "model.name": name, "model.parameters": parameters}
        found = made(tmp_path, {"apiCompatibility": "openai_compatible"}, options)
        assert {"model": name, "messages": list(TURN), "stream": True, **parameters} == found.body(TURN)

    def test_store_is_false_on_responses_and_absent_elsewhere(self, tmp_path: Path) -> None:
        for dialect in Dialect:
            body = made(tmp_path, dialect=dialect).chat_body(TURN)
            assert (False if dialect is Dialect.OPENAI_RESPONSES else None) == body.get("store")

    def test_is_the_same_each_time_and_its_own(self, tmp_path: Path) -> None:
        found = made(tmp_path, options={"model.parameters": {"top_k": 1}})
        first = found.body(TURN)
        first.clear()
        assert {"model": "llama", "messages": list(TURN), "stream": True, "top_k": 1} == found.body(TURN)


class TestCalls:
    def test_differ_in_nothing_that_is_sent(self, tmp_path: Path) -> None:
        first = made(tmp_path, api_key=SECRET)
        second = first.in_call(7)
        assert (first.url(), first.headers(), first.body(TURN)) == (second.url(), second.headers(), second.body(TURN))

    def test_say_who_places_them_and_tell_the_model_nothing(self, tmp_path: Path) -> None:
        found = made(tmp_path)
        assert ("rapida", ()) == (found.name, found.system_prompts)
        assert found.chat_body(TURN) == found.chat_body(TURN, tools=(), mode="variable")
