"""The document of a bench: `harness/bench`, what scripts read and what `bench compare` compares.

Figures are rounded here and nowhere else. A percentile that so few values cannot tell is null, and `needs` says how
many there would have to be. The histograms go along, so that nobody has to believe our percentiles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

from vapi_conformance import __version__
from vapi_conformance.json_file import read_json
from vapi_conformance.latency.gates import GateResult
from vapi_conformance.latency.histograms import Histogram, HistogramError, least_n
from vapi_conformance.latency.machine import Machine
from vapi_conformance.latency.metrics import Metric, TurnModel, metrics_for
from vapi_conformance.latency.schedules import Schedule, described
from vapi_conformance.latency.tally import Tally
from vapi_conformance.narrow import integer_or_none, object_or_nothing, string_or_none
from vapi_conformance.problems import UsageError
from vapi_conformance.schema import errors

__all__ = [
    "FORMAT",
    "NEAR",
    "PERCENTILES",
    "VERSION",
    "BenchTarget",
    "Result",
    "StoredResult",
    "Worker",
    "from_document",
    "load",
    "to_document",
    "with_own_delay",
    "without_secrets",
]

FORMAT: Final = "vapi-conformance/bench"
VERSION: Final = 1
PERCENTILES: Final = tuple((f"p{percent}", Fraction(percent, 100)) for percent in (50, 90, 95, 99))
NEAR: Final = 10
"""A figure below so many times the instrument's own error is flagged."""
_NS_PER_MS: Final = 1_000_000
_DIGITS: Final = 6
"""Of a millisecond: nanoseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchTarget:
    """Who was measured. No credentials; a URL loses its user and its query on the way into a document."""

    name: str
    url: str | None = None
    platform: str = "vapi"
    dialect: str = "openai_compatible"
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """How one worker of the engine fared."""

    name: str
    is_lost: bool = False
    cpu_share: float | None = None
    """Of one core."""
    loop_lag_p99_ns: int | None = None
    stalled_ns: int | None = None
    steal_share: float | None = None
    clock: str | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """All that a bench found out."""

    started_at: str
    """RFC 3339."""
    duration_s: float
    target: BenchTarget
    machine: Machine
    settings: Mapping[str, object]
    """As given on the command line, without credentials; JSON values."""
    schedule: Schedule
    tally: Tally
    turn_model: TurnModel = field(default_factory=TurnModel)
    calibration: Mapping[str, object] | None = None
    """JSON-ready; None where the instrument was not calibrated."""
    instrument_error_ns: Mapping[str, int] = field(default_factory=dict[str, int])
    """The instrument's own error, by a metric's name; without those of which it is not known."""
    judged: int | None = None
    """Answers on which the rules were judged: all, or a fair sample; None where none was."""
    judged_calls: int = 0
    """Whole calls on which the rules over calls were judged."""
    heard: Mapping[str, int] = field(default_factory=dict[str, int])
    """What the platform's client would make of those: heard, silence, call-ends, ...; how many each."""
    stopped: str | None = None
    """Why the load ended before its time."""
    bottleneck_reasons: Sequence[str] = ()
    """Why the figures are this client's rather than the endpoint's; empty where they are the endpoint's."""
    workers: Sequence[Worker] = ()
    lost_requests: int = 0
    gates: Sequence[GateResult] = ()
    knee: Mapping[str, object] | None = None
    """JSON-ready; None where no knee was looked for."""
    streams: Mapping[str, object] | None = None
    """JSON-ready, of a `Timeline`; None where none was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult:
    """A document that was read back: checked, with its histograms."""

    document: Mapping[str, object]
    histograms: Mapping[str, Histogram]
    """By a metric's name; without those that have no value."""
    metrics: tuple[Metric, ...]
    """Those of its kind of loop."""
    requests: int
    errors: int


