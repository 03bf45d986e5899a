"""The schema of a history: told, and brought up to date. Only forwards, in one transaction, one program at a time."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text

from vapi_conformance.history import migrations
from vapi_conformance.history.models import PREFIX
from vapi_conformance.history.problems import HistoryError

__all__ = ["VERSION_TABLE", "State", "state_of", "upgrade"]

State = Literal["empty", "older", "current"]

VERSION_TABLE: Final = PREFIX + "schema"
_LOCK: Final = 0x76617069_636F6E66
"""Who migrates a PostgreSQL database holds this lock of ours until the transaction ends; the others wait."""


def state_of(connection: Connection, *, folder: Path | None = None) -> State:
    """Of the tables, as this program sees them. Raises HistoryError where they are newer, or somebody else's.

    folder: of the steps; ours unless a test has others.
    """
    script = _script(folder)
    heads = _context(connection).get_current_heads()
    if not heads:
        _refuse_foreign(connection)
        return "empty"
    for head in heads:
        if not _knows(script, head):
            raise HistoryError(
                f"it was written by a newer vapi-conformance (its schema is {head}, this one knows "
                f"{script.get_current_head()}): update vapi-conformance; nothing was changed"
            )
    return "current" if set(heads) == set(script.get_heads()) else "older"


def upgrade(connection: Connection, *, folder: Path | None = None) -> None:
    """Takes all steps that are missing. The caller begins and commits; on SQLite with BEGIN IMMEDIATE."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if state_of(connection, folder=folder) == "current":  # asked again: only now nobody else is at it
        return
    script = _script(folder)

    def steps(heads: Iterable[str], _: MigrationContext) -> list[RevisionStep]:
        missing = reversed([*script.iterate_revisions(script.get_current_head(), tuple(heads))])
        return [MigrationStep.upgrade_from_script(script.revision_map, each) for each in missing]

    context = MigrationContext.configure(
        connection,
        opts={"version_table": VERSION_TABLE, "fn": steps, "transactional_ddl": True},
    )
    with Operations.context(context):
        context.run_migrations()


def _script(folder: Path | None) -> ScriptDirectory:
    return ScriptDirectory(str(folder or Path(migrations.__path__[0])))


def _context(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})


def _knows(script: ScriptDirectory, revision: str) -> bool:
    try:
        script.get_revision(revision)
    except CommandError:
        return False
    return True


def _refuse_foreign(connection: Connection) -> None:
    """A file of its own is all ours. A server's database may be shared, but not our names."""
    tables = inspect(connection).get_table_names()
    is_file = connection.dialect.name == "sqlite"
    strange = [name for name in tables if is_file or name.startswith(PREFIX)]
    strange = [name for name in strange if name != VERSION_TABLE]
    if strange:
        raise HistoryError(
            f"it holds tables of another program ({', '.join(sorted(strange)[:3])}) and no history: give another "
            "place; nothing was changed"
        )
