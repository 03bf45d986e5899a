"""How the Node packages cut bytes into events; the differential tests play the same habits to the packages."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.consumers.stainless_node_sse import NodeDecoder, anthropic_1_decoder, openai_6_decoder

Said = tuple[int, str | None, str]
Make = Callable[[], NodeDecoder]
BOTH: list[Make] = [openai_6_decoder, anthropic_1_decoder]
BODY = (
    b"event: a\r\ndata: 1\r\n\r\n: c\n\n\xef\xbb\xbfdata: \xf0\x9f\x98\x80\ndata: \xff\n\n"
    b"event:\n\ndata: 2\r\rid: 1\n\ndata\n\n\rdata: 3\n\n"
)


def said(make: Make, *reads: bytes) -> list[Said]:
    """Number of the read (the end counts as one), name and data."""
    decoder = make()
    events = [(at, event.event, event.data) for at, read in enumerate(reads) for event in decoder.feed(read)]
    return events + [(len(reads), event.event, event.data) for event in decoder.end()]


@pytest.mark.parametrize("make", BOTH)
class TestBoth:
    @given(cuts=st.sets(st.integers(1, len(BODY) - 1)))
    def test_give_the_same_events_however_the_bytes_are_cut(self, make: Make, cuts: set[int]) -> None:
        at = [0, *sorted(cuts), len(BODY)]
        reads = [BODY[start:end] for start, end in pairwise(at)]
        assert [event[1:] for event in said(make, BODY)] == [event[1:] for event in said(make, *reads)]

    def test_drop_a_byte_order_mark_at_the_start_of_every_line(self, make: Make) -> None:
        mark = b"\xef\xbb\xbf"
        events = said(make, mark + b"data: 1\n" + mark + b"data: 2\n" + mark + b"\n")
        assert [(None, "1\n2")] == [event[1:] for event in events]

    def test_drop_only_one_mark_of_two(self, make: Make) -> None:
        assert [] == said(make, b"\xef\xbb\xbf\xef\xbb\xbfdata: 1\n\n")

    def test_replace_bytes_that_are_not_utf8(self, make: Make) -> None:
        assert [(0, None, "\ufffd\ufffd(")] == said(make, b"data: \xff\xf0\x9f(\n\n")

    def test_do_not_forget_an_empty_event_name(self, make: Make) -> None:
        assert [(0, "", "1"), (0, None, "2")] == said(make, b"event:\n\ndata: 1\n\ndata: 2\n\n")

    def test_dispatch_a_name_without_data(self, make: Make) -> None:
        assert [(0, "a", "")] == said(make, b"event: a\n\n")

    def test_end_the_last_line_at_the_end_of_the_body_but_no_event(self, make: Make) -> None:
        assert [] == said(make, b"data: 1\n")
        assert [(1, None, "1")] == said(make, b"data: 1\n\r")

    def test_join_data_lines(self, make: Make) -> None:
        assert [(0, None, "1\n\n2")] == said(make, b"data:1\ndata\ndata: 2\n\n")


class TestTiming:
    def test_openai_holds_an_event_back_that_ends_with_lf_cr_lf(self) -> None:
        reads = (b"data: 1\n\r\n", b"data: 2\n\n")
        assert [1, 1] == [at for at, _, _ in said(openai_6_decoder, *reads)]
        assert [0, 1] == [at for at, _, _ in said(anthropic_1_decoder, *reads)]

    def test_both_wait_after_a_cr_at_the_end_of_a_read(self) -> None:
        reads = (b"data: 1\r\r", b"data: 2\r\r", b"\n")
        assert [1, 3] == [at for at, _, _ in said(openai_6_decoder, *reads)]
        assert [1, 2] == [at for at, _, _ in said(anthropic_1_decoder, *reads)]
