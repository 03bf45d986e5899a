"""The model of openai 6.x for Node against the package itself: the same answers, the same words heard."""

from collections.abc import Iterable, Mapping
from typing import Final

import pytest

from consumers.node_drivers import run_driver
from consumers.node_library import Case, case_of, needs_node_libraries, real, shown
from consumers.openai_node_state_vectors import STATE_VECTORS
from consumers.openai_node_vectors import STEP_NS, answer
from consumers.recorded import recorded_exchanges
from consumers.responses_http_vectors import HTTP_ANSWERS, WHOLE_ANSWERS
from consumers.responses_streams import responses_answer, whole_answer
from consumers.responses_vectors import BEGIN, END, HI, VECTORS
from shared_data import needs_shared
from vapi_conformance.consumers.openai_node_responses import Way, hear
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.narrow import array_or_nothing

pytestmark = [pytest.mark.consumers, pytest.mark.slow, needs_node_libraries]

STEP_S: Final = STEP_NS / 1e9
TIMED: Final = {
    "read by read": answer(BEGIN, HI, HI, END),
    "a done marker before the end": answer(BEGIN + HI, "data: [DONE]\n\n", ": ping\n\n"),
    "CR as line end": answer(*(each.replace("\n", "\r") for each in (BEGIN, HI, HI, END))),
    "LF CR LF between events": answer(BEGIN, HI[:-1] + "\r\n", HI[:-1] + "\r\n", HI),
    "cut inside an event": answer(BEGIN + HI[:20], HI[20:], HI[:-1], "\n"),
}
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

    def test_the_accumulator_takes_and_refuses_as_the_package_does(self) -> None:
        assert {} == differences("helper", ((name, exchange) for name, (exchange, _) in STATE_VECTORS.items()))

    def test_whole_answers_are_heard_as_the_package_hears_them(self) -> None:
        assert {} == differences("whole", WHOLE_ANSWERS.items())

    def test_each_text_comes_when_it_comes_from_the_package(self) -> None:
        warm_up = case_of("warm-up", answer("data: [DONE]\n\n"))
        cases = [warm_up, *(case_of(name, exchange, pause_s=STEP_S) for name, exchange in TIMED.items())]
        heard = run_driver("driver_responses.mjs", cases, lambda _: {"way": "raw", "abortAfterMs": None}, parallel=4)
        expected: dict[str, list[int]] = {}
        actual: dict[str, list[int]] = {}
        for case, result in list(zip(cases, heard, strict=True))[1:]:
            model = hear(case.exchange)
            at_ns = [*(text.at_ns for text in model.texts), model.ended_at_ns]
            expected[case.name] = [each // STEP_NS for each in at_ns if each is not None]
            at_ms = [*array_or_nothing(result["textTimesMs"]), result["endedMs"]]
            actual[case.name] = [int(each / 1e3 / STEP_S) for each in at_ms if isinstance(each, int | float)]
        assert expected == actual


@needs_shared
@pytest.mark.parametrize("way", WAYS)
class TestRecorded:
    def test_traffic_is_heard_as_the_package_hears_it(self, way: Way) -> None:
        recorded = list(recorded_exchanges("openai_responses"))
        assert recorded
        assert {} == differences(way, recorded)
