"""JSON as the server meets it: values of unknown shape come in, compact UTF-8 goes out."""

from __future__ import annotations

import json
from typing import TypeAlias, cast

JsonObject: TypeAlias = dict[str, object]

# What is read at this depth can be copied, searched and written again within Python's own limit of recursion.
_DEEPEST = 256
_TOO_DEEP = "the JSON is nested too deeply"

# Legal inside a JSON string, but line ends for readers that split with Unicode rules (Python's
# `str.splitlines` among them). Escaped, no reader of an event stream can stumble over them.
_LINE_ENDS_IN_UNICODE = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def as_object(value: object) -> JsonObject | None:
    """The value if it is a JSON object, else None."""
    return cast("JsonObject", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[object] | None:
    """The value if it is a JSON array, else None."""
    return cast("list[object]", value) if isinstance(value, list) else None


def objects_of(owner: JsonObject, key: str) -> list[JsonObject]:
    """The objects of an array under a key; none where there is no array."""
    return [item for value in as_list(owner.get(key)) or [] if (item := as_object(value)) is not None]


def encode(value: object) -> bytes:
    """One line of compact JSON in UTF-8; the same value always gives the same bytes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.translate(_LINE_ENDS_IN_UNICODE).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, repeated from a request, has no bytes of its own. Escaped, it goes back as it came.
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def decode(raw: bytes) -> object:
    """The value in these bytes. ValueError says why they hold none: not UTF-8, not JSON, too deep."""
    try:
        value: object = json.loads(raw.decode(), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    if _is_too_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for each in level for inner in (as_list(each) or (as_object(each) or {}).values())]
        if not level:
            return False
    return True


def _refuse_constant(name: str) -> object:
    # Python reads NaN and Infinity although RFC 8259, 6 has no such numbers.
    raise ValueError(f"{name} is not a JSON number")
