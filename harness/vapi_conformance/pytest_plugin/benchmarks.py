"""`ttft`, `ttfs` and `turn` as benchmarks of pytest-benchmark, where its user asked for benchmarks.

pytest-benchmark times a function with a clock. The function here is one answer of the endpoint, which was measured
before, and the clock is one that the answer moves on by exactly its latency: so the values are those of our instrument,
and storing, comparing, grouping and failing are pytest-benchmark's own. Nothing of it is imported.
"""

import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import Final, Protocol, Self

import pytest

from vapi_conformance import __version__
from vapi_conformance.endpoint import Endpoint
from vapi_conformance.latency.metrics import TurnModel
from vapi_conformance.latency.result import NEAR, without_secrets
from vapi_conformance.pytest_plugin.measuring import METRICS, WARM_UP, Measurement, Rounds, measure, metric_of
from vapi_conformance.report.printable import printable

__all__ = ["NODE_ID", "LatencyBenchmarks", "NoFigure", "are_asked_for", "are_only"]

NODE_ID: Final = "vapi-conformance-latency"
"""Part of the name under which pytest-benchmark stores values and finds them again."""

_NS_PER_S: Final = 1_000_000_000
_NS_PER_MS: Final = 1_000_000
_XDIST: Final = (
    "latency is not measured under pytest-xdist, where other tests share the processor with the instrument: run the "
    "benchmarks on their own, without -n"
)


class NoFigure(Exception):  # noqa: N818 - it reads as what happened
    """Why there is nothing to compare."""


class _Benchmark(Protocol):
    """What is used of pytest-benchmark's fixture; all of it is documented there."""

    extra_info: dict[str, object]

    def pedantic(
        self,
        target: Callable[[int], None],
        *,
        setup: Callable[[], tuple[tuple[int], dict[str, object]]],
        rounds: int,
    ) -> object: ...


def are_only(config: pytest.Config) -> bool:
    """Whether nothing else is to run."""
    return bool(config.getoption("benchmark_only", default=False))


def are_asked_for(config: pytest.Config) -> bool:
    """Whether somebody typed that they want benchmarks. Raises pytest.UsageError where they want them under xdist.

    Unlike a function's, an endpoint's benchmark costs time and money: pytest-benchmark's own default is not enough.
    """
    if not are_only(config) and not config.getoption("benchmark_enable", default=False):
        return False
    if config.getoption("benchmark_skip", default=False) and not are_only(config):
        return False
    if config.getoption("dist", default="no") != "no" or hasattr(config, "workerinput"):
        raise pytest.UsageError(_XDIST)
    return True


class _Clock:
    """Stands still until an answer is passed."""

    def __init__(self) -> None:
        self._at_ns = 0

    def instrument_time(self) -> float:
        """In seconds, as pytest-benchmark wants it."""
        return self._at_ns / _NS_PER_S

    def rewind(self) -> None:
        """Back to zero, where a float holds a value exactly."""
        self._at_ns = 0

    def pass_answer(self, length_ns: int) -> None:
        """What is timed."""
        self._at_ns += length_ns


