"""Gates on a stored bench: recomputed, with the instrument's error allowed for, and unsaid where nothing is proved."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import pytest

from made_benches import CLOSED, OPEN, bench, document, refused, streamed
from made_certificates import small_plan
from vapi_conformance.certificate.thresholds import GateFinding, gate_findings
from vapi_conformance.latency.gates import GateOutcome
from vapi_conformance.latency.result import BenchTarget, Result
from vapi_conformance.rules.rule import Level

SAY = "Hello."
TARGET = {"name": "a", "url": None, "platform": "vapi", "dialect": "openai_compatible", "model": "m"}
LOAD = {"streams": 2, "requests": 30, "warm_up": 0, "say": SAY}
EXACT: dict[str, object] = {
    "ttft_error_ms": {"n": 500, "p50": 0.0, "p99": 0.0, "max": 0.0},
    "gap_error_ms": {"n": 500, "p50": 0.0, "p99": 0.0, "max": 0.0},
}


def errors_of(*, ttft_ms: float | None = 0.0, gap_ms: float | None = 0.0) -> dict[str, object]:
    """p99 of the instrument's own; None: too few to tell, and 5 ms was the greatest."""
    return {
        name: {"n": 500, "p50": 0.0, "p99": p99, "max": 5.0}
        for name, p99 in (("ttft_error_ms", ttft_ms), ("gap_error_ms", gap_ms))
    }


def measured(calibration: Mapping[str, object] | None = EXACT) -> Result:
    """30 answers, whose first words come after 100 to 129 ms."""
    target = BenchTarget(name="a", platform="vapi", dialect="openai_compatible", model="m")
    return replace(bench(CLOSED), target=target, settings=LOAD, calibration=calibration)


def findings(*conditions: str, of: Result | None = None, weighs: str = "MUST") -> list[GateFinding]:
    plan = small_plan(load=LOAD, target=TARGET, gates=[{"fail_if": each, "weighs": weighs} for each in conditions])
    return gate_findings(plan, document(measured() if of is None else of))


def outcome(condition: str, of: Result | None = None) -> tuple[GateOutcome, str]:
    (found,) = findings(condition, of=of)
    return found.outcome, found.sentence


class TestWhatWasMeasured:
    def test_a_figure_within_its_limit_passes_with_the_figure_and_the_error(self) -> None:
        assert (
            GateOutcome.PASSED,
            "ttfs.p95 > 500ms: passes, ttfs.p95 is 128.057 ms (n = 30); the instrument may be wrong by 0 ms",
        ) == outcome("ttfs.p95 > 500ms")

    def test_one_beyond_it_fails(self) -> None:
        assert GateOutcome.FAILED is outcome("ttfs.p95 > 120ms")[0]

    def test_the_figures_are_those_of_the_histogram_and_not_the_ones_that_are_written(self) -> None:
        forged = document(measured())
        forged["ttfs_ms"] = {**cast("dict[str, object]", forged["ttfs_ms"]), "p95": 1.0}
        plan = small_plan(load=LOAD, target=TARGET, gates=[{"fail_if": "ttfs.p95 > 120ms", "weighs": "MUST"}])
        assert [GateOutcome.FAILED] == [each.outcome for each in gate_findings(plan, forged)]

    def test_a_histogram_that_contradicts_its_count_proves_nothing(self) -> None:
        forged = document(measured())
        forged["ttfs_ms"] = {**cast("dict[str, object]", forged["ttfs_ms"]), "n": 29}
        plan = small_plan(load=LOAD, target=TARGET, gates=[{"fail_if": "ttfs.p95 > 500ms", "weighs": "MUST"}])
        (found,) = gate_findings(plan, forged)
        assert GateOutcome.CANNOT_BE_SAID is found.outcome
        assert "contradicts itself" in found.sentence

    def test_a_percentile_that_so_few_cannot_tell_is_unsaid(self) -> None:
        found, sentence = outcome("ttfs.p99 > 500ms")
        assert (GateOutcome.CANNOT_BE_SAID, True) == (found, "needs at least 100 values" in sentence)

    def test_each_keeps_its_weight_and_its_place(self) -> None:
        found = findings("ttfs.p95 > 120ms", "errors > 1%", weighs="SHOULD")
        assert [("ttfs.p95 > 120ms", Level.SHOULD), ("errors > 1%", Level.SHOULD)] == [
            (each.text, each.weighs) for each in found
        ]

    def test_a_plan_without_gates_asks_for_nothing(self) -> None:
        assert [] == gate_findings(small_plan(), None)


