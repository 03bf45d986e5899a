"""What JavaScript's own syntax makes of values out of JSON, where a user's loop meets them."""

from collections.abc import Iterable, Sequence

from vapi_conformance.consumers import v8_json
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.utf16 import joined
from vapi_conformance.narrow import array_or_none, object_or_none

__all__ = ["first", "iterated"]


def iterated(value: object) -> Iterable[object]:
    """What `for (const item of value ?? [])` goes through.

    Raises:
        JsError: a TypeError, for what cannot be iterated.
    """
    if value is None:
        return ()
    items = array_or_none(value)
    if items is not None:
        return items
    if isinstance(value, str):
        return joined([value])
    kind = "object" if object_or_none(value) is not None else v8_json.type_and_value(value)
    raise JsError("TypeError", f"{kind} is not iterable (cannot read property Symbol(Symbol.iterator))")


def first(value: object) -> object:
    """`value?.[0]`; None for undefined."""
    items: Sequence[object] | None = array_or_none(value)
    if items is not None:
        return items[0] if items else None
    fields = object_or_none(value)
    if fields is not None:
        return fields.get("0")
    return value[:1] if isinstance(value, str) and value else None
