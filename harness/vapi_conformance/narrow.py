"""JSON values narrowed to types: each function gives the value when it is of that kind, else None.

JSON enters the package as `object`; this module is the border. `bool` is no integer here, as in JSON.
"""

from collections.abc import Mapping, Sequence
from typing import cast

__all__ = [
    "array_or_none",
    "array_or_nothing",
    "integer_or_none",
    "is_deeper_than",
    "object_or_none",
    "object_or_nothing",
    "string_or_none",
]

_NO_OBJECT: Mapping[str, object] = {}


def object_or_none(value: object) -> Mapping[str, object] | None:
    """A JSON object."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None


def object_or_nothing(value: object) -> Mapping[str, object]:
    """A JSON object, or an empty one."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else _NO_OBJECT


def array_or_none(value: object) -> Sequence[object] | None:
    """A JSON array."""
    return cast("Sequence[object]", value) if isinstance(value, list) else None


def array_or_nothing(value: object) -> Sequence[object]:
    """A JSON array, or an empty one."""
    return cast("Sequence[object]", value) if isinstance(value, list) else ()


def string_or_none(value: object) -> str | None:
    """A JSON string."""
    return value if isinstance(value, str) else None


def integer_or_none(value: object) -> int | None:
    """A JSON number without a fraction; `true` is not 1."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_deeper_than(document: object, levels: int) -> bool:
    """Whether arrays and objects stand inside each other more often than that. Does not recurse itself."""
    level = [document]
    for _ in range(levels):
        below: list[object] = []
        for value in level:
            below.extend(object_or_nothing(value).values())
            below.extend(array_or_nothing(value))
        if not below:
            return False
        level = below
    return True
