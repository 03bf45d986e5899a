"""Hostile text loses its power and keeps its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.report.printable import printable


class TestPrintable:
    @pytest.mark.parametrize("text", ["", "plain text", "Grüße, 日本語, हिन्दी, שלום", "a\nb", "😀 €", "\\x1b"])
    def test_words_stay(self, text: str) -> None:
        assert text == printable(text)

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
            ("a\rb\tc\bd\0", "a\\x0db\\x09c\\x08d\\x00"),
            ("\x9b31m", "\\x9b31m"),
            ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
            ("a\u2028b\u2029c\u0085", "a\\u2028b\\u2029c\\x85"),
            ("\ud800", "\\ud800"),
            ("\U000e0041", "\\U000e0041"),
            ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ],
    )
    def test_what_commands_a_terminal_is_shown(self, text: str, shown: str) -> None:
        assert shown == printable(text)

    @given(text=st.text(st.characters()))
    def test_everything_that_comes_out_can_be_printed_and_encoded(self, text: str) -> None:
        shown = printable(text)
        assert all(each == "\n" or each.isprintable() for each in shown)
        shown.encode()

    @given(text=st.text())
    def test_twice_is_once(self, text: str) -> None:
        assert printable(text) == printable(printable(text))
