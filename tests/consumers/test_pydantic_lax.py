"""The model of pydantic's lax mode: hand-picked values, and pydantic itself beside it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumers.python_drivers import needs_release
from vapi_conformance.consumers.pydantic_lax import scalar_error, truth

TYPES = ("bool", "bytes", "float", "int", "str")
TEXTS = st.text("0123456789+-._eEinfatyNAnruesolY =/\u0663\u00a0\n", max_size=8) | st.text(max_size=4)
CONTAINERS: list[object] = [[], {}, {"a": 1}]
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.sampled_from(CONTAINERS)


class TestScalarError:
    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            *(("int", value) for value in (1, True, 1.0, "1", " 1_0.0 ", "+1", 10**30)),
            *(("float", value) for value in (1, True, "1e3", "nan", ".5", "1_0")),
            *(("bool", value) for value in (True, 0, 1.0, "Yes", "off")),
            *(("bytes", value) for value in ("", "AAAA", "AA", "AA=", "_-_-", "+/+/")),
            *(("enum", value) for value in ("STOP", "", "anything")),
            ("literal", "NULL_VALUE"),
            ("datetime", "2026-01-01T00:00:00Z"),
        ],
    )
    def test_nothing_of_what_is_accepted(self, kind: str, value: object) -> None:
        assert scalar_error(kind, value) is None

    @pytest.mark.parametrize(
        ("kind", "value", "error"),
        [
            ("str", 1, "string_type"),
            ("int", 1.5, "int_from_float"),
            ("int", float("nan"), "finite_number"),
            ("int", 1e30, "int_parsing_size"),
            ("int", "1" * 5000, "int_parsing_size"),
            ("int", "1.5", "int_parsing"),
            ("int", "\ud800", "string_unicode"),
            ("float", 10**400, "float_type"),
            ("float", "1__0", "float_parsing"),
            ("bool", 2, "bool_parsing"),
            ("bool", 1.5, "bool_type"),
            ("bytes", "AAA==", "bytes_invalid_encoding"),
            ("bytes", "_+_+", "bytes_invalid_encoding"),
            ("bytes", "ABB=", "bytes_invalid_encoding"),
            ("bytes", 1, "bytes_type"),
            ("enum", "\ud800", "string_unicode"),
            ("literal", 1, "literal_error"),
            ("datetime", True, "datetime_type"),
            ("{}", [], "dict_type"),
        ],
    )
    def test_names_the_error(self, kind: str, value: object, error: str) -> None:
        assert error == scalar_error(kind, value)

    @pytest.mark.consumers
    @needs_release("pydantic", "2")
    @pytest.mark.parametrize("kind", TYPES)
    @given(value=VALUES)
    @example(value="1_")
    @example(value=2**63)
    @example(value=-0.0)
    def test_is_pydantics_own(self, kind: str, value: object) -> None:
        assert pydantics_own(kind, value) == scalar_error(kind, value)


class TestTruth:
    @pytest.mark.parametrize(
        ("value", "expected"), [("No", False), ("t", True), (0, False), (1.0, True), (None, False)]
    )
    def test_is_what_an_accepted_value_becomes(self, value: object, expected: bool) -> None:
        assert expected is truth(value)


def pydantics_own(kind: str, value: object) -> str | None:
    import pydantic

    fields = {"bool": bool, "bytes": bytes, "float": float, "int": int, "str": str}
    config = pydantic.ConfigDict(val_json_bytes="base64")
    model = pydantic.create_model("Model", __config__=config, field=(fields[kind], ...))
    try:
        model.model_validate({"field": value})
    except pydantic.ValidationError as error:
        return error.errors()[0]["type"]
    return None
