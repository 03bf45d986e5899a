"""When each request of a bench is meant to start.

Two kinds, because they answer different questions. A closed loop keeps N streams busy: each sends its next request when
its last answer is over, so a slow endpoint is asked less often. An open loop sends at times that were fixed before:
callers do not wait for each other, and a stalled endpoint cannot hide behind its own stall.

Everything is worked out on the go and from a seed: a schedule is a few numbers, however long it runs. `slice_of` gives
one worker of several its part; the parts, put together, are exactly the whole, start by start.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from random import Random
from typing import Final, Literal

from vapi_conformance.narrow import array_or_none, object_or_nothing
from vapi_conformance.problems import UsageError

__all__ = [
    "ClosedLoop",
    "OpenLoop",
    "Part",
    "Phase",
    "Schedule",
    "Start",
    "StreamPlan",
    "Trace",
    "capped",
    "constant",
    "described",
    "parse_trace",
    "ramp",
    "slice_of",
    "steps",
]

_NS_PER_S: Final = 1_000_000_000
_MOST_ARRIVALS: Final = 1_000_000
"""Of a recorded trace, which is held in memory."""
_LONGEST_S: Final = 30 * 24 * 3600
_GREATEST_RATE: Final = 1_000_000.0
_TENTHS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One request of an open loop."""

    number: int
    """From 0, over the whole schedule, whoever sends it."""
    intended_ns: int
    """Since the start of the run."""
    is_warm_up: bool = False
    """Sent, and left out of every figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """What one stream of a closed loop does: one request after the other."""

    number: int
    """From 0, over the whole schedule."""
    warm_up: int = 0
    """Its first requests, left out of every figure."""
    requests: int | None = None
    """Requests after them; None: until the time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One worker's share: every `of`-th start, or stream, from `worker` on."""

    worker: int = 0
    of: int = 1

    def __post_init__(self) -> None:
        """ValueError for a worker that there is not."""
        if not 0 <= self.worker < self.of:
            raise ValueError(f"there is no worker {self.worker} of {self.of}; they are counted from 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLoop:
    """N streams at once, each sending as soon as its last answer is over."""

    streams: int
    requests: int | None = None
    """Of all streams together, dealt out before the start so that no two workers need to talk."""
    duration_ns: int | None = None
    """No request starts later than that."""
    warm_up: int = 0
    """Further requests before them, of all streams together."""
    part: Part = Part()

    def __post_init__(self) -> None:
        """Raises UsageError for what cannot be played."""
        _at_least(self.streams, 1, "the number of streams")
        _at_least(self.warm_up, 0, "the number of requests to warm up")
        _refuse_endless(self.requests, self.duration_ns)

    @property
    def total(self) -> int | None:
        """Requests of the whole schedule, warm-up included; None where only time ends it."""
        return None if self.requests is None else self.warm_up + self.requests

    def plans(self) -> Iterator[StreamPlan]:
        """The streams of this part; those that would send nothing are left out."""
        for number in range(self.part.worker, self.streams, self.part.of):
            requests = None if self.requests is None else _dealt(self.requests, self.streams, number)
            plan = StreamPlan(number=number, warm_up=_dealt(self.warm_up, self.streams, number), requests=requests)
            if plan.requests != 0 or plan.warm_up:
                yield plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of an open loop: the rate goes evenly from the one value to the other."""

    duration_ns: int | None
    """None: until the requests are used up; the rate then stays as it is."""
    from_rate: float
    """Requests per second."""
    to_rate: float

    def __post_init__(self) -> None:
        """Raises UsageError for what cannot be played."""
        for rate in (self.from_rate, self.to_rate):
            if not (math.isfinite(rate) and 0 <= rate <= _GREATEST_RATE):
                raise UsageError(f"a rate is between 0 and {_GREATEST_RATE:,.0f} requests a second, got {rate:g}")
        if self.duration_ns is None and (self.from_rate != self.to_rate or self.from_rate == 0):
            raise UsageError("only a steady rate above 0 can go on until the requests are used up; give a duration")
        if self.duration_ns is not None and not 0 < self.duration_ns <= _LONGEST_S * _NS_PER_S:
            raise UsageError("a phase of the load lasts between 1 ns and 30 days")

    @property
    def expected(self) -> float:
        """How many arrivals are expected in it; infinite without an end."""
        if self.duration_ns is None:
            return math.inf
        # Rounded, so that 1.1 a second for 10 s are 11 and not 11.000000000000002, which is one more.
        return round((self.from_rate + self.to_rate) / 2 * self.duration_ns / _NS_PER_S, 6)

    def reached_s(self, expected: float) -> float:
        """Seconds from its start until so many arrivals (at most its own number) are expected."""
        if expected <= 0:
            return 0.0
        slope = 0.0 if self.duration_ns is None else (self.to_rate - self.from_rate) / (self.duration_ns / _NS_PER_S)
        # The root of from_rate * t + slope * t * t / 2 = expected, in the form that takes no difference of near equals.
        return 2 * expected / (self.from_rate + math.sqrt(max(0.0, self.from_rate**2 + 2 * slope * expected)))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoop:
    """Arrivals at a rate that may change; evenly spaced, or at random as callers are.

    Both kinds go through the expected number of arrivals up to a time: an even one happens whenever that number is
    whole; a Poisson process is one of rate 1 on that scale (time rescaling), whatever the rates are.
    """

    phases: tuple[Phase, ...]
    arrivals: Literal["even", "poisson"] = "even"
    seed: int = 0
    requests: int | None = None
    """At most so many after the warm-up."""
    warm_up: int = 0
    """Further arrivals before the first phase, at the rate at which it begins (or, from 0, at which it ends)."""
    part: Part = Part()

    def __post_init__(self) -> None:
        """Raises UsageError for what cannot be played."""
        _at_least(self.warm_up, 0, "the number of requests to warm up")
        if not self.phases or any(phase.duration_ns is None for phase in self.phases[:-1]):
            raise UsageError("a load has phases, and only the last of them may be without an end")
        if all(phase.expected == 0 for phase in self.phases):
            raise UsageError("the rate is 0 all the time: nothing would be sent")
        _refuse_endless(self.requests, self.phases[-1].duration_ns)

    @property
    def duration_ns(self) -> int | None:
        """Until the last phase ends, warm-up included; None where only the requests end it."""
        total = 0
        for phase in self._all_phases():
            if phase.duration_ns is None:
                return None
            total += phase.duration_ns
        return total

    @property
    def total(self) -> int | None:
        """At most so many requests, warm-up included; None where chance decides."""
        expected = round(sum(phase.expected for phase in self.phases), 6) if self.duration_ns is not None else math.inf
        bounds = [] if self.requests is None else [self.requests]
        if self.arrivals == "even" and math.isfinite(expected):
            bounds.append(math.ceil(expected))
        return self.warm_up + min(bounds) if bounds else None

    def load_at(self, at_ns: int) -> str:
        """The rate that was meant then, for people; empty where it is the same all the time.

        Where it changes evenly, that of the middle of each tenth of the way.
        """
        if len({rate for phase in self.phases for rate in (phase.from_rate, phase.to_rate)}) == 1:
            return ""
        began_ns = 0
        for phase in self._all_phases():
            if phase.duration_ns is None or at_ns < began_ns + phase.duration_ns:
                part = 0.0 if phase.duration_ns is None else (at_ns - began_ns) * _TENTHS // phase.duration_ns + 0.5
                return f"{phase.from_rate + (phase.to_rate - phase.from_rate) * part / _TENTHS:g}/s"
            began_ns += phase.duration_ns
        return f"{self.phases[-1].to_rate:g}/s"

    def starts(self) -> Iterator[Start]:
        """This part's arrivals, in time."""
        return islice(self._whole(), self.part.worker, None, self.part.of)

    def _whole(self) -> Iterator[Start]:
        most = None if self.requests is None else self.warm_up + self.requests
        for number, intended_ns in enumerate(islice(self._times_ns(), most)):
            yield Start(number=number, intended_ns=intended_ns, is_warm_up=number < self.warm_up)

    def _times_ns(self) -> Iterator[int]:
        marks = self._marks()
        mark = next(marks)
        base, base_ns, last_ns = 0.0, 0, 0
        for phase in self._all_phases():
            end = round(base + phase.expected, 6) if phase.duration_ns is not None else math.inf
            while mark < end:
                # Rounding alone could put one before the one before it.
                last_ns = max(last_ns, base_ns + round(phase.reached_s(mark - base) * _NS_PER_S))
                yield last_ns
                mark = next(marks)
            base, base_ns = end, base_ns + (phase.duration_ns or 0)

    def _marks(self) -> Iterator[float]:
        """Where on the scale of expected arrivals one happens, ascending, without end."""
        mark = 0.0
        random = Random(self.seed)  # noqa: S311 - reproducible, not secret
        while True:
            if self.arrivals == "poisson":
                # Spelled out: random() gives the same numbers in every version of Python, expovariate() need not.
                mark -= math.log1p(-random.random())
            yield mark
            if self.arrivals == "even":
                mark += 1.0

    def _all_phases(self) -> tuple[Phase, ...]:
        if not self.warm_up:
            return self.phases
        rates = (rate for phase in self.phases for rate in (phase.from_rate, phase.to_rate) if rate > 0)
        rate = next(rates)
        warm_up = Phase(duration_ns=round(self.warm_up / rate * _NS_PER_S), from_rate=rate, to_rate=rate)
        return (warm_up, *self.phases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Arrivals as they were recorded somewhere."""

    at_ns: tuple[int, ...]
    """Since the start, ascending."""
    requests: int | None = None
    """At most so many after the warm-up."""
    warm_up: int = 0
    """The first arrivals are left out of every figure: a trace has nothing before its beginning."""
    part: Part = Part()

    def __post_init__(self) -> None:
        """Raises UsageError for what cannot be played."""
        _at_least(self.warm_up, 0, "the number of requests to warm up")
        if self.requests is not None:
            _at_least(self.requests, 1, "the number of requests")
        if self.warm_up >= len(self.at_ns):
            raise UsageError(
                f"the trace has {len(self.at_ns)} arrivals, which leaves none after {self.warm_up} warm-ups"
            )

    @property
    def duration_ns(self) -> int:
        """Until the last arrival that is played."""
        return self.at_ns[self.total - 1]

    @property
    def total(self) -> int:
        """Requests of the whole schedule, warm-up included."""
        most = len(self.at_ns)
        return most if self.requests is None else min(most, self.warm_up + self.requests)

    def starts(self) -> Iterator[Start]:
        """This part's arrivals, in time."""
        for number in range(self.part.worker, self.total, self.part.of):
            yield Start(number=number, intended_ns=self.at_ns[number], is_warm_up=number < self.warm_up)


Schedule = ClosedLoop | OpenLoop | Trace


def slice_of(schedule: Schedule, worker: int, of: int) -> Schedule:
    """The part of one worker, from 0, of several. A slice is not sliced again (ValueError)."""
    if schedule.part != Part():
        raise ValueError("this schedule is a slice already")
    return replace(schedule, part=Part(worker=worker, of=of))


def capped(schedule: Schedule, most: int) -> Schedule:
    """The same with at most so many requests, warm-up included. Raises UsageError where the warm-up takes them all."""
    left = most - schedule.warm_up
    if left < 1:
        warm_up = f"{schedule.warm_up} requests to warm up (--warmup)"
        raise UsageError(f"{warm_up} leave none of the {most} that are allowed at most")
    return replace(schedule, requests=left if schedule.requests is None else min(schedule.requests, left))


def described(schedule: Schedule) -> dict[str, object]:
    """JSON-ready, for the result: two whole schedules with the same description play the same."""
    common: dict[str, object] = {"warm_up": schedule.warm_up, "requests": schedule.requests, "total": schedule.total}
    duration_s = None if schedule.duration_ns is None else schedule.duration_ns / _NS_PER_S
    match schedule:
        case ClosedLoop():
            return {"kind": "closed", "streams": schedule.streams, "duration_s": duration_s, **common}
        case OpenLoop():
            phases = [
                {
                    "duration_s": None if phase.duration_ns is None else phase.duration_ns / _NS_PER_S,
                    "from_rate": phase.from_rate,
                    "to_rate": phase.to_rate,
                }
                for phase in schedule.phases
            ]
            seed = schedule.seed if schedule.arrivals == "poisson" else None
            return {"kind": "open", "arrivals": schedule.arrivals, "seed": seed, "phases": phases, **common}
        case Trace():
            digest = sha256(",".join(map(str, schedule.at_ns)).encode()).hexdigest()
            return {"kind": "trace", "duration_s": duration_s, "arrivals_sha256": digest, **common}


def constant(rate: float, *, duration_s: float | None = None) -> tuple[Phase, ...]:
    """One steady rate, in requests per second."""
    return (Phase(duration_ns=None if duration_s is None else _ns(duration_s), from_rate=rate, to_rate=rate),)


def ramp(from_rate: float, to_rate: float, *, duration_s: float) -> tuple[Phase, ...]:
    """From one rate to another, evenly."""
    return (Phase(duration_ns=_ns(duration_s), from_rate=from_rate, to_rate=to_rate),)


def steps(rates: Sequence[float], *, step_s: float) -> tuple[Phase, ...]:
    """One rate after the other, each for the same time."""
    return tuple(Phase(duration_ns=_ns(step_s), from_rate=rate, to_rate=rate) for rate in rates)


def parse_trace(text: str, document: object = None) -> tuple[int, ...]:
    """Arrival times in nanoseconds, out of seconds: numbers on lines of their own (`#` begins a remark), or as a JSON
    array, or as `{"arrivals_s": [...]}`.

    document: the parsed text, where it is JSON. The first arrival need not be at 0. Raises UsageError, without a
    subject, with the place.
    """
    if document is not None:
        listed = array_or_none(object_or_nothing(document).get("arrivals_s", document))
        if listed is None:
            raise UsageError('is no arrival trace: an array of seconds, or {"arrivals_s": [...]}, is expected')
        return _checked(enumerate(listed, 1), "arrival")
    lines = ((number, line.split("#")[0].strip()) for number, line in enumerate(text.splitlines(), 1))
    return _checked(((number, _number(line)) for number, line in lines if line), "line")


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _checked(items: Iterator[tuple[int, object]] | enumerate[object], place: str) -> tuple[int, ...]:
    times: list[int] = []
    for number, value in items:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"is no arrival trace: {place} {number} is no number of seconds: {str(value)[:40]!r}")
        if not 0 <= value <= _LONGEST_S:  # refuses NaN, too
            raise UsageError(f"is no arrival trace: {place} {number} is not between 0 s and 30 days: {value:g}")
        at_ns = round(value * _NS_PER_S)
        if times and at_ns < times[-1]:
            raise UsageError(f"is no arrival trace: {place} {number} is earlier than the arrival before it")
        times.append(at_ns)
        if len(times) > _MOST_ARRIVALS:
            raise UsageError(f"holds more than {_MOST_ARRIVALS:,} arrivals")
    if not times:
        raise UsageError("is no arrival trace: it holds no arrival")
    return tuple(times)


def _ns(duration_s: float) -> int:
    if not 0 < duration_s <= _LONGEST_S:
        raise UsageError(f"a duration is above 0 s and at most 30 days, got {duration_s:g} s")
    return round(duration_s * _NS_PER_S)


def _dealt(total: int, of: int, number: int) -> int:
    """The share of one of several; the first ones get the rest."""
    return total // of + (number < total % of)


def _at_least(value: int, least: int, what: str) -> None:
    if value < least:
        raise UsageError(f"{what} is at least {least}, got {value}")


def _refuse_endless(requests: int | None, duration_ns: int | None) -> None:
    if requests is None and duration_ns is None:
        raise UsageError("a bench ends: give a number of requests, or a duration, or both")
    if requests is not None:
        _at_least(requests, 1, "the number of requests")
    if duration_ns is not None and duration_ns <= 0:
        raise UsageError("a duration is above 0 s")
