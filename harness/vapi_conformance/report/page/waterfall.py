"""One exchange against the clock: connecting, waiting for headers, each event, what is spoken, and dead air."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.report.counting import grouped
from vapi_conformance.report.page.values import count, duration, number, objects

__all__ = ["Mark", "Row", "Waterfall", "waterfall"]

Kind = Literal["connect", "wait", "body", "event", "spoken", "dead"]

_MOST_MARKS: Final = 160
_STEPS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000, 300_000, 3_600_000)
_MOST_TICKS: Final = 5
_ALL: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A bar, or a thin line where it has no width; in hundredths of the axis."""

    kind: Kind
    x: str
    width: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of thing on the common axis."""

    name: str
    says: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """Rows over one axis, which begins when connecting did, or when the request was written."""

    rows: tuple[Row, ...]
    ticks: tuple[tuple[str, str], ...]
    """Place and words."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """Milliseconds since the last request byte, onto the width of the drawing."""

    from_ms: float
    length_ms: float

    def x(self, at_ms: float) -> float:
        share = (at_ms - self.from_ms) / self.length_ms * _ALL
        return min(max(share, 0.0), _ALL)

    def bar(self, kind: Kind, from_ms: float, until_ms: float) -> Mark:
        start = self.x(from_ms)
        return Mark(kind=kind, x=f"{start:.2f}%", width=f"{max(self.x(until_ms) - start, 0.15):.2f}%")

    def line(self, kind: Kind, at_ms: float) -> Mark:
        return Mark(kind=kind, x=f"{self.x(at_ms):.2f}%", width=None)


def waterfall(played: Mapping[str, object]) -> Waterfall | None:
    """None where no time was recorded."""
    timing = object_or_nothing(played.get("timing"))
    steps = [(name, number(timing.get(f"{name}_ms"))) for name in ("dns", "connect", "tls")]
    setup_ms = sum(ms for _, ms in steps if ms is not None and ms > 0)
    ends = [number(timing.get("end_ms")), number(timing.get("headers_ms"))]
    ends += [number(each.get("until_ms")) for each in objects(played.get("pieces"))]
    ends += [number(each.get("at_ms")) for each in objects(played.get("events"))]
    last_ms = max((each for each in ends if each is not None), default=0.0)
    if last_ms <= 0:
        return None
    axis = _Axis(-setup_ms, (setup_ms + last_ms) * 1.01)
    rows = (
        _connecting(axis, steps, setup_ms, is_reused=played.get("connection_reused") is True),
        _headers(axis, timing, played),
        *_events(axis, played),
        *_speech(axis, played),
    )
    return Waterfall(rows=rows, ticks=tuple(_ticks(axis, last_ms)))


def _connecting(axis: _Axis, steps: Sequence[tuple[str, float | None]], setup_ms: float, *, is_reused: bool) -> Row:
    if setup_ms <= 0:
        says = "on a connection that was open" if is_reused else "not recorded"
        return Row(name="Connect", says=says, marks=())
    names = {"dns": "name", "connect": "TCP", "tls": "TLS"}
    told = ", ".join(f"{names[name]} {duration(ms)}" for name, ms in steps if ms is not None)
    marks: list[Mark] = []
    at = axis.from_ms
    for _, ms in steps:
        if ms is not None and ms > 0:
            marks.append(axis.bar("connect", at, at + ms))
            at += ms
    return Row(name="Connect", says=told, marks=tuple(marks))


def _headers(axis: _Axis, timing: Mapping[str, object], played: Mapping[str, object]) -> Row:
    came_ms, end_ms = number(timing.get("headers_ms")), number(timing.get("end_ms"))
    if came_ms is None:
        marks = () if end_ms is None else (axis.bar("wait", 0, end_ms),)
        return Row(name="Headers", says=f"none came ({played.get('end')})", marks=marks)
    return Row(name="Headers", says=f"after {duration(came_ms)}", marks=(axis.bar("wait", 0, came_ms),))


def _events(axis: _Axis, played: Mapping[str, object]) -> Iterator[Row]:
    events = objects(played.get("events"))
    times = [at for each in events if (at := number(each.get("at_ms"))) is not None]
    if not times:
        return
    many = len(events) + count(played.get("events_left_out"))
    what = "read" if all(each.get("name") == "read" for each in events) else "event"
    end_ms = number(object_or_nothing(played.get("timing")).get("end_ms"))
    says = f"{grouped(many, what)}, the first after {duration(times[0])}, the last after {duration(times[-1])}"
    body = () if end_ms is None else (axis.bar("body", times[0], end_ms),)
    yield Row(name="Events", says=says, marks=(*body, *_thin(axis, times)))


def _thin(axis: _Axis, times: Sequence[float]) -> Iterator[Mark]:
    """A line each; of lines on one place, one."""
    marks = dict.fromkeys(axis.line("event", each) for each in times)
    yield from list(marks)[:_MOST_MARKS]


def _speech(axis: _Axis, played: Mapping[str, object]) -> Iterator[Row]:
    pieces = [
        (starts, until)
        for each in objects(played.get("pieces"))
        if (starts := _first(each, "from_ms", "at_ms")) is not None
        and (until := number(each.get("until_ms"))) is not None
    ]
    if not pieces:
        return
    many = len(objects(played.get("pieces"))) + count(played.get("pieces_left_out"))
    spoken_ms = sum(until - starts for starts, until in pieces)
    yield Row(
        name="Spoken",
        says=f"{grouped(many, 'piece')}, {duration(spoken_ms)} of speech",
        marks=tuple(axis.bar("spoken", starts, until) for starts, until in pieces[:_MOST_MARKS]),
    )
    silences = [
        (starts, ms)
        for each in objects(played.get("dead_air"))
        if (starts := number(each.get("from_ms"))) is not None and (ms := number(each.get("ms"))) is not None
    ]
    if silences:
        yield Row(
            name="Dead air",
            says=f"{grouped(len(silences), 'silence')}, {duration(sum(ms for _, ms in silences))} in all",
            marks=tuple(axis.bar("dead", starts, starts + ms) for starts, ms in silences[:_MOST_MARKS]),
        )


def _first(fields: Mapping[str, object], *names: str) -> float | None:
    return next((found for name in names if (found := number(fields.get(name))) is not None), None)


def _ticks(axis: _Axis, last_ms: float) -> Iterator[tuple[str, str]]:
    step = next((each for each in _STEPS_MS if last_ms / each <= _MOST_TICKS), _STEPS_MS[-1])
    at = 0
    while at <= last_ms and at / step <= 2 * _MOST_TICKS:
        yield f"{axis.x(at):.2f}%", "0" if at == 0 else duration(at)
        at += step
