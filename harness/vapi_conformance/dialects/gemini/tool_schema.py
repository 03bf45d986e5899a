"""Parameters of a function between JSON Schema and Gemini's own `Schema`, a part of OpenAPI 3.0."""

from collections.abc import Mapping
from typing import Final

from vapi_conformance.narrow import array_or_none, array_or_nothing, integer_or_none, object_or_none

__all__ = ["from_gemini", "to_gemini"]

_TYPES: Final = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
"""In the order of their numbers, from 1."""
_DEEPEST: Final = 32
"""Levels of nesting that are translated; what lies deeper is left out."""
_SENT: Final = frozenset(
    {
        "description",
        "enum",
        "format",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "nullable",
        "pattern",
        "required",
        "title",
    }
)
"""Keywords that mean the same on both sides and are sent on. Others, `additionalProperties` too, are refused."""
_READ: Final = frozenset({"enum", "maximum", "minimum", "pattern", "required"})


def to_gemini(schema: object, levels: int = _DEEPEST) -> object:
    """Types in capitals, and only keywords that Gemini's Schema has. What is no object passes unchanged."""
    record = object_or_none(schema)
    if record is None or levels <= 0:
        return schema if record is None else {}
    told: dict[str, object] = {}
    for key, value in record.items():
        if key == "type":
            told |= _told_type(value)
        elif key in _SENT:
            told[key] = value
        elif key == "properties" and (properties := object_or_none(value)) is not None:
            told[key] = {name: to_gemini(each, levels - 1) for name, each in properties.items()}
        elif key == "items":
            told[key] = to_gemini(value, levels - 1)
        elif key in ("anyOf", "oneOf") and (branches := array_or_none(value)) is not None:
            told["anyOf"] = [to_gemini(each, levels - 1) for each in branches]
    return told


def _told_type(value: object) -> dict[str, object]:
    """`["string", "null"]` is a nullable string."""
    names = [each.upper() for each in array_or_nothing(value) if isinstance(each, str)]
    if names:
        nullable = {"nullable": True} if "NULL" in names else {}
        return {"type": next((name for name in names if name != "NULL"), "NULL"), **nullable}
    return {"type": value.upper() if isinstance(value, str) else value}


def from_gemini(schema: object, levels: int = _DEEPEST) -> Mapping[str, object] | None:
    """The JSON Schema that it means; None where it is no object. Also reads a JSON Schema, which some send there."""
    record = object_or_none(schema)
    if record is None or levels <= 0:
        return None
    read: dict[str, object] = {key: value for key, value in record.items() if key in _READ}
    name = _type_of(record.get("type"))
    if name is not None:
        read["type"] = [name, "null"] if record.get("nullable") is True else name
    if (properties := object_or_none(record.get("properties"))) is not None:
        read["properties"] = {key: from_gemini(each, levels - 1) or {} for key, each in properties.items()}
    if (items := from_gemini(record.get("items"), levels - 1)) is not None:
        read["items"] = items
    branches = array_or_nothing(record.get("anyOf", record.get("any_of")))
    if branches:
        read["anyOf"] = [from_gemini(each, levels - 1) or {} for each in branches]
    return read


def _type_of(value: object) -> str | None:
    if isinstance(value, str):
        return value.lower() if value.upper() in _TYPES else None
    number = integer_or_none(value)
    return None if number is None or not 1 <= number <= len(_TYPES) else _TYPES[number - 1].lower()
