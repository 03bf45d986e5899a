"""A fault that every event repeats is told a few times, not thousands of times."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final, TypeVar

from vapi_conformance.rules.rule import Violation

__all__ = ["MAX_TOLD", "at_most", "tell"]

MAX_TOLD: Final = 20
"""Violations of one rule on one exchange; nobody reads more."""

_Fault = TypeVar("_Fault")


def at_most(violations: Iterable[Violation], limit: int = MAX_TOLD) -> Iterator[Violation]:
    """The first `limit` of them; the last one told says how many more there are."""
    return tell(violations, lambda violation: violation, limit)


def tell(faults: Iterable[_Fault], word: Callable[[_Fault], Violation], limit: int = MAX_TOLD) -> Iterator[Violation]:
    """The first `limit` faults put into words; the others are counted only, so that a million of them cost little."""
    rest = iter(faults)
    told = [word(fault) for fault in islice(rest, limit)]
    more = sum(1 for _ in rest)
    if more:
        told[-1] = replace(told[-1], actual=f"{told[-1].actual} ... and {more} more")
    yield from told
