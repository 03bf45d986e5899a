from __future__ import annotations

import threading
import time

import httpx
import pytest

from vapi_reference_server.serving import running
from vapi_reference_server.settings import Settings


class TestRunning:
    def test_starts_and_stops_quickly_and_leaves_nothing(self) -> None:
        threads = threading.active_count()
        started = time.perf_counter()
        with running(Settings()) as url:
            up_s = time.perf_counter() - started
            assert httpx.get(f"{url}/healthz").status_code == 200
        assert up_s < 5  # some hundredths; a machine may be busy
        assert threading.active_count() == threads
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/healthz")

    def test_two_run_side_by_side(self) -> None:
        with running(Settings()) as one, running(Settings(fault="204")) as other:
            assert one != other
            body = {"model": "reference", "messages": [{"role": "user", "content": "Hi"}]}
            statuses = [httpx.post(f"{url}/chat/completions", json=body).status_code for url in (one, other)]
        assert statuses == [200, 204]

    def test_an_answer_on_its_way_does_not_hold_up_the_end(self) -> None:
        with running(Settings(pace_ms=10_000)) as url, httpx.Client(verify=False) as client:
            body = {"model": "reference", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
            request = client.build_request("POST", f"{url}/chat/completions", json=body)
            response = client.send(request, stream=True)
            started = time.perf_counter()
        assert time.perf_counter() - started < 5  # half of what the answer waits before its first word
        response.close()

    def test_an_unknown_fault_is_refused_at_once(self) -> None:
        with pytest.raises(ValueError, match="no fault named 'rain'"), running(Settings(fault="rain")):
            pass
