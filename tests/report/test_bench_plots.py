"""Plots: the values that were given, at their places, and nothing in the picture that could do anything."""

import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from vapi_conformance.report.bench_plots import Plot, Point, Series, drawn

SHAPES = {"svg", "g", "path", "rect", "circle", "line", "text", "tspan"}
PASSIVE = {"class", "cx", "cy", "d", "height", "r", "rx", "ry", "transform", "viewBox", "width", "x", "y"}
HOSTILE = "</text><script>alert(1)</script>\" onload='x' \u202eevil\x00 ]]> <!-- &amp;"


def plot(
    *points: Point | None,
    name: str = "one",
    has_dots: bool = False,
    has_lines: bool = True,
    may_be_logarithmic: bool = False,
) -> Plot:
    return Plot(
        x_title="ms",
        y_title="%",
        series=(Series(name=name, points=points),),
        has_dots=has_dots,
        has_lines=has_lines,
        may_be_logarithmic=may_be_logarithmic,
    )


def dots(svg: str) -> list[tuple[float, float]]:
    """Where the dots stand, in units of the picture."""
    found = [each for each in ET.fromstring(svg).iter("circle") if "dot" in each.attrib["class"]]
    return [(float(each.attrib["cx"]), float(each.attrib["cy"])) for each in found]


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ET.fromstring(svg).iter("text")]


def test_holds_nothing_but_shapes_and_text() -> None:
    root = ET.fromstring(drawn(plot((1, 2), (3, 4), name=HOSTILE, has_dots=True)))
    assert SHAPES >= {each.tag for each in root.iter()}
    assert PASSIVE >= {name for each in list(root.iter())[1:] for name in each.attrib}
    assert {"class", "viewBox", "aria-hidden", "focusable"} == set(root.attrib)


def test_a_hostile_name_is_shown_and_not_obeyed() -> None:
    [name] = [each for each in texts(drawn(plot((1, 2), (3, 4), name=HOSTILE))) if "evil" in each]
    assert name.startswith("</text><script>alert(1)</script>\" onload='x' \\u202eevil")


def test_a_long_name_is_cut() -> None:
    assert f"{'x' * 59}…" in texts(drawn(plot((1, 2), (3, 4), name="x" * 5000)))


def test_dots_stand_where_their_values_are() -> None:
    found = dots(drawn(plot((0, 0), (5, 10), (10, 20), has_dots=True, has_lines=False)))
    (x0, y0), (x1, y1), (x2, y2) = found
    assert (x1 - x0, y0 - y1) == pytest.approx((x2 - x1, y1 - y2))
    assert x1 > x0
    assert y1 < y0  # up, in a picture


def test_very_different_times_get_a_logarithmic_axis_that_says_so() -> None:
    svg = drawn(plot((1, 0), (10, 50), (100, 100), has_dots=True, may_be_logarithmic=True))
    (x0, _), (x1, _), (x2, _) = dots(svg)
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert {"ms (logarithmic)", "1", "2", "5", "10", "20", "50", "100"} <= set(texts(svg))


@pytest.mark.parametrize("points", [((0.0, 0.0), (100.0, 1.0)), ((5.0, 0.0), (50.0, 1.0)), ()], ids=str)
def test_zero_similar_values_and_none_stay_on_a_linear_axis(points: tuple[Point, ...]) -> None:
    assert "ms (logarithmic)" not in texts(drawn(plot(*points, may_be_logarithmic=True)))


def test_a_line_ends_where_there_is_a_break() -> None:
    whole, broken = drawn(plot((0, 0), (1, 1), (2, 2), (3, 3))), drawn(plot((0, 0), (1, 1), None, (2, 2), (3, 3)))
    lines = [
        sum(each.attrib["d"].count("M") for each in ET.fromstring(svg).iter("path") if "nofill" in each.attrib["class"])
        for svg in (whole, broken)
    ]
    assert [1, 2] == lines


def test_one_point_alone_can_be_drawn() -> None:
    assert 1 == len(dots(drawn(plot((5, 5), has_dots=True, may_be_logarithmic=True))))


def test_drawing_leaves_no_finder_behind_at_which_python_warns() -> None:
    """In a process of its own: here pygal may be loaded already."""
    code = (
        "import sys; from vapi_conformance.report.bench_plots import *; "
        "drawn(Plot(x_title='', y_title='', series=())); assert 'pygal' in sys.modules; "
        "print([each for each in sys.meta_path if not hasattr(each, 'find_spec')])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "[]" == printed.strip()
