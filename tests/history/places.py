"""Histories for tests, on each of the two databases."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import event

from postgresql import Server, running_server
from vapi_conformance.history.place import Place, read_place
from vapi_conformance.history.store import Store

__all__ = ["BOTH", "Kind", "Made", "Maker", "maker", "on_connect", "postgresql"]

Kind = Literal["sqlite", "postgresql"]
BOTH = pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])


@dataclass(frozen=True, kw_only=True)
class Made:
    """A history that nobody has written to yet."""

    text: str
    """For options, in the environment."""
    place: Place
    store: Store


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Makes them; the server is started when the first one is wanted there."""

    folder: Path
    request: pytest.FixtureRequest

    def __call__(self, kind: Kind) -> Made:
        if kind == "sqlite":
            text = str(self.folder / "history.db")
        else:
            server: Server = self.request.getfixturevalue("postgresql")
            text = server.new_database()
        place = read_place("$PLACE", option="--db", environment={"PLACE": text})
        return Made(text=text, place=place, store=Store(place=place))


def on_connect(store: Store, do: Callable[[sqlite3.Connection], object]) -> None:
    """With each connection that writes, before anything else."""

    def connected(connection: sqlite3.Connection, _: object) -> None:
        do(connection)

    event.listen(store.engine(is_writing=True), "connect", connected)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def maker(tmp_path: Path, request: pytest.FixtureRequest) -> Maker:
    return Maker(folder=tmp_path, request=request)
