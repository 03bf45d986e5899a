"""Schedules: every start when it was asked for, and slices that are exactly the whole."""

import json
from collections.abc import Callable
from itertools import islice, pairwise
from statistics import fmean

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vapi_conformance.latency.schedules import (
    ClosedLoop,
    OpenLoop,
    Phase,
    Schedule,
    Start,
    StreamPlan,
    Trace,
    capped,
    constant,
    described,
    parse_trace,
    ramp,
    slice_of,
    steps,
)
from vapi_conformance.problems import UsageError

NS_PER_S = 1_000_000_000


@st.composite
def phases(draw: st.DrawFn) -> tuple[Phase, ...]:
    rates = draw(st.lists(st.tuples(st.floats(0.1, 50), st.floats(0, 50)), min_size=1, max_size=4))
    durations_ms = st.integers(1, 3000)
    return tuple(Phase(duration_ns=draw(durations_ms) * 10**6, from_rate=low, to_rate=high) for low, high in rates)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    times = sorted(draw(st.lists(st.integers(0, 10**10), min_size=1, max_size=40)))
    return Trace(at_ns=tuple(times), warm_up=draw(st.integers(0, len(times) - 1)))


OPEN_LOOPS = st.builds(
    OpenLoop,
    phases=phases(),
    arrivals=st.sampled_from(["even", "poisson"]),
    seed=st.integers(0, 5),
    requests=st.none() | st.integers(1, 60),
    warm_up=st.integers(0, 5),
)
CLOSED_LOOPS = st.builds(
    ClosedLoop, streams=st.integers(1, 20), requests=st.integers(1, 200), warm_up=st.integers(0, 30)
)


def seconds(schedule: OpenLoop) -> list[float]:
    return [start.intended_ns / NS_PER_S for start in schedule.starts()]


def open_part(schedule: Schedule) -> OpenLoop | Trace:
    assert not isinstance(schedule, ClosedLoop)
    return schedule


class TestSlices:
    @given(schedule=OPEN_LOOPS | traces(), of=st.integers(1, 7))
    def test_joined_they_are_every_start_of_the_whole(self, schedule: OpenLoop | Trace, of: int) -> None:
        parts = [list(open_part(slice_of(schedule, worker, of)).starts()) for worker in range(of)]
        joined = sorted((start for part in parts for start in part), key=lambda start: start.number)
        assert list(schedule.starts()) == joined

    @given(schedule=CLOSED_LOOPS, of=st.integers(1, 7))
    def test_joined_they_are_every_stream_of_the_whole(self, schedule: ClosedLoop, of: int) -> None:
        slices = [slice_of(schedule, worker, of) for worker in range(of)]
        joined = [plan for part in slices if isinstance(part, ClosedLoop) for plan in part.plans()]
        assert list(schedule.plans()) == sorted(joined, key=lambda plan: plan.number)

    def test_a_worker_that_there_is_not_is_a_bug(self) -> None:
        with pytest.raises(ValueError, match="no worker 3 of 3"):
            slice_of(ClosedLoop(streams=1, requests=1), 3, 3)

    def test_a_slice_is_not_sliced_again(self) -> None:
        with pytest.raises(ValueError, match="a slice already"):
            slice_of(slice_of(ClosedLoop(streams=4, requests=9), 0, 2), 0, 2)


