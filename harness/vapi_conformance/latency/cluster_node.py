"""One node's part of a load that several machines play: what runs there, in a process that Ray started.

Nothing here knows Ray. The same engine and the same `play` as of a bench on one machine; only the numbers of requests
are spread, so that no two nodes call as the same caller.
"""

import pickle
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final, cast

from vapi_conformance import __version__
from vapi_conformance.auth import TokenSource
from vapi_conformance.evidence import Evidence
from vapi_conformance.latency.calibration import Level, LevelError, calibrated
from vapi_conformance.latency.engine import Engine, Measured, Prepared, Settings, prepared
from vapi_conformance.latency.played_calls import PlayedCall
from vapi_conformance.latency.running import Course, Load, metrics_of, play
from vapi_conformance.latency.sampling import Keeper
from vapi_conformance.latency.schedules import ClosedLoop, Part, Schedule, slice_of
from vapi_conformance.latency.tally import Group, Tally
from vapi_conformance.latency.timeline import Timeline
from vapi_conformance.latency.traffic import Asked, CallUnderWay, SingleTurns, WholeCalls
from vapi_conformance.masking import Secrets
from vapi_conformance.platforms.calling import Calling
from vapi_conformance.platforms.vapi import Platform

__all__ = ["Node", "Played", "Progress", "Task", "own_part", "packed", "parts_of", "sent_plainly"]

_NS_PER_S: Final = 1_000_000_000
_PROGRESS_NS: Final = 250_000_000
_HALF: Final = Fraction(1, 2)
_MOST_PIECE_BYTES: Final = 64 * 1024
"""Ray hands arguments below 100 kB from process to process; larger ones lie in its store, which may go to disk."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one node plays."""

    load: Load
    """The whole load."""
    part: Part
    """Which share of it."""
    most_kept: int
    """Answers of each kind that are kept for the judges."""
    began_ns: int
    """Where the load stands on the timeline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a node gets on."""

    sent: int = 0
    errors: int = 0
    ttft_p50_ns: int | None = None


@dataclass(frozen=True, kw_only=True)
class Played:
    """What a node measured."""

    course: Course
    late_ns: int
    """How long after the agreed moment it began."""


def packed(task: Task, secrets: Sequence[bytes]) -> tuple[bytes, ...]:
    """A task and the credentials that go with it, in pieces for `Node.prepare`."""
    whole = pickle.dumps((replace(task, load=sent_plainly(task.load)), tuple(secrets)))
    return tuple(whole[at : at + _MOST_PIECE_BYTES] for at in range(0, len(whole), _MOST_PIECE_BYTES))


def sent_plainly(load: Load) -> Load:
    """Without what lives in one process only: each node fetches access tokens of its own."""
    platform = load.traffic.platform
    return _with_platform(load, replace(platform, tokens=None)) if isinstance(platform, Platform) else load


def parts_of(schedule: Schedule, nodes: int) -> int:
    """Among how many of so many nodes it is shared: each has something to do."""
    if isinstance(schedule, ClosedLoop):
        return min(nodes, schedule.streams, nodes if schedule.requests is None else schedule.requests)
    return nodes if schedule.total is None else min(nodes, schedule.total)


def own_part(schedule: Schedule, part: Part) -> Schedule:
    """What one node plays. The streams of a closed loop that are its own are a closed loop again."""
    own = slice_of(schedule, part.worker, part.of)
    if not isinstance(own, ClosedLoop):
        return own
    plans = list(own.plans())
    return ClosedLoop(
        streams=len(plans),
        requests=None if own.requests is None else sum(plan.requests or 0 for plan in plans),
        duration_ns=own.duration_ns,
        warm_up=sum(plan.warm_up for plan in plans),
    )


