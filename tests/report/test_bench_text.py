"""The text of a bench: what it says when all is well, and above all when it is not."""

from collections.abc import Mapping
from typing import cast

from vapi_conformance.report.bench_text import bench_lines, level_lines

FIGURES: Mapping[str, object] = {
    "n": 40,
    "mean": 20.5,
    "p50": 19.604,
    "p90": 26.8,
    "p95": 27.5,
    "p99": None,
    "max": 101.25,
}
TTFT: Mapping[str, object] = {
    **FIGURES,
    "unit": "ms",
    "definition": "Time to first token.",
    "ci": {"p50": [18.56, 20.8], "p95": [26.67, None]},
    "needs": {"p99": 100},
    "near_instrument_error": ["p50"],
}
DOCUMENT: Mapping[str, object] = {
    "suite": {"duration_s": 1.5},
    "target": {"url": "https://host.example/v1", "model": "m"},
    "machine": {"cpu": "A processor", "cores": 2, "system": "Linux 6", "python": "CPython 3.11"},
    "schedule": {"kind": "closed", "streams": 1},
    "requests": 40,
    "warm_up": 2,
    "errors": {"count": 0, "share": 0.0, "by_kind": {}},
    "judged": 40,
    "violations": {},
    "heard": {"heard": 40},
    "stopped": None,
    "bottleneck_reasons": [],
    "client_was_bottleneck": False,
    "ttft_ms": TTFT,
    "groups": [],
    "gates": [],
}


def lines(**changes: object) -> list[str]:
    return [line.text for line in bench_lines({**DOCUMENT, **changes})]


def workers(*lost: str) -> list[Mapping[str, object]]:
    return [{"name": "another", "is_lost": False}, *({"name": name, "is_lost": True} for name in lost)]


def group(by: str, value: str) -> Mapping[str, object]:
    return {"by": by, "value": value, "metrics": {"ttft_ms": FIGURES}}


class TestTable:
    def test_a_figure_near_the_instrument_s_error_is_marked(self) -> None:
        (row,) = [line for line in lines() if line.startswith("ttft ms   ") and "40" in line]
        assert ["40", "20.50", "19.60~", "26.80", "27.50", "-", "101.2"] == row.split()[2:9]
        assert row.endswith("    18.56 to 20.80        26.67 to ?")
        assert "~ less than ten times the instrument's own error: do not rely on it" in lines()
        assert "- too few values: p99 from 100 on" in lines()

    def test_figures_of_any_length_are_told_apart(self) -> None:
        figures = dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "max"), 348153013264.6)
        told = lines(ttft_ms={**TTFT, **figures, "ci": {"p50": [348153013264.6, 348153013264.6]}})
        (row,) = [line for line in told if line.startswith("ttft ms   ") and "40" in line.split()]
        assert ["348153013264.6"] * 2 == [cell.rstrip("~") for cell in row.split()[3:5]]

    def test_a_client_that_was_the_bottleneck_gives_no_number(self) -> None:
        told = lines(
            bottleneck_reasons=["process 1 was busy"], client_was_bottleneck=True, groups=[group("load", "1")] * 2
        )
        assert "the client was the bottleneck: figures would be its own and not the endpoint's" in told
        assert "  process 1 was busy" in told
        assert not any("19.60" in line for line in told)
        assert any(line.startswith("ttft ms") and line.split()[2:] == ["40", *["?"] * 8] for line in told)

    def test_without_any_figure_it_says_so(self) -> None:
        told = lines(ttft_ms={**TTFT, "n": 0}, requests=0)
        assert "no request gave a figure" in told

    def test_groups_are_told_where_there_are_several_in_their_natural_order(self) -> None:
        told = lines(groups=[group("messages", "10"), group("messages", "9"), group("connection", "new")])
        assert ["9", "10"] == [line.split()[0] for line in told if line.startswith("  ") and "26.80" in line]
        assert not any("by connection" in line for line in told)

    def test_an_open_loop_says_its_rates(self) -> None:
        phases = [{"from_rate": 1.0, "to_rate": 20.0}]
        told = lines(schedule={"kind": "open", "arrivals": "poisson", "phases": phases})
        assert any("open loop, 1.000 to 20.00 a second, poisson arrivals" in line for line in told)


