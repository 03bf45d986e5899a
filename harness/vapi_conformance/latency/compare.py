"""Two benches compared: what changed, how sure that is, and what else differs between them.

The interval of a difference of percentiles is a percentile bootstrap: both runs are drawn again from their own values,
many times, and the middle of the differences counts. Of n values drawn with repetition, the k-th smallest is the value
at a share of the run that is Beta(k, n + 1 - k) distributed (order statistics of n uniform numbers). So each draw takes
one number per run in place of n, and the histograms hold all that is needed. Seeded: the same two files give the same
answer.

A percentile near the end of few values is drawn from those few again and again, and looks surer than it is. So one is
compared only where its own interval has both bounds at that confidence: from 8 values for p50, from 104 for p95.

Nor is a difference a change that the instruments' own errors may have made: each run's calibration stands in its
document, and an interval has to be off zero by more than both errors together.

"No evidence of change" is an answer, and the usual one. Some thirty differences are looked at, so each is held to 99 %,
not 95: else one or two of them would look like changes in any two runs of the same endpoint. What the interval cannot
know is how much the endpoint changes from one run to the next by itself; values of one answer (`icl`) are no
independent draws either.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from statistics import NormalDist
from typing import Final, Literal

from vapi_conformance.latency.histograms import Histogram, bounded_n
from vapi_conformance.latency.known_error import known_errors_ns
from vapi_conformance.latency.metrics import Metric
from vapi_conformance.latency.result import StoredResult
from vapi_conformance.narrow import object_or_nothing

__all__ = [
    "CONFIDENCE",
    "Comparison",
    "Difference",
    "ErrorDifference",
    "Judgement",
    "compare",
    "newcombe",
    "to_document",
]

CONFIDENCE: Final = 0.99
"""Of each interval."""

_BOTTLENECK: Final = "the client was the bottleneck"
_OWN_ERROR: Final = "the instruments' own errors may explain that"
_OTHER_START: Final = "the one run counts from the intended start of a request and the other from its sending"
_DRAWS: Final = 4000
_COMPARED: Final = (("p50", Fraction(50, 100)), ("p95", Fraction(95, 100)))
_FORMAT: Final = "vapi-conformance/bench-comparison"
_IGNORED_SETTINGS: Final = frozenset({"yes", "json", "fail-if", "report", "plot"})
"""They change what is done with a result, not the result."""

Judgement = Literal["better", "worse", "changed", "no evidence of change", "cannot be said"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One figure of one metric in both runs, in the metric's unit."""

    metric: Metric
    figure: str
    before: float | None
    after: float | None
    low: float | None
    """Of the interval of after - before; None where there is none."""
    high: float | None
    judgement: Judgement
    reason: str = ""
    """Why it cannot be said, or what else explains a difference that is no evidence."""
    instrument_error: float | None = None
    """By how much both instruments together may be off; None where neither is known."""

    @property
    def sentence(self) -> str:
        """For people."""
        name = f"{self.metric.name} {self.figure}"
        if self.low is None or self.high is None or self.before is None or self.after is None:
            return f"{name}: cannot be said, because {self.reason}"
        unit = "" if self.metric.unit == "count" else f" {self.metric.unit}"
        change = f"{self.after - self.before:+.4g}{unit} (between {self.low:+.4g} and {self.high:+.4g})"
        explained = f": {self.reason}" if self.reason else ""
        return f"{name}: {self.judgement}, {self.before:.5g} to {self.after:.5g}{unit}, {change}{explained}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDifference:
    """The share of requests that went wrong, in both runs."""

    before: float | None
    after: float | None
    low: float | None
    high: float | None
    judgement: Judgement

    @property
    def sentence(self) -> str:
        """For people."""
        if self.before is None or self.after is None or self.low is None or self.high is None:
            return "errors: cannot be said, because one of the runs measured no request"
        between = f"between {100 * self.low:+.3g} and {100 * self.high:+.3g} points"
        return f"errors: {self.judgement}, {100 * self.before:.3g} % to {100 * self.after:.3g} % ({between})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All of it."""

    differences: tuple[Difference, ...]
    errors: ErrorDifference
    warnings: tuple[str, ...]
    """What else differs, and would explain a difference; what makes one of the runs doubtful."""

    @property
    def has_compared(self) -> bool:
        """Whether anything can be said of any latency; where not, that nothing is worse means nothing."""
        return any(each.judgement != "cannot be said" for each in self.differences)

    @property
    def is_worse(self) -> bool:
        """Whether anything is."""
        return self.errors.judgement == "worse" or any(each.judgement == "worse" for each in self.differences)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What one run has of a metric."""

    which: str
    histogram: Histogram | None
    own_ns: int | None
    """By how much its instrument may be off; None where nobody knows."""


def compare(before: StoredResult, after: StoredResult, *, seed: int = 0) -> Comparison:
    """What changed from the one to the other. Pure: the same results and seed, the same answer."""
    others = {metric.name: metric for metric in after.metrics}
    differences: list[Difference] = []
    own = [known_errors_ns(each) for each in (before, after)]
    doubt = next((f"in the {which} run {_BOTTLENECK}" for which in _doubtful(before, after)), "")
    for metric in before.metrics:
        runs = [
            _Run(which=which, histogram=result.histograms.get(metric.name), own_ns=known.get(metric.name))
            for which, result, known in zip(("first", "second"), (before, after), own, strict=True)
        ]
        if metric.name not in others or not any(each.histogram for each in runs):
            continue
        begins_elsewhere = others[metric.name].counts_from != metric.counts_from
        reason = doubt or (_OTHER_START if begins_elsewhere else "")
        differences += (
            _difference(metric, told, runs, f"{seed} {metric.name} {told[0]}", reason=reason) for told in _COMPARED
        )
    return Comparison(
        differences=tuple(differences), errors=_errors(before, after), warnings=tuple(_warnings(before, after))
    )


def _doubtful(before: StoredResult, after: StoredResult) -> Iterator[str]:
    """Runs whose figures are not the endpoint's."""
    for which, result in (("first", before), ("second", after)):
        if result.document.get("client_was_bottleneck") is True:
            yield which


