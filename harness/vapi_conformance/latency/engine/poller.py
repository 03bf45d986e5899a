"""Waits for sockets, and for a moment to the microsecond.

asyncio and uvloop wait in whole milliseconds: a request that is meant to start now would start up to one later, which
is more than the error we allow ourselves. epoll has the same grain from Python, so it is `select` on epoll's own
descriptor that waits: it counts in microseconds, and leaves the list of the ready to be made after a look at the clock.
"""

import select
import selectors
import sys
import time
from typing import Final, Protocol

__all__ = ["READABLE", "WRITABLE", "Poller", "make_poller"]

READABLE: Final = 1
WRITABLE: Final = 4
_NS_PER_S: Final = 1_000_000_000
_MAX_SELECTABLE: Final = 1023
"""FD_SETSIZE - 1: select cannot take a descriptor beyond it."""


class Poller(Protocol):
    """Level-triggered: what is ready and left alone is told again."""

    looked_ns: int
    """Monotonic time just before the newest list was made: what was not in it was not ready then."""

    def add(self, descriptor: int, mask: int) -> None:
        """From now on this one is watched."""
        ...

    def change(self, descriptor: int, mask: int) -> None:
        """Watched for something else."""
        ...

    def remove(self, descriptor: int) -> None:
        """Not watched any more; call it before the descriptor is closed."""
        ...

    def wait(self, until_ns: int) -> list[tuple[int, int]]:
        """All that are ready, as descriptor and mask; at the latest at about that monotonic time.

        Complete: what is not in the list was not ready when the list was made. Errors and hang-ups count as readable.
        """
        ...

    def close(self) -> None:
        """Gives the poller's own descriptor back."""
        ...


class _SelectorPoller:
    """Where there is no epoll."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.looked_ns = time.monotonic_ns()

    def add(self, descriptor: int, mask: int) -> None:
        self._selector.register(descriptor, _selector_mask(mask))

    def change(self, descriptor: int, mask: int) -> None:
        self._selector.modify(descriptor, _selector_mask(mask))

    def remove(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)

    def wait(self, until_ns: int) -> list[tuple[int, int]]:
        self.looked_ns = time.monotonic_ns()
        left_s = max(0, until_ns - self.looked_ns) / _NS_PER_S
        ready = self._selector.select(left_s)
        return [
            (
                key.fd,
                (READABLE if mask & selectors.EVENT_READ else 0) | (WRITABLE if mask & selectors.EVENT_WRITE else 0),
            )
            for key, mask in ready
        ]

    def close(self) -> None:
        self._selector.close()


def _selector_mask(mask: int) -> int:
    reads = selectors.EVENT_READ if mask & READABLE else 0
    return reads | (selectors.EVENT_WRITE if mask & WRITABLE else 0)


if sys.platform == "linux":

    class _EpollPoller:
        def __init__(self) -> None:
            self._epoll = select.epoll()
            self._own = self._epoll.fileno()
            self._watched = 0
            self._most = 1024
            self.looked_ns = time.monotonic_ns()

        def add(self, descriptor: int, mask: int) -> None:
            self._epoll.register(descriptor, mask)
            self._watched += 1
            if self._watched > self._most:
                self._most *= 2

        def change(self, descriptor: int, mask: int) -> None:
            self._epoll.modify(descriptor, mask)

        def remove(self, descriptor: int) -> None:
            self._epoll.unregister(descriptor)
            self._watched -= 1

        def wait(self, until_ns: int) -> list[tuple[int, int]]:
            left_ns = until_ns - time.monotonic_ns()
            if self._own > _MAX_SELECTABLE:
                self.looked_ns = time.monotonic_ns()
                return self._epoll.poll(max(0, left_ns) / _NS_PER_S, self._most)
            if left_ns > 0:
                ready, _, _ = select.select([self._own], [], [], left_ns / _NS_PER_S)
                if not ready:
                    # It looked once more when the time was over; another look would cost as much as a read.
                    self.looked_ns = until_ns
                    return []
            self.looked_ns = time.monotonic_ns()
            return self._epoll.poll(0, self._most)

        def close(self) -> None:
            self._epoll.close()

    def make_poller() -> Poller:
        """The best that the platform has."""
        return _EpollPoller()

else:

    def make_poller() -> Poller:
        """The best that the platform has."""
        return _SelectorPoller()
