"""Made-up words and placeholders, and the two clocks."""

import time

import pytest

from vapi_conformance.call.clock import Clock, RealClock, VirtualClock
from vapi_conformance.call.words import filled, own_words, placeholders

MS = 1_000_000


class TestOwnWords:
    def test_are_each_given_once(self) -> None:
        assert 64 == len(set(own_words(64, 3)))

    def test_are_the_same_for_the_same_run(self) -> None:
        assert own_words(16, 3) == own_words(16, 3) != own_words(16, 4)

    def test_stand_in_no_other(self) -> None:
        words = own_words(168, 0)
        assert [] == [(a, b) for a in words for b in words if a != b and a in b]


class TestFilled:
    def test_replaces_in_strings_wherever_they_stand(self) -> None:
        values = {"{word}": "brabeck", "{name}": "Jo"}
        document = {"{word}": ["I am {name}: {word}", {"a": "{city}"}, 7, None]}
        assert {"{word}": ["I am Jo: brabeck", {"a": "{city}"}, 7, None]} == filled(document, values)

    @pytest.mark.parametrize("locale", ["en_US", "en_GB", "fr_FR"])
    def test_by_what_is_made_up_for_the_caller(self, locale: str) -> None:
        values = placeholders(5, locale, "brabeck")
        assert values == placeholders(5, locale, "brabeck")
        assert {"{name}", "{city}", "{company}", "{word}"} == values.keys()
        assert "" not in values.values()


class TestClocks:
    def test_a_virtual_one_leaves_waiting_out(self) -> None:
        clock, started = VirtualClock(), time.monotonic()
        clock.wait_until(3600_000 * MS)
        clock.took(5 * MS)
        assert (3600_005 * MS, "virtual") == (clock.now_ns(), clock.kind)
        assert time.monotonic() - started < 600

    def test_a_virtual_one_waits_after_a_hang_up_once_and_for_a_second_at_most(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slept = list[float]()
        monkeypatch.setattr(time, "sleep", slept.append)
        clock = VirtualClock()
        clock.wait_until(1000 * MS)
        for until_ms in (1300, 9000):
            clock.hung_up()
            clock.wait_until(until_ms * MS)
            clock.wait_until((until_ms + 500) * MS)
        assert [0.3, 1.0] == slept
        assert 9500 * MS == clock.now_ns()

    @pytest.mark.parametrize("clock", [VirtualClock(), RealClock()])
    def test_never_goes_back(self, clock: Clock) -> None:
        clock.wait_until(3 * MS)
        clock.wait_until(1 * MS)
        clock.took(-5)
        assert 3 * MS <= clock.now_ns()

    def test_a_real_one_waits(self) -> None:
        clock = RealClock()
        clock.wait_until(20 * MS)
        assert 20 * MS <= clock.now_ns()
        assert "real" == clock.kind
