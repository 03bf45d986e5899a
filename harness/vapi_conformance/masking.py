"""Credentials leave no trace in a record: every appearance is written over, byte for byte, so positions stay true.

A credential is found as it is, and as JSON, URLs, HTML and Python write it (`\\/` and `%2F` for a slash, `&amp;`): an
error that quotes a header in a JSON text or on a page would show it otherwise. It is found in pieces, too, as a stream
brings a text: JSON strings of one name, one after the other. It is not found in base64, or in a coding we cannot undo.
"""

import html
import json
import re
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final
from urllib.parse import quote, quote_plus

from vapi_conformance.content_coding import decode_content
from vapi_conformance.exchange import MASK, Exchange, Header, Read

__all__ = ["MIN_BODY_SECRET_BYTES", "MIN_SECRET_BYTES", "Secrets", "is_secret_name", "mask_exchange", "mask_query"]

MIN_SECRET_BYTES: Final = 4
"""A shorter value would blot out ordinary text."""

MIN_BODY_SECRET_BYTES: Final = 8
"""A shorter one is masked in what we put into headers, and nowhere else. Dummy keys are words (`test`, `data`, `null`):
written over in a body they would break its framing and look like an echo. Nothing so short keeps anybody out."""


_JSON_FOR_HTML: Final = (("<>&", "04x"), ("<>&='", "04x"), ("<>&'+`", "04X"))
"""Marks that JSON writers escape so that a text can stand in HTML, and in which figures: Go, Gson, .NET."""

_MEMBER: Final = re.compile(rb'"([^"\\]*+)"\s*+:\s*+"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
"""A member of a JSON object whose value is a string. Takes time in proportion to the bytes, whatever they are."""

_SECRET_NAME: Final = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)


class Secrets:
    """The credentials of a run. More become known as it goes on: access tokens are fetched. Thread-safe."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        """values: those known from the start."""
        self._lock = threading.Lock()
        self._values: tuple[bytes, ...] = ()
        self.add(*values)

    def add(self, *values: str) -> None:
        """From now on these are masked, too; empty ones are no secrets."""
        more = (each.encode(errors="surrogatepass") for each in values if each)
        with self._lock:
            self._values = tuple(dict.fromkeys((*self._values, *more)))

    @property
    def values(self) -> tuple[bytes, ...]:
        """All that are known by now."""
        return self._values

    def masked(self, text: str) -> str | None:
        """A stranger's words, fit to be shown; None where a secret is too short to be told from ordinary text."""
        if any(len(each) < MIN_SECRET_BYTES for each in self._values):
            return None
        return _mask_text(text, _forms(self._values, MIN_SECRET_BYTES))


def is_secret_name(header: str) -> bool:
    """Whether a header of this name carries a credential, as far as names tell."""
    return _SECRET_NAME.search(header) is not None


def mask_query(url: str) -> str:
    """The URL with the values of parameters whose name says that they are a credential (`?key=` at Gemini) masked."""
    head, mark, query = url.partition("?")
    if not mark:
        return url
    pairs = (each.partition("=") for each in query.split("&"))
    return (
        head
        + mark
        + "&".join(name + sign + ("*" * len(value) if is_secret_name(name) else value) for name, sign, value in pairs)
    )


def mask_exchange(exchange: Exchange, secrets: Sequence[bytes]) -> Exchange:
    """The same exchange without the secrets, in request and response, head and body, across reads and under gzip.

    Where a compressed body holds one, the reads are stored with the content coding undone.
    """
    sent = _forms(secrets, MIN_SECRET_BYTES)
    wanted = _forms(secrets, MIN_BODY_SECRET_BYTES)
    if not sent:
        return exchange
    request, response = exchange.request, exchange.response
    decoded = decode_content(exchange)
    hidden = decoded.coding is not None and _holds_any(b"".join(read.data for read in decoded.reads), wanted)
    reads = decoded.reads if hidden else exchange.reads
    capture = replace(exchange.capture, body="decoded") if hidden else exchange.capture
    return replace(
        exchange,
        request=replace(
            request,
            url=_mask_text(request.url, wanted),
            headers=tuple((_mask(name, wanted), _mask(value, sent)) for name, value in request.headers),
            body=None if request.body is None else _mask(request.body, wanted),
        ),
        response=None if response is None else replace(response, headers=_mask_headers(response.headers, wanted)),
        reads=_mask_reads(reads, wanted),
        capture=capture,
        error=None if exchange.error is None else _mask_text(exchange.error, wanted),
    )


