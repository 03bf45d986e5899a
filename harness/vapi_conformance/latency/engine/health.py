"""How the client itself fared: whether a figure is the endpoint's or ours."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vapi_conformance.latency.engine.clocks import Clock

__all__ = ["BEAT_NS", "LAG_BUCKETS", "Health", "Pulse", "lag_bound_ns"]

BEAT_NS: Final = 20_000_000
"""Between two beats of a loop that is on time. To wake for one takes as much processor time as a few reads."""

LAG_BUCKETS: Final = 32
"""Bucket n counts lags below 2**n microseconds that were not below 2**(n-1); the last one holds all above."""

_US: Final = 1000
_MOST_MISSED: Final = 6000
"""Beats that one pause swallowed and that are counted: a minute's worth, so that counting takes no time itself."""
_STEAL_FIELD: Final = 7
_GUEST_FIELD: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One worker process over one run."""

    worker: int
    wall_ns: int
    cpu_ns: int
    """CPU time of the process; next to `wall_ns`, one full core is equal."""
    lags: tuple[int, ...]
    """How late a timer that is due every 20 ms was, counted in `LAG_BUCKETS`; what a pause swallowed counts, too."""
    stalled_ns: int
    """Time in which the worker waited for us to take its results, and did nothing else."""
    steal_share: float | None
    """Share of the machine's time that its host gave to others; None where the kernel does not tell."""
    clock: Clock
    is_lost: bool = False
    """The process died; what it had not yet handed over is gone."""

    @property
    def cpu_share(self) -> float:
        """Of one core."""
        return self.cpu_ns / self.wall_ns if self.wall_ns else 0.0

    def lag_ns(self, share: float) -> int | None:
        """Upper bound of the bucket below which this share of the beats lies; None where there was no beat."""
        total = sum(self.lags)
        if not total:
            return None
        counted = 0
        for bucket, count in enumerate(self.lags):
            counted += count
            if counted >= share * total:
                return lag_bound_ns(bucket)
        return lag_bound_ns(LAG_BUCKETS - 1)


def lag_bound_ns(bucket: int) -> int:
    """Every lag in the bucket is below this; in the last bucket it may be above."""
    return _US << bucket


class Pulse:
    """Measures one process from `start` to `taken`."""

    def __init__(self) -> None:
        """Nothing is measured yet."""
        self.stalled_ns = 0
        self._lags = [0] * LAG_BUCKETS
        self._wall_ns = self._cpu_ns = 0
        self._machine: tuple[int, int] | None = None

    def start(self) -> None:
        """From now on."""
        self.stalled_ns = 0
        self._lags = [0] * LAG_BUCKETS
        self._machine = _machine_time()
        self._cpu_ns = time.process_time_ns()
        self._wall_ns = time.monotonic_ns()

    def beat(self, late_ns: int) -> None:
        """A timer fired this late. Those that would have fired since were late, too: a pause does not hide itself."""
        for missed in range(min(late_ns // BEAT_NS, _MOST_MISSED) + 1):
            still_ns = late_ns - missed * BEAT_NS
            self._lags[min(LAG_BUCKETS - 1, (still_ns // _US).bit_length())] += 1

    def taken(self, *, worker: int, clock: Clock) -> Health:
        """What was measured since `start`."""
        machine = _machine_time()
        steal_share = None
        if self._machine is not None and machine is not None and machine[1] > self._machine[1]:
            steal_share = (machine[0] - self._machine[0]) / (machine[1] - self._machine[1])
        return Health(
            worker=worker,
            wall_ns=time.monotonic_ns() - self._wall_ns,
            cpu_ns=time.process_time_ns() - self._cpu_ns,
            lags=tuple(self._lags),
            stalled_ns=self.stalled_ns,
            steal_share=steal_share,
            clock=clock,
        )


def _machine_time() -> tuple[int, int] | None:
    """Stolen and all time since boot in ticks, over all cores (proc(5), /proc/stat); None where that is not told."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
        ticks = [int(field) for field in first.split()[1:]]
        # Guest time is already in user time.
        return ticks[_STEAL_FIELD], sum(ticks[:_GUEST_FIELD])
    except (OSError, ValueError, IndexError):
        return None
