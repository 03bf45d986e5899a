"""Exchanges out of files: our own stored form, HAR 1.2, and the plain recordings that test suites keep.

Every fault of a file is one `UsageError` that names file and place; what was read before it is kept by the caller.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from vapi_conformance.exchange import (
    BodyFidelity,
    Capture,
    Exchange,
    Header,
    HeaderFidelity,
    Read,
    Request,
    Response,
    Timing,
)
from vapi_conformance.exchange_file import from_document, is_exchange
from vapi_conformance.json_file import read_json
from vapi_conformance.narrow import (
    array_or_none,
    array_or_nothing,
    integer_or_none,
    object_or_none,
    object_or_nothing,
    string_or_none,
)
from vapi_conformance.problems import UsageError

__all__ = ["load_exchanges", "load_wire"]

# What was true of the transfer and is no longer of a body that a recorder decoded.
_TRANSFER_HEADERS: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def load_exchanges(path: Path) -> Iterator[Exchange]:
    """Every exchange of one file, in its order. Raises UsageError with file and place."""
    document = object_or_none(read_json(path))
    if document is None:
        raise UsageError(f"{path}: neither a stored exchange nor a HAR: the document is no JSON object")
    if is_exchange(document):
        yield replace(from_document(document, source=str(path)), source=str(path))
    elif "log" in document:
        yield from _har_exchanges(object_or_nothing(document["log"]), path)
    elif "request" in document and "response" in document:
        yield _wire_exchange(document, path)
    else:
        raise UsageError(f"{path}: neither a stored exchange, nor a HAR 1.2 (no log), nor a recording (no request)")


def load_wire(path: Path) -> Exchange:
    """One recording: `{request: {method, url, headers, body}, response: {status, headers, body_text}, capture}`."""
    document = object_or_none(read_json(path))
    if document is None or "request" not in document or "response" not in document:
        raise UsageError(f"{path}: no recording: request and response are missing")
    return _wire_exchange(document, path)


def _wire_exchange(document: Mapping[str, object], path: Path) -> Exchange:
    request, response = object_or_nothing(document["request"]), object_or_nothing(document["response"])
    status, text = integer_or_none(response.get("status")), string_or_none(response.get("body_text"))
    if status is None or text is None:
        raise UsageError(f"{path}: response: a status and a body_text are needed")
    body = request.get("body")
    return Exchange(
        request=Request(
            method=str(request.get("method") or "POST"),
            url=str(request.get("url") or ""),
            headers=_named_headers(request.get("headers")),
            body=None if body is None else json.dumps(body, ensure_ascii=False).encode(errors="replace"),
        ),
        response=Response(status=status, headers=_named_headers(response.get("headers"), without=_TRANSFER_HEADERS)),
        reads=(Read(at_ns=None, data=text.encode(errors="surrogatepass")),) if text else (),
        capture=_wire_capture(object_or_nothing(document.get("capture"))),
        source=str(path),
    )


def _wire_capture(capture: Mapping[str, object]) -> Capture:
    fidelity = str(capture.get("body"))
    bodies: dict[str, BodyFidelity] = {"reserialized": "reserialized", "reframed": "rebuilt"}
    headers: HeaderFidelity = "assumed" if fidelity in ("headers-assumed", "reframed") else "joined"
    return Capture(
        recorder=str(capture.get("recorder") or "unknown"), body=bodies.get(fidelity, "decoded"), headers=headers
    )


def _named_headers(value: object, *, without: frozenset[str] = frozenset()) -> tuple[Header, ...]:
    return tuple(
        (name.encode("latin-1", errors="replace"), str(each).encode("latin-1", errors="replace"))
        for name, text in object_or_nothing(value).items()
        if name.lower() not in without
        for each in (array_or_none(text) or [text])
    )


def _har_exchanges(log: Mapping[str, object], path: Path) -> Iterator[Exchange]:
    """HAR 1.2. Entries that never got a response (status 0) are exchanges without one."""
    entries = array_or_none(log.get("entries"))
    if entries is None:
        raise UsageError(f"{path}: a HAR without log.entries")
    for position, entry in enumerate(entries):
        yield _har_exchange(object_or_nothing(entry), f"{path}#{position}")


def _har_exchange(entry: Mapping[str, object], place: str) -> Exchange:
    request, response = object_or_nothing(entry.get("request")), object_or_nothing(entry.get("response"))
    if not request or not response:
        raise UsageError(f"{place}: an entry without request or response")
    status = integer_or_none(response.get("status")) or 0
    content = object_or_nothing(response.get("content"))
    posted = string_or_none(object_or_nothing(request.get("postData")).get("text"))
    return Exchange(
        request=Request(
            method=str(request.get("method") or "POST"),
            url=str(request.get("url") or ""),
            headers=_listed_headers(request.get("headers"), masked=True),
            body=None if posted is None else posted.encode(errors="replace"),
        ),
        response=None
        if status <= 0
        else Response(
            status=status,
            http_version=str(response.get("httpVersion") or "HTTP/1.1"),
            headers=_listed_headers(response.get("headers"), without=_TRANSFER_HEADERS),
        ),
        reads=_har_reads(content, place) if status > 0 else (),
        timing=Timing(started_at=string_or_none(entry.get("startedDateTime"))),
        capture=Capture(recorder="HAR", body="decoded", headers="joined"),
        source=place,
    )


def _har_reads(content: Mapping[str, object], place: str) -> tuple[Read, ...]:
    """One read without a time: a HAR keeps when a body began and ended, not when its parts came."""
    text = string_or_none(content.get("text"))
    if text is None:
        size = integer_or_none(content.get("size")) or 0
        if size > 0:
            raise UsageError(f"{place}: the HAR was saved without bodies; save it again with content")
        return ()
    if string_or_none(content.get("encoding")) == "base64":
        try:
            body = base64.b64decode(text, validate=True)
        except binascii.Error as problem:
            raise UsageError(f"{place}: response.content.text is no base64: {problem}") from problem
    else:
        body = text.encode(errors="surrogatepass")
    return (Read(at_ns=None, data=body),) if body else ()


def _listed_headers(
    value: object, *, without: frozenset[str] = frozenset(), masked: bool = False
) -> tuple[Header, ...]:
    pairs = [
        (str(each.get("name")), str(each.get("value"))) for each in map(object_or_nothing, array_or_nothing(value))
    ]
    return tuple(
        (
            name.encode("latin-1", errors="replace"),
            (_mask(name, text) if masked else text).encode("latin-1", errors="replace"),
        )
        for name, text in pairs
        if name.lower() not in without
    )


def _mask(name: str, text: str) -> str:
    """A HAR holds the credentials of whoever saved it."""
    if name.lower() not in ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key"):
        return text
    scheme, space, rest = text.partition(" ")
    return f"{scheme}{space}{'*' * len(rest)}" if rest else "*" * len(text)
