"""Gates: conditions on a result that fail a run, `--fail-if "ttft.p95 > 800ms"`.

A gate says what fails. Grammar: NAME[.FIGURE] OPERATOR LIMIT[UNIT]

    ttft.p95 > 800ms        errors > 1%          dead_air.max >= 2 s        tokens.p50 < 20       errors >= 3

NAME is a metric or `errors`; FIGURE is n, min, mean, stdev, max or a percentile (p50, p99.9); OPERATOR is >, >=, <
or <=. A time has a unit (ms or s); a share of errors has %, a number of errors has none.

Evaluation has three ends, and two of them fail: the condition holds, or it cannot be said, because there is no value or
there are too few for that percentile. A gate that nobody could check is no gate that was passed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Final, Literal

from vapi_conformance.latency.histograms import Histogram, least_n
from vapi_conformance.latency.metrics import Metric
from vapi_conformance.problems import UsageError

__all__ = ["ERRORS", "Figures", "Gate", "GateOutcome", "GateResult", "evaluate", "parse_gate"]

ERRORS: Final = "errors"
"""The name of what is not a metric: requests that went wrong."""

_FIGURES: Final = ("n", "min", "mean", "stdev", "max")
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][A-Za-z_0-9]*)(?:\.(?P<figure>[A-Za-z_0-9.]+))?)?"
    r"\s*(?P<operator>>=|<=|>|<)?\s*(?P<limit>[0-9]+(?:\.[0-9]+)?)?\s*(?P<unit>[A-Za-z%]+)?\s*"
)
_PERCENTILE: Final = re.compile(r"p([0-9]{1,2}(?:\.[0-9]{1,4})?)")
_MOST_CHARACTERS: Final = 200
_NS_PER: Final = {"ms": 1_000_000, "s": 1_000_000_000}

Operator = Literal[">", ">=", "<", "<="]
_OPERATORS: Final[tuple[Operator, ...]] = (">", ">=", "<", "<=")


class GateOutcome(Enum):
    """What a gate comes to."""

    PASSED = "passed"
    FAILED = "failed"
    CANNOT_BE_SAID = "cannot be said"
    """There is no such value, or there are too few. Fails the run, in words of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A parsed condition; what it describes is not to happen."""

    text: str
    """As given."""
    name: str
    figure: str
    """Empty for `errors`."""
    operator: Operator
    limit: Fraction
    """In the integers of the metric (nanoseconds, thousandths); a share of errors as 0 to 1."""
    unit: str
    """As given."""
    scale: Fraction
    """How many of those integers one of the unit is."""

    @property
    def quantile(self) -> Fraction | None:
        """Of a percentile."""
        found = _PERCENTILE.fullmatch(self.figure)
        return None if found is None else Fraction(found[1]) / 100

    def holds(self, value: Fraction | float) -> bool:
        """Whether what is not to happen has happened."""
        match self.operator:
            case ">":
                return value > self.limit
            case ">=":
                return value >= self.limit
            case "<":
                return value < self.limit
            case "<=":
                return value <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What gates are held against."""

    histograms: Mapping[str, Histogram]
    """By a metric's name; without those that have no value."""
    requests: int
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate, evaluated."""

    gate: Gate
    outcome: GateOutcome
    sentence: str
    """For people, with the figures."""
    value: float | None = None
    """In the unit of the gate; None where it cannot be said."""


def parse_gate(text: str, metrics: Sequence[Metric]) -> Gate:
    """The condition in the text. Raises UsageError that points at the place and says what could stand there."""
    if len(text) > _MOST_CHARACTERS:
        raise UsageError(f"--fail-if takes conditions of at most {_MOST_CHARACTERS} characters")
    found = _TOKEN.match(text)
    if found is None or not found["name"]:
        raise _mistake(text, 0, f"a name is expected: {_listed(_names(metrics))}")
    units = {metric.name: metric for metric in metrics}
    name, figure = found["name"], found["figure"] or ""
    metric = units.get(name)
    if metric is None and name != ERRORS:
        raise _mistake(text, found.start("name"), f"there is no {name}; known are {_listed(_names(metrics))}")
    _check_figure(text, found, is_errors=metric is None)
    if found["operator"] is None:
        raise _mistake(text, found.end("figure") if figure else found.end("name"), "expected one of > >= < <=")
    operator: Operator = next(each for each in _OPERATORS if each == found["operator"])
    if found["limit"] is None:
        raise _mistake(text, found.end("operator"), "a number is expected")
    if found.end() != len(text):
        raise _mistake(text, found.end(), "nothing more is expected")
    scale = _scale(text, found, metric)
    return Gate(
        text=text.strip(),
        name=name,
        figure=figure,
        operator=operator,
        limit=Fraction(found["limit"]) * scale,
        unit=found["unit"] or "",
        scale=scale,
    )


def _check_figure(text: str, found: re.Match[str], *, is_errors: bool) -> None:
    figure = found["figure"]
    if is_errors:
        if figure:
            raise _mistake(text, found.start("figure"), "errors have no figure; write errors > 1% or errors > 3")
        return
    if figure is None:
        raise _mistake(
            text, found.end("name"), f"a figure is expected: {found['name']}.p95, or {_listed(_FIGURES, of='.')}"
        )
    percentile = _PERCENTILE.fullmatch(figure)
    if figure not in _FIGURES and (percentile is None or not 0 < Fraction(percentile[1]) < 100):  # noqa: PLR2004 - %
        known = f"a percentile above p0 and below p100 (p50, p99.9), {_listed(_FIGURES)}"
        raise _mistake(text, found.start("figure"), f"there is no figure {figure}; known are {known}")


def _scale(text: str, found: re.Match[str], metric: Metric | None) -> Fraction:
    """How many of the integers inside one of the given unit is."""
    unit, at = found["unit"] or "", found.start("unit") if found["unit"] else found.end("limit")
    if metric is None:
        if unit not in ("", "%"):
            raise _mistake(text, at, f"errors are counted, or told in %; {unit} is no unit of theirs")
        return Fraction(1, 100) if unit else Fraction(1)
    if found["figure"] == "n" or metric.unit != "ms":
        if unit:
            raise _mistake(text, at, f"{metric.name}.{found['figure']} is a number and has no unit here")
        return Fraction(1 if found["figure"] == "n" else metric.per_unit)
    if unit not in _NS_PER:
        raise _mistake(text, at, f"a time needs its unit, ms or s{f', not {unit}' if unit else ''}")
    return Fraction(_NS_PER[unit])


def _names(metrics: Sequence[Metric]) -> tuple[str, ...]:
    return (*(metric.name for metric in metrics), ERRORS)


def _listed(names: Collection[str], *, of: str = "") -> str:
    return ", ".join(of + name for name in names)


def _mistake(text: str, at: int, what: str) -> UsageError:
    where = f"at its end, after {text!r}" if at >= len(text) else f"at character {at + 1}, before {text[at:]!r}"
    return UsageError(f"--fail-if: {what} ({where})")


def evaluate(gate: Gate, figures: Figures) -> GateResult:
    """Whether what is not to happen has happened."""
    if gate.name == ERRORS:
        return _errors(gate, figures)
    histogram = figures.histograms.get(gate.name)
    if histogram is None or not histogram.n:
        return _unsaid(gate, f"no request gave a value of {gate.name}")
    quantile = gate.quantile
    needed = 2 if gate.figure == "stdev" else 1 if quantile is None else least_n(quantile)
    value = _figure(histogram, gate.figure, quantile)
    if value is None:
        n = histogram.n
        return _unsaid(gate, f"{gate.figure} needs at least {needed} values, and there {'is' if n == 1 else 'are'} {n}")
    return _said(gate, value, f"n = {histogram.n}")


def _figure(histogram: Histogram, figure: str, quantile: Fraction | None) -> float | None:
    if quantile is not None:
        percentile = histogram.percentile(quantile)
        return None if percentile is None else percentile.value
    return {
        "n": histogram.n,
        "min": histogram.min,
        "mean": histogram.mean,
        "stdev": histogram.stdev,
        "max": histogram.max,
    }[figure]


def _errors(gate: Gate, figures: Figures) -> GateResult:
    if not figures.requests:
        return _unsaid(gate, "no request was measured")
    value = Fraction(figures.errors, figures.requests if gate.unit == "%" else 1)
    return _said(gate, value, f"{figures.errors} of {figures.requests} requests")


def _unsaid(gate: Gate, why: str) -> GateResult:
    return GateResult(
        gate=gate, outcome=GateOutcome.CANNOT_BE_SAID, sentence=f"{gate.text}: cannot be said, because {why}"
    )


def _said(gate: Gate, value: Fraction | float, basis: str) -> GateResult:
    shown = float(value / gate.scale)
    fails = gate.holds(value)
    place = f"{gate.name}.{gate.figure}" if gate.figure else gate.name
    unit = gate.unit if gate.unit in ("", "%") else f" {gate.unit}"
    return GateResult(
        gate=gate,
        outcome=GateOutcome.FAILED if fails else GateOutcome.PASSED,
        sentence=f"{gate.text}: {'fails' if fails else 'passes'}, {place} is {shown:.6g}{unit} ({basis})",
        value=shown,
    )
