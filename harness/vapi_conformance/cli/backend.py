"""From the options of `check-webhook` to a backend that can be called: checked, with secrets out of sight."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vapi_conformance.foreign_schema import apply_schema
from vapi_conformance.masking import is_secret_name, mask_query
from vapi_conformance.narrow import object_or_none, object_or_nothing, string_or_none
from vapi_conformance.payload import parse
from vapi_conformance.platforms.base_url import checked_base_url
from vapi_conformance.platforms.header_fields import checked_headers, checked_key
from vapi_conformance.platforms.vapi.webhooks import (
    Bearer,
    Hmac,
    Secret,
    ServerSettings,
    WebhookAuth,
    load_webhook_assistant,
    load_webhook_credential,
    sample_arguments,
)
from vapi_conformance.problems import UsageError
from vapi_conformance.webhook_suite import CalledTool

__all__ = ["DEMONSTRATION_TOOL", "BackendSettings", "WebhookOptions", "read_backend"]

DEMONSTRATION_TOOL: Final = CalledTool(name="getWeather", arguments='{"city": "Lyon"}')
"""Called where nobody names a tool: every backend has to answer such a call somehow."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_TIMEOUT_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookOptions:
    """The options as typed."""

    url: str
    secret_env: str | None = None
    bearer_env: str | None = None
    hmac_env: str | None = None
    credential: Path | None = None
    assistant: Path | None = None
    tools: Sequence[str] = ()
    headers: Sequence[str] = field(default=(), repr=False)
    timeout_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class BackendSettings:
    """What is called, with what, as whom."""

    url: str
    auth: WebhookAuth | None
    tools: tuple[CalledTool, ...]
    server: ServerSettings
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    timeout_s: float
    secrets: tuple[str, ...] = field(repr=False)
    lints: tuple[str, ...] = ()
    """What the user should know."""


def read_backend(options: WebhookOptions, environment: Mapping[str, str] | None = None) -> BackendSettings:
    """Raises UsageError that says what to change."""
    environment = os.environ if environment is None else environment
    _check_url(options.url)
    server = ServerSettings()
    if options.assistant is not None:
        server = load_webhook_assistant(options.assistant, environment)
    auth = _auth(options, server, environment)
    own, secrets = _headers(options.headers, environment)
    # Of the file's headers nobody knows which are credentials, so none of them is ever shown.
    hidden = (*secrets, *server.headers.values(), *(auth.secrets if auth else ()))
    tools = _tools(options.tools, server)
    return BackendSettings(
        url=options.url,
        auth=auth,
        tools=tools or (DEMONSTRATION_TOOL,),
        server=server,
        headers=(*server.headers.items(), *own),
        timeout_s=_timeout_s(options.timeout_s, server),
        secrets=tuple(dict.fromkeys(each for each in hidden if each)),
        lints=tuple(_lints(tools, server, options)),
    )


def _check_url(url: str) -> None:
    if mask_query(url) != url:
        raise UsageError(
            "URL must not hold a key in its query, which is shown in reports; use --secret-env or --header"
        )
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise UsageError("URL must not hold a password; use --secret-env, --bearer-env or --header")
    checked_base_url(url)


def _auth(options: WebhookOptions, server: ServerSettings, environment: Mapping[str, str]) -> WebhookAuth | None:
    given = {
        "--secret-env": options.secret_env,
        "--bearer-env": options.bearer_env,
        "--hmac-env": options.hmac_env,
        "--credential": options.credential,
    }
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)}: Vapi sends one kind of credential; give one of them")
    if options.credential is not None:
        return load_webhook_credential(options.credential, environment)
    if options.bearer_env is not None:
        return Bearer(token=_from_environment(options.bearer_env, environment))
    if options.hmac_env is not None:
        return Hmac(key=_from_environment(options.hmac_env, environment))
    if options.secret_env is not None:
        return Secret(_from_environment(options.secret_env, environment))
    return None if server.secret is None else Secret(checked_key(server.secret))


