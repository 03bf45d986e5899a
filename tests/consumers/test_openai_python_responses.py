"""The model of the Python package openai against the package itself: the same answers, the same words heard."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.openai_node_vectors import answer
from consumers.python_library import real, shown
from consumers.responses_streams import responses_answer, whole_answer
from shared_data import needs_shared, wire_recordings
from vapi_conformance.consumers.openai_python_responses import Way, hear
from vapi_conformance.exchange import Exchange
from vapi_conformance.narrow import object_or_nothing

SEEDS = st.integers(0, 1 << 32)


def recorded() -> Iterator[tuple[str, Exchange]]:
    for recording in wire_recordings("openai_responses"):
        response = object_or_nothing(recording.load()["response"])
        status, body = response["status"], response["body_text"]
        assert isinstance(status, int)
        assert isinstance(body, str)
        kind = "text/event-stream" if "__stream__" in recording.name else "application/json"
        yield recording.name, answer(body, status=status, headers=[("Content-Type", kind)])


class TestGenerated:
    @pytest.mark.parametrize("way", ["raw", "helper"])
    @given(seed=SEEDS)
    @settings(max_examples=200)
    def test_streams_are_heard_as_the_package_hears_them(self, way: Way, seed: int) -> None:
        exchange = responses_answer(seed)
        assert real(exchange, way) == shown(hear(exchange, way=way))

    @given(seed=SEEDS)
    @settings(max_examples=200)
    def test_whole_answers_are_heard_as_the_package_hears_them(self, seed: int) -> None:
        exchange = whole_answer(seed)
        assert real(exchange, "whole") == shown(hear(exchange, way="whole"))


@needs_shared
@pytest.mark.parametrize("way", ["raw", "helper", "whole"])
class TestRecorded:
    def test_traffic_is_heard_as_the_package_hears_it(self, way: Way) -> None:
        found = {
            name: {"model": shown(hear(exchange, way=way)), "real": real(exchange, way)}
            for name, exchange in recorded()
            if real(exchange, way) != shown(hear(exchange, way=way))
        }
        assert {} == found