class TestClosedLoop:
    @given(schedule=CLOSED_LOOPS)
    def test_all_requests_are_dealt_out_evenly(self, schedule: ClosedLoop) -> None:
        plans = list(schedule.plans())
        assert schedule.requests == sum(plan.requests or 0 for plan in plans)
        assert schedule.warm_up == sum(plan.warm_up for plan in plans)
        assert schedule.total == sum((plan.requests or 0) + plan.warm_up for plan in plans)
        counts = [plan.requests or 0 for plan in plans]
        assert max(counts) - min(counts) <= 1

    def test_streams_without_a_request_are_left_out(self) -> None:
        plans = list(ClosedLoop(streams=100, requests=2).plans())
        assert [StreamPlan(number=0, requests=1), StreamPlan(number=1, requests=1)] == plans

    def test_time_alone_may_end_it(self) -> None:
        schedule = ClosedLoop(streams=2, duration_ns=NS_PER_S, warm_up=1)
        assert schedule.total is None
        assert [StreamPlan(number=0, warm_up=1), StreamPlan(number=1)] == list(schedule.plans())

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            (lambda: ClosedLoop(streams=0, requests=1), "number of streams is at least 1, got 0"),
            (lambda: ClosedLoop(streams=1), "a bench ends"),
            (lambda: ClosedLoop(streams=1, requests=0), "number of requests is at least 1"),
            (lambda: ClosedLoop(streams=1, duration_ns=0), "a duration is above 0 s"),
            (lambda: ClosedLoop(streams=1, requests=1, warm_up=-1), "to warm up is at least 0"),
        ],
    )
    def test_what_cannot_be_played_is_told(self, wrong: Callable[[], ClosedLoop], words: str) -> None:
        with pytest.raises(UsageError, match=words):
            wrong()


