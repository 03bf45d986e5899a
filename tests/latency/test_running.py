"""A load, played: who is counted, in which group, and when it ends before its time."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from latency.streaming_apps import ANSWER, Answering, endpoint, refusal, stream
from vapi_conformance.call_scenario import call_scenario
from vapi_conformance.evidence import Conditions
from vapi_conformance.latency.engine import Engine, Prepared, Settings
from vapi_conformance.latency.running import Course, Load, loop_of, metrics_of, play
from vapi_conformance.latency.sampling import Keeper
from vapi_conformance.latency.schedules import ClosedLoop, OpenLoop, Schedule, Trace, constant, steps
from vapi_conformance.latency.tally import Group, Tally
from vapi_conformance.latency.traffic import SingleTurns, WholeCalls
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.platforms.vapi import Platform
from vapi_conformance.problems import UsageError

CALL: Mapping[str, object] = {
    "call": "three",
    "about": "Three turns.",
    "turns": [{"says": "Good morning."}, {"says": "Is there bread?"}, {"says": "Goodbye."}],
}
MS = 1_000_000


@pytest.fixture
def served() -> Iterator[tuple[str, Answering]]:
    with endpoint() as made:
        yield made


def single(url: str) -> SingleTurns:
    return SingleTurns(Platform.from_files(base_url=url, seed=3))


def calls(url: str) -> WholeCalls:
    return WholeCalls(platform=Platform.from_files(base_url=url, seed=3), scenario=call_scenario(CALL))


def course(schedule: Schedule) -> Course:
    return Course(tally=Tally(metrics_of(schedule)), keeper=Keeper())


def played(engine: Engine, load: Load, into: Course | None = None) -> Course:
    made = into or course(load.schedule)
    play(load, engine, made)
    return made


def sizes(made: Course, by: str) -> dict[str, int]:
    """How many requests with a first token are in each group."""
    return {group.value: each["ttft_ms"].n for group, each in made.tally.groups.items() if group.by == by}


def ids(app: Answering) -> Counter[object]:
    return Counter(object_or_nothing(body["call"])["id"] for body in app.bodies)


class TestClosedLoop:
    def test_counts_requests_and_keeps_the_warm_up_apart(self, engine: Engine, served: tuple[str, Answering]) -> None:
        url, app = served
        made = played(engine, Load(schedule=ClosedLoop(streams=2, requests=9, warm_up=3), traffic=single(url)))
        assert (9, 3, 12) == (made.tally.requests, made.tally.warm_up, made.sent)
        assert 12 == len(app.bodies) == len(ids(app))
        assert {} == made.tally.errors
        assert 9 == made.tally.histograms["ttft_ms"].n == made.timeline.seen == made.keeper.seen
        assert 9 * (len(ANSWER) - 1) == made.tally.histograms["icl_ms"].n
        assert made.stopped is None
        assert made.duration_ns > 0

    def test_tells_new_connections_from_reused_ones(self, engine: Engine, served: tuple[str, Answering]) -> None:
        made = played(engine, Load(schedule=ClosedLoop(streams=1, requests=5), traffic=single(served[0])))
        assert {"new": 1, "reused": 4} == sizes(made, "connection")
        assert 1 == made.tally.histograms["connect_ms"].n

    def test_ends_when_the_time_is_over(self, engine: Engine, served: tuple[str, Answering]) -> None:
        url, app = served

        def slowly(number: int) -> None:
            time.sleep(0.02)

        app.say = slowly
        made = played(engine, Load(schedule=ClosedLoop(streams=1, duration_ns=200 * MS), traffic=single(url)))
        assert 1 <= made.tally.requests == len(app.bodies) < 100
        assert None is made.stopped

    def test_several_loads_add_up_and_are_told_apart(self, engine: Engine, served: tuple[str, Answering]) -> None:
        made = course(ClosedLoop(streams=1, requests=1))
        for streams in (1, 2):
            schedule = ClosedLoop(streams=streams, requests=4 * streams)
            played(engine, Load(schedule=schedule, traffic=single(served[0]), name=f"{streams} streams"), made)
        assert {"1 streams": 4, "2 streams": 8} == sizes(made, "load")
        assert 12 == made.tally.requests
        assert ["process 1", "process 1, load 2"] == [each.name for each in made.workers]


class TestOpenLoop:
    def test_each_request_is_counted(self, engine: Engine, served: tuple[str, Answering]) -> None:
        schedule = OpenLoop(phases=constant(200.0), requests=20, warm_up=2)
        made = played(engine, Load(schedule=schedule, traffic=single(served[0])))
        assert (20, 2) == (made.tally.requests, made.tally.warm_up)
        assert {20} == {made.tally.histograms[key].n for key in ("ttft_ms", "ttft_from_sent_ms", "start_delay_ms")}

    def test_a_load_that_changes_is_told_apart(self, engine: Engine, served: tuple[str, Answering]) -> None:
        schedule = OpenLoop(phases=steps([50, 100], step_s=0.1))
        made = played(engine, Load(schedule=schedule, traffic=single(served[0])))
        assert {"50/s": 5, "100/s": 10} == sizes(made, "load")

    def test_a_trace_is_one_too(self, engine: Engine, served: tuple[str, Answering]) -> None:
        schedule = Trace(at_ns=(0, 5 * MS, 5 * MS, 40 * MS), warm_up=1)
        made = played(engine, Load(schedule=schedule, traffic=single(served[0])))
        assert ("open", 3, 1) == (loop_of(schedule), made.tally.requests, made.tally.warm_up)


class TestWholeCalls:
    def test_each_turn_is_a_request_and_the_history_grows(self, engine: Engine, served: tuple[str, Answering]) -> None:
        url, app = served
        made = played(engine, Load(schedule=ClosedLoop(streams=2, requests=4), traffic=calls(url)))
        assert 12 == made.tally.requests
        assert {"2": 4, "4": 4, "6": 4} == sizes(made, "messages")
        assert [3, 3, 3, 3] == list(ids(app).values())
        assert {"".join(ANSWER).strip()} == {
            message["content"] for messages in app.messages for message in messages if message["role"] == "assistant"
        }

    def test_calls_that_are_over_are_kept_whole_for_the_judges(
        self, engine: Engine, served: tuple[str, Answering]
    ) -> None:
        url, app = served
        app.say = lambda number: refusal(500) if number == 8 else None
        made = played(engine, Load(schedule=ClosedLoop(streams=1, requests=4, warm_up=1), traffic=calls(url)))
        kept = [(len(each.answers), len(each.requests), each.has_failed) for each in made.keeper.calls]
        assert [(2, 2, True), (3, 3, False), (3, 3, False), (3, 3, False)] == sorted(kept)

    def test_calls_come_at_a_rate(self, engine: Engine, served: tuple[str, Answering]) -> None:
        url, app = served
        schedule = OpenLoop(phases=constant(100.0), requests=5, warm_up=1)
        made = played(engine, Load(schedule=schedule, traffic=calls(url)))
        assert (15, 3) == (made.tally.requests, made.tally.warm_up)
        assert 6 == len(ids(app))

    def test_a_call_that_fails_is_followed_by_the_next(self, engine: Engine, served: tuple[str, Answering]) -> None:
        url, app = served
        app.say = lambda number: refusal(500) if number == 2 else None
        made = played(engine, Load(schedule=ClosedLoop(streams=1, requests=3), traffic=calls(url)))
        assert (8, {"status 500": 1}) == (made.tally.requests, made.tally.errors)
        assert [2, 3, 3] == list(ids(app).values())

    def test_ends_when_the_time_is_over(self, engine: Engine, served: tuple[str, Answering]) -> None:
        schedule = ClosedLoop(streams=2, duration_ns=1)
        made = played(engine, Load(schedule=schedule, traffic=calls(served[0])))
        assert 6 == made.tally.requests  # calls that have begun are played to their end

    def test_the_cap_counts_requests(self, engine: Engine, served: tuple[str, Answering]) -> None:
        load = Load(schedule=ClosedLoop(streams=1, requests=100), traffic=calls(served[0]), most_requests=7)
        assert 7 == played(engine, load).tally.requests


class TestClientBounds:
    def test_requests_that_the_client_kept_back_are_its_own_fault(self, served: tuple[str, Answering]) -> None:
        url, app = served

        def slowly(number: int) -> None:
            time.sleep(0.02)

        app.say = slowly
        schedule = OpenLoop(phases=constant(1000.0), requests=20)
        with Engine(Settings(most_streams=1)) as engine:
            made = played(engine, Load(schedule=schedule, traffic=single(url), stop_at=None))
        assert made.tally.errors
        assert "requests were not sent: 1 streams of this process are under way" in made.bottleneck


class TestStopping:
    def test_too_many_errors_end_the_load(self, engine: Engine, served: tuple[str, Answering]) -> None:
        url, app = served
        app.say = lambda number: refusal(429) if number > 10 else None
        load = Load(schedule=ClosedLoop(streams=1, requests=500), traffic=single(url))
        made = played(engine, load)
        assert (20, "10 of the last 20 requests went wrong") == (made.tally.requests, made.stopped)
        assert (True, False) == (made.has_given_up, made.is_interrupted)
        assert made.first_failure is not None
        assert 429 == made.first_failure.status
        assert 30 == played(engine, replace(load, schedule=ClosedLoop(streams=1, requests=30), stop_at=None)).sent

    def test_whoever_cannot_be_reached_is_not_asked_for_long(self, engine: Engine) -> None:
        load = Load(schedule=ClosedLoop(streams=2, requests=500), traffic=single("http://127.0.0.1:1/v1"))
        made = played(engine, load)
        assert ({"no connection": 20}, 20) == (made.tally.errors, made.tally.requests)
        assert made.first_failure is not None
        assert 0 == made.keeper.seen

    def test_the_user_may_have_enough(self, engine: Engine, served: tuple[str, Answering]) -> None:
        def watch(made: Course) -> None:
            if made.sent == 5:
                raise KeyboardInterrupt

        load = Load(schedule=ClosedLoop(streams=1, requests=500), traffic=single(served[0]))
        made = course(load.schedule)
        play(load, engine, made, watch=watch)
        assert (5, True, False) == (made.tally.requests, made.is_interrupted, made.has_given_up)
        assert 6 == played(engine, replace(load, schedule=ClosedLoop(streams=1, requests=6))).sent

    def test_credentials_that_run_out_end_the_load_and_not_what_was_measured(
        self, engine: Engine, served: tuple[str, Answering]
    ) -> None:
        class RunningOut(SingleTurns):
            def request(self, number: int) -> Prepared:
                if number == 510:  # more than the engine takes at once before it begins
                    raise UsageError("no token any more")
                return super().request(number)

        traffic = RunningOut(Platform.from_files(base_url=served[0], seed=3))
        made = played(engine, Load(schedule=ClosedLoop(streams=2, requests=2000), traffic=traffic))
        assert 0 < made.sent < 2000
        assert ("no token any more", True) == (made.stopped, made.has_given_up)

    def test_what_cannot_be_sent_at_all_is_raised(self, engine: Engine) -> None:
        class WithoutKey(SingleTurns):
            def request(self, number: int) -> Prepared:
                raise UsageError("no key")

        traffic = WithoutKey(Platform.from_files(base_url="http://127.0.0.1:1/v1", seed=3))
        with pytest.raises(UsageError, match="no key"):
            played(engine, Load(schedule=ClosedLoop(streams=1, requests=2), traffic=traffic))

    def test_the_engine_can_be_used_again_after_each(self, engine: Engine, served: tuple[str, Answering]) -> None:
        for _ in range(3):
            load = Load(schedule=ClosedLoop(streams=2, requests=4), traffic=single(served[0]))
            assert 4 == played(engine, load).sent


class TestAbsorbing:
    def test_one_course_adds_up_to_another(self, engine: Engine, served: tuple[str, Answering]) -> None:
        schedule = ClosedLoop(streams=1, requests=3)
        whole = course(schedule)
        for _ in range(2):
            step = Course(
                tally=Tally(metrics_of(schedule)),
                keeper=whole.keeper,
                timeline=whole.timeline,
                began_ns=whole.duration_ns,
            )
            whole.absorb(played(engine, Load(schedule=schedule, traffic=single(served[0])), step))
        assert {6} == {whole.tally.requests, whole.sent, whole.keeper.seen, whole.timeline.seen}
        assert Group("connection", "new") in whole.tally.groups
        assert "" != whole.started_at


def test_what_is_judged_under_load_has_the_conditions_of_the_call(
    engine: Engine, served: tuple[str, Answering]
) -> None:
    conditions = Conditions(timeout_s=7.0)
    load = Load(schedule=ClosedLoop(streams=1, requests=1), traffic=single(served[0]), conditions=conditions)
    (evidence,) = played(engine, load).keeper.kept
    assert (conditions, "".join(ANSWER)) == (evidence.conditions, evidence.transcript.text)
    assert evidence.is_timed


def test_words_of_an_answer_are_read_as_they_come(engine: Engine, served: tuple[str, Answering]) -> None:
    url, app = served
    app.say = lambda number: stream()
    made = played(engine, Load(schedule=ClosedLoop(streams=1, requests=2), traffic=single(url)))
    assert {"empty answer": 2} == made.tally.errors
