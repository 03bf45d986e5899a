"""Bytes as text: nothing in them acts, nothing is hidden, characters stay whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.report.bytes_shown import excerpt, marked, visible


def around(body: bytes, start: int | None, end: int | None, most_bytes: int = 1000) -> tuple[object, ...]:
    found = marked(body, start, end, most_bytes=most_bytes)
    assert found is not None
    return tuple(found[key] for key in ("before", "marked", "after", "left_out"))


class TestVisible:
    @pytest.mark.parametrize(
        ("data", "text"),
        [
            (b"data: x\n\n", "data: x␊\n␊\n"),
            (b"a\r\nb\tc\0", "a␍␊\nb␉c␀"),
            (b"\x1b[2J\x7f", "␛[2J␡"),
            (b'{"text": "a\\nb"}', '{"text": "a\\nb"}'),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("Grüße 東京".encode(), "Grüße 東京"),
            ("a\u202eb\u2028c\ufeff".encode(), "a\\u202eb\\u2028c\\ufeff"),
        ],
    )
    def test_shows(self, data: bytes, text: str) -> None:
        assert text == visible(data)

    @given(st.binary())
    def test_holds_nothing_that_is_not_seen(self, data: bytes) -> None:
        assert all(each == "\n" or each.isprintable() for each in visible(data))


class TestExcerpt:
    def test_of_what_fits_is_all(self) -> None:
        assert {"text": "abc", "bytes": 3, "left_out": 0} == excerpt(b"abc", 3)

    def test_says_what_is_left_out(self) -> None:
        assert {"text": "ab", "bytes": 5, "left_out": 3} == excerpt(b"abcde", 2)

    def test_cuts_no_character_in_two(self) -> None:
        assert {"text": "ü", "bytes": 4, "left_out": 2} == excerpt("üü".encode(), 3)

    @given(st.text(max_size=40), st.integers(0, 200))
    def test_is_a_beginning(self, text: str, most: int) -> None:
        data = text.encode()
        found = excerpt(data, most)
        kept = len(data) - int(str(found["left_out"]))
        assert kept <= most
        assert (visible(data[:kept]), len(data)) == (found["text"], found["bytes"])
        data[:kept].decode()


class TestMarked:
    def test_shows_the_bytes_between_their_neighbours(self) -> None:
        assert ("one ", "two", " three", 0) == around(b"one two three", 4, 7)

    def test_is_nothing_without_a_place(self) -> None:
        assert None is marked(b"abc", None, None, most_bytes=10)

    def test_without_an_end_is_one_byte(self) -> None:
        assert ("a", "b", "c", 0) == around(b"abc", 1, None)

    def test_where_something_is_missing_is_empty(self) -> None:
        assert ("abc", "", "", 0) == around(b"abc", 3, 3)

    @pytest.mark.parametrize(("start", "end"), [(-5, 90), (50, 60), (2, 1), (0, 3)])
    def test_a_place_outside_of_the_body_is_no_trouble(self, start: int, end: int) -> None:
        before, meant, after, left_out = around(b"abc", start, end)
        assert ("abc", 0) == (f"{before}{meant}{after}", left_out)

    def test_a_long_range_shows_its_beginning_and_its_end(self) -> None:
        _, meant, _, left_out = around(b"x" * 5000 + b"END", 0, 5003, most_bytes=1000)
        assert ("xxx", "END", 4003) == (str(meant)[:3], str(meant)[-3:], left_out)
        assert "… 4,003 bytes …" in str(meant)

    @given(st.text(min_size=1, max_size=600), st.data())
    def test_neighbours_are_whole_characters(self, text: str, data: st.DataObject) -> None:
        body = text.encode()
        start = len(text[: data.draw(st.integers(0, len(text)))].encode())
        before, _, after, _ = around(body, start, start)
        assert visible(body[:start]).endswith(str(before))
        assert visible(body[start:]).startswith(str(after))

    @given(st.binary(max_size=400), st.integers(-10, 500), st.integers(-10, 500), st.integers(1, 300))
    def test_never_fails_and_is_bounded(self, body: bytes, start: int, end: int, most: int) -> None:
        before, meant, after, left_out = around(body, start, end, most)
        assert len(f"{before}{meant}{after}") <= 4 * (most + 300) + 40
        assert 0 <= int(str(left_out)) <= len(body)
