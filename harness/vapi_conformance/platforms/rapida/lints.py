"""All remarks on a configuration of Rapida."""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.platforms.base_url import broken_url_lints, is_local
from vapi_conformance.platforms.header_fields import MADE_BY_THE_CONNECTION
from vapi_conformance.platforms.lint import Lint
from vapi_conformance.platforms.rapida.credential import DEFAULT_DIALECT, SPELLINGS, Credential
from vapi_conformance.platforms.rapida.headers import authorization
from vapi_conformance.platforms.rapida.mapping import (
    BOUNDS,
    CHAT_KEYS,
    PREFIX,
    RESPONSES_KEYS,
    TOOL_CHOICES,
    spelled,
    table,
)

__all__ = ["credential_lints", "dialect_lints", "header_lints", "option_lints", "parameter_lints", "url_lints"]

_PATHS: Final[Mapping[Dialect, str]] = {
    Dialect.OPENAI_CHAT_COMPLETIONS: "/chat/completions",
    Dialect.OPENAI_COMPATIBLE: "/chat/completions",
    Dialect.OPENAI_RESPONSES: "/responses",
}
_VERSION: Final = re.compile(r"/v\d+[a-z0-9]*(?:/|$)", re.IGNORECASE)
_ENDPOINT: Final = re.compile(r"(?:/(?:chat/completions|responses|messages)|:(?:streamG|g)enerateContent)/*$")
_READ: Final = frozenset(key for pair in SPELLINGS for key in pair) | {"headers"}
_KEY_FIELDS: Final = frozenset({"apikey", "api_key", "key"})
_SCHEME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+ +\S")
_BUILT: Final = frozenset({"model", "stream", "tools"})
_HISTORY: Final[Mapping[Dialect, frozenset[str]]] = {
    Dialect.OPENAI_CHAT_COMPLETIONS: frozenset({"messages"}),
    Dialect.OPENAI_COMPATIBLE: frozenset({"messages"}),
    Dialect.OPENAI_RESPONSES: frozenset({"input", "instructions"}),
}
_RESPONSES_NAMES: Final[Mapping[str, str]] = {
    "messages": "input",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
}
_RESPONSES_SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "max_output_tokens": BOUNDS,
    "text": ("response_format",),
    "reasoning": ("reasoning_effort",),
}


def dialect_lints(dialect: Dialect, credential: Credential | None) -> Iterator[Lint]:
    """Remarks on the API that is spoken."""
    if dialect in {Dialect.ANTHROPIC_MESSAGES, Dialect.GEMINI_GENERATE_CONTENT}:
        yield Lint(
            "apiCompatibility",
            f"{dialect} can be stored, but Rapida executes no chat there; what is sent here is this project's own "
            "reading of that API",
            "warning",
        )
    if credential is None:
        return
    if credential.dialect is not dialect:
        yield Lint("apiCompatibility", f"is {credential.dialect} in the file, but this run speaks {dialect}", "warning")
    if not set(SPELLINGS[0]) & set(credential.keys):
        yield Lint(
            "apiCompatibility",
            f"is not given: Rapida's backend then takes {DEFAULT_DIALECT}, but its form marks the field required",
            "info",
        )


def url_lints(base_url: str, dialect: Dialect, *, field: str) -> Iterator[Lint]:
    """What to know about a base URL that can be called. Texts never quote the URL: people keep secrets in paths."""
    parts = urlsplit(base_url)
    path = _PATHS.get(dialect, "the API's path")
    if ended := _ENDPOINT.search(parts.path):
        found = ended[0].rstrip("/")
        yield Lint(
            field, f"already ends in {found}; Rapida appends {path} to the API's root, give that in its place", "error"
        )
    elif dialect in _PATHS and not _VERSION.search(parts.path):
        yield Lint(
            field, f"has no /v1: Rapida wants the API's root including it and appends {path} and no more", "warning"
        )
    yield from broken_url_lints(parts, field=field, path=path)
    local = is_local(parts)
    if local:
        yield Lint(field, "is a local or private address; only a Rapida that runs beside it can reach it", "info")
    if parts.scheme == "http":
        yield Lint(field, "is not https: keys and conversations travel in the open", "info" if local else "warning")


