"""Platforms that other distributions add: named, set up and called like ours; where one fails, it is named."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from made_distributions import installed, with_distribution
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.endpoint import Endpoint, opened, read_endpoint
from vapi_conformance.problems import UsageError
from vapi_conformance.rules import Profile

SOURCE = """
from collections.abc import Mapping
from dataclasses import dataclass, replace

from vapi_conformance.custom_platforms import CustomPlatform
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.platforms.direct import Direct


@dataclass(frozen=True, kw_only=True)
class Acme(Direct):
    account: str = "nobody"

    def headers(self, *, bearer=None):
        return (*super().headers(bearer=bearer), ("X-Acme-Account", self.account))


def make(settings):
    made = Acme.made(
        dialect=settings.dialect,
        base_url=settings.base_url,
        model=settings.model,
        headers=settings.headers,
        api_key=settings.api_key,
    )
    return replace(made, account=settings.options.get("account", "nobody"))


PLATFORM = CustomPlatform(
    make=make,
    dialects=[Dialect.OPENAI_CHAT_COMPLETIONS, Dialect.OPENAI_RESPONSES],
    options={"account": "who pays", "secret": "what nobody may see"},
)
"""
BROKEN = "the platform acme of acme-conformance 1.2 cannot be used: "


def acme(folder: Path, source: str = SOURCE, *, value: str = "acme_platform:PLATFORM") -> Path:
    return installed(folder, points={"platforms": {"acme": value}}, modules={"acme_platform.py": source})


def settings(**given: str | Sequence[str]) -> dict[str, Sequence[str]]:
    named = {"": "http://localhost:1/v1", "platform": "acme"} | given
    return {name.replace("_", "-"): [each] if isinstance(each, str) else each for name, each in named.items()}


def read(environment: Mapping[str, str] | None = None, /, **given: str | Sequence[str]) -> Endpoint:
    return read_endpoint(settings(**given), environment or {})


def told_on_opening(folder: Path) -> str:
    """With a key, which is never told."""
    endpoint_key = {"HUSH": "open-sesame"}
    with (
        with_distribution(folder),
        pytest.raises(UsageError) as caught,
        opened(read(endpoint_key, api_key_env="HUSH")),
    ):
        pass
    return str(caught.value)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[None]:
    with with_distribution(acme(tmp_path)):
        yield


@pytest.mark.usefixtures("platform")
class TestAPlatform:
    def test_has_its_own_defaults(self) -> None:
        found = read()
        assert ("acme", Dialect.OPENAI_CHAT_COMPLETIONS, Profile.STANDARD) == (
            found.platform,
            found.dialect,
            found.profile,
        )

    def test_takes_what_is_given(self) -> None:
        found = read(dialect="openai_responses", profile="rapida", platform_option=["account=a-1"])
        assert (Dialect.OPENAI_RESPONSES, Profile.RAPIDA, {"account": "a-1"}) == (
            found.dialect,
            found.profile,
            found.platform_options,
        )

    def test_calls(self) -> None:
        with opened(read(platform_option=["account=a-1"], model="m", timeout="7")) as live:
            assert ("acme", "acme", "m", 7.0) == (
                live.platform.name,
                live.conditions.platform,
                live.target.model,
                live.conditions.timeout_s,
            )
            assert "http://localhost:1/v1/chat/completions" == live.platform.url()
            assert ("X-Acme-Account", "a-1") in live.platform.in_call(3).headers()
            assert not live.has_key

    def test_has_a_timeout_of_its_own(self) -> None:
        with opened(read()) as live:
            assert 60.0 == live.conditions.timeout_s

    def test_its_secrets_come_from_the_environment_and_are_masked(self) -> None:
        found = read({"HUSH": "open-sesame"}, platform_option=["secret=$HUSH"])
        assert ({"secret": "open-sesame"}, ("open-sesame",)) == (found.platform_options, found.secrets)
        assert "open-sesame" not in repr(found)
        with opened(found) as live:
            assert "say ***********" == live.client.secrets.masked("say open-sesame")

    def test_a_value_whose_name_says_that_it_is_a_secret_is_one(self) -> None:
        assert ("in-the-open",) == read(platform_option=["secret=in-the-open"]).secrets

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            (
                {"dialect": "gemini_generate_content"},
                (
                    "the platform acme does not call by gemini_generate_content; it has openai_chat_completions, "
                    "openai_responses"
                ),
            ),
            (
                {"credential": "c.json"},
                (
                    "--endpoint-credential is for vapi and rapida; the platform is acme, whose settings are given with "
                    "--endpoint-platform-option"
                ),
            ),
            ({"assistant": "a.json"}, "--endpoint-assistant is Vapi's; the platform is acme"),
            ({"model_options": "m.json"}, "--endpoint-model-options is Rapida's; the platform is acme"),
            (
                {"platform_option": ["colour=red"]},
                "--endpoint-platform-option: 'colour' is no setting of acme, which has account, secret",
            ),
            (
                {"platform_option": ["account"]},
                "--endpoint-platform-option wants NAME=VALUE, got one without a name or `=`",
            ),
            (
                {"platform": "vapi", "platform_option": ["account=1"]},
                "--endpoint-platform-option: 'account' is no setting of vapi, which has none",
            ),
            (
                {"profile": "vapi", "dialect": "openai_responses"},
                "the profile vapi is about Chat Completions; for openai_responses take standard or rapida",
            ),
            (
                {"platform": "retell"},
                "--endpoint-platform: 'retell' is none of: vapi, rapida, direct, acme",
            ),
        ],
    )
    def test_settings_that_contradict_it(self, given: Mapping[str, str | Sequence[str]], told: str) -> None:
        with pytest.raises(UsageError) as caught:
            read({}, **given)
        assert told == str(caught.value)

    def test_its_own_words_for_a_mistake_pass(self) -> None:
        spaced = read({"KEY": "two words"}, api_key_env="KEY")
        with pytest.raises(UsageError, match="the API key is empty or holds characters that no"), opened(spaced):
            pass


class TestBroken:
    """The run ends: what would have been sent is not known."""

    @pytest.mark.parametrize(
        ("source", "value", "why"),
        [
            ("import nothing_of_the_kind", "acme_platform:PLATFORM", "ModuleNotFoundError: No module named"),
            (SOURCE, "acme_platform:make", "it names a function, and not a CustomPlatform"),
            (
                SOURCE.replace("dialects=[", "dialects=[] and ["),
                "acme_platform:PLATFORM",
                "it speaks no dialect in which a model is asked",
            ),
            (
                SOURCE.replace("dialects=[", "dialects=[Dialect.VAPI_SERVER_MESSAGES, "),
                "acme_platform:PLATFORM",
                "it speaks no dialect in which a model is asked",
            ),
            (
                SOURCE.replace("    make=make,", "    make=make, profile='mine',"),
                "acme_platform:PLATFORM",
                "its profile is none of standard, vapi, rapida",
            ),
            (
                "from vapi_conformance.rules import Profile\n"
                + SOURCE.replace("    make=make,", "    make=make, profile=Profile.VAPI,"),
                "acme_platform:PLATFORM",
                "its profile is vapi, which is about Chat Completions; it speaks more",
            ),
            (
                SOURCE.replace('"who pays"', "3"),
                "acme_platform:PLATFORM",
                "its options are not texts by name",
            ),
        ],
    )
    def test_when_it_is_named(self, tmp_path: Path, source: str, value: str, why: str) -> None:
        with with_distribution(acme(tmp_path, source, value=value)), pytest.raises(UsageError) as caught:
            read()
        assert str(caught.value).startswith(BROKEN + why)

    def test_it_is_no_matter_where_it_is_not_named(self, tmp_path: Path) -> None:
        with with_distribution(acme(tmp_path, "import nothing_of_the_kind")):
            assert "vapi" == read(platform="vapi").platform

    def test_two_of_one_name_are_told(self, tmp_path: Path) -> None:
        other = installed(tmp_path / "o", name="other", points={"platforms": {"acme": "nowhere"}})
        with with_distribution(acme(tmp_path / "a"), other), pytest.raises(UsageError) as caught:
            read()
        assert f"{BROKEN}other 1.2 has one of that name, too; uninstall one of them" == str(caught.value)

    def test_a_name_of_ours_stays_ours(self, tmp_path: Path) -> None:
        folder = installed(tmp_path, points={"platforms": {"vapi": "nowhere"}})
        with with_distribution(folder):
            assert None is read(platform="vapi").custom

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            ("    def headers(self, *, bearer=None):\n        raise KeyError('k')", "headers fails with KeyError: 'k'"),
            (
                "    def headers(self, *, bearer=None):\n        return [('X', 1)]",
                "headers gives a int, which is not what it should give",
            ),
            (
                "    def headers(self, *, bearer=None):\n        return ['X']",
                "headers fails with ValueError: not enough",
            ),
            (
                "    def headers(self, *, bearer=None):\n        return [('X', 'a\\r\\nHost: b')]",
                "the value of header X holds characters that cannot be sent (RFC 9110, 5.5)",
            ),
            (
                "    def url(self, *, model=None, stream=True):\n        return None",
                "url gives a NoneType, which is not what it should give",
            ),
            (
                "    def chat_body(self, messages, *, tools, mode):\n        return {'x': object()}",
                "chat_body fails with TypeError: Object of type object is not JSON serializable",
            ),
            ("    def chat_body(self, messages):\n        return {}", "chat_body fails with TypeError: "),
            ("    def in_call(self, number):\n        return None", "base_url fails with AttributeError: "),
            ("    @property\n    def secrets(self):\n        return 'one'", "secrets gives a str, which is not"),
            (
                "    @property\n    def has_key(self):\n        raise ValueError(self.api_key)",
                "has_key fails with ValueError: ***********",
            ),
            ("    @property\n    def lints(self):\n        return ()", "lints fails with TypeError: "),
        ],
    )
    def test_before_anything_is_sent(self, tmp_path: Path, body: str, why: str) -> None:
        head, account, rest = SOURCE.partition('    account: str = "nobody"\n')
        source = f"{head}{account}\n{body}\n\n\n{rest[rest.index('def make') :]}"
        assert told_on_opening(acme(tmp_path, source)).startswith(BROKEN + why)

    @pytest.mark.parametrize(
        ("made", "why"),
        [
            (
                "object()",
                "make gives a object without base_url, chat_body, dialect, extra, has_key, headers, in_call, ",
            ),
            ("replace(made, timeout_s=0)", "its timeout_s is 0.0, and not above 0 and up to 600"),
            ("replace(made, timeout_s='soon')", "timeout_s fails with ValueError: could not convert string to float"),
            (
                "replace(made, dialect=Dialect.GEMINI_GENERATE_CONTENT)",
                "it was to speak openai_chat_completions, and speaks gemini_generate_content",
            ),
            ("made.api_key.nothing", "make fails with AttributeError: 'str' object has no attribute 'nothing'"),
            ("settings.options[made.api_key]", "make fails with KeyError: '***********'"),
        ],
    )
    def test_when_it_is_set_up(self, tmp_path: Path, made: str, why: str) -> None:
        source = SOURCE.replace('replace(made, account=settings.options.get("account", "nobody"))', made)
        assert told_on_opening(acme(tmp_path, source)).startswith(BROKEN + why)
