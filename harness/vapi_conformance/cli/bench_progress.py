"""How a bench gets on: a line that changes on a terminal, a line now and then elsewhere; always on standard error.

Elsewhere a thread says it where no answer comes, too: a job that hangs on an endpoint must not look like one that does
nothing. It sleeps, and takes no time from what is measured.
"""

import sys
import threading
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
_SILENT_S: Final = 5.0
"""Without an answer; then that is told."""
_NS_PER_MS: Final = 1_000_000
_HALF: Final = Fraction(1, 2)


class BenchProgress:
    """In a `with`; `load` before each load, then `watch` for `play`."""

    def __init__(self) -> None:
        """Shows nothing yet."""
        self._is_live = sys.stderr.isatty()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._began = self._told = self._heard = time.monotonic()
        self._total: int | None = None
        self._name = ""
        self._before = 0
        self._doing = "starting"
        self._answers = 0
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._reminder: threading.Thread | None = None

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
        else:
            self._reminder = threading.Thread(target=self._remind, daemon=True)
            self._reminder.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives it back."""
        self._is_over.set()
        if self._reminder is not None:
            self._reminder.join()
        if self._bar is not None:
            self._bar.stop()

    def say(self, what: str) -> None:
        """What is done that is no load."""
        self._total = None
        self._show(what)
        self._begin(what)

    def load(self, schedule: Schedule, name: str, course: Course) -> None:
        """The next load. name: among several, else empty."""
        self._total = schedule.total if schedule.duration_ns is None else None
        self._name = f"{name}: " if name else ""
        self._before = course.sent
        self._show(f"{self._name}first request")
        self._begin("")

    def watch(self, course: Course) -> None:
        """See `running.Watch`."""
        self._heard = time.monotonic()
        self._answers = course.sent - self._before
        if not self._is_time():
            return
        if self._is_live:
            self._show(self._words(course), done=course.sent - self._before)
        else:
            self._tell(self._words(course))

    def watch_nodes(self, nodes: Sequence[NodeProgress]) -> None:
        """See `Cluster.play`: every node, each time."""
        self._heard = time.monotonic()
        if not self._is_time():
            return
        words = self._name + "; ".join(map(_node, nodes))
        if self._is_live:
            self._show(words, done=sum(node.progress.sent for node in nodes))
        else:
            self._tell(words)

    def _begin(self, what: str) -> None:
        """what: is done; empty for a load, where answers are waited for."""
        self._doing, self._answers, self._heard = what, 0, time.monotonic()

    def _is_time(self) -> bool:
        """For the next word; whoever is told so says it."""
        with self._lock:
            now = time.monotonic()
            if now - self._told < (_EVERY_S if self._is_live else _EVERY_LINE_S):
                return False
            self._told = now
            return True

    def _tell(self, words: str) -> None:
        complain(f"{time.monotonic() - self._began:.0f} s: {words}", is_fault=False)

    def _remind(self) -> None:
        """In a thread: says what is waited for where nothing has come for so long that nobody else says anything."""
        while not self._is_over.wait(_SILENT_S):
            silent_s = time.monotonic() - self._heard
            if silent_s < _SILENT_S or not self._is_time():
                continue
            waited = f"{self._answers:,} answers, none for {silent_s:.0f} s" if self._answers else "no answer yet"
            self._tell(self._doing or f"{self._name}{waited}")

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
