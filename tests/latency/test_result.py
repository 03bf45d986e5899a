"""The result: a document after its schema, with every figure where the contract has it, and back."""

import json
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from latency.samples import answered, sample
from vapi_conformance.exchange import Response
from vapi_conformance.latency.gates import Figures, evaluate, parse_gate
from vapi_conformance.latency.histograms import Histogram
from vapi_conformance.latency.machine import this_machine
from vapi_conformance.latency.metrics import Stage, TurnModel, metrics_for
from vapi_conformance.latency.result import (
    BenchTarget,
    Result,
    Worker,
    from_document,
    load,
    to_document,
    without_secrets,
)
from vapi_conformance.latency.schedules import ClosedLoop, OpenLoop, Schedule, constant
from vapi_conformance.latency.tally import Group, Tally
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import errors

TEXT = "A sentence that is long enough."
CLOSED = ClosedLoop(streams=2, requests=30, warm_up=3)


def tally(count: int = 30, loop: str = "closed") -> Tally:
    """TTFT of 101, 102, ... ms, and one refused request."""
    made = Tally(metrics_for("closed" if loop == "closed" else "open"))
    for number in range(1, count + 1):
        group = Group("connection", "new" if number == 1 else "reused")
        made.add(sample(answered((100 + number, TEXT), (300, " And more."))), groups=[group], broken=["sse.x"])
    made.add(sample(replace(answered((1, "no")), response=Response(status=503))))
    made.add_warm_up()
    return made


def result(schedule: Schedule = CLOSED) -> Result:
    return Result(
        started_at="2026-01-01T00:00:00Z",
        duration_s=12.34567,
        target=BenchTarget(name="reference", url="https://host.example/v1/chat/completions"),
        machine=this_machine(),
        settings={"concurrency": 2, "rate": None, "yes": True},
        schedule=schedule,
        tally=tally(loop="closed" if isinstance(schedule, ClosedLoop) else "open"),
    )


PLAIN = result()


def document(made: Result = PLAIN) -> dict[str, object]:
    """As it comes out of a file."""
    read: dict[str, object] = json.loads(json.dumps(to_document(made)))
    return read


def metric(key: str, made: Result = PLAIN) -> Mapping[str, object]:
    return object_or_nothing(document(made)[key])


def records(value: object) -> list[Mapping[str, object]]:
    return [object_or_nothing(each) for each in array_or_nothing(value)]


class TestSchema:
    @pytest.mark.parametrize(
        "made",
        [
            PLAIN,
            result(OpenLoop(phases=constant(5), requests=9)),
            replace(PLAIN, tally=Tally(metrics_for("closed"))),
            replace(
                PLAIN,
                calibration={"ttft_error_ms": {"p50": 0.1}},
                judged=30,
                bottleneck_reasons=["its loop was late"],
                workers=[Worker(name="node 2/0", is_lost=True), Worker(name="0", cpu_share=0.5, loop_lag_p99_ns=10**6)],
                knee={"between": [4, 8]},
                gates=[
                    evaluate(
                        parse_gate("ttft.p99 > 1s", metrics_for("closed")),
                        Figures(histograms={}, requests=1, errors=0),
                    )
                ],
            ),
        ],
    )
    def test_holds_whatever_was_measured(self, made: Result) -> None:
        assert () == errors("harness/bench", json.loads(json.dumps(to_document(made))))

    @pytest.mark.parametrize("loop", ["closed", "open"])
    def test_knows_every_metric(self, loop: str) -> None:
        schedule = CLOSED if loop == "closed" else OpenLoop(phases=constant(5), requests=9)
        found = document(result(schedule))
        assert {each.key for each in metrics_for("closed" if loop == "closed" else "open")} <= set(found)

    def test_refuses_a_metric_without_its_figures(self) -> None:
        broken = document()
        broken["ttft_ms"] = {"n": 3}
        assert errors("harness/bench", broken)


