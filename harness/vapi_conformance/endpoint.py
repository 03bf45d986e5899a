"""The endpoint under test as the user described it: checked, with secrets resolved and kept out of sight."""

import os
import random
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

import httpx

from vapi_conformance.auth import TokenSource
from vapi_conformance.client import Client, Limits
from vapi_conformance.custom_platforms import FoundPlatform, PlatformSettings, custom_names, find_platform
from vapi_conformance.dialects.names import CHAT, Dialect
from vapi_conformance.evidence import Conditions
from vapi_conformance.masking import Secrets, is_secret_name, mask_query
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.platforms import rapida, vapi
from vapi_conformance.platforms.calling import PLATFORMS, Calling, OwnName, PlatformName, default_platform
from vapi_conformance.platforms.direct import Direct
from vapi_conformance.platforms.rapida.credential import DEFAULT_DIALECT, load_credential
from vapi_conformance.platforms.vapi import OAuth2Plan
from vapi_conformance.problems import UsageError
from vapi_conformance.reference import MODEL, reference_server
from vapi_conformance.report.run import Target
from vapi_conformance.rules import Profile
from vapi_conformance.speech import ChunkPlan, chunk_plan
from vapi_conformance.suite import WRONG_KEY

__all__ = ["REFERENCE", "Endpoint", "Opened", "check_profile", "opened", "read_endpoint"]

REFERENCE: Final = "reference"
"""The name of the bundled server in place of a URL."""

_DEFAULT_PROFILES: Final[Mapping[OwnName, Profile]] = {
    "vapi": Profile.VAPI,
    "rapida": Profile.RAPIDA,
    "direct": Profile.STANDARD,
}
_DEFAULT_DIALECTS: Final[Mapping[OwnName, Dialect]] = {
    "vapi": Dialect.OPENAI_COMPATIBLE,
    "rapida": DEFAULT_DIALECT,
    "direct": Dialect.OPENAI_COMPATIBLE,
}

_GRACE_S: Final = 5.0
"""How much longer than the platform we wait, so that a breach of its timeout is seen and not shared."""

_AUTHORITY_END: Final = re.compile(r"[/?#\\]")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE: Final = re.compile(r"[\t -~]*")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """What to send to, as whom, and what to measure it against."""

    name: str
    """As given: a URL, or `reference`."""
    dialect: Dialect
    profile: Profile
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    oauth2: OAuth2Plan | None = None
    """The bundled server's own; a user's stands in the credential."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    assistant: Path | None = None
    credential: Path | None = None
    platform: PlatformName = "vapi"
    custom: FoundPlatform | None = None
    """The platform where it is none of ours."""
    platform_options: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Of such a platform."""
    model_options: Path | None = None
    timeout_s: float | None = None

    @property
    def takes_credential(self) -> bool:
        """Whether the platform has credentials that may stand in a file."""
        return self.platform in ("vapi", "rapida")


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An endpoint ready to be called."""

    platform: Calling
    client: Client
    conditions: Conditions
    target: Target
    has_key: bool


def read_endpoint(settings: Mapping[str, Sequence[str]], environment: Mapping[str, str] | None = None) -> Endpoint:
    """settings: option name (without `--endpoint-`) to values. Raises UsageError that says what to change."""
    environment = os.environ if environment is None else environment

    def one(name: str) -> str | None:
        return settings[name][-1] if settings.get(name) else None

    name = one("") or _implied(one("platform"), _path(one("credential")))
    _check_url(name)
    credential, model_options = _path(one("credential")), _path(one("model-options"))
    dialect = _chosen(Dialect, one("dialect"), "dialect")
    if dialect is Dialect.VAPI_SERVER_MESSAGES:
        raise UsageError(
            "--endpoint-dialect: a backend that answers Vapi's server messages is judged by "
            "`vapi-conformance check-webhook URL`"
        )
    platform, custom = _platform(one("platform"), dialect)
    if platform == "rapida" and dialect is None and credential is not None:
        dialect = load_credential(credential).dialect
    dialect = dialect or _default_dialect(platform, custom)
    _check_fit(platform, dialect, assistant=one("assistant"), credential=credential, model_options=model_options)
    if custom is not None:
        custom.check_fit(dialect, has_credential=credential is not None)
    profile = _chosen(Profile, one("profile"), "profile") or _default_profile(platform, custom)
    check_profile(profile, dialect)
    headers, secrets = _headers(settings.get("header", ()), environment)
    options, hidden = _platform_options(settings.get("platform-option", ()), environment, platform, custom)
    api_key = _from_environment(one("api-key-env"), environment)
    return Endpoint(
        name=name,
        dialect=dialect,
        profile=profile,
        model=one("model"),
        api_key=api_key,
        headers=headers,
        secrets=(*secrets, *hidden, *([api_key] if api_key else [])),
        assistant=_path(one("assistant")),
        credential=credential,
        model_options=model_options,
        platform=platform,
        custom=custom,
        platform_options=options,
        timeout_s=_seconds(one("timeout")),
    )


def _implied(platform: str | None, credential: Path | None) -> str:
    """Rapida's credential says where the endpoint is."""
    if platform == "rapida" and credential is not None:
        return load_credential(credential).base_url
    raise UsageError("--endpoint is missing: the URL of the endpoint to judge, or `reference` for the bundled server")


