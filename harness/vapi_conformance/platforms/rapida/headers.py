"""The header fields of a request from Rapida.

No request of its custom LLM was ever published. Documented is that the credential's headers go with every request.
`Content-Type` follows from the body, `Accept-Encoding: gzip` from Go's HTTP client, which adds it on its own. What
client library Rapida uses for custom LLMs, and hence its User-Agent, is not known: a neutral one stands in.
"""

from collections.abc import Mapping

from vapi_conformance.platforms.header_fields import MADE_BY_THE_CONNECTION

__all__ = ["KEY_HEADERS", "USER_AGENT", "Fields", "authorization", "merged", "request_headers"]

Fields = tuple[tuple[str, str], ...]
"""Header fields in wire order."""

USER_AGENT = "vapi-conformance"
"""Neither Rapida's nor that of openai-go, which its built-in callers use."""

KEY_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})
"""Where the five APIs and their hosts take a key, in lower case."""


def merged(stored: Mapping[str, str], given: Mapping[str, str]) -> Mapping[str, str]:
    """The credential's headers with those of the run in their place: names are equal in any case."""
    found = {name.lower(): (name, value) for name, value in stored.items()}
    found |= {name.lower(): (name, value) for name, value in given.items()}
    return dict(found.values())


def authorization(headers: Mapping[str, str]) -> str | None:
    """The value of Authorization in any case."""
    return next((value for name, value in headers.items() if name.lower() == "authorization"), None)


def request_headers(key_fields: Fields, headers: Mapping[str, str]) -> Fields:
    """All fields but Host and Content-Length, which the connection adds; a name of `headers` replaces ours.

    key_fields: how the API takes its key.
    """
    ours = (
        ("User-Agent", USER_AGENT),
        ("Content-Type", "application/json"),
        ("Accept-Encoding", "gzip"),
        *key_fields,
    )
    fields = {name.lower(): (name, value) for name, value in (*ours, *headers.items())}
    return tuple(each for name, each in fields.items() if name not in MADE_BY_THE_CONNECTION)
