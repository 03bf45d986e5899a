"""A test run and its history: the run is stored, goes on whatever happens, and no secret gets there."""

import json
import os
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from history.places import Maker
from raw_server import chunked, head, playing, saying
from vapi_conformance.history.place import Place
from vapi_conformance.history.store import Store, Wanted
from vapi_conformance.reference import ReferenceServer, reference_server
from vapi_conformance.schema import errors

pytest_plugins = ["pytester"]

SECRET = "planted-secret-0123456789"
RULE = ("--endpoint-rule", "sse.last-event-is-terminated")
SSE = head(Content_Type="text/event-stream", Transfer_Encoding="chunked")
ECHOING = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1785312000,"model":"m","choices":[{"index":0,'
    b'"delta":{"role":"assistant","content":"Your key is ' + SECRET.encode() + b'."},"finish_reason":null}]}\n'
)


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    with reference_server(["--pace-ms", "0"]) as running:
        yield running


@pytest.fixture
def judged(server: ReferenceServer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("REFERENCE_KEY", server.key)
    monkeypatch.delenv("VAPI_CONFORMANCE_HISTORY", raising=False)
    return ["--endpoint", server.url, "--endpoint-api-key-env", "REFERENCE_KEY", "--endpoint-model", "reference", *RULE]


def stored(path: Path) -> Store:
    return Store(place=Place(file=path))


class TestRun:
    def test_is_kept_and_told(self, pytester: pytest.Pytester, judged: list[str]) -> None:
        result = pytester.runpytest(*judged, "--endpoint-history", "runs.db")
        assert pytest.ExitCode.OK == result.ret
        result.stdout.fnmatch_lines(["history: runs.db", "history: run 1 in runs.db"])
        (run,) = stored(pytester.path / "runs.db").runs(Wanted())
        assert ("conformant", 1) == (run.verdict, run.counts["passed"])
        assert () == errors("harness/report", stored(pytester.path / "runs.db").document(run.id))

    @pytest.mark.slow
    def test_tells_earlier_ones_in_its_report(self, pytester: pytest.Pytester, judged: list[str]) -> None:
        """In processes of their own: pygal changes how Python finds plugins, and pytester undoes half of it."""
        wanted = ("--endpoint-history", "runs.db", "--endpoint-report", "r.json", "--endpoint-report", "r.html")
        for _ in range(3):
            assert pytest.ExitCode.OK == pytester.runpytest_subprocess(*judged, *wanted).ret
        report = json.loads((pytester.path / "r.json").read_text(encoding="utf-8"))
        assert () == errors("harness/report", report)
        assert [1, 2] == [each["run"] for each in report["trend"]]
        assert "How it went over time" in (pytester.path / "r.html").read_text(encoding="utf-8")

    def test_place_may_stand_in_the_environment_or_an_ini_file(
        self, pytester: pytest.Pytester, judged: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytester.makeini("[pytest]\nendpoint_history = ini.db\n")
        pytester.runpytest(*judged)
        monkeypatch.setenv("VAPI_CONFORMANCE_HISTORY", "environment.db")
        pytester.runpytest(*judged)
        assert ["environment.db", "ini.db"] == sorted(each.name for each in pytester.path.glob("*.db"))

    def test_that_only_collects_leaves_nothing(self, pytester: pytest.Pytester, judged: list[str]) -> None:
        pytester.runpytest(*judged, "--endpoint-history", "runs.db", "--collect-only")
        assert [] == list(pytester.path.glob("*.db"))

    @pytest.mark.slow
    def test_of_many_workers_is_kept_once(self, pytester: pytest.Pytester, judged: list[str]) -> None:
        more = ("--endpoint-rule", "sse.no-*", "--endpoint-history", "runs.db", "-n", "2")
        result = pytester.runpytest_subprocess(*judged, *more)
        assert pytest.ExitCode.OK == result.ret
        (run,) = stored(pytester.path / "runs.db").runs(Wanted())
        assert run.counts["passed"] > 1


class TestTrouble:
    @pytest.mark.parametrize(
        ("place", "said"),
        [
            ("no/runs.db", "* no/runs.db cannot be opened: its folder has to exist*"),
            ("notes.txt", "* notes.txt cannot be used: it is no SQLite database*"),
        ],
    )
    def test_costs_no_verdict(self, pytester: pytest.Pytester, judged: list[str], place: str, said: str) -> None:
        (pytester.path / "notes.txt").write_text("mine", encoding="utf-8")
        result = pytester.runpytest(*judged, "--endpoint-history", place, "--endpoint-report", "report.json")
        assert pytest.ExitCode.OK == result.ret
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(
            [
                f"{said}; the run goes on, and will not be kept",
                "conformant: every rule that was shown holds",
                f"this run is not in the history, and stands all the same: {said} *`vapi-conformance history add`",
            ]
        )
        assert (pytester.path / "report.json").exists()
        assert "mine" == (pytester.path / "notes.txt").read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        ("place", "said"),
        [
            ("mysql://u@h/d", "ERROR: --endpoint-history takes the name of a file (SQLite), or postgresql://*"),
            (f"postgresql://u:{SECRET}@h/d", "ERROR: --endpoint-history must not hold a password, *"),
            ("$NOT_SET", "ERROR: --endpoint-history: the environment variable NOT_SET is not set or empty"),
        ],
    )
    def test_with_the_option_is_wrong_usage(
        self, pytester: pytest.Pytester, judged: list[str], place: str, said: str
    ) -> None:
        result = pytester.runpytest(*judged, "--endpoint-history", place)
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        result.stderr.fnmatch_lines([said])
        assert SECRET not in str(result.stdout) + str(result.stderr)

    def test_without_a_server_is_told_without_the_password(
        self, pytester: pytest.Pytester, judged: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("psycopg")
        monkeypatch.setenv("VAPI_CONFORMANCE_HISTORY", f"postgresql://u:{SECRET}@/d?host={pytester.path}")
        result = pytester.runpytest(*judged)
        assert pytest.ExitCode.OK == result.ret
        result.stdout.fnmatch_lines(
            ["this run is not in the history, * postgresql://u:[*][*][*]@/d* cannot be reached: *"]
        )
        assert SECRET not in str(result.stdout) + str(result.stderr)


class TestSecrets:
    def test_are_not_in_the_file(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        """Sent as a key and in a header, echoed by an endpoint that breaks a rule: the exchange is told at length."""
        monkeypatch.setenv("MY_KEY", SECRET)
        monkeypatch.setenv("MY_HEADER", f"other-{SECRET}")
        secrets = ("--endpoint-api-key-env", "MY_KEY", "--endpoint-header", "X-Mine: $MY_HEADER")
        with playing(saying([SSE + chunked(ECHOING)])) as url:
            result = pytester.runpytest("--endpoint", url, *RULE, *secrets, "--endpoint-history", "runs.db")
        result.stdout.fnmatch_lines(["history: run 1 in runs.db"])
        store = stored(pytester.path / "runs.db")
        document = store.document(1)
        assert "violated" == document["verdict"]
        assert "Your key is ****" in json.dumps(document)
        assert SECRET not in json.dumps(document)
        assert SECRET.encode() not in (pytester.path / "runs.db").read_bytes()
        with sqlite3.connect(pytester.path / "runs.db") as connection:
            dump = "\n".join(connection.iterdump())
        connection.close()
        assert "vapi_conformance_run" in dump
        assert SECRET not in dump

    @pytest.mark.slow
    def test_the_databases_password_is_in_no_table_of_it(
        self, pytester: pytest.Pytester, judged: list[str], maker: Maker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = maker("postgresql")
        monkeypatch.setenv("MY_HISTORY", made.text)
        result = pytester.runpytest(*judged, "--endpoint-history", "$MY_HISTORY", "--endpoint-report", "r.json")
        result.stdout.fnmatch_lines(["history: run 1 in postgresql://tester:[*][*][*]@/history_0?*"])
        (password,) = made.place.secrets
        written = [json.dumps(made.store.document(1)), (pytester.path / "r.json").read_text(encoding="utf-8")]
        assert not any(password in each for each in (*written, str(result.stdout), str(result.stderr)))


class TestCost:
    """Whoever asks for no history pays nothing for it."""

    def imported(self, code: str) -> set[str]:
        code += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
        # Coverage keeps what it sees in SQLite, and would be seen here itself.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    @pytest.mark.parametrize(
        "code",
        [
            "import vapi_conformance.pytest_plugin",
            "import vapi_conformance.cli.bench",
            "from vapi_conformance.cli import main; main(['history', '--help'], standalone_mode=False)",
        ],
        ids=["plugin", "bench", "help"],
    )
    def test_no_database_is_imported(self, code: str) -> None:
        assert not {"sqlalchemy", "alembic", "psycopg", "sqlite3"} & self.imported(code)

    def test_a_run_without_history_imports_none(self, pytester: pytest.Pytester, judged: list[str]) -> None:
        pytester.makeconftest(
            "import sys\n"
            "def pytest_unconfigure():\n"
            "    print('databases:', {'sqlalchemy', 'alembic', 'psycopg'} & set(sys.modules))\n"
        )
        result = pytester.runpytest_subprocess(*judged)
        assert pytest.ExitCode.OK == result.ret
        result.stdout.fnmatch_lines(["databases: set()"])


def test_what_is_stored_is_compressed_json(pytester: pytest.Pytester, judged: list[str]) -> None:
    """For those who read the table without us."""
    pytester.runpytest(*judged, "--endpoint-history", "runs.db")
    with stored(pytester.path / "runs.db").engine(is_writing=False).begin() as connection:
        data = connection.exec_driver_sql("SELECT document FROM vapi_conformance_run").scalar_one()
    assert "vapi-conformance/report" == json.loads(zlib.decompress(data))["format"]
