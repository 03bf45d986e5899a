"""Times as documents tell them. Inside, they are integer nanoseconds."""

from typing import Final

__all__ = ["milliseconds"]

_NS_PER_MS: Final = 1_000_000


def milliseconds(time_ns: int | None, digits: int = 3) -> float | None:
    """To the microsecond unless `digits` say otherwise; None stays."""
    return None if time_ns is None else round(time_ns / _NS_PER_MS, digits)
