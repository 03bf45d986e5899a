"""Call time: nanoseconds since the line was open, either as it passes or with all waiting left out."""

import time
from typing import Literal, Protocol

__all__ = ["Clock", "RealClock", "VirtualClock"]

_NS_PER_S = 1_000_000_000
_LONGEST_NOTICE_NS = _NS_PER_S
"""Who has not noticed by then that nobody listens is not helped by more."""


class Clock(Protocol):
    """Where a call stands in time. It never goes back."""

    @property
    def kind(self) -> Literal["virtual", "real"]:
        """Which of the two it is."""
        ...

    def now_ns(self) -> int:
        """Call time."""
        ...

    def wait_until(self, at_ns: int) -> None:
        """Nothing happens until then; somebody at the keyboard may cut it short. A time that has passed is no wait."""
        ...

    def took(self, duration_ns: int) -> None:
        """An exchange took so long; it is what passes under a virtual clock, too."""
        ...

    def hung_up(self) -> None:
        """We closed a connection in the middle of an answer: the endpoint needs time to notice, and waiting is real."""
        ...


class VirtualClock:
    """Only exchanges take time, and a hang-up; waiting, speaking and thinking cost none of the wall's."""

    def __init__(self) -> None:
        """At zero."""
        self._now_ns = 0
        self._notice_ns = 0

    @property
    def kind(self) -> Literal["virtual", "real"]:
        """See `Clock`."""
        return "virtual"

    def now_ns(self) -> int:
        """See `Clock`."""
        return self._now_ns

    def wait_until(self, at_ns: int) -> None:
        """See `Clock`."""
        left_ns = max(0, at_ns - self._now_ns)
        self._now_ns += left_ns
        if self._notice_ns:
            time.sleep(min(left_ns, self._notice_ns) / _NS_PER_S)
            self._notice_ns = 0

    def took(self, duration_ns: int) -> None:
        """See `Clock`."""
        self._now_ns += max(0, duration_ns)

    def hung_up(self) -> None:
        """See `Clock`. The next wait passes for real, up to a second of it."""
        self._notice_ns = _LONGEST_NOTICE_NS


class RealClock:
    """As on the telephone."""

    def __init__(self) -> None:
        """Zero is now."""
        self._started_ns = time.monotonic_ns()

    @property
    def kind(self) -> Literal["virtual", "real"]:
        """See `Clock`."""
        return "real"

    def now_ns(self) -> int:
        """See `Clock`."""
        return time.monotonic_ns() - self._started_ns

    def wait_until(self, at_ns: int) -> None:
        """See `Clock`."""
        left_ns = at_ns - self.now_ns()
        if left_ns > 0:
            time.sleep(left_ns / _NS_PER_S)

    def took(self, duration_ns: int) -> None:
        """It has passed already."""

    def hung_up(self) -> None:
        """All waiting is real."""
