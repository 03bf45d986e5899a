"""Settings for every test."""

import os

import pytest
from hypothesis import settings

# No deadline: machines differ, and a slow one is no fault. In CI the examples are the same each time, so that a red run
# can be repeated; elsewhere they are new ones each time.
settings.register_profile("project", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """For `-n auto`: one more than there are processors, because some tests wait for servers and programs."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that no worker still has one before it when the others have nothing left."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)
