"""A trend as plots, as lines of signs and as a page: pure, and whatever stands in a file has no power over it."""

from collections.abc import Mapping, Sequence
from typing import cast
from xml.etree import ElementTree as ET

import html5lib
import pytest

from made_history import MIXED, report
from vapi_conformance.report.page import render_page
from vapi_conformance.report.trend_figures import entry_of, runs_of_report, trend_figures
from vapi_conformance.report.trend_page import trend_page
from vapi_conformance.report.trend_text import trend_lines
from vapi_conformance.schema import errors

HOSTILE = "</title></style></svg><script>alert(1)</script>\u202e\x1b[2J\x00{{ 7*7 }}"


def run(
    day: int,
    *,
    violated: object = 0,
    untestable: int = 0,
    verdict: str | None = "conformant",
    figures: Mapping[str, object] | None = None,
) -> dict[str, object]:
    return {
        "run": day,
        "started_at": f"2026-11-{day:02}T10:00:00+00:00",
        "suite_version": "1.0",
        "verdict": verdict,
        "counts": {"passed": 10, "violated": violated, "untestable": untestable, "unreachable": 0},
        "figures": figures or {},
    }


def series(runs: Sequence[Mapping[str, object]], **more: object) -> dict[str, object]:
    return {
        "format": "vapi-conformance/history-trend",
        "version": 1,
        "series": [
            {
                "kind": "report",
                "target": "http://h/v1",
                "platform": "vapi",
                "dialect": "openai_compatible",
                "profile": "vapi",
                "model": None,
                "load": None,
                "figures": ["first_speech_ms.p50"],
                "runs": list(runs),
                **more,
            }
        ],
    }


WAY = [
    run(1, violated=7, untestable=1, verdict="violated", figures={"first_speech_ms.p50": 400.0}),
    run(2, violated=3, verdict="violated"),
    run(3, figures={"first_speech_ms.p50": 100.0}),
]


class TestFigures:
    def test_outcomes_that_never_came_are_not_drawn(self) -> None:
        rules, _ = trend_figures(WAY)
        assert ["violated", "untestable"] == [each.name for each in rules.plot.series]
        assert ((1.0, 7.0), (2.0, 3.0), (3.0, 0.0)) == rules.plot.series[0].points

    def test_a_run_without_a_figure_is_a_gap(self) -> None:
        _, times = trend_figures(WAY)
        assert ((1.0, 400.0), None, (3.0, 100.0)) == times.plot.series[0].points
        assert ("2", "2026-11-02 10:00", "1.0", "–") == times.table.rows[1]

    @pytest.mark.parametrize("runs", [[], WAY[:1]], ids=len)
    def test_too_few_runs_are_no_trend(self, runs: list[dict[str, object]]) -> None:
        assert () == trend_figures(runs)

    def test_what_is_no_time_has_a_plot_of_its_own(self) -> None:
        runs = [run(day, figures={"errors.share": 0.1, "ttft_ms.p95": 9.0}) for day in (1, 2)]
        found = trend_figures(runs, ["errors.share", "ttft_ms.p95"])
        assert ["rules", "ms", "errors.share"] == [each.plot.y_title for each in found]
        assert len(found) == len({each.id for each in found})

    @pytest.mark.parametrize("hostile", [None, True, "many", [], {}, 10**400, -1], ids=repr)
    def test_whatever_stands_in_a_file_raises_nothing(self, hostile: object) -> None:
        strange: dict[str, object] = dict.fromkeys(WAY[0], hostile)
        assert len(trend_figures([*WAY, strange, {}, run(4, violated=hostile)])) == 2


