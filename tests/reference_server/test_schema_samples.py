from __future__ import annotations

import jsonschema
import pytest

from vapi_reference_server.schema_samples import sample

SCHEMAS: list[dict[str, object]] = [
    {"type": "object"},
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    {"type": "object", "properties": {"unit": {"enum": ["c", "f"]}}, "additionalProperties": False},
    {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3, "multipleOf": 5}}, "required": ["n"]},
    {"type": "object", "properties": {"n": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}}},
    {"type": "object", "properties": {"n": {"type": "integer", "maximum": -4}}},
    {"type": "object", "properties": {"a": {"type": "array", "minItems": 2, "items": {"type": "boolean"}}}},
    {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}},
    {"type": "object", "properties": {"zip": {"type": "string", "pattern": "^[0-9]{5}$"}}},
    {"type": "object", "properties": {"s": {"type": "string", "minLength": 9, "maxLength": 9}}},
    {"type": "object", "properties": {"s": {"type": ["string", "null"]}, "z": {"type": "null"}}},
    {"type": "object", "properties": {"s": {"anyOf": [{"const": 7}, {"type": "string"}]}}},
    {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"b": {"type": "integer"}}, "required": ["b"]},
        ]
    },
    {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "$ref": "#/$defs/node",
    },
    {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
]


class TestSample:
    @pytest.mark.parametrize("schema", SCHEMAS)
    def test_a_sample_is_valid_for_its_schema(self, schema: dict[str, object]) -> None:
        jsonschema.validate(sample(schema), schema)

    def test_names_hint_at_meanings(self) -> None:
        schema: dict[str, object] = {"type": "object", "properties": {"home_city": {"type": "string"}}}
        assert sample(schema) == {"home_city": "Paris"}

    def test_a_tool_without_arguments_gets_an_empty_object(self) -> None:
        assert sample({"type": "object", "properties": {}}) == {}
