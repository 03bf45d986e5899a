"""What a database complains of, as one sentence for the user: what is wrong, and what to do."""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from vapi_conformance.history.packing import DamagedError
from vapi_conformance.history.place import Place
from vapi_conformance.history.problems import HistoryError

__all__ = ["WAIT_S", "in_one_sentence"]

WAIT_S: Final = 30
"""How long others who write are waited for. One run is written in milliseconds."""

# SQLite's names of results (Result and Error Codes), by how they begin; the first that fits.
_SQLITE: Final = (
    ("SQLITE_FULL", "has no room left on its disk: free some, or give another place"),
    ("SQLITE_READONLY", "cannot be written: give a place where this user may write, folder and file"),
    ("SQLITE_PERM", "cannot be written: give a place where this user may write, folder and file"),
    ("SQLITE_AUTH", "cannot be written: give a place where this user may write, folder and file"),
    ("SQLITE_CANTOPEN", "cannot be opened: its folder has to exist, and this user has to be allowed to write there"),
    ("SQLITE_BUSY", f"was being written by others for {WAIT_S} s: try again, or give a team a PostgreSQL database"),
    ("SQLITE_LOCKED", f"was being written by others for {WAIT_S} s: try again, or give a team a PostgreSQL database"),
    ("SQLITE_NOTADB", "is no SQLite database; it was not touched: give the name of another file"),
    (
        "SQLITE_CORRUPT",
        "is damaged: put it aside and start a new one; `sqlite3 FILE .recover` may get back what is in it",
    ),
    ("SQLITE_TOOBIG", "cannot hold a document that large"),
)
# Classes and codes of PostgreSQL's errors (Appendix A).
_POSTGRESQL: Final = (
    ("53100", "has no room left on its disk"),
    ("25006", "is read-only: give the address of the server that takes writes"),
    ("42501", "does not let this user write: grant it CREATE and USAGE on its schema"),
    ("55P03", f"was being changed by others for {WAIT_S} s: try again"),
    ("57014", "took too long: try again"),
)


@contextmanager
def in_one_sentence(place: Place) -> Generator[None]:
    """Raises HistoryError, which begins with the place, for whatever the database raises inside.

    The error it was made of is not chained: a driver's words and a traceback's may hold the password.
    """
    try:
        yield
    except HistoryError as problem:
        raise HistoryError(f"the history {place.shown} cannot be used: {problem}") from None
    except DamagedError as problem:
        raise HistoryError(f"the history {place.shown} is damaged: a document in it {problem}") from None
    except (SQLAlchemyError, sqlite3.Error) as problem:
        raise HistoryError(_sentence(place, problem)) from None


def _sentence(place: Place, problem: Exception) -> str:
    cause = problem.orig if isinstance(problem, DBAPIError) else problem
    name: object = getattr(cause, "sqlite_errorname", None)
    state: object = getattr(cause, "sqlstate", None)
    what = _first(_SQLITE, name, str.startswith) or _first(_POSTGRESQL, state, str.__eq__)
    if what is None and place.url is not None and state is None:
        what = f"cannot be reached: {place.told(str(cause))}"
    return f"the history {place.shown} {what or f'cannot be used: {place.told(str(cause))}'}"


def _first(table: tuple[tuple[str, str], ...], code: object, fits: Callable[[str, str], bool]) -> str | None:
    if not isinstance(code, str):
        return None
    return next((what for key, what in table if fits(code, key)), None)
