"""Exchanges out of files: our own stored form, HAR 1.2, and the plain recordings that test suites keep.

A file is judged as far as it can be: what is wrong with an entry comes in its place, as a sentence, and the entries
after it come all the same.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from vapi_conformance.exchange import Exchange
from vapi_conformance.exchange_file import from_document, is_exchange
from vapi_conformance.json_file import read_json
from vapi_conformance.narrow import object_or_none
from vapi_conformance.problems import UsageError
from vapi_conformance.recordings.fields import Fields
from vapi_conformance.recordings.har import har_exchanges
from vapi_conformance.recordings.unread import Unread
from vapi_conformance.recordings.wire import is_wire, wire_exchange

__all__ = ["Unread", "load_exchanges", "load_wire"]

_BLANK_LINES: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
_MOST_EVENTS: Final = 250_000
"""Each costs memory that its bytes do not show; the longest answers of a telephone call have some thousands."""


def load_exchanges(path: Path) -> Iterator[Exchange | Unread]:
    """Every exchange of one file, in its order. Raises nothing for whatever the file is."""
    for each in _exchanges(path):
        if isinstance(each, Exchange) and sum(each.body.count(blank) for blank in _BLANK_LINES) > _MOST_EVENTS:
            yield Unread(
                reason=f"{each.source}: the body has more than {_MOST_EVENTS:,} blank lines; that is no answer"
            )
        else:
            yield each


def _exchanges(path: Path) -> Iterator[Exchange | Unread]:
    try:
        document = read_json(path)
        record = object_or_none(document)
        if record is not None and is_exchange(record):
            yield replace(from_document(record, source=str(path)), source=str(path))
        elif record is not None and "log" in record:
            yield from har_exchanges(Fields(str(path), record))
        elif record is not None and is_wire(record):
            yield wire_exchange(Fields(str(path), record))
        else:
            yield Unread(
                reason=f"{path} is no recording: neither an exchange file (pytest --endpoint-save-exchanges writes "
                "them), nor a HAR (log.entries), nor an object with request and response"
            )
    except UsageError as problem:
        yield Unread(reason=str(problem))


def load_wire(path: Path) -> Exchange:
    """One plain recording; `recordings.wire` describes the form. Raises UsageError with file and place."""
    record = object_or_none(read_json(path))
    if record is None or not is_wire(record):
        raise UsageError(f"{path} is no recording: request and response are missing")
    return wire_exchange(Fields(str(path), record))
