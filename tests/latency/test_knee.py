"""The search for the knee: which loads are tried, when it stops, and that its bracket is true."""

import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.latency.gates import Figures, parse_gate
from vapi_conformance.latency.histograms import Histogram
from vapi_conformance.latency.knee import Bracket, Knee, StepOutcome, Tried, step_outcome
from vapi_conformance.latency.metrics import metrics_for
from vapi_conformance.problems import UsageError

CARRIED, OVERLOADED, UNDECIDED = StepOutcome.CARRIED, StepOutcome.OVERLOADED, StepOutcome.UNDECIDED


def searched(knee: Knee, play: Callable[[int], StepOutcome]) -> Bracket:
    while (load := knee.next_load()) is not None:
        knee.tell(load, play(load))
    return knee.bracket()


def carries(most: int) -> Callable[[int], StepOutcome]:
    return lambda load: CARRIED if load <= most else OVERLOADED


def loads(bracket: Bracket) -> Sequence[int]:
    return [step.load for step in bracket.steps]


class TestSearch:
    def test_doubles_then_halves(self) -> None:
        found = searched(Knee(resolution=0), carries(11))
        assert [1, 2, 4, 8, 16, 12, 10, 11] == loads(found)
        assert (11, 12, True) == (found.carried, found.overloaded, found.is_complete)

    def test_stops_where_the_bracket_is_narrow_enough(self) -> None:
        found = searched(Knee(first=100, most=10_000, resolution=0.1), carries(300))
        assert [100, 200, 400, 300, 350, 325] == loads(found)
        assert (300, 325) == (found.carried, found.overloaded)

    def test_tries_nothing_above_the_most(self) -> None:
        found = searched(Knee(most=10), carries(10**6))
        assert [1, 2, 4, 8, 10] == loads(found)
        assert (10, None, True) == (found.carried, found.overloaded, found.is_complete)

    def test_goes_below_the_first_where_that_is_too_much(self) -> None:
        found = searched(Knee(first=16, resolution=0), carries(3))
        assert [16, 8, 4, 2, 3] == loads(found)
        assert (3, 4) == (found.carried, found.overloaded)

    def test_one_may_be_too_much(self) -> None:
        found = searched(Knee(), carries(0))
        assert (None, 1, True) == (found.carried, found.overloaded, found.is_complete)

    def test_ends_when_the_steps_are_used_up(self) -> None:
        found = searched(Knee(resolution=0, most_steps=6), carries(11))
        assert [1, 2, 4, 8, 16, 12] == loads(found)
        assert (8, 12, False) == (found.carried, found.overloaded, found.is_complete)

    @given(
        most=st.integers(0, 5000),
        first=st.integers(1, 64),
        resolution=st.floats(0, 0.5),
    )
    def test_the_bracket_holds_the_knee(self, most: int, first: int, resolution: float) -> None:
        found = searched(Knee(first=first, most=4096, most_steps=60, resolution=resolution), carries(most))
        assert found.is_complete
        assert (found.carried or 0) <= most
        assert found.overloaded is None or most < found.overloaded
        if found.overloaded is not None:
            assert found.overloaded - (found.carried or 0) <= max(1, resolution * found.overloaded)


class TestNoise:
    def test_a_step_that_cannot_tell_is_played_again(self) -> None:
        outcomes = iter([CARRIED, UNDECIDED, CARRIED, OVERLOADED])
        found = searched(Knee(resolution=0.5), lambda _: next(outcomes))
        assert [1, 2, 2, 4] == loads(found)
        assert (2, 4, ()) == (found.carried, found.overloaded, found.undecided)

    def test_what_still_cannot_be_told_is_left_open_and_named(self) -> None:
        found = searched(
            Knee(resolution=0, repeats=1), lambda load: UNDECIDED if load in {10, 11} else carries(9)(load)
        )
        assert [1, 2, 4, 8, 16, 12, 10, 10, 9, 11, 11] == loads(found)
        assert (9, 12, (10, 11)) == (found.carried, found.overloaded, found.undecided)

    def test_an_undecided_load_does_not_stop_the_doubling(self) -> None:
        found = searched(Knee(most=8, repeats=0), lambda load: UNDECIDED if load == 4 else CARRIED)
        assert [1, 2, 4, 8] == loads(found)
        assert (8, None, ()) == (found.carried, found.overloaded, found.undecided)  # 8 answers for 4

    def test_where_nothing_can_be_told_the_answer_says_so(self) -> None:
        found = searched(Knee(most=2, repeats=0), lambda _: UNDECIDED)
        assert (None, None, (1, 2)) == (found.carried, found.overloaded, found.undecided)
        assert "no load could be judged; at 1, 2 the measurements cannot tell" == found.sentence

    @given(outcomes=st.lists(st.sampled_from(StepOutcome), min_size=60, max_size=60), most=st.integers(1, 300))
    def test_any_endpoint_brings_it_to_an_end_within_its_bounds(self, outcomes: list[StepOutcome], most: int) -> None:
        answers = iter(outcomes)
        found = searched(Knee(most=most, most_steps=50), lambda _: next(answers))
        assert len(found.steps) <= 50
        assert all(1 <= load <= most for load in loads(found))
        if found.carried is not None and found.overloaded is not None:
            assert found.carried < found.overloaded


