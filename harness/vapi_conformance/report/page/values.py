"""Values of a report document for a page: a document may come from a file, and may lack what came with later suites."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

from vapi_conformance.narrow import array_or_nothing, object_or_none
from vapi_conformance.report.counting import grouped

__all__ = ["count", "duration", "number", "objects", "shortened", "size", "string", "strings"]

_MOST_OBJECTS: Final = 5000
"""Of one list: rules, exchanges. Further ones are not shown."""
_LARGEST: Final = 1e15
_MS_PER_S: Final = 1000
_KB: Final = 1000


def objects(value: object) -> Sequence[Mapping[str, object]]:
    """The objects in an array; what is none is passed over."""
    found = (object_or_none(each) for each in array_or_nothing(value)[:_MOST_OBJECTS])
    return [each for each in found if each is not None]


def string(value: object, absent: str = "") -> str:
    """The string, or what stands for one."""
    return value if isinstance(value, str) and value else absent


def strings(value: object) -> Sequence[str]:
    """The strings in an array."""
    return [each for each in array_or_nothing(value)[:_MOST_OBJECTS] if isinstance(each, str)]


def number(value: object) -> float | None:
    """A finite number that can be drawn; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not isfinite(value):
        return None
    return float(value) if abs(value) < _LARGEST else None


def count(value: object) -> int:
    """How many; nothing is none."""
    found = number(value)
    return 0 if found is None else max(0, int(found))


def duration(ms: float) -> str:
    """As people say it: `12 ms`, `0.84 s`, `12.4 s`."""
    if ms < 100:  # noqa: PLR2004 - below, a hundredth of a second says too little
        return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"  # noqa: PLR2004
    seconds = ms / _MS_PER_S
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.1f} s"  # noqa: PLR2004


def size(length: int) -> str:
    """Bytes, kB, MB."""
    if length < _KB:
        return grouped(length, "byte")
    if length < _KB * _KB:
        return f"{length / _KB:.1f} kB"
    return f"{length / _KB / _KB:.1f} MB"


def shortened(text: str, most: int) -> str:
    """The beginning, and a sign that there was more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
