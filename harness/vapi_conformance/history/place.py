"""Where a history is: a file for SQLite, or a URL of PostgreSQL. A password in it is never shown."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from vapi_conformance.history.problems import HistoryError
from vapi_conformance.masking import Secrets
from vapi_conformance.problems import UsageError
from vapi_conformance.report.printable import printable

__all__ = ["VARIABLE", "Place", "read_place"]

VARIABLE: Final = "VAPI_CONFORMANCE_HISTORY"
"""Names the history where no option does."""
_DRIVER: Final = "postgresql+psycopg"
_POSTGRESQL: Final = frozenset({"postgres", "postgresql", _DRIVER})
_SECRET_PARAMETERS: Final = frozenset({"password", "sslpassword", "oauth_client_secret"})
"""Parameters of a connection that libpq takes in the query, and that are secrets."""
_MOST_CHARACTERS: Final = 16_384
"""Of a URL in a file."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HIDDEN: Final = "..."
"""Stars would be escaped in a query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Either a file or a URL."""

    file: Path | None = None
    url: URL | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """For people; without the password."""
        if self.url is None:
            return str(self.file)
        query = {name: _HIDDEN if name in _SECRET_PARAMETERS else value for name, value in self.url.query.items()}
        return self.url.set(drivername="postgresql", query=query).render_as_string(hide_password=True)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may hold."""
        if self.url is None:
            return ()
        given = (self.url.password, *(self.url.query.get(name) for name in sorted(_SECRET_PARAMETERS)))
        return tuple(each for each in given if isinstance(each, str) and each)

    def told(self, text: str) -> str:
        """Words of a database in one line that can be shown."""
        line = printable(" ".join(text.split()))
        return line if not self.secrets else Secrets(self.secrets).masked(line) or "(its words may hold the password)"


def read_place(text: str, *, option: str, environment: Mapping[str, str] | None = None) -> Place:
    """text: FILE, postgresql://..., `$NAME` of an environment variable that holds either, or `@FILE` that does.

    option: who asks, for sentences. A URL that was typed must hold no password, because every user of the machine sees
    command lines, and repositories keep ini files; one out of the environment or a file may. Raises HistoryError.
    """
    environment = os.environ if environment is None else environment
    if text.startswith("$"):
        place, is_typed = _from_variable(text, option, environment), False
    elif text.startswith("@"):
        place, is_typed = _from_file(Path(text[1:]).expanduser(), option), False
    else:
        place, is_typed = text, environment.get(VARIABLE) != text
    if "://" not in place:
        return _file(place, option)
    found = _url(place, option)
    if is_typed and found.secrets:
        raise HistoryError(
            f"{option} must not hold a password, which others can read where it stands: put the URL into {VARIABLE}, "
            f"or into a file or a variable of your own ({option} @FILE, {option} '$NAME'), or leave the password to "
            "~/.pgpass"
        )
    return found


def _from_variable(text: str, option: str, environment: Mapping[str, str]) -> str:
    name = text[1:].removeprefix("{").removesuffix("}")
    if not _NAME.fullmatch(name):
        raise HistoryError(f"{option}: what follows $ is no name of an environment variable")
    value = environment.get(name)
    if not value:
        raise HistoryError(f"{option}: the environment variable {name} is not set or empty")
    return value


def _from_file(path: Path, option: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_MOST_CHARACTERS).strip()
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
        raise HistoryError(f"{option}: {path} cannot be read: {reason}") from None
    if not text or "\n" in text:
        raise HistoryError(f"{option}: {path} has to hold one line, the URL of the database")
    return text


def _url(text: str, option: str) -> Place:
    """Words of the parser are not repeated: they may be a piece of the password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise HistoryError(f"{option} holds no URL that can be read: postgresql://USER@HOST:PORT/DATABASE") from None
    if url.drivername == "sqlite" and url.database:
        return _file(url.database, option)
    if url.drivername not in _POSTGRESQL:
        raise HistoryError(
            f"{option} takes the name of a file (SQLite), or postgresql://USER@HOST:PORT/DATABASE; got "
            f"{printable(url.drivername)}://"
        )
    return Place(url=url.set(drivername=_DRIVER))


def _file(text: str, option: str) -> Place:
    if text == ":memory:" or not text.strip() or "\0" in text:
        raise HistoryError(f"{option} wants the name of a file, or postgresql://USER@HOST:PORT/DATABASE")
    try:
        return Place(file=Path(text).expanduser())
    except RuntimeError as problem:  # a ~ without a home
        raise UsageError(f"{option}: {problem}") from None
