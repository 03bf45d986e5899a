"""The stored form of an exchange: one JSON document, bytes in base64, times in integer nanoseconds, a version.

The form is published as the schema `harness/exchange`. A reader of version n reads every version up to n.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, cast

from vapi_conformance.exchange import (
    BodyFidelity,
    Capture,
    End,
    Exchange,
    Expectation,
    Header,
    HeaderFidelity,
    Label,
    Read,
    Request,
    Response,
    Timing,
)
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import errors

__all__ = ["FORMAT", "VERSION", "dump", "from_document", "is_exchange", "save", "store", "to_document"]

FORMAT: Final = "vapi-conformance/exchange"
VERSION: Final = 1


def is_exchange(document: object) -> bool:
    """Whether a JSON document says that it is a stored exchange."""
    return object_or_nothing(document).get("format") == FORMAT


def to_document(exchange: Exchange) -> dict[str, object]:
    """JSON-ready; `from_document` gives an equal exchange back."""
    request, response = exchange.request, exchange.response
    return {
        "format": FORMAT,
        "version": VERSION,
        "source": exchange.source,
        "label": None if exchange.label is None else asdict(exchange.label),
        "request": {
            "method": request.method,
            "url": request.url,
            "headers": _pairs(request.headers),
            "body": None if request.body is None else _encode(request.body),
        },
        "response": None
        if response is None
        else {
            "status": response.status,
            "http_version": response.http_version,
            "headers": _pairs(response.headers),
        },
        "reads": [[read.at_ns, _encode(read.data)] for read in exchange.reads],
        "end": exchange.end.value,
        "error": exchange.error,
        "timing": asdict(exchange.timing),
        "connection_reused": exchange.connection_reused,
        "capture": asdict(exchange.capture),
    }


def dump(exchange: Exchange) -> str:
    """The file's text."""
    return json.dumps(to_document(exchange), indent=1) + "\n"


def save(exchange: Exchange, path: Path) -> None:
    """Written beside and then moved, so that a reader never sees half a file."""
    part = path.with_name(path.name + ".part")
    part.write_text(dump(exchange), encoding="utf-8")
    part.replace(path)


def from_document(document: object, *, source: str = "") -> Exchange:
    """Raises UsageError that names the place when the document is no exchange of a version we know."""
    record = object_or_none(document)
    if record is None or not is_exchange(record):
        raise UsageError(f'{source or "the document"} is no stored exchange: no "format": "{FORMAT}"')
    version = integer_or_none(record.get("version"))
    if version is None or version > VERSION:
        raise UsageError(f"{source}: exchange version {record.get('version')!r}; this release reads up to {VERSION}")
    for problem in errors("harness/exchange", document)[:1]:
        raise UsageError(f"{source}: {problem.pointer or 'document'}: {problem.message}")
    try:
        return _read(record, source)
    except (binascii.Error, ValueError) as problem:
        raise UsageError(f"{source}: {problem}") from problem


def _read(record: Mapping[str, object], source: str) -> Exchange:
    """The shape is known from the schema; casts say what it guarantees."""
    request = object_or_nothing(record["request"])
    response = object_or_none(record["response"])
    label = object_or_none(record["label"])
    body = string_or_none(request["body"])
    reads = [array_or_nothing(each) for each in array_or_nothing(record["reads"])]
    return Exchange(
        request=Request(
            method=str(request["method"]),
            url=str(request["url"]),
            headers=_headers(request["headers"]),
            body=None if body is None else _decode(body),
        ),
        response=None
        if response is None
        else Response(
            status=cast("int", response["status"]),
            http_version=str(response["http_version"]),
            headers=_headers(response["headers"]),
        ),
        reads=tuple(Read(at_ns=integer_or_none(at_ns), data=_decode(str(data))) for at_ns, data in reads),
        end=End(str(record["end"])),
        error=string_or_none(record["error"]),
        timing=_timing(object_or_nothing(record["timing"])),
        connection_reused=cast("bool | None", record["connection_reused"]),
        capture=_capture(object_or_nothing(record["capture"])),
        label=None if label is None else _label(label),
        source=str(record["source"]) or source,
    )


def _timing(record: Mapping[str, object]) -> Timing:
    return Timing(
        dns_ns=integer_or_none(record["dns_ns"]),
        connect_ns=integer_or_none(record["connect_ns"]),
        tls_ns=integer_or_none(record["tls_ns"]),
        first_header_byte_ns=integer_or_none(record["first_header_byte_ns"]),
        end_ns=integer_or_none(record["end_ns"]),
        started_at=string_or_none(record["started_at"]),
    )


def _capture(record: Mapping[str, object]) -> Capture:
    return Capture(
        recorder=str(record["recorder"]),
        body=cast("BodyFidelity", record["body"]),
        headers=cast("HeaderFidelity", record["headers"]),
    )


def _label(record: Mapping[str, object]) -> Label:
    return Label(
        scenario=str(record["scenario"]),
        step=str(record["step"]),
        expects=cast("Expectation", record["expects"]),
        attempt=cast("int", record["attempt"]),
    )


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _pairs(headers: tuple[Header, ...]) -> list[list[str]]:
    """Field lines are bytes; latin-1 keeps each of them (RFC 9110, 5.5)."""
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]


def _headers(value: object) -> tuple[Header, ...]:
    pairs = [array_or_nothing(each) for each in array_or_nothing(value)]
    return tuple((str(name).encode("latin-1"), str(text).encode("latin-1")) for name, text in pairs)


def store(exchanges: Sequence[Exchange], folder: Path) -> None:
    """One file each; names sort in the order of play. Files of an earlier run are taken away first."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.exchange.json"):
        old.unlink()
    for number, exchange in enumerate(exchanges, 1):
        label = exchange.label
        name = "exchange" if label is None else f"{label.scenario}.{label.step}.{label.attempt}"
        save(exchange, folder / f"{number:03}-{name.replace('/', '-')}.exchange.json")