def _from_environment(variable: str, environment: Mapping[str, str]) -> str:
    if not _VARIABLE.fullmatch(variable):
        # Somebody gave the secret in place of the variable's name, perhaps.
        raise UsageError("--secret-env, --bearer-env, --hmac-env and --header want the name of an environment variable")
    value = environment.get(variable)
    if not value:
        raise UsageError(f"the environment variable {variable} is not set or empty")
    return checked_key(value)


def _headers(
    given: Sequence[str], environment: Mapping[str, str]
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Headers, and which of their values must never be shown."""
    headers: dict[str, str] = {}
    secrets: list[str] = []
    for each in given:
        name, colon, value = (part.strip() for part in each.partition(":"))
        if not colon:
            # What is no name may be a value: it is not shown.
            raise UsageError("--header wants 'Name: value', got one without a colon")
        is_secret = value.startswith("$") or is_secret_name(name)
        if value.startswith("$"):
            value = _from_environment(value[1:].removeprefix("{").removesuffix("}"), environment)
        if is_secret:
            secrets.append(value)
        headers[name] = value
    return tuple(checked_headers(headers).items()), tuple(secrets)


def _tools(given: Sequence[str], server: ServerSettings) -> tuple[CalledTool, ...]:
    """Those that were named; without any, all functions of the assistant."""
    offered = {
        name: tool
        for tool in server.assistant.model.tools
        if (name := string_or_none(object_or_nothing(tool.get("function")).get("name"))) is not None
    }
    if not given:
        return tuple(_sampled(name, tool) for name, tool in offered.items())
    return tuple(_named(each, offered) for each in given)


def _named(given: str, offered: Mapping[str, Mapping[str, object]]) -> CalledTool:
    name, sign, arguments = given.partition("=")
    if not _NAME.fullmatch(name):
        raise UsageError(f"--tool: {name[:80]!r} is no name of a tool (letters, digits, _ and -, at most 80)")
    known = offered.get(name)
    if offered and known is None:
        raise UsageError(f"--tool: the assistant has no function {name!r}; it has {', '.join(offered)}")
    if not sign:
        return _sampled(name, known or {})
    if object_or_none(parse(arguments).value) is None:
        raise UsageError(f"--tool {name}: what stands behind = is no JSON object")
    return CalledTool(name=name, arguments=arguments, document=known or {})


def _sampled(name: str, tool: Mapping[str, object]) -> CalledTool:
    arguments = sample_arguments(_parameters(tool))
    return CalledTool(name=name, arguments=json.dumps(arguments, ensure_ascii=False), document=tool)


def _parameters(tool: Mapping[str, object]) -> Mapping[str, object]:
    return object_or_nothing(object_or_nothing(tool.get("function")).get("parameters"))


def _timeout_s(given: float | None, server: ServerSettings) -> float:
    if given is None:
        return server.timeout_s
    if not 0 < given <= _LONGEST_TIMEOUT_S:
        raise UsageError(f"--timeout wants seconds above 0 and up to 300, as server.timeoutSeconds, got {given:g}")
    return given


def _lints(tools: Sequence[CalledTool], server: ServerSettings, options: WebhookOptions) -> Iterator[str]:
    if not tools:
        yield (
            f"no tool is named: {DEMONSTRATION_TOOL.name} is called, which the backend may not have; name yours with "
            "--tool, or give --assistant"
        )
    if options.assistant is not None and server.secret is not None and options.secret_env is None:
        yield "server.secret of the assistant's file is sent as X-Vapi-Secret"
    for tool in tools:
        applied = apply_schema(_parameters(tool.document), object_or_nothing(parse(tool.arguments).value))
        if applied is not None and applied.fault is not None:
            yield (
                f"the arguments made up for {tool.name} do not fit its schema ({applied.fault}); give them as "
                f"--tool '{tool.name}={{...}}'"
            )
