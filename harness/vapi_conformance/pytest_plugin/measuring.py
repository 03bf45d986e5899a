"""Latencies for benchmarks: one request after the other, clocked by the load engine, each value as it was measured.

A benchmark of one stream is what a caller meets at a quiet hour. How the endpoint does under load is asked with
`vapi-conformance bench`.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

from vapi_conformance.endpoint import Endpoint, Opened, opened
from vapi_conformance.evidence import Evidence
from vapi_conformance.latency.bottleneck import reasons
from vapi_conformance.latency.calibration import LevelError
from vapi_conformance.latency.calibration_cache import CalibrationCache, known_or_measured
from vapi_conformance.latency.engine import Bounds, Engine, Measured, Settings, Shot
from vapi_conformance.latency.histograms import Histogram
from vapi_conformance.latency.machine import this_machine
from vapi_conformance.latency.metrics import Metric, Sample, error_kind, icl, metrics_for
from vapi_conformance.latency.politeness import DEFAULT_CAP
from vapi_conformance.latency.traffic import SingleTurns
from vapi_conformance.problems import TransportError, UsageError
from vapi_conformance.suite import be_sure_of

__all__ = ["METRICS", "WARM_UP", "Measurement", "Rounds", "measure", "metric_of"]

METRICS: Final = ("ttft", "ttfs", "turn")
WARM_UP: Final = 1
"""Requests before the first one that counts: it opens the connection that the others use."""

_NS_PER_S: Final = 1_000_000_000
_ALONE: Final = 1
"""Streams, and processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """How long is measured, in the words of pytest-benchmark: until both are reached."""

    least: int
    time_s: float


@dataclass(kw_only=True)
class Measurement:
    """What came back; values in nanoseconds, in the order of the requests."""

    values: Mapping[str, list[int]] = field(default_factory=lambda: {name: [] for name in METRICS})
    """By metric; a request that has none leaves a gap, and `missing` counts it."""
    gaps: Histogram = field(default_factory=Histogram)
    """Between chunks of an answer: beyond them a client that is late is in the figures."""
    requests: int = 0
    """That count."""
    new_connections: int = 0
    """Among them: the endpoint closed the one before."""
    clock: str | None = None
    """Who stamped the reads."""
    url: str | None = None
    model: str | None = None
    failure: str | None = None
    """Why there is no figure; then nothing else counts."""
    calibration: LevelError | None = None
    bottleneck_reasons: Sequence[str] = ()

    def missing(self, name: str) -> int:
        """Requests without a value of that metric."""
        return self.requests - len(self.values[name])


def metric_of(name: str) -> Metric:
    """As a closed loop has it: from the last byte of the request."""
    return next(metric for metric in metrics_for("closed") if metric.name == name)


def measure(endpoint: Endpoint, rounds: Rounds) -> Measurement:
    """Asks the endpoint until there are enough rounds. Never raises for what it does, or for a wrong set-up."""
    measurement = Measurement()
    try:
        with opened(endpoint) as live, _engine(live) as engine:
            measurement.url, measurement.model = live.target.url, live.target.model
            measurement.calibration = _calibration(engine)
            _ask(engine, live, endpoint, rounds, measurement)
            if first := measurement.values["ttft"]:
                spoilt = reasons(engine.health, loop="closed", ttft=Histogram(first), icl=measurement.gaps)
                measurement.bottleneck_reasons = tuple(spoilt)
    except (UsageError, TransportError) as problem:
        measurement.failure = str(problem)
    return measurement


def _engine(live: Opened) -> Engine:
    limits = live.client.limits
    bounds = Bounds(first_byte_s=limits.idle_s, idle_s=limits.idle_s, total_s=limits.total_s)
    return Engine(Settings(processes=_ALONE, bounds=bounds), secrets=live.client.secrets)


def _calibration(engine: Engine) -> LevelError | None:
    """The instrument's own error; None where its server does not start."""
    try:
        return known_or_measured(CalibrationCache.of_user(this_machine()), engine, streams=_ALONE)
    except TransportError:
        return None


def _ask(engine: Engine, live: Opened, endpoint: Endpoint, rounds: Rounds, into: Measurement) -> None:
    """One request after the other, up to the cap of politeness, or to the first that goes wrong."""
    traffic = SingleTurns(live.platform)
    shots = (Shot(at_ns=0, request=traffic.request(number)) for number in range(DEFAULT_CAP))
    began_ns = 0
    with closing(engine.run(shots, lanes=_ALONE)) as results:
        for measured in results:
            exchange = measured.exchange
            sample = Sample(
                evidence=Evidence(exchange=exchange, conditions=live.conditions, dialect=endpoint.dialect),
                intended_ns=measured.intended_ns,
                sent_ns=measured.sent_ns,
            )
            if measured.number == 0:
                be_sure_of(
                    exchange,
                    has_key=live.has_key,
                    takes_credential=endpoint.takes_credential,
                    sends_token=live.platform.tokens is not None,
                )
            if (kind := error_kind(sample)) is not None:
                into.failure = f"request {measured.number + 1} went wrong: {kind}; figures without it would flatter"
                return
            if measured.number < WARM_UP:
                began_ns = measured.ended_ns
                continue
            _take(sample, measured, into)
            if into.requests >= rounds.least and measured.ended_ns - began_ns >= rounds.time_s * _NS_PER_S:
                return


def _take(sample: Sample, measured: Measured, into: Measurement) -> None:
    into.requests += 1
    into.new_connections += measured.exchange.connection_reused is False
    into.clock = measured.clock
    for name in METRICS:
        into.values[name].extend(metric_of(name).values(sample))
    for gap_ns in icl(sample):
        into.gaps.record(gap_ns)
