"""A run under way: the shots that were given and the results that came, shared by threads."""

import queue
import threading
from typing import Final

from vapi_conformance.latency.engine.shots import Measured, Shot

__all__ = ["Run"]

_RESULT_BYTES: Final = 4096
_READ_BYTES: Final = 200
"""What objects take in memory, about."""


class Run:
    """Fields are changed while `changed` is held."""

    def __init__(self, lanes: int | None, max_waiting_bytes: int) -> None:
        """lanes: of a closed loop. max_waiting_bytes: of results that nobody has taken."""
        self.lanes = lanes
        self.changed = threading.Condition()
        self.shots: dict[int, tuple[int, Shot]] = {}
        """By number in the engine: number in the run, and the shot."""
        self.given = 0
        self.is_fed = False
        self.is_over = False
        self.begin_ns = 0
        self.problem: BaseException | None = None
        self.waiting_bytes = 0
        self._max_waiting_bytes = max_waiting_bytes
        self._results = queue.SimpleQueue[tuple[int, Measured] | None]()

    def hand(self, number: int, measured: Measured) -> None:
        """number: in the engine. Waits for room as long as somebody is interested."""
        with self.changed:
            while self.waiting_bytes > self._max_waiting_bytes and not self.is_over:
                self.changed.wait(1.0)
            self.waiting_bytes += _weight_bytes(measured)
        self._results.put((number, measured))

    def wake(self) -> None:
        """Something else has changed than a result that came."""
        self._results.put(None)

    def take(self) -> tuple[int, Measured] | None:
        """The next result; None where something else has changed."""
        result = self._results.get()
        if result is not None:
            with self.changed:
                self.waiting_bytes -= _weight_bytes(result[1])
                self.changed.notify_all()
        return result


def _weight_bytes(measured: Measured) -> int:
    """About what a result takes in memory."""
    reads = measured.exchange.reads
    return _RESULT_BYTES + sum(len(read.data) + _READ_BYTES for read in reads)
