"""The files for CI in `docs/ci`: valid, safe by a linter's judgement, and their commands do what they say."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.options import OPTIONS

ROOT = Path(__file__).resolve().parent.parent
CI = ROOT / "docs" / "ci"
GITHUB = ("github-conformance.yml", "github-caller.yml")
GITLAB = "gitlab-conformance.yml"
SCHEMAS = {
    **dict.fromkeys(GITHUB, ("--builtin-schema", "vendor.github-workflows")),
    GITLAB: ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
}
RULE = "sse.last-event-is-terminated"
LEFT_BEHIND = ["junit.xml", "report.html", "report.json", "summary.md"]

pytestmark = pytest.mark.slow


def ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), capture_output=True, encoding="utf-8", errors="replace", timeout=120, check=False
    )


def validated(path: Path, name: str) -> subprocess.CompletedProcess[str]:
    return ran(sys.executable, "-m", "check_jsonschema", *SCHEMAS[name], path)


def linted(*paths: Path) -> subprocess.CompletedProcess[str]:
    zizmor = Path(sysconfig.get_path("scripts")) / "zizmor"
    return ran(zizmor, "--offline", "--no-config", "--no-progress", "--persona", "auditor", *paths)


def read(name: str) -> Mapping[str, object]:
    return object_or_nothing(YAML(typ="safe", pure=True).load((CI / name).read_text(encoding="utf-8")))  # pyright: ignore[reportUnknownMemberType] - untyped


def workflow_steps() -> dict[str, Mapping[str, object]]:
    jobs = object_or_nothing(read(GITHUB[0])["jobs"])
    steps = array_or_nothing(object_or_nothing(jobs["conformance"])["steps"])
    return {str(object_or_nothing(step)["name"]): object_or_nothing(step) for step in steps}


class TestLinted:
    def test_these_are_all(self) -> None:
        assert {*GITHUB, GITLAB} == {path.name for path in CI.iterdir()}

    @pytest.mark.parametrize("name", SCHEMAS)
    def test_follows_its_schema(self, name: str) -> None:
        found = validated(CI / name, name)
        assert 0 == found.returncode, found.stdout + found.stderr

    @pytest.mark.parametrize(
        ("name", "was", "becomes"),
        [
            (GITHUB[0], "runs-on: ubuntu-24.04", "runs_on: ubuntu-24.04"),
            (GITHUB[1], "cancel-in-progress: true", "cancel-in-progress: [1]"),
            (GITLAB, "when: always", "when: sometimes"),
        ],
    )
    def test_the_schema_sees_a_mistake(self, tmp_path: Path, name: str, was: str, becomes: str) -> None:
        text = (CI / name).read_text(encoding="utf-8")
        assert was in text
        (tmp_path / name).write_text(text.replace(was, becomes), encoding="utf-8")
        assert 1 == validated(tmp_path / name, name).returncode

    def test_the_linter_finds_nothing_in_the_workflows(self) -> None:
        found = linted(*(CI / name for name in GITHUB))
        assert 0 == found.returncode, found.stdout + found.stderr

    @pytest.mark.parametrize(
        ("was", "becomes", "audit"),
        [
            ("actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 #", "actions/checkout@v5 #", "unpinned-uses"),
            ('--quiet "$PACKAGE"', "--quiet ${{ inputs.package }}", "template-injection"),
            ("persist-credentials: false", "persist-credentials: true", "artipacked"),
            ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        ],
    )
    def test_the_linter_sees_what_is_unsafe(self, tmp_path: Path, was: str, becomes: str, audit: str) -> None:
        text = (CI / GITHUB[0]).read_text(encoding="utf-8")
        assert was in text
        (tmp_path / GITHUB[0]).write_text(text.replace(was, becomes), encoding="utf-8")
        found = linted(tmp_path / GITHUB[0])
        assert 0 != found.returncode
        assert f"[{audit}]" in found.stdout + found.stderr


class TestTheKey:
    def test_only_the_step_that_judges_has_it(self) -> None:
        assert ["Judge"] == [name for name, step in workflow_steps().items() if "secrets." in str(dict(step))]


class TestVariables:
    def test_each_is_one_of_an_option(self) -> None:
        known = {option.variable for option in OPTIONS}
        used = {name for name in object_or_nothing(workflow_steps()["Judge"]["env"]) if name.startswith("VAPI_")}
        job = object_or_nothing(read(GITLAB)["vapi-conformance"])
        used |= {name for name in object_or_nothing(job["variables"]) if name.startswith("VAPI_")}
        assert set() == used - known
        assert len(used) > 8


class TestCommands:
    """As a shell of the CI runs them, but for the installation."""

    def environment(self, tmp_path: Path) -> dict[str, str]:
        judge = tmp_path / "judge" / "bin"
        judge.mkdir(parents=True)
        # A link to the interpreter would lose its environment.
        (judge / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
        (judge / "python").chmod(0o755)
        empty = {option.variable: "" for option in OPTIONS}
        return {
            **os.environ,
            **empty,
            "PYTEST_ADDOPTS": "",
            "ENDPOINT": "reference",
            "VAPI_CONFORMANCE_RULE": f"{RULE}\n",
            "RUNNER_TEMP": str(tmp_path),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "step.md"),
        }

    def run(self, script: str, tmp_path: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        bash = shutil.which("bash")
        assert bash is not None
        return subprocess.run(
            [bash, "-e", "-o", "pipefail", "-c", script],
            cwd=tmp_path,
            env=dict(environment),
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )

    def test_of_the_workflow(self, tmp_path: Path) -> None:
        steps, environment = workflow_steps(), self.environment(tmp_path)
        done = self.run(str(steps["Judge"]["run"]), tmp_path, environment)
        assert 0 == done.returncode, done.stdout + done.stderr
        assert LEFT_BEHIND == sorted(path.name for path in (tmp_path / "conformance").iterdir() if path.is_file())
        self.run(str(steps["Summary"]["run"]), tmp_path, environment)
        summary = (tmp_path / "step.md").read_text(encoding="utf-8")
        assert "**conformant**" in summary
        assert (tmp_path / "conformance" / "summary.md").read_text(encoding="utf-8") == summary

    def test_a_summary_that_was_never_written_is_no_failure(self, tmp_path: Path) -> None:
        done = self.run(str(workflow_steps()["Summary"]["run"]), tmp_path, self.environment(tmp_path))
        assert (0, False) == (done.returncode, (tmp_path / "step.md").exists())

    def test_of_the_gitlab_job(self, tmp_path: Path) -> None:
        job = object_or_nothing(read(GITLAB)["vapi-conformance"])
        script = [str(line) for line in array_or_nothing(job["script"])]
        done = self.run("\n".join(script[2:]), tmp_path, self.environment(tmp_path))
        assert 0 == done.returncode, done.stdout + done.stderr
        kept = object_or_nothing(job["artifacts"])
        paths = [str(each) for each in array_or_nothing(kept["paths"])]
        paths.append(str(object_or_nothing(kept["reports"])["junit"]))
        assert [f"conformance/{name}" for name in LEFT_BEHIND] == sorted(paths)
        assert [] == [path for path in paths if not (tmp_path / path).is_file()]
