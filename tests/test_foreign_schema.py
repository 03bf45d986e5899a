"""Schemas of strangers: applied where they can be, and never a way to hang, to fetch, or to fail."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vapi_conformance.foreign_schema import Applied, apply_schema

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
BOMB: dict[str, object] = {
    "$defs": {f"d{at}": {"allOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 2} for at in range(60)} | {"d60": {}},
    "$ref": "#/$defs/d0",
}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "type properties items required enum $ref $defs $id $schema pattern allOf not patternProperties "
    "additionalProperties unevaluatedProperties multipleOf minimum uniqueItems"
)
KEYWORDS = st.sampled_from(NAMES.split())
SCHEMAS = st.recursive(JSON_VALUES, lambda inner: st.dictionaries(KEYWORDS, inner, max_size=4), max_leaves=8)


class TestApplied:
    @pytest.mark.parametrize(
        ("value", "fault"),
        [
            ({"city": "Oslo"}, None),
            ({}, "'city' is a required property"),
            ({"city": 7}, "/city: 7 is not of type 'string'"),
            ({"city": "Oslo", "unit": "c"}, "Additional properties are not allowed ('unit' was unexpected)"),
        ],
    )
    def test_says_where_and_how(self, value: object, fault: str | None) -> None:
        assert Applied(fault=fault) == apply_schema(CITY, value)

    def test_follows_references_inside_the_schema(self) -> None:
        schema = {"definitions": {"name": {"type": "string"}}, "properties": {"city": {"$ref": "#/definitions/name"}}}
        assert Applied(fault="/city: 7 is not of type 'string'") == apply_schema(schema, {"city": 7})

    def test_keeps_the_fault_short(self) -> None:
        applied = apply_schema({"const": "x"}, "y" * 100_000)
        assert applied is None or len(applied.fault or "") <= 200
        applied = apply_schema({"maxLength": 1}, "y" * 100_000)
        assert applied is not None
        assert len(applied.fault or "") == 200


class TestCannotBeTold:
    @pytest.mark.parametrize(
        "schema",
        [
            {"type": "strnig"},
            {"required": "city"},
            {"$schema": "urn:nobody"},
            {"$ref": "http://127.0.0.1:9/schema.json"},
            {"$ref": "#/nowhere"},
            {"$ref": "#"},
            {"allOf": [{"$ref": "#"}]},
            BOMB,
        ],
    )
    def test_by_a_schema_that_cannot_be_applied(self, schema: dict[str, object]) -> None:
        assert apply_schema(schema, {}) is None


NESTED_LISTS: list[object] = [[[[[]]]]] * 5000
SLOW: list[tuple[dict[str, object], object]] = [
    (BOMB, {}),
    ({"pattern": "^(a+)+$"}, "a" * 60 + "b"),
    ({"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}, {"a" * 60 + "b": 1}),
    ({"patternProperties": {"^(a+)+$": {}}, "unevaluatedProperties": False}, {"a" * 60 + "b": 1}),
    ({"propertyNames": {"pattern": "^(a+)+$"}}, {"a" * 60 + "b": 1}),
    ({"uniqueItems": True}, [{"a": at} for at in range(5000)]),
    ({"type": [{"a": at} for at in range(5000)]}, 1),
    ({"items": {"$ref": "#"}}, NESTED_LISTS),
]


class TestTime:
    @pytest.mark.parametrize(("schema", "value"), SLOW)
    def test_is_bounded(self, schema: dict[str, object], value: object) -> None:
        start = time.process_time()
        apply_schema(schema, value)
        assert time.process_time() - start < 3  # some tenths; without the bounds minutes to centuries


class TestAnything:
    @settings(max_examples=150, deadline=None)
    @given(schema=st.dictionaries(KEYWORDS, SCHEMAS, max_size=5), value=JSON_VALUES)
    def test_never_raises(self, schema: dict[str, object], value: object) -> None:
        applied = apply_schema(schema, value)
        assert applied is None or applied.fault is None or applied.fault

    @pytest.mark.parametrize("key", ["not", "items", "contains"])
    def test_nested_deeply_does_not_raise(self, key: str) -> None:
        schema: dict[str, object] = {}
        value: object = 1
        for _ in range(900):
            schema, value = {key: schema}, [value]
        apply_schema(schema, value)
