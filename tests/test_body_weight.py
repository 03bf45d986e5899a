"""What a body costs to judge, beyond its bytes."""

import pytest

from vapi_conformance.body_weight import BodyBound, BodyWeight


def weight(*pieces: bytes) -> int:
    body = BodyWeight()
    return sum(body.of(piece) for piece in pieces)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_a_line_counts_once_whatever_ends_it(line_end: bytes) -> None:
    assert len(b"data: a" + line_end * 2) + 1000 == weight(b"data: a" + line_end * 2)


def test_a_comma_counts_in_json_alone() -> None:
    assert 0 == weight(b"data: {},{}") - len(b"data: {},{}")
    assert 200 == weight(b" \n[{},{}]") - len(b" \n[{},{}]") - 500
    assert 200 == weight(b'\xef\xbb\xbf{"a":1,"b":2}') - len(b'\xef\xbb\xbf{"a":1,"b":2}')


def test_it_is_the_same_however_the_body_is_cut() -> None:
    body = b' [{"a":1},\r\n{"b":2},\r\r{"c":3}]\n'
    assert weight(body) == weight(*(bytes([each]) for each in body)) == weight(body[:11], b"", body[11:])


class TestBound:
    def test_plain_bytes_up_to_the_number_given(self) -> None:
        bound = BodyBound(10)
        assert ("", "(not followed beyond 10 bytes)") == (bound.passed_by(b"x" * 10), bound.passed_by(b"x"))

    def test_not_so_many_of_tiny_things(self) -> None:
        words = BodyBound(64 << 20).passed_by(b"data: {}\n\n" * 100_000)
        assert "(not followed beyond 67108864 bytes, a line counting for 500, a comma in JSON for 200)" == words
