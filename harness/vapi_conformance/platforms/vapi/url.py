"""Where Vapi would POST to, and what is odd about the configured URL.

Vapi uses `model.url` as the base URL of an OpenAI client, which appends its path literally (openai-node 4.91.1,
`buildURL`): one slash is saved where both sides have one, and a query string swallows the path.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from vapi_conformance.platforms.lint import Lint, LintLevel
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import FORMATS

__all__ = ["checked_base_url", "request_url", "url_lints"]

_PATH = "/chat/completions"
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def request_url(base_url: str) -> str:
    """`https://host/v1` and `https://host/v1/` become `https://host/v1/chat/completions`."""
    return base_url + (_PATH[1:] if base_url.endswith("/") else _PATH)


def checked_base_url(value: str) -> str:
    """The URL a user gave as the endpoint. Raises UsageError when no request could be sent there."""
    shown = "a URL with credentials" if "@" in value else value.partition("?")[0]
    if "://" not in value:
        raise UsageError(f"the endpoint needs http:// or https://, got {shown!r}")
    if not FORMATS["http-url"](value) or any(character.isspace() for character in value):
        raise UsageError(f"the endpoint is no http or https URL with a host: {shown!r}")
    try:
        _ = urlsplit(value).port
    except ValueError:
        raise UsageError(f"the endpoint's port is not a number from 0 to 65535: {shown!r}") from None
    return value


def url_lints(base_url: str, *, field: str, given_by_hand: bool) -> Iterator[Lint]:
    """What to know about a base URL that can be called. Texts never quote the URL: people keep secrets in paths.

    `given_by_hand`: for this run, not in the assistant; then a local address is how one develops, and only a note.
    """
    parts = urlsplit(base_url)
    if parts.path.rstrip("/").endswith(_PATH):
        yield Lint(
            field,
            f"already ends in {_PATH}; Vapi's reference says it appends that itself, so requests go to "
            f"…{_PATH}{_PATH}. Sources disagree whether it does; give the base URL, or serve both paths",
            "warning",
        )
    if parts.query:
        yield Lint(
            field, f"has a query string; {_PATH} is appended behind it and never becomes part of the path", "error"
        )
    if parts.fragment:
        yield Lint(field, "has a #fragment; it and the path appended to it are never sent", "error")
    if parts.username is not None:
        yield Lint(field, "holds a user name or password; use a credential in its place", "error")
    local = _is_local(parts)
    level: LintLevel = "info" if given_by_hand and local else "warning"
    if local:
        yield Lint(field, "is a local or private address; Vapi can only reach public hosts", level)
    if parts.scheme == "http":
        yield Lint(field, "is not https; Vapi expects a public https URL", level)


def _is_local(parts: SplitResult) -> bool:
    host = (parts.hostname or "").rstrip(".")
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)
