"""One JSON text without trust: nothing raises, nothing is hidden, and hostile sizes cost linear time."""

import json
import math
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.payload import Payload, parse

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)
ALMOST_JSON = st.text(alphabet='{}[]":,\\u d8001eNaInfity-+.\n\t')


class TestNeverRaises:
    @given(text=st.text() | ALMOST_JSON)
    def test_any_text_is_a_payload_of_itself(self, text: str) -> None:
        assert text == parse(text).raw

    @given(text=st.text(alphabet=st.characters(categories=("Cs", "Nd", "Po"))))
    def test_lone_surrogates_outside_of_escapes(self, text: str) -> None:
        assert text == parse(text).raw

    @given(value=JSON_VALUES)
    def test_whatever_a_writer_writes_is_read_back(self, value: object) -> None:
        payload = parse(json.dumps(value))
        assert (value, None, 1) == (payload.value, payload.error, payload.complete_values)

    @given(text=ALMOST_JSON)
    def test_agrees_with_the_standard_library_on_what_parses(self, text: str) -> None:
        """But for NaN and its like, which that takes for JSON."""
        try:
            json.loads(text)
        except ValueError:
            parses = False
        else:
            parses = True
        payload = parse(text)
        assert parses == (payload.error is None or bool(payload.non_finite))


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("", "Expecting value at character 0"),
            ("\ufeff{}", "Expecting value at character 0"),
            ('  {"a" 1}', "Expecting ':' delimiter at character 7"),
            ('{"a": "\x01"}', "Invalid control character at character 7"),
            ('"never closed', "Unterminated string starting at character 0"),
            (r'"\x"', r"Invalid \escape at character 1"),
            ("{'a': 1}", "Expecting property name enclosed in double quotes at character 1"),
            ("undefined", "Expecting value at character 0"),
        ],
    )
    def test_say_what_and_where_in_the_text_as_sent(self, text: str, error: str) -> None:
        assert Payload(raw=text, error=error, complete_values=0) == parse(text)

    def test_null_is_a_value_and_no_error(self) -> None:
        assert Payload(raw="null") == parse("null")

    @pytest.mark.parametrize("space", [" ", "\t\r\n", "\n\n\n"])
    def test_json_space_around_a_value_is_nothing(self, space: str) -> None:
        assert {"a": 1} == parse(f'{space}{{"a": 1}}{space}').value

    @pytest.mark.parametrize("space", ["\u00a0", "\v", "\f", "\u2028"])
    def test_other_space_is_no_json(self, space: str) -> None:
        assert parse(f"{space}1").error is not None
        assert parse(f"1{space}").error is not None


class TestCompleteValues:
    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ('{"a": 1}', 1),
            ('{"a": 1}{"b": 2}', 2),
            ('{"a": 1}\n{"b": 2}\n', 2),
            ("1 2 3", 3),
            ('"a""b"', 2),
            ("[] [DONE]", 0),
            ('{"a": 1} and more', 0),
            ('{"a": 1}{"b":', 0),
            ('{"a":', 0),
            ("[]" * 400, 400),
            ("1 " * 3000, 1000),
        ],
    )
    def test_counts_values_run_together(self, text: str, count: int) -> None:
        assert count == parse(text).complete_values

    def test_the_place_of_what_follows_is_told(self) -> None:
        assert "more text after the JSON value at character 5" == parse(" {}  x").error


class TestDepth:
    def test_nesting_up_to_the_bound_is_read(self) -> None:
        assert parse("[" * 400 + "]" * 400).error is None

    def test_more_is_an_error_and_not_a_crash(self) -> None:
        assert "nested more than 400 levels deep" == parse("[" * 401 + "]" * 401).error

    @pytest.mark.parametrize("opening", ["[", '{"a":'])
    def test_millions_of_levels_are_an_error(self, opening: str) -> None:
        assert "nested more than 400 levels deep" == parse(opening * 1_000_000).error

    def test_brackets_side_by_side_or_in_strings_are_no_depth(self) -> None:
        text = "[" + "[]," * 1000 + '"' + '[{\\"' * 1000 + '"]'
        assert parse(text).error is None

    def test_the_answer_does_not_depend_on_how_deep_the_caller_stands(self) -> None:
        text = "[" * 390 + "]" * 390

        def from_below(frames: int) -> str | None:
            return parse(text).error if frames == 0 else from_below(frames - 1)

        assert sys.getrecursionlimit() >= 1000
        assert from_below(0) == from_below(300)