class TestOpenLoop:
    def test_a_constant_rate_is_evenly_spaced_from_0(self) -> None:
        assert [0.0, 0.25, 0.5, 0.75] == seconds(OpenLoop(phases=constant(4, duration_s=1)))

    def test_a_long_constant_rate_does_not_drift(self) -> None:
        schedule = OpenLoop(phases=constant(3), requests=300_001)
        assert 100_000 * NS_PER_S == list(schedule.starts())[-1].intended_ns

    @pytest.mark.parametrize("rate", [0.1, 0.7, 1.1, 2.3, 9.99])
    def test_as_many_as_the_rate_says(self, rate: float) -> None:
        schedule = OpenLoop(phases=constant(rate, duration_s=100))
        assert round(rate * 100) == len(seconds(schedule)) == schedule.total

    def test_a_ramp_gets_denser(self) -> None:
        times = seconds(OpenLoop(phases=ramp(0, 10, duration_s=4)))
        assert 20 == len(times)
        assert times[5] == pytest.approx(2.0)  # a quarter of all in the first half
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert gaps == sorted(gaps, reverse=True)

    def test_a_ramp_goes_down_to_nothing_too(self) -> None:
        times = seconds(OpenLoop(phases=ramp(10, 0, duration_s=4)))
        assert 20 == len(times)
        assert times[15] == pytest.approx(2.0)
        assert times[-1] < 4

    def test_steps_follow_each_other(self) -> None:
        times = seconds(OpenLoop(phases=steps([1, 4], step_s=2)))
        assert [0.0, 1.0, 2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75] == times

    def test_a_pause_between_steps_is_one(self) -> None:
        assert [0.0, 2.0] == seconds(OpenLoop(phases=steps([1, 0, 1], step_s=1)))

    def test_poisson_arrivals_are_as_many_and_as_irregular_as_they_are_meant_to_be(self) -> None:
        times = seconds(OpenLoop(phases=constant(100), arrivals="poisson", seed=1, requests=20_000))
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert fmean(gaps) == pytest.approx(0.01, rel=0.03)
        assert fmean(gap**2 for gap in gaps) == pytest.approx(2 * 0.01**2, rel=0.06)  # an exponential's

    def test_poisson_arrivals_follow_a_ramp(self) -> None:
        times = seconds(OpenLoop(phases=ramp(0, 2000, duration_s=10), arrivals="poisson", seed=3))
        assert len(times) == pytest.approx(10_000, rel=0.05)
        assert sum(time < 5 for time in times) == pytest.approx(2_500, rel=0.1)

    def test_the_seed_decides_and_stays(self) -> None:
        def first(seed: int) -> list[int]:
            schedule = OpenLoop(phases=constant(10), arrivals="poisson", seed=seed, requests=3)
            return [start.intended_ns for start in schedule.starts()]

        assert first(7) == first(7) != first(8)
        assert [39_131_484, 55_483_330, 160_732_892] == first(7)

    @given(schedule=OPEN_LOOPS)
    def test_times_ascend_and_numbers_count(self, schedule: OpenLoop) -> None:
        starts = list(schedule.starts())
        assert list(range(len(starts))) == [start.number for start in starts]
        assert all(earlier.intended_ns <= later.intended_ns for earlier, later in pairwise(starts))
        assert schedule.duration_ns is not None
        assert all(0 <= start.intended_ns <= schedule.duration_ns for start in starts)

    @given(schedule=OPEN_LOOPS)
    def test_no_more_than_the_total(self, schedule: OpenLoop) -> None:
        starts = list(schedule.starts())
        if schedule.arrivals == "even":
            assert schedule.total == len(starts)
        elif schedule.total is not None:
            assert len(starts) <= schedule.total

    def test_the_load_at_a_time_is_told_where_it_changes(self) -> None:
        risen = OpenLoop(phases=steps([2, 8], step_s=1), warm_up=2)
        assert ["2/s", "8/s", "8/s"] == [risen.load_at(at_ns) for at_ns in (0, 2 * NS_PER_S, 9 * NS_PER_S)]
        rising = OpenLoop(phases=ramp(0, 20, duration_s=10))
        assert ["1/s", "5/s", "19/s"] == [rising.load_at(at_ns * NS_PER_S // 10) for at_ns in (3, 29, 99)]
        assert "" == OpenLoop(phases=constant(4), requests=1).load_at(0)

    def test_the_warm_up_comes_before_the_first_phase_at_its_rate(self) -> None:
        schedule = OpenLoop(phases=constant(2, duration_s=1), warm_up=2)
        assert [(0.0, True), (0.5, True), (1.0, False), (1.5, False)] == [
            (start.intended_ns / NS_PER_S, start.is_warm_up) for start in schedule.starts()
        ]

    def test_a_ramp_from_nothing_is_warmed_up_at_its_end_rate(self) -> None:
        starts = list(OpenLoop(phases=ramp(0, 4, duration_s=2), warm_up=4).starts())
        assert [0.0, 0.25, 0.5, 0.75, 1.0] == [start.intended_ns / NS_PER_S for start in starts[:5]]
        assert 8 == len(starts)

    def test_nothing_is_made_before_it_is_asked_for(self) -> None:
        endless = OpenLoop(phases=constant(1000), requests=10**15)
        assert Start(number=2, intended_ns=2_000_000) == list(islice(endless.starts(), 3))[2]

    @pytest.mark.parametrize(
        ("phases", "words"),
        [
            ((), "a load has phases"),
            ((*constant(1), *constant(1, duration_s=1)), "only the last of them"),
            (steps([0, 0], step_s=1), "nothing would be sent"),
            (constant(1), "a bench ends"),
        ],
    )
    def test_what_cannot_be_played_is_told(self, phases: tuple[Phase, ...], words: str) -> None:
        with pytest.raises(UsageError, match=words):
            OpenLoop(phases=phases)

    @pytest.mark.parametrize("rate", [-1, float("nan"), float("inf"), 2e6])
    def test_an_impossible_rate_is_told(self, rate: float) -> None:
        with pytest.raises(UsageError, match="a rate is between 0 and 1,000,000 requests a second"):
            constant(rate, duration_s=1)

    def test_a_rate_of_nothing_has_to_end(self) -> None:
        with pytest.raises(UsageError, match="only a steady rate above 0"):
            constant(0)

    @pytest.mark.parametrize("duration_s", [0, -1, float("nan"), 1e9])
    def test_an_impossible_duration_is_told(self, duration_s: float) -> None:
        with pytest.raises(UsageError, match="a duration is above 0 s and at most 30 days"):
            constant(1, duration_s=duration_s)


class TestTrace:
    def test_text_and_json_say_the_same(self) -> None:
        listed = [0.5, 1, 1.25]
        expected = (500_000_000, 1_000_000_000, 1_250_000_000)
        assert expected == parse_trace("# calls of a Monday\n0.5\n1 # busy\n\n1.25\n")
        assert expected == parse_trace("", listed) == parse_trace("", {"arrivals_s": listed})

    def test_arrivals_are_played_as_they_came(self) -> None:
        trace = Trace(at_ns=(5, 7, 7, 100), warm_up=1, requests=2)
        assert (3, 7) == (trace.total, trace.duration_ns)
        assert [(5, True), (7, False), (7, False)] == [(each.intended_ns, each.is_warm_up) for each in trace.starts()]

    @pytest.mark.parametrize(
        ("text", "document", "words"),
        [
            ("1\n0.5", None, "line 2 is earlier than the arrival before it"),
            ("\nsoon", None, "line 2 is no number of seconds: 'soon'"),
            ("-1", None, "line 1 is not between 0 s and 30 days"),
            ("nan", None, "line 1 is not between 0 s and 30 days"),
            ("inf", None, "line 1 is not between"),
            ("# nothing", None, "it holds no arrival"),
            ("", [], "it holds no arrival"),
            ("", [1, True], "arrival 2 is no number of seconds"),
            ("", {"times": [1]}, "an array of seconds"),
            ("", "1 2 3", "an array of seconds"),
            ("", [0] * 1_000_001, "more than 1,000,000 arrivals"),
        ],
    )
    def test_what_is_none_is_told_with_the_place(self, text: str, document: object, words: str) -> None:
        with pytest.raises(UsageError, match=words):
            parse_trace(text, document)

    def test_a_warm_up_leaves_something(self) -> None:
        with pytest.raises(UsageError, match="has 2 arrivals, which leaves none after 2 warm-ups"):
            Trace(at_ns=(0, 1), warm_up=2)


class TestCap:
    @given(schedule=OPEN_LOOPS | traces(), most=st.integers(6, 30))
    def test_an_open_loop_sends_no_more(self, schedule: OpenLoop | Trace, most: int) -> None:
        assume(schedule.warm_up < most)
        before, after = list(schedule.starts()), list(open_part(capped(schedule, most)).starts())
        assert before[:most] == after

    def test_a_closed_loop_sends_no_more(self) -> None:
        schedule = capped(ClosedLoop(streams=3, duration_ns=NS_PER_S, warm_up=2), 10)
        assert 10 == schedule.total

    def test_a_smaller_number_stays(self) -> None:
        schedule = ClosedLoop(streams=3, requests=5)
        assert schedule == capped(schedule, 10)

    def test_a_warm_up_that_takes_it_all_is_told(self) -> None:
        with pytest.raises(UsageError, match=r"5 requests to warm up \(--warmup\) leave none of the 5"):
            capped(ClosedLoop(streams=3, requests=5, warm_up=5), 5)


class TestDescription:
    @pytest.mark.parametrize(
        ("schedule", "expected"),
        [
            (
                ClosedLoop(streams=3, requests=5, warm_up=2),
                {"kind": "closed", "streams": 3, "duration_s": None, "warm_up": 2, "requests": 5, "total": 7},
            ),
            (
                OpenLoop(phases=constant(2), arrivals="poisson", seed=4, requests=9),
                {
                    "kind": "open",
                    "arrivals": "poisson",
                    "seed": 4,
                    "phases": [{"duration_s": None, "from_rate": 2, "to_rate": 2}],
                    "warm_up": 0,
                    "requests": 9,
                    "total": 9,
                },
            ),
        ],
    )
    def test_says_what_is_played(self, schedule: Schedule, expected: dict[str, object]) -> None:
        assert expected == json.loads(json.dumps(described(schedule)))

    def test_traces_are_told_apart(self) -> None:
        assert described(Trace(at_ns=(1, 2))) != described(Trace(at_ns=(0, 2)))

    def test_even_arrivals_have_no_seed(self) -> None:
        one, other = (OpenLoop(phases=constant(2, duration_s=1), seed=seed) for seed in (1, 2))
        assert described(one) == described(other)
