"""A fault that every event repeats is told a few times, not thousands of times."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from vapi_conformance.rules.rule import Violation

__all__ = ["MAX_TOLD", "at_most"]

MAX_TOLD: Final = 20
"""Violations of one rule on one exchange; nobody reads more."""


def at_most(violations: Iterable[Violation], limit: int = MAX_TOLD) -> Iterator[Violation]:
    """The first `limit` of them; the last one told says how many more there are."""
    rest = iter(violations)
    told = list(islice(rest, limit))
    more = sum(1 for _ in rest)
    if more:
        told[-1] = replace(told[-1], actual=f"{told[-1].actual} ... and {more} more")
    yield from told
