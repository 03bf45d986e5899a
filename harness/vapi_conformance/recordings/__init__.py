"""Exchanges out of files: our own stored forms, HAR 1.2, and the plain recordings that test suites keep.

A file is judged as far as it can be: what is wrong with an entry comes in its place, as a sentence, and the entries
after it come all the same.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from vapi_conformance import call_file
from vapi_conformance.call_record import CallRecord
from vapi_conformance.exchange import Exchange
from vapi_conformance.exchange_file import from_document, is_exchange
from vapi_conformance.json_file import read_json
from vapi_conformance.narrow import object_or_none
from vapi_conformance.problems import UsageError
from vapi_conformance.recordings.fields import Fields
from vapi_conformance.recordings.har import har_exchanges
from vapi_conformance.recordings.unread import Unread
from vapi_conformance.recordings.wire import is_wire, wire_exchange

__all__ = ["Unread", "load_call", "load_exchanges", "load_wire"]

_BLANK_LINES: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
_MOST_EVENTS: Final = 250_000
"""Each costs memory that its bytes do not show; the longest answers of a telephone call have some thousands."""


def load_exchanges(path: Path) -> Iterator[Exchange | Unread]:
    """Every exchange of one file, in its order. Raises nothing for whatever the file is."""
    for each in _exchanges(path):
        if isinstance(each, Exchange) and (fault := _excess(each)) is not None:
            yield Unread(reason=fault)
        else:
            yield each


def _excess(exchange: Exchange) -> str | None:
    """Why an exchange is too much to judge."""
    if sum(exchange.body.count(blank) for blank in _BLANK_LINES) <= _MOST_EVENTS:
        return None
    return f"{exchange.source}: the body has more than {_MOST_EVENTS:,} blank lines; that is no answer"


def _exchanges(path: Path) -> Iterator[Exchange | Unread]:
    try:
        document = read_json(path)
        record = object_or_none(document)
        if record is not None and is_exchange(record):
            yield replace(from_document(record, source=str(path)), source=str(path))
        elif call_file.is_call(record):
            yield from _call(record, path).exchanges
        elif record is not None and "log" in record:
            yield from har_exchanges(Fields(str(path), record))
        elif record is not None and is_wire(record):
            yield wire_exchange(Fields(str(path), record))
        else:
            yield Unread(
                reason=f"{path} is no recording: neither an exchange file nor a whole call (pytest "
                "--endpoint-save-exchanges writes both), nor a HAR (log.entries), nor an object with request and "
                "response"
            )
    except UsageError as problem:
        yield Unread(reason=str(problem))


def load_call(path: Path) -> CallRecord:
    """One stored call. Raises UsageError with file and place, also where one of its answers is too much to judge."""
    call = _call(read_json(path), path)
    if fault := next(filter(None, map(_excess, call.exchanges)), None):
        raise UsageError(fault)
    return call


def _call(document: object, path: Path) -> CallRecord:
    call = call_file.from_document(document, source=str(path))
    placed = (replace(each, source=f"{path}: exchanges[{at}]") for at, each in enumerate(call.exchanges))
    return replace(call, exchanges=tuple(placed))


def load_wire(path: Path) -> Exchange:
    """One plain recording; `recordings.wire` describes the form. Raises UsageError with file and place."""
    record = object_or_none(read_json(path))
    if record is None or not is_wire(record):
        raise UsageError(f"{path} is no recording: request and response are missing")
    return wire_exchange(Fields(str(path), record))
