"""`history`: the runs that were kept, for people and for scripts."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from made_benches import bench
from made_benches import document as as_read
from made_history import MIXED, report
from made_runs import PASSED, VIOLATED, result
from vapi_conformance.cli import main
from vapi_conformance.history.place import Place
from vapi_conformance.history.store import Store
from vapi_conformance.schema import errors
from vapi_conformance.verdict import Outcome

BETTER = result(Outcome.PASSED, rule_id=VIOLATED.rule.id)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A report, a worse one, and a bench."""
    path = tmp_path / "runs.db"
    store = Store(place=Place(file=path))
    store.add(report(PASSED, BETTER, started_at="2026-11-01T10:00:00Z"))
    store.add(report(PASSED, VIOLATED, started_at="2026-11-02T10:00:00Z"))
    store.add(as_read(bench()))
    return path


def ran(*arguments: object, **environment: str) -> Result:
    """Without a history in the environment, unless one is given."""
    given: dict[str, str | None] = {"VAPI_CONFORMANCE_HISTORY": None, **environment}
    return CliRunner().invoke(main, ["history", *map(str, arguments)], env=given)


class TestHelp:
    def test_shows_how_a_run_is_kept(self) -> None:
        text = ran("--help").stdout
        assert "pytest --endpoint https://my.host/v1 --endpoint-history runs.db" in text
        assert "pip install 'vapi-conformance[postgres]'" in text

    @pytest.mark.parametrize("command", ["list", "show", "diff", "trend", "add"])
    def test_of_every_command_shows_an_example(self, command: str) -> None:
        assert f"  Examples:\n    vapi-conformance history {command} " in ran(command, "--help").stdout


class TestPlace:
    def test_may_stand_in_the_environment(self, db: Path) -> None:
        assert ran("list", "--db", db).stdout == ran("list", VAPI_CONFORMANCE_HISTORY=str(db)).stdout

    def test_has_to_stand_somewhere(self) -> None:
        done = ran("list")
        assert (2, "Error: which history? Give --db FILE, or set VAPI_CONFORMANCE_HISTORY\n") == (
            done.exit_code,
            done.stderr,
        )

    def test_with_a_typed_password_is_refused(self) -> None:
        done = ran("list", "--db", "postgresql://me:planted@h/d")
        assert 2 == done.exit_code
        assert done.stderr.startswith("Error: --db must not hold a password, ")
        assert "planted" not in done.output

    def test_that_is_no_history_is_told(self, tmp_path: Path) -> None:
        done = ran("trend", "--db", tmp_path / "none.db")
        assert 2 == done.exit_code
        assert "none.db cannot be used: there is no such file" in done.stderr


class TestList:
    def test_is_one_run_a_line_when_piped(self, db: Path) -> None:
        lines = [line.split("\t") for line in ran("list", "--db", db).stdout.splitlines()]
        assert [["2", "2026-11-02 10:00"], ["1", "2026-11-01 10:00"], ["3", "2026-01-01 00:00"]] == [
            line[:2] for line in lines
        ]
        assert ["report", "violated", "http://endpoint.example/v1", "vapi", "openai_compatible", "vapi", "m"] == lines[
            0
        ][2:9]
        assert ["1", "1", "0"] == lines[0][9:12]
        assert "closed loop, 2 streams" == lines[2][7]

    def test_is_a_document_for_scripts(self, db: Path) -> None:
        document = json.loads(ran("list", "--db", db, "--json").stdout)
        assert () == errors("harness/history-list", document)
        assert [2, 1, 3] == [each["run"] for each in document["runs"]]

    @pytest.mark.parametrize(
        ("options", "runs"),
        [
            (["--kind", "bench"], [3]),
            (["--verdict", "violated"], [2]),
            (["--target", "reference"], [3]),
            (["--newest", "1"], [2]),
            (["--target", "nobody"], []),
        ],
    )
    def test_may_be_of_some_runs(self, db: Path, options: list[str], runs: list[int]) -> None:
        document = json.loads(ran("list", "--db", db, "--json", *options).stdout)
        assert runs == [each["run"] for each in document["runs"]]

    def test_of_nothing_says_so(self, db: Path) -> None:
        done = ran("list", "--db", db, "--target", "nobody")
        assert (0, "") == (done.exit_code, done.stdout)
        assert done.stderr.startswith("no run is like that")


class TestShow:
    def test_tells_what_did_not_pass(self, db: Path) -> None:
        text = ran("show", 2, "--db", db).stdout
        assert "violated\nrun 2, 2026-11-02 10:00, 3 exchanges, suite " in text
        assert "1 passed, 1 violated\n" in text
        assert "sse.must-break  MUST  violated\n  that\n" in text

    def test_without_a_number_is_the_newest(self, db: Path) -> None:
        assert ran("show", "--db", db).stdout == ran("show", 2, "--db", db).stdout

    @pytest.mark.parametrize(("run", "schema"), [(2, "harness/report"), (3, "harness/bench")])
    def test_gives_the_document_that_was_stored(self, db: Path, run: int, schema: str) -> None:
        assert () == errors(schema, json.loads(ran("show", run, "--db", db, "--json").stdout))

    def test_of_a_run_that_is_not_there_is_told(self, db: Path) -> None:
        done = ran("show", 9, "--db", db)
        assert 2 == done.exit_code
        assert "it has no run 9" in done.stderr