class TestNumbers:
    @pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
    def test_what_json_has_no_number_for_is_told_and_still_read(self, name: str) -> None:
        payload = parse(f'{{"a": [{name}]}}')
        assert ((name,), f"{name} is not JSON") == (payload.non_finite, payload.error)
        assert isinstance(payload.value, dict)

    @pytest.mark.parametrize("text", ["1e999", "9" * 5000])
    def test_numbers_beyond_a_float_are_json(self, text: str) -> None:
        """RFC 8259, 6: the grammar has no bound; a parser may have one, and JavaScript's reads infinity."""
        payload = parse(text)
        assert (math.inf, None, ()) == (payload.value, payload.error, payload.non_finite)

    def test_integers_stay_exact(self) -> None:
        assert 2**200 == parse(str(2**200)).value

    @pytest.mark.parametrize("text", ["01", "+1", "1.", ".5", "0x10", "1_000", "٣"])
    def test_numbers_of_other_languages_are_errors(self, text: str) -> None:
        assert parse(text).error is not None


class TestRepeatedKeys:
    @pytest.mark.parametrize(
        ("text", "keys"),
        [
            ('{"a": 1, "a": 2}', ("a",)),
            ('{"a": 1, "a": 2, "a": 3}', ("a",)),
            ('{"a": 1, "b": 1, "b": 2, "a": 2}', ("b", "a")),
            ('{"a": {"b": [{"c": 1, "c": 1}]}}', ("c",)),
            ('{"a": 1, "\\u0061": 2}', ("a",)),
            ('[{"a": 1}, {"a": 1}]', ()),
            ('{"a": {"a": 1}}', ()),
        ],
    )
    def test_are_found_at_any_depth(self, text: str, keys: tuple[str, ...]) -> None:
        assert keys == parse(text).repeated_keys

    def test_the_last_one_counts(self) -> None:
        assert {"a": 2} == parse('{"a": 1, "a": 2}').value


class TestLoneSurrogates:
    @pytest.mark.parametrize(
        "text", [r'"\ud800"', r'"\uDFFF"', r'{"a": ["x\udc00\ud800y"]}', r'{"\ud83d": 1}', r'"\ud83d\ud83d\ude00"']
    )
    def test_half_a_pair_is_told(self, text: str) -> None:
        assert parse(text).lone_surrogates

    @pytest.mark.parametrize("text", [r'"\ud83d\ude00"', '"😀"', r'"\\ud800"', r'"\u00e9"', "[]"])
    def test_whole_pairs_and_look_alikes_are_not(self, text: str) -> None:
        assert not parse(text).lone_surrogates


class TestTime:
    """Each of these took seconds to minutes with a copy of the rest per value, or a look at each character."""

    @pytest.mark.parametrize(
        "text",
        [
            "1 " * 2_000_000,
            "{}" + " " * 4_000_000 + "{}",
            "[" * 4_000_000,
            '"' + "a" * 4_000_000 + '\\ud800"',
            '"' + "\\\\" * 2_000_000,
            "[" + '{"a":1,"a":1},' * 100_000 + "1]",
            "9" * 4_000_000,
        ],
        ids=["many values", "far apart", "deep", "late surrogate", "open string", "repeated keys", "digits"],
    )
    def test_megabytes_take_no_time_to_speak_of(self, text: str) -> None:
        started = time.process_time()
        parse(text)
        assert time.process_time() - started < 3
