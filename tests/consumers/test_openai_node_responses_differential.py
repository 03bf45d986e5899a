"""The model of openai 6.x for Node against the package itself: the same answers, the same words heard."""

from collections.abc import Iterable, Mapping
from typing import Final

import pytest

from consumers.node_drivers import run_driver
from consumers.node_library import Case, case_of, needs_node_libraries, real, shown
from consumers.recorded import recorded_exchanges
from consumers.responses_http_vectors import HTTP_ANSWERS, WHOLE_ANSWERS
from consumers.responses_streams import responses_answer, whole_answer
from consumers.responses_vectors import VECTORS
from shared_data import needs_shared
from vapi_conformance.consumers.openai_node_responses import Way, hear
from vapi_conformance.exchange import End, Exchange

pytestmark = [pytest.mark.consumers, pytest.mark.slow, needs_node_libraries]

WAYS: Final[tuple[Way, ...]] = ("raw", "helper", "whole")


def differences(way: Way, named: Iterable[tuple[str, Exchange]]) -> dict[str, object]:
    """Where model and library differ. A difference is looked at a second time, with nothing beside it."""
    cases = [case_of(name, exchange) for name, exchange in named]
    found = _differing(way, cases)
    for case in [each for each in cases if each.name in found]:
        found.pop(case.name)
        found |= _differing(way, [case])
    return found


def _differing(way: Way, cases: list[Case]) -> dict[str, object]:
    heard = run_driver("driver_responses.mjs", cases, lambda case: {"way": way, "abortAfterMs": _abort_after_ms(case)})
    found: dict[str, object] = {}
    for case, result in zip(cases, heard, strict=True):
        model = _modelled(case, way)
        if model != real(result):
            found[case.name] = {"model": model, "real": real(result)}
    return found


def _abort_after_ms(case: Case) -> int | None:
    return 500 if case.exchange.end is End.CLOSED_BY_US else None


def _modelled(case: Case, way: Way) -> Mapping[str, object]:
    model = shown(hear(case.exchange, way=way))
    if case.exchange.end is End.TIMED_OUT:
        # Nobody waits here for the five minutes after which fetch gives up.
        model |= {"error": None, "hangs": True, "outcome": "failed"}
    return model


class TestGenerated:
    @pytest.mark.parametrize("way", ["raw", "helper"])
    @pytest.mark.parametrize("start", [0, 10_000])
    def test_streams_are_heard_as_the_package_hears_them(self, way: Way, start: int) -> None:
        named = ((f"seed {seed}", responses_answer(seed)) for seed in range(start, start + 400))
        assert {} == differences(way, named)

    def test_whole_answers_are_heard_as_the_package_hears_them(self) -> None:
        assert {} == differences("whole", ((f"seed {seed}", whole_answer(seed)) for seed in range(400)))


class TestWritten:
    @pytest.mark.parametrize("way", ["raw", "helper"])
    def test_vectors_are_heard_as_the_package_hears_them(self, way: Way) -> None:
        assert {} == differences(way, ((each.name, each.exchange) for each in VECTORS))

    @pytest.mark.parametrize("way", ["raw", "helper"])
    def test_answers_to_a_streamed_request_are_heard_as_the_package_hears_them(self, way: Way) -> None:
        assert {} == differences(way, HTTP_ANSWERS.items())

    def test_whole_answers_are_heard_as_the_package_hears_them(self) -> None:
        assert {} == differences("whole", WHOLE_ANSWERS.items())


@needs_shared
@pytest.mark.parametrize("way", WAYS)
class TestRecorded:
    def test_traffic_is_heard_as_the_package_hears_it(self, way: Way) -> None:
        recorded = list(recorded_exchanges("openai_responses"))
        assert recorded
        assert {} == differences(way, recorded)
