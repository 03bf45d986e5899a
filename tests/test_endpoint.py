"""The endpoint as the user described it: checked at once, secrets out of sight, opened and closed."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from raw_server import head, playing, saying
from vapi_conformance import endpoint
from vapi_conformance.client import Client, Limits, Outgoing, Renew
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.endpoint import Endpoint, Opened, check_profile, opened, read_endpoint
from vapi_conformance.masking import Secrets
from vapi_conformance.platforms.vapi import ConfigError
from vapi_conformance.problems import TransportError, UsageError
from vapi_conformance.reference import ReferenceServer
from vapi_conformance.rules import Profile
from vapi_conformance.suite import WRONG_KEY

URL = "https://llm.example/v1"
KEY = "sk-0123456789abcdef"
ENVIRONMENT = {"MY_KEY": KEY, "MY_HEADER": "header-secret-1", "EMPTY": "", "LINES": "a\nX-Evil: b"}


def read(url: str = URL, **settings: str | list[str]) -> Endpoint:
    """Options by their names, with `_` for `-`."""
    given = {name.replace("_", "-"): [value] if isinstance(value, str) else value for name, value in settings.items()}
    return read_endpoint({"": [url], **given}, ENVIRONMENT)


def problem(url: str = URL, **settings: str | list[str]) -> str:
    with pytest.raises(UsageError) as caught:
        read(url, **settings)
    return str(caught.value)


class TestUrl:
    @pytest.mark.parametrize(
        "url",
        [
            URL,
            "http://localhost:8000",
            "http://[::1]:8000/v1",
            "https://llm.example/v1/",
            "https://llm.example/v1?tenant=x",
            "https://llm.example/@me/v1",
            "HTTPS://llm.example/v1",
            "https://grüße.example/v1",
            "reference",
        ],
    )
    def test_is_kept_as_given(self, url: str) -> None:
        assert url == read(url).name

    @pytest.mark.parametrize(
        ("url", "told"),
        [
            ("localhost:8000", "--endpoint needs http:// or https://, got 'localhost:8000'"),
            ("ftp://llm.example", "--endpoint needs http:// or https://, got 'ftp://llm.example'"),
            ("http://", "--endpoint has no host: 'http://'"),
            ("http://:8000/v1", "--endpoint has no host: 'http://:8000/v1'"),
            ("http://llm.example:port/", "--endpoint is no URL: Invalid port: 'port'"),
            ("http://xn--/", "--endpoint is no URL: Malformed A-label, no Punycode eligible content found"),
        ],
    )
    def test_is_refused_with_what_is_wrong(self, url: str, told: str) -> None:
        assert told == problem(url)

    @pytest.mark.parametrize("url", ["http://[::1", "http://a\tb/", "http://a\0b/"])
    def test_of_any_form_is_refused_and_nothing_else_is_raised(self, url: str) -> None:
        assert problem(url).startswith("--endpoint is no URL: ")

    @pytest.mark.parametrize(
        "url", ["https://me:hush@llm.example", "https://hush@", "me:hush@llm.example", "ftp://me:hush@llm.example/v1"]
    )
    def test_with_a_password_is_refused_and_not_shown(self, url: str) -> None:
        told = "--endpoint must not hold a password; use --endpoint-api-key-env or --endpoint-header"
        assert told == problem(url)

    @pytest.mark.parametrize("url", ["https://llm.example?key=hush", "https://llm.example/v1?a=b&api_key=hush"])
    def test_with_a_key_in_its_query_is_refused_and_not_shown(self, url: str) -> None:
        told = (
            "--endpoint must not hold a key in its query, which is shown in reports; use --endpoint-api-key-env or "
            "--endpoint-header"
        )
        assert told == problem(url)


class TestChoices:
    def test_defaults(self) -> None:
        found = read()
        assert (Dialect.OPENAI_COMPATIBLE, Profile.VAPI, None, None, (), None) == (
            found.dialect,
            found.profile,
            found.model,
            found.api_key,
            found.headers,
            found.timeout_s,
        )

    def test_as_given(self) -> None:
        found = read(
            dialect="openai_chat_completions",
            profile="standard",
            platform="vapi",
            model="m",
            timeout="2.5",
            assistant="a",
        )
        assert (Dialect.OPENAI_CHAT_COMPLETIONS, Profile.STANDARD, "m", 2.5, Path("a")) == (
            found.dialect,
            found.profile,
            found.model,
            found.timeout_s,
            found.assistant,
        )

    def test_the_last_of_several_counts(self) -> None:
        assert "b" == read(model=["a", "b"]).model

    @pytest.mark.parametrize(
        ("option", "value", "told"),
        [
            (
                "dialect",
                "openai",
                (
                    "'openai' is none of: openai_chat_completions, openai_compatible, openai_responses, "
                    "anthropic_messages, gemini_generate_content"
                ),
            ),
            ("profile", "strict", "'strict' is none of: standard, vapi, rapida"),
            ("platform", "retell", "'retell' is none of: vapi, rapida, direct"),
        ],
    )
    def test_unknown_names_are_told_with_the_known_ones(self, option: str, value: str, told: str) -> None:
        assert f"--endpoint-{option}: {told}" == problem(**{option: value})

    @pytest.mark.parametrize("value", ["0", "-1", "601", "inf", "nan", "soon", "1e9", " "])
    def test_a_timeout_that_is_none(self, value: str) -> None:
        assert f"--endpoint-timeout wants seconds above 0 and up to 600, got {value!r}" == problem(timeout=value)


class TestServerMessages:
    def test_are_judged_by_a_command_of_their_own(self) -> None:
        told = problem(dialect="vapi_server_messages")
        assert told.endswith("is judged by `vapi-conformance check-webhook URL`")

    def test_have_vapis_profile_and_the_owners_which_is_the_same(self) -> None:
        check_profile(Profile.VAPI, Dialect.VAPI_SERVER_MESSAGES)
        check_profile(Profile.STANDARD, Dialect.VAPI_SERVER_MESSAGES)
        with pytest.raises(UsageError, match="rapida says nothing about Vapi's server messages"):
            check_profile(Profile.RAPIDA, Dialect.VAPI_SERVER_MESSAGES)


class TestPlatforms:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({}, ("vapi", Dialect.OPENAI_COMPATIBLE, Profile.VAPI)),
            ({"dialect": "openai_chat_completions"}, ("vapi", Dialect.OPENAI_CHAT_COMPLETIONS, Profile.VAPI)),
            ({"dialect": "openai_responses"}, ("direct", Dialect.OPENAI_RESPONSES, Profile.STANDARD)),
            ({"dialect": "anthropic_messages"}, ("direct", Dialect.ANTHROPIC_MESSAGES, Profile.STANDARD)),
            ({"platform": "rapida"}, ("rapida", Dialect.OPENAI_CHAT_COMPLETIONS, Profile.RAPIDA)),
            (
                {"platform": "rapida", "dialect": "openai_responses", "profile": "standard"},
                ("rapida", Dialect.OPENAI_RESPONSES, Profile.STANDARD),
            ),
            ({"platform": "direct"}, ("direct", Dialect.OPENAI_COMPATIBLE, Profile.STANDARD)),
        ],
    )
    def test_what_is_not_said_follows_from_what_is(
        self, given: dict[str, str], expected: tuple[str, Dialect, Profile]
    ) -> None:
        found = read(**given)
        assert expected == (found.platform, found.dialect, found.profile)

    def test_rapidas_credential_says_the_dialect_unless_it_is_given(self, tmp_path: Path) -> None:
        path = tmp_path / "credential.json"
        path.write_text(json.dumps({"api_compatibility": "openai_responses", "base_url": URL}), encoding="utf-8")
        found = read(platform="rapida", credential=str(path))
        given = read(platform="rapida", credential=str(path), dialect="openai_compatible")
        assert (Dialect.OPENAI_RESPONSES, Dialect.OPENAI_COMPATIBLE) == (found.dialect, given.dialect)

    def test_rapidas_credential_says_where_the_endpoint_is(self, tmp_path: Path) -> None:
        path = tmp_path / "credential.json"
        path.write_text(json.dumps({"baseUrl": "https://other.example/v1"}), encoding="utf-8")
        assert "https://other.example/v1" == read("", platform="rapida", credential=str(path)).name

    @pytest.mark.parametrize("given", [{}, {"profile": "standard"}, {"platform": "rapida"}])
    def test_nobody_else_does(self, given: dict[str, str]) -> None:
        told = "--endpoint is missing: the URL of the endpoint to judge, or `reference` for the bundled server"
        assert told == problem("", **given)

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            (
                {"platform": "vapi", "dialect": "gemini_generate_content"},
                (
                    "Vapi calls custom endpoints by Chat Completions only; for gemini_generate_content give "
                    "--endpoint-platform direct or rapida"
                ),
            ),
            (
                {"profile": "vapi", "dialect": "openai_responses"},
                "the profile vapi is about Chat Completions; for openai_responses take standard or rapida",
            ),
            (
                {"platform": "rapida", "assistant": "a.json"},
                "--endpoint-assistant is Vapi's; the platform is rapida",
            ),
            (
                {"model_options": "m.json"},
                "--endpoint-model-options is Rapida's; the platform is vapi",
            ),
            (
                {"platform": "direct", "credential": "c.json"},
                (
                    "--endpoint-credential is for vapi and rapida; the platform is direct: give the key, or an access "
                    "token that you fetched, with --endpoint-api-key-env"
                ),
            ),
        ],
    )
    def test_settings_that_contradict_each_other_are_told(self, given: dict[str, str], told: str) -> None:
        assert told == problem(**given)

    def test_each_platform_calls_the_address_of_its_dialect(self) -> None:
        with opened(read(dialect="anthropic_messages", api_key_env="MY_KEY")) as live:
            assert ("direct", f"{URL}/messages") == (live.platform.name, live.target.url)
            assert ("x-api-key", KEY) in live.platform.headers()
        with opened(read(platform="rapida", model="m", dialect="openai_responses")) as live:
            assert ("rapida", f"{URL}/responses", False) == (live.platform.name, live.target.url, live.has_key)


class TestSecrets:
    def test_the_key_comes_from_the_environment(self) -> None:
        found = read(api_key_env="MY_KEY")
        assert (KEY, (KEY,)) == (found.api_key, found.secrets)

    @pytest.mark.parametrize("variable", ["MISSING", "EMPTY"])
    def test_a_variable_that_is_not_there(self, variable: str) -> None:
        told = f"the environment variable {variable} is not set or empty"
        assert told == problem(api_key_env=variable)
        assert told == problem(header=f"X-Key: ${variable}")

    @pytest.mark.parametrize("value", [KEY, "$MY_KEY", "", "Bearer x"])
    def test_a_key_in_place_of_a_variable_is_not_shown(self, value: str) -> None:
        assert problem(api_key_env=value) == (
            "--endpoint-api-key-env and --endpoint-header want the name of an environment variable"
        )

    @pytest.mark.parametrize("value", ["$MY_HEADER", "${MY_HEADER}"])
    def test_a_header_from_the_environment_is_a_secret_whatever_its_name(self, value: str) -> None:
        found = read(header=f"X-Tenant: {value}")
        assert ((("X-Tenant", "header-secret-1"),), ("header-secret-1",)) == (found.headers, found.secrets)

    @pytest.mark.parametrize("name", ["X-Api-Key", "Cookie", "X-AUTH", "my-token", "Client-Secret"])
    def test_a_header_with_a_telling_name_is_a_secret(self, name: str) -> None:
        assert ("hush-hush",) == read(header=f"{name}: hush-hush").secrets

    def test_so_is_what_follows_a_scheme(self) -> None:
        assert ("Basic bWU6aHVzaA==", "bWU6aHVzaA==") == read(header="X-Auth: Basic bWU6aHVzaA==").secrets

    def test_ordinary_headers_are_not(self) -> None:
        found = read(header=["X-Tenant: 7", "X-Empty:", "X-Url: http://a"])
        assert ((("X-Tenant", "7"), ("X-Empty", ""), ("X-Url", "http://a")), ()) == (found.headers, found.secrets)

    def test_none_is_in_the_repr(self) -> None:
        found = read(api_key_env="MY_KEY", header=["X-Api-Key: hush-hush", "X-Tenant: $MY_HEADER"])
        assert not [secret for secret in (KEY, "hush-hush", "header-secret-1") if secret in repr(found)]


class TestHeaders:
    @pytest.mark.parametrize("header", ["nocolon", ": value", "a b: c", "", "näme: x", "hush\nhush: x"])
    def test_without_a_name_is_refused_and_not_shown(self, header: str) -> None:
        told = "--endpoint-header wants 'Name: value', got one without a proper name and colon"
        assert told == problem(header=header)

    @pytest.mark.parametrize("value", ["$LINES", "a\r\nb", "a\0b", "日本", "é"])
    def test_with_a_value_that_cannot_be_sent_is_refused_and_not_shown(self, value: str) -> None:
        told = "--endpoint-header X-A: the value holds a line break or other characters than ASCII's"
        assert told == problem(header=f"X-A: {value}")


TOKEN = "access-token-0123456789"


@pytest.fixture
def credential(tmp_path: Path) -> Generator[Path]:
    """With a plan whose token endpoint gives a token for an hour."""
    answer = json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}).encode()
    with playing(saying([head(Content_Type="application/json", Content_Length=str(len(answer))), answer])) as url:
        yield written(tmp_path, f"{url}/token")


def written(folder: Path, token_url: str) -> Path:
    path = folder / "credential.json"
    plan = {"type": "oauth2", "url": token_url, "clientId": "me", "clientSecret": "client-secret-1"}
    path.write_text(json.dumps({"provider": "custom-llm", "apiKey": KEY, "authenticationPlan": plan}))
    return path


@pytest.fixture
def assistant(tmp_path: Path) -> Path:
    path = tmp_path / "assistant.json"
    headers = {"X-Api-Key": "Token model-secret-1", "X-Tenant": "seven"}
    model = {"provider": "custom-llm", "model": "mine", "url": "https://other.example", "timeoutSeconds": 30}
    path.write_text(json.dumps({"model": {**model, "headers": headers}}))
    return path


class KeptClient(Client):
    """Shows how it was made."""

    def __init__(self, *, limits: Limits, secrets: Secrets, renew: Renew | None) -> None:
        super().__init__(limits=limits, secrets=secrets, renew=renew)
        self.renew = renew
        self.hidden = {each.decode() for each in secrets.values}


@pytest.fixture(autouse=True)
def _kept_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "Client", KeptClient)


def kept(live: Opened) -> KeptClient:
    assert isinstance(live.client, KeptClient)
    return live.client


class TestOpened:
    def test_the_given_url_is_where_requests_go(self) -> None:
        with opened(read("https://llm.example/v1/")) as live:
            assert "https://llm.example/v1/chat/completions" == live.target.url
            assert ("https://llm.example/v1/", "vapi", "gpt-4o") == (
                live.target.name,
                live.target.platform,
                live.target.model,
            )
            assert not live.has_key

    def test_an_ipv6_address_keeps_its_brackets(self) -> None:
        with opened(read("http://[::1]:8000")) as live:
            assert "http://[::1]:8000/chat/completions" == live.target.url

    def test_a_query_is_told_as_vapi_would_send_it(self) -> None:
        with opened(read("https://llm.example/v1?tenant=x")) as live:
            assert "https://llm.example/v1?tenant=x/chat/completions" == live.target.url
            assert any("has a query string" in str(lint) for lint in live.platform.lints())

    def test_a_port_that_is_none_is_a_usage_error(self) -> None:
        with pytest.raises(UsageError, match="port"), opened(read("http://llm.example:99999")):
            pytest.fail("it was opened")

    def test_the_platforms_timeout_decides_unless_another_is_given(self, assistant: Path) -> None:
        for given, timeout_s in ((read(), 20), (read(assistant=str(assistant)), 30), (read(timeout="3"), 3)):
            with opened(given) as live:
                assert timeout_s == live.conditions.timeout_s
                assert (timeout_s + 5, max(120, 3 * timeout_s)) == (
                    kept(live).limits.idle_s,
                    kept(live).limits.total_s,
                )

    def test_the_assistants_settings_and_the_given_ones_meet(self, assistant: Path) -> None:
        with opened(read(assistant=str(assistant), header="x-tenant: 8", model="other")) as live:
            headers = dict(live.platform.headers())
            assert "other" == live.target.model
            assert ("Token model-secret-1", "8") == (headers["X-Api-Key"], headers["x-tenant"])

    def test_every_secret_is_masked(self, assistant: Path, credential: Path) -> None:
        given = read(
            assistant=str(assistant), credential=str(credential), header=["X-Key: hush-hush", "X-T: $MY_HEADER"]
        )
        with opened(given) as live:
            assert live.has_key
            of_files = {KEY, "client-secret-1", "Token model-secret-1", "model-secret-1"}
            of_options = {"hush-hush", "header-secret-1"}
            of_requests = {"bWU6Y2xpZW50LXNlY3JldC0x"}  # what HTTP Basic makes of client and secret
            assert {WRONG_KEY, *of_files, *of_options, *of_requests} == kept(live).hidden
            shown = repr(live)
            assert not [secret for secret in kept(live).hidden if secret in shown]

    def test_the_given_key_wins_over_the_credentials(self, credential: Path) -> None:
        environment = {"OTHER": "sk-other-0123456789"}
        given = read_endpoint({"": [URL], "api-key-env": ["OTHER"], "credential": [str(credential)]}, environment)
        with opened(given) as live:
            assert "Bearer sk-other-0123456789" == dict(live.platform.headers())["authorization"]

    def test_a_file_that_is_not_there_is_a_usage_error(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="nowhere"), opened(read(assistant=str(tmp_path / "nowhere.json"))):
            pytest.fail("it was opened")

    def test_the_client_is_closed_behind_it(self) -> None:
        with opened(read("http://127.0.0.1:9")) as live:
            client = live.client
        with pytest.raises(RuntimeError, match="closed"):
            client.send(Outgoing(url="http://127.0.0.1:9/", headers=(), body=b""))


class TestTokens:
    def test_one_is_fetched_and_sent_in_place_of_the_key(self, credential: Path) -> None:
        with opened(read(credential=str(credential))) as live:
            assert f"Bearer {TOKEN}" == dict(live.platform.headers())["authorization"]
            assert (True, 3600) == (live.has_key, live.conditions.token_lifetime_s)
            assert TOKEN not in repr(live)

    def test_what_the_endpoint_repeats_of_it_is_masked(self, credential: Path) -> None:
        body = f"not with {TOKEN}".encode()
        answer = head("403 Forbidden", Content_Length=str(len(body)), X_Sent=TOKEN) + body
        with playing(saying([answer])) as url, opened(read(url, credential=str(credential))) as live:
            exchange = live.client.send(Outgoing(url=url, headers=live.platform.headers(), body=b""))
        assert TOKEN not in repr(exchange)
        assert b"not with " + b"*" * len(TOKEN) == exchange.body

    def test_a_refused_one_is_renewed(self, credential: Path) -> None:
        with opened(read(credential=str(credential))) as live:
            live.platform.headers()
            renew = kept(live).renew
            assert renew is not None
            renew((("authorization", f"Bearer {TOKEN}"),), 401)
            assert "refused before its time" in str(live.platform.lints()[-1])

    def test_a_given_key_is_sent_and_nothing_fetched(self, tmp_path: Path) -> None:
        path = written(tmp_path, "http://id.example/no-tls")
        with opened(read(credential=str(path), api_key_env="MY_KEY")) as live:
            assert f"Bearer {KEY}" == dict(live.platform.headers())["authorization"]
            assert (None, None) == (live.platform.tokens, kept(live).renew)

    @pytest.mark.parametrize(
        ("token_url", "words"),
        [
            ("http://id.example/token", "a token endpoint needs https://"),
            ("http://127.0.0.1:9/token", "cannot be reached"),
        ],
    )
    def test_without_one_nothing_is_opened(self, tmp_path: Path, token_url: str, words: str) -> None:
        given = read(credential=str(written(tmp_path, token_url)))
        with pytest.raises(UsageError, match=words), opened(given):
            pytest.fail("it was opened")

    def test_rapida_fetches_none_and_says_so(self, tmp_path: Path) -> None:
        path = written(tmp_path, "https://id.example/token")
        told = (
            f"{path}: authenticationPlan is Vapi's, which fetches tokens; Rapida fetches none. Rapida expects a token "
            "that you fetched in headers.Authorization"
        )
        assert told == problem(platform="rapida", credential=str(path))


class TestReference:
    @pytest.fixture
    def started(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Starts nothing; tells when it would have been started and stopped."""
        events: list[str] = []

        @contextmanager
        def server() -> Generator[ReferenceServer]:
            events.append("started")
            yield ReferenceServer(url="http://127.0.0.1:4711", key="sk-of-the-server")
            events.append("stopped")

        monkeypatch.setattr(endpoint, "reference_server", server)
        return events

    def test_is_started_for_as_long_as_it_is_open(self, started: list[str]) -> None:
        with opened(read("reference")) as live:
            assert ["started"] == started
            assert ("reference", "http://127.0.0.1:4711/chat/completions", "reference") == (
                live.target.name,
                live.target.url,
                live.target.model,
            )
        assert ["started", "stopped"] == started

    def test_its_own_key_is_sent_and_masked(self, started: list[str]) -> None:
        with opened(read("reference", api_key_env="MY_KEY")) as live:
            assert "Bearer sk-of-the-server" == dict(live.platform.headers())["authorization"]
            assert {"sk-of-the-server", KEY} <= kept(live).hidden
            assert live.has_key
        assert started

    def test_a_given_model_is_asked_for(self, started: list[str]) -> None:
        with opened(read("reference", model="mine")) as live:
            assert "mine" == live.target.model
        assert started

    def test_not_for_a_url(self, started: list[str]) -> None:
        with opened(read()):
            assert [] == started

    def test_that_does_not_start_is_no_fault_of_an_endpoint(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def dead() -> ReferenceServer:
            raise TransportError("the reference server did not start: boom")

        monkeypatch.setattr(endpoint, "reference_server", dead)
        with pytest.raises(TransportError, match="boom"), opened(read("reference")):
            pytest.fail("it was opened")
