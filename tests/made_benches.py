"""Documents of benches for tests of what shows them: every figure made up, and after the schema."""

import json
from collections.abc import Sequence
from dataclasses import replace

from latency.samples import answered, sample
from vapi_conformance.exchange import Response
from vapi_conformance.latency.machine import Machine
from vapi_conformance.latency.metrics import Sample, metrics_for
from vapi_conformance.latency.result import BenchTarget, Result, Worker, to_document
from vapi_conformance.latency.schedules import ClosedLoop, OpenLoop, Schedule, constant
from vapi_conformance.latency.tally import Group, Tally
from vapi_conformance.latency.timeline import Timeline

__all__ = ["CLOSED", "OPEN", "bench", "document", "refused", "streamed"]

CLOSED = ClosedLoop(streams=2, requests=30)
OPEN = OpenLoop(phases=constant(20, duration_s=5))
LOADS = ("2/s", "16/s", "8/s")
TEXT = "A sentence that is long enough."
MACHINE = Machine(
    cpu="a processor",
    cores=2,
    all_cores=2,
    system="Linux",
    architecture="x86_64",
    python="CPython 3.11.0",
    libraries=(),
    clock="monotonic",
    clock_resolution_ns=1,
    load_average=None,
)


def streamed(number: int, *, delay_ms: float = 0.0) -> Sample:
    """The number-th request, from 0: meant to start each 50 ms; a first token after 100 ms, and one more each time."""
    first_ms = 100.0 + number
    answer = answered((first_ms, TEXT), (first_ms + 200, " And more."), end_ms=first_ms + 200)
    return sample(answer, intended_ms=50.0 * number, sent_ms=50.0 * number + delay_ms)


def refused(number: int) -> Sample:
    """Turned away at once."""
    at_ms = 50.0 * number
    return sample(replace(answered((1, "no")), response=Response(status=503)), intended_ms=at_ms, sent_ms=at_ms)


def bench(schedule: Schedule = CLOSED, *, samples: Sequence[Sample] | None = None) -> Result:
    """30 answers unless given others, in three loads and three lengths of history."""
    tally = Tally(metrics_for("closed" if isinstance(schedule, ClosedLoop) else "open"))
    timeline = Timeline()
    for number, each in enumerate([*map(streamed, range(30))] if samples is None else samples):
        groups = [Group("load", LOADS[number % 3]), Group("messages", str(2 + 2 * (number % 3)))]
        tally.add(each, groups=groups)
        timeline.add(each)
    return Result(
        started_at="2026-01-01T00:00:00Z",
        duration_s=12.5,
        target=BenchTarget(name="reference", url="https://host.example/v1/chat/completions"),
        machine=MACHINE,
        settings={},
        schedule=schedule,
        tally=tally,
        workers=[Worker(name="process 1")],
        streams=timeline.to_document(),
    )


def document(result: Result) -> dict[str, object]:
    """As it would be read from a file."""
    read: dict[str, object] = json.loads(json.dumps(to_document(result)))
    return read
