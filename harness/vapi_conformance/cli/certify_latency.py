"""Latency for a certificate: the load of its plan, by the engine of `bench`, with an error that is measured anew."""

from collections.abc import Mapping
from typing import Final

from vapi_conformance.cli.bench_playing import Bench, BenchOutcome, Plan
from vapi_conformance.cli.bench_progress import BenchProgress
from vapi_conformance.cli.bench_reaching import reached
from vapi_conformance.cli.bench_schedule import LoadOptions, Loads, loads
from vapi_conformance.cli.printing import complain
from vapi_conformance.endpoint import Endpoint
from vapi_conformance.latency.result import to_document
from vapi_conformance.latency.schedules import ClosedLoop
from vapi_conformance.narrow import integer_or_none, object_or_nothing, string_or_none

__all__ = ["load_of", "measured", "most_sent"]

_ATTEMPTS: Final = 2
"""A client that could not keep up measures once more: what it has proves nothing about the endpoint, for or against."""
_STOP_AT: Final = 0.5
"""Share of errors among the last requests at which there is nothing left to measure."""


def load_of(plan: Mapping[str, object]) -> Loads | None:
    """What a certificate's plan will send for latency; None where it measures none."""
    load = object_or_nothing(plan["load"])
    if not load:
        return None
    return loads(
        LoadOptions(
            concurrency=str(load["streams"]),
            requests=integer_or_none(load["requests"]),
            warmup=integer_or_none(load["warm_up"]),
        )
    )


def most_sent(planned: Loads) -> ClosedLoop:
    """All that may be sent for it, for whoever is asked before."""
    whole = planned.whole()
    return ClosedLoop(streams=planned.streams, requests=_ATTEMPTS * (whole.total or 0))


def measured(plan: Mapping[str, object], *, endpoint: Endpoint) -> dict[str, object]:
    """A document after `harness/bench`. Errors of the endpoint are figures; an interrupt ends everything."""
    planned, load = load_of(plan), object_or_nothing(plan["load"])
    if planned is None:
        raise ValueError("this plan measures no latency")
    bench_plan = Plan(
        loads=planned,
        settings=dict(load),
        words=string_or_none(load["say"]) or "",
        keeps=0,
        stop_at=_STOP_AT,
        recalibrates=True,
    )
    outcome = _played(bench_plan, endpoint)
    for left in range(_ATTEMPTS - 1, -1, -1):
        if not (reasons := outcome.result.bottleneck_reasons):
            break
        once_more = "; it is measured once more" if left else ""
        complain(f"the client was the bottleneck ({'; '.join(reasons)}){once_more}", is_fault=False)
        outcome = _played(bench_plan, endpoint) if left else outcome
    return to_document(outcome.result)


def _played(plan: Plan, endpoint: Endpoint) -> BenchOutcome:
    with reached(endpoint) as live, BenchProgress() as progress:
        outcome = Bench(plan=plan, endpoint=endpoint, live=live, progress=progress).run()
    if outcome.is_interrupted:
        raise KeyboardInterrupt
    return outcome