class TestStep:
    @pytest.mark.parametrize(
        ("condition", "times_ms", "expected"),
        [
            ("ttfs.p95 > 800ms", [100] * 72, CARRIED),
            ("ttfs.p95 > 800ms", [900] * 72, OVERLOADED),
            ("ttfs.p95 > 800ms", [100] * 68 + [900] * 4, UNDECIDED),  # the limit lies in the interval
            ("ttfs.p95 > 800ms", [100] * 71, UNDECIDED),  # without an upper bound
            ("ttfs.p95 > 800ms", [900] * 20, OVERLOADED),  # though it has none, its lower one is above
            ("ttfs.p95 > 800ms", [100] * 19, UNDECIDED),  # without a percentile
            ("ttfs.p95 < 800ms", [100] * 72, OVERLOADED),
            ("ttfs.p95 < 800ms", [900] * 72, CARRIED),
            ("ttfs.max > 800ms", [100], CARRIED),
            ("ttfs.max > 800ms", [900], OVERLOADED),
            ("ttfs.p50 > 800ms", [], UNDECIDED),
            ("errors > 1%", [100], CARRIED),
        ],
    )
    def test_is_decided_by_figures(self, condition: str, times_ms: list[int], expected: StepOutcome) -> None:
        histograms = {"ttfs": Histogram(each * 1_000_000 for each in times_ms)} if times_ms else {}
        figures = Figures(histograms=histograms, requests=100, errors=0)
        assert expected is step_outcome(parse_gate(condition, metrics_for("closed")), figures)


class TestAnswer:
    @pytest.mark.parametrize(
        ("knee", "most", "expected"),
        [
            (Knee(resolution=0), 11, "carried 11, not 12"),
            (Knee(most=4), 9, "carried up to 4, and no load that was tried was too much"),
            (Knee(), 0, "not even 1 was carried"),
            (
                Knee(resolution=0, most_steps=5),
                11,
                "carried 8, not 16 (the steps ran out before it was narrower)",
            ),
        ],
    )
    def test_is_a_sentence(self, knee: Knee, most: int, expected: str) -> None:
        assert expected == searched(knee, carries(most)).sentence

    def test_is_a_document(self) -> None:
        found = searched(Knee(most=1), carries(9)).to_document()
        assert [{"load": 1, "outcome": "carried"}] == json.loads(json.dumps(found))["steps"]


class TestMistakes:
    def test_a_step_that_was_not_asked_for_is_a_bug(self) -> None:
        with pytest.raises(ValueError, match="a step at 7 was not asked for"):
            Knee().tell(7, CARRIED)

    def test_a_search_that_is_over_takes_no_step(self) -> None:
        knee = Knee(most=1)
        knee.tell(1, CARRIED)
        with pytest.raises(ValueError, match="not asked for"):
            knee.tell(1, CARRIED)
        assert (Tried(load=1, outcome=CARRIED),) == knee.bracket().steps

    @pytest.mark.parametrize(("first", "most"), [(0, 5), (6, 5), (1, 10**7)])
    def test_a_range_that_is_none_is_told(self, first: int, most: int) -> None:
        with pytest.raises(UsageError, match="a search goes from a load of at least 1"):
            Knee(first=first, most=most)

    @pytest.mark.parametrize(("steps", "repeats", "resolution"), [(0, 0, 0.1), (1, -1, 0.1), (1, 0, 1.0)])
    def test_settings_that_make_no_search_are_told(self, steps: int, repeats: int, resolution: float) -> None:
        with pytest.raises(UsageError, match="a search has at least one step"):
            Knee(most_steps=steps, repeats=repeats, resolution=resolution)
