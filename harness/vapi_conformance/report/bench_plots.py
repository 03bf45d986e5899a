"""Plots as SVG that can stand in a page: drawn by pygal, then stripped to shapes and text.

pygal is pure Python, small, and marks everything with classes, so that the page's own style sheet gives the colours:
light, dark and print need no second drawing. (plotly would put 4.7 MB of script into each page; matplotlib and Altair
with its renderer weigh 60 to 90 MB installed, and write colours into every shape.) What pygal adds for its own script
is taken away: no script, no style, no link is left, so a page can forbid them all.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast
from xml.etree import ElementTree as ET

from vapi_conformance.report.printable import printable

__all__ = ["Plot", "Point", "Series", "drawn"]

Point = tuple[float, float]

_WIDTH: Final = 560
_HEIGHT: Final = 340
_FONT_SIZE: Final = 13
_MOST_CHARACTERS: Final = 60
"""Of a name; what is longer would push the plot out of its picture."""
_TAGS: Final = frozenset({"svg", "g", "path", "rect", "circle", "line", "text", "tspan"})
_ATTRIBUTES: Final = frozenset(
    {"class", "cx", "cy", "d", "height", "r", "rx", "ry", "transform", "viewBox", "width", "x", "y"}
)
_MOST_MARKS: Final = 10
"""At an axis of whole numbers."""
_STEPS: Final = (1, 2, 5)
_WIDE: Final = 20
"""How many times the least value the greatest may be on a linear axis of times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What has one colour and a line in the legend."""

    name: str
    points: tuple[Point | None, ...]
    """None: the line ends here, and begins anew with the next point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Series over two axes."""

    x_title: str
    y_title: str
    series: tuple[Series, ...]
    has_lines: bool = True
    has_dots: bool = False
    is_rows: bool = False
    """Each line is a span of time in a row of its own; the first row is on top, as in a list."""
    y_range: Point | None = None
    has_whole_x: bool = False
    """Only whole numbers stand at the x axis: there is nothing between two runs."""
    has_whole_y: bool = False
    """The same of the y axis, from zero on."""
    may_be_logarithmic: bool = False
    """The x axis, where its values are very different."""

    @property
    def is_x_logarithmic(self) -> bool:
        """Where the slowest would press all others into a corner. Not with values of zero, which have no logarithm."""
        if not self.may_be_logarithmic:
            return False
        values = [point[0] for series in self.series for point in series.points if point is not None]
        return bool(values) and min(values) > 0 and max(values) / min(values) > _WIDE


class _Chart(Protocol):
    """What is used of pygal, which has no types."""

    def add(self, title: str, values: Sequence[Point | None]) -> object: ...
    def render(self) -> str | bytes: ...


def drawn(plot: Plot) -> str:
    """An `svg` element for HTML: without namespaces, hidden from screen readers, whose text stands beside it."""
    chart = _chart(plot)
    for series in plot.series:
        points = [None if point is None else _placed(plot, point) for point in series.points]
        chart.add(_name(series.name), points)
    root = ET.fromstring(chart.render())  # noqa: S314 - pygal's own output
    _strip(root)
    root.attrib |= {"aria-hidden": "true", "focusable": "false", "class": "rows" if plot.is_rows else "curves"}
    return ET.tostring(root, encoding="unicode")


def _chart(plot: Plot) -> _Chart:
    import pygal
    from pygal.style import Style

    # For its maps pygal leaves a finder of an old kind behind, at which Python 3.11 warns with each import that fails.
    sys.meta_path[:] = [each for each in sys.meta_path if type(each).__module__ != pygal.__name__]
    logarithmic = plot.is_x_logarithmic
    sizes = dict.fromkeys(("label", "major_label", "legend", "title", "value"), _FONT_SIZE)
    options: dict[str, object] = {
        "style": Style(**{f"{name}_font_size": size for name, size in sizes.items()}),
        "js": (),
        "width": _WIDTH,
        "height": _HEIGHT,
        "margin": 8,
        "margin_bottom": 20,
        "stroke": plot.has_lines,
        "show_dots": plot.has_dots,
        "dots_size": 2.5,
        "allow_interruptions": True,
        "show_x_guides": True,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": len(plot.series),
        "truncate_legend": -1,
        "inverse_y_axis": plot.is_rows,
        "range": plot.y_range,
        "x_title": f"{plot.x_title} (logarithmic)" if logarithmic else plot.x_title,
        "y_title": plot.y_title,
        "value_formatter": "{:g}".format,
        "x_value_formatter": _power if logarithmic else "{:g}".format,
    }
    if logarithmic:
        options["x_labels"] = _decades(plot)
    if plot.has_whole_x:
        options["x_labels"] = _whole([point[0] for point in _points(plot)])
    if plot.has_whole_y:
        options["y_labels"] = _whole([0.0, *(point[1] for point in _points(plot))])
    return cast("_Chart", pygal.XY(**options))


def _points(plot: Plot) -> list[Point]:
    return [point for series in plot.series for point in series.points if point is not None]


def _whole(values: Sequence[float]) -> list[int]:
    """Marks around the values, so many that they can be read."""
    low, high = math.floor(min(values)), max(math.ceil(max(values)), math.floor(min(values)) + 1)
    room = max(1, math.ceil((high - low) / _MOST_MARKS))
    return [*range(low, high, room), high] if (high - low) % room else [*range(low, high + 1, room)]


def _power(exponent: float) -> str:
    return f"{10**exponent:g}"


def _placed(plot: Plot, point: Point) -> Point:
    return (math.log10(point[0]), point[1]) if plot.is_x_logarithmic else point


def _decades(plot: Plot) -> list[float]:
    """1, 2, 5, 10, ... around all values, as powers of ten."""
    values = [point[0] for series in plot.series for point in series.points if point is not None]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    marks = [math.log10(step) + power for power in range(low, high + 1) for step in _STEPS]
    below = max((mark for mark in marks if mark <= math.log10(min(values))), default=marks[0])
    above = min((mark for mark in marks if mark >= math.log10(max(values))), default=marks[-1])
    return [mark for mark in marks if below <= mark <= above]


def _name(text: str) -> str:
    shown = printable(text).replace("\n", " ")
    return shown if len(shown) <= _MOST_CHARACTERS else f"{shown[: _MOST_CHARACTERS - 1]}…"


def _strip(element: ET.Element) -> None:
    """Leaves shapes and text. What is not known is taken away, so nothing new slips in with a new release."""
    element.tag = element.tag.rpartition("}")[2]
    for name in set(element.attrib) - _ATTRIBUTES:
        del element.attrib[name]
    for child in list(element):
        if child.tag.rpartition("}")[2] in _TAGS:
            _strip(child)
        else:
            element.remove(child)