class TestTheInstrumentsOwnError:
    @pytest.mark.parametrize(
        ("limit", "expected"),
        [
            ("110ms", GateOutcome.FAILED),
            ("125ms", GateOutcome.CANNOT_BE_SAID),
            ("131ms", GateOutcome.CANNOT_BE_SAID),
            ("140ms", GateOutcome.PASSED),
        ],
    )
    def test_a_limit_within_it_cannot_be_said(self, limit: str, expected: GateOutcome) -> None:
        """p95 is 128 ms, and the instrument may be wrong by 4 ms either way."""
        assert expected is outcome(f"ttfs.p95 > {limit}", measured(errors_of(ttft_ms=4.0)))[0]

    def test_the_sentence_says_why(self) -> None:
        assert (
            "the limit lies within the instrument's own error"
            in outcome("ttfs.p95 > 131ms", measured(errors_of(ttft_ms=4.0)))[1]
        )

    def test_the_greatest_stands_for_a_percentile_that_so_few_cannot_tell(self) -> None:
        assert "may be wrong by 5 ms" in outcome("ttfs.p95 > 500ms", measured(errors_of(ttft_ms=None)))[1]

    def test_each_silence_may_be_wrong_by_the_error_of_a_gap(self) -> None:
        """Answers of two pieces."""
        assert "may be wrong by 0.006 s" in outcome("dead_air.max > 1s", measured(errors_of(gap_ms=3.0)))[1]

    def test_without_a_calibration_no_time_is_said(self) -> None:
        found, sentence = outcome("ttfs.p95 > 500ms", measured(None))
        assert (GateOutcome.CANNOT_BE_SAID, True) == (found, "own error is not known" in sentence)

    def test_a_client_that_was_the_bottleneck_proves_no_time(self) -> None:
        for condition in ("ttfs.p95 > 500ms", "ttfs.p95 > 1ms", "dead_air.max > 1s"):
            found, sentence = outcome(condition, replace(measured(), bottleneck_reasons=("it was busy",)))
            assert (GateOutcome.CANNOT_BE_SAID, True) == (found, "was the bottleneck (it was busy)" in sentence)

    def test_nor_does_one_of_which_a_part_was_lost(self) -> None:
        assert GateOutcome.CANNOT_BE_SAID is outcome("ttfs.p95 > 500ms", replace(measured(), lost_requests=2))[0]


class TestErrors:
    def test_a_slow_client_hides_none(self) -> None:
        slow = replace(measured(), bottleneck_reasons=("it was busy",))
        assert GateOutcome.PASSED is outcome("errors > 1%", slow)[0]

    def test_those_that_came_are_counted(self) -> None:
        with_errors = bench(CLOSED, samples=[*map(streamed, range(29)), refused(29)])
        found, sentence = outcome("errors > 1%", replace(measured(), tally=with_errors.tally))
        assert (GateOutcome.FAILED, True) == (found, "1 of 30 requests" in sentence)

    def test_a_load_that_was_cut_short_may_not_have_met_them_yet(self) -> None:
        short = bench(CLOSED, samples=[*map(streamed, range(29))])
        found, sentence = outcome("errors > 1%", replace(measured(), tally=short.tally))
        assert (GateOutcome.CANNOT_BE_SAID, True) == (found, "29 of the 30 planned requests" in sentence)

    def test_and_those_that_it_met_fail_it_all_the_same(self) -> None:
        short = bench(CLOSED, samples=[*map(streamed, range(10)), *map(refused, range(10, 20))])
        assert (
            GateOutcome.FAILED
            is outcome("errors > 1%", replace(measured(), tally=short.tally, stopped="too many errors"))[0]
        )


class TestWhatWasPlanned:
    @pytest.mark.parametrize("condition", ["ttfs.p95 > 500ms", "errors > 1%"])
    @pytest.mark.parametrize(
        ("other", "says"),
        [
            (replace(measured(), schedule=replace(CLOSED, streams=1)), "another load was played than was planned"),
            (replace(measured(), schedule=OPEN), "another load was played than was planned"),
            (replace(measured(), settings={**LOAD, "say": "Hi."}), "other words were said than were planned"),
            (replace(measured(), target=BenchTarget(name="b", model="m")), "another endpoint was measured"),
            (replace(measured(), target=BenchTarget(name="a", model="n")), "another endpoint was measured"),
        ],
        ids=["streams", "an open loop", "words", "an endpoint", "a model"],
    )
    def test_something_else_proves_nothing(self, condition: str, other: Result, says: str) -> None:
        found, sentence = outcome(condition, other)
        assert (GateOutcome.CANNOT_BE_SAID, True) == (found, says in sentence)

    def test_half_a_load_proves_no_time(self) -> None:
        for half in (
            replace(measured(), stopped="by somebody"),
            replace(measured(), tally=bench(CLOSED, samples=[*map(streamed, range(29))]).tally),
        ):
            assert GateOutcome.CANNOT_BE_SAID is outcome("ttfs.max > 5s", half)[0]

    def test_a_bench_of_another_form_proves_nothing(self) -> None:
        plan = small_plan(load=LOAD, gates=[{"fail_if": "errors > 1%", "weighs": "MUST"}])
        (found,) = gate_findings(plan, {"format": "vapi-conformance/bench", "version": 1})
        assert GateOutcome.CANNOT_BE_SAID is found.outcome
        assert found.sentence.startswith("errors > 1%: cannot be said, because bench.json is no whole result")
