"""Where a history is, said in an option, the environment, or a file; a password is never shown."""

from pathlib import Path

import pytest

from vapi_conformance.history.place import VARIABLE, Place, read_place
from vapi_conformance.history.problems import HistoryError
from vapi_conformance.problems import UsageError

OPTION = "--endpoint-history"
WITH_PASSWORD = "postgresql://me:planted%2Fword@db.example:5433/runs"


def place(text: str, **environment: str) -> Place:
    return read_place(text, option=OPTION, environment=environment)


class TestFile:
    @pytest.mark.parametrize(
        ("text", "file"),
        [
            ("runs.db", "runs.db"),
            ("/a/b c?.db", "/a/b c?.db"),
            ("sqlite:///a/b.db", "a/b.db"),
            ("C:\\r.db", "C:\\r.db"),
        ],
    )
    def test_is_a_name(self, text: str, file: str) -> None:
        assert Path(file) == place(text).file
        assert str(Path(file)) == place(text).shown

    def test_may_begin_at_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/somewhere")
        assert Path("/somewhere/runs.db") == place("~/runs.db").file

    @pytest.mark.parametrize("text", [":memory:", "sqlite:///:memory:", "sqlite://", " ", "a\0b"])
    def test_has_to_last(self, text: str) -> None:
        with pytest.raises(UsageError):
            place(text)


class TestUrl:
    @pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
    def test_of_postgresql(self, scheme: str) -> None:
        found = place(f"{scheme}://me@db.example:5433/runs")
        assert found.url is not None
        assert ("postgresql+psycopg", "db.example") == (found.url.drivername, found.url.host)
        assert "postgresql://me@db.example:5433/runs" == found.shown

    @pytest.mark.parametrize("scheme", ["mysql", "http", "postgresql+psycopg2"])
    def test_of_another_database_is_refused(self, scheme: str) -> None:
        with pytest.raises(HistoryError, match=r"takes the name of a file \(SQLite\), or postgresql://"):
            place(f"{scheme}://me@h/d")

    @pytest.mark.parametrize("text", ["://planted", "postgresql://h:planted/d"])
    def test_that_cannot_be_read_is_not_repeated(self, text: str) -> None:
        with pytest.raises(HistoryError, match="holds no URL that can be read") as caught:
            place(text)
        assert "planted" not in str(caught.value)
        assert caught.value.__cause__ is None


class TestPassword:
    @pytest.mark.parametrize("text", [WITH_PASSWORD, "postgresql://me@h/d?password=planted%2Fword"])
    def test_must_not_be_typed(self, text: str) -> None:
        with pytest.raises(HistoryError, match=r"^--endpoint-history must not hold a password") as caught:
            place(text)
        assert "planted" not in str(caught.value)

    def test_may_stand_in_the_environment(self) -> None:
        for found in (place(WITH_PASSWORD, **{VARIABLE: WITH_PASSWORD}), place("$MY_DB", MY_DB=WITH_PASSWORD)):
            assert found.url is not None
            assert "planted/word" == found.url.password

    def test_may_stand_in_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "url"
        path.write_text(f"{WITH_PASSWORD}\n", encoding="utf-8")
        assert ("planted/word",) == place(f"@{path}").secrets

    def test_is_hidden(self) -> None:
        found = place("$URL", URL=f"{WITH_PASSWORD}?sslpassword=planted2&sslmode=require")
        assert "postgresql://me:***@db.example:5433/runs?sslmode=require&sslpassword=..." == found.shown
        assert "planted" not in repr(found)

    def test_is_hidden_in_words_of_the_database(self) -> None:
        found = place("$URL", URL=WITH_PASSWORD)
        assert "no: ************, ************** \\x1b[2J" == found.told("no: planted/word,\n planted%2Fword \x1b[2J")

    def test_that_is_a_common_word_hides_all_of_them(self) -> None:
        assert "(its words may hold the password)" == place("$URL", URL="postgresql://me:no@h/d").told("no way")


class TestElsewhere:
    def test_a_variable_that_is_not_set_is_told(self) -> None:
        with pytest.raises(HistoryError, match="the environment variable MY_DB is not set or empty"):
            place("${MY_DB}")

    def test_a_variable_without_a_proper_name_is_not_repeated(self) -> None:
        with pytest.raises(HistoryError, match=r"what follows \$ is no name of an environment variable"):
            place("$planted/word")

    def test_a_variable_may_name_a_file(self) -> None:
        assert Path("runs.db") == place("$MY_DB", MY_DB="runs.db").file

    @pytest.mark.parametrize("content", [b"", b"\n", b"a\nb\n", b"\xff\xfe"], ids=["empty", "blank", "two", "no text"])
    def test_a_file_has_to_hold_one_line(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "url"
        path.write_bytes(content)
        with pytest.raises(HistoryError, match=r"(has to hold one line|it is not UTF-8 text)"):
            place(f"@{path}")

    def test_a_file_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(HistoryError, match="cannot be read: No such file or directory"):
            place(f"@{tmp_path}/none")
