"""From options to loads: when requests start, how many there are, and which of several loads are played in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vapi_conformance.call_scenario import CallScenario, all_call_scenarios, load_call_scenario
from vapi_conformance.json_file import JsonFileError, read_json
from vapi_conformance.latency.gates import Gate, parse_gate
from vapi_conformance.latency.metrics import Metric
from vapi_conformance.latency.politeness import within_cap
from vapi_conformance.latency.schedules import ClosedLoop, OpenLoop, Schedule, Trace, constant, parse_trace, ramp, steps
from vapi_conformance.problems import UsageError

__all__ = [
    "STREAMS",
    "LoadOptions",
    "Loads",
    "capped_loads",
    "knee_condition",
    "loads",
    "named_scenario",
    "streams_name",
]

STREAMS: Final = 4
"""At once, where nobody says: what a small endpoint carries."""

_REQUESTS: Final = 100
"""Where nobody says: the fewest of which p99 can be told."""
_REQUESTS_PER_STREAM: Final = 5
_RAMP_S: Final = 30.0
_STEP_S: Final = 10.0
_MOST_WARM_UP: Final = 10
_LONGEST_S: Final = 30 * 24 * 3600.0
_NS_PER_S: Final = 1_000_000_000
_MOST_STREAMS: Final = 10_000
_MOST_TRACE_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """As typed."""

    concurrency: str | None = None
    rate: float | None = None
    poisson: bool = False
    seed: int = 0
    ramp: str | None = None
    steps: str | None = None
    trace: Path | None = None
    requests: int | None = None
    duration_s: float | None = None
    warmup: int | None = None
    calls: bool = False
    """Whether whole calls are played, whose number is counted in place of requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """One after the other; more than one is a sweep."""

    schedules: tuple[Schedule, ...]
    names: tuple[str, ...]
    """In groups; empty for a single load."""

    @property
    def streams(self) -> int:
        """The most at once, for calibration; of an open loop as many as there would be at two seconds an answer."""
        return max(map(_streams, self.schedules))

    def whole(self) -> Schedule:
        """All of them as one, for whoever asks how much will be sent."""
        first = self.schedules[0]
        if len(self.schedules) == 1:
            return first
        totals = [each.requests for each in self.schedules]
        known = [each for each in totals if each is not None]
        duration_ns = sum(each.duration_ns or 0 for each in self.schedules) or None
        return ClosedLoop(
            streams=self.streams,
            requests=sum(known) if len(known) == len(totals) else None,
            duration_ns=duration_ns,
            warm_up=sum(each.warm_up for each in self.schedules),
        )


def loads(options: LoadOptions) -> Loads:
    """Raises UsageError for what contradicts itself or cannot be played."""
    kinds = {
        "--concurrency": options.concurrency,
        "--rate": options.rate,
        "--ramp": options.ramp,
        "--steps": options.steps,
        "--trace": options.trace,
    }
    given = [name for name, value in kinds.items() if value is not None]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} are different kinds of load; give one of them")
    kind = given[0] if given else "--concurrency"
    if options.poisson and kind not in ("--rate", "--ramp", "--steps"):
        raise UsageError("--poisson is about arrivals: it goes with --rate, --ramp or --steps")
    if kind == "--concurrency":
        return _closed(options)
    return Loads(schedules=(_open(kind, options),), names=("",))


def capped_loads(planned: Loads, cap: int | None) -> Loads:
    """With at most `cap` requests in all (None: as politeness has it), shared among the loads. See `within_cap`."""
    share = None if cap is None else cap // len(planned.schedules)
    if share == 0:
        raise UsageError(f"--cap: {cap} requests are too few for {len(planned.schedules)} loads")
    return Loads(schedules=tuple(within_cap(each, share)[0] for each in planned.schedules), names=planned.names)


def knee_condition(text: str, metrics: Sequence[Metric], planned: Loads, *, most: int | None = None) -> Gate:
    """Of a search. Raises UsageError for one that is no condition, and for loads between which nothing can be found.

    most: that the user allows; None: nobody said.
    """
    try:
        condition = parse_gate(text, metrics)
    except UsageError as problem:
        raise UsageError(str(problem).replace("--fail-if", "--knee")) from None
    first = planned.schedules[0]
    begin = _steady(first)
    if len(planned.schedules) > 1 or begin is None:
        raise UsageError("--knee looks for a load itself: it goes with one --concurrency or --rate, where it begins")
    if begin != round(begin) or begin < 1:
        raise UsageError(f"--knee looks among whole numbers of requests a second: --rate is {begin:g}")
    if most is not None and begin > most:
        option = "--concurrency" if isinstance(first, ClosedLoop) else "--rate"
        raise UsageError(f"--most {most} is below the load at which the search begins, {begin:g}: say less by {option}")
    return condition


