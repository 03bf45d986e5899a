"""Reading and writing properties of parsed JSON as JavaScript's strict mode does, down to the words of its errors.

For the models of the Node packages' accumulators, which trip over what a server left out. Values are those of
`v8_json.parse`, with `UNDEFINED` for what is not there. Names that every array or string has of its own, `length` say,
are not known.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final, cast

from vapi_conformance.consumers import v8_json
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.narrow import array_or_none, object_or_none

__all__ = ["UNDEFINED", "get", "items_of", "put", "refuse_concatenation", "text_of"]


class _Undefined(Enum):
    UNDEFINED = "undefined"


UNDEFINED: Final = _Undefined.UNDEFINED


def text_of(value: object) -> str:
    """As a template string writes it.

    Raises:
        JsError: a TypeError, for an object that hides `toString`.
    """
    return "undefined" if value is UNDEFINED else v8_json.to_string(value)


def get(value: object, key: object) -> object:
    """`value[key]`.

    Raises:
        JsError: a TypeError; null and undefined have no properties.
    """
    if value is None or value is UNDEFINED:
        raise JsError("TypeError", f"Cannot read properties of {text_of(value)} (reading '{text_of(key)}')")
    if isinstance(value, dict):
        name = key if isinstance(key, str) else text_of(key)
        return cast("dict[str, object]", value).get(name, UNDEFINED)
    if isinstance(value, list | str):
        entries = cast("Sequence[object]", value)
        at = _array_index(key)
        return entries[at] if at is not None and at < len(entries) else UNDEFINED
    return UNDEFINED


def _array_index(key: object) -> int | None:
    text = text_of(key)
    return int(text) if text.isascii() and text.isdigit() and (text == "0" or text[0] != "0") else None


def put(value: object, key: object, new: object) -> None:
    """`value[key] = new`, where the key of an array is one that it has.

    Raises:
        JsError: a TypeError; only objects can be written to.
    """
    if isinstance(value, dict):
        cast("dict[str, object]", value)[text_of(key)] = new
        return
    if isinstance(value, list):
        entries = cast("list[object]", value)
        at = _array_index(key)
        if at is not None and at < len(entries):
            entries[at] = new
        return
    name = text_of(key)
    if value is None or value is UNDEFINED:
        raise JsError("TypeError", f"Cannot set properties of {text_of(value)} (setting '{name}')")
    if isinstance(value, str) and get(value, key) is not UNDEFINED:
        raise JsError("TypeError", f"Cannot assign to read only property '{name}' of string '{value}'")
    kind = "string" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"
    raise JsError("TypeError", f"Cannot create property '{name}' on {kind} '{text_of(value)}'")


def items_of(value: object, words: str) -> Sequence[object]:
    """What `for (const each of value)` goes through; `words` is how the code spells the value.

    Raises:
        JsError: a TypeError.
    """
    if isinstance(value, list | str):
        return cast("Sequence[object]", value)
    raise JsError("TypeError", f"{words} is not iterable")


def refuse_concatenation(*values: object) -> None:
    """What `+` does to values of which nobody looks at the sum.

    Raises:
        JsError: a TypeError; one of them cannot be made a string.
    """
    for value in values:
        if object_or_none(value) is not None or array_or_none(value) is not None:
            v8_json.to_string(value)
