"""JSON as V8 reads and writes it; the differential test compares thousands of damaged texts with V8 itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.utf16 import joined, well_formed
from vapi_conformance.consumers.v8_json import number_text, parse, stringify, to_string
from vapi_conformance.consumers.v8_json_syntax import parse_slowly
from vapi_conformance.narrow import array_or_nothing

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


class TestParse:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "Unexpected end of JSON input"),
            ("{", "Expected property name or '}' in JSON at position 1"),
            ('{"a"', "Expected ':' after property name in JSON at position 4"),
            ('{"a":1,"b"', "Unexpected end of JSON input"),
            ('{"a":1,"b"c', 'Unexpected token \'c\', "{"a":1,"b"c" is not valid JSON'),
            ('{"a":1,}', "Expected double-quoted property name in JSON at position 7"),
            ('{"a":1', "Expected ',' or '}' after property value in JSON at position 6"),
            ("[1 2]", "Expected ',' or ']' after array element in JSON at position 3"),
            ("[1,]", "Unexpected token ']', \"[1,]\" is not valid JSON"),
            ("01", "Unexpected number in JSON at position 1"),
            ("-x", "No number after minus sign in JSON at position 1"),
            ("1.", "Unterminated fractional number in JSON at position 2"),
            ("1e+", "Exponent part is missing a number in JSON at position 3"),
            ('"a', "Unterminated string in JSON at position 2"),
            ('"\n"', "Bad control character in string literal in JSON at position 1"),
            ('"\\q"', "Bad escaped character in JSON at position 2"),
            ('"\\u12"', "Bad Unicode escape in JSON at position 5"),
            ('tru"', "Unexpected string in JSON at position 3"),
            ("{} {}", "Unexpected non-whitespace character after JSON at position 3"),
            ("NaN", '"NaN" is not valid JSON'),
            ("[NaN]", "Unexpected token 'N', \"[NaN]\" is not valid JSON"),
            ("\ufeff{}", "Unexpected token '\ufeff', \"\ufeff{}\" is not valid JSON"),
            ('{"😀" 1}', "Expected ':' after property name in JSON at position 6"),
            ("[😀]", "Unexpected token '\ufffd', \"[😀]\" is not valid JSON"),
            ("a" + " " * 20, "Unexpected token 'a', \"a         \"... is not valid JSON"),
            (" " * 10 + "a" + " " * 20, "Unexpected token 'a', ...\"          a         \"... is not valid JSON"),
            (" " * 20 + "a", "Unexpected token 'a', ...\"          a\" is not valid JSON"),
        ],
    )
    def test_refuses_in_the_words_of_v8(self, text: str, expected: str) -> None:
        with pytest.raises(JsError) as caught:
            parse(text)
        assert ("SyntaxError", expected) == (caught.value.name, caught.value.message)

    @pytest.mark.parametrize(
        "text", ["Infinity", "-Infinity", "[1,NaN]", "{'a':1}", "\x0c1", "1\u00a0", '"\x1f"', "0x1", "+1", ".5"]
    )
    def test_refuses_what_is_no_json(self, text: str) -> None:
        with pytest.raises(JsError):
            parse(text)

    def test_takes_the_last_of_two_equal_keys(self) -> None:
        assert {"a": 2} == parse('{"a":1,"a":2}')

    def test_takes_numbers_of_any_length(self) -> None:
        assert [1.0, float("inf"), 1e23] == parse(f"[1.{'0' * 9999}, {'9' * 9999}, 99999999999999999999999]")

    def test_joins_escaped_surrogates_to_a_character(self) -> None:
        assert ["😀", "\ude00\ud83d"] == parse('["\\ud83d\\ude00", "\\ude00\\ud83d"]')

    @given(VALUES)
    def test_reads_what_python_writes(self, value: object) -> None:
        text = json.dumps(value)
        assert json.loads(text) == parse(text) == parse_slowly(text, number=float)

    def test_keeps_what_is_not_too_deep(self) -> None:
        value = parse("[" * 5000 + "]" * 5000)
        depth = 0
        while inner := array_or_nothing(value):
            value, depth = inner[0], depth + 1
        assert 4999 == depth


class TestStringify:
    def test_orders_keys_as_javascript_does(self) -> None:
        assert '{"1":0,"10":0,"b":0,"a":0,"01":0,"4294967295":0}' == stringify(
            {"b": 0, "10": 0, "a": 0, "01": 0, "4294967295": 0, "1": 0}
        )

    def test_escapes_as_javascript_does(self) -> None:
        assert '"\\"\\\\\\b\\f\\n\\r\\t\\u0000\\ud800/é\u2028\x7f"' == stringify('"\\\b\f\n\r\t\0\ud800/é\u2028\x7f')

    @given(VALUES)
    def test_writes_what_python_reads_as_the_same(self, value: object) -> None:
        assert value == json.loads(stringify(value), parse_int=float)

    def test_fails_when_it_is_too_deep(self) -> None:
        with pytest.raises(JsError, match="RangeError: Maximum call stack size exceeded"):
            stringify(parse("[" * 5000 + "]" * 5000))


class TestNumberText:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (0.0, "0"),
            (-0.0, "0"),
            (5, "5"),
            (-1.5, "-1.5"),
            (100.0, "100"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (5e-324, "5e-324"),
            (123456789012345680000.0, "123456789012345680000"),
            (float("inf"), "Infinity"),
            (float("-inf"), "-Infinity"),
            (float("nan"), "NaN"),
            (0.1 + 0.2, "0.30000000000000004"),
        ],
    )
    def test_writes_as_javascript_does(self, value: float, expected: str) -> None:
        assert expected == number_text(value)

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_loses_nothing(self, value: float) -> None:
        assert value == float(number_text(value))


class TestToString:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('"a"', "a"),
            ("1.50", "1.5"),
            ("true", "true"),
            ("{}", "[object Object]"),
            ("[]", ""),
            ("[1,[null,{}],[]]", "1,,[object Object],"),
        ],
    )
    def test_concatenates_as_javascript_does(self, text: str, expected: str) -> None:
        assert expected == to_string(parse(text))

    def test_fails_on_an_object_that_hides_the_way(self) -> None:
        with pytest.raises(JsError, match="TypeError: Cannot convert object to primitive value"):
            to_string([{"toString": 1}])


class TestUtf16:
    def test_joins_halves_of_a_character(self) -> None:
        assert ("😀", "\ude00\ud83d") == (joined(["\ud83d", "\ude00"]), joined(["\ude00", "\ud83d"]))

    def test_replaces_lone_halves_for_print(self) -> None:
        assert "a\ufffd😀" == well_formed("a\ud83d😀")