def _difference(
    metric: Metric, told: tuple[str, Fraction], runs: Sequence[_Run], seed: str, *, reason: str
) -> Difference:
    """told: the figure. reason: why it cannot be said whatever was measured; empty where nothing speaks against it."""
    figure, quantile = told
    figures: list[float | None] = []
    drawn: list[list[int]] = []
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    for run in runs:
        histogram = run.histogram
        found = None if histogram is None else histogram.percentile(quantile)
        figures.append(None if found is None else found.value / metric.per_unit)
        n, needed = 0 if histogram is None else histogram.n, bounded_n(quantile, CONFIDENCE)
        if histogram is None or n < needed:
            reason = reason or f"{figure} needs at least {needed} values here, and the {run.which} run has {n}"
        else:
            drawn.append(_drawn(histogram, quantile, random))
    if reason:
        return Difference(
            metric=metric,
            figure=figure,
            before=figures[0],
            after=figures[1],
            low=None,
            high=None,
            judgement="cannot be said",
            reason=reason,
        )
    changes = sorted(later - earlier for earlier, later in zip(*drawn, strict=True))
    outside = math.floor((1 - CONFIDENCE) / 2 * _DRAWS)
    low, high = changes[outside] / metric.per_unit, changes[-1 - outside] / metric.per_unit
    own = [each.own_ns / metric.per_unit for each in runs if each.own_ns is not None]
    judgement = _judged(low, high, metric.is_better, own=sum(own))
    is_explained = judgement != _judged(low, high, metric.is_better)
    return Difference(
        metric=metric,
        figure=figure,
        before=figures[0],
        after=figures[1],
        low=low,
        high=high,
        judgement=judgement,
        reason=f"{_OWN_ERROR}, {' and '.join(f'{each:.4g} ms' for each in own)}" if is_explained else "",
        instrument_error=sum(own) if own else None,
    )


def _drawn(histogram: Histogram, quantile: Fraction, random: Random) -> list[int]:
    """The percentile of as many runs as this one, drawn from it with repetition."""
    n, cells = histogram.n, histogram.cells()
    rank = math.ceil(quantile * n)
    shares = (random.betavariate(rank, n + 1 - rank) for _ in range(_DRAWS))
    return [cells.at_rank(min(n, math.floor(share * n) + 1)) for share in shares]