class Node:
    """In its own process, called from several threads: `play` in one, the short questions in others."""

    def __init__(self) -> None:
        """Starts nothing."""
        self._settings = Settings()
        self._secrets = Secrets()
        self._engine: Engine | None = None
        self._load: Load | None = None
        self._course: _Course | None = None
        self._stop: str | None = None
        self._progress = Progress()
        self._told_ns = 0
        self._playing = threading.Lock()

    def clock_ns(self) -> int:
        """This machine's monotonic clock, which has nothing to do with any other machine's."""
        return time.monotonic_ns()

    def engage(self, settings: Settings) -> str:
        """Starts the engine, which lasts until `dismiss`. Our version, which has to be everywhere the same."""
        self._settings = settings
        self._engine = Engine(settings, secrets=self._secrets).__enter__()
        return __version__

    def calibrate(self, level: Level) -> LevelError:
        """The instrument's own error on this machine. Raises TransportError."""
        with self._playing:
            return next(calibrated([level], self._started(), processes=self._settings.processes))

    def prepare(self, *pieces: bytes) -> None:
        """Takes a `packed` task, and gets all that takes time out of the way. Raises UsageError.

        Waits for the load before it, where that was stopped and is still at it.
        """
        task, secrets = cast("tuple[Task, tuple[bytes, ...]]", pickle.loads(b"".join(pieces)))  # noqa: S301 - our own driver's
        self._secrets.add(*(each.decode(errors="surrogatepass") for each in secrets))
        with self._playing:
            load = _with_tokens(task.load, self._secrets)
            schedule = own_part(load.schedule, task.part)
            most = load.most_requests
            self._load = replace(
                load,
                schedule=schedule,
                traffic=_spread(load.traffic, task.part),
                most_requests=None if most is None else max(1, _dealt(most, task.part)),
            )
            self._course = _Course(
                tally=Tally(metrics_of(schedule)),
                keeper=Keeper(task.most_kept, seed=task.part.worker),
                timeline=Timeline(seed=task.part.worker),
                began_ns=task.began_ns,
            )
            self._stop, self._progress = None, Progress()
            # Names are resolved now; no connection is opened, so that a cold one is still seen as such.
            platform = load.traffic.platform
            self._started().warm(prepared(url=platform.url(), headers=platform.headers(), body=b""), 0)

    def play(self, at_ns: int) -> Played:
        """Begins at that time of this machine's clock, or at once where it is over. Raises UsageError."""
        with self._playing:
            load, course = self._load, self._course
            if load is None or course is None:
                raise RuntimeError("nothing is prepared")
            while (left_ns := at_ns - time.monotonic_ns()) > 0:
                time.sleep(left_ns / _NS_PER_S)
            late_ns = time.monotonic_ns() - at_ns
            play(load, self._started(), course, watch=self._watch)
            return Played(course=course.plain(), late_ns=late_ns)

    def progress(self) -> Progress:
        """A moment ago."""
        return self._progress

    def stop(self, why: str) -> None:
        """With the next answer."""
        self._stop = why

    def so_far(self) -> Course | None:
        """What was measured until now, whatever `play` is still waiting for."""
        return None if self._course is None else self._course.plain()

    def dismiss(self) -> None:
        """Ends the engine, whatever it is at."""
        if self._engine is not None:
            self._engine.__exit__(None, None, None)
            self._engine = None

    def _started(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("not engaged")
        return self._engine

    def _watch(self, course: Course) -> None:
        if self._stop is not None and course.stopped is None:
            course.stopped = self._stop
        now_ns = time.monotonic_ns()
        if now_ns - self._told_ns < _PROGRESS_NS and course.stopped is None:
            return
        self._told_ns = now_ns
        first = course.tally.histograms.get("ttft_ms")
        median = None if first is None else first.percentile(_HALF)
        self._progress = Progress(
            sent=course.sent,
            errors=course.tally.error_count,
            ttft_p50_ns=None if median is None else median.value,
        )


@dataclass(kw_only=True)
class _Course(Course):
    """One that can be asked for what it has while it grows."""

    _growing: threading.Lock = field(default_factory=threading.Lock)

    def take(self, measured: Measured, evidence: Evidence, load: Load, *, groups: Sequence[Group]) -> None:
        """See Course."""
        with self._growing:
            super().take(measured, evidence, load, groups=groups)

    def take_call(self, call: PlayedCall) -> None:
        """See Course."""
        with self._growing:
            super().take_call(call)

    def plain(self) -> Course:
        """A copy that can travel."""
        with self._growing:
            known = {name: value for name, value in vars(self).items() if name != "_growing"}
            return cast("Course", pickle.loads(pickle.dumps(_restored(known))))  # noqa: S301 - made in this line


def _restored(known: dict[str, object]) -> Course:
    course = Course.__new__(Course)
    vars(course).update(known)
    return course


class _SpreadTurns(SingleTurns):
    """Those of one node: every so manieth."""

    def __init__(self, turns: SingleTurns, part: Part) -> None:
        super().__init__(turns.platform, turns.words)
        self._part = part

    def request(self, number: int) -> Prepared:
        """See SingleTurns."""
        return super().request(self._part.worker + number * self._part.of)


@dataclass(slots=True, kw_only=True)
class _SpreadCalls(WholeCalls):
    """Those of one node: every so manieth."""

    part: Part

    def begin(self, number: int, *, is_kept: bool = False) -> tuple[CallUnderWay, Asked]:
        """See WholeCalls."""
        return WholeCalls.begin(self, self.part.worker + number * self.part.of, is_kept=is_kept)


def _with_tokens(load: Load, secrets: Secrets) -> Load:
    platform = load.traffic.platform
    if not isinstance(platform, Platform) or platform.oauth2 is None:
        return load
    return _with_platform(load, replace(platform, tokens=TokenSource(platform.oauth2, secrets=secrets)))


def _with_platform(load: Load, platform: Calling) -> Load:
    traffic = load.traffic
    if isinstance(traffic, SingleTurns):
        return replace(load, traffic=SingleTurns(platform, traffic.words))
    return replace(load, traffic=replace(traffic, platform=platform))


def _spread(traffic: SingleTurns | WholeCalls, part: Part) -> SingleTurns | WholeCalls:
    if isinstance(traffic, SingleTurns):
        return _SpreadTurns(traffic, part)
    return _SpreadCalls(
        platform=traffic.platform,
        scenario=traffic.scenario,
        characters_per_second=traffic.characters_per_second,
        is_real_time=traffic.is_real_time,
        part=part,
    )


def _dealt(total: int, part: Part) -> int:
    return total // part.of + (part.worker < total % part.of)