class TestFigures:
    def test_the_keys_of_the_contract(self) -> None:
        found = metric("ttft_ms")
        assert {"n", "mean", "p50", "p90", "p95", "p99", "max"} <= set(found)
        assert (30, 115.5, 101.0, 130.0) == (found["n"], found["mean"], found["min"], found["max"])
        assert 115.0 == pytest.approx(found["p50"], rel=0.001)

    def test_a_percentile_that_so_few_cannot_tell_is_none_and_says_what_it_needs(self) -> None:
        found = metric("ttft_ms")
        assert found["p99"] is None
        assert {"p99": 100} == found["needs"]
        assert "p99" not in object_or_nothing(found["ci"])

    def test_an_interval_may_be_open(self) -> None:
        low, high = array_or_nothing(object_or_nothing(metric("ttft_ms")["ci"])["p95"])
        assert 126.0 == pytest.approx(low, rel=0.001)
        assert high is None

    def test_what_was_not_measured_has_a_count_of_0_and_no_figure(self) -> None:
        found = metric("tls_ms")
        assert (0, None, None, None) == (found["n"], found["mean"], found["max"], found["histogram"])
        assert {"p50": 2, "p90": 10, "p95": 20, "p99": 100} == found["needs"]

    def test_the_definition_goes_along(self) -> None:
        assert str(metric("ttft_ms")["definition"]).startswith("Time to first token: to the first delta with content")

    def test_the_histogram_goes_along(self) -> None:
        stored = Histogram.decoded(str(metric("ttft_ms")["histogram"]))
        assert 30 == stored.n

    def test_figures_within_ten_times_the_instruments_error_are_flagged(self) -> None:
        near = {"ttft": 11_200_000}  # ten times that is 112 ms, which is less than the median
        assert [] == metric("ttft_ms", replace(PLAIN, instrument_error_ns=near))["near_instrument_error"]
        near = {"ttft": 11_600_000}
        assert ["p50", "mean"] == metric("ttft_ms", replace(PLAIN, instrument_error_ns=near))["near_instrument_error"]
        assert [] == metric("ttfs_ms", replace(PLAIN, instrument_error_ns=near))["near_instrument_error"]

    def test_what_the_client_was_late_in_sending_flags_times_from_the_intended_start(self) -> None:
        made = result(OpenLoop(phases=constant(5.0), requests=30))
        late = Tally(metrics_for("open"))
        for number in range(30):
            late.add(sample(answered((100, TEXT), end_ms=200), sent_ms=20 if number else 0))
        shown = replace(made, tally=late, instrument_error_ns={"ttft": 1_000, "ttft_from_sent": 1_000})
        assert ["p50", "p90", "p95", "mean"] == metric("ttft_ms", shown)["near_instrument_error"]
        assert [] == metric("ttft_from_sent_ms", shown)["near_instrument_error"]
        assert [] == metric("icl_ms", shown)["near_instrument_error"]


class TestTheRest:
    def test_errors_by_kind(self) -> None:
        assert {"count": 1, "share": 1 / 31, "by_kind": {"status 503": 1}} == document()["errors"]

    def test_requests_and_warm_up_are_apart(self) -> None:
        assert (31, 1) == (document()["requests"], document()["warm_up"])

    def test_violations_are_none_where_nobody_judged(self) -> None:
        assert document()["violations"] is None
        assert {"sse.x": 30} == document(replace(PLAIN, judged=30))["violations"]

    def test_the_client_was_the_bottleneck(self) -> None:
        assert document()["client_was_bottleneck"] is False
        assert document(replace(PLAIN, bottleneck_reasons=["its loop was late"]))["client_was_bottleneck"] is True

    def test_what_lost_a_worker_is_partial(self) -> None:
        lost = [replace(PLAIN, lost_requests=2), replace(PLAIN, workers=[Worker(name="node 2", is_lost=True)])]
        assert [False, True, True] == [document(made)["is_partial"] for made in (PLAIN, *lost)]

    def test_groups_are_apart(self) -> None:
        groups = records(document()["groups"])
        counts = [object_or_nothing(object_or_nothing(each["metrics"])["ttft_ms"])["n"] for each in groups]
        assert [("connection", "new"), ("connection", "reused")] == [(each["by"], each["value"]) for each in groups]
        assert [1, 29] == counts

    def test_no_credential_gets_in(self) -> None:
        url = "https://user:sk-secret@host.example:8443/v1/chat?key=sk-secret#sk-secret"
        found = document(replace(PLAIN, target=BenchTarget(name=url, url=url)))
        assert "sk-secret" not in json.dumps(found)
        assert "https://host.example:8443/v1/chat" == object_or_nothing(found["target"])["url"]

    def test_a_url_that_is_none_is_not_told(self) -> None:
        assert "a URL that cannot be read" == without_secrets("http://[sk-secret/")


