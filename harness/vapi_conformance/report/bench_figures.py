"""What is plotted of a bench, read out of its document and nowhere else: points, the same as a table, and what it says.

Pure: a figure without values is left out, and nothing is smoothed or made up between two values.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median
from typing import Final

from vapi_conformance.latency.histograms import Histogram
from vapi_conformance.latency.result import PERCENTILES, StoredResult
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none
from vapi_conformance.report.bench_plots import Plot, Point, Series

__all__ = ["Figure", "Table", "figures"]

_NS_PER_MS: Final = 1_000_000
_MS_PER_S: Final = 1000
_MOST_MS: Final = 1e12
"""Thirty years. A file may hold numbers that no float can."""
_MOST_POINTS: Final = 200
"""Of a distribution: finer than a screen shows."""
_STREAMS: Final = (40, 20, 10, 5)
"""Lines in the timeline: as many as can be told apart, or fewer where answers are short against the time between."""
_LEAST_SHARE: Final = 0.02
"""Of the timeline's width, that an answer takes at the median: less is a dot."""
_PARTS: Final = 10
"""Of a run's time, in the table beside the plot over time."""
_NUMBER: Final = re.compile(r"\d{1,9}(\.\d{1,9})?")
_NAMES: Final = {
    "ttft": "First token (TTFT)",
    "ttfs": "First speech (TTFS)",
    "icl": "Gaps between chunks (ICL)",
}
_SHOWN_BY: Final = {"load": "Over load", "messages": "Over the length of the history"}
_AXES: Final = {"load": "load", "messages": "messages in the request"}
_QUANTILES: Final = ("p50", "p95")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells as they are shown."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A plot, and what stands beside it for those who read."""

    id: str
    """For links."""
    title: str
    plot: Plot
    says: str
    """What is drawn: definitions, n, and where time begins."""
    table: Table
    """The same figures as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A single request of the sample; times in ms, latencies as the metrics of this loop count them."""

    start_ms: float
    sent_ms: float | None
    delay_ms: float
    """That counts as latency: in an open loop, from the intended start to the sending."""
    ttft_ms: float | None
    ttfs_ms: float | None
    answer_ms: float | None
    error: str | None


def figures(result: StoredResult) -> tuple[Figure, ...]:
    """All that the document has values for, in the order of the page."""
    kept, seen = _kept(result.document)
    return tuple(
        chain(
            _distribution(result, "distribution", "How long until something comes", ("ttft", "ttfs")),
            _distribution(result, "gaps", "Gaps inside answers", ("icl",)),
            _over_time(result, kept, seen),
            _over_groups(result.document, "load"),
            _over_groups(result.document, "messages"),
            _timeline(kept, seen),
        )
    )


def _definition(document: Mapping[str, object], key: str) -> str:
    return string_or_none(object_or_nothing(document.get(key)).get("definition")) or ""


def _distribution(result: StoredResult, identity: str, title: str, names: Sequence[str]) -> Iterator[Figure]:
    """Which share of all values is not greater than x."""
    found = [(name, result.histograms[name]) for name in names if name in result.histograms]
    if not found:
        return
    defined = (
        f"{_NAMES[name]}, n = {histogram.n:,}: {_definition(result.document, f'{name}_ms')}"
        for name, histogram in found
    )
    yield Figure(
        id=identity,
        title=title,
        plot=Plot(
            x_title="ms",
            y_title="% of values up to x",
            series=tuple(Series(name=_NAMES[name], points=_shares(histogram)) for name, histogram in found),
            y_range=(0, 100),
            may_be_logarithmic=True,
        ),
        says=" ".join(("Share of values that are not greater than x.", *defined)),
        table=Table(
            head=("ms", "n", "min", *(name for name, _ in PERCENTILES), "max"),
            rows=tuple(_extent(result.document, name) for name, _ in found),
        ),
    )


def _shares(histogram: Histogram) -> tuple[Point, ...]:
    """A stair with a step at each cell of the histogram, as many as can be told apart; the last is always there."""
    cells, points, shown, below = histogram.cells(), list[Point](), -1, 0.0
    last = len(cells.values) - 1
    for number, (value, up_to) in enumerate(zip(cells.values, cells.up_to, strict=True)):
        step, at_ms, share = up_to * _MOST_POINTS // histogram.n, value / _NS_PER_MS, 100 * up_to / histogram.n
        if step > shown or number == last:
            points += [(at_ms, below), (at_ms, share)]
            shown, below = step, share
    return tuple(points)


