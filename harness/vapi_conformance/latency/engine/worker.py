"""One process of the engine: a loop that measures, a thread that hears what to do, a thread that hands results over.

Started as `python -m vapi_conformance.latency.engine.worker`, and not by multiprocessing, which would import the
command's main module and all that hangs on it before the first request.
"""

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Final

from vapi_conformance.latency.engine.loop import Loop
from vapi_conformance.latency.engine.orders import Begin, Cancel, Know, Known, Results, Setup, Shots, Taken, Warm
from vapi_conformance.latency.engine.origin import Origin
from vapi_conformance.latency.engine.pipes import messages, send
from vapi_conformance.latency.engine.raw import Raw

__all__ = ["main"]

_BATCH: Final = 16
"""Results in one message: packing them holds the interpreter's lock for as long as it takes."""
_MOST_WAITING_BYTES: Final = 64 * 1024 * 1024
_PAUSE_S: Final = 0.001
_STDIN: Final = 0
_STDOUT: Final = 1
_STDERR: Final = 2


class _Outbox:
    """Results wait here for the pipe, up to a bound; then the loop has to wait, and says so."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting = queue.SimpleQueue[tuple[object, int]]()
        # Each is counted by one thread alone: what other threads say has no size.
        self._put_bytes = self._handed_bytes = 0
        self._is_closed = False
        self._thread = threading.Thread(target=self._hand_over, daemon=True)
        self._thread.start()

    def put(self, message: object, size_bytes: int = 0) -> int:
        """Nanoseconds for which there was no room."""
        stalled_ns = 0
        if self._is_full():
            started_ns = time.monotonic_ns()
            while self._is_full() and not self._is_closed:
                time.sleep(_PAUSE_S)
            stalled_ns = time.monotonic_ns() - started_ns
        if size_bytes:
            self._put_bytes += size_bytes
        self._waiting.put((message, size_bytes))
        return stalled_ns

    def close(self) -> None:
        """Returns when all is handed over."""
        self._waiting.put((None, 0))
        self._thread.join()

    def _is_full(self) -> bool:
        return self._put_bytes - self._handed_bytes > _MOST_WAITING_BYTES

    def _hand_over(self) -> None:
        message: object = True
        while message is not None:
            message, size_bytes = self._waiting.get()
            raws: list[Raw] = []
            while isinstance(message, Raw):
                raws.append(message)
                if len(raws) == _BATCH or self._waiting.empty():
                    break
                message, more_bytes = self._waiting.get()
                size_bytes += more_bytes
            try:
                if raws:
                    send(self._descriptor, Results(tuple(raws)))
                if message is not None and not isinstance(message, Raw):
                    send(self._descriptor, message)
            except OSError:
                self._is_closed = True
            self._handed_bytes += size_bytes


def main() -> None:
    """Until standard input ends or a `Stop` comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the command, which decides
    _allow_many_sockets()
    outbox = _Outbox(os.dup(_STDOUT))
    os.dup2(_STDERR, _STDOUT)  # whatever else is printed here is no message
    inbox = messages(_STDIN)
    setup = next(inbox, None)
    if not isinstance(setup, Setup):
        return

    def done(raw: Raw) -> None:
        size_bytes = sum(len(read[3]) for read in raw.reads)
        loop.pulse.stalled_ns += outbox.put(raw, size_bytes)

    loop = Loop(setup.settings, done, most_streams=setup.most_streams)
    threading.Thread(target=_hear, args=(inbox, loop, outbox, setup), daemon=True).start()
    loop.run()
    outbox.close()


def _hear(inbox: Iterator[object], loop: Loop, outbox: _Outbox, setup: Setup) -> None:
    """Passes on what the command says; what takes long is done here and not in the loop."""
    for message in inbox:
        match message:
            case Know(origins):
                loop.call(partial(loop.know, [Origin(key, ca_file=setup.settings.ca_file) for key in origins]))
                outbox.put(Known())
            case Warm(origin, count):
                loop.call(partial(loop.warm, origin, count))
            case Begin(begin_ns, lanes):
                loop.call(partial(loop.begin, begin_ns, lanes))
            case Shots(tickets):
                loop.call(partial(loop.add, tickets))
            case Cancel():
                loop.call(partial(_cancel, loop, outbox, setup))
            case _:
                break
    loop.call(loop.stop)


def _cancel(loop: Loop, outbox: _Outbox, setup: Setup) -> None:
    health = loop.health(setup.worker)
    loop.cancel()
    outbox.put(Taken(health))


def _allow_many_sockets() -> None:
    """As many as the system lets us have without asking anybody."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 1 << 20)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return


if __name__ == "__main__":
    main()
