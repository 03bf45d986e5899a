"""One spelling for each JSON value, and no other is taken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.certificate.canonical import canonical_json
from vapi_conformance.certificate.strict import NotCanonical, from_canonical

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=20,
)


def refusal(content: bytes) -> str:
    with pytest.raises(NotCanonical) as caught:
        from_canonical(content)
    return str(caught.value)


@given(value=VALUES)
def test_what_is_written_is_read_again(value: object) -> None:
    assert value == from_canonical(canonical_json(value))


def test_keys_are_sorted_and_nothing_is_between() -> None:
    assert '{"a":[1,{"ä":true}],"b":null}\n'.encode() == canonical_json({"b": None, "a": [1, {"ä": True}]})


def test_half_a_surrogate_pair_is_written_as_an_escape() -> None:
    assert b'"\\ud83d"\n' == canonical_json("\ud83d")
    assert "\ud83d" == from_canonical(b'"\\ud83d"\n')


def test_a_number_that_json_has_not_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"a":1}', "is not in its canonical form (byte 7)"),
        (b'{"a":1}\n\n', "is not in its canonical form (byte 8)"),
        (b'{"a": 1}\n', "is not in its canonical form (byte 5)"),
        (b'{"b":1,"a":2}\n', "is not in its canonical form (byte 2)"),
        (b'{"a":"\\u0061"}\n', "is not in its canonical form (byte 6)"),
        (b'{"a":1.0e0}\n', "is not in its canonical form (byte 8)"),
        (b'{"a":1e999}\n', "holds what is no JSON number"),
        (b'{"a":' + b"9" * 5000 + b"}\n", "holds what is no JSON number"),
        (b'{"a":NaN}\n', "is not JSON: NaN is not JSON"),
        (b'{"a":1,"a":1}\n', "has the key 'a' more than once in one object"),
        (b"\xff\n", "is not UTF-8 text (byte 0)"),
        (b"\xef\xbb\xbf1\n", "is not JSON"),
        (b"", "is not JSON"),
        (b"[" * 101 + b"]" * 101 + b"\n", "is nested more than 100 levels deep"),
        (b"[" * 100_000, "is not JSON: nested more than 400 levels deep"),
    ],
    ids=lambda each: None if isinstance(each, bytes) else each[:20],
)
def test_another_spelling_is_refused_with_its_place(content: bytes, says: str) -> None:
    assert refusal(content).startswith(says)


@given(value=VALUES)
def test_the_usual_spelling_is_refused_unless_it_is_the_same(value: object) -> None:
    usual = json.dumps(value).encode()
    assert usual != canonical_json(value)
    refusal(usual)