def _steady(schedule: Schedule) -> float | None:
    """Its streams, or its rate; None where that is not the same all the time."""
    if isinstance(schedule, ClosedLoop):
        return schedule.streams
    phases = schedule.phases if isinstance(schedule, OpenLoop) else ()
    rates = {rate for phase in phases for rate in (phase.from_rate, phase.to_rate)}
    return rates.pop() if len(phases) == len(rates) == 1 else None


def named_scenario(named: str) -> CallScenario:
    """A call that we know, or one in a file."""
    known = all_call_scenarios()
    path = Path(named)
    if named in known:
        return known[named]
    if path.suffix or path.exists() or path.name != named:
        return load_call_scenario(path)
    raise UsageError(f"--scenario: {named!r} is no call that we know; `vapi-conformance call --list` names them")


def _closed(options: LoadOptions) -> Loads:
    streams = _whole_numbers(options.concurrency or str(STREAMS), "--concurrency")
    if max(streams) > _MOST_STREAMS:
        raise UsageError(f"--concurrency: at most {_MOST_STREAMS:,} streams are played from one machine")
    schedules = tuple(_closed_loop(each, options) for each in streams)
    return Loads(schedules=schedules, names=tuple(streams_name(each) for each in streams) if streams[1:] else ("",))


def streams_name(streams: int) -> str:
    """Of a load, in groups."""
    return f"{streams} stream{'s' if streams > 1 else ''}"


def _closed_loop(streams: int, options: LoadOptions) -> ClosedLoop:
    requests = options.requests
    if requests is None and options.duration_s is None:
        requests = streams if options.calls else max(_REQUESTS, _REQUESTS_PER_STREAM * streams)
    default = 0 if options.calls else min(streams, _MOST_WARM_UP)
    return ClosedLoop(
        streams=streams,
        requests=requests,
        duration_ns=None if options.duration_s is None else _ns(options.duration_s),
        warm_up=default if options.warmup is None else options.warmup,
    )


def _open(kind: str, options: LoadOptions) -> Schedule:
    warm_up, duration_s = options.warmup or 0, options.duration_s
    if kind == "--trace" and options.trace is not None:
        if duration_s is not None:
            raise UsageError("--trace lasts as long as it was recorded; --requests ends it earlier")
        return Trace(at_ns=_trace(options.trace), requests=options.requests, warm_up=warm_up)
    requests = options.requests
    if kind == "--rate" and options.rate is not None:
        requests = _REQUESTS if requests is None and duration_s is None else requests
        phases = constant(options.rate, duration_s=duration_s)
    elif kind == "--ramp":
        first, colon, last = (options.ramp or "").partition(":")
        if not colon:
            raise UsageError(f"--ramp wants FROM:TO in requests a second, as 1:20, got {options.ramp!r}")
        phases = ramp(_rate(first, "--ramp"), _rate(last, "--ramp"), duration_s=duration_s or _RAMP_S)
    else:
        rates = [_rate(each, "--steps") for each in (options.steps or "").split(",")]
        phases = steps(rates, step_s=duration_s or _STEP_S)
    return OpenLoop(
        phases=phases,
        arrivals="poisson" if options.poisson else "even",
        seed=options.seed,
        requests=requests,
        warm_up=warm_up,
    )


def _trace(path: Path) -> tuple[int, ...]:
    try:
        if path.suffix == ".json":
            return parse_trace("", read_json(path))
        return parse_trace(_text(path))
    except JsonFileError as problem:
        raise UsageError(f"--trace: {problem}") from None
    except OSError as problem:
        raise UsageError(f"--trace: {path} cannot be read: {problem.strerror or problem}") from problem
    except UnicodeDecodeError:
        raise UsageError(f"--trace: {path} is no text") from None
    except UsageError as problem:
        raise UsageError(f"--trace: {path} {problem}") from None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_MOST_TRACE_BYTES + 1)
    if len(content) > _MOST_TRACE_BYTES:
        raise UsageError(f"is larger than {_MOST_TRACE_BYTES // 1024 // 1024} MiB")
    return content.decode("utf-8-sig")


def _streams(schedule: Schedule) -> int:
    match schedule:
        case ClosedLoop():
            return schedule.streams
        case OpenLoop():
            return max(1, round(2 * max(max(phase.from_rate, phase.to_rate) for phase in schedule.phases)))
        case Trace():
            seconds = max(1.0, schedule.duration_ns / _NS_PER_S)
            return max(1, round(2 * schedule.total / seconds))


def _whole_numbers(text: str, option: str) -> Sequence[int]:
    try:
        numbers = [int(each) for each in text.split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1 or len(set(numbers)) != len(numbers):
        raise UsageError(f"{option} wants a number of streams, or several as 1,4,16, got {text!r}")
    return numbers


def _rate(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{option} wants requests a second, got {text!r}") from None


def _ns(seconds: float) -> int:
    if not 0 < seconds <= _LONGEST_S:
        raise UsageError(f"a duration is above 0 s and at most 30 days, got {seconds:g} s")
    return round(seconds * _NS_PER_S)
