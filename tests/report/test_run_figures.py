"""The figures of a document that are looked at over time."""

import json

import pytest

from made_benches import bench, document
from made_history import report
from vapi_conformance.report.run_figures import SHOWN, figures_of

STREAM = "text/event-stream"


def played(first_ms: object, *silences_ms: object, content_type: str = STREAM) -> dict[str, object]:
    """An exchange as a report tells it, with what is looked at."""
    return {
        "content_type": content_type,
        "pieces": [{"at_ms": first_ms}, {"at_ms": 9999}],
        "dead_air": [{"from_ms": 1, "ms": each} for each in silences_ms],
    }


class TestReport:
    def test_tells_the_median_and_the_worst(self) -> None:
        told = figures_of(report(played=[played(100), played(300, 50, 700), played(200)]))
        assert {"first_speech_ms.p50": 200, "first_speech_ms.max": 300, "dead_air_ms.max": 700} == told

    def test_counts_streams_only(self) -> None:
        assert {} == figures_of(report(played=[played(100, content_type="application/json")]))

    def test_without_exchanges_tells_nothing(self) -> None:
        assert {} == figures_of(report())

    @pytest.mark.parametrize("hostile", [None, True, "soon", [], float("nan"), float("inf"), 10**400], ids=repr)
    def test_takes_numbers_only(self, hostile: object) -> None:
        assert {} == figures_of(report(played=[played(hostile)]))
        assert 5 == figures_of(report(played=[played(5), played(hostile)]))["first_speech_ms.p50"]


class TestBench:
    def test_tells_percentiles_that_it_has(self) -> None:
        read = document(bench())
        metric = read["ttft_ms"]
        assert isinstance(metric, dict)
        told = figures_of(read)
        assert metric["p50"] == told["ttft_ms.p50"]
        assert metric["p99"] is None
        assert "ttft_ms.p99" not in told

    def test_tells_the_share_of_errors(self) -> None:
        assert 0 == figures_of(document(bench()))["errors.share"]

    def test_takes_no_more_than_a_column_holds(self) -> None:
        many = {f"{'x' * 300}{number}_ms": {"p50": 1} for number in range(500)}
        told = figures_of({**document(bench()), **many})
        assert len(told) <= 200
        assert max(map(len, told)) <= 100


def test_what_is_usually_shown_is_there() -> None:
    shown = json.dumps(sorted(figures_of(report(played=[played(1)]))))
    assert json.dumps(sorted(SHOWN["report"])) == shown
    assert {"ttft_ms.p50", "ttfs_ms.p50"} <= set(figures_of(document(bench())))
