"""The search for the knee: what a step comes to, and that it ends."""

import json
from collections.abc import Callable

import pytest

from latency.samples import answered, sample
from vapi_conformance.latency.gates import parse_gate
from vapi_conformance.latency.knee import Knee
from vapi_conformance.latency.metrics import metrics_for
from vapi_conformance.latency.running import Course
from vapi_conformance.latency.sampling import Keeper
from vapi_conformance.latency.searching import Search, figures_of, step_requests
from vapi_conformance.latency.tally import Tally

METRICS = metrics_for("closed")
SLOW = parse_gate("ttft.p50 > 200ms", METRICS)


def played(*ttfts_ms: float, stopped: str | None = None, bottleneck: str | None = None) -> Course:
    tally = Tally(METRICS)
    for each in ttfts_ms:
        tally.add(sample(answered((each, "A sentence that is long enough."))))
    course = Course(tally=tally, keeper=Keeper(0), stopped=stopped)
    if bottleneck is not None:
        course.bottleneck[bottleneck] = None
    return course


def searched(play_at: Callable[[int], Course | None], condition: str = "ttft.p50 > 200ms", **knee: int) -> Search:
    made = Search(condition=parse_gate(condition, METRICS), knee=Knee(**{"first": 1, "most": 64, **knee}))
    made.run(play_at)
    return made


class TestSearch:
    def test_finds_the_knee_of_an_endpoint_that_has_one(self) -> None:
        search = searched(lambda load: played(*[100 if load <= 11 else 300] * 30))
        document = search.to_document()
        assert (11, 12) == (document["carried"], document["overloaded"])
        assert "ttft.p50 > 200ms" == document["condition"]
        assert json.dumps(document)

    def test_an_interval_on_both_sides_of_the_limit_is_played_again_and_adds_up(self) -> None:
        plays: list[int] = []

        def play_at(load: int) -> Course:
            plays.append(load)
            return played(*[150.0] * 11, *[250.0] * 9)

        search = searched(play_at, most=1)
        assert [1, 1, 1] == plays
        assert {"undecided"} == {step.outcome.value for step in search.steps}
        told = [step.said.partition("(")[2].partition(")")[0] for step in search.steps]
        assert ["n = 20", "n = 40", "n = 60"] == told
        assert "really between 150" in search.steps[0].said

    def test_too_few_for_an_interval_decide_nothing(self) -> None:
        search = searched(lambda load: played(*[100.0] * 25), "ttft.p95 > 200ms", most=1)
        assert search.steps[0].said.endswith("too few for an interval")

    def test_no_value_at_all_decides_nothing(self) -> None:
        search = searched(lambda load: played(), most=1)
        assert "cannot be said, because no request gave a value of ttft" == search.steps[0].said

    def test_errors_that_end_a_load_are_too_much_load(self) -> None:
        search = searched(lambda load: played(100, stopped="10 of the last 20 requests went wrong"), most=1)
        assert ("overloaded", 1) == (search.steps[0].outcome.value, search.to_document()["overloaded"])

    def test_a_client_that_was_the_bottleneck_decides_nothing(self) -> None:
        search = searched(lambda load: played(*[900.0] * 30, bottleneck="process 1 was busy"), most=1)
        assert "the client was the bottleneck: process 1 was busy" == search.steps[0].said
        assert "undecided" == search.steps[0].outcome.value

    def test_errors_are_a_condition_too(self) -> None:
        search = searched(lambda load: played(100, 100), "errors > 1%", most=1)
        assert "carried" == search.steps[0].outcome.value

    def test_ends_where_nothing_more_may_be_played(self) -> None:
        search = searched(lambda load: played(*[100.0] * 30) if load < 4 else None)
        assert [1, 2] == [step.load for step in search.steps]
        assert False is search.to_document()["is_complete"]

    def test_ends_where_the_user_has_enough(self) -> None:
        search = searched(lambda load: played(*[100.0] * 30, stopped="interrupted by the user"))
        assert 1 == len(search.steps)


@pytest.mark.parametrize(
    ("condition", "load", "requests"),
    [("ttft.p50 > 1s", 1, 12), ("ttft.p95 > 1s", 1, 144), ("ttft.p95 > 1s", 100, 500), ("errors > 1%", 4, 20)],
)
def test_a_step_is_long_enough_to_tell(condition: str, load: int, requests: int) -> None:
    assert requests == step_requests(parse_gate(condition, METRICS), load)


def test_figures_have_the_names_of_the_metrics() -> None:
    figures = figures_of(played(100, 200).tally)
    assert (2, 0) == (figures.requests, figures.errors)
    assert {"ttft", "ttfs", "icl"} - figures.histograms.keys() == {"icl"}