class TestTrouble:
    def test_errors_are_counted_by_kind(self) -> None:
        told = lines(errors={"count": 3, "share": 0.075, "by_kind": {"status 429": 2, "timed out": 1}})
        assert "errors: 3 of 40 requests (7.5%): 2 status 429, 1 timed out" in told

    def test_rules_are_told_by_level_and_as_a_sample_where_it_was_one(self) -> None:
        document = {**DOCUMENT, "judged": 10, "violations": {"a.may": 1, "z.must": 4}}
        told = [line.text for line in bench_lines(document, levels={"a.may": "MAY", "z.must": "MUST"})]
        at = told.index("rules broken under load, judged on a sample of 10 of 40:")
        assert ["       4  MUST   z.must", "       1  MAY    a.may"] == told[at + 1 : at + 3]

    def test_whole_calls_that_were_judged_are_counted(self) -> None:
        words = "rules: none was broken, judged on each of 40 answers and on 3 whole calls"
        assert words in lines(judged_calls=3)

    def test_no_judge_is_no_pass(self) -> None:
        assert "rules: not judged" in lines(judged=None, violations=None)
        assert "rules: not judged, because no answer came" in lines(judged=0)

    def test_a_partial_result_and_an_early_end_are_said_at_the_top(self) -> None:
        told = lines(is_partial=True, lost_requests=7, stopped="interrupted by the user", workers=workers("process 2"))
        assert ["ended early: interrupted by the user", "partial: process 2 was lost, with 7 requests"] == told[3:5]

    def test_whoever_was_lost_is_named_once(self) -> None:
        def told(*lost: str) -> str:
            return lines(is_partial=True, lost_requests=1, workers=workers(*lost))[3]

        assert "partial: node 5f2a90cc was lost, with 1 request" == told("node 5f2a90cc", "node 5f2a90cc")
        assert "partial: process 1 was lost, with 1 request" == told("process 1", "process 1, load 2")
        words = "partial: node a, process 1 and node b were lost, with 1 request"
        assert words == told("node a, process 1", "node b", "node a, process 1, load 3")
        many = told(*(f"node {number}" for number in range(1, 8)))
        assert "partial: node 1, node 2, node 3, node 4 and 3 more were lost, with 1 request" == many

    def test_a_machine_that_was_busy_is_said(self) -> None:
        machine = {"cores": 2, "load_average": [1.5, 0.5, 0.5]}
        words = "the machine was busy with something else when this began: load average 1.500"
        assert words in lines(machine=machine)
        assert words not in lines(machine={**machine, "cores": 4})

    def test_gates_and_knees_are_told_last(self) -> None:
        steps = [{"load": 4, "outcome": "carried", "said": "ttft.p50 is 4 ms (n = 9)"}]
        knee = {"condition": "ttft.p50 > 9ms", "sentence": "carried 4, not 8", "steps": steps}
        told = lines(knee=knee, gates=[{"outcome": "failed", "sentence": "errors > 1: fails"}])
        assert [
            "  at 4: carried, ttft.p50 is 4 ms (n = 9)",
            "knee of ttft.p50 > 9ms: carried 4, not 8",
            "--fail-if errors > 1: fails",
        ] == told[-3:]

    def test_a_document_of_somebody_else_cannot_break_it(self) -> None:
        hostile = cast("Mapping[str, object]", {"groups": 3, "turn": [], "schedule": None, "gates": {}, "workers": [1]})
        assert list(bench_lines(hostile))


class TestCalibration:
    def test_stands_beside_the_figures(self) -> None:
        errors = {"n": 9, "p50": 0.009, "p99": None, "max": 0.85}
        level = {"streams": 8, "is_from_cache": True, "measured_at": "2026-01-01", "ttft_error_ms": errors}
        told = lines(calibration={**level, "gap_error_ms": {**errors, "p99": 0.012}})
        at = told.index("the instrument's own error at 8 streams, measured 2026-01-01, not subtracted:")
        assert (
            "  first token 0.009 at p50, 0.850 at most (of 9) ms; between chunks 0.009 at p50, 0.012 at p99 ms"
            == told[at + 1]
        )

    def test_a_level_that_was_not_reached_is_said(self) -> None:
        level = {"streams": 8, "asked": 10, "answered": 7, "bottleneck_reasons": ["busy"]}
        told = [line.text for line in level_lines([level])]
        assert ["  7 of 10 answers were whole", "  the client was the bottleneck: busy"] == told[-2:]
