"""Plays a load: a schedule, what is sent, and the engine; every answer is measured, and some are kept for the judges.

The engine's workers send and stamp. Here, in the process of the command, answers are read and counted as they come;
rules are judged when the load is over, on a fair sample, so that judging takes no processor from what is measured.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import NS_PER_S, Conditions, Evidence
from vapi_conformance.latency.bottleneck import reasons
from vapi_conformance.latency.engine import NOT_SENT, Engine, Health, Measured, Shot
from vapi_conformance.latency.metrics import Metric, Sample, TurnModel, error_kind, metrics_for
from vapi_conformance.latency.played_calls import PlayedCall
from vapi_conformance.latency.rate_limits import RateLimits
from vapi_conformance.latency.result import Worker
from vapi_conformance.latency.sampling import Keeper
from vapi_conformance.latency.schedules import ClosedLoop, OpenLoop, Schedule, Start
from vapi_conformance.latency.tally import Group, Tally
from vapi_conformance.latency.timeline import Timeline
from vapi_conformance.latency.traffic import Asked, CallUnderWay, SingleTurns, WholeCalls
from vapi_conformance.problems import Problem

__all__ = ["ERRORS_LOOKED_AT", "INTERRUPTED", "Course", "Load", "Watch", "loop_of", "metrics_of", "play"]

ERRORS_LOOKED_AT: Final = 20
"""Requests over which the share of errors is taken, for stopping early."""
INTERRUPTED: Final = "interrupted by the user"
"""Why a load stopped at which somebody pressed Ctrl-C."""

_WARM_UP: Final = "warm-up"
_GRACE_NS: Final = NS_PER_S
"""The engine itself sends nothing after the time is over; by then nothing more needs to be handed to it."""

_MOST_KEPT_AT_ONCE: Final = 64
"""Calls under way that are kept for the judges: each takes memory with every turn. Which ones, does not depend on how
they go."""

Watch = Callable[["Course"], None]
"""Told after each answer."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is played."""

    schedule: Schedule
    traffic: SingleTurns | WholeCalls
    """Of whole calls the schedule's requests are calls: so many at once, or so many a second."""
    conditions: Conditions = field(default_factory=Conditions)
    dialect: Dialect = Dialect.OPENAI_COMPATIBLE
    turn_model: TurnModel = field(default_factory=TurnModel)
    stop_at: float | None = 0.5
    """Share of errors among the last `ERRORS_LOOKED_AT` requests at which the load is stopped; None: never."""
    most_requests: int | None = None
    """Of whole calls, whose requests nobody can count before: then no further call begins, and no further turn."""
    name: str = ""
    """Of this load among several: the group in which its requests are told apart."""


@dataclass(kw_only=True)
class Course:
    """How a load went, or goes. Several loads may be played into one."""

    tally: Tally
    keeper: Keeper
    timeline: Timeline = field(default_factory=Timeline)
    began_ns: int = 0
    """Where its first load stands on the timeline."""
    first_failure: Evidence | None = None
    """For a word on why; it may have no response, and then the keeper does not have it."""
    rate_limits: RateLimits = field(default_factory=RateLimits)
    started_at: str = ""
    """RFC 3339."""
    sent: int = 0
    """Requests with a result, warm-up included."""
    duration_ns: int = 0
    """From the first intended start to the last answer, over all loads; without the warm-up of a closed loop."""
    stopped: str | None = None
    """Why the load ended before its time."""
    workers: list[Worker] = field(default_factory=list[Worker])
    bottleneck: dict[str, None] = field(default_factory=dict[str, None])
    """Why the figures are the client's own; in order, each once."""
    lost_requests: int = 0
    _recent: deque[bool] = field(default_factory=lambda: deque[bool](maxlen=ERRORS_LOOKED_AT))

    @property
    def has_given_up(self) -> bool:
        """Whether errors ended it."""
        return self.stopped is not None and not self.is_interrupted

    @property
    def is_interrupted(self) -> bool:
        """Whether somebody at the keyboard had enough."""
        return self.stopped == INTERRUPTED

    def absorb(self, other: "Course") -> None:
        """All of the other one, which has the same keeper and timeline, as if it had been played here."""
        self.tally.merge(other.tally)
        self.started_at = self.started_at or other.started_at
        self.first_failure = self.first_failure or other.first_failure
        self.rate_limits.absorb(other.rate_limits)
        self.sent += other.sent
        self.duration_ns += other.duration_ns
        self.workers += other.workers
        self.bottleneck |= other.bottleneck
        self.lost_requests += other.lost_requests

    def take(self, measured: Measured, evidence: Evidence, load: Load, *, groups: Sequence[Group]) -> None:
        """One more answer that counts."""
        sample = Sample(
            evidence=evidence,
            intended_ns=measured.intended_ns,
            sent_ns=measured.sent_ns,
            turn_model=load.turn_model,
        )
        self.tally.add(sample, groups=groups)
        self.keeper.offer(sample)
        self.timeline.add(sample, at_ns=self.began_ns + self.duration_ns)
        if measured.sent_ns is None and (measured.exchange.error or "").startswith(NOT_SENT):
            self.bottleneck[f"requests were {measured.exchange.error}"] = None
        self.rate_limits.take(measured.exchange)
        has_failed = error_kind(sample) is not None
        if has_failed and self.first_failure is None:
            self.first_failure = replace(evidence)
        self._recent.append(has_failed)
        share = sum(self._recent) / ERRORS_LOOKED_AT
        if load.stop_at is not None and len(self._recent) == ERRORS_LOOKED_AT and share >= load.stop_at:
            self.stopped = f"{sum(self._recent)} of the last {ERRORS_LOOKED_AT} requests went wrong"

    def take_call(self, call: PlayedCall) -> None:
        """One more call that is over."""
        self.keeper.offer_call(call)


