"""A history on both databases: what is stored is there, as a whole, once; what is wrong is told in a sentence."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event, text

from history.places import BOTH, Kind, Maker, on_connect
from made_benches import bench
from made_benches import document as as_read
from made_history import GOOD, MIXED, report
from made_runs import TARGET
from postgresql import PASSWORD, Server
from vapi_conformance.history.place import Place, read_place
from vapi_conformance.history.problems import HistoryError
from vapi_conformance.history.rows import series_of
from vapi_conformance.history.store import Added, Store, Wanted
from vapi_conformance.problems import UsageError

READ_AND_WRITE = """
import sys
from pathlib import Path
from vapi_conformance.history.place import Place
from vapi_conformance.history.problems import HistoryError
from vapi_conformance.history.store import Store, Wanted
store = Store(place=Place(file=Path(sys.argv[1])))
print(len(store.runs(Wanted())), "run")
try:
    store.add(store.document(1), key="another")
except HistoryError as problem:
    sys.stderr.write(str(problem))
"""
HOSTILE = "http://h/\x00\ud800\u202e\x1b[2J'; DROP TABLE vapi_conformance_run; --"


def at(path: Path) -> Store:
    return Store(place=Place(file=path))


@BOTH
class TestStored:
    def test_a_document_comes_back_as_it_was(self, maker: Maker, kind: Kind) -> None:
        store = maker(kind).store
        document = report(*MIXED)
        assert document == store.document(store.add(document).id)

    def test_what_is_asked_for_stands_in_columns(self, maker: Maker, kind: Kind) -> None:
        store = maker(kind).store
        added = store.add(report(*MIXED))
        (found,) = store.runs(Wanted())
        assert added.id == found.id
        assert ("http://endpoint.example/v1", "vapi", "openai_compatible", "vapi", "m", "") == (
            found.series.target,
            found.series.platform,
            found.series.dialect,
            found.series.profile,
            found.series.model,
            found.series.load,
        )
        assert ("violated", "2026-11-21T10:00:00+00:00", 3, 1.5) == (
            found.verdict,
            found.started_at.isoformat(),
            found.exchanges,
            found.duration_s,
        )
        assert {"passed": 1, "violated": 2, "untestable": 1} == {name: n for name, n in found.counts.items() if n}

    def test_runs_come_with_the_oldest_first_and_the_newest_of_them(self, maker: Maker, kind: Kind) -> None:
        store = maker(kind).store
        for day in (3, 1, 2):
            store.add(report(started_at=f"2026-11-0{day}T10:00:00+02:00"))
        assert [1, 2, 3] == [each.started_at.day for each in store.runs(Wanted())]
        assert [2, 3] == [each.started_at.day for each in store.runs(Wanted(newest=2))]

    def test_runs_are_chosen(self, maker: Maker, kind: Kind) -> None:
        store = maker(kind).store
        other = replace(TARGET, name="other")
        good, bad, elsewhere = report(), report(*MIXED), report(target=other)
        ids = [store.add(each).id for each in (good, bad, elsewhere, as_read(bench()))]

        def found(wanted: Wanted) -> list[int]:
            return sorted(each.id for each in store.runs(wanted))

        assert ids[:3] == found(Wanted(kind="report"))
        assert [ids[2]] == found(Wanted(target="other"))
        assert [ids[1]] == found(Wanted(verdict="violated"))
        assert ids[:2] == found(Wanted(series=series_of(good)))

    def test_the_same_document_is_added_once(self, maker: Maker, kind: Kind) -> None:
        store = maker(kind).store
        first = store.add(report(), key="a run")
        assert [Added(id=first.id, is_new=False)] * 2 == [store.add(report()), store.add(report(), key="a run")]
        assert 1 == len(store.runs(Wanted()))

    def test_two_runs_that_came_to_the_same_are_two(self, maker: Maker, kind: Kind) -> None:
        store = maker(kind).store
        assert [True, True] == [store.add(report(), key=key).is_new for key in ("one", "other")]

    def test_a_bench_has_its_figures_and_its_load(self, maker: Maker, kind: Kind) -> None:
        store = maker(kind).store
        store.add(as_read(bench()))
        (found,) = store.runs(Wanted())
        assert ("bench", "closed loop, 2 streams", None, {}) == (
            found.series.kind,
            found.series.load,
            found.verdict,
            found.counts,
        )
        assert {"ttft_ms.p50", "ttft_ms.max", "errors.share"} <= set(found.figures)

    def test_hostile_words_are_data(self, maker: Maker, kind: Kind) -> None:
        store = maker(kind).store
        document = report(target=replace(TARGET, name=HOSTILE, url=HOSTILE * 500, model="m" * 5000))
        assert document == store.document(store.add(document).id)
        (found,) = store.runs(Wanted())
        assert r"http://h/\x00\ud800\u202e\x1b[2J'; DROP TABLE vapi_conformance_run; --" == found.series.target
        assert 200 == len(found.series.model)

    def test_another_document_is_refused_before_anything_is_made(self, maker: Maker, kind: Kind) -> None:
        made = maker(kind)
        with pytest.raises(UsageError, match=r"^is neither a report .* nor the result of a bench"):
            made.store.add({"format": "something"})
        with pytest.raises(UsageError, match=r"^is no report after the schema harness/report: "):
            made.store.add({**report(), "rules": 1})
        assert made.place.file is None or not made.place.file.exists()

    def test_a_run_that_is_not_there_is_told(self, maker: Maker, kind: Kind) -> None:
        store = maker(kind).store
        store.add(report())
        for number in (9, 0, -1, 2**70):
            with pytest.raises(HistoryError, match=f"cannot be used: it has no run {number}; "):
                store.document(number)

    def test_a_history_that_nobody_wrote_to_is_told(self, maker: Maker, kind: Kind) -> None:
        with pytest.raises(HistoryError, match=r"(there is no such file|nothing was stored in it yet)"):
            maker(kind).store.runs(Wanted())


class TestFile:
    """What can be wrong with a file of SQLite's."""

    @pytest.mark.parametrize(
        "content",
        [b"x", b"my notes\n" * 300, b"\x00" * 5000, b"SQLite format 4\x00" + b"\x00" * 5000],
        ids=["a byte", "text", "zeros", "nearly"],
    )
    def test_a_foreign_file_is_refused_and_left_as_it_is(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "notes.txt"
        path.write_bytes(content)
        for attempt in (lambda: at(path).add(report()), lambda: at(path).runs(Wanted())):
            with pytest.raises(HistoryError, match=r"notes\.txt cannot be used: it is no SQLite database: give"):
                attempt()
        assert content == path.read_bytes()
        assert [path] == list(tmp_path.iterdir())

    def test_another_programs_database_is_refused_and_left_as_it_is(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE songs (name TEXT)")
        connection.close()
        before = path.read_bytes()
        for attempt in (lambda: at(path).add(report()), lambda: at(path).runs(Wanted())):
            with pytest.raises(HistoryError, match=r"it holds tables of another program \(songs\) and no history"):
                attempt()
        assert before == path.read_bytes()

    def test_an_empty_file_becomes_a_history(self, tmp_path: Path) -> None:
        """A program that is killed while it makes one leaves that."""
        path = tmp_path / "history.db"
        path.touch()
        with pytest.raises(HistoryError, match="nothing was stored in it yet"):
            at(path).runs(Wanted())
        assert at(path).add(report()).is_new

    @pytest.mark.parametrize("share", [0.25, 0.5, 0.9], ids=str)
    def test_a_file_that_was_cut_off_is_refused_and_left_as_it_is(self, tmp_path: Path, share: float) -> None:
        path = tmp_path / "history.db"
        for number in range(5):
            at(path).add(report(), key=str(number))
        cut = path.read_bytes()[: int(path.stat().st_size * share)]
        path.write_bytes(cut)
        with pytest.raises(HistoryError, match=r"is damaged"):
            at(path).add(report(*MIXED))
        assert cut == path.read_bytes()

    def test_a_file_whose_pages_are_mixed_up_is_refused_and_left_as_it_is(self, tmp_path: Path) -> None:
        path = tmp_path / "history.db"
        for number in range(5):
            at(path).add(report(), key=str(number))
        content = bytearray(path.read_bytes())
        content[8192:12288] = b"\xff" * 4096
        path.write_bytes(content)
        with pytest.raises(HistoryError, match=r"is damaged"):
            at(path).add(report(*MIXED))
        assert bytes(content) == path.read_bytes()

    def test_a_document_that_was_changed_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "history.db"
        added = at(path).add(report())
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE vapi_conformance_run SET document = zeroblob(100)")
        connection.close()
        with pytest.raises(HistoryError, match=r"is damaged: a document in it cannot be decompressed"):
            at(path).document(added.id)

    def test_a_full_disk_is_told_and_costs_no_stored_run(self, tmp_path: Path) -> None:
        path = tmp_path / "history.db"
        store = at(path)
        kept = store.add(report())
        pages = path.stat().st_size // 4096
        on_connect(store, lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}"))
        large = {**report(*MIXED), "lints": [os.urandom(100_000).hex()]}
        with pytest.raises(HistoryError, match=r"^the history .* has no room left on its disk: free some, or give"):
            store.add(large)
        assert [kept.id] == [each.id for each in at(path).runs(Wanted())]
        assert at(path).add(report(*MIXED)).is_new

    def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(HistoryError, match=r"cannot be opened: its folder has to exist"):
            at(tmp_path / "no" / "history.db").add(report())

    def test_a_folder_in_place_of_a_file_is_told(self, tmp_path: Path) -> None:
        for attempt in (lambda: at(tmp_path).add(report()), lambda: at(tmp_path).runs(Wanted())):
            with pytest.raises(HistoryError, match=r"cannot be opened"):
                attempt()

    def test_a_name_may_have_every_character(self, tmp_path: Path) -> None:
        path = tmp_path / "a?b#c%20d&mode=memory é.db"
        at(path).add(report())
        assert [path] == list(tmp_path.iterdir())

    def test_whoever_reads_makes_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(HistoryError, match=r"there is no such file"):
            at(tmp_path / "history.db").runs(Wanted())
        assert [] == list(tmp_path.iterdir())

    def test_one_file_holds_it_all(self, tmp_path: Path) -> None:
        """So that it can be copied."""
        at(tmp_path / "history.db").add(report())
        assert ["history.db"] == [each.name for each in tmp_path.iterdir()]

    def test_readers_and_a_writer_do_not_disturb_each_other(self, tmp_path: Path) -> None:
        store = at(tmp_path / "history.db")
        store.add(report(*MIXED))
        with store.engine(is_writing=False).begin() as reader:
            assert 1 == reader.execute(text("SELECT count(*) FROM vapi_conformance_run")).scalar_one()
            with at(tmp_path / "history.db").engine(is_writing=True).begin() as writer:
                writer.execute(text("UPDATE vapi_conformance_run SET verdict = 'changed'"))
                assert ["violated"] == [each.verdict for each in store.runs(Wanted())]
                reader.rollback()


@pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
class TestReadOnly:
    """Root may write everywhere, so the file says itself that it must not be written."""

    def test_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "history.db"
        store = at(path)
        store.add(report())
        on_connect(store, lambda connection: connection.execute("PRAGMA query_only = 1"))
        with pytest.raises(HistoryError, match=r"^the history .*history\.db cannot be written: give a place where"):
            store.add(report(*MIXED))

    @pytest.mark.slow
    @pytest.mark.parametrize(("file", "folder"), [(0o400, 0o700), (0o600, 0o500)], ids=["file", "folder"])
    def test_is_told_of_a_file_and_of_a_folder(self, tmp_path: Path, file: int, folder: int) -> None:
        path = tmp_path / "history.db"
        at(path).add(report())
        path.chmod(file)
        tmp_path.chmod(folder)
        command = [sys.executable, "-c", READ_AND_WRITE, str(path)]
        if os.geteuid() == 0:
            # Root without its privileges: one that may not write where the rights say so.
            rights = "-dac_override,-dac_read_search"
            program = shutil.which("setpriv") or pytest.skip("root may write everywhere, and setpriv is not installed")
            command = [program, f"--bounding-set={rights}", f"--inh-caps={rights}", *command]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        finally:
            tmp_path.chmod(0o700)
        assert ("1 run\n", 0) == (done.stdout, done.returncode)
        assert done.stderr.startswith(f"the history {path} cannot be written: give a place where this user may write")


@pytest.mark.slow
class TestServer:
    """What can be wrong with a server."""

    def opened(self, url: str) -> Store:
        return Store(place=read_place("$URL", option="--db", environment={"URL": url}))

    def refused(self, url: str) -> str:
        with pytest.raises(HistoryError) as caught:
            self.opened(url).add(report())
        assert caught.value.__cause__ is None
        assert "planted" not in str(caught.value)
        assert "p%40ss" not in str(caught.value)
        return str(caught.value)

    def test_that_is_not_there(self, tmp_path: Path) -> None:
        pytest.importorskip("psycopg")
        said = self.refused(f"postgresql://u:planted@/d?host={tmp_path}")
        assert said.startswith("the history postgresql://u:***@/d?host=")
        assert "cannot be reached: " in said

    def test_that_wants_another_password(self, postgresql: Server) -> None:
        assert "password authentication failed" in self.refused(postgresql.url(password="planted wrong"))

    def test_that_does_not_let_this_user_write(self, postgresql: Server) -> None:
        url = postgresql.new_database()
        postgresql.run(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
        said = self.refused(postgresql.url(url.partition("@/")[2].partition("?")[0], user="reader"))
        assert said.endswith("does not let this user write: grant it CREATE and USAGE on its schema")

    def test_that_takes_no_writes(self, postgresql: Server) -> None:
        url = postgresql.new_database()
        name = url.partition("@/")[2].partition("?")[0]
        postgresql.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        assert self.refused(url).endswith("is read-only: give the address of the server that takes writes")

    def test_whose_database_holds_other_tables_is_shared(self, postgresql: Server) -> None:
        url = postgresql.new_database()
        name = url.partition("@/")[2].partition("?")[0]
        postgresql.run("CREATE TABLE songs (name TEXT)", name)
        assert self.opened(url).add(report()).is_new

    def test_that_ends_a_connection_is_asked_again(self, postgresql: Server) -> None:
        store = self.opened(postgresql.new_database())
        store.add(report())
        ended: list[int] = []

        def end(connection: object, *_: object) -> None:
            if not ended:
                ended.append(1)
                postgresql.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

        event.listen(store.engine(is_writing=True), "commit", end)
        assert store.add(report(*MIXED), key="once").id
        assert [1] == ended
        assert 2 == len(store.runs(Wanted()))

    def test_the_tables_and_columns_are_for_sql(self, postgresql: Server) -> None:
        url = postgresql.new_database()
        self.opened(url).add(report(*MIXED))
        name = url.partition("@/")[2].partition("?")[0]
        found = postgresql.run(
            "SELECT rule FROM vapi_conformance_rule_outcome JOIN vapi_conformance_run ON id = run_id "
            "WHERE outcome = 'violated' AND started_at > '2026-11-20T00:00:00Z' ORDER BY rule",
            name,
        )
        assert [("sse.must-break",), ("sse.should-break",)] == found


def test_a_missing_driver_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    store = Store(place=read_place("postgresql://u@h/d", option="--db", environment={}))
    with pytest.raises(HistoryError, match=r"needs another package: pip install 'vapi-conformance\[postgres\]'$"):
        store.add(report())


def test_documents_are_kept_small(tmp_path: Path) -> None:
    document = report(*GOOD * 1)
    document["lints"] = ["a remark that comes again and again"] * 20_000
    at(tmp_path / "history.db").add(document)
    assert (tmp_path / "history.db").stat().st_size * 4 < len(json.dumps(document))
