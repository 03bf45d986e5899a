"""One engine for many tests: its processes take longer to start than most tests to run."""

from collections.abc import Generator

import pytest

from vapi_conformance.latency.engine import Bounds, Engine, Settings

QUICK = Bounds(connect_s=2, first_byte_s=0.5, idle_s=0.5, total_s=1.5, max_body_bytes=100_000)
PATIENT = Bounds(connect_s=10, first_byte_s=30, idle_s=30, total_s=60, max_body_bytes=100_000)


@pytest.fixture(scope="module")
def engine() -> Generator[Engine]:
    """One process, keeps connections."""
    with Engine(Settings(bounds=PATIENT)) as engine:
        yield engine


@pytest.fixture(scope="module")
def quick_engine() -> Generator[Engine]:
    """Impatient."""
    with Engine(Settings(bounds=QUICK)) as engine:
        yield engine
