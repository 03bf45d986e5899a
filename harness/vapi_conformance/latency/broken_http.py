"""What the engine says of an endpoint that was reached, and whose answer is no HTTP: a kind of error of its own."""

from typing import Final

__all__ = ["BROKEN_HTTP", "broken_http", "endless_head"]

BROKEN_HTTP: Final = "broken HTTP: "
"""How the error of such an exchange begins."""

_IN_OWN_WORDS: Final = (
    ("expected http/", "what came is no HTTP response"),
    ("version", "what came is no HTTP/1.1 response"),
    ("status", "a status that is none"),
    ("content-length", "a Content-Length that is no length"),
    ("transfer-encoding", "a Transfer-Encoding that is none"),
    ("chunk", "a chunk without a size or without its end"),
    ("header", "a header field that is none"),
)
"""By what httptools says. Its words are those of its source: who reads them thinks that nothing was reached."""


def broken_http(words: str) -> str:
    """The error, from the words of httptools; none of the endpoint's bytes are in it."""
    lowered = words.lower()
    return BROKEN_HTTP + next((ours for theirs, ours in _IN_OWN_WORDS if theirs in lowered), "bytes that are no HTTP")


def endless_head(most_bytes: int, *, interim: int) -> str:
    """The error where so many bytes brought no head of an answer. interim: answers that announced one (RFC 9110, 15.2).

    A flood of those keeps a client waiting as a head without end does.
    """
    what = f"{interim} interim answers (1xx) and no other in" if interim else "a head of"
    return f"{BROKEN_HTTP}{what} more than {most_bytes} bytes"
