"""Arguments that are made up for a tool fit its schema, and are the same each time."""

from collections.abc import Mapping

import pytest

from vapi_conformance.foreign_schema import apply_schema
from vapi_conformance.platforms.vapi.webhooks import sample_arguments

SCHEMAS: tuple[Mapping[str, object], ...] = (
    {"type": "object", "properties": {"city": {"type": "string"}, "guests": {"type": "integer", "minimum": 3}}},
    {"type": "object", "properties": {"when": {"type": "string", "format": "date-time"}}, "required": ["when"]},
    {"type": "object", "properties": {"kind": {"enum": ["a", "b"]}, "fixed": {"const": 4}, "old": {"default": 2}}},
    {"type": "object", "properties": {"n": {"type": "number", "exclusiveMinimum": 2, "maximum": 2.5}}},
    {"type": "object", "properties": {"n": {"type": "integer", "maximum": -5}}},
    {"type": "object", "properties": {"list": {"type": "array", "minItems": 3, "items": {"type": "boolean"}}}},
    {
        "type": "object",
        "properties": {"code": {"type": "string", "minLength": 30}, "x": {"type": "string", "maxLength": 2}},
    },
    {"type": "object", "properties": {"maybe": {"type": ["null", "string"]}, "none": {"type": "null"}}},
    {"properties": {"either": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}},
    {"type": "object", "required": ["unsaid"], "properties": {}},
    {
        "type": "object",
        "properties": {"in": {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}},
    },
)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_fit_the_schema(schema: Mapping[str, object]) -> None:
    made = sample_arguments(schema)
    applied = apply_schema(schema, made)
    assert applied is not None
    assert (None, made) == (applied.fault, sample_arguments(schema))


@pytest.mark.parametrize("schema", [{}, {"type": "string"}, {"type": "array"}, {"type": "object"}])
def test_are_empty_where_no_object_is_wanted(schema: Mapping[str, object]) -> None:
    assert {} == sample_arguments(schema)


def test_names_hint_at_the_meaning() -> None:
    properties = {name: {"type": "string"} for name in ("cityName", "emailAddress", "phone_number", "topic")}
    assert ["Lyon", "caller@mail.example", "+15550100001", "sample"] == list(
        sample_arguments({"type": "object", "properties": properties}).values()
    )


def test_a_schema_that_has_no_end_is_left_at_some_depth() -> None:
    schema: dict[str, object] = {"type": "object", "required": ["in"]}
    schema["properties"] = {"in": schema}
    assert isinstance(sample_arguments(schema)["in"], dict)
    endless: dict[str, object] = {}
    endless["anyOf"] = [endless]
    assert {} == sample_arguments(endless)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": []},
        {"type": "object", "required": "x"},
        {"type": 7},
        {"type": "object", "properties": {"a": {"type": "string", "minLength": 10**9}}},
        {"type": "object", "properties": {"a": {"type": "array", "minItems": 10**9}}},
    ],
)
def test_a_schema_that_is_none_does_no_harm(schema: Mapping[str, object]) -> None:
    assert len(str(sample_arguments(schema))) < 5000
