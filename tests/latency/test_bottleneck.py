"""When figures are the client's own, and when a lag is in none of them."""

from dataclasses import replace
from typing import Literal

import pytest

from vapi_conformance.latency.bottleneck import reasons
from vapi_conformance.latency.engine import Health
from vapi_conformance.latency.histograms import Histogram

NS_PER_MS = 1_000_000
QUIET = Health(
    worker=0,
    wall_ns=1000 * NS_PER_MS,
    cpu_ns=300 * NS_PER_MS,
    lags=(0, 0, 100, *[0] * 29),
    stalled_ns=0,
    steal_share=0.01,
    clock="kernel",
)
LATE = replace(QUIET, lags=(*[0] * 15, 100, *[0] * 16))  # up to 33 ms


def told(
    health: Health,
    loop: Literal["closed", "open"] = "closed",
    ttft: Histogram | None = None,
    icl: Histogram | None = None,
) -> list[str]:
    return list(reasons([health], loop=loop, ttft=ttft, icl=icl))


def test_a_quiet_client_is_none() -> None:
    assert [] == told(QUIET) == told(QUIET, "open")


@pytest.mark.parametrize(
    ("health", "words"),
    [
        (
            replace(QUIET, cpu_ns=950 * NS_PER_MS),
            "process 1 of the client was busy for 95% of the time; try --p",
        ),
        (
            replace(QUIET, stalled_ns=200 * NS_PER_MS),
            "process 1 of the client waited 20% of the time for answers",
        ),
        (replace(QUIET, steal_share=0.25), "the machine's host gave 25% of its time to others"),
        (replace(QUIET, is_lost=True), "process 1 of the client ended, and what it had measured is lost"),
        (replace(LATE, clock="process"), "process 1 of the client was up to 33 ms late, in one of a hundred beats"),
    ],
    ids=["busy", "stalled", "stolen", "lost", "late"],
)
def test_says_what_kept_it(health: Health, words: str) -> None:
    (found,) = told(health)
    assert found.startswith(words)


def test_a_lag_is_in_no_figure_of_a_closed_loop_that_the_kernel_stamps() -> None:
    assert [] == told(LATE, "closed")
    assert 1 == len(told(LATE, "open"))


def test_a_lag_beyond_the_gaps_is_in_every_loop_because_chunks_that_are_read_together_share_one_stamp() -> None:
    quick, slow = Histogram([15 * NS_PER_MS] * 10), Histogram([20 * NS_PER_MS] * 10)
    (found,) = told(LATE, "closed", icl=quick)
    assert found.startswith("process 1 of the client was up to 33 ms late")
    assert [] == told(LATE, "closed", icl=slow)


def test_a_lag_that_is_small_beside_what_is_measured_does_not_matter() -> None:
    slow = Histogram([900 * NS_PER_MS] * 10)
    assert [] == told(LATE, "open", slow) == told(LATE, "closed", slow, Histogram([NS_PER_MS] * 10))


def test_a_moment_says_nothing() -> None:
    assert [] == told(replace(QUIET, wall_ns=NS_PER_MS, cpu_ns=NS_PER_MS))