def _platform(given: str | None, dialect: Dialect | None) -> tuple[PlatformName, FoundPlatform | None]:
    """Vapi where nobody says, as long as it speaks the dialect. With it the one that another distribution adds."""
    if given is None:
        return ("vapi" if dialect is None else default_platform(dialect)), None
    for name in PLATFORMS:
        if given == name:
            return name, None
    found = find_platform(given)
    if found is None:
        raise UsageError(f"--endpoint-platform: {given!r} is none of: {', '.join([*PLATFORMS, *custom_names()])}")
    return found.name, found


def _default_dialect(platform: PlatformName, custom: FoundPlatform | None) -> Dialect:
    if custom is not None:
        return custom.platform.dialects[0]
    return next(dialect for name, dialect in _DEFAULT_DIALECTS.items() if name == platform)


def _default_profile(platform: PlatformName, custom: FoundPlatform | None) -> Profile:
    if custom is not None:
        return custom.platform.profile
    return next(profile for name, profile in _DEFAULT_PROFILES.items() if name == platform)


def _platform_options(
    given: Sequence[str], environment: Mapping[str, str], platform: PlatformName, custom: FoundPlatform | None
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Options of a platform's own, and which of their values must never be shown."""
    known: Mapping[str, str] = custom.platform.options if custom is not None else dict[str, str]()
    options: dict[str, str] = {}
    secrets: list[str] = []
    for each in given:
        name, sign, value = (part.strip() for part in each.partition("="))
        if not sign or not name:
            raise UsageError("--endpoint-platform-option wants NAME=VALUE, got one without a name or `=`")
        if name not in known:
            has = f"has {', '.join(known)}" if known else "has none"
            raise UsageError(f"--endpoint-platform-option: {name!r} is no setting of {platform}, which {has}")
        if value.startswith("$"):
            value = _from_environment(value[1:].removeprefix("{").removesuffix("}"), environment) or ""
            secrets.append(value)
        elif is_secret_name(name):
            secrets.append(value)
        options[name] = value
    return options, tuple(secrets)


def _check_fit(
    platform: PlatformName,
    dialect: Dialect,
    *,
    assistant: str | None,
    credential: Path | None,
    model_options: Path | None,
) -> None:
    """Settings that contradict each other."""
    if platform == "vapi" and dialect not in CHAT:
        raise UsageError(
            f"Vapi calls custom endpoints by Chat Completions only; for {dialect} give --endpoint-platform direct or "
            "rapida"
        )
    if assistant is not None and platform != "vapi":
        raise UsageError(f"--endpoint-assistant is Vapi's; the platform is {platform}")
    if credential is not None and platform == "direct":
        raise UsageError(
            "--endpoint-credential is for vapi and rapida; the platform is direct: give the key, or an access token "
            "that you fetched, with --endpoint-api-key-env"
        )
    if model_options is not None and platform != "rapida":
        raise UsageError(f"--endpoint-model-options is Rapida's; the platform is {platform}")


def check_profile(profile: Profile | None, dialect: Dialect | None) -> None:
    """Raises UsageError where the profile says nothing about the dialect; None for either: nobody said."""
    if dialect is Dialect.VAPI_SERVER_MESSAGES:
        if profile is Profile.RAPIDA:
            raise UsageError("the profile rapida says nothing about Vapi's server messages; take vapi")
        return
    if profile is Profile.VAPI and dialect is not None and dialect not in CHAT:
        raise UsageError(f"the profile vapi is about Chat Completions; for {dialect} take standard or rapida")


def _check_url(name: str) -> None:
    if name == REFERENCE:
        return
    if "@" in _AUTHORITY_END.split(name.partition("://")[2] or name, maxsplit=1)[0]:
        raise UsageError("--endpoint must not hold a password; use --endpoint-api-key-env or --endpoint-header")
    if mask_query(name) != name:
        raise UsageError(
            "--endpoint must not hold a key in its query, which is shown in reports; use --endpoint-api-key-env or "
            "--endpoint-header"
        )
    if not name.lower().startswith(("http://", "https://")):
        raise UsageError(f"--endpoint needs http:// or https://, got {name!r}")
    try:
        host = httpx.URL(name).host
    except (httpx.InvalidURL, ValueError) as problem:  # the latter: what is no domain name to IDNA
        raise UsageError(f"--endpoint is no URL: {problem}") from problem
    if not host:
        raise UsageError(f"--endpoint has no host: {name!r}")


_Choice = TypeVar("_Choice", bound=StrEnum)


def _chosen(kind: type[_Choice], value: str | None, option: str) -> _Choice | None:
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        known = (each for each in kind if each.value != Dialect.VAPI_SERVER_MESSAGES.value)
        raise UsageError(f"--endpoint-{option}: {value!r} is none of: {', '.join(known)}") from None


def _headers(
    given: Sequence[str], environment: Mapping[str, str]
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Headers, and which of their values must never be shown."""
    headers: list[tuple[str, str]] = []
    secrets: list[str] = []
    for each in given:
        name, colon, value = (part.strip() for part in each.partition(":"))
        if not colon or not _TOKEN.fullmatch(name):
            # What is no name may be a value: it is not shown.
            raise UsageError("--endpoint-header wants 'Name: value', got one without a proper name and colon")
        is_secret = value.startswith("$") or is_secret_name(name)
        if value.startswith("$"):
            value = _from_environment(value[1:].removeprefix("{").removesuffix("}"), environment) or ""
        if not _FIELD_VALUE.fullmatch(value):
            raise UsageError(f"--endpoint-header {name}: the value holds a line break or other characters than ASCII's")
        if is_secret:
            secrets.extend(_secret_parts(value))
        headers.append((name, value))
    return tuple(headers), tuple(secrets)


def _secret_parts(value: str) -> Iterator[str]:
    """The whole value, and what follows a scheme (`Basic ...`): an endpoint may echo either."""
    yield value
    scheme, _, credentials = value.partition(" ")
    if scheme.isalpha() and credentials.strip():
        yield credentials.strip()


def _from_environment(variable: str | None, environment: Mapping[str, str]) -> str | None:
    if variable is None:
        return None
    if not _VARIABLE.fullmatch(variable):
        # Somebody gave the secret in place of the variable's name, perhaps.
        raise UsageError("--endpoint-api-key-env and --endpoint-header want the name of an environment variable")
    value = environment.get(variable)
    if not value:
        raise UsageError(f"the environment variable {variable} is not set or empty")
    return value


def _path(value: str | None) -> Path | None:
    return None if value is None else Path(value)


def _seconds(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 600:  # noqa: PLR2004 - the longest that any of Vapi's documents allows
        raise UsageError(f"--endpoint-timeout wants seconds above 0 and up to 600, got {value!r}")
    return seconds


@contextmanager
def opened(endpoint: Endpoint) -> Generator[Opened]:
    """Starts the reference server where it is meant. Raises UsageError for a configuration that Vapi would refuse."""
    if endpoint.name != REFERENCE:
        with _connected(endpoint, endpoint.name) as connected:
            yield connected
        return
    with reference_server() as server:
        ours = replace(
            endpoint,
            api_key=server.key,
            oauth2=server.oauth2,
            model=endpoint.model or MODEL,
            secrets=(*endpoint.secrets, server.key),
        )
        with _connected(ours, server.url) as connected:
            yield connected


@contextmanager
def _connected(endpoint: Endpoint, url: str) -> Generator[Opened]:
    secrets = Secrets((*endpoint.secrets, WRONG_KEY))
    platform = _calling(endpoint, url, secrets)
    secrets.add(*(part for secret in platform.secrets for part in _secret_parts(secret)))
    timeout_s = endpoint.timeout_s or platform.timeout_s
    limits = Limits(idle_s=timeout_s + _GRACE_S, total_s=max(120.0, 3 * timeout_s))
    tokens, platform = _with_tokens(platform, endpoint.oauth2, secrets)
    with Client(limits=limits, secrets=secrets, renew=None if tokens is None else tokens.renewed) as client:
        yield Opened(
            platform=platform,
            client=client,
            conditions=Conditions(
                timeout_s=timeout_s,
                chunk_plan=_chunk_plan(platform),
                platform=platform.name,
                # The first token is fetched here: without one there is nothing to send.
                token_lifetime_s=None if tokens is None else tokens.lifetime_s,
            ),
            target=Target(name=endpoint.name, url=platform.url(), model=platform.model, platform=platform.name),
            has_key=platform.has_key,
        )


def _with_tokens(platform: Calling, given: OAuth2Plan | None, secrets: Secrets) -> tuple[TokenSource | None, Calling]:
    """Puts an OAuth2 plan to work, where there is one. Raises UsageError for one that must not be used."""
    if not isinstance(platform, vapi.Platform):
        return None, platform
    plan = given or platform.oauth2
    if plan is None:
        return None, platform
    tokens = TokenSource(plan, secrets=secrets)
    return tokens, replace(platform, oauth2=plan, tokens=tokens)


def _calling(endpoint: Endpoint, url: str, secrets: Secrets) -> Calling:
    headers = dict(endpoint.headers)
    seed = random.SystemRandom().getrandbits(31)  # endpoints keep state by call.id: each run makes calls of its own
    match endpoint.platform:
        case "vapi":
            return vapi.Platform.from_files(
                assistant=endpoint.assistant,
                credential=endpoint.credential,
                base_url=url,
                model=endpoint.model,
                headers=headers,
                api_key=endpoint.api_key,
                seed=seed,
                dialect=endpoint.dialect,
            )
        case "rapida":
            return rapida.Platform.from_files(
                credential=endpoint.credential,
                model_options=endpoint.model_options,
                base_url=url,
                model=endpoint.model,
                headers=headers,
                api_key=endpoint.api_key,
                dialect=endpoint.dialect,
                seed=seed,
            )
        case "direct":
            return Direct.made(
                dialect=endpoint.dialect,
                base_url=url,
                model=endpoint.model,
                headers=headers,
                api_key=endpoint.api_key,
            )
        case _:
            return _custom(endpoint, url, seed, secrets)


def _custom(endpoint: Endpoint, url: str, seed: int, secrets: Secrets) -> Calling:
    """As the distribution calls that adds the platform."""
    if endpoint.custom is None:
        raise UsageError(f"no platform {endpoint.platform} is installed")
    settings = PlatformSettings(
        base_url=url,
        dialect=endpoint.dialect,
        model=endpoint.model,
        api_key=endpoint.api_key,
        headers=dict(endpoint.headers),
        options=endpoint.platform_options,
        seed=seed,
    )
    return endpoint.custom.calling(settings, secrets)


def _chunk_plan(platform: Calling) -> ChunkPlan:
    """Vapi's assistants have one; others are judged by Vapi's default."""
    if not isinstance(platform, vapi.Platform):
        return ChunkPlan()
    return chunk_plan(object_or_nothing(platform.assistant.document.get("voice")).get("chunkPlan"))
