"""Header fields and keys that a user gives for a run: what can be sent, and what not."""

from collections.abc import Mapping

from vapi_conformance.problems import UsageError

__all__ = ["MADE_BY_THE_CONNECTION", "checked_headers", "checked_key"]

MADE_BY_THE_CONNECTION = frozenset({"connection", "content-length", "host", "transfer-encoding"})
"""Names, in lower case, that nobody sets by a configuration."""

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def checked_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Header fields a user gave for this run. Raises UsageError for what cannot be sent (RFC 9110, 5.1 and 5.5)."""
    for name, value in headers.items():
        if not name or not set(name) <= _TOKEN:
            raise UsageError(f"{name!r} is no header name")
        if not all(
            character == "\t" or " " <= character <= "~" or "\x80" <= character <= "\xff" for character in value
        ):
            raise UsageError(f"the value of header {name} holds characters that cannot be sent (RFC 9110, 5.5)")
    return headers


def checked_key(key: str) -> str:
    """A key a user gave for this run. Raises UsageError, which does not quote it."""
    if not key or not all("!" <= character <= "~" for character in key):
        raise UsageError("the API key is empty or holds characters that no Authorization header can carry")
    return key