def _extent(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    stored = object_or_nothing(document[f"{name}_ms"])
    names = ("n", "min", *(each for each, _ in PERCENTILES), "max")
    return (_NAMES[name], *(_shown(stored.get(each)) for each in names))


def _shown(value: object) -> str:
    """A figure as it stands in tables; a dash where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


# Over time


def _kept(document: Mapping[str, object]) -> tuple[list[_Kept], int]:
    """Single requests in the order of time, and of how many they are a sample."""
    streams = object_or_nothing(document.get("streams"))
    is_closed = object_or_nothing(document["schedule"]).get("kind") == "closed"
    kept: list[_Kept] = []
    for row in map(object_or_nothing, array_or_nothing(streams.get("kept"))):
        start_ms, delay_ms = _number(row.get("start_ms")) or 0.0, _number(row.get("delay_ms"))
        counted_ms = 0.0 if is_closed else delay_ms or 0.0
        times = [_number(row.get(name)) for name in ("ttft_ms", "ttfs_ms", "answer_ms")]
        felt = [None if each is None else each + counted_ms for each in times]
        kept.append(
            _Kept(
                start_ms=start_ms,
                sent_ms=None if delay_ms is None else start_ms + delay_ms,
                delay_ms=counted_ms,
                ttft_ms=felt[0],
                ttfs_ms=felt[1],
                answer_ms=felt[2],
                error=string_or_none(row.get("error")),
            )
        )
    seen = streams.get("seen")
    return sorted(kept, key=lambda each: each.start_ms), seen if isinstance(seen, int) else len(kept)


def _number(value: object) -> float | None:
    """What JSON has as a number and a plot has a place for."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST_MS:
        return None
    return float(value)


def _sampled(shown: int, seen: int) -> str:
    return "every request" if shown == seen else f"{shown:,} of {seen:,} requests, a fair sample"


def _over_time(result: StoredResult, kept: Sequence[_Kept], seen: int) -> Iterator[Figure]:
    """When it was slow: each request at the time at which it was meant to start."""
    first = [(each.start_ms / _MS_PER_S, each.ttft_ms) for each in kept if each.ttft_ms is not None]
    speech = [(each.start_ms / _MS_PER_S, each.ttfs_ms) for each in kept if each.ttfs_ms is not None]
    wrong = [(each.start_ms / _MS_PER_S, 0.0) for each in kept if each.error is not None]
    named = ((_NAMES["ttft"], first), (_NAMES["ttfs"], speech), ("went wrong", wrong))
    if not first and not wrong:
        return
    yield Figure(
        id="over-time",
        title="Over time",
        plot=Plot(
            x_title="s since the start of the load",
            y_title="ms",
            series=tuple(Series(name=name, points=tuple(points)) for name, points in named if points),
            has_lines=False,
            has_dots=True,
            y_range=(0, max([1.0, *(at_ms for _, at_ms in (*first, *speech))])),
        ),
        says=f"Each dot is a request at its intended start: {_sampled(len(kept), seen)}. Requests that went wrong "
        f"stand on the ground line. {_NAMES['ttft']}: {_definition(result.document, 'ttft_ms')}",
        table=Table(
            head=("from s", "to s", "requests", "went wrong", "TTFT median, ms", "TTFT longest, ms"),
            rows=tuple(_parts(kept)),
        ),
    )


def _parts(kept: Sequence[_Kept]) -> Iterator[tuple[str, ...]]:
    """The run in parts of the same length; those without a request are left out."""
    begin_ms, end_ms = kept[0].start_ms, kept[-1].start_ms
    length_ms = (end_ms - begin_ms) / _PARTS or 1.0
    for part in range(_PARTS):
        at_ms = begin_ms + part * length_ms
        here = [each for each in kept if min(_PARTS - 1, int((each.start_ms - begin_ms) / length_ms)) == part]
        if not here:
            continue
        times = [each.ttft_ms for each in here if each.ttft_ms is not None]
        yield (
            f"{at_ms / _MS_PER_S:.1f}",
            f"{(at_ms + length_ms) / _MS_PER_S:.1f}",
            str(len(here)),
            str(sum(each.error is not None for each in here)),
            _shown(float(median(times)) if times else None),
            _shown(max(times, default=None)),
        )


# Over load


def _over_groups(document: Mapping[str, object], by: str) -> Iterator[Figure]:
    """Percentiles of groups whose values are numbers, as 4, 16 or 2.5/s."""
    found = [
        (float(match[0]), value, object_or_nothing(group.get("metrics")))
        for group in map(object_or_nothing, array_or_nothing(document["groups"]))
        if group.get("by") == by and (match := _NUMBER.match(value := string_or_none(group.get("value")) or ""))
    ]
    found.sort(key=lambda each: each[0])
    series = [
        Series(name=f"{name.upper()} {quantile}", points=points)
        for name in ("ttft", "ttfs")
        for quantile in _QUANTILES
        if (points := tuple(_curve(found, f"{name}_ms", quantile)))
    ]
    if not series:
        return
    head = (_AXES[by], "metric", "n", *(f"{each}, ms" for each in _QUANTILES), "max, ms")
    rows = [
        (value, name.upper(), *(_shown(stored.get(each)) for each in ("n", *_QUANTILES, "max")))
        for _, value, metrics in found
        for name in ("ttft", "ttfs")
        if (stored := object_or_nothing(metrics.get(f"{name}_ms")))
    ]
    yield Figure(
        id=f"over-{by}",
        title=_SHOWN_BY[by],
        plot=Plot(
            x_title=_AXES[by],
            y_title="ms",
            series=tuple(series),
            has_dots=True,
            # From zero, or a small change would look like a large one.
            y_range=(0, max(point[1] for each in series for point in each.points if point is not None) or 1.0),
        ),
        says="Median (p50) and p95 of the requests of each group; a percentile that its number of requests cannot "
        f"tell is left out. {_NAMES['ttft']}: {_definition(document, 'ttft_ms')}",
        table=Table(head=head, rows=tuple(rows)),
    )


def _curve(found: Sequence[tuple[float, str, Mapping[str, object]]], key: str, quantile: str) -> Iterator[Point]:
    for at, _, metrics in found:
        value = _number(object_or_nothing(metrics.get(key)).get(quantile))
        if value is not None:
            yield at, value


# Streams


def _timeline(kept: Sequence[_Kept], seen: int) -> Iterator[Figure]:
    """One line for each of the first requests: how long it waited, and how long its answer went on."""
    shown = _busiest([each for each in kept if each.sent_ms is not None])
    waits, answers = list[Point | None](), list[Point | None]()
    for number, each in enumerate(shown, 1):
        came_ms = each.ttft_ms if each.ttft_ms is not None else each.answer_ms
        waits += _line(number, each, each.delay_ms if came_ms is None else came_ms, since_ms=0.0)
        if each.ttft_ms is not None and each.answer_ms is not None:
            answers += _line(number, each, each.answer_ms, since_ms=each.ttft_ms)
    if not shown:
        return
    named = (("until the first token", waits), ("until the answer is over", answers))
    yield Figure(
        id="streams",
        title="Streams",
        plot=Plot(
            x_title="s since the start of the load",
            y_title="request",
            series=tuple(Series(name=name, points=tuple(points)) for name, points in named if points),
            is_rows=True,
        ),
        says=f"The busiest stretch: {len(shown)} requests one after the other, of what is known of single requests "
        f"({_sampled(len(kept), seen)}). An answer that broke off has no end.",
        table=Table(
            head=("request", "start, s", "TTFT, ms", "TTFS, ms", "whole answer, ms", "went wrong"),
            rows=tuple(
                (
                    str(number),
                    f"{each.start_ms / _MS_PER_S:.3f}",
                    _shown(each.ttft_ms),
                    _shown(each.ttfs_ms),
                    _shown(each.answer_ms),
                    each.error or "",
                )
                for number, each in enumerate(shown, 1)
            ),
        ),
    )


def _busiest(sent: Sequence[_Kept]) -> Sequence[_Kept]:
    """Requests that follow each other in the least time, few enough for their lines to be seen."""
    lengths_ms = [each.answer_ms or each.ttft_ms or each.delay_ms for each in sent]
    stretch: Sequence[_Kept] = sent
    for most in _STREAMS:
        first = min(
            range(max(1, len(sent) - most + 1)),
            key=lambda at: sent[min(at + most, len(sent)) - 1].start_ms - sent[at].start_ms if sent else 0.0,
        )
        stretch = sent[first : first + most]
        span_ms = stretch[-1].start_ms - stretch[0].start_ms if stretch else 0.0
        if not lengths_ms or median(lengths_ms) >= _LEAST_SHARE * span_ms:
            break
    return stretch


def _line(number: int, each: _Kept, to_ms: float, *, since_ms: float) -> tuple[Point | None, ...]:
    """From one time of a request to another, and a break."""
    base_ms = (each.sent_ms or 0.0) - each.delay_ms
    return ((base_ms + since_ms) / _MS_PER_S, number), ((base_ms + to_ms) / _MS_PER_S, number), None
