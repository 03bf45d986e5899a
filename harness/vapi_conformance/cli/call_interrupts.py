"""Ctrl-C as the caller's way to interrupt: it is heard where somebody can be interrupted, and kept until then."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Final, Self

from vapi_conformance.call import RealClock

__all__ = ["Interrupts", "PatientClock", "ending_in_order"]

_BY_SIGNAL: Final = 128
"""What shells give a program that a signal ended, and the signal's number on top."""


@contextmanager
def ending_in_order() -> Generator[None]:
    """While this lasts, a closed terminal and a kill end the program as an exception does: the server that we started
    has a process group of its own, and would be left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ends = [each for name in ("SIGHUP", "SIGTERM") if (each := getattr(signal, name, None)) is not None]
    before = [signal.signal(each, _end) for each in ends]
    try:
        yield
    finally:
        for each, handler in zip(ends, before, strict=True):
            signal.signal(each, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(_BY_SIGNAL + number)


class Interrupts:
    """Raises KeyboardInterrupt inside of `may_interrupt` only: anywhere else it would tear a call's books apart."""

    def __init__(self, *, ends: bool) -> None:
        """ends: nobody is at the keyboard, and Ctrl-C ends the program as everywhere."""
        self._ends = ends
        self._armed = False
        self._pressed = False
        self._before: object = None

    def __enter__(self) -> Self:
        """Signals reach the main thread only; elsewhere there is nothing to do."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._heed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As before."""
        if callable(self._before) or isinstance(self._before, signal.Handlers):
            signal.signal(signal.SIGINT, self._before)

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        if self._ends:
            raise SystemExit(_BY_SIGNAL + number)
        if self._armed or self._pressed:  # twice where nothing heeds it: somebody wants out
            self._pressed = False
            raise KeyboardInterrupt
        self._pressed = True

    @contextmanager
    def may_interrupt(self) -> Generator[None]:
        """Here Ctrl-C counts, and one that came shortly before, too."""
        if self._pressed:
            self._pressed = False
            raise KeyboardInterrupt
        self._armed = True
        try:
            yield
        finally:
            self._armed = False

    def forget(self) -> None:
        """What was meant for the assistant is not meant for the prompt."""
        self._pressed = False


class PatientClock(RealClock):
    """As on the telephone; Ctrl-C ends a wait."""

    def __init__(self, interrupts: Interrupts) -> None:
        """Zero is now."""
        super().__init__()
        self._interrupts = interrupts

    def wait_until(self, at_ns: int) -> None:
        """See `Clock`."""
        if at_ns <= self.now_ns():
            return
        with suppress(KeyboardInterrupt), self._interrupts.may_interrupt():
            super().wait_until(at_ns)
