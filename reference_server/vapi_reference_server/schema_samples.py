"""Values that fit a JSON Schema, always the same ones: arguments of tool calls and JSON answers."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from vapi_reference_server.json_values import JsonObject, as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_DEPTH = 6
_BY_FORMAT: Mapping[str, str] = {
    "date": "2025-01-31",
    "date-time": "2025-01-31T10:00:00Z",
    "time": "10:00:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
    "duration": "PT1H",
}
# The first key that is part of the property's name decides.
_BY_NAME: Mapping[str, str] = {
    "city": "Paris",
    "location": "Paris",
    "country": "France",
    "address": "1 Example Street, Paris",
    "email": "ada@example.com",
    "phone": "+15550100",
    "number": "+15550100",
    "destination": "+15550100",
    "date": "2025-01-31",
    "time": "10:00",
    "name": "Ada",
    "answer": "The answer is forty-two.",
}
_DEFAULT_TEXT = "sample"


def sample(schema: JsonObject, name: str = "") -> object:
    """A value that is valid for the schema. `name` is the property it is for, which hints at its meaning.

    Not every schema can be met (a pattern no candidate fits); what comes then has the right type.
    """
    return _Sampler(schema).value(schema, name, 0)


class _Sampler:
    def __init__(self, root: JsonObject) -> None:
        self._root = root

    def value(self, schema: JsonObject, name: str, depth: int) -> object:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if options := as_list(schema.get("enum")):
            return options[0]
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        return self._array(schema, name, depth) if kind == "array" else _scalar(schema, kind, name)

    def _array(self, schema: JsonObject, name: str, depth: int) -> list[object]:
        items = as_object(schema.get("items")) or {"type": "string"}
        count = max(_whole(schema, "minItems", 0), min(1, _whole(schema, "maxItems", 1)))
        return [self.value(items, name, depth + 1) for _ in range(count)]

    def _object(self, schema: JsonObject, depth: int) -> JsonObject:
        properties = as_object(schema.get("properties")) or {}
        required = [key for key in as_list(schema.get("required")) or [] if isinstance(key, str)]
        # Past a depth only what is required, or a schema that refers to itself would never end.
        keys = [*properties, *(key for key in required if key not in properties)]
        wanted = keys if depth < _MAX_DEPTH // 2 else required
        if depth > _MAX_DEPTH:
            return {}
        return {key: self.value(as_object(properties.get(key)) or {}, key, depth + 1) for key in wanted}

    def _resolved(self, schema: JsonObject) -> JsonObject:
        for _ in range(_MAX_DEPTH):
            merged = self._one_step(schema)
            if merged is None:
                break
            schema = merged
        return schema

    def _one_step(self, schema: JsonObject) -> JsonObject | None:
        rest = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf", "oneOf", "allOf")}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return {**rest, **self._pointed_at(reference)}
        for key in ("anyOf", "oneOf"):
            if options := as_list(schema.get(key)):
                return _merged(rest, as_object(options[0]) or {})
        if parts := as_list(schema.get("allOf")):
            for part in parts:
                rest = _merged(rest, self._resolved(as_object(part) or {}))
            return rest
        return None

    def _pointed_at(self, reference: str) -> JsonObject:
        found = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            found = as_object(found.get(step.replace("~1", "/").replace("~0", "~"))) or {}
        return found


def _scalar(schema: JsonObject, kind: str, name: str) -> object:
    if kind in ("integer", "number"):
        return _number(schema, whole=kind == "integer")
    if kind == "boolean":
        return True
    return None if kind == "null" else _text(schema, name)


def _merged(left: JsonObject, right: JsonObject) -> JsonObject:
    merged = {**left, **right}
    if "properties" in left and "properties" in right:
        merged["properties"] = {
            **(as_object(left["properties"]) or {}),
            **(as_object(right["properties"]) or {}),
        }
    if "required" in left and "required" in right:
        merged["required"] = [*(as_list(left["required"]) or []), *(as_list(right["required"]) or [])]
    return merged


def _kind(schema: JsonObject) -> str:
    kinds = as_list(schema.get("type")) or [schema.get("type")]
    named = [kind for kind in kinds if isinstance(kind, str) and kind != "null"]
    if named:
        return named[0]
    if "null" in kinds:
        return "null"
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _whole(schema: JsonObject, key: str, default: int) -> int:
    value = schema.get(key)
    return value if isinstance(value, int) else default


def _number(schema: JsonObject, *, whole: bool) -> int | float:
    def bound(key: str) -> float | None:
        value = schema.get(key)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    low, high, above, below = map(bound, ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))
    step = bound("multipleOf") or 1
    value: float = low if low is not None else 1
    if above is not None and value <= above:
        value = above + (step if whole else step / 2)
    if high is not None and value > high:
        value = high
    if below is not None and value >= below:
        value = below - (step if whole else step / 2)
    if "multipleOf" in schema:
        value = math.ceil(value / step) * step
    return math.ceil(value) if whole else value


def _text(schema: JsonObject, name: str) -> str:
    named = schema.get("format")
    if isinstance(named, str) and named in _BY_FORMAT:
        return _BY_FORMAT[named]
    text = next((value for key, value in _BY_NAME.items() if key in name.lower()), _DEFAULT_TEXT)
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        return _matching(pattern, text)
    text = text.ljust(_whole(schema, "minLength", 0), "a")
    return text[: _whole(schema, "maxLength", len(text))]


def _matching(pattern: str, first: str) -> str:
    candidates = [first, *_BY_NAME.values(), *_BY_FORMAT.values(), "a", "A", "A1", "ABC", "abc"]
    candidates += ["1" * length for length in range(1, 17)]
    try:
        return next((text for text in candidates if re.search(pattern, text)), first)
    except re.error:
        return first
