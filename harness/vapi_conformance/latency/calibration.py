"""The instrument's own error on this machine: what the engine says of answers whose truth is known.

A stamping server in another process writes into each chunk when it handed that chunk to the kernel; both processes read
the same monotonic clock. What the engine says beyond that is its error: the way through the kernel, and our own delay.
Nothing of it is ever subtracted from a figure, because it is another amount each time; figures near it are flagged.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Final

from vapi_conformance.exchange import End
from vapi_conformance.latency.bottleneck import reasons
from vapi_conformance.latency.engine import Engine, Measured, Shot, prepared
from vapi_conformance.latency.histograms import Histogram, least_n
from vapi_conformance.latency.stamping_server import Pace, Stamp, StampingServer, stamps_in
from vapi_conformance.units import milliseconds

__all__ = [
    "LEVELS",
    "SHORT_S",
    "THOROUGH_S",
    "Errors",
    "Level",
    "LevelError",
    "calibrated",
    "errors_by_metric",
    "level_for",
]

LEVELS: Final = (1, 8, 32, 128, 256, 512, 1000)
"""Streams at once. A bench is held against the least of them that has as many as itself."""
SHORT_S: Final = 0.5
"""Before a bench."""
THOROUGH_S: Final = 4.0
"""When somebody asks for the calibration itself."""

_CHUNKS_PER_S: Final = 50.0
"""Of one stream: a chunk each 20 ms, as a quick model sends."""
_OF_FEW: Final = 8
_CHUNKS_PER_S_OF_FEW: Final = 500.0
"""So that a few streams give enough values in a short time."""
_CHUNKS: Final = 20
_GAPS_TO_FIRST: Final = 2
_NS_PER_S: Final = 1_000_000_000
_US: Final = 1000
_DIGITS: Final = 6
_BODY: Final = b'{"model":"stamped","stream":true,"messages":[{"role":"user","content":"Hello."}]}'
_FROM_SENT: Final = ("headers", "ttft", "ttfs", "answer", "turn")
_BETWEEN: Final = ("icl", "longest_gap", "end_lag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A load under which the error is measured."""

    streams: int
    chunks_per_s: float = _CHUNKS_PER_S
    """Of each stream."""

    @property
    def pace(self) -> Pace:
        """Of the answers."""
        gap_ns = max(_US, round(_NS_PER_S / self.chunks_per_s))
        return Pace(chunks=_CHUNKS, first_ns=_GAPS_TO_FIRST * gap_ns, gap_ns=gap_ns)

    @property
    def answer_s(self) -> float:
        """How long an answer takes at least."""
        return (self.pace.first_ns + _CHUNKS * self.pace.gap_ns) / _NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Figures of one kind of error; None where so few values cannot tell."""

    n: int
    p50_ns: int | None
    p99_ns: int | None
    max_ns: int | None

    @classmethod
    def of(cls, histogram: Histogram) -> "Errors":
        """Of all values in it."""
        half, most = histogram.percentile(Fraction(1, 2)), histogram.percentile(Fraction(99, 100))
        return cls(
            n=histogram.n,
            p50_ns=None if half is None else half.value,
            p99_ns=None if most is None else most.value,
            max_ns=histogram.max,
        )

    @property
    def bound_ns(self) -> int | None:
        """What the error hardly ever exceeds: p99, or the greatest where so few were measured."""
        return self.max_ns if self.p99_ns is None else self.p99_ns

    def to_document(self) -> dict[str, object]:
        """JSON-ready, in milliseconds."""
        return {
            "n": self.n,
            "p50": milliseconds(self.p50_ns, _DIGITS),
            "p99": milliseconds(self.p99_ns, _DIGITS),
            "max": milliseconds(self.max_ns, _DIGITS),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelError:
    """The error under one load."""

    level: Level
    processes: int
    measured_at: str
    """RFC 3339."""
    asked: int
    answered: int
    """Whole answers, with every chunk."""
    chunks: int
    duration_s: float
    ttft: Errors
    """Of the time to the first token, either way."""
    lag: Errors
    """From the server's stamp to the time that the engine says, of every chunk."""
    gap: Errors
    """Of the time between two chunks, either way."""
    cpu_us_per_chunk: float | None
    bottleneck_reasons: tuple[str, ...] = ()
    """Why the figures are worse than the instrument: it was kept from its work."""
    is_from_cache: bool = False

    def by_metric(self) -> dict[str, int]:
        """Nanoseconds by the name of a metric, for flags; without those of which nothing is known."""
        return errors_by_metric(ttft_ns=self.ttft.bound_ns, gap_ns=self.gap.bound_ns)

    def to_document(self) -> dict[str, object]:
        """JSON-ready, after `harness/calibration`."""
        return {
            "streams": self.level.streams,
            "chunks_per_s_per_stream": self.level.chunks_per_s,
            "processes": self.processes,
            "measured_at": self.measured_at,
            "is_from_cache": self.is_from_cache,
            "asked": self.asked,
            "answered": self.answered,
            "chunks": self.chunks,
            "chunks_per_s": round(self.chunks / self.duration_s, 1) if self.duration_s else None,
            "ttft_error_ms": self.ttft.to_document(),
            "chunk_lag_ms": self.lag.to_document(),
            "gap_error_ms": self.gap.to_document(),
            "cpu_us_per_chunk": None if self.cpu_us_per_chunk is None else round(self.cpu_us_per_chunk, 1),
            "bottleneck_reasons": list(self.bottleneck_reasons),
        }