def credential_lints(credential: Credential | None) -> Iterator[Lint]:
    """Remarks on the keys of the credential's file."""
    keys = () if credential is None else credential.keys
    for first, second in SPELLINGS:
        if first in keys and second in keys:
            yield Lint(
                second,
                f"is given beside {first}, which is the one used here; which Rapida takes is not known",
                "warning",
            )
    for key in keys:
        if key.lower() in _KEY_FIELDS:
            yield Lint(key, "is not sent: Rapida has no field for a key; write it as headers.Authorization", "warning")
        elif key not in _READ:
            yield Lint(key, "is no key that Rapida reads", "warning")


def header_lints(headers: Mapping[str, str], *, has_key: bool, key_is_unused: bool) -> Iterator[Lint]:
    """Remarks on the headers, of the credential and of the run. has_key: or anything else that is a secret."""
    for name in headers:
        if name.lower() in MADE_BY_THE_CONNECTION:
            yield Lint(f"headers.{name}", "is not sent: the connection sets it", "warning")
    value = authorization(headers)
    if value is not None and not _SCHEME.match(value):
        yield Lint("headers.Authorization", "has no scheme in front of the key, such as Bearer", "warning")
    if key_is_unused:
        yield Lint("headers.Authorization", "is sent, and not the key that was given for this run", "warning")
    if value is None and not has_key:
        yield Lint("headers.Authorization", "is not given, nor a key for this run; requests carry no key", "warning")


def option_lints(options: Mapping[str, object], dialect: Dialect) -> Iterator[Lint]:
    """Remarks on the model options but for `model.parameters`.

    options: keys as they are written.
    """
    written = spelled(options)
    sent = table(dialect)
    for key in options:
        name = key.removeprefix(PREFIX)
        if name in {"id", "name", "parameters"} or name in sent:
            if written[name] != key:
                yield Lint(key, f"is given beside {written[name]}, which is the one used", "warning")
        elif name in CHAT_KEYS or name in RESPONSES_KEYS:
            yield Lint(key, f"is not sent: Rapida's table for {dialect} does not have it", "warning")
        else:
            yield Lint(key, "is no key that Rapida reads; put it into model.parameters to send it", "warning")
    choice = written.get("tool_choice")
    if choice is not None and options[choice] not in TOOL_CHOICES:
        yield Lint(
            choice,
            "is none of auto, required and none, and becomes none, as in Rapida's built-in callers (inferred)",
            "warning",
        )
    yield from _bound_lints(written, dialect)


def _bound_lints(written: Mapping[str, str], dialect: Dialect) -> Iterator[Lint]:
    given = [written[name] for name in BOUNDS if name in written and name in table(dialect)]
    if dialect is Dialect.OPENAI_RESPONSES:
        for key in given[1:]:
            yield Lint(key, f"is not sent: {given[0]} is the bound (which one wins is inferred)", "warning")
    elif len(given) > 1:
        yield Lint(given[1], f"is sent beside {given[0]}; OpenAI refuses a request with both", "warning")


def parameter_lints(
    parameters: Mapping[str, object], options: Mapping[str, object], dialect: Dialect
) -> Iterator[Lint]:
    """Remarks on `model.parameters`, which are merged over the body as it is sent."""
    written = spelled(options)
    built = _BUILT | _HISTORY.get(dialect, frozenset())
    for key in parameters:
        field = f"model.parameters.{key}"
        if key in built:
            yield Lint(field, "replaces what Rapida builds for every request", "warning")
        elif dialect is Dialect.OPENAI_RESPONSES and key in _RESPONSES_NAMES:
            name = _RESPONSES_NAMES[key]
            yield Lint(field, f"is merged as it is; the Responses API calls it {name}", "warning")
        elif replaced := _behind(key, written, dialect):
            yield Lint(field, f"replaces {replaced}", "info")


def _behind(key: str, written: Mapping[str, str], dialect: Dialect) -> str | None:
    """The direct key whose value stands under that key of the request, as it is written."""
    names = _RESPONSES_SOURCES.get(key, (key,)) if dialect is Dialect.OPENAI_RESPONSES else (key,)
    return next((written[name] for name in names if name in written and name in table(dialect)), None)