def without_secrets(url: str) -> str:
    """The URL without user, password, query and fragment: each of them may be a credential."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "a URL that cannot be read"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def to_document(result: Result) -> dict[str, object]:
    """JSON-ready, after the schema `harness/bench`."""
    tally, target = result.tally, result.target
    return {
        "format": FORMAT,
        "version": VERSION,
        "suite": {"version": __version__, "started_at": result.started_at, "duration_s": round(result.duration_s, 3)},
        "target": {
            "name": without_secrets(target.name) if "://" in target.name else target.name,
            "url": None if target.url is None else without_secrets(target.url),
            "platform": target.platform,
            "dialect": target.dialect,
            "model": target.model,
        },
        "machine": result.machine.to_document(),
        "settings": dict(result.settings),
        "schedule": described(result.schedule),
        "calibration": None if result.calibration is None else dict(result.calibration),
        "requests": tally.requests,
        "warm_up": tally.warm_up,
        "errors": {
            "count": tally.error_count,
            "share": tally.error_share,
            "by_kind": dict(sorted(tally.errors.items())),
        },
        "judged": result.judged,
        "judged_calls": result.judged_calls,
        "violations": None if result.judged is None else dict(sorted(tally.violations.items())),
        "heard": dict(sorted(result.heard.items())),
        "stopped": result.stopped,
        "client_was_bottleneck": bool(result.bottleneck_reasons),
        "bottleneck_reasons": list(result.bottleneck_reasons),
        "is_partial": result.lost_requests > 0 or any(worker.is_lost for worker in result.workers),
        "lost_requests": result.lost_requests,
        "workers": [_worker(worker) for worker in result.workers],
        **{
            metric.key: _metric(metric, tally.histograms.get(metric.key), _error_ns(metric, result))
            for metric in tally.metrics
        },
        "turn": _turn(result),
        "groups": [
            {
                "by": group.by,
                "value": group.value,
                "metrics": {
                    metric.key: _figures(metric, histograms[metric.key])
                    for metric in tally.metrics
                    if metric.key in histograms
                },
            }
            for group, histograms in sorted(tally.groups.items())
        ],
        "gates": [
            {"text": each.gate.text, "outcome": each.outcome.value, "sentence": each.sentence, "value": each.value}
            for each in result.gates
        ],
        "knee": None if result.knee is None else dict(result.knee),
        "streams": None if result.streams is None else dict(result.streams),
    }


def _error_ns(metric: Metric, result: Result) -> int | None:
    late = result.tally.histograms.get("own_delay_ms")
    return with_own_delay(metric, result.instrument_error_ns.get(metric.name), late)


def with_own_delay(metric: Metric, error_ns: int | None, late: Histogram | None) -> int | None:
    """What the instrument may add to a metric: in times from the intended start also what it was late in sending.

    error_ns: by the calibration, None where it is not known. late: the run's own delays.
    """
    if metric.counts_from != "intended" or late is None:
        return error_ns
    most = late.percentile(Fraction(99, 100))
    return (error_ns or 0) + ((late.max or 0) if most is None else most.value)


def _worker(worker: Worker) -> dict[str, object]:
    return {
        "name": worker.name,
        "is_lost": worker.is_lost,
        "cpu_share": _rounded(worker.cpu_share, 1),
        "loop_lag_p99_ms": _rounded(worker.loop_lag_p99_ns, _NS_PER_MS),
        "stalled_ms": _rounded(worker.stalled_ns, _NS_PER_MS),
        "steal_share": _rounded(worker.steal_share, 1),
        "clock": worker.clock,
    }


def _rounded(value: float | None, per_unit: int) -> float | None:
    return None if value is None else round(value / per_unit, _DIGITS)


def _figures(metric: Metric, histogram: Histogram) -> dict[str, object]:
    """What every table shows."""
    found = {name: histogram.percentile(quantile) for name, quantile in PERCENTILES}
    return {
        "n": histogram.n,
        "mean": _rounded(histogram.mean, metric.per_unit),
        **{name: None if each is None else _rounded(each.value, metric.per_unit) for name, each in found.items()},
        "max": _rounded(histogram.max, metric.per_unit),
    }


def _metric(metric: Metric, histogram: Histogram | None, error_ns: int | None) -> dict[str, object]:
    measured = histogram or Histogram()
    found = {name: measured.percentile(quantile) for name, quantile in PERCENTILES}
    figures = _figures(metric, measured)
    near = () if error_ns is None else [*(name for name, _ in PERCENTILES), "mean"]
    limit = _rounded(NEAR * (error_ns or 0), metric.per_unit) or 0.0
    return {
        "unit": metric.unit,
        "definition": metric.definition,
        **figures,
        "min": _rounded(measured.min, metric.per_unit),
        "stdev": _rounded(measured.stdev, metric.per_unit),
        "ci": {
            name: [_rounded(each.low, metric.per_unit), _rounded(each.high, metric.per_unit)]
            for name, each in found.items()
            if each is not None
        },
        "needs": {name: least_n(quantile) for name, quantile in PERCENTILES if found[name] is None},
        "near_instrument_error": [
            name for name in near if isinstance(value := figures[name], int | float) and value < limit
        ],
        "histogram": None if histogram is None else histogram.encoded(),
    }


def _turn(result: Result) -> dict[str, object]:
    """Each stage's share of the median turn and of the budget. Where TTFS has no median, shares are not known."""
    model, tally = result.turn_model, result.tally
    speech, turns = tally.histograms.get("ttfs_ms"), tally.histograms.get("turn_ms")
    median = None if speech is None else speech.percentile(Fraction(1, 2))
    ttfs_ns = None if median is None else median.value
    total_ns = None if ttfs_ns is None else ttfs_ns + model.assumed_ns
    late = None if turns is None else turns.share_above(model.budget_ns)
    measured: tuple[str, int | None, str, bool] = ("endpoint", ttfs_ns, "measured: the median TTFS", True)
    assumed = [(stage.name, stage.length_ns, stage.source, False) for stage in model.stages]
    return {
        "budget_ms": model.budget_ns / _NS_PER_MS,
        "within_budget_share": None if late is None else round(float(1 - late), _DIGITS),
        "stages": [
            {
                "name": name,
                "ms": _rounded(length_ns, _NS_PER_MS),
                "share_of_turn": None if not total_ns or length_ns is None else round(length_ns / total_ns, 4),
                "share_of_budget": None if length_ns is None else round(length_ns / model.budget_ns, 4),
                "is_measured": is_measured,
                "source": source,
            }
            for name, length_ns, source, is_measured in (measured, *assumed)
        ],
    }


