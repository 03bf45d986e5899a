"""A bench from end to end: calibrates, plays every load, judges what was kept, and puts the result together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from vapi_conformance.call_scenario import CallScenario
from vapi_conformance.cli.bench_advice import advice
from vapi_conformance.cli.bench_judging import Judgement, judged
from vapi_conformance.cli.bench_progress import BenchProgress
from vapi_conformance.cli.bench_schedule import Loads, streams_name
from vapi_conformance.cli.printing import complain
from vapi_conformance.endpoint import Endpoint, Opened
from vapi_conformance.latency.calibration import LevelError, level_for
from vapi_conformance.latency.calibration_cache import CalibrationCache, known_or_measured
from vapi_conformance.latency.cluster import Cluster
from vapi_conformance.latency.engine import Bounds, Engine, Settings
from vapi_conformance.latency.gates import ERRORS, Gate, GateOutcome, GateResult, evaluate
from vapi_conformance.latency.knee import Knee
from vapi_conformance.latency.machine import Machine, this_machine
from vapi_conformance.latency.politeness import DEFAULT_CAP
from vapi_conformance.latency.result import BenchTarget, Result
from vapi_conformance.latency.running import Course, Load, metrics_of, play
from vapi_conformance.latency.sampling import Keeper
from vapi_conformance.latency.schedules import ClosedLoop, OpenLoop, Schedule, constant
from vapi_conformance.latency.searching import Search, figures_of, step_requests
from vapi_conformance.latency.tally import Tally
from vapi_conformance.latency.traffic import SingleTurns, WholeCalls, most_requests_of
from vapi_conformance.problems import TransportError

__all__ = ["MOST_LOAD", "Bench", "BenchOutcome", "Plan"]

MOST_LOAD: Final = 256
"""That a search for the knee tries where nobody says."""

_MOST_KNEE_STEPS: Final = 30


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was asked for, checked."""

    loads: Loads
    settings: Mapping[str, object]
    """For the document."""
    gates: Sequence[Gate] = ()
    knee: Gate | None = None
    most_load: int = MOST_LOAD
    """That a search for the knee tries, unless it begins above it."""
    knee_rate: float | None = None
    """The search begins at this rate, and is over rates; None: over streams."""
    cap: int | None = None
    """Requests in all; None: as politeness has it."""
    stop_at: float | None = 0.5
    processes: int = 1
    keeps_alive: bool = True
    scenario: CallScenario | None = None
    is_real_time: bool = False
    words: str
    keeps: int
    """Answers of each kind for the judges."""
    recalibrates: bool = False

    @property
    def most_requests(self) -> int:
        """Of the whole bench, where their number does not follow from a schedule."""
        return DEFAULT_CAP if self.cap is None else self.cap

    def at_most(self) -> Schedule:
        """All loads as one, counted in requests, for whoever is asked before."""
        whole = self.loads.whole()
        if self.knee is None and self.scenario is None:
            return whole
        if self.knee is not None or self.scenario is None or whole.requests is None:
            streams, requests = max(self.most_load, self.loads.streams), self.most_requests
        else:
            of_calls = (whole.requests + whole.warm_up) * most_requests_of(self.scenario)
            streams, requests = self.loads.streams, min(self.most_requests, of_calls)
        return ClosedLoop(streams=streams, requests=requests, duration_ns=whole.duration_ns)


@dataclass(frozen=True, kw_only=True)
class BenchOutcome:
    """A result, and what is not in its document."""

    result: Result
    judgement: Judgement
    is_interrupted: bool
    has_given_up: bool
    """Errors ended the load."""
    answered: int
    """Requests without an error."""
    has_left_out: bool = False
    """Some answers were too large to be kept for the judges."""
    advice: str | None = None
    """What to change, where the endpoint turns the requests away."""

    @property
    def is_bad(self) -> bool:
        """A gate did not pass, errors ended the load, or nothing was answered."""
        return (
            not self.answered
            or self.has_given_up
            or any(each.outcome is not GateOutcome.PASSED for each in self.result.gates)
        )


