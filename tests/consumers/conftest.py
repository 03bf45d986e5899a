"""The mark of the tests that start the real client libraries."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "consumers: compares a model with the real client library, installed by npm")
