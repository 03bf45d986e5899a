"""The page of a bench: one valid file that loads nothing, obeys nothing it was given, and can be read without plots."""

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import cast
from xml.etree import ElementTree as ET

import html5lib
import pytest

from made_benches import CLOSED, OPEN, bench, document, refused, streamed
from vapi_conformance.latency.gates import Figures, evaluate, parse_gate
from vapi_conformance.latency.result import BenchTarget, Worker
from vapi_conformance.latency.schedules import Schedule
from vapi_conformance.latency.tally import Group
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.report.bench_page import page

ECHOED = "<script>alert(1)</script><img src=x onerror='y'>\" onload=\"z"
HOSTILE = f"</title></style></svg>{ECHOED}\u202etxt.exe {{{{ 7*7 }}}}\x00"
LOADING = {"src", "srcset", "href", "xlink:href", "action", "formaction", "data", "poster", "background", "ping"}
SCHEDULES = pytest.mark.parametrize("schedule", [CLOSED, OPEN], ids=["closed", "open"])


@cache
def plain() -> str:
    """The page of a bench without anything special."""
    return page(document(bench()))


def parsed(html: str) -> ET.Element:
    """By the standard's own algorithm, which forgives nothing here."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return cast("ET.Element", parser.parse(html))  # pyright: ignore[reportUnknownMemberType] - untyped


def text(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def local(root: ET.Element, name: str) -> Iterator[ET.Element]:
    """Elements of that name, of HTML and of SVG."""
    return (each for each in root.iter() if each.tag.rpartition("}")[2] == name)


def table(root: ET.Element, heading: str) -> list[list[str]]:
    """The rows of the table in the section under that heading, its head first."""
    [section] = [
        each for each in root.iter("section") if (title := each.find("h2")) is not None and text(title) == heading
    ]
    return [[text(cell) for cell in row] for row in section.iter("tr")]


def hostile(*, is_told: bool = True) -> dict[str, object]:
    """Words of others wherever a document has some. is_told: with figures, which a client that was too slow has not."""
    samples = [*map(streamed, range(12)), refused(12)]
    made = bench(samples=samples)
    for by in ("load", "messages", "connection"):
        made.tally.add(streamed(13), groups=[Group(by, f"7 {HOSTILE}")], broken=[HOSTILE])
    made.tally.errors[HOSTILE] += 1
    gate = evaluate(parse_gate("ttft.p50 > 1ms", made.tally.metrics), Figures(histograms={}, requests=1, errors=0))
    told = document(
        replace(
            made,
            target=BenchTarget(name=HOSTILE, url=None, model=HOSTILE),
            judged=1,
            stopped=HOSTILE,
            bottleneck_reasons=[] if is_told else [HOSTILE],
            workers=[Worker(name=HOSTILE, is_lost=True)],
            knee={"condition": HOSTILE, "sentence": HOSTILE, "steps": [{"load": 2, "outcome": "x", "said": HOSTILE}]},
            gates=[replace(gate, sentence=HOSTILE)],
        )
    )
    metric, streams = object_or_nothing(told["ttft_ms"]), object_or_nothing(told["streams"])
    kept = streams["kept"]
    assert isinstance(kept, list)
    kept[0]["error"] = HOSTILE
    return told | {"ttft_ms": {**metric, "definition": HOSTILE}}


class TestPage:
    @SCHEDULES
    def test_is_valid_html(self, schedule: Schedule) -> None:
        root = parsed(page(document(bench(schedule))))
        assert ["Latency of reference"] == [text(each) for each in root.iter("title")]

    def test_ids_are_there_once_and_labels_point_at_them(self) -> None:
        root = parsed(plain())
        identities = [each.attrib["id"] for each in root.iter() if "id" in each.attrib]
        labels = {each.attrib["aria-labelledby"] for each in root.iter() if "aria-labelledby" in each.attrib}
        assert (len(set(identities)), labels) == (len(identities), set(identities))

    @pytest.mark.parametrize(
        "made",
        [document(bench()), hostile(), hostile(is_told=False)],
        ids=["plain", "hostile", "hostile without figures"],
    )
    def test_loads_and_runs_nothing(self, made: dict[str, object]) -> None:
        root = parsed(page(made))
        assert [] == [tag for tag in ("script", "link", "img", "iframe", "object", "embed", "a") if [*local(root, tag)]]
        names = {name for each in root.iter() for name in each.attrib}
        assert set() == (names & LOADING) | {name for name in names if name.startswith("on")}
        assert "style" not in names
        assert not re.search(r"url\(|@import|https?:", "".join(text(each) for each in local(root, "style")))

    def test_its_policy_forbids_everything_but_its_own_style(self) -> None:
        html = plain()
        [policy] = [each.attrib["content"] for each in parsed(html).iter("meta") if "http-equiv" in each.attrib]
        [style] = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
        digest = b64encode(sha256(style.encode()).digest()).decode()
        assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" == policy

    def test_refuses_what_is_no_result(self) -> None:
        with pytest.raises(UsageError, match="is no result of a bench"):
            page({"format": "something else"})


class TestHostileWords:
    @pytest.mark.parametrize(("is_told", "least"), [(True, 10), (False, 5)])
    def test_are_shown_and_not_obeyed(self, is_told: bool, least: int) -> None:
        html = page(hostile(is_told=is_told))
        root = parsed(html)
        assert ("\u202e" in html, "\x00" in html, "<script" in html) == (False, False, False)
        shown = text(root)
        assert shown.count(f"{ECHOED}\\u202etxt.exe {{{{ 7*7 }}}}\\x00") >= least
        assert "49" not in re.findall(r"txt\.exe (\S+)", shown)

    def test_do_not_change_what_the_page_is_made_of(self) -> None:
        ours, theirs = parsed(plain()), parsed(page(hostile()))
        for tag in ("title", "style", "svg", "main", "header", "footer"):
            counts = [len([*local(root, tag)]) for root in (ours, theirs)]
            assert counts[0] == counts[1], tag


class TestReading:
    def test_each_plot_has_its_words_and_its_table(self) -> None:
        root = parsed(plain())
        figures = [*root.iter("figure")]
        assert ["svg", "figcaption"] * 6 == [each.tag.rpartition("}")[2] for figure in figures for each in figure]
        assert all(text(caption) for caption in root.iter("figcaption"))
        assert 6 == len([each for each in root.iter("details") if [*each.iter("table")]])
        # Decoration for those who see; the others have the table.
        assert {"true"} == {each.attrib["aria-hidden"] for each in local(root, "svg")}

    def test_every_metric_stands_there_with_its_definition_and_n(self) -> None:
        made = document(bench())
        rows = table(parsed(page(made)), "All figures")
        [ttft] = [row for row in rows if row[0] == "ttft"]
        stored = object_or_nothing(made["ttft_ms"])
        assert ["ms", "30", f"{stored['mean']:,.2f}"] == ttft[1:4]
        assert ttft[4].startswith(f"{stored['p50']:,.2f} (")
        assert ["–", f"{stored['max']:,.2f}", stored["definition"]] == ttft[-3:]

    def test_a_figure_near_the_instruments_own_error_is_marked(self) -> None:
        rows = table(parsed(page(document(replace(bench(), instrument_error_ns={"ttft": 12_000_000})))), "All figures")
        [ttft] = [row for row in rows if row[0] == "ttft"]
        assert (True, False) == (ttft[4].endswith(" ~"), ttft[8].endswith(" ~"))

    def test_errors_and_broken_rules_are_counted(self) -> None:
        made = bench(samples=[streamed(0), refused(1), refused(2)])
        made.tally.violations["sse.x"] += 1
        rows = table(parsed(page(document(replace(made, judged=3)))), "What went wrong")
        assert [["status 503", "error", "2"], ["sse.x", "rule", "1"]] == rows[1:]

    def test_what_spoils_the_figures_stands_on_top(self) -> None:
        spoiled = replace(
            bench(),
            bottleneck_reasons=["it was busy"],
            lost_requests=3,
            stopped="20 of the last 20 requests went wrong",
        )
        root = parsed(page(document(spoiled)))
        warned = [text(each) for header in root.iter("header") for each in header.iter("p")]
        assert [
            "The client was the bottleneck: it was busy. Figures would be its own: none is shown.",
            "Partial: a worker was lost, and 3 requests with it.",
            "Ended early: 20 of the last 20 requests went wrong.",
        ] == warned

    def test_a_client_that_was_the_bottleneck_gives_no_number(self) -> None:
        root = parsed(page(document(replace(bench(), bottleneck_reasons=["it was busy"]))))
        [ttft] = [row for row in table(root, "All figures") if row[0] == "ttft"]
        assert ["ttft", "ms", "30", *"??????"] == ttft[:-1]
        assert ["All figures"] == [text(each) for each in root.iter("h2")]
        assert [] == list(local(root, "svg"))

    def test_the_instruments_own_error_is_told_or_said_to_be_unknown(self) -> None:
        calibration = {"streams": 8, "ttft_error_ms": {"n": 50, "p50": 0.1234, "p99": None, "max": 2.0}}
        pages = [page(document(replace(bench(), calibration=each))) for each in (None, calibration)]
        assert [
            "not measured",
            "of a first token p50 0.12 ms, p99 – ms (n = 50, 8 streams); nothing of it is subtracted",
        ] == [text(each) for html in pages for each in list(parsed(html).iter("dd"))[-1:]]

    def test_a_search_for_the_knee_stands_before_its_figures(self) -> None:
        step = {"load": 16, "outcome": "overloaded", "said": "p95 is 900 ms"}
        knee = {"condition": "ttfs.p95 > 800ms", "sentence": "between 8 and 16 streams", "steps": [step]}
        root = parsed(page(document(replace(bench(), knee=knee))))
        headings = [text(each) for each in root.iter("h2")]
        assert headings.index("Where it gives way") < headings.index("How long until something comes")
        assert "ttfs.p95 > 800ms: between 8 and 16 streams" in [text(each) for each in root.iter("p")]
        assert [["16", "overloaded", "p95 is 900 ms"]] == table(root, "Where it gives way")[1:]

    def test_a_bench_without_an_answer_is_a_page_too(self) -> None:
        root = parsed(page(document(bench(samples=[refused(0), refused(1)]))))
        assert [["status 503", "error", "2"]] == table(root, "What went wrong")[1:]
