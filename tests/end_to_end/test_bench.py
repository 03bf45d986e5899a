"""A bench of the bundled reference server, from the command to the document. No time is judged: machines differ."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.schema import errors


def bench(cache: Path, *arguments: str) -> Mapping[str, object]:
    process = subprocess.run(
        [sys.executable, "-m", "vapi_conformance", "bench", "reference", "--json", *arguments],
        check=True,
        capture_output=True,
        timeout=120,
        env={"XDG_CACHE_HOME": str(cache), "HOME": str(cache)},
    )
    found: object = json.loads(process.stdout)
    assert () == errors("harness/bench", found)
    return object_or_nothing(found)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(
    ("arguments", "requests"),
    [
        (("--requests", "24"), 24),
        (("--rate", "50", "--requests", "24", "--poisson"), 24),
        (("--scenario", "ten-turns", "--concurrency", "3"), 30),
        (("--scenario", "two-tools-at-once", "--concurrency", "2"), None),
        (("--concurrency", "1,2", "--requests", "6", "--cold"), 12),
    ],
    ids=["closed", "open", "calls", "calls with tools", "sweep"],
)
def test_the_reference_server_answers_every_request_without_a_fault(
    cache: Path, arguments: tuple[str, ...], requests: int | None
) -> None:
    found = bench(cache, *arguments)
    counted = found["requests"]
    assert isinstance(counted, int)
    assert counted == (requests or counted) > 0
    assert 0 == object_or_nothing(found["errors"])["count"]
    assert counted == found["judged"] == object_or_nothing(object_or_nothing(found["headers_ms"]))["n"]
    assert {"reference"} == {object_or_nothing(found["target"])[name] for name in ("name", "model")}
    # Rules on time are not asked: a busy machine breaks them.
    broken = {rule for rule in object_or_nothing(found["violations"]) if not rule.startswith(("timing.", "speech."))}
    assert set() == broken
    assert {"heard", "tool-call"} >= object_or_nothing(found["heard"]).keys()
    assert array_or_nothing(found["workers"])