@dataclass(eq=False)
class LatencyBenchmarks:
    """Hooks of a session whose user asked for benchmarks."""

    config: pytest.Config
    endpoint: Endpoint

    @cached_property
    def measurement(self) -> Measurement:
        """Made when the first item asks: all three are of the same requests."""
        least, time_s = (float(str(self.config.getoption(f"benchmark_{name}"))) for name in ("min_rounds", "max_time"))
        return measure(self.endpoint, Rounds(least=int(least), time_s=time_s))

    def pytest_report_header(self) -> str:
        """What is measured, against what."""
        endpoint = self.endpoint
        return (
            f"vapi-conformance {__version__}: latency of {endpoint.name}, platform {endpoint.platform}, "
            f"dialect {endpoint.dialect.value}, one request after the other"
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Adds our module to what the session found."""
        report = yield
        if isinstance(collector, pytest.Session):
            report.result = [*(report.result or ()), _LatencyModule.made(collector, self)]
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The instrument beside its figures."""
        measurement = self.__dict__.get("measurement")
        if not isinstance(measurement, Measurement) or measurement.failure is not None:
            return
        terminalreporter.write_line(f"{NODE_ID}: {printable(_about_the_instrument(measurement))}")
        for reason in measurement.bottleneck_reasons:
            terminalreporter.write_line(f"{NODE_ID}: the client was the bottleneck: {reason}", yellow=True)


class _LatencyModule(pytest.Module):
    """Our items need fixtures, and those need a module."""

    benchmarks: LatencyBenchmarks

    @classmethod
    def made(cls, parent: pytest.Session, benchmarks: LatencyBenchmarks) -> Self:
        """from_parent takes only what pytest knows."""
        node = cls.from_parent(parent, path=Path(__file__), name=NODE_ID, nodeid=NODE_ID)  # pyright: ignore[reportUnknownMemberType] - untyped in pytest
        node.obj = sys.modules[__name__]
        node.benchmarks = benchmarks
        return node

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each metric."""
        for name in METRICS:
            clock = _Clock()
            item = _LatencyItem.from_parent(self, name=name, callobj=_timed(self.benchmarks, name, clock))  # pyright: ignore[reportUnknownMemberType] - untyped in pytest
            shown = printable(without_secrets(self.benchmarks.endpoint.name))
            item.add_marker(pytest.mark.benchmark(timer=clock.instrument_time, group=f"latency of {shown}"))
            yield item


class _LatencyItem(pytest.Function):
    """One metric."""

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where pytest says that the item is."""
        return self.path, None, self.nodeid

    def repr_failure(  # type: ignore[override]  # pytest prints a string as it is
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> object:
        """One sentence, not a traceback."""
        if isinstance(excinfo.value, NoFigure):
            return printable(str(excinfo.value))
        return super().repr_failure(excinfo)


def _timed(benchmarks: LatencyBenchmarks, name: str, clock: _Clock) -> Callable[[_Benchmark], None]:
    """The function of an item; pytest-benchmark's fixture comes by its name."""

    def timed(benchmark: _Benchmark) -> None:
        measurement = benchmarks.measurement
        problem = _problem(measurement, name)
        values = cycle(measurement.values[name])

        def next_answer() -> tuple[tuple[int], dict[str, object]]:
            if problem is not None:  # in here, or pytest-benchmark would warn of a benchmark that was never run
                raise NoFigure(problem)
            clock.rewind()
            return (next(values),), {}

        if problem is None:
            benchmark.extra_info |= _extra(measurement, name, benchmarks.endpoint)
        benchmark.pedantic(clock.pass_answer, setup=next_answer, rounds=max(1, measurement.requests))

    return timed


def _problem(measurement: Measurement, name: str) -> str | None:
    """Why there is no figure; None where there is one."""
    if measurement.failure is not None:
        return measurement.failure
    if missing := measurement.missing(name):
        return f"{missing} of {measurement.requests} answers have no {name}: {metric_of(name).definition}"
    return None


def _extra(measurement: Measurement, name: str, endpoint: Endpoint) -> dict[str, object]:
    """What one has to know beside the values; pytest-benchmark stores it with them."""
    calibration, values = measurement.calibration, sorted(measurement.values[name])
    error_ns = None if calibration is None else calibration.by_metric().get(name)
    told: dict[str, object] = {
        "definition": metric_of(name).definition,
        "n": len(values),
        "clock": measurement.clock,
        "warm_up": WARM_UP,
        "new_connections": measurement.new_connections,
        "endpoint": None if measurement.url is None else without_secrets(measurement.url),
        "model": measurement.model,
        "platform": endpoint.platform,
        "dialect": endpoint.dialect.value,
        "calibration": None if calibration is None else calibration.to_document(),
        "near_instrument_error": None if error_ns is None else values[len(values) // 2] < NEAR * error_ns,
        "client_was_bottleneck": list(measurement.bottleneck_reasons),
        "suite": __version__,
    }
    if name == "turn":
        told["assumed_ms"] = {stage.name: stage.length_ns / _NS_PER_MS for stage in TurnModel().stages}
    return told


def _about_the_instrument(measurement: Measurement) -> str:
    asked = f"{measurement.requests} requests one after the other, {WARM_UP} more to warm up; reads stamped by the "
    asked += f"{measurement.clock}'s clock; "
    if measurement.calibration is None:
        return f"{asked}the instrument's own error was not measured"
    error = measurement.calibration.ttft
    figures = ((name, value) for name, value in (("p50", error.p50_ns), ("p99", error.p99_ns), ("max", error.max_ns)))
    told = ", ".join(f"{name} {value / _NS_PER_MS:.2f} ms" for name, value in figures if value is not None)
    return f"{asked}its own error on this machine: {told} (n = {error.n}), not subtracted"
