"""kill -9 in the middle of a write loses at most the run that was being written, and never one that is stored.

The program is killed at points of SQLite's own work, at writes beyond a size, and at points of time; also while it
makes the history. What must hold holds at whatever point a kill falls, so a slow machine changes nothing.
"""

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from history.places import Kind, Maker
from made_history import MIXED, report

KILLED = Path(__file__).with_name("killed.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="fork, SIGKILL and limits of the system"),
]


@dataclass(frozen=True, kw_only=True)
class Kills:
    """A series of them."""

    kind: Kind = "sqlite"
    how: str
    """As `killed.py` explains."""
    points: range
    has_runs: bool = False
    """Whether there is a history before."""


@pytest.mark.parametrize(
    "kills",
    [
        Kills(how="steps", points=range(0, 160, 5)),
        Kills(how="steps", points=range(0, 100, 5), has_runs=True),
        Kills(how="bytes", points=range(0, 120, 4)),
        Kills(how="bytes", points=range(40, 400, 10), has_runs=True),
        Kills(how="time", points=range(0, 200, 5)),
        Kills(kind="postgresql", how="time", points=range(0, 200, 10), has_runs=True),
    ],
    ids=lambda kills: f"{kills.kind}-{kills.how}-{'some' if kills.has_runs else 'new'}",
)
def test_never_a_stored_run_is_lost(maker: Maker, tmp_path: Path, kills: Kills) -> None:
    made = maker(kills.kind)
    document = report(*MIXED)
    document["lints"] = [random.Random(1).randbytes(20_000).hex()]  # some pages, that do not compress
    path = tmp_path / "document.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    if kills.has_runs:
        for name in ("first", "second"):
            made.store.add(document, key=name)
    environment = {
        **os.environ,
        "VAPI_CONFORMANCE_HISTORY": made.text,
        "DOCUMENT": str(path),
        "STORED": "2" if kills.has_runs else "0",
    }
    points = kills.points
    command = [sys.executable, str(KILLED), kills.how, *map(str, (points.start, points.stop, points.step))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert (0, "") == (done.returncode, done.stderr)
    told = json.loads(done.stdout)
    assert told["points"] == len(points)
    assert told["killed"] > 0
    assert made.store.add(document, key="after all that").is_new
