"""A load shared among machines: the parts are the whole, start by start, caller by caller and bit by bit."""

import pickle
import re
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from fake_ray import FakeRay, RayError
from latency.streaming_apps import Answering, endpoint, refusal
from vapi_conformance.call_scenario import all_call_scenarios
from vapi_conformance.evidence import Evidence
from vapi_conformance.latency import cluster as cluster_module
from vapi_conformance.latency.calibration import Errors, Level, LevelError
from vapi_conformance.latency.cluster import Cluster, NodeProgress, Share, add_up, joined, refuse_typed
from vapi_conformance.latency.cluster_node import Node, Task, own_part, packed, parts_of
from vapi_conformance.latency.engine import Bounds, Engine, Measured, Settings, Shot
from vapi_conformance.latency.result import Worker
from vapi_conformance.latency.running import INTERRUPTED, Course, Load, metrics_of
from vapi_conformance.latency.sampling import Keeper
from vapi_conformance.latency.schedules import ClosedLoop, OpenLoop, Part, Schedule, Trace, constant
from vapi_conformance.latency.tally import Group, Tally
from vapi_conformance.latency.traffic import SingleTurns, WholeCalls, most_requests_of
from vapi_conformance.masking import Secrets
from vapi_conformance.platforms.vapi import OAuth2Plan, Platform
from vapi_conformance.problems import TransportError, UsageError

KEY = "sk-a-key-that-nobody-may-see"
SETTINGS = Settings(bounds=Bounds(first_byte_s=10, idle_s=10, total_s=20))
Join = Callable[..., AbstractContextManager[Cluster]]


@pytest.fixture(scope="module")
def served() -> Generator[tuple[str, Answering]]:
    with endpoint() as (url, app):
        yield url, app


@pytest.fixture
def join(monkeypatch: pytest.MonkeyPatch) -> Join:
    """Joins a cluster that is not there."""

    def joined_fake(
        ray: FakeRay, *, tell: Callable[[str], None] = lambda _: None, secrets: Sequence[str] = (KEY,)
    ) -> AbstractContextManager[Cluster]:
        monkeypatch.setattr(cluster_module, "ray_here", lambda: (ray, RayError))
        monkeypatch.setattr(cluster_module, "on_node", str)
        return joined("auto", secrets=Secrets(secrets), tell=tell, arguments=())

    return joined_fake


@pytest.fixture(scope="module")
def recorded(served: tuple[str, Answering]) -> list[tuple[Measured, Evidence]]:
    """Answers as the engine recorded them, some of them refusals."""
    url, app = served
    app.say = lambda number: refusal(500) if number % 7 == 0 else None
    turns = SingleTurns(platform(url))
    with Engine(SETTINGS) as engine:
        shots = [Shot(at_ns=0, request=turns.request(number)) for number in range(60)]
        found = [(each, Evidence(exchange=each.exchange)) for each in engine.run(shots, lanes=3)]
    app.say = lambda number: None
    return found


def platform(url: str) -> Platform:
    return Platform.from_files(base_url=url, api_key=KEY, model="m")


def load_of(schedule: Schedule, url: str) -> Load:
    return Load(schedule=schedule, traffic=SingleTurns(platform(url)))


def course_of(schedule: Schedule, *, keeps: int = 100) -> Course:
    return Course(tally=Tally(metrics_of(schedule)), keeper=Keeper(keeps))


def bits(tally: Tally) -> tuple[object, ...]:
    """All that a tally holds, histograms as they are stored."""
    whole = {key: histogram.encoded() for key, histogram in tally.histograms.items()}
    groups = {
        (group, key): histogram.encoded() for group, each in tally.groups.items() for key, histogram in each.items()
    }
    counts = {"requests": tally.requests, "warm_up": tally.warm_up, "errors": dict(tally.errors)}
    return whole, groups, counts


