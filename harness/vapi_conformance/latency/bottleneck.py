"""Whether figures are the endpoint's or this client's: what the workers' health says against them."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final, Literal

from vapi_conformance.latency.engine import Health
from vapi_conformance.latency.histograms import Histogram

__all__ = ["reasons"]

_MOST_CPU_SHARE: Final = 0.9
"""Of a core; a loop that is busier than that lets streams wait for each other."""
_MOST_STEAL_SHARE: Final = 0.1
_MOST_STALLED_SHARE: Final = 0.01
_LEAST_LAG_NS: Final = 10_000_000
"""What every desktop system does to a timer now and then."""
_MOST_LAG_SHARE: Final = Fraction(1, 10)
_MIN_WALL_NS: Final = 100_000_000
"""In less, shares of time say nothing."""
_HALF: Final = Fraction(1, 2)


def reasons(
    health: Sequence[Health], *, loop: Literal["closed", "open"], ttft: Histogram | None, icl: Histogram | None = None
) -> Iterator[str]:
    """Sentences, none where nothing speaks against the figures. ttft, icl: what was measured, for what lag matters.

    A loop that is late sends late, which an open loop's figures count; where the kernel stamps what comes, it does not
    read late. So in a closed loop under the kernel's clock a lag is in no figure, as long as each chunk is read before
    the next one comes: of several that are read together only the newest has a stamp, and all are called as late. A lag
    is known within a factor of two; there it counts as what it was at least.
    """
    median_ns, gap_ns = _median_ns(ttft), _median_ns(icl)
    allowed_ns = max(_LEAST_LAG_NS, 0 if median_ns is None else round(median_ns * _MOST_LAG_SHARE))
    for each in health:
        name = f"process {each.worker + 1}"
        if each.is_lost:
            yield f"{name} of the client ended, and what it had measured is lost"
            continue
        if each.wall_ns < _MIN_WALL_NS:
            continue
        if each.cpu_share > _MOST_CPU_SHARE:
            yield f"{name} of the client was busy for {each.cpu_share:.0%} of the time; try --processes"
        if each.stalled_ns > each.wall_ns * _MOST_STALLED_SHARE:
            yield f"{name} of the client waited {each.stalled_ns / each.wall_ns:.0%} of the time for answers to be read"
        if each.steal_share is not None and each.steal_share > _MOST_STEAL_SHARE:
            yield f"the machine's host gave {each.steal_share:.0%} of its time to others"
        lag_ns = each.lag_ns(0.99)
        if lag_ns is None or lag_ns <= allowed_ns:
            continue
        if loop == "open" or each.clock == "process" or (gap_ns is not None and lag_ns // 2 > gap_ns):
            yield f"{name} of the client was up to {lag_ns / 1_000_000:.0f} ms late, in one of a hundred beats"


def _median_ns(histogram: Histogram | None) -> int | None:
    median = None if histogram is None else histogram.percentile(_HALF)
    return None if median is None else median.value