class TestTurn:
    MODEL = TurnModel(stages=(Stage(name="voice", length_ns=100_000_000, source="assumed: x"),), budget_ns=212_000_000)

    def test_tells_stages_with_their_shares(self) -> None:
        found = object_or_nothing(document(replace(PLAIN, turn_model=self.MODEL))["turn"])
        stages = records(found["stages"])
        assert [("endpoint", True), ("voice", False)] == [(each["name"], each["is_measured"]) for each in stages]
        assert [115 / 215, 100 / 215] == pytest.approx([each["share_of_turn"] for each in stages], abs=0.001)
        assert [115 / 212, 100 / 212] == pytest.approx([each["share_of_budget"] for each in stages], abs=0.001)

    def test_tells_how_many_turns_kept_the_budget(self) -> None:
        turns = Histogram(each * 1_000_000 for each in (100, 200, 300, 400))
        made = tally()
        made.histograms["turn_ms"] = turns
        found = object_or_nothing(document(replace(PLAIN, turn_model=self.MODEL, tally=made))["turn"])
        assert 0.5 == found["within_budget_share"]

    def test_has_no_shares_where_nothing_was_spoken(self) -> None:
        found = object_or_nothing(document(replace(PLAIN, tally=Tally(metrics_for("closed"))))["turn"])
        stages = records(found["stages"])
        assert found["within_budget_share"] is None
        assert [None] * 4 == [each["share_of_turn"] for each in stages]


class TestReadingBack:
    def test_gives_counts_and_histograms(self, tmp_path: Path) -> None:
        path = tmp_path / "bench.json"
        path.write_text(json.dumps(document()), encoding="utf-8")
        stored = load(path)
        assert (31, 1) == (stored.requests, stored.errors)
        assert tally().histograms["ttft_ms"].encoded() == stored.histograms["ttft"].encoded()
        median = stored.histograms["ttft"].percentile(Fraction(1, 2))
        assert median is not None
        assert "tls" not in stored.histograms

    def test_names_the_file_that_is_none(self, tmp_path: Path) -> None:
        path = tmp_path / "other.json"
        path.write_text("{}", encoding="utf-8")
        with pytest.raises(UsageError, match=r"other\.json is no result of a bench"):
            load(path)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"version": 2}, "has version 2"),
            ({"machine": None}, "is no whole result of a bench: /machine None is not of type 'object'"),
            ({"ttft_ms": {**metric("ttft_ms"), "n": 31}}, "contradicts itself: ttft_ms has n = 31"),
            ({"ttft_ms": {**metric("ttft_ms"), "histogram": "AAAA"}}, "the histogram of ttft_ms is not an encoded"),
            ({"surprise": 1}, "is no whole result"),
        ],
        ids=["version", "machine", "count", "histogram", "more"],
    )
    def test_what_was_tampered_with_is_told(self, change: Mapping[str, object], words: str) -> None:
        with pytest.raises(UsageError, match=words):
            from_document({**document(), **change})

    @pytest.mark.parametrize("other", [None, [], "text", 3])
    def test_any_json_is_a_result_or_told(self, other: object) -> None:
        with pytest.raises(UsageError, match="is no result of a bench"):
            from_document(other)
