"""What the plugin costs a pytest run that has no endpoint: the import of its module, next to that of pytest itself.

Each round is a fresh interpreter that times one import and prints seconds; the medians stand in the extra info.
"""

import subprocess
import sys
from statistics import median
from typing import cast

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = 9


def import_s(module: str, *, after: str = "sys") -> float:
    code = f"import time, {after}; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


@pytest.mark.benchmark(group="start-up")
def test_importing_the_plugin(benchmark: BenchmarkFixture) -> None:
    plugin_s = [import_s("vapi_conformance.plugin", after="pytest") for _ in range(ROUNDS)]
    pytest_s = [import_s("pytest") for _ in range(ROUNDS)]
    told = cast("dict[str, object]", benchmark.extra_info)  # pyright: ignore[reportUnknownMemberType] - untyped
    told["plugin_ms"] = round(median(plugin_s) * 1000, 2)
    told["pytest_ms"] = round(median(pytest_s) * 1000, 2)
    told["ratio"] = round(median(plugin_s) / median(pytest_s), 4)
    assert 0 < cast("float", benchmark(import_s, "vapi_conformance.plugin", after="pytest"))