class TestParts:
    @pytest.mark.parametrize("nodes", [1, 2, 3, 5])
    @pytest.mark.parametrize(
        "schedule",
        [
            ClosedLoop(streams=7, requests=23, warm_up=5),
            ClosedLoop(streams=7, requests=9),
            ClosedLoop(streams=5, duration_ns=10**9),
        ],
        ids=["requests", "few-requests", "duration"],
    )
    def test_of_a_closed_loop_are_the_whole(self, schedule: ClosedLoop, nodes: int) -> None:
        parts = [own_part(schedule, Part(worker=number, of=nodes)) for number in range(nodes)]
        loops = [part for part in parts if isinstance(part, ClosedLoop)]
        known = [loop.requests for loop in loops if loop.requests is not None]
        assert schedule.streams == sum(loop.streams for loop in loops)
        assert schedule.warm_up == sum(loop.warm_up for loop in loops)
        assert schedule.requests == (sum(known) if known else None)
        assert {schedule.duration_ns} == {loop.duration_ns for loop in loops}

    @pytest.mark.parametrize("nodes", [1, 2, 3, 5])
    @pytest.mark.parametrize(
        "schedule",
        [
            OpenLoop(phases=constant(50.0, duration_s=1.0), arrivals="poisson", seed=3, warm_up=4),
            Trace(at_ns=tuple(range(0, 10**9, 10**8)), warm_up=1),
        ],
        ids=["poisson", "trace"],
    )
    def test_of_an_open_loop_are_the_whole(self, schedule: OpenLoop | Trace, nodes: int) -> None:
        parts = [own_part(schedule, Part(worker=number, of=nodes)) for number in range(nodes)]
        starts = [start for part in parts if not isinstance(part, ClosedLoop) for start in part.starts()]
        assert list(schedule.starts()) == sorted(starts, key=lambda start: start.number)

    @pytest.mark.parametrize(
        ("schedule", "expected"),
        [
            (ClosedLoop(streams=2, requests=100), 2),
            (ClosedLoop(streams=100, requests=3), 3),
            (ClosedLoop(streams=100, duration_ns=1), 5),
            (Trace(at_ns=(0, 1)), 2),
            (OpenLoop(phases=constant(1.0, duration_s=60), arrivals="poisson"), 5),
        ],
        ids=["streams", "requests", "all", "trace", "nobody-knows"],
    )
    def test_no_more_nodes_than_there_is_work(self, schedule: Schedule, expected: int) -> None:
        assert expected == parts_of(schedule, 5)


