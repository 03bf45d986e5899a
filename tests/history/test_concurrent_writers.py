"""Several programs begin at once with a history that is not there yet: all runs are stored, none twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from history.places import BOTH, Kind, Maker
from made_history import MIXED, report
from vapi_conformance.history.store import Wanted

WRITER = Path(__file__).with_name("writer.py")
WRITERS = 4
RUNS = 6

pytestmark = pytest.mark.slow


def started(name: str, environment: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(WRITER), name, str(RUNS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


@BOTH
@pytest.mark.parametrize("names", ["their own", "one"])
def test_all_runs_are_there_and_none_twice(maker: Maker, tmp_path: Path, kind: Kind, names: str) -> None:
    """Where all have one name, as a program has that tries again, each run is there once."""
    made = maker(kind)
    document = tmp_path / "document.json"
    document.write_text(json.dumps(report(*MIXED)), encoding="utf-8")
    environment = {**os.environ, "VAPI_CONFORMANCE_HISTORY": made.text, "DOCUMENT": str(document)}
    writers = [started("same" if names == "one" else f"writer{number}", environment) for number in range(WRITERS)]
    for writer in writers:
        assert writer.stdout is not None
        assert "ready\n" == writer.stdout.readline()
    told: list[int] = []
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        printed, complaints = writer.communicate(timeout=120)
        assert (0, "") == (writer.returncode, complaints)
        told += map(int, printed.split())
    assert WRITERS * RUNS == len(told)
    stored = made.store.runs(Wanted())
    assert sorted(set(told)) == sorted(each.id for each in stored)
    assert (RUNS if names == "one" else WRITERS * RUNS) == len(stored)
    assert all(report(*MIXED) == made.store.document(each.id) for each in stored)
    assert all(each.counts["violated"] == 2 for each in stored)
