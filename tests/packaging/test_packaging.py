"""What a user gets: sdist and wheel hold what they should, and a foreign repository keeps its own names."""

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with one sdist and one wheel; the wheel is built from the sdist, as an installer would."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def data_files() -> set[str]:
    tracked = subprocess.run(
        ["git", "ls-files", "schemas", "fixtures"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return {line for line in tracked.splitlines() if line}


class TestWheel:
    def test_holds_both_packages_typed_and_all_data(self, built: Path) -> None:
        (wheel,) = built.glob("*.whl")
        names = set(zipfile.ZipFile(wheel).namelist())
        assert {"vapi_conformance/py.typed", "vapi_reference_server/py.typed"} <= names
        assert set() == {f"vapi_conformance/_data/{name}" for name in data_files()} - names

    def test_makes_nothing_generic_importable(self, built: Path) -> None:
        (wheel,) = built.glob("*.whl")
        top = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
        assert {"vapi_conformance", "vapi_reference_server"} == {
            name for name in top if not name.endswith(".dist-info")
        }


class TestSdist:
    def test_holds_sources_data_tests_and_documents(self, built: Path) -> None:
        (sdist,) = built.glob("*.tar.gz")
        with tarfile.open(sdist) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        assert {
            "README.md",
            "ARCHITECTURE.md",
            "CHANGELOG.md",
            "tox.ini",
            "pyproject.toml",
            "tests/test_sse.py",
            "examples/acme_conformance/pyproject.toml",
        } <= names
        assert set() == data_files() - names


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    (wheel,) = built.glob("*.whl")
    subprocess.run([programs / "python", "-m", "pip", "install", "-q", str(wheel)], check=True, capture_output=True)
    return programs


def foreign_repository(folder: Path) -> None:
    """Somebody's project, whose names are the very ones that we use for our folders."""
    (folder / "harness.py").write_text("MINE = 'harness'\n", encoding="utf-8")
    for name in ("schemas", "fixtures", "reference_server"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"MINE = {name!r}\n", encoding="utf-8")
    (folder / "conftest.py").write_text("import harness\nassert harness.MINE == 'harness'\n", encoding="utf-8")
    (folder / "test_mine.py").write_text(
        "import fixtures, harness, reference_server, schemas\n\n\n"
        "def test_mine():\n"
        "    modules = (fixtures, harness, reference_server, schemas)\n"
        "    assert [each.MINE for each in modules] == ['fixtures', 'harness', 'reference_server', 'schemas']\n",
        encoding="utf-8",
    )


class TestForeignRepository:
    def test_keeps_its_names_and_has_its_endpoint_judged(self, installed: Path, tmp_path: Path) -> None:
        foreign_repository(tmp_path)
        command = [
            str(installed / "python"),
            "-m",
            "pytest",
            "--endpoint",
            "reference",
            "--endpoint-report",
            "report.json",
        ]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "conformant: every" in result.stdout  # a busy machine may make a SHOULD on time warn
        assert "test_mine.py ." in result.stdout
        assert (tmp_path / "report.json").is_file()

    def test_has_the_commands(self, installed: Path) -> None:
        result = subprocess.run([installed / "vapi-conformance", "rules"], capture_output=True, text=True, check=True)
        assert "sse.last-event-is-terminated\tMUST\tMUST\t" in result.stdout
        subprocess.run([installed / "vapi-reference-server", "--help"], capture_output=True, check=True)
