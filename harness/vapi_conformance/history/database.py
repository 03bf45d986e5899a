"""Engines: one for a file, one for a server, with the same promises.

A run is written in one transaction, so it is there as a whole or not at all. On SQLite:

* The journal is the old one (rollback) and not WAL. Runs are written seldom and shortly, so nobody gains from reading
  beside a writer. In return the history is one file that can be copied, also after a kill: with WAL what was written
  last may stand in a second file. And WAL cannot work on network filesystems at all.
* `synchronous=EXTRA`: a run that is told to be stored outlives a power failure, too.
* Every writing transaction begins as one (`BEGIN IMMEDIATE`), so it waits for others at its beginning and never fails
  in its middle.

Locks of network filesystems are often broken, and no journal helps there: PostgreSQL does.
"""

import sqlite3
from importlib import import_module
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from vapi_conformance.history.faults import WAIT_S
from vapi_conformance.history.place import Place
from vapi_conformance.history.problems import HistoryError

__all__ = ["engine_for", "refuse_foreign_file"]

_CONNECT_S: Final = 10
_STATEMENT_MS: Final = 120_000
_MAGIC: Final = b"SQLite format 3\x00"
_BEGIN: Final = {True: "BEGIN IMMEDIATE", False: "BEGIN"}


def engine_for(place: Place, *, is_writing: bool) -> Engine:
    """Connects to nothing yet. One that only reads creates no file. Raises HistoryError where a package is missing."""
    return _sqlite(place.file, is_writing=is_writing) if place.file is not None else _postgresql(place)


def refuse_foreign_file(file: Path) -> None:
    """SQLite refuses most files that are not its own, but takes a short one for an empty database and writes over it.

    Raises HistoryError. An empty file is no one's. A journal beside the file means that a program was killed while it
    wrote, or is writing now: SQLite knows what to do about that.
    """
    for _ in range(2):  # another program may have finished writing between the two questions
        if _begins_well(file) or Path(f"{file}-journal").exists():
            return
    raise HistoryError("it is no SQLite database: give the name of another file; it was not touched")


def _begins_well(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(len(_MAGIC)) in (_MAGIC, b"")
    except OSError:
        return True  # SQLite will say what is wrong with it


def _sqlite(file: Path, *, is_writing: bool) -> Engine:
    # Reading may have to write: what a killed program left half done is taken back by the next who opens the file.
    mode = "rwc" if is_writing else "rw"
    address = f"{file.absolute().as_uri()}?mode={mode}"

    def connect() -> sqlite3.Connection:
        # No isolation level: the module would begin transactions at times of its own.
        connection = sqlite3.connect(address, uri=True, timeout=WAIT_S, isolation_level=None)
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(_BEGIN[is_writing])

    event.listen(engine, "begin", begin)
    return engine


def _postgresql(place: Place) -> Engine:
    try:
        import_module("psycopg")
    except ImportError:
        raise HistoryError(
            "a history in PostgreSQL needs another package: pip install 'vapi-conformance[postgres]'"
        ) from None
    assert place.url is not None
    engine = create_engine(
        place.url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={
            "connect_timeout": _CONNECT_S,
            "application_name": "vapi-conformance",
            "prepare_threshold": None,  # a pooler in front of the server may give the next statement to another session
        },
    )

    def begin(connection: Connection) -> None:
        """As options of the connection they would be refused by poolers."""
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_S}s'")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {_STATEMENT_MS}")

    event.listen(engine, "begin", begin)
    return engine
