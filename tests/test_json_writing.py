"""JSON bytes of any text, also of such that is no Unicode."""

import json

import pytest

from vapi_conformance.json_writing import utf8_json


def test_text_is_written_as_it_is_in_one_line() -> None:
    assert '{"text":"für 5 €","more":[1,2]}'.encode() == utf8_json({"text": "für 5 €", "more": [1, 2]})


def test_files_are_indented() -> None:
    assert b'{\n "a": 1\n}' == utf8_json({"a": 1}, indent=1)


@pytest.mark.parametrize("text", ["\ud800", "\udfff\ud800", "a\udc80b", '"\ud83d\\'], ids=ascii)
def test_half_of_a_surrogate_pair_is_escaped_as_javascript_does_it(text: str) -> None:
    written = utf8_json({text: text})
    assert {text: text} == json.loads(written.decode())
    assert written.isascii()


def test_a_whole_pair_is_one_character() -> None:
    assert '"\U0001f600"'.encode() == utf8_json("\U0001f600")
