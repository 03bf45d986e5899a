"""The pipe to another API; here that API is a second reference server, strict about keys."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from reference_server.talking import Talk, message, text_of, user
from vapi_reference_server.serving import running
from vapi_reference_server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator

UPSTREAM_KEY = "upstream-key-0123456789"
FROM_VAPI = {"call": {"id": "c"}, "metadata": {"a": {"b": 1}}, "customer": {"number": "+15550100"}}


@pytest.fixture(scope="module")
def upstream_url() -> Generator[str]:
    """Refuses every key the standard does not know, with status 500."""
    with running(Settings(pace_ms=20, api_key=UPSTREAM_KEY, fault="500-on-unknown-keys")) as url:
        yield url


@pytest.fixture(scope="module")
def pipe(upstream_url: str) -> Generator[Talk]:
    settings = Settings(upstream_base_url=f"{upstream_url}/v1/", upstream_api_key=UPSTREAM_KEY)
    with running(settings) as url:
        talk = Talk(url)
        with talk.client:
            yield talk


class TestPipe:
    def test_streams_pass_as_they_come(self, pipe: Talk) -> None:
        heard = pipe.stream(user("I like tea"))
        assert heard.payloads[-1] == "[DONE]"
        assert len(heard.reads) > len(heard.payloads) // 2
        assert heard.headers["x-accel-buffering"] == "no"
        assert text_of(heard.chunks).startswith("You said: I like tea.")

    def test_json_passes(self, pipe: Talk) -> None:
        assert message(pipe.post(user("Say exactly: Hi.")).json)["content"] == "Hi."

    def test_what_vapi_adds_stays_here(self, pipe: Talk, upstream_url: str) -> None:
        head = {"Authorization": f"Bearer {UPSTREAM_KEY}"}
        direct = httpx.post(f"{upstream_url}/v1/chat/completions", json=user("Hi", **FROM_VAPI), headers=head)
        assert (direct.status_code, pipe.post(user("Hi", **FROM_VAPI)).status) == (500, 200)

    def test_openai_advanced_rewrites_the_prompt(self, pipe: Talk) -> None:
        answer = message(pipe.post(user("I like tea"), "/openai-advanced/chat/completions").json)
        assert "On the phone, the caller said" in str(answer["content"])

    def test_refusals_pass_with_status_and_body(self, pipe: Talk) -> None:
        heard = pipe.stream({**user("Hi"), "model": "other"})
        assert (heard.status, heard.headers["content-type"]) == (404, "application/json")
        assert b"model_not_found" in heard.body

    def test_malformed_json_is_refused_here(self, pipe: Talk) -> None:
        assert pipe.post(b"{").status == 400

    def test_hanging_up_here_hangs_up_there(self, pipe: Talk, upstream_url: str) -> None:
        body = json.dumps(user("Tell me a long story.", stream=True))
        with pipe.client.stream("POST", "/chat/completions", content=body) as response:
            reads = response.iter_raw()
            assert next(reads)
            assert _active(upstream_url) == 1
        until = time.monotonic() + 1.0
        while _active(upstream_url) and time.monotonic() < until:
            time.sleep(0.01)
        assert _active(upstream_url) == 0


class TestFailures:
    def test_an_api_that_cannot_be_reached_gives_502(self) -> None:
        with running(Settings()) as url:
            gone = url
        with running(Settings(upstream_base_url=gone)) as url, Talk(url).client as client:
            answer = client.post("/chat/completions", json=user("Hi"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")
        assert gone not in answer.text

    def test_a_key_that_the_api_repeats_is_masked(self) -> None:
        with (
            running(Settings(api_key="right", fault="key-echoed")) as upstream,
            running(Settings(upstream_base_url=upstream, upstream_api_key="wrong-secret-key")) as url,
            Talk(url).client as client,
        ):
            answer = client.post("/chat/completions", json=user("Hi"))
        assert answer.status_code == 401
        assert "wrong-secret-key" not in answer.text
        assert "***" in answer.text


def _active(url: str) -> int:
    return int(httpx.get(f"{url}/healthz", verify=False).headers["x-generations-active"])