class TestAddUp:
    @staticmethod
    def taken(recorded: Sequence[tuple[Measured, Evidence]]) -> Course:
        load = load_of(ClosedLoop(streams=1, requests=1), "http://127.0.0.1:9/v1")
        course = course_of(load.schedule)
        for measured, evidence in recorded:
            course.sent += 1
            known = "reused" if measured.exchange.connection_reused else "new"
            course.take(measured, evidence, replace(load, stop_at=None), groups=[Group("connection", known)])
        return course

    def travelled(self, recorded: Sequence[tuple[Measured, Evidence]], name: str) -> Share:
        return Share(name=name, course=pickle.loads(pickle.dumps(self.taken(recorded))))

    @pytest.mark.parametrize("nodes", [1, 2, 3, 7])
    def test_merged_is_single_bit_by_bit(self, recorded: list[tuple[Measured, Evidence]], nodes: int) -> None:
        single, merged = self.taken(recorded), course_of(ClosedLoop(streams=1, requests=1))
        add_up([self.travelled(recorded[number::nodes], f"node {number}") for number in range(nodes)], merged)
        assert bits(single.tally) == bits(merged.tally)
        assert (60, 60) == (merged.sent, merged.timeline.seen)
        assert {each.exchange for each in single.keeper.kept} == {each.exchange for each in merged.keeper.kept}
        assert single.tally.errors.total() > 0

    def test_of_different_answers_the_bits_differ(self, recorded: list[tuple[Measured, Evidence]]) -> None:
        assert bits(self.taken(recorded).tally) != bits(self.taken(recorded[1:]).tally)

    def test_times_of_nodes_side_by_side_do_not_add_up_and_those_of_loads_do(self) -> None:
        shares: list[Share] = []
        for number, duration_ns in enumerate((5, 7, 6)):
            course = course_of(ClosedLoop(streams=1, requests=1))
            course.duration_ns = duration_ns
            shares.append(Share(name=f"node {number}", course=course))
        into = course_of(ClosedLoop(streams=1, requests=1))
        into.duration_ns = 100
        add_up(shares, into)
        assert 107 == into.duration_ns

    def test_a_lost_node_is_named_with_what_it_had_told_of(self, recorded: list[tuple[Measured, Evidence]]) -> None:
        into = course_of(ClosedLoop(streams=1, requests=1))
        add_up([self.travelled(recorded, "node a"), Share(name="node b", course=None, sent=12)], into)
        assert ([Worker(name="node b", is_lost=True)], 12, 60) == (
            into.workers,
            into.lost_requests,
            into.tally.requests,
        )
        assert into.stopped is None

    def test_without_any_node_the_load_is_over(self) -> None:
        into = course_of(ClosedLoop(streams=1, requests=1))
        add_up([Share(name="node a", course=None)], into)
        assert "every node of the cluster was lost" == into.stopped

    def test_who_gave_up_and_whose_figures_are_its_own_is_said(self) -> None:
        one = course_of(ClosedLoop(streams=1, requests=1))
        one.stopped, one.bottleneck = "10 of the last 20 requests went wrong", {"process 1 was busy": None}
        one.workers = [Worker(name="process 1")]
        into = course_of(ClosedLoop(streams=1, requests=1))
        add_up([Share(name="node a", course=one)], into)
        assert "node a: 10 of the last 20 requests went wrong" == into.stopped
        assert (["node a: process 1 was busy"], ["node a, process 1"]) == (
            list(into.bottleneck),
            [worker.name for worker in into.workers],
        )

    def test_an_interruption_stays_one(self) -> None:
        one = course_of(ClosedLoop(streams=1, requests=1))
        one.stopped = INTERRUPTED
        into = course_of(ClosedLoop(streams=1, requests=1))
        add_up([Share(name="node a", course=one)], into)
        assert into.is_interrupted


class TestSecrets:
    def test_travel_in_pieces_too_small_for_a_store(self) -> None:
        calls = WholeCalls(platform=platform("http://127.0.0.1:9/v1"), scenario=all_call_scenarios()["ten-turns"])
        long = replace(calls, scenario=replace(calls.scenario, system="x" * 200_000))
        task = Task(
            load=Load(schedule=ClosedLoop(streams=1, requests=1), traffic=long), part=Part(), most_kept=1, began_ns=0
        )
        pieces = packed(task, (KEY.encode(),))
        assert len(pieces) > 3
        assert max(map(len, pieces)) < 100 * 1000

    def test_tokens_are_fetched_by_each_node_itself(self) -> None:
        plan = OAuth2Plan(token_url="http://127.0.0.1:9/token", client_id="me", client_secret="a-long-secret")
        ours = replace(platform("http://127.0.0.1:9/v1"), oauth2=plan, tokens=_Tokens())
        load = Load(schedule=ClosedLoop(streams=1, requests=1), traffic=SingleTurns(ours))
        node = Node()
        node.engage(SETTINGS)
        try:
            with pytest.raises(UsageError, match="token"):
                node.prepare(*packed(Task(load=load, part=Part(), most_kept=1, began_ns=0), ()))
        finally:
            node.dismiss()

    @pytest.mark.parametrize(
        "arguments", [["bench", f"Authorization: Bearer {KEY}"], [f"--header=x-key: {KEY}"]], ids=["apart", "joined"]
    )
    def test_one_on_the_command_line_is_refused_because_ray_shows_it(self, arguments: list[str]) -> None:
        with pytest.raises(UsageError, match=r"\$VARIABLE") as raised:
            refuse_typed(Secrets((KEY,)), arguments)
        assert KEY not in str(raised.value)

    def test_one_in_a_variable_is_not(self) -> None:
        refuse_typed(Secrets((KEY,)), ["bench", "--header", "Authorization: $MY_KEY"])

    def test_are_masked_in_what_a_node_returns(self, join: Join, served: tuple[str, Answering]) -> None:
        url, app = served
        schedule = ClosedLoop(streams=2, requests=4)
        course = course_of(schedule)
        with join(FakeRay(1, 1)) as nodes:
            nodes.engage(SETTINGS)
            nodes.play(load_of(schedule, url), course, most_kept=10)
        assert f"Bearer {KEY}" == app.headers[-1]["authorization"]
        assert 4 == len(course.keeper.kept)
        assert KEY.encode() not in pickle.dumps(course)


