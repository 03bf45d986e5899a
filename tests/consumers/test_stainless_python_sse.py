"""The decoder of the Python packages against the packages themselves: the same events, after the same reads."""

from collections.abc import Iterator
from typing import Literal

import anthropic._streaming
import openai._streaming
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumers.python_drivers import needs_release
from vapi_conformance.consumers.py_error import PyError
from vapi_conformance.consumers.stainless_python_sse import PythonEventDecoder

Cut = Literal["lines", "blocks"]
Said = tuple[int, str | None, str]
"""Number of the read (the end counts as one), name and data; an error has the name `!`."""

BITS = (
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\n\r\n",
    b":",
    b" ",
    b"data:",
    b"data: x",
    b"event: e",
    b"event:",
    b"id: 1",
    b"id: \0",
    b"id",
    b"retry: 5",
    b"retry: \xd9\xa3_1 ",
    b"retry: no",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xf0\x9f\x98\x80",
    b"\xf0\x9f",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\0",
    b"a",
)
reads_of_any_kind = st.lists(st.lists(st.sampled_from(BITS), max_size=8).map(b"".join), max_size=8)


def real(reads: list[bytes], cut: Cut) -> list[Said]:
    at = -1

    def pieces() -> Iterator[bytes]:
        nonlocal at
        for number, read in enumerate(reads):
            at = number
            yield read
        at = len(reads)

    decoder = openai._streaming.SSEDecoder() if cut == "lines" else anthropic._streaming.SSEDecoder()
    said: list[Said] = []
    try:
        said.extend((at, event.event, event.data) for event in decoder.iter_bytes(pieces()))
    except UnicodeDecodeError as error:
        said.append((at, "!", f"UnicodeDecodeError: {error}"))
    return said


def modelled(reads: list[bytes], cut: Cut) -> list[Said]:
    decoder = PythonEventDecoder(cut=cut)
    said: list[Said] = []
    at = 0
    try:
        for at, read in enumerate(reads):
            said.extend((at, event.event, event.data) for event in decoder.feed(read))
        at = len(reads)
        said.extend((at, event.event, event.data) for event in decoder.end())
    except PyError as error:
        said.append((at, "!", str(error)))
    return said


@needs_release("openai", "3.54")
@needs_release("anthropic", "2.12")
@pytest.mark.parametrize("cut", ["lines", "blocks"])
class TestPackages:
    @given(reads=reads_of_any_kind)
    @example(reads=[b"data: x\r", b"\n\r", b"\n"])
    @example(reads=[b"data: x\r\n", b"\r\n"])
    @example(reads=[b"data: x\n\r\n", b"data: y\n\n"])
    @example(reads=[b"data: x\n\xff\n\n"])
    @settings(max_examples=500)
    def test_decodes_as_the_package_does(self, reads: list[bytes], cut: Cut) -> None:
        assert real(reads, cut) == modelled(reads, cut)

    @pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
    @pytest.mark.parametrize("around", [-2, -1, 0, 1, 2])
    def test_decodes_lines_around_the_window_as_the_package_does(self, line_end: str, around: int, cut: Cut) -> None:
        read = f"data: {'x' * ((64 << 10) - 6 + around)}{line_end * 2}data: y{line_end * 2}".encode()
        assert real([read], cut) == modelled([read], cut)


@pytest.mark.parametrize("cut", ["lines", "blocks"])
class TestPythonEventDecoder:
    def test_forgets_no_id(self, cut: Cut) -> None:
        assert [(0, None, ""), (0, None, "")] == modelled([b"id: 1\n\n: comment\n\n"], cut)

    def test_keeps_a_byte_order_mark(self, cut: Cut) -> None:
        assert [] == modelled([b"\xef\xbb\xbfdata: x\n\n"], cut)

    def test_drops_an_event_without_its_empty_line(self, cut: Cut) -> None:
        assert [(0, None, "x")] == modelled([b"data: x\n\ndata: y\n"], cut)

    def test_takes_linear_time_over_bytes_that_never_end_a_line(self, cut: Cut) -> None:
        """A decoder that copied what it holds on every read would copy 300 GB."""
        assert [] == modelled([b"x" * 16] * 200_000, cut)


class TestTiming:
    def test_gives_an_event_with_its_line_end_only_where_lines_are_looked_at(self) -> None:
        reads = [b"data: x\n\r\n", b"data: y\n\n"]
        assert [(0, None, "x"), (1, None, "y")] == modelled(reads, "lines")
        assert [(1, None, "x"), (1, None, "y")] == modelled(reads, "blocks")
