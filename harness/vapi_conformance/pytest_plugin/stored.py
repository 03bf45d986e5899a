"""Exchanges in a folder: for `check` and `hear`, and for the workers of pytest-xdist."""

from collections.abc import Sequence
from pathlib import Path

from vapi_conformance.exchange import Exchange
from vapi_conformance.exchange_file import save

__all__ = ["store"]


def store(exchanges: Sequence[Exchange], folder: Path) -> None:
    """One file each; names sort in the order of play. Files of an earlier run are taken away first."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.exchange.json"):
        old.unlink()
    for number, exchange in enumerate(exchanges, 1):
        label = exchange.label
        name = "exchange" if label is None else f"{label.scenario}.{label.step}.{label.attempt}"
        save(exchange, folder / f"{number:03}-{name}.exchange.json")
