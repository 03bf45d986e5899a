"""Gates: what can be said, what is told where it cannot be read, and how it comes out."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.latency.gates import Figures, Gate, GateOutcome, GateResult, evaluate, parse_gate
from vapi_conformance.latency.histograms import Histogram
from vapi_conformance.latency.metrics import metrics_for
from vapi_conformance.problems import UsageError

METRICS = metrics_for("closed")
MS = 1_000_000


def gate(text: str) -> Gate:
    return parse_gate(text, METRICS)


def result(text: str, *ttft_ms: int, errors: int = 0, requests: int | None = None) -> GateResult:
    histograms = {"ttft": Histogram(each * MS for each in ttft_ms)} if ttft_ms else {}
    asked = len(ttft_ms) + errors if requests is None else requests
    return evaluate(gate(text), Figures(histograms=histograms, requests=asked, errors=errors))


class TestReading:
    @pytest.mark.parametrize(
        ("text", "name", "figure", "operator", "limit"),
        [
            ("ttft.p95 > 800ms", "ttft", "p95", ">", 800 * MS),
            ("dead_air.max >= 2 s", "dead_air", "max", ">=", 2000 * MS),
            ("  ttfs.p99.9>0.5s ", "ttfs", "p99.9", ">", 500 * MS),
            ("tokens.p50 < 20", "tokens", "p50", "<", 20_000),
            ("pieces.mean <= 1", "pieces", "mean", "<=", 1),
            ("ttft.n < 100", "ttft", "n", "<", 100),
            ("errors > 1%", "errors", "", ">", Fraction(1, 100)),
            ("errors >= 3", "errors", "", ">=", 3),
        ],
    )
    def test_conditions(self, text: str, name: str, figure: str, operator: str, limit: Fraction) -> None:
        found = gate(text)
        assert (name, figure, operator, limit) == (found.name, found.figure, found.operator, found.limit)
        assert text.strip() == found.text

    @pytest.mark.parametrize(
        ("text", "place", "words"),
        [
            ("", 0, "a name is expected: headers, ttft, "),
            ("> 3", 0, "a name is expected"),
            ("ttfx.p95 > 1s", 0, "there is no ttfx; known are headers, ttft, "),
            ("ttft > 1s", 4, "a figure is expected: ttft.p95, or .n, .min, "),
            ("ttft.p100 > 1s", 5, "there is no figure p100; known are a percentile"),
            ("ttft.p0 > 1s", 5, "there is no figure p0"),
            ("ttft.median > 1s", 5, "there is no figure median"),
            ("ttft.p95 800ms", 8, "expected one of > >= < <="),
            ("ttft.p95 = 800ms", 8, "expected one of > >= < <="),
            ("ttft.p95 > fast", 10, "a number is expected"),
            ("ttft.p95 > -1ms", 10, "a number is expected"),
            ("ttft.p95 > 800", 14, "a time needs its unit, ms or s"),
            ("ttft.p95 > 800us", 14, "a time needs its unit, ms or s, not us"),
            ("ttft.p95 > 1s or errors > 1", 14, "nothing more is expected"),
            ("errors.max > 1", 7, "errors have no figure"),
            ("errors > 1ms", 10, "errors are counted, or told in %"),
            ("tokens.p50 < 20ms", 15, "is a number and has no unit here"),
            ("ttft.n < 100ms", 12, "is a number and has no unit here"),
        ],
    )
    def test_mistakes_are_pointed_at(self, text: str, place: int, words: str) -> None:
        with pytest.raises(UsageError) as problem:
            gate(text)
        before = f"at character {place + 1}, before {text[place:]!r}"
        where = before if place < len(text) else f"at its end, after {text!r}"
        assert words in str(problem.value)
        assert str(problem.value).endswith(f"({where})")

    @given(text=st.text(max_size=30) | st.from_regex(r"(ttft|errors)\.?[a-z0-9.]* ?[<>=]+ ?[0-9.]*[a-z%]*"))
    def test_any_text_is_a_gate_or_a_mistake_of_the_users(self, text: str) -> None:
        try:
            found = gate(text)
        except UsageError:
            return
        assert found.name in {"errors", *(metric.name for metric in METRICS)}

    def test_endless_text_is_refused(self) -> None:
        with pytest.raises(UsageError, match="at most 200 characters"):
            gate("ttft.p95 > " + "9" * 5000 + "ms")


class TestOutcome:
    def test_passes_with_its_figures(self) -> None:
        found = result("ttft.p50 > 150ms", 100, 100, 200)
        assert GateOutcome.PASSED is found.outcome
        assert "ttft.p50 > 150ms: passes, ttft.p50 is 100.008 ms (n = 3)" == found.sentence

    def test_fails_with_its_figures(self) -> None:
        found = result("ttft.max >= 0.2s", 100, 200)
        assert GateOutcome.FAILED is found.outcome
        assert "ttft.max >= 0.2s: fails, ttft.max is 0.2 s (n = 2)" == found.sentence
        assert 0.2 == found.value

    @pytest.mark.parametrize(
        ("operator", "expected"),
        [(">", "passed"), (">=", "failed"), ("<", "passed"), ("<=", "failed")],
    )
    def test_the_limit_itself(self, operator: str, expected: str) -> None:
        assert expected == result(f"ttft.max {operator} 200ms", 100, 200).outcome.value

    def test_what_too_few_values_cannot_tell_is_no_pass(self) -> None:
        found = result("ttft.p99 > 1s", *range(1, 51))
        assert GateOutcome.CANNOT_BE_SAID is found.outcome
        assert found.value is None
        words = "cannot be said, because p99 needs at least 100 values, and there are 50"
        assert f"ttft.p99 > 1s: {words}" == found.sentence

    def test_one_value_has_no_deviation(self) -> None:
        found = result("ttft.stdev > 1ms", 100)
        assert found.sentence.endswith("because stdev needs at least 2 values, and there is 1")

    def test_what_was_never_measured_is_no_pass(self) -> None:
        found = result("ttfs.max > 1s", 100)
        assert GateOutcome.CANNOT_BE_SAID is found.outcome
        assert found.sentence.endswith("cannot be said, because no request gave a value of ttfs")

    @pytest.mark.parametrize(
        ("text", "errors", "expected"),
        [
            ("errors > 1%", 1, "passed"),
            ("errors > 1%", 2, "failed"),
            ("errors >= 1%", 1, "failed"),
            ("errors > 1", 1, "passed"),
            ("errors > 0", 1, "failed"),
        ],
    )
    def test_errors(self, text: str, errors: int, expected: str) -> None:
        assert expected == result(text, errors=errors, requests=100).outcome.value

    def test_errors_with_their_figures(self) -> None:
        found = result("errors > 1%", errors=3, requests=200)
        assert "errors > 1%: fails, errors is 1.5% (3 of 200 requests)" == found.sentence

    def test_errors_of_nothing_are_no_pass(self) -> None:
        assert GateOutcome.CANNOT_BE_SAID is result("errors > 1%", requests=0).outcome

    @pytest.mark.parametrize("figure", ["n", "min", "mean", "stdev", "max", "p50", "p90"])
    def test_every_figure_has_a_value(self, figure: str) -> None:
        unit = "" if figure == "n" else "ms"
        assert result(f"ttft.{figure} > 0{unit}", *range(1, 100)).value is not None

    def test_a_rate_is_compared_in_its_own_unit(self) -> None:
        figures = Figures(histograms={"tokens": Histogram([15_000, 25_000])}, requests=2, errors=0)
        assert GateOutcome.FAILED is evaluate(gate("tokens.min < 20"), figures).outcome
        assert (
            "tokens.max < 20: passes, tokens.max is 25 (n = 2)" == evaluate(gate("tokens.max < 20"), figures).sentence
        )