def errors_by_metric(*, ttft_ns: int | None, gap_ns: int | None) -> dict[str, int]:
    """Each metric's own error, from those two that are measured; without those of which nothing is known."""
    found: dict[str, int] = {}
    for names, bound_ns in ((_FROM_SENT, ttft_ns), (_BETWEEN, gap_ns)):
        if bound_ns is not None:
            found |= dict.fromkeys(names, bound_ns)
            found |= {f"{name}_from_sent": bound_ns for name in names if names is _FROM_SENT}
    return found


def level_for(streams: int) -> Level:
    """What a bench of so many streams is held against."""
    least = next((each for each in LEVELS if each >= streams), LEVELS[-1])
    return Level(streams=least, chunks_per_s=_CHUNKS_PER_S_OF_FEW if least <= _OF_FEW else _CHUNKS_PER_S)


def calibrated(
    levels: Iterable[Level], engine: Engine, *, processes: int, for_s: float = SHORT_S
) -> Iterator[LevelError]:
    """The error under each load, as it is known. for_s: each takes about as long, and one answer at least.

    Raises TransportError where the stamping server does not start.
    """
    with StampingServer() as server:
        for level in levels:
            yield _measured(level, engine, server, processes=processes, for_s=for_s)


def _measured(level: Level, engine: Engine, server: StampingServer, *, processes: int, for_s: float) -> LevelError:
    url = server.url(level.pace)
    request = prepared(url=url, headers=(("Content-Type", "application/json"),), body=_BODY)
    # Names, connections and code that was never used are not what is measured.
    for _ in engine.run([Shot(at_ns=0, request=request)] * level.streams, lanes=level.streams):
        pass
    count = level.streams * _rounds(level, for_s)
    truth = _Truth()
    began_ns = time.monotonic_ns()
    for measured in engine.run([Shot(at_ns=0, request=request)] * count, lanes=level.streams):
        truth.take(measured, engine.begin_ns)
    wall_ns = time.monotonic_ns() - began_ns
    cpu_ns = sum(each.cpu_ns for each in engine.health)
    return LevelError(
        level=level,
        processes=processes,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        asked=count,
        answered=truth.answered,
        chunks=truth.lag.n,
        duration_s=wall_ns / _NS_PER_S,
        ttft=Errors.of(truth.ttft),
        lag=Errors.of(truth.lag),
        gap=Errors.of(truth.gap),
        cpu_us_per_chunk=cpu_ns / _US / truth.lag.n if truth.lag.n else None,
        bottleneck_reasons=tuple(reasons(engine.health, loop="closed", ttft=truth.told, icl=truth.told_gap)),
    )


def _rounds(level: Level, for_s: float) -> int:
    """Up to twice the time, where that makes enough answers for a p99."""
    rounds = max(1, round(for_s / level.answer_s))
    return max(rounds, min(2 * rounds, -(-least_n(Fraction(99, 100)) // level.streams)))


class _Truth:
    """What the engine says, held against the stamps."""

    def __init__(self) -> None:
        self.answered = 0
        self.told, self.told_gap = Histogram(), Histogram()
        self.ttft, self.lag, self.gap = Histogram(), Histogram(), Histogram()

    def take(self, measured: Measured, begin_ns: int) -> None:
        exchange, sent_ns = measured.exchange, measured.sent_ns
        if sent_ns is None or exchange.end is not End.CLEAN:
            return
        told = [
            (read.at_ns, stamp) for read in exchange.reads if read.at_ns is not None for stamp in stamps_in(read.data)
        ]
        self.answered += len(told) == _CHUNKS
        if told:
            at_ns, stamp = told[0]
            self.told.record(at_ns)
            self.ttft.record(abs(at_ns - (stamp.sent_ns - stamp.request_ns)))
        for at_ns, stamp in told:
            self.lag.record(max(0, begin_ns + sent_ns + at_ns - stamp.sent_ns))
        for earlier, later in pairwise(told):
            self.told_gap.record(later[0] - earlier[0])
            self.gap.record(_gap_error_ns(earlier, later))


def _gap_error_ns(earlier: tuple[int, Stamp], later: tuple[int, Stamp]) -> int:
    return abs((later[0] - earlier[0]) - (later[1].sent_ns - earlier[1].sent_ns))
