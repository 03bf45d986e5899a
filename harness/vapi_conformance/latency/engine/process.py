"""A worker process, seen from the command that started it."""

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Final

from vapi_conformance.latency.engine.health import LAG_BUCKETS, Health
from vapi_conformance.latency.engine.orders import Known, Setup, Stop, Taken
from vapi_conformance.latency.engine.pipes import messages, send
from vapi_conformance.latency.engine.shots import Settings

__all__ = ["WorkerProcess", "lost_health"]

_PATIENCE_S: Final = 60.0
"""For a worker's answer: resolving names may take long."""
_GOODBYE_S: Final = 5.0


class WorkerProcess:
    """One process, and what it still owes."""

    def __init__(self, number: int, settings: Settings, most_streams: int) -> None:
        """Starts it, and does not wait for it."""
        self.number = number
        self.is_lost = False
        self.owed: set[int] = set()
        """Numbers of shots without a result."""
        self.answers = queue.SimpleQueue[Known | Taken | None]()
        # -P: no folder of the user's in front of the standard library.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vapi_conformance.latency.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self.process_id = self._process.pid
        self._lock = threading.Lock()
        self.tell(Setup(number, settings, most_streams))

    def tell(self, message: object) -> None:
        """Nothing happens where the worker is lost; its reader notices."""
        with self._lock:
            try:
                send(self._in.fileno(), message)
            except (OSError, ValueError):
                self.is_lost = True

    def heard(self) -> Iterator[object]:
        """For one thread: what the worker says, until it is gone."""
        yield from messages(self._out.fileno())

    def answer(self) -> Known | Taken | None:
        """What it says when it was asked; None where it is lost."""
        try:
            return self.answers.get(timeout=_PATIENCE_S)
        except queue.Empty:
            self.is_lost = True
            return None

    def close(self) -> None:
        """Ends it, by force where words do not help."""
        self.tell(Stop())
        self._in.close()
        try:
            self._process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def release(self) -> None:
        """When nobody reads any more."""
        self._out.close()


def lost_health(number: int) -> Health:
    """Of a worker that can no longer say how it fared."""
    return Health(
        worker=number,
        wall_ns=0,
        cpu_ns=0,
        lags=(0,) * LAG_BUCKETS,
        stalled_ns=0,
        steal_share=None,
        clock="process",
        is_lost=True,
    )