@dataclass(kw_only=True)
class Bench:
    """One bench of one endpoint."""

    plan: Plan
    endpoint: Endpoint
    live: Opened
    progress: BenchProgress
    cluster: Cluster | None = None
    """Whose nodes play the loads in place of this machine, whose own engine is idle then."""
    _course: Course = field(init=False)
    _traffic: SingleTurns | WholeCalls = field(init=False)
    _search: Search | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Raises UsageError for a scenario that cannot be played."""
        plan, platform = self.plan, self.live.platform
        if plan.scenario is None:
            self._traffic = SingleTurns(platform, plan.words)
        else:
            speed = self.live.conditions.characters_per_second
            self._traffic = WholeCalls(
                platform=platform,
                scenario=plan.scenario,
                characters_per_second=speed,
                is_real_time=plan.is_real_time,
            )
        self._course = Course(tally=self._tally(), keeper=Keeper(plan.keeps))

    def run(self) -> BenchOutcome:
        """Everything. An endpoint's failures are figures; raises UsageError for what cannot be sent."""
        machine = this_machine()
        if self.cluster is not None:
            self.progress.say("starting a worker on each node")
            self.cluster.engage(self._engine_settings())
        with Engine(self._engine_settings(), secrets=self.live.client.secrets) as engine:
            calibration = self._calibration(engine, machine)
            if self.plan.knee is not None:
                self._look_for_knee(engine, self.plan.knee)
            else:
                self._play_all(engine)
        course = self._course
        self.progress.say("judging")
        keeper = course.keeper
        judgement = judged(keeper.kept, keeper.calls, profile=self.endpoint.profile, dialect=self.endpoint.dialect)
        course.tally.violations.update(judgement.violations)
        target = self.live.target
        result = Result(
            started_at=course.started_at,
            duration_s=course.duration_ns / 1_000_000_000,
            target=BenchTarget(
                name=self.endpoint.name,
                url=target.url,
                platform=target.platform,
                dialect=self.endpoint.dialect.value,
                model=target.model,
            ),
            machine=machine,
            settings={**self.plan.settings, "nodes": 1 if self.cluster is None else len(self.cluster.names)},
            schedule=self.plan.loads.whole() if self._search is None else self._searched(self._search),
            tally=course.tally,
            calibration=None if calibration is None else calibration.to_document(),
            instrument_error_ns={} if calibration is None else calibration.by_metric(),
            judged=judgement.judged if self.plan.keeps else None,
            judged_calls=judgement.calls,
            heard=judgement.heard,
            stopped=course.stopped,
            bottleneck_reasons=tuple(course.bottleneck),
            workers=course.workers,
            lost_requests=course.lost_requests,
            gates=[self._gate(each) for each in self.plan.gates],
            knee=None if self._search is None else self._search.to_document(),
            streams=course.timeline.to_document(),
        )
        return BenchOutcome(
            result=result,
            judgement=judgement,
            is_interrupted=course.is_interrupted,
            has_given_up=course.has_given_up and self._search is None,
            answered=self._answered,
            has_left_out=course.keeper.is_full,
            advice=advice(course, self.live),
        )

    def _engine_settings(self) -> Settings:
        limits = self.live.client.limits
        bounds = Bounds(first_byte_s=limits.idle_s, idle_s=limits.idle_s, total_s=limits.total_s)
        return Settings(processes=self.plan.processes, keeps_alive=self.plan.keeps_alive, bounds=bounds)

    def _calibration(self, engine: Engine, machine: Machine) -> LevelError | None:
        """None where it cannot be had. Nodes of a cluster keep nothing: they are others tomorrow."""
        streams = self.plan.loads.streams
        try:
            if self.cluster is not None:
                self._calibrating()
                return self.cluster.calibrated(lambda nodes: level_for(-(-streams // nodes)))
            return known_or_measured(
                CalibrationCache.of_user(machine),
                engine,
                streams=streams,
                is_anew=self.plan.recalibrates,
                measuring=self._calibrating,
            )
        except TransportError as problem:
            complain(f"the instrument could not be calibrated: {problem}")
            return None

    def _calibrating(self) -> None:
        self.progress.say("calibrating")

    # Loads

    def _tally(self) -> Tally:
        return Tally(metrics_of(self.plan.loads.schedules[0]))

    def _play_all(self, engine: Engine) -> None:
        course = self._course
        for schedule, name in zip(self.plan.loads.schedules, self.plan.loads.names, strict=True):
            if course.stopped is None:
                self._play(engine, schedule, name, course)

    def _play(self, engine: Engine, schedule: Schedule, name: str, course: Course) -> None:
        self.progress.load(schedule, name, course)
        load = Load(
            schedule=schedule,
            traffic=self._traffic,
            conditions=self.live.conditions,
            dialect=self.endpoint.dialect,
            stop_at=self.plan.stop_at,
            most_requests=max(1, self.plan.most_requests - course.sent),
            name=name,
        )
        if self.cluster is not None:
            self.cluster.play(load, course, most_kept=self.plan.keeps, watch=self.progress.watch_nodes)
        else:
            play(load, engine, course, watch=self.progress.watch)

    def _look_for_knee(self, engine: Engine, condition: Gate) -> None:
        first = self.plan.loads.schedules[0]
        begin = round(self.plan.knee_rate or 0) or (first.streams if isinstance(first, ClosedLoop) else 1)
        most = max(begin, self.plan.most_load)
        search = self._search = Search(
            condition=condition, knee=Knee(first=begin, most=most, most_steps=_MOST_KNEE_STEPS)
        )
        search.run(lambda load: self._step(engine, condition, first, load))

    def _step(self, engine: Engine, condition: Gate, first: Schedule, load: int) -> Course | None:
        whole = self._course
        schedule = _at_load(first, load, default=step_requests(condition, load))
        left = self.plan.most_requests - whole.sent
        if left < min(schedule.total or 1, step_requests(condition, load)):
            whole.stopped = f"the cap of {self.plan.most_requests:,} requests leaves too few for another step"
            return None
        course = Course(tally=self._tally(), keeper=whole.keeper, timeline=whole.timeline, began_ns=whole.duration_ns)
        name = streams_name(load) if self.plan.knee_rate is None else f"{load}/s"
        self._play(engine, schedule, name, course)
        whole.absorb(course)
        if course.is_interrupted:
            whole.stopped = course.stopped
        return course

    def _searched(self, search: Search) -> Schedule:
        """All steps as one."""
        loads = [step.load for step in search.steps] or [1]
        whole = self._course
        schedule = _at_load(self.plan.loads.schedules[0], max(loads), default=1)
        return replace(schedule, requests=max(1, whole.tally.requests), warm_up=whole.tally.warm_up)

    # What it comes to

    def _gate(self, gate: Gate) -> GateResult:
        """A figure that is the client's own is no figure of the endpoint's."""
        if self._course.bottleneck and gate.name != ERRORS:
            sentence = f"{gate.text}: cannot be said, because the client was the bottleneck"
            return GateResult(gate=gate, outcome=GateOutcome.CANNOT_BE_SAID, sentence=sentence)
        return evaluate(gate, figures_of(self._course.tally))

    @property
    def _answered(self) -> int:
        tally = self._course.tally
        return tally.requests - tally.error_count


def _at_load(schedule: Schedule, load: int, *, default: int) -> Schedule:
    """That schedule at another load. default: requests of a step where neither their number nor a time is given."""
    if isinstance(schedule, ClosedLoop):
        requests = schedule.requests if schedule.duration_ns is not None else max(default, schedule.requests or 0)
        return replace(schedule, streams=load, requests=requests)
    if not isinstance(schedule, OpenLoop):
        raise TypeError("a recorded trace has no other load")
    duration_s = None if schedule.duration_ns is None else schedule.duration_ns / 1_000_000_000
    requests = schedule.requests if duration_s is not None else max(default, schedule.requests or 0)
    return replace(schedule, phases=constant(float(load), duration_s=duration_s), requests=requests)