def _judged(
    low: float, high: float, is_better: Literal["lower", "higher", "neither"], *, own: float = 0.0
) -> Judgement:
    """own: by how much the instruments may be off, which nobody can tell from a change."""
    if low <= own and high >= -own:
        return "no evidence of change"
    if is_better == "neither":
        return "changed"
    return "better" if (high < 0) == (is_better == "lower") else "worse"


def _errors(before: StoredResult, after: StoredResult) -> ErrorDifference:
    if not before.requests or not after.requests:
        return ErrorDifference(before=None, after=None, low=None, high=None, judgement="cannot be said")
    low, high = newcombe((before.errors, before.requests), (after.errors, after.requests))
    return ErrorDifference(
        before=before.errors / before.requests,
        after=after.errors / after.requests,
        low=low,
        high=high,
        judgement=_judged(low, high, "lower"),
    )


def newcombe(before: tuple[int, int], after: tuple[int, int], *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Bounds of the difference of two shares, each given as a count and its whole.

    Newcombe, Statistics in Medicine 17 (1998), method 10: sound for shares near 0, where errors are.
    """
    (first, first_low, first_high), (second, second_low, second_high) = (
        _wilson(*each, confidence) for each in (before, after)
    )
    change = second - first
    return (
        change - math.hypot(second - second_low, first_high - first),
        change + math.hypot(second_high - second, first - first_low),
    )


def _wilson(count: int, n: int, confidence: float) -> tuple[float, float, float]:
    """The share and the bounds of Wilson's interval for it."""
    share, z = count / n, NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return share, max(0.0, middle - half), min(1.0, middle + half)


def _warnings(before: StoredResult, after: StoredResult) -> Iterator[str]:
    first, second = before.document, after.document
    for which in _doubtful(before, after):
        yield f"in the {which} run {_BOTTLENECK}: its figures are not the endpoint's"
    for which, document in (("first", first), ("second", second)):
        if document.get("is_partial") is True:
            yield f"the {which} run is partial: a worker was lost"
        if document.get("calibration", document) is None:
            yield f"the instrument was not calibrated for the {which} run: how wrong it was is not known"
    for name, ignored in (
        ("target", frozenset[str]()),
        ("machine", frozenset({"load_average", "clock_resolution_ns"})),
        ("schedule", frozenset({"total"})),
        ("settings", _IGNORED_SETTINGS),
    ):
        for what in _differing(object_or_nothing(first.get(name)), object_or_nothing(second.get(name)), ignored):
            yield f"{name}: {what}"
    for metric in before.metrics:
        other = next((each for each in after.metrics if each.name == metric.name), None)
        if other is not None and other.counts_from != metric.counts_from:
            yield _OTHER_START
            return


def _differing(first: Mapping[str, object], second: Mapping[str, object], ignored: frozenset[str]) -> Iterator[str]:
    for key in sorted({*first, *second} - ignored):
        if first.get(key) != second.get(key):
            yield f"{key} is {_short(first.get(key))} and {_short(second.get(key))}"


def _short(value: object) -> str:
    text = "not set" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - fits beside its like in a line


def to_document(comparison: Comparison) -> dict[str, object]:
    """JSON-ready, after the schema `harness/compare`."""
    errors = comparison.errors
    return {
        "format": _FORMAT,
        "version": 1,
        "confidence": CONFIDENCE,
        "is_worse": comparison.is_worse,
        "has_compared": comparison.has_compared,
        "warnings": list(comparison.warnings),
        "errors": {
            "before": errors.before,
            "after": errors.after,
            "low": errors.low,
            "high": errors.high,
            "judgement": errors.judgement,
            "sentence": errors.sentence,
        },
        "differences": [
            {
                "metric": each.metric.key,
                "figure": each.figure,
                "before": each.before,
                "after": each.after,
                "change": None if each.before is None or each.after is None else each.after - each.before,
                "low": each.low,
                "high": each.high,
                "instrument_error": each.instrument_error,
                "judgement": each.judgement,
                "sentence": each.sentence,
            }
            for each in comparison.differences
        ],
    }
