"""The schema: what the steps make is what the models want, older ones are brought up to date, newer ones refused."""

import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from history.places import BOTH, Kind, Maker
from made_history import MIXED, report
from vapi_conformance.history import migrations
from vapi_conformance.history.models import Base
from vapi_conformance.history.problems import HistoryError
from vapi_conformance.history.store import Store, Wanted
from vapi_conformance.history.upgrading import VERSION_TABLE

NEXT = '''"""A step of tomorrow's."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "0001"


def upgrade():
    op.add_column("vapi_conformance_run", sa.Column("mood", sa.String(10), nullable=True))
    op.execute("UPDATE vapi_conformance_run SET mood = 'fine'")
'''


@pytest.fixture
def tomorrow(tmp_path: Path) -> Path:
    """The steps of a newer program."""
    folder = tmp_path / "steps"
    shutil.copytree(migrations.__path__[0], folder)
    (folder / "versions" / "r9999_mood.py").write_text(NEXT, encoding="utf-8")
    return folder


@BOTH
class TestSchema:
    def test_of_the_steps_is_that_of_the_models(self, maker: Maker, kind: Kind) -> None:
        made = maker(kind)
        made.store.add(report())
        with made.store.engine(is_writing=True).begin() as connection:
            context = MigrationContext.configure(
                connection, opts={"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
            )
            assert [] == compare_metadata(context, Base.metadata)

    def test_of_an_older_program_is_brought_up_to_date(self, maker: Maker, kind: Kind, tomorrow: Path) -> None:
        made = maker(kind)
        old = made.store.add(report())
        newer = Store(place=made.place, steps=tomorrow)
        assert [old.id] == [each.id for each in newer.runs(Wanted())]  # reading is enough
        with newer.engine(is_writing=True).begin() as connection:
            assert "fine" == connection.execute(text("SELECT mood FROM vapi_conformance_run")).scalar_one()
        assert newer.add(report(*MIXED)).is_new

    def test_of_a_newer_program_is_refused(self, maker: Maker, kind: Kind, tomorrow: Path) -> None:
        made = maker(kind)
        newer = Store(place=made.place, steps=tomorrow)
        newer.add(report())
        said = (
            r"cannot be used: it was written by a newer vapi-conformance \(its schema is 9999, this one knows 0001\): "
        )
        for attempt in (lambda: made.store.add(report(*MIXED)), lambda: made.store.runs(Wanted())):
            with pytest.raises(HistoryError, match=said):
                attempt()
        assert 1 == len(newer.runs(Wanted()))

    def test_is_brought_up_to_date_once_by_many_at_once(self, maker: Maker, kind: Kind, tomorrow: Path) -> None:
        made = maker(kind)
        made.store.add(report())
        faults: list[BaseException] = []

        def upgrade(number: int) -> None:
            try:
                Store(place=made.place, steps=tomorrow).add(report(*MIXED), key=str(number))
            except BaseException as problem:  # noqa: BLE001 - told by the test
                faults.append(problem)

        threads = [threading.Thread(target=upgrade, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [] == faults
        assert 7 == len(Store(place=made.place, steps=tomorrow).runs(Wanted()))

    def test_stays_as_it_was_where_a_step_fails(self, maker: Maker, kind: Kind, tomorrow: Path) -> None:
        made = maker(kind)
        made.store.add(report())
        step = tomorrow / "versions" / "r9999_mood.py"
        step.write_text(NEXT.replace("SET mood", "SET no_such_column"), encoding="utf-8")
        with pytest.raises(HistoryError, match=r"cannot be used: .*no_such_column"):
            Store(place=made.place, steps=tomorrow).add(report(*MIXED))
        assert 1 == len(made.store.runs(Wanted()))
        assert made.store.add(report(*MIXED)).is_new


def test_a_newer_file_is_left_as_it_is(tmp_path: Path, maker: Maker) -> None:
    made = maker("sqlite")
    made.store.add(report())
    path = tmp_path / "history.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '7'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(HistoryError, match="newer vapi-conformance"):
        made.store.add(report(*MIXED))
    assert before == path.read_bytes()
