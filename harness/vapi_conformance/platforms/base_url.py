"""A base URL, whoever calls it: whether anything can be sent there, and what breaks once a path is appended."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from vapi_conformance.platforms.lint import Lint
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import FORMATS

__all__ = ["broken_url_lints", "checked_base_url", "is_local"]

_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


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


def broken_url_lints(parts: SplitResult, *, field: str, path: str) -> Iterator[Lint]:
    """What makes calls fail where the platform appends `path`. Texts never quote the URL: people keep secrets there."""
    if parts.query:
        yield Lint(
            field, f"has a query string; {path} is appended behind it and never becomes part of the path", "error"
        )
    if parts.fragment:
        yield Lint(field, "has a #fragment; it and the path appended to it are never sent", "error")
    if parts.username is not None:
        yield Lint(field, "holds a user name or password; use a credential in its place", "error")


def is_local(parts: SplitResult) -> bool:
    """Whether the host is only reached from the own machine or network, as far as its name or address tells."""
    host = (parts.hostname or "").rstrip(".")
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)