def load(path: Path) -> StoredResult:
    """A result from its file. Raises UsageError that names the file, and what is wrong with it."""
    document = read_json(path)
    try:
        return from_document(document)
    except UsageError as problem:
        raise UsageError(f"{path} {problem}") from None


def from_document(document: object) -> StoredResult:
    """The result in a parsed document. Raises UsageError, without a subject, for what is none."""
    fields = object_or_nothing(document)
    if fields.get("format") != FORMAT:
        raise UsageError("is no result of a bench")
    if (number := integer_or_none(fields.get("version"))) != VERSION:
        raise UsageError(f"has version {number} of the result's format, and this program reads {VERSION}")
    if found := errors("harness/bench", document):
        raise UsageError(f"is no whole result of a bench: {found[0].pointer or 'it'} {found[0].message}")
    loop: Literal["closed", "open"] = (
        "closed" if object_or_nothing(fields["schedule"]).get("kind") == "closed" else "open"
    )
    metrics = tuple(metric for metric in metrics_for(loop) if metric.key in fields)
    counted = object_or_nothing(fields["errors"])
    return StoredResult(
        document=fields,
        histograms={metric.name: each for metric in metrics if (each := _histogram(fields, metric.key)) is not None},
        metrics=metrics,
        requests=integer_or_none(fields["requests"]) or 0,
        errors=integer_or_none(counted.get("count")) or 0,
    )


def _histogram(fields: Mapping[str, object], key: str) -> Histogram | None:
    stored = object_or_nothing(fields[key])
    text = string_or_none(stored.get("histogram"))
    if text is None:
        return None
    try:
        histogram = Histogram.decoded(text)
    except HistogramError as problem:
        raise UsageError(f"is no whole result of a bench: the histogram of {key} {problem}") from None
    if histogram.n != stored.get("n"):
        raise UsageError(f"contradicts itself: {key} has n = {stored.get('n')}, and its histogram {histogram.n} values")
    return histogram if histogram.n else None