class TestDiff:
    def test_is_of_the_newest_and_the_one_before_of_the_same_endpoint(self, db: Path) -> None:
        done = ran("diff", "--db", db)
        assert 1 == done.exit_code
        assert "worse: sse.must-break  MUST  passed, now violated\n  that\n1 rule came to the same\n" in done.stdout
        assert done.stdout.endswith("\nsomething is worse\n")

    def test_the_other_way_round_is_better(self, db: Path) -> None:
        done = ran("diff", 2, 1, "--db", db)
        assert 0 == done.exit_code
        assert "better: sse.must-break  MUST  violated, now passed\n" in done.stdout

    def test_is_a_document_for_scripts(self, db: Path) -> None:
        document = json.loads(ran("diff", 1, "--db", db, "--json").stdout)
        assert () == errors("harness/history-difference", document)
        assert (1, 2, True) == (document["before"]["run"], document["after"]["run"], document["is_worse"])

    def test_of_two_benches_is_that_of_bench_compare(self, db: Path) -> None:
        Store(place=Place(file=db)).add(as_read(bench()), key="another")
        done = ran("diff", 3, 4, "--db", db)
        assert 0 == done.exit_code
        assert "nothing is worse, as far as anybody can say" in done.stdout
        assert () == errors("harness/compare", json.loads(ran("diff", 3, 4, "--db", db, "--json").stdout))

    def test_of_a_report_and_a_bench_is_refused(self, db: Path) -> None:
        done = ran("diff", 2, 3, "--db", db)
        assert 2 == done.exit_code
        assert "run 2 and run 3 cannot be compared: one is a report, the other a bench" in done.stderr

    def test_of_one_run_alone_is_refused(self, db: Path) -> None:
        assert "run 3 is the only one of its endpoint and kind" in ran("diff", 3, "--db", db).stderr


class TestTrend:
    def test_shows_one_sign_a_run(self, db: Path) -> None:
        text = ran("trend", "--db", db).stdout
        assert "  verdict   ✓✗  violated\n  violated  ▁█  1 (0 to 1)\n" in text
        assert "reference  bench, closed loop, 2 streams, " in text

    def test_is_a_document_for_scripts(self, db: Path) -> None:
        document = json.loads(ran("trend", "--db", db, "--json").stdout)
        assert () == errors("harness/history-trend", document)
        assert [[1, 2], [3]] == [[run["run"] for run in each["runs"]] for each in document["series"]]

    def test_shows_the_figures_that_are_asked_for(self, db: Path) -> None:
        assert "  icl_ms.p50  █  " in ran("trend", "--db", db, "--figure", "icl_ms.p50").stdout
        assert "no run has a figure 'icl'; there are: " in ran("trend", "--db", db, "--figure", "icl").stderr

    def test_is_drawn(self, db: Path, tmp_path: Path) -> None:
        done = ran("trend", "--db", db, "--html", tmp_path / "trend.html")
        assert 0 == done.exit_code
        assert "Rules that did not pass, run by run" in (tmp_path / "trend.html").read_text(encoding="utf-8")

    def test_without_a_place_for_the_page_is_refused(self, db: Path, tmp_path: Path) -> None:
        assert 2 == ran("trend", "--db", db, "--html", tmp_path / "no" / "trend.html").exit_code


class TestAdd:
    def test_puts_files_into_a_history_once(self, tmp_path: Path) -> None:
        path, db = tmp_path / "r.json", tmp_path / "new.db"
        path.write_text(json.dumps(report(*MIXED)), encoding="utf-8")
        assert [f"run 1: {path}\n", f"run 1 is the same: {path}\n"] == [
            ran("add", path, "--db", db).stdout for _ in range(2)
        ]

    def test_refuses_other_files(self, tmp_path: Path) -> None:
        path = tmp_path / "r.json"
        path.write_text("{}", encoding="utf-8")
        done = ran("add", path, "--db", tmp_path / "new.db")
        assert 2 == done.exit_code
        assert "r.json is neither a report (--endpoint-report) nor the result of a bench" in done.stderr
        assert not (tmp_path / "new.db").exists()


def test_a_bench_is_kept(tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    options = ["reference", "--requests", "4", "--warmup", "0", "--judge", "0", "--history", str(db)]
    done = CliRunner().invoke(main, ["bench", *options])
    assert f"history: run 1 in {db}" in done.stderr
    assert "reference  bench, closed loop, 4 streams" in ran("trend", "--db", db).stdout
