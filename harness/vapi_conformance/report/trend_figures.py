"""How it went from run to run, drawn: what did not pass, and how soon somebody spoke.

Pure: made of the entries of a trend (`harness/history-trend`), which a report holds under `trend`, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none
from vapi_conformance.report.bench_figures import Figure, Table
from vapi_conformance.report.bench_plots import Plot, Point, Series
from vapi_conformance.report.run_figures import SHOWN, figures_of

__all__ = ["entry_of", "runs_of_report", "trend_figures"]

_FEWEST: Final = 2
"""One run is no trend."""
_OPEN: Final = ("violated", "untestable", "unreachable", "harness error")
"""Outcomes that are not drawn where they never came."""
_NOT_TOLD: Final = "–"
_MOST_CHARACTERS: Final = 40


def runs_of_report(document: Mapping[str, object]) -> list[Mapping[str, object]]:
    """A report's earlier runs and itself, the oldest first; none where it knows of no earlier one."""
    earlier = [object_or_nothing(each) for each in array_or_nothing(document.get("trend"))]
    return [*earlier, entry_of(document)] if earlier else []


def entry_of(document: Mapping[str, object]) -> Mapping[str, object]:
    """A report as an entry of a trend, before any history gave it a number."""
    suite = object_or_nothing(document.get("suite"))
    return {
        "run": None,
        "started_at": string_or_none(suite.get("started_at")) or "",
        "suite_version": string_or_none(suite.get("version")) or "",
        "verdict": document.get("verdict"),
        "counts": dict(object_or_nothing(document.get("counts"))),
        "figures": figures_of(document),
    }


def trend_figures(
    runs: Sequence[Mapping[str, object]], names: Sequence[str] = SHOWN["report"], *, identity: str = "trend"
) -> tuple[Figure, ...]:
    """runs: entries, the oldest first. names: of figures; those in ms share a plot. Too few runs give none."""
    if len(runs) < _FEWEST:
        return ()
    times = [name for name in names if "_ms" in name]
    others = [name for name in names if name not in times]
    return (
        *_open_rules(runs, identity),
        *_over_runs(runs, times, f"{identity}-ms", "How long, run by run", "ms"),
        *(
            each
            for number, name in enumerate(others)
            for each in _over_runs(runs, [name], f"{identity}-{number}", f"{name}, run by run", name)
        ),
    )


def _open_rules(runs: Sequence[Mapping[str, object]], identity: str) -> Iterator[Figure]:
    counted = [object_or_nothing(each.get("counts")) for each in runs]
    if not any(counted):
        return
    shown = [name for name in _OPEN if name == "violated" or any(_number(each.get(name)) for each in counted)]
    series = [_series(name, [_number(each.get(name)) for each in counted]) for name in shown]
    rows = [
        (*_head(at, run), _cell(run.get("verdict")), *(_cell(counts.get(name)) for name in ("passed", *shown)))
        for at, (run, counts) in enumerate(zip(runs, counted, strict=True), 1)
    ]
    yield Figure(
        id=f"{identity}-rules",
        title="Rules that did not pass, run by run",
        plot=Plot(
            x_title="run, the oldest first",
            y_title="rules",
            series=tuple(series),
            has_dots=True,
            has_whole_x=True,
            has_whole_y=True,
        ),
        says=f"{len(runs)} runs, from {_when(runs[0])} to {_when(runs[-1])}.",
        table=Table(head=("run", "began", "suite", "verdict", "passed", *shown), rows=tuple(rows)),
    )


def _over_runs(
    runs: Sequence[Mapping[str, object]], names: Sequence[str], identity: str, title: str, unit: str
) -> Iterator[Figure]:
    """A line ends where a run has no such figure, and begins anew after it."""
    values = {name: [_number(object_or_nothing(each.get("figures")).get(name)) for each in runs] for name in names}
    told = [name for name in names if sum(value is not None for value in values[name]) >= _FEWEST]
    if not told:
        return
    rows = [(*_head(at, run), *(_figure(values[name][at - 1]) for name in told)) for at, run in enumerate(runs, 1)]
    yield Figure(
        id=identity,
        title=title,
        plot=Plot(
            x_title="run, the oldest first",
            y_title=unit,
            series=tuple(_series(name, values[name]) for name in told),
            has_dots=True,
            has_whole_x=True,
        ),
        says=f"{len(runs)} runs, from {_when(runs[0])} to {_when(runs[-1])}.",
        table=Table(head=("run", "began", "suite", *told), rows=tuple(rows)),
    )


def _series(name: str, values: Sequence[float | None]) -> Series:
    points: list[Point | None] = [None if value is None else (float(at), value) for at, value in enumerate(values, 1)]
    return Series(name=name, points=tuple(points))


def _head(at: int, run: Mapping[str, object]) -> tuple[str, str, str]:
    return str(at), _when(run), _cell(run.get("suite_version"))


def _when(run: Mapping[str, object]) -> str:
    """To the minute; what is no time is shown as it is."""
    text = _cell(run.get("started_at"))
    return text[:16].replace("T", " ") if text[10:11] == "T" else text


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return value[:_MOST_CHARACTERS] if isinstance(value, str) and value else _NOT_TOLD


def _figure(value: float | None) -> str:
    return _NOT_TOLD if value is None else f"{value:,.3f}".rstrip("0").rstrip(".")


def _number(value: object) -> float | None:
    """A file may hold an integer that no float can."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:  # noqa: PLR2004 - see above
        return None
    return float(value)
