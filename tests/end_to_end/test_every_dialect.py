"""`pytest --endpoint reference` as a user types it, for each dialect and each platform, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.schema import errors

pytestmark = pytest.mark.slow


def judged(folder: Path, *options: str) -> tuple[int, str, Mapping[str, object]]:
    """Exit status, output and report of a run in an empty folder, with nothing of this run's settings."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    report = folder / "report.json"
    command = [sys.executable, "-m", "pytest", "--endpoint", "reference", "--endpoint-report", str(report), *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    output = done.stdout + done.stderr
    document: object = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    return done.returncode, output, object_or_nothing(document)


def violated(document: Mapping[str, object]) -> list[str]:
    rules: Sequence[object] = document["rules"]  # type: ignore[assignment]  # the schema says so
    return [str(each["id"]) for each in map(object_or_nothing, rules) if each["outcome"] == "violated"]


@pytest.mark.parametrize("dialect", sorted(EVERY))
def test_the_reference_server_is_conformant(dialect: Dialect, tmp_path: Path) -> None:
    status, output, document = judged(tmp_path, "--endpoint-dialect", dialect)
    assert (0, ()) == (status, errors("harness/report", document)), output
    assert ("conformant", dialect, []) == (document["verdict"], document["dialect"], violated(document))
    assert {"heard", "tool-call"} == set(object_or_nothing(document["heard"]))


@pytest.mark.parametrize("dialect", sorted(EVERY))
def test_rapida_finds_nothing_but_what_its_own_caller_loses(dialect: Dialect, tmp_path: Path) -> None:
    credential = {"apiCompatibility": dialect, "baseUrl": "http://127.0.0.1:9/v1", "headers": {"X-Team": "voice"}}
    options = {"model.id": "m", "model.name": "reference", "model.temperature": 0.2, "model.parameters": {"top_p": 1}}
    (tmp_path / "credential.json").write_text(json.dumps(credential), encoding="utf-8")
    (tmp_path / "options.json").write_text(json.dumps(options), encoding="utf-8")
    status, output, document = judged(
        tmp_path,
        *("--endpoint-platform", "rapida"),
        *("--endpoint-credential", "credential.json", "--endpoint-model-options", "options.json"),
    )
    assert 0 == status, output
    target = object_or_nothing(document["target"])
    assert (dialect, "rapida", "rapida") == (document["dialect"], document["profile"], target["platform"])
    assert set(violated(document)) <= {"rapida.one-call-in-a-turn", "gemini.one-call-in-a-candidate"}


def test_workers_judge_what_was_played_in_its_dialect(tmp_path: Path) -> None:
    status, output, document = judged(tmp_path, "--endpoint-dialect", Dialect.ANTHROPIC_MESSAGES, "-n", "2")
    assert (0, "conformant", "anthropic_messages") == (status, document["verdict"], document["dialect"]), output
    assert object_or_nothing(document["heard"])
