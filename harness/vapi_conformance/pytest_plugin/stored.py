"""What was played, in a folder: for `check` and `hear`, and for the workers of pytest-xdist."""

from collections.abc import Sequence
from pathlib import Path

from vapi_conformance import call_file, exchange_file
from vapi_conformance.call_record import CallRecord
from vapi_conformance.exchange import Exchange
from vapi_conformance.json_file import read_json

__all__ = ["store", "stored"]


def store(exchanges: Sequence[Exchange], calls: Sequence[CallRecord], folder: Path) -> None:
    """A file for each exchange, and one for each whole call; names sort in the order of play.

    Files of an earlier run are taken away first.
    """
    exchange_file.store(exchanges, folder)
    for old in folder.glob("*.call.json"):
        old.unlink()
    for number, call in enumerate(calls, 1):
        call_file.save(call, folder / f"{number:03}-{call.name}.call.json")


def stored(folder: Path) -> tuple[list[Exchange], list[CallRecord]]:
    """What `store` left there."""
    exchanges = sorted(folder.glob("*.exchange.json"))
    calls = sorted(folder.glob("*.call.json"))
    return (
        [exchange_file.from_document(read_json(path), source=path.stem) for path in exchanges],
        [call_file.from_document(read_json(path), source=path.stem) for path in calls],
    )
