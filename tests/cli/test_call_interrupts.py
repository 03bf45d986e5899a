"""Ctrl-C in a call by keyboard: where it counts, where it waits, and where it ends the program."""

import os
import signal
import threading
import time

import pytest

from vapi_conformance.cli.call_interrupts import Interrupts, PatientClock

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
MINUTE_NS = 60_000_000_000


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def interrupted(interrupts: Interrupts) -> bool:
    """Whether one is heeded where it may be."""
    try:
        with interrupts.may_interrupt():
            return False
    except KeyboardInterrupt:
        return True


class TestCtrlC:
    def test_counts_where_somebody_can_be_interrupted(self) -> None:
        with Interrupts(ends=False) as interrupts, pytest.raises(KeyboardInterrupt), interrupts.may_interrupt():
            press()

    def test_waits_for_such_a_place(self) -> None:
        with Interrupts(ends=False) as interrupts:
            press()
            assert [True, False] == [interrupted(interrupts), interrupted(interrupts)]

    def test_can_be_forgotten(self) -> None:
        with Interrupts(ends=False) as interrupts:
            press()
            interrupts.forget()
            assert not interrupted(interrupts)

    def test_twice_where_nothing_heeds_it_is_the_way_out(self) -> None:
        with Interrupts(ends=False):
            press()
            with pytest.raises(KeyboardInterrupt):
                press()

    def test_ends_the_program_where_nobody_is_at_the_keyboard(self) -> None:
        with Interrupts(ends=True) as interrupts, pytest.raises(SystemExit, match="130"), interrupts.may_interrupt():
            press()

    def test_means_afterwards_what_it_meant_before(self) -> None:
        before = signal.getsignal(signal.SIGINT)
        with Interrupts(ends=False):
            assert before is not signal.getsignal(signal.SIGINT)
        assert before is signal.getsignal(signal.SIGINT)

    def test_is_left_alone_outside_of_the_main_thread(self) -> None:
        found: list[bool] = []

        def enter() -> None:
            with Interrupts(ends=False) as interrupts:
                found.append(interrupted(interrupts))

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        assert [False] == found


class TestClock:
    def test_waits_until_somebody_speaks(self) -> None:
        with Interrupts(ends=False) as interrupts:
            clock = PatientClock(interrupts)
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            clock.wait_until(MINUTE_NS)
            assert MINUTE_NS > clock.now_ns()

    def test_what_has_passed_is_no_wait_and_takes_no_interruption(self) -> None:
        with Interrupts(ends=False) as interrupts:
            clock = PatientClock(interrupts)
            time.sleep(0.001)
            press()
            clock.wait_until(1)
            assert interrupted(interrupts)
