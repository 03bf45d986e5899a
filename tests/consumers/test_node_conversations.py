"""The real client libraries for Node hold conversations, with a tool round, with the reference server."""

import json
import subprocess
from collections.abc import Mapping

import pytest

from consumers.node_library import HERE, needs_node_libraries, node_modules
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.reference import reference_server

pytestmark = [pytest.mark.consumers, pytest.mark.slow, needs_node_libraries]


@pytest.fixture(scope="module")
def conversations() -> Mapping[str, object]:
    with reference_server() as server:
        request = {"modules": str(node_modules()), "base": server.url, "key": server.key}
        done = subprocess.run(
            ["node", str(HERE / "converse.mjs")],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
            timeout=120,
        )
    return object_or_nothing(json.loads(done.stdout))


@pytest.mark.parametrize(("api", "ended"), [("responses", "completed"), ("anthropic", "end_turn")])
class TestToolRound:
    def test_of_whole_answers(self, conversations: Mapping[str, object], api: str, ended: str) -> None:
        expected = {
            "call": "get_weather",
            "arguments": {"city": "Paris"},
            "words": "The tool says: Sunny.",
            "ended": ended,
        }
        assert expected == object_or_nothing(conversations[api])["whole"]

    def test_of_streams(self, conversations: Mapping[str, object], api: str, ended: str) -> None:
        expected = {
            "call": "get_weather",
            "arguments": {"city": "Paris"},
            "words": "The tool says: Sunny.",
            "deltas": 2,
            "ended": ended,
        }
        assert expected == object_or_nothing(conversations[api])["streamed"]


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        ("responses", ["BadRequestError 400", "AuthenticationError 401"]),
        ("anthropic", ["NotFoundError 404", "AuthenticationError 401"]),
    ],
)
def test_refusals_become_exceptions(conversations: Mapping[str, object], api: str, expected: list[str]) -> None:
    assert expected == object_or_nothing(conversations[api])["errors"]