def loop_of(schedule: Schedule) -> Literal["closed", "open"]:
    """Whether requests wait for answers."""
    return "closed" if isinstance(schedule, ClosedLoop) else "open"


def metrics_of(schedule: Schedule) -> tuple[Metric, ...]:
    """What is measured under it."""
    return metrics_for(loop_of(schedule))


def play(load: Load, engine: Engine, course: Course, *, watch: Watch | None = None) -> None:
    """The whole load, into the course. An endpoint's failures are counted, never raised.

    Ends early, and says so in the course, where errors are too many, the user interrupts, or there are no credentials
    any more. Raises UsageError for what cannot be sent at all.
    """
    course.started_at = course.started_at or datetime.now(UTC).isoformat(timespec="milliseconds")
    player = _Player(load=load, engine=engine, course=course, watch=watch)
    try:
        player.play()
    except KeyboardInterrupt:
        course.stopped = INTERRUPTED
    except Problem as problem:
        if not course.sent:
            raise
        course.stopped = str(problem)  # what was measured until then is not thrown away
    health = engine.health
    course.lost_requests += engine.lost_shots
    course.workers += _workers(health, first=len(course.workers))
    seen = course.tally.histograms
    for reason in reasons(health, loop=loop_of(load.schedule), ttft=seen.get("ttft_ms"), icl=seen.get("icl_ms")):
        course.bottleneck[reason] = None


def _workers(health: Sequence[Health], *, first: int) -> Iterator[Worker]:
    for each in health:
        yield Worker(
            name=f"process {each.worker + 1}" + ("" if first < len(health) else f", load {first // len(health) + 1}"),
            is_lost=each.is_lost,
            cpu_share=None if each.is_lost else each.cpu_share,
            loop_lag_p99_ns=each.lag_ns(0.99),
            stalled_ns=each.stalled_ns,
            steal_share=each.steal_share,
            clock=each.clock,
        )


@dataclass(slots=True, kw_only=True)
class _Turn:
    """A request of a call under way."""

    call: CallUnderWay
    messages: int
    """Length of the history that it was asked with."""
    is_warm_up: bool


