"""A trend as lines of text: one sign a run, so that the way it went is seen in a terminal and in a log."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none
from vapi_conformance.report.text import Line, Style

__all__ = ["series_title", "trend_lines"]

_BARS: Final = "▁▂▃▄▅▆▇█"
_PLAIN_BARS: Final = "12345678"
_NOTHING: Final = "·"
_VERDICTS: Final = {"conformant": "✓", "violated": "✗", "incomplete": "?", "passed": "✓", "failed": "✗"}
_PLAIN_VERDICTS: Final = {"conformant": "+", "violated": "X", "incomplete": "?", "passed": "+", "failed": "X"}
_STYLES: Final[Mapping[str, Style]] = {"conformant": "good", "passed": "good", "violated": "bad", "failed": "bad"}
_WIDTH: Final = 60
"""Runs that are shown; the newest. More do not fit into a line."""
_OUTCOMES: Final = ("violated", "untestable", "unreachable", "harness error")


def trend_lines(document: Mapping[str, object], *, is_plain: bool = False) -> Iterator[Line]:
    """document: after `harness/history-trend`. is_plain: where the output takes ASCII only."""
    for number, series in enumerate(map(object_or_nothing, array_or_nothing(document.get("series")))):
        if number:
            yield Line("")
        yield from _series(series, is_plain=is_plain)


def series_title(series: Mapping[str, object]) -> str:
    """Who was judged or measured, and how."""
    names = ("platform", "dialect", "profile", "model")
    told = [f"{name} {series[name]}" for name in names if series.get(name)]
    is_bench = series.get("kind") == "bench"
    return f"{series.get('target')}  {', '.join(['bench', str(series.get('load')), *told] if is_bench else told)}"


def _series(series: Mapping[str, object], *, is_plain: bool) -> Iterator[Line]:
    runs = [object_or_nothing(each) for each in array_or_nothing(series.get("runs"))]
    yield Line(series_title(series), "strong")
    if not runs:
        return
    shown = runs[-_WIDTH:]
    said = f"the newest {len(shown)} of {len(runs)} runs" if len(shown) < len(runs) else _runs(len(runs))
    yield Line(f"  {said}, {_when(shown[0])} to {_when(shown[-1])}; the newest on the right", "faint")
    rows = list(_rows(series, shown, is_plain=is_plain))
    width = max((len(name) for name, *_ in rows), default=0)
    for name, signs, told, style in rows:
        yield Line(f"  {name:<{width}}  {signs}  {told}", style)


def _rows(
    series: Mapping[str, object], runs: Sequence[Mapping[str, object]], *, is_plain: bool
) -> Iterator[tuple[str, str, str, Style]]:
    verdicts = [string_or_none(each.get("verdict")) for each in runs]
    if any(verdicts):
        signs = _PLAIN_VERDICTS if is_plain else _VERDICTS
        last = verdicts[-1] or "no verdict"
        drawn = "".join(signs.get(each or "", "?" if each else _nothing(is_plain=is_plain)) for each in verdicts)
        yield "verdict", drawn, last, _STYLES.get(last, "warning")
    for name in _OUTCOMES:
        values = [_number(object_or_nothing(each.get("counts")).get(name)) for each in runs]
        if any(values) or (name == "violated" and any(value is not None for value in values)):
            yield name, _drawn(values, is_plain=is_plain), _told(values), "plain"
    for figure in array_or_nothing(series.get("figures")):
        values = [_number(object_or_nothing(each.get("figures")).get(str(figure))) for each in runs]
        if any(value is not None for value in values):
            yield str(figure), _drawn(values, is_plain=is_plain), _told(values), "plain"


def _drawn(values: Sequence[float | None], *, is_plain: bool) -> str:
    """From zero to the greatest, so that what hardly changed looks so."""
    most = max((each for each in values if each is not None), default=0)
    bars = _PLAIN_BARS if is_plain else _BARS
    return "".join(
        _nothing(is_plain=is_plain)
        if each is None
        else bars[0 if most <= 0 else min(len(bars) - 1, int(max(each, 0) / most * len(bars)))]
        for each in values
    )


def _told(values: Sequence[float | None]) -> str:
    known = [each for each in values if each is not None]
    last = "none" if values[-1] is None else _figure(values[-1])
    low, high = min(known), max(known)
    return last if low == high == values[-1] else f"{last} ({_figure(low)} to {_figure(high)})"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:,.3g}"  # noqa: PLR2004 - figures that anybody reads


def _nothing(*, is_plain: bool) -> str:
    return "." if is_plain else _NOTHING


def _number(value: object) -> float | None:
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _when(run: Mapping[str, object]) -> str:
    return f"{run.get('started_at')}"[:16].replace("T", " ")
