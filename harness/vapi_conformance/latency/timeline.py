"""When single requests ran and what they met: a fair sample of a run, for plots over time.

Histograms know nothing of time, and every request of a long run would not fit. So as many are kept as a plot can show,
each with the same probability.
"""

from random import Random
from typing import Final

from vapi_conformance.latency.metrics import Sample, answer_time, error_kind, ttfs, ttft
from vapi_conformance.latency.sampling import fair_union
from vapi_conformance.units import milliseconds

__all__ = ["MOST_STREAMS", "Timeline"]

MOST_STREAMS: Final = 1000
"""Kept of a run: points of a plot, and some 60 kB of a document."""

"""Of a millisecond."""

_Row = tuple[int, int | None, int | None, int | None, int | None, str | None]


class Timeline:
    """Grows by `add` up to its bound; the same requests in the same order leave the same sample."""

    def __init__(self, most: int = MOST_STREAMS, *, seed: int = 0) -> None:
        """most: how many are kept."""
        self._most = most
        self._random = Random(seed)  # noqa: S311 - reproducible, not secret
        self._rows: list[_Row] = []
        self.seen = 0
        """Requests that were added."""

    def add(self, sample: Sample, *, at_ns: int = 0) -> None:
        """One more request. at_ns: where its load began, for one of several loads. Algorithm R (Vitter, 1985)."""
        self.seen += 1
        at = len(self._rows) if len(self._rows) < self._most else self._random.randrange(self.seen)
        if at < self._most:
            self._rows[at : at + 1] = [_row(sample, at_ns)]

    def merge(self, other: "Timeline") -> None:
        """All that was added to the other one, as if it had been added here."""
        seen = (self.seen, other.seen)
        theirs = other._rows  # noqa: SLF001 - of the same class
        self._rows = fair_union((self._rows, theirs), seen, most=self._most, random=self._random)
        self.seen = sum(seen)

    def to_document(self) -> dict[str, object]:
        """JSON-ready, in order of time; latencies count from the sending, as the metrics of a closed loop do."""
        rows = sorted(self._rows, key=lambda row: row[0])
        return {
            "seen": self.seen,
            "kept": [
                {
                    "start_ms": milliseconds(start_ns),
                    "delay_ms": milliseconds(delay_ns),
                    "ttft_ms": milliseconds(ttft_ns),
                    "ttfs_ms": milliseconds(ttfs_ns),
                    "answer_ms": milliseconds(answer_ns),
                    "error": error,
                }
                for start_ns, delay_ns, ttft_ns, ttfs_ns, answer_ns, error in rows
            ],
        }


def _row(sample: Sample, at_ns: int) -> _Row:
    return (
        at_ns + sample.intended_ns,
        sample.delay_ns,
        ttft(sample),
        ttfs(sample),
        answer_time(sample),
        error_kind(sample),
    )
