"""Servers that the tests share; they are started once, on free ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reference_server.talking import Talk
from vapi_reference_server.serving import running
from vapi_reference_server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator

KEY = "key-for-tests-0123456789"


@pytest.fixture(scope="session")
def server_url() -> Generator[str]:
    with running(Settings(pace_ms=1, context_tokens=2000, max_body_bytes=64 * 1024)) as url:
        yield url


@pytest.fixture(scope="session")
def locked_url() -> Generator[str]:
    """A server that asks for KEY."""
    with running(Settings(pace_ms=0, api_key=KEY)) as url:
        yield url


@pytest.fixture(scope="session")
def talk(server_url: str) -> Generator[Talk]:
    conversation = Talk(server_url)
    with conversation.client:
        yield conversation


@pytest.fixture(scope="session")
def locked(locked_url: str) -> Generator[Talk]:
    conversation = Talk(locked_url)
    with conversation.client:
        yield conversation
