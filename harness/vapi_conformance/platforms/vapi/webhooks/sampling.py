"""Arguments for a tool call, made up from the tool's JSON Schema: always the same, and as plain as it allows."""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Final

from vapi_conformance.narrow import array_or_none, array_or_nothing, integer_or_none, object_or_nothing, string_or_none

__all__ = ["sample_arguments"]

_DEEPEST: Final = 8
_MOST_PROPERTIES: Final = 50
_MOST_ITEMS: Final = 20
_LONGEST_TEXT: Final = 1000
_FORMATS: Final[Mapping[str, str]] = {
    "date": "2026-03-02",
    "date-time": "2026-03-02T15:00:00Z",
    "time": "15:00:00Z",
    "duration": "PT30M",
    "email": "caller@mail.example",
    "uri": "https://caller.example/",
    "uuid": "8f3c0d52-0000-4000-8000-000000000001",
}
_NAMES: Final = (
    ("city", "Lyon"),
    ("location", "Lyon"),
    ("date", "2026-03-02"),
    ("time", "15:00"),
    ("mail", "caller@mail.example"),
    ("phone", "+15550100001"),
    ("number", "+15550100001"),
    ("name", "Alex"),
)
"""What stands in a property whose name holds this word; the first one decides."""


def sample_arguments(schema: Mapping[str, object]) -> dict[str, object]:
    """An object for the `parameters` of a function; empty where they want none.

    A schema that a text's pattern makes hard, or that contradicts itself, may not be met: `foreign_schema` can tell.
    """
    found = _value(schema, "", _DEEPEST)
    return dict(object_or_nothing(found))


def _value(schema: Mapping[str, object], name: str, depth: int) -> object:
    given, branch = _given(schema), _branch(schema)
    if given is not None:
        return given
    if branch is not None:
        return _value(branch, name, depth - 1) if depth > 0 else None
    kind = _type(schema)
    build = _BUILDERS.get(kind, _text)
    return build(schema, name, depth)


def _given(schema: Mapping[str, object]) -> object:
    """What the schema itself names as a value; None where it names none."""
    named = (schema[key] for key in ("const", "default") if schema.get(key) not in (None, ""))
    listed = (values[0] for key in ("enum", "examples") if (values := array_or_nothing(schema.get(key))))
    return next(chain(named, listed), None)


def _branch(schema: Mapping[str, object]) -> Mapping[str, object] | None:
    """The first of its alternatives, where the schema has no type of its own."""
    if "type" in schema:
        return None
    branches = (array_or_nothing(schema.get(key)) for key in ("anyOf", "oneOf", "allOf"))
    return next((object_or_nothing(each[0]) for each in branches if each), None)


def _type(schema: Mapping[str, object]) -> str:
    kind = schema.get("type")
    if (kinds := array_or_none(kind)) is not None:
        kind = next((each for each in kinds if each != "null"), "null")
    if kind is None and "properties" in schema:
        return "object"
    return string_or_none(kind) or "string"


def _object(schema: Mapping[str, object], _name: str, depth: int) -> dict[str, object]:
    """What is required; at the top everything, since a tool is there to be used."""
    properties = object_or_nothing(schema.get("properties"))
    required = [str(each) for each in array_or_nothing(schema.get("required"))]
    names = list(properties) if depth == _DEEPEST else required
    if depth <= 0:
        return {}
    wanted = dict.fromkeys([*required, *names])
    return {
        name: _value(object_or_nothing(properties.get(name)), name, depth - 1)
        for name in list(wanted)[:_MOST_PROPERTIES]
    }


def _array(schema: Mapping[str, object], name: str, depth: int) -> list[object]:
    count = min(max(integer_or_none(schema.get("minItems")) or 1, 0), _MOST_ITEMS)
    return [] if depth <= 0 else [_value(object_or_nothing(schema.get("items")), name, depth - 1)] * count


def _number(schema: Mapping[str, object], _name: str, _depth: int) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    floor = float(low) if isinstance(low, int | float) and not isinstance(low, bool) else 1.0
    start = floor + ("exclusiveMinimum" in schema)
    if isinstance(high, int | float) and start > high:
        start = float(high) - ("exclusiveMaximum" in schema)
    return int(start) if _type(schema) == "integer" or start.is_integer() else start


def _text(schema: Mapping[str, object], name: str, _depth: int) -> str:
    known = _FORMATS.get(string_or_none(schema.get("format")) or "")
    if known is None:
        lower = name.lower()
        known = next((value for word, value in _NAMES if word in lower), "sample")
    shortest = min(integer_or_none(schema.get("minLength")) or 0, _LONGEST_TEXT)
    longest = integer_or_none(schema.get("maxLength"))
    text = known.ljust(shortest, "x")
    return text if longest is None else text[: max(longest, 0)]


def _true(_schema: Mapping[str, object], _name: str, _depth: int) -> bool:
    return True


def _null(_schema: Mapping[str, object], _name: str, _depth: int) -> None:
    return


_BUILDERS: Final[Mapping[str, Callable[[Mapping[str, object], str, int], object]]] = {
    "object": _object,
    "array": _array,
    "integer": _number,
    "number": _number,
    "boolean": _true,
    "null": _null,
}
