"""`calibrate` as a user types it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vapi_conformance.cli import main
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.schema import errors

QUICK = ("--seconds", "0.1")


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture(autouse=True)
def on_a_quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured on a busy one is not kept: `test_bottleneck` has the signs of it."""

    def none(*_: object, **__: object) -> Iterator[str]:
        return iter(())

    monkeypatch.setattr("vapi_conformance.latency.calibration.reasons", none)


def run(environment: Mapping[str, str], *arguments: object) -> Result:
    return CliRunner(env=environment).invoke(main, ["calibrate", *map(str, arguments)])


def levels(text: str) -> list[Mapping[str, object]]:
    found: object = json.loads(text)
    assert () == errors("harness/calibration", found)
    return [object_or_nothing(each) for each in array_or_nothing(object_or_nothing(found)["levels"])]


class TestCalibrate:
    def test_measures_each_load_and_keeps_it_for_a_bench(self, environment: Mapping[str, str], tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        arguments = ("--streams", 1, "--streams", 2, "--chunks-per-second", 500)
        result = run(environment, *QUICK, *arguments, "--json", "--out", path)
        found = levels(result.stdout)
        assert [(1, 500.0), (2, 500.0)] == [(each["streams"], each["chunks_per_s_per_stream"]) for each in found]
        assert all(each["asked"] == each["answered"] for each in found)
        assert found == levels(path.read_text())
        assert 0 < len(list((tmp_path / "cache").rglob("*.json")))

    def test_the_table_has_a_line_for_each_load(self, environment: Mapping[str, str]) -> None:
        result = run(environment, *QUICK)
        first = [line.split()[0] for line in result.stdout.splitlines()[2:] if line[:9].strip().isdigit()]
        assert ["1", "32", "256", "32"] == first
        assert "first token, ms" in result.stdout
        assert "Nothing of this is subtracted" in result.stdout

    def test_several_processes_are_another_instrument(self, environment: Mapping[str, str]) -> None:
        (found,) = levels(run(environment, *QUICK, "--streams", 2, "--processes", 2, "--json").stdout)
        assert 2 == found["processes"]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [(["--streams", "0"], "--streams"), (["--out", "/nowhere/a.json"], "the folder /nowhere does not exist")],
    )
    def test_a_mistake_is_told(self, environment: Mapping[str, str], arguments: list[str], words: str) -> None:
        result = run(environment, *arguments)
        assert 2 == result.exit_code
        assert words in result.stderr

    def test_help_teaches(self, environment: Mapping[str, str]) -> None:
        assert "  Examples:\n    vapi-conformance calibrate\n" in run(environment, "--help").stdout
