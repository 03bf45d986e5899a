"""How a bench gets on: a line that changes on a terminal, a line now and then elsewhere; always on standard error."""

import sys
import time
from collections.abc import Sequence
from fractions import Fraction
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from vapi_conformance.cli.printing import complain
from vapi_conformance.latency.cluster import NodeProgress
from vapi_conformance.latency.running import Course
from vapi_conformance.latency.schedules import Schedule

__all__ = ["BenchProgress"]

_EVERY_S: Final = 0.2
_EVERY_LINE_S: Final = 5.0
_NS_PER_MS: Final = 1_000_000
_HALF: Final = Fraction(1, 2)


class BenchProgress:
    """In a `with`; `load` before each load, then `watch` for `play`."""

    def __init__(self) -> None:
        """Shows nothing yet."""
        self._is_live = sys.stderr.isatty()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._began = self._told = time.monotonic()
        self._total: int | None = None
        self._name = ""
        self._before = 0

    def __enter__(self) -> Self:
        """Takes the terminal's last line."""
        if self._is_live:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives it back."""
        if self._bar is not None:
            self._bar.stop()

    def say(self, what: str) -> None:
        """What is done that is no load."""
        self._total = None
        self._show(what)

    def load(self, schedule: Schedule, name: str, course: Course) -> None:
        """The next load. name: among several, else empty."""
        self._total = schedule.total if schedule.duration_ns is None else None
        self._name = f"{name}: " if name else ""
        self._before = course.sent
        self._show(f"{self._name}first request")

    def watch(self, course: Course) -> None:
        """See `running.Watch`."""
        now = time.monotonic()
        if now - self._told < (_EVERY_S if self._is_live else _EVERY_LINE_S):
            return
        self._told = now
        if self._is_live:
            self._show(self._words(course), done=course.sent - self._before)
        else:
            complain(f"{now - self._began:.0f} s: {self._words(course)}", is_fault=False)

    def watch_nodes(self, nodes: Sequence[NodeProgress]) -> None:
        """See `Cluster.play`: every node, each time."""
        now = time.monotonic()
        if now - self._told < (_EVERY_S if self._is_live else _EVERY_LINE_S):
            return
        self._told = now
        words = self._name + "; ".join(map(_node, nodes))
        if self._is_live:
            self._show(words, done=sum(node.progress.sent for node in nodes))
        else:
            complain(f"{now - self._began:.0f} s: {words}", is_fault=False)

    def _words(self, course: Course) -> str:
        tally = course.tally
        first = tally.histograms.get("ttft_ms")
        median = None if first is None else first.percentile(_HALF)
        told = "" if median is None else f", TTFT p50 {median.value / _NS_PER_MS:.1f} ms"
        total = "" if self._total is None else f" of {self._total:,}"
        return f"{self._name}{course.sent - self._before:,}{total} answers, {tally.error_count:,} errors{told}"

    def _show(self, words: str, *, done: int = 0) -> None:
        if self._bar is None:
            return
        if self._task is None:
            self._task = self._bar.add_task(words, total=self._total)
        self._bar.update(self._task, description=words, total=self._total, completed=done)


def _node(node: NodeProgress) -> str:
    progress = node.progress
    state = " (lost)" if node.is_lost else " (done)" if node.is_done else ""
    median = progress.ttft_p50_ns
    told = "" if median is None else f", TTFT p50 {median / _NS_PER_MS:.1f} ms"
    return f"{node.name}{state}: {progress.sent:,} answers, {progress.errors:,} errors{told}"
