"""Gemini's own schemas as JSON Schema: types in capitals or as numbers, keys in either case, `nullable`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.dialects.fields import object_in, objects_in
from vapi_reference_server.dialects.gemini.names import SchemaType, camel_keys, enum_in
from vapi_reference_server.problems import bad_value

if TYPE_CHECKING:
    from vapi_reference_server.json_values import JsonObject

_DEEPEST = 32
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")


def json_schema(schema: JsonObject, at: str, depth: int = 0) -> JsonObject:
    """The JSON Schema that says the same. Raises Problem, status 400, for an unknown type or one too deep."""
    if depth > _DEEPEST:
        raise bad_value(at, f"at most {_DEEPEST} levels are wanted")
    plain = camel_keys(schema)
    found = dict(plain)
    kind = enum_in(plain, "type", SchemaType, f"{at}.")
    if kind is not None:
        found["type"] = kind.lower()
    for key in _COUNTS:
        # An int64 is a string in proto3 JSON.
        value = plain.get(key)
        if isinstance(value, str) and value.isdecimal() and len(value) < len("9223372036854775807"):
            found[key] = int(value)
    items = object_in(plain, "items", f"{at}.")
    if items is not None:
        found["items"] = json_schema(items, f"{at}.items", depth + 1)
    properties = object_in(plain, "properties", f"{at}.") or {}
    if properties:
        found["properties"] = {
            name: json_schema(object_in(properties, name, f"{at}.properties.") or {}, f"{at}.{name[:64]}", depth + 1)
            for name in properties
        }
    options = objects_in(plain, "anyOf", f"{at}.")
    if options:
        found["anyOf"] = [json_schema(option, f"{at}.anyOf", depth + 1) for option in options]
    return found
