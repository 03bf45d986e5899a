"""A request as a command that sends it again: for bash and curl, with credentials as variables."""

import re
import shlex
from base64 import b64encode
from collections.abc import Iterator
from typing import Final

from vapi_conformance.exchange import Header, Request
from vapi_conformance.masking import is_secret_name, mask_query

__all__ = ["curl", "shown_headers"]

_MADE_BY_CURL: Final = frozenset({b"host", b"content-length", b"connection", b"accept-encoding", b"transfer-encoding"})
_MASKED: Final = re.compile(r"\*{4,}")
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9]+")
_SCHEME: Final = re.compile(r"[A-Za-z]+ ")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def curl(request: Request, *, most_bytes: int) -> str | None:
    """One command; None where nothing is known of the body, or where it is longer than that.

    Whatever stands in the request stays one word of the shell, and nothing in it reaches a terminal as it is.
    """
    if request.body is None or len(request.body) > most_bytes:
        return None
    words = ["curl", "-sSN", *(["-X", shlex.quote(_plain(request.method))] if request.method != "POST" else [])]
    words.append(_with_variables(_plain(mask_query(request.url)), "KEY"))
    for name, value in shown_headers(request.headers):
        # curl reads a file where the argument begins with @, and takes a header without a value away.
        if name.lower().encode("latin-1") not in _MADE_BY_CURL and _TOKEN.fullmatch(name):
            field = f"{name}: {_plain(value)}" if value.strip() else f"{name};"
            words += ["-H", _with_variables(field, _variable(name))]
    if any(name.lower() == b"accept-encoding" for name, _ in request.headers):
        words.append("--compressed")
    if not request.body:
        return " ".join(words)
    text = _as_text(request.body)
    if text is not None:
        return " ".join([*words, "--data-raw", shlex.quote(text)])
    encoded = b64encode(request.body).decode("ascii")
    return f"printf %s {encoded} | base64 -d | {' '.join([*words, '--data-binary', '@-'])}"


def shown_headers(headers: tuple[Header, ...]) -> Iterator[tuple[str, str]]:
    """Names and values in wire order. A value whose name says that it is a secret is masked, whoever recorded it."""
    for name, value in headers:
        told, text = name.decode("latin-1"), value.decode("latin-1")
        if is_secret_name(told):
            scheme = _SCHEME.match(text) if told.lower().endswith("authorization") else None
            kept = scheme.group() if scheme is not None else ""
            text = kept + "*" * max(len(text) - len(kept), 4)
        yield told, text


def _variable(header: str) -> str:
    """How the variable is called that stands for a credential."""
    if header.lower() in ("authorization", "x-api-key", "api-key", "x-goog-api-key"):
        return "API_KEY"
    return _NO_NAME.sub("_", header).strip("_").upper() or "SECRET"


def _with_variables(text: str, variable: str) -> str:
    """Quoted, but for what is masked: that is the variable's value."""
    parts = _MASKED.split(text)
    return f'"${variable}"'.join(shlex.quote(part) if part or len(parts) == 1 else "" for part in parts)


def _plain(text: str) -> str:
    """Neither line breaks nor anything else that is not seen: no header and no URL has a right to them."""
    return "".join(each for each in text if each.isprintable())


def _as_text(body: bytes) -> str | None:
    """The body as it can stand in a command; None for what is no text, or holds what is not seen."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None
