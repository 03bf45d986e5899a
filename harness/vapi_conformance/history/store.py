"""Writing and reading a history. Every error is a HistoryError, which names the place and never the password."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from vapi_conformance.history.database import engine_for, refuse_foreign_file
from vapi_conformance.history.faults import in_one_sentence
from vapi_conformance.history.models import Figure, StoredRun
from vapi_conformance.history.packing import pack, unpack
from vapi_conformance.history.place import Place
from vapi_conformance.history.problems import HistoryError
from vapi_conformance.history.rows import Kind, Series, StoredSummary, kind_of, summary_of, to_row
from vapi_conformance.history.upgrading import state_of, upgrade
from vapi_conformance.report.printable import printable

__all__ = ["Added", "Store", "Wanted"]

_MOST_CHECKED_BYTES: Final = 256 * 1024 * 1024
"""Of a file, whose structure is checked before something is added: reading more would take seconds."""
_ATTEMPTS: Final = 3
"""To write to a server whose connection breaks. The key of a run keeps it from being stored twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of a document."""

    id: int
    is_new: bool
    """False: it was there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs; None and empty: all."""

    kind: Kind | None = None
    target: str | None = None
    verdict: str | None = None
    series: Series | None = None
    newest: int | None = None
    """So many of them."""


@dataclass(eq=False, slots=True, kw_only=True)
class Store:
    """A history. Holds no connection between two calls."""

    place: Place
    steps: Path | None = None
    """The folder with the steps of the schema; ours unless a test has others."""
    _engines: dict[bool, Engine] = field(default_factory=dict[bool, Engine])

    def add(self, document: Mapping[str, object], *, key: str | None = None) -> Added:
        """Stores a report or a bench, as a whole or not at all; makes the history where there is none.

        key: the run's own name, by which a second attempt is known. None: the document may have been stored by another
        run or command, and then is not stored again. Raises HistoryError, and UsageError for another document.
        """
        kind_of(document)
        # Earlier runs are in the history already; and a report's file tells them, the run that wrote it did not.
        document = {name: value for name, value in document.items() if name != "trend"}
        with in_one_sentence(self.place):
            for _ in range(_ATTEMPTS - 1):
                try:
                    return self._add(document, key)
                except DBAPIError as problem:
                    if not problem.connection_invalidated:
                        raise
            return self._add(document, key)

    def prepare(self) -> None:
        """Makes the history where there is none, and brings an older one up to date. Raises HistoryError."""
        with in_one_sentence(self.place):
            self._be_ready_to_write()

    def runs(self, wanted: Wanted) -> list[StoredSummary]:
        """The oldest first."""
        query = select(StoredRun)
        for column, value in (
            (StoredRun.kind, wanted.kind),
            (StoredRun.target, wanted.target),
            (StoredRun.verdict, wanted.verdict),
        ):
            if value is not None:
                query = query.where(column == value)
        if wanted.series is not None:
            same = wanted.series
            query = query.where(
                StoredRun.kind == same.kind,
                StoredRun.target == same.target,
                StoredRun.platform == same.platform,
                StoredRun.dialect == same.dialect,
                StoredRun.profile == same.profile,
                StoredRun.model == same.model,
                StoredRun.load == same.load,
            )
        query = query.order_by(StoredRun.started_at.desc(), StoredRun.id.desc())
        if wanted.newest is not None:
            query = query.limit(wanted.newest)
        with self._reading() as session:
            rows = [*reversed(session.scalars(query).all())]
            return _summaries(session, rows)

    def run(self, run_id: int) -> StoredSummary:
        """Raises HistoryError where no run has that number."""
        with self._reading() as session:
            return _summaries(session, [_existing(session, run_id)])[0]

    def document(self, run_id: int) -> Mapping[str, object]:
        """As it was stored. Raises HistoryError, also where it is damaged."""
        with self._reading() as session:
            row = _existing(session, run_id)
            return unpack(row.document, digest=row.digest)

    def engine(self, *, is_writing: bool) -> Engine:
        """Of all connections; for questions of one's own."""
        if is_writing not in self._engines:
            self._engines[is_writing] = engine_for(self.place, is_writing=is_writing)
        return self._engines[is_writing]

    def _add(self, document: Mapping[str, object], key: str | None) -> Added:
        packed = pack(document)
        own = key or f"sha256:{packed.digest}"
        self._be_ready_to_write()
        with Session(self.engine(is_writing=True)) as session:
            same = StoredRun.key == own
            known = select(StoredRun.id).where(same if key else same | (StoredRun.digest == packed.digest))
            found = session.scalars(known.limit(1)).first()
            if found is not None:
                return Added(id=found, is_new=False)
            row = to_row(document, packed, key=own, now=datetime.now(UTC))
            session.add(row)
            try:
                session.flush()
            except IntegrityError:
                # On a server another program can have stored the same between our question and our answer.
                session.rollback()
                return Added(id=session.scalars(known.limit(1)).one(), is_new=False)
            number = row.id
            session.commit()
            return Added(id=number, is_new=True)

    @contextmanager
    def _reading(self) -> Generator[Session]:
        file = self.place.file
        with in_one_sentence(self.place):
            if file is not None and not file.exists():
                raise HistoryError("there is no such file; `pytest --endpoint URL --endpoint-history FILE` makes it")
            if file is not None:
                refuse_foreign_file(file)
            self._be_ready_to_read()
            with Session(self.engine(is_writing=False)) as session:
                yield session

    def _be_ready_to_read(self) -> None:
        """Takes no lock that others wait for, unless the schema is old."""
        with self.engine(is_writing=False).begin() as connection:
            state = state_of(connection, folder=self.steps)
        if state == "empty":
            raise HistoryError("nothing was stored in it yet")
        if state == "older":
            self._be_ready_to_write()

    def _be_ready_to_write(self) -> None:
        """The tables are there and are ours. A damaged file is left as it is."""
        file = self.place.file
        if file is not None:
            refuse_foreign_file(file)
        with self.engine(is_writing=True).begin() as connection:
            if file is not None and file.stat().st_size <= _MOST_CHECKED_BYTES:
                _refuse_damaged(connection)
            if state_of(connection, folder=self.steps) != "current":
                upgrade(connection, folder=self.steps)


def _refuse_damaged(connection: Connection) -> None:
    told = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
    if told != "ok":
        words = printable(" ".join(str(told).split()))
        raise HistoryError(f"it is damaged ({words}): put it aside and start a new one; nothing was changed")


def _existing(session: Session, run_id: int) -> StoredRun:
    # No column holds a larger number, and a database complains of one.
    row = session.get(StoredRun, run_id) if 0 <= run_id < 2**31 else None
    if row is None:
        raise HistoryError(f"it has no run {run_id}; `vapi-conformance history list` shows which there are")
    return row


def _summaries(session: Session, rows: Sequence[StoredRun]) -> list[StoredSummary]:
    """All figures by one question, and not one for each run."""
    figures: dict[int, dict[str, float]] = {row.id: {} for row in rows}
    if rows:
        least, most = min(figures), max(figures)
        for each in session.scalars(select(Figure).where(Figure.run_id.between(least, most))):
            if each.run_id in figures:
                figures[each.run_id][each.name] = each.value
    return [summary_of(row, figures[row.id]) for row in rows]
