"""Comparing benches: a change is found, none is not invented, and what else differs is told."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from random import Random
from statistics import fmean, stdev

import pytest

from vapi_conformance.latency.compare import Comparison, Difference, compare, newcombe, to_document
from vapi_conformance.latency.compare import _drawn as drawn  # pyright: ignore[reportPrivateUsage] - checked by itself
from vapi_conformance.latency.histograms import Histogram
from vapi_conformance.latency.metrics import metrics_for
from vapi_conformance.latency.result import StoredResult
from vapi_conformance.schema import errors as schema_errors

MS = 1_000_000
MACHINE = {"cpu": "A", "cores": 2, "load_average": [0.1, 0.1, 0.1]}


def run(
    *,
    median_ms: float = 400.0,
    n: int = 500,
    seed: int = 1,
    failed: int = 0,
    loop: str = "closed",
    histograms: Mapping[str, Histogram] | None = None,
    document: Mapping[str, object] | None = None,
) -> StoredResult:
    """TTFT of some hundred milliseconds with a long tail, as endpoints have it."""
    random = Random(seed)
    ttft = Histogram(round(random.lognormvariate(math.log(median_ms), 0.4) * MS) for _ in range(n))
    plain: dict[str, object] = {"client_was_bottleneck": False, "is_partial": False, "machine": MACHINE}
    return StoredResult(
        document={**plain, **(document or {})},
        histograms={"ttft": ttft} if histograms is None else histograms,
        metrics=metrics_for("closed" if loop == "closed" else "open"),
        requests=n,
        errors=failed,
    )


def calibrated(histograms: Mapping[str, Histogram], *, loop: str = "closed") -> StoredResult:
    """With an instrument that is off by half a millisecond."""
    level = {"ttft_error_ms": {"n": 200, "p50": 0.1, "p99": 0.5, "max": 3.0}, "gap_error_ms": {"p99": None, "max": 0.2}}
    return run(histograms=histograms, document={"calibration": level}, loop=loop)


def uncalibrated(result: StoredResult) -> StoredResult:
    return replace(result, document={**result.document, "calibration": None})


def found(comparison: Comparison, figure: str = "p50", name: str = "ttft") -> Difference:
    return next(each for each in comparison.differences if (each.metric.name, each.figure) == (name, figure))


class TestJudgement:
    def test_a_run_has_not_changed_from_itself(self) -> None:
        comparison = compare(run(), run())
        assert {"no evidence of change"} == {each.judgement for each in comparison.differences}
        assert "no evidence of change" == comparison.errors.judgement
        assert not comparison.is_worse

    def test_a_slower_endpoint_is_worse(self) -> None:
        comparison = compare(run(), run(median_ms=480, seed=2))
        difference = found(comparison)
        assert "worse" == difference.judgement
        assert difference.low is not None
        assert difference.high is not None
        assert 0 < difference.low < 80 < difference.high
        assert comparison.is_worse

    def test_a_quicker_endpoint_is_better(self) -> None:
        comparison = compare(run(median_ms=480, seed=2), run())
        assert "better" == found(comparison).judgement
        assert not comparison.is_worse

    def test_a_higher_rate_is_better(self) -> None:
        slow, fast = (run(histograms={"tokens": Histogram([rate] * 50)}) for rate in (20_000, 40_000))
        assert "better" == found(compare(slow, fast), name="tokens").judgement
        assert "worse" == found(compare(fast, slow), name="tokens").judgement

    def test_of_pieces_neither_more_nor_fewer_are_better(self) -> None:
        few, many = (run(histograms={"pieces": Histogram([count] * 50)}) for count in (2, 4))
        assert "changed" == found(compare(few, many), name="pieces").judgement

    def test_a_small_change_is_not_seen_in_few_values(self) -> None:
        assert "no evidence of change" == found(compare(run(n=30), run(median_ms=410, n=30, seed=2))).judgement

    def test_runs_of_the_same_endpoint_seldom_look_changed(self) -> None:
        wrong = sum(
            found(compare(run(n=110, seed=2 * pair), run(n=110, seed=2 * pair + 1)), figure).judgement
            != "no evidence of change"
            for pair in range(20)
            for figure in ("p50", "p95")
        )
        assert wrong <= 2  # seeded; 1 % of 40 is less than one

    def test_the_same_files_give_the_same_answer(self) -> None:
        one, other = (compare(run(), run(seed=2), seed=3) for _ in range(2))
        assert one == other

    def test_what_too_few_values_cannot_tell_is_said_so(self) -> None:
        difference = found(compare(run(), run(n=103)), "p95")
        assert "cannot be said" == difference.judgement
        words = "cannot be said, because p95 needs at least 104 values here, and the second run has 103"
        assert f"ttft p95: {words}" == difference.sentence

    def test_what_only_one_run_has_cannot_be_said(self) -> None:
        comparison = compare(run(histograms={"tls": Histogram([5] * 40)}), run())
        assert "cannot be said" == found(comparison, name="tls").judgement
        assert "the second run has 0" in found(comparison, name="tls").sentence
        assert "the first run has 0" in found(comparison).sentence

    @pytest.mark.parametrize(("first", "second", "which"), [(True, False, "first"), (False, True, "second")])
    def test_figures_of_a_client_that_was_the_bottleneck_say_nothing(
        self, first: bool, second: bool, which: str
    ) -> None:
        before, after = run(document={"client_was_bottleneck": first}), run(median_ms=800)
        comparison = compare(before, replace(after, document={**after.document, "client_was_bottleneck": second}))
        words = f"ttft p50: cannot be said, because in the {which} run the client was the bottleneck"
        assert words == found(comparison).sentence
        assert not comparison.is_worse

    def test_figures_that_begin_elsewhere_are_not_compared_and_others_are(self) -> None:
        given = {name: Histogram([20 * MS] * 50) for name in ("ttft", "icl")}
        comparison = compare(run(histograms=given), run(histograms=given, loop="open"))
        words = "the one run counts from the intended start of a request and the other from its sending"
        assert f"ttft p50: cannot be said, because {words}" == found(comparison).sentence
        assert "no evidence of change" == found(comparison, name="icl").judgement

    def test_what_the_instruments_own_errors_may_explain_is_no_evidence(self) -> None:
        first, second = (calibrated({"ttft": Histogram([us * 1000] * 100)}) for us in (100_000, 100_900))
        difference = found(compare(first, second))
        assert "worse" == found(compare(uncalibrated(first), uncalibrated(second))).judgement
        words = "the instruments' own errors may explain that, 0.5 ms and 0.5 ms"
        assert f"ttft p50: no evidence of change, 100 to 100.9 ms, +0.9 ms (between +0.9 and +0.9): {words}" == (
            difference.sentence
        )
        assert 1.0 == difference.instrument_error

    def test_a_difference_beyond_the_instruments_own_errors_is_a_change(self) -> None:
        first, second = (calibrated({"ttft": Histogram([ms * MS] * 100)}) for ms in (100, 102))
        assert ["worse", "better"] == [found(compare(*pair)).judgement for pair in ((first, second), (second, first))]

    def test_in_an_open_loop_the_clients_own_delay_is_an_error_of_the_instrument(self) -> None:
        late = {"ttft": Histogram([100 * MS] * 100), "own_delay": Histogram([20 * MS] * 100)}
        slower = {**late, "ttft": Histogram([130 * MS] * 100), "ttft_from_sent": Histogram([130 * MS] * 100)}
        runs = [calibrated({"ttft_from_sent": late["ttft"], **each}, loop="open") for each in (late, slower)]
        assert "no evidence of change" == found(compare(*runs)).judgement
        assert "worse" == found(compare(*runs), name="ttft_from_sent").judgement

    @pytest.mark.parametrize("error", [{"p99": 1e300, "max": 1}, {"p99": True}, {"p99": -1.0}, {"p99": "1"}, [], 7])
    def test_a_calibration_that_is_none_explains_nothing(self, error: object) -> None:
        first, second = (
            run(histograms={"ttft": Histogram([ms * MS] * 100)}, document={"calibration": {"ttft_error_ms": error}})
            for ms in (100, 101)
        )
        assert ("worse", None) == ((told := found(compare(first, second))).judgement, told.instrument_error)

    def test_is_told_in_a_sentence(self) -> None:
        fast, slow = (run(histograms={"ttft": Histogram([ms * MS] * 100)}) for ms in (100, 200))
        assert "ttft p50: worse, 100 to 200 ms, +100 ms (between +100 and +100)" == found(compare(fast, slow)).sentence


class TestBootstrap:
    def test_draws_spread_as_if_all_values_were_drawn_again(self) -> None:
        random = Random(4)
        values = [random.randrange(10**9) for _ in range(200)]
        rank = 190
        slow = [sorted(random.choices(values, k=200))[rank - 1] for _ in range(4000)]
        quick = drawn(Histogram(values), Fraction(95, 100), random)
        assert fmean(slow) == pytest.approx(fmean(quick), rel=0.005)
        assert stdev(slow) == pytest.approx(stdev(quick), rel=0.08)

    def test_the_least_and_the_greatest_value_can_be_drawn_and_none_beyond(self) -> None:
        found_values = set(drawn(Histogram([1, 2, 3]), Fraction(1, 2), Random(1)))
        assert {1, 2, 3} == found_values


class TestErrors:
    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [(0, 0, "no evidence of change"), (0, 2, "no evidence of change"), (0, 30, "worse"), (60, 10, "better")],
    )
    def test_shares(self, before: int, after: int, expected: str) -> None:
        assert expected == compare(run(failed=before), run(failed=after)).errors.judgement

    def test_the_interval_is_newcombes(self) -> None:
        """His first example: 56 of 70 against 48 of 80, at 95 %."""
        assert (0.0524, 0.3339) == pytest.approx(newcombe((48, 80), (56, 70), confidence=0.95), abs=0.00005)

    def test_the_interval_is_sound_where_nothing_went_wrong(self) -> None:
        """His example of 0 of 10 against 0 of 10 (zero cells), at 95 %."""
        assert (-0.2775, 0.2775) == pytest.approx(newcombe((0, 10), (0, 10), confidence=0.95), abs=0.00005)

    def test_no_request_cannot_be_compared(self) -> None:
        errors = compare(run(), run(n=0)).errors
        assert "cannot be said" == errors.judgement
        assert errors.sentence.endswith("one of the runs measured no request")

    def test_are_told_in_a_sentence(self) -> None:
        assert compare(run(), run(failed=30)).errors.sentence.startswith("errors: worse, 0 % to 6 % (between +")


class TestWarnings:
    def test_none_where_nothing_differs(self) -> None:
        assert () == compare(run(), run()).warnings

    @pytest.mark.parametrize(
        ("second", "words"),
        [
            ({"machine": {**MACHINE, "cpu": "B"}}, "machine: cpu is A and B"),
            ({"machine": {**MACHINE, "cores": None}}, "machine: cores is 2 and not set"),
            ({"settings": {"concurrency": 8}}, "settings: concurrency is not set and 8"),
            ({"schedule": {"kind": "open"}}, "schedule: kind is not set and open"),
            ({"target": {"name": "x" * 80}}, f"target: name is not set and {'x' * 57}..."),
            ({"is_partial": True}, "the second run is partial: a worker was lost"),
            (
                {"calibration": None},
                "the instrument was not calibrated for the second run: how wrong it was is not known",
            ),
            (
                {"client_was_bottleneck": True},
                "in the second run the client was the bottleneck: its figures are not the endpoint's",
            ),
        ],
        ids=["cpu", "cores", "settings", "schedule", "target", "partial", "no calibration", "bottleneck"],
    )
    def test_what_else_differs(self, second: Mapping[str, object], words: str) -> None:
        assert (words,) == compare(run(), run(document=second)).warnings

    @pytest.mark.parametrize(
        "second",
        [{"machine": {**MACHINE, "load_average": [9, 9, 9]}}, {"settings": {"yes": True}}, {"schedule": {"total": 9}}],
        ids=["load", "yes", "total"],
    )
    def test_what_explains_nothing_is_not_told(self, second: Mapping[str, object]) -> None:
        assert () == compare(run(), run(document=second)).warnings

    def test_an_open_loop_counts_otherwise_than_a_closed_one(self) -> None:
        words = "the one run counts from the intended start of a request and the other from its sending"
        assert (words,) == compare(run(), run(loop="open")).warnings


class TestDocument:
    @pytest.mark.parametrize(("first", "second"), [(run(), run(median_ms=500)), (run(n=5), run(n=0))])
    def test_keeps_its_schema(self, first: StoredResult, second: StoredResult) -> None:
        document = json.loads(json.dumps(to_document(compare(first, second))))
        assert () == schema_errors("harness/compare", document)
