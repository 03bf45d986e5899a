"""A client that hangs up: the work stops, and the server is as healthy as before."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from reference_server.talking import Talk, user
from vapi_reference_server.serving import running
from vapi_reference_server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator

STORY = json.dumps({**user("Tell me a long story."), "stream": True})


@pytest.fixture(scope="module")
def slow_url() -> Generator[str]:
    with running(Settings(pace_ms=50)) as url:
        yield url


def hang_up(url: str, headers: dict[str, str] | None = None) -> None:
    """Read the first event of a long answer, then close the connection."""
    with (
        httpx.Client(verify=False) as client,
        client.stream("POST", f"{url}/chat/completions", content=STORY, headers=headers) as response,
    ):
        assert next(response.iter_raw()).startswith(b"data: ")


def active(url: str) -> int:
    """Generations that run on the server."""
    return int(httpx.get(f"{url}/healthz", verify=False).headers["x-generations-active"])


def active_after(url: str, seconds: float) -> int:
    """Generations that still run after a while; returns at once when there are none."""
    until = time.monotonic() + seconds
    while (count := active(url)) and time.monotonic() < until:
        time.sleep(0.01)
    return count


class TestDisconnect:
    def test_generations_are_counted_while_they_run(self, slow_url: str) -> None:
        with (
            httpx.Client(verify=False) as client,
            client.stream("POST", f"{slow_url}/chat/completions", content=STORY) as response,
        ):
            reads = response.iter_raw()  # kept, because a dropped iterator closes the response
            assert next(reads)
            assert active(slow_url) == 1
        assert active_after(slow_url, 1.0) == 0

    def test_the_work_stops(self, slow_url: str) -> None:
        hang_up(slow_url)
        # Told in full the story takes five seconds.
        assert active_after(slow_url, 1.0) == 0

    def test_what_was_given_up_is_counted(self) -> None:
        with running(Settings(pace_ms=50)) as url, Talk(url).client as client:
            client.post("/chat/completions", json=user("Hi"))
            for _ in range(2):
                hang_up(url)
            assert active_after(url, 1.0) == 0
            assert {"status": "ok", "generations": 0, "cancelled": 2} == client.get("/healthz").json()

    def test_the_server_stays_healthy(self, slow_url: str) -> None:
        for _ in range(3):
            hang_up(slow_url)
        with Talk(slow_url).client as client:
            answer = client.post("/chat/completions", json=user("Hi"))
        assert answer.status_code == 200

    def test_keeps_generating_is_seen_in_the_evidence(self, slow_url: str) -> None:
        hang_up(slow_url, {"X-Fault": "keeps-generating", "X-Fault-Seconds": "0.6"})
        assert active_after(slow_url, 0.3) == 1
        assert active_after(slow_url, 2.0) == 0

    def test_unhealthy_after_disconnect_fails_the_next_request(self) -> None:
        with running(Settings(fault="unhealthy-after-disconnect")) as url, Talk(url).client as client:
            hang_up(url)
            assert active_after(url, 1.0) == 0
            statuses = [client.post("/chat/completions", json=user("Hi")).status_code for _ in range(2)]
        assert statuses == [500, 200]