class _Tokens:
    """Of a process that is not the node's."""

    lifetime_s = None

    def current(self) -> str:
        raise AssertionError("asked in another process")

    def expired(self) -> str:
        raise AssertionError("asked in another process")

    def lints(self) -> tuple[()]:
        return ()

    def __reduce__(self) -> str:
        raise TypeError("cannot travel")


class TestJoining:
    def test_without_ray_one_sentence_names_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "ray", None)
        with pytest.raises(UsageError) as raised, joined("auto", secrets=Secrets(), tell=print, arguments=()):
            pass
        assert "--cluster needs Ray, which is an extra: pip install 'vapi-conformance[cluster]'" == str(raised.value)

    @pytest.mark.parametrize("address", ["local", "ray://head:10001", "head", "head:port", "head:70000", ""])
    def test_an_address_is_auto_or_that_of_a_head(self, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
        monkeypatch.setattr(cluster_module, "ray_here", lambda: (FakeRay(1), RayError))
        with (
            pytest.raises(UsageError, match="wants auto, or HOST:PORT"),
            joined(address, secrets=Secrets(), tell=print, arguments=()),
        ):
            pass

    def test_where_nobody_answers_it_is_said_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ray = FakeRay(1)
        monkeypatch.setattr(cluster_module, "ray_here", lambda: (ray, RayError))
        with (
            pytest.raises(UsageError, match=r"nobody answers at 127\.0\.0\.1:1:"),
            joined("127.0.0.1:1", secrets=Secrets(), tell=print, arguments=()),
        ):
            pass
        assert not ray.is_joined

    def test_a_head_without_processors_directs_and_does_not_play(self, join: Join) -> None:
        with join(FakeRay(0, 1, 2)) as nodes:
            assert ("node 00000001", "node 00000002") == nodes.names

    def test_a_cluster_without_processors_is_none(self, join: Join) -> None:
        ray = FakeRay(0)
        with pytest.raises(UsageError, match="no node of the cluster has a processor"), join(ray):
            pass
        assert not ray.is_joined

    @pytest.mark.parametrize(
        ("hosts", "url", "is_refused"),
        [
            (("10.0.0.1", "10.0.0.2"), "http://127.0.0.1:8000/v1", True),
            (("10.0.0.1", "10.0.0.1"), "http://127.0.0.1:8000/v1", False),
            (("10.0.0.1", "10.0.0.2"), "http://my.host/v1", False),
        ],
        ids=["other-machines", "one-machine", "a-real-address"],
    )
    def test_an_address_of_this_machine_reaches_no_other(
        self, join: Join, hosts: tuple[str, str], url: str, is_refused: bool
    ) -> None:
        with join(FakeRay(1, 1, hosts=hosts)) as nodes:
            if is_refused:
                with pytest.raises(UsageError, match="an address of this machine only"):
                    nodes.reach(url)
            else:
                nodes.reach(url)

    def test_another_version_on_a_node_is_refused(self, join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
        def engage(self: Node, settings: Settings) -> str:
            return "0.0.9"

        monkeypatch.setattr(Node, "engage", engage)
        with join(FakeRay(1)) as nodes, pytest.raises(UsageError, match=r"version 0\.0\.9 of vapi-conformance"):
            nodes.engage(SETTINGS)

    def test_a_node_that_cannot_run_a_worker_is_named(self, join: Join) -> None:
        ray = FakeRay(1, 1)
        with join(ray) as nodes:
            ray.lose("node 00000001")
            with pytest.raises(
                UsageError, match=re.escape("node 00000001 (10.0.0.1) cannot run a worker: The actor died.")
            ):
                nodes.engage(SETTINGS)


class TestPlaying:
    @pytest.mark.parametrize(
        "schedule",
        [
            ClosedLoop(streams=3, requests=21, warm_up=3),
            OpenLoop(phases=constant(100.0, duration_s=0.3), warm_up=2),
        ],
        ids=["closed", "open"],
    )
    def test_every_request_is_sent_once_and_as_another_caller(
        self, join: Join, served: tuple[str, Answering], schedule: Schedule
    ) -> None:
        url, app = served
        app.bodies.clear()
        course = course_of(schedule)
        told: list[Sequence[NodeProgress]] = []
        with join(FakeRay(1, 1)) as nodes:
            nodes.engage(SETTINGS)
            nodes.play(load_of(schedule, url), course, most_kept=100, watch=told.append)
        assert schedule.total is not None
        sent = schedule.total - schedule.warm_up
        assert (sent, schedule.warm_up, 0) == (course.tally.requests, course.tally.warm_up, course.tally.error_count)
        assert (schedule.total, schedule.total) == (course.sent, len(app.bodies))
        assert len(app.bodies) == len({str(body["call"]) for body in app.bodies})
        assert ["node 00000000, process 1", "node 00000001, process 1"] == [each.name for each in course.workers]
        assert [("node 00000000", True), ("node 00000001", True)] == [(each.name, each.is_done) for each in told[-1]]
        assert schedule.total == sum(each.progress.sent for each in told[-1])

    def test_whole_calls_are_spread_too(self, join: Join, served: tuple[str, Answering]) -> None:
        url, app = served
        app.bodies.clear()
        calls = WholeCalls(platform=platform(url), scenario=all_call_scenarios()["ten-turns"])
        schedule = ClosedLoop(streams=2, requests=4)
        course = course_of(schedule)
        with join(FakeRay(1, 1)) as nodes:
            nodes.engage(SETTINGS)
            nodes.play(Load(schedule=schedule, traffic=calls), course, most_kept=0)
        assert 4 * most_requests_of(calls.scenario) == course.tally.requests == len(app.bodies)
        assert 4 == len({str(body["call"]) for body in app.bodies})

    def test_several_loads_follow_each_other(self, join: Join, served: tuple[str, Answering]) -> None:
        schedule = ClosedLoop(streams=2, requests=6)
        course = course_of(schedule)
        with join(FakeRay(1, 1)) as nodes:
            nodes.engage(SETTINGS)
            nodes.play(load_of(schedule, served[0]), course, most_kept=10)
            nodes.play(load_of(schedule, served[0]), course, most_kept=10)
        assert (12, 12, 12) == (course.tally.requests, len(course.keeper.kept), course.timeline.seen)

    def test_a_node_that_is_lost_in_the_middle_is_named_and_the_others_go_on(
        self, join: Join, served: tuple[str, Answering]
    ) -> None:
        ray = FakeRay(1, 1)
        schedule = OpenLoop(phases=constant(40.0, duration_s=1.5))
        course = course_of(schedule)
        said: list[str] = []
        told: list[Sequence[NodeProgress]] = []

        def watch(nodes: Sequence[NodeProgress]) -> None:
            told.append(nodes)
            if nodes[1].progress.sent:
                ray.lose("node 00000001")

        with join(ray, tell=said.append) as nodes:
            nodes.engage(SETTINGS)
            nodes.play(load_of(schedule, served[0]), course, most_kept=10, watch=watch)
            second = ClosedLoop(streams=4, requests=8)
            again = course_of(second)
            nodes.play(load_of(second, served[0]), again, most_kept=10)
        lost = [worker.name for worker in course.workers if worker.is_lost]
        assert (["node 00000001"], 30) == (lost, course.tally.requests)
        assert 0 < course.lost_requests <= 30
        assert ["node 00000001 (10.0.0.1) was lost: The actor died."] == said
        assert told[-1][1].is_lost
        assert (8, []) == (again.tally.requests, [worker for worker in again.workers if worker.is_lost])

    def test_where_one_gives_up_all_stop(self, join: Join, served: tuple[str, Answering]) -> None:
        url, app = served
        app.say = lambda number: refusal(500)
        try:
            schedule = ClosedLoop(streams=2, duration_ns=60 * 10**9)
            course = course_of(schedule)
            with join(FakeRay(1, 1)) as nodes:
                nodes.engage(SETTINGS)
                nodes.play(load_of(schedule, url), course, most_kept=10)
        finally:
            app.say = lambda number: None
        assert re.fullmatch(r"node 0000000[01]: \d+ of the last 20 requests went wrong", course.stopped or "")
        assert course.has_given_up
        assert [] == [worker for worker in course.workers if worker.is_lost]

    def test_ctrl_c_keeps_what_was_measured(self, join: Join, served: tuple[str, Answering]) -> None:
        schedule = ClosedLoop(streams=2, duration_ns=60 * 10**9)
        course = course_of(schedule)

        def watch(nodes: Sequence[NodeProgress]) -> None:
            if all(each.progress.sent for each in nodes):
                raise KeyboardInterrupt

        with join(FakeRay(1, 1)) as nodes:
            nodes.engage(SETTINGS)
            nodes.play(load_of(schedule, served[0]), course, most_kept=10, watch=watch)
        assert course.is_interrupted
        assert course.tally.requests > 0

    def test_what_cannot_be_sent_is_the_users_to_mend(self, join: Join) -> None:
        schedule = ClosedLoop(streams=1, requests=1)
        turns = SingleTurns(replace(platform("http://127.0.0.1:9/v1"), model_headers={"x": "a\nb"}))
        with join(FakeRay(1)) as nodes:
            nodes.engage(SETTINGS)
            with pytest.raises(UsageError, match=r"^node 00000000: "):
                nodes.play(Load(schedule=schedule, traffic=turns), course_of(schedule), most_kept=0)


class TestCalibrating:
    def test_the_node_that_errs_most_speaks_for_all(self, join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
        errors = iter((1_000, 5_000))

        def found(self: Node, level: Level) -> LevelError:
            error_ns = next(errors)
            each = Errors(n=1000, p50_ns=error_ns, p99_ns=error_ns, max_ns=error_ns)
            return LevelError(
                level=level,
                processes=1,
                measured_at="2026-01-01T00:00:00Z",
                asked=1,
                answered=1,
                chunks=1,
                duration_s=1.0,
                ttft=each,
                lag=each,
                gap=each,
                cpu_us_per_chunk=None,
            )

        monkeypatch.setattr(Node, "calibrate", found)
        with join(FakeRay(1, 1)) as nodes:
            worst = nodes.calibrated(lambda count: Level(streams=count, chunks_per_s=10))
        assert (5_000, 2) == (worst.ttft.p99_ns, worst.level.streams)

    def test_without_any_node_nobody_knows(self, join: Join) -> None:
        ray = FakeRay(1)
        with join(ray) as nodes:
            ray.lose("node 00000000")
            with pytest.raises(TransportError, match="no node of the cluster answers"):
                nodes.calibrated(lambda count: Level(streams=count, chunks_per_s=10))