class TestReport:
    def test_tells_its_earlier_runs_and_itself(self) -> None:
        document = {**report(*MIXED), "trend": WAY}
        assert () == errors("harness/report", document)
        *earlier, own = runs_of_report(document)
        assert earlier == WAY
        assert (None, "2026-11-21T10:00:00+00:00", "violated") == (own["run"], own["started_at"], own["verdict"])

    def test_without_a_history_has_no_trend(self) -> None:
        assert [] == runs_of_report(report())
        assert [] == runs_of_report({**report(), "trend": []})

    def test_is_drawn_in_the_page(self) -> None:
        document = {**report(*MIXED), "trend": WAY}
        parsed(page := render_page([document]))
        assert "How it went over time" in page
        assert "4 runs, from 2026-11-01 10:00 to 2026-11-21 10:00." in page
        assert "How it went over time" not in render_page([report(*MIXED)])

    def test_is_drawn_beside_others(self) -> None:
        document = {**report(*MIXED), "trend": WAY}
        parsed(page := render_page([document, document, report()]))
        assert 2 == page.count("How it went over time")

    def test_an_entry_is_after_the_schema(self) -> None:
        assert () == errors("harness/report", {**report(), "trend": [entry_of(report(*MIXED))]})


class TestText:
    def test_shows_one_sign_a_run(self) -> None:
        assert [
            "http://h/v1  platform vapi, dialect openai_compatible, profile vapi",
            "  3 runs, 2026-11-01 10:00 to 2026-11-03 10:00; the newest on the right",
            "  verdict              ✗✗✓  conformant",
            "  violated             █▄▁  0 (0 to 7)",
            "  untestable           █▁▁  0 (0 to 1)",
            "  first_speech_ms.p50  █·▃  100 (100 to 400)",
        ] == [line.text for line in trend_lines(series(WAY))]

    def test_has_plain_signs_where_the_output_takes_ascii_only(self) -> None:
        text = "\n".join(line.text for line in trend_lines(series(WAY), is_plain=True))
        assert text.isascii()
        assert "  violated             841  0 (0 to 7)" in text

    def test_shows_the_newest_of_many(self) -> None:
        lines = [line.text for line in trend_lines(series([run(1 + day % 28) for day in range(200)]))]
        assert "the newest 60 of 200 runs" in lines[1]
        assert max(map(len, lines)) < 110

    def test_of_a_bench_tells_its_load(self) -> None:
        bench = series(
            [{**run(1, verdict=None, figures={"ttft_ms.p95": 20}), "counts": {}}],
            kind="bench",
            load="closed loop, 4 streams",
            profile=None,
            figures=["ttft_ms.p95"],
        )
        assert () == errors("harness/history-trend", bench)
        assert [
            "http://h/v1  bench, closed loop, 4 streams, platform vapi, dialect openai_compatible",
            "  1 run, 2026-11-01 10:00 to 2026-11-01 10:00; the newest on the right",
            "  ttft_ms.p95  █  20",
        ] == [line.text for line in trend_lines(bench)]

    def test_of_nothing_is_nothing(self) -> None:
        assert [] == list(trend_lines({"series": []}))


class TestPage:
    def test_is_valid_and_loads_nothing(self) -> None:
        root = parsed(trend_page(series(WAY)))
        names = {each.tag.rpartition("}")[2] for each in root.iter()}
        assert {"svg", "table", "details"} <= names
        assert not names & {"script", "link", "img", "iframe", "object"}

    def test_hostile_words_are_shown_and_not_obeyed(self) -> None:
        runs = [{**run(day), "started_at": HOSTILE, "suite_version": HOSTILE} for day in (1, 2)]
        page = trend_page(series(runs, target=HOSTILE, model=HOSTILE))
        root = parsed(page)
        assert [] == [each for each in root.iter() if each.tag.rpartition("}")[2] == "script"]
        assert not {"\u202e", "\x1b", "\x00"} & set(page)
        assert "{{ 7*7 }}" in page

    def test_says_where_runs_are_too_few(self) -> None:
        assert "1 run: too few for a plot." in trend_page(series(WAY[:1]))


def parsed(html: str) -> ET.Element:
    """By the standard's own algorithm, which forgives nothing here."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return cast("ET.Element", parser.parse(html))  # pyright: ignore[reportUnknownMemberType] - untyped