def _forms(secrets: Sequence[bytes], min_bytes: int) -> tuple[bytes, ...]:
    """Every way in which a secret of that length may be written, each once."""
    return tuple({form: None for each in secrets if len(each) >= min_bytes for form in _written(each)})


def _written(secret: bytes) -> Iterator[bytes]:
    yield secret
    text = secret.decode(errors="surrogateescape")
    for json_text in (json.dumps(text), json.dumps(text, ensure_ascii=False)):
        escaped = json_text[1:-1].encode(errors="surrogateescape")
        yield escaped
        yield escaped.replace(b"/", rb"\/")
        for marks, figures in _JSON_FOR_HTML:
            written = "".join(f"\\u{ord(each):{figures}}" if each in marks else each for each in json_text[1:-1])
            yield written.encode(errors="surrogateescape")
    yield repr(text)[1:-1].encode(errors="surrogateescape")  # a traceback of Python's that shows a header
    for quoted in (False, True):
        in_html = html.escape(text, quote=quoted).encode(errors="surrogateescape")
        yield in_html
        yield in_html.replace(b"&#x27;", b"&#39;")  # so Go, PHP and Jinja write it
        yield in_html.replace(b"&quot;", b"&#34;").replace(b"&#x27;", b"&#39;")
    for url_text in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield url_text.encode()
        yield _lower_case_escapes(url_text).encode()


def _lower_case_escapes(url_text: str) -> str:
    first, *rest = url_text.split("%")
    return "%".join([first, *(each[:2].lower() + each[2:] for each in rest)])


def _holds_one(data: bytes, forms: Sequence[bytes]) -> bool:
    return any(form in data for form in forms)


def _holds_any(data: bytes, forms: Sequence[bytes]) -> bool:
    """Whole or in pieces."""
    return _holds_one(data, forms) or next(_in_pieces(data, forms), None) is not None


def _in_pieces(data: bytes, forms: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Stretches of the data that hold pieces of a secret: the strings of one name are one text in a stream."""
    texts: dict[bytes, list[tuple[int, int]]] = {}
    for member in _MEMBER.finditer(data):
        if member.end(2) > member.start(2):
            texts.setdefault(member[1], []).append(member.span(2))
    for places in texts.values():
        text = b"".join(data[start:end] for start, end in places)
        ends = list(accumulate(end - start for start, end in places))
        for form in forms:
            at = text.find(form)
            while at >= 0:
                yield from _placed(places, ends, at, at + len(form))
                at = text.find(form, at + 1)


def _placed(places: Sequence[tuple[int, int]], ends: Sequence[int], begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Where a stretch of the joined text stands in the data; nothing where it lies in one place, as a whole.

    ends: of each place, in the joined text.
    """
    number = bisect_right(ends, begin)
    if ends[number] >= end:
        return
    position = begin
    while position < end:
        (_, stop), last = places[number], min(end, ends[number])
        yield stop - (ends[number] - position), stop - (ends[number] - last)
        position, number = last, number + 1


def _mask(data: bytes, forms: Sequence[bytes]) -> bytes:
    """Found in the data as it came, so that of two which overlap neither leaves a rest."""
    if not _holds_one(data, forms):
        return data
    masked = bytearray(data)
    for form in forms:
        at = data.find(form)
        while at >= 0:
            masked[at : at + len(form)] = MASK * len(form)
            at = data.find(form, at + 1)
    return bytes(masked)


def _mask_text(text: str, forms: Sequence[bytes]) -> str:
    return _mask(text.encode(errors="surrogatepass"), forms).decode(errors="surrogatepass")


def _mask_headers(headers: tuple[Header, ...], forms: Sequence[bytes]) -> tuple[Header, ...]:
    return tuple((_mask(name, forms), _mask(value, forms)) for name, value in headers)


def _mask_reads(reads: tuple[Read, ...], forms: Sequence[bytes]) -> tuple[Read, ...]:
    """Masked as one, cut as before: a secret may lie across two reads."""
    whole = b"".join(read.data for read in reads)
    written = bytearray(_mask(whole, forms))
    for start, end in _in_pieces(whole, forms):
        written[start:end] = MASK * (end - start)
    masked = bytes(written)
    if masked == whole:
        return reads
    cut: list[Read] = []
    position = 0
    for read in reads:
        cut.append(replace(read, data=masked[position : position + len(read.data)]))
        position += len(read.data)
    return tuple(cut)
