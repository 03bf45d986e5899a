"""Nanoseconds as documents tell them."""

from vapi_conformance.units import milliseconds


def test_milliseconds_are_told_to_the_microsecond() -> None:
    assert 1.235 == milliseconds(1_234_567)


def test_digits_may_say_otherwise() -> None:
    assert 1.234567 == milliseconds(1_234_567, 6)


def test_what_is_not_known_stays_so() -> None:
    assert milliseconds(None) is None