@dataclass(kw_only=True)
class _Player:
    load: Load
    engine: Engine
    course: Course
    watch: Watch | None
    _asked: int = 0
    """Requests given to the engine, in all its runs."""
    _begun: int = 0
    """Calls begun."""
    _kept: int = 0
    """Calls under way that are kept for the judges."""
    _turns: dict[str, _Turn] = field(default_factory=dict[str, _Turn])
    """By the tag of their shot under way."""
    _read: dict[int, Evidence] = field(default_factory=dict[int, Evidence])
    """Answers that were read for the next turn's sake, and are still to be counted."""

    def play(self) -> None:
        schedule, traffic = self.load.schedule, self.load.traffic
        if isinstance(traffic, WholeCalls):
            starts = self._calls_at_once(schedule) if isinstance(schedule, ClosedLoop) else schedule.starts()
            shots = (self._first_turn(traffic, each) for each in starts)
            self._take(self.engine.run(shots, then=lambda measured: self._following(traffic, measured)))
        elif isinstance(schedule, ClosedLoop):
            self._warm_up(schedule, traffic)
            self._take(self.engine.run(self._closed(schedule, traffic), lanes=schedule.streams))
        else:
            self._take(self.engine.run(self._single(traffic, each) for each in schedule.starts()))

    # Single turns

    def _warm_up(self, schedule: ClosedLoop, traffic: SingleTurns) -> None:
        """Before the clock runs, over the same connections."""
        starts = [Start(number=number, intended_ns=0, is_warm_up=True) for number in range(schedule.warm_up)]
        if starts:
            lanes = min(schedule.streams, schedule.warm_up)
            self._take(self.engine.run((self._single(traffic, each) for each in starts), lanes=lanes))

    def _closed(self, schedule: ClosedLoop, traffic: SingleTurns) -> Iterator[Shot]:
        until_ns, number = schedule.duration_ns, 0
        began_ns = time.monotonic_ns()
        while schedule.requests is None or number < schedule.requests:
            if until_ns is not None and time.monotonic_ns() - began_ns > until_ns + _GRACE_NS:
                return
            yield self._single(traffic, Start(number=number, intended_ns=0), until_ns=until_ns)
            number += 1

    def _single(self, traffic: SingleTurns, start: Start, *, until_ns: int | None = None) -> Shot:
        request = traffic.request(self._asked)
        self._asked += 1
        tag = _WARM_UP if start.is_warm_up else ""
        return Shot(at_ns=start.intended_ns, request=request, tag=tag, until_ns=until_ns)

    # Whole calls

    def _calls_at_once(self, schedule: ClosedLoop) -> Iterator[Start]:
        """The first call of each stream; each later one begins when the one before it is over."""
        most = schedule.streams if schedule.total is None else min(schedule.streams, schedule.total)
        for number in range(most):
            yield Start(number=number, intended_ns=0, is_warm_up=number < schedule.warm_up)

    def _first_turn(self, traffic: WholeCalls, start: Start) -> Shot:
        is_kept = not start.is_warm_up and self._kept < _MOST_KEPT_AT_ONCE and self.course.keeper.keeps_calls
        call, asked = traffic.begin(self._begun, is_kept=is_kept)
        self._begun += 1
        self._kept += call.played is not None
        return self._turn(call, asked, start.intended_ns, is_warm_up=start.is_warm_up)

    def _turn(self, call: CallUnderWay, asked: Asked, at_ns: int, *, is_warm_up: bool) -> Shot:
        tag = str(self._asked)
        self._asked += 1
        messages = len(call.conversation.messages())
        self._turns[tag] = _Turn(call=call, messages=messages, is_warm_up=is_warm_up)
        return Shot(at_ns=at_ns, request=asked.request, tag=tag)

    def _following(self, traffic: WholeCalls, measured: Measured) -> Iterator[Shot]:
        """The call's next turn, or the stream's next call, or nothing."""
        turn, schedule = self._turns[measured.shot.tag], self.load.schedule
        evidence = self._read[measured.number] = self._evidence(measured)
        most = self.load.most_requests
        if self.course.stopped is not None or (most is not None and self._asked >= most):
            return
        was_kept = turn.call.played is not None
        asked = traffic.follow(turn.call, evidence)
        played = turn.call.played
        if was_kept and (asked is None or played is None):
            self._kept -= 1
        if asked is None and played is not None:
            self.course.take_call(played)
        if asked is not None:
            yield self._turn(turn.call, asked, measured.ended_ns + asked.pause_ns, is_warm_up=turn.is_warm_up)
        elif isinstance(schedule, ClosedLoop) and self._has_time(schedule, measured):
            start = Start(number=self._begun, intended_ns=measured.ended_ns, is_warm_up=self._begun < schedule.warm_up)
            yield self._first_turn(traffic, start)

    def _has_time(self, schedule: ClosedLoop, measured: Measured) -> bool:
        """For one more call."""
        if schedule.total is not None and self._begun >= schedule.total:
            return False
        return schedule.duration_ns is None or measured.ended_ns < schedule.duration_ns

    # What comes back

    def _evidence(self, measured: Measured) -> Evidence:
        return Evidence(exchange=measured.exchange, conditions=self.load.conditions, dialect=self.load.dialect)

    def _take(self, results: Generator[Measured]) -> None:
        course, last_ns, is_counted = self.course, 0, False
        try:
            for measured in results:
                turn = self._turns.pop(measured.shot.tag, None)
                evidence = self._read.pop(measured.number, None) or self._evidence(measured)
                if measured.was_too_late:
                    continue
                course.sent += 1
                if measured.shot.tag == _WARM_UP or (turn is not None and turn.is_warm_up):
                    course.tally.add_warm_up()
                else:
                    course.take(measured, evidence, self.load, groups=self._groups(measured, turn))
                    last_ns, is_counted = max(last_ns, measured.ended_ns), True
                if self.watch is not None:
                    self.watch(course)
                if course.stopped is not None:
                    return
        finally:
            results.close()
            if is_counted:
                course.duration_ns += last_ns

    def _groups(self, measured: Measured, turn: _Turn | None) -> list[Group]:
        groups: list[Group] = []
        if measured.exchange.connection_reused is not None and measured.sent_ns is not None:
            groups.append(Group("connection", "reused" if measured.exchange.connection_reused else "new"))
        if turn is not None:
            groups.append(Group("messages", str(turn.messages)))
        schedule = self.load.schedule
        name = self.load.name
        if isinstance(schedule, OpenLoop) and not name:
            name = schedule.load_at(measured.intended_ns)
        if name:
            groups.append(Group("load", name))
        return groups
