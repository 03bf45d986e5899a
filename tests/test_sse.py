"""Server-sent events: the standard's sentences, and the cases that browsers are tested with, as vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.exchange import Read
from vapi_conformance.sse import Decoder, EventStream, LineEnds, decode

Told = list[tuple[str, str, str]]  # type, data, last event id


def stream(body: bytes) -> EventStream:
    return decode([Read(at_ns=0, data=body)])


def told(body: bytes) -> Told:
    return [(event.type, event.data, event.last_event_id) for event in stream(body).events]


def messages(*data: str) -> Told:
    return [("message", each, "") for each in data]


# After the cases of web-platform-tests, eventsource/, put in words and bytes of our own.
VECTORS: dict[str, tuple[bytes, Told]] = {
    "one event": (b"data: hello\n\n", messages("hello")),
    "bom is dropped once": (b"\xef\xbb\xbfdata:1\n\n\xef\xbb\xbfdata:2\n\ndata:3\n\n", messages("1", "3")),
    "two boms leave one": (b"\xef\xbb\xbf\xef\xbb\xbfdata:1\n\ndata:2\n\ndata:3\n\n", messages("2", "3")),
    "cr ends lines": (b"data: 1\rdata: 2\r\r", messages("1\n2")),
    "crlf ends lines": (b"data: 1\r\ndata: 2\r\n\r\n", messages("1\n2")),
    "ends may be mixed": (b"data: 1\r\ndata: 2\ndata: 3\r\r\n", messages("1\n2\n3")),
    "comments are ignored": (
        b"data:1\n:\x00\n:\r\ndata:2\n:" + b"x" * 2000 + b"\ndata:3\n\n",
        messages("1\n2\n3"),
    ),
    "data without a value": (b"data:\n\ndata\ndata\n\ndata:test\n\n", messages("", "\n", "test")),
    "one space is dropped": (b"data:  two\n\ndata:\tone\n\ndata:none\n\n", messages(" two", "\tone", "none")),
    "space before the colon is a name": (b"data :x\n\n data:y\n\ndata:z\n\n", messages("z")),
    "names are case sensitive": (b"Data:1\nDATA:2\ndata:3\n\n", messages("3")),
    "event sets the type once": (
        b"event:test\ndata:x\n\ndata:y\n\n",
        [("test", "x", ""), ("message", "y", "")],
    ),
    "the last event field wins": (b"event:one\nevent:two\ndata:x\n\n", [("two", "x", "")]),
    "an empty event field is message": (b"event:\ndata:x\n\n", messages("x")),
    "event without data is forgotten": (b"event:test\n\ndata:y\n\n", messages("y")),
    "id stays": (
        b"id:1\ndata:x\n\ndata:y\n\nid\ndata:z\n\n",
        [("message", "x", "1"), ("message", "y", "1"), ("message", "z", "")],
    ),
    "id with NUL is ignored": (
        b"id:a\ndata:x\n\nid:b\x00c\ndata:y\n\n",
        [("message", "x", "a"), ("message", "y", "a")],
    ),
    "unknown fields are ignored": (
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacomment\n\n",
        messages("test\n"),
    ),
    "NUL in data stays": (b"data:\x00\n\n", messages("\x00")),
    "other separators are text": (
        "data:a\u2028b\u0085c\x0bd\x0ce\n\n".encode(),
        messages("a\u2028b\u0085c\x0bd\x0ce"),
    ),
    "bad utf-8 is replaced": (b"data:\xfftest\xc3\n\n", messages("\ufffdtest\ufffd")),
    "an event at the end needs its blank line": (b"data:1\n\ndata:2\n", messages("1")),
    "a line at the end needs its end": (b"data:1\n\ndata:2", messages("1")),
    "leading blank lines": (b"\n\n\ndata:1\n\n", messages("1")),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("body", "expected"), VECTORS.values(), ids=VECTORS.keys())
class TestVectors:
    def test_whole(self, body: bytes, expected: Told) -> None:
        assert expected == told(body)

    def test_byte_by_byte(self, body: bytes, expected: Told) -> None:
        reads = [Read(at_ns=at, data=body[at : at + 1]) for at in range(len(body))]
        assert expected == [(event.type, event.data, event.last_event_id) for event in decode(reads).events]


@pytest.mark.parametrize(
    ("value", "retry_ms"),
    [("1000", 1000), ("+5", None), ("5 ", None), ("", None), ("٣", None), ("9" * 30, None)],
)
def test_retry_is_ascii_digits_only(value: str, retry_ms: int | None) -> None:
    assert retry_ms == stream(f"retry:{value}\n\n".encode()).retry_ms


WIRE = st.lists(
    st.sampled_from(
        [
            b"\n",
            b"\r",
            b"\r\n",
            b"data",
            b":",
            b" ",
            b"data: x",
            b"id: 1",
            b"\xef\xbb\xbf",
            b"\xe2\x82",
            b"\xac",
            b"event:e",
            b"retry:3",
            b"\x00",
        ]
    ),
    max_size=30,
).map(b"".join)


class TestCuts:
    @given(wire=WIRE, data=st.data())
    def test_blocks_do_not_depend_on_read_boundaries(self, wire: bytes, data: st.DataObject) -> None:
        cuts = sorted(data.draw(st.sets(st.integers(0, len(wire)))))
        pieces = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
        assert stream(wire) == decode([Read(at_ns=0, data=piece) for piece in pieces])

    def test_an_event_has_the_time_of_the_read_that_completed_it(self) -> None:
        reads = [
            Read(at_ns=1, data=b"data: a\n"),
            Read(at_ns=2, data=b"\r"),
            Read(at_ns=3, data=b"\ndata: b\n\n"),
        ]
        assert [2, 3] == [event.at_ns for event in decode(reads).events]


class TestWhatIsKeptBesideTheEvents:
    def test_byte_ranges_name_the_lines_of_the_event(self) -> None:
        body = b": hi\r\n\r\ndata: a\r\n\r\n\r\ndata: b\n\n"
        assert [b"data: a\r\n\r", b"data: b\n\n"] == [body[event.start : event.end] for event in stream(body).events]

    def test_comment_only_and_empty_blocks(self) -> None:
        blocks = stream(b": ping\n\n\ndata: x\n\n").blocks
        assert [(True, 1), (False, 0), (False, 1)] == [(block.is_comment_only, len(block.fields)) for block in blocks]

    def test_line_ends_are_counted(self) -> None:
        assert LineEnds(lf=1, crlf=2, cr=1) == stream(b"a\nb\r\nc\r\r\n").line_ends

    def test_tail_holds_what_the_standard_discards(self) -> None:
        tail = stream(b"data: a\n\ndata: b\ndata: c").tail
        assert tail is not None
        assert ["b", "c"] == [field.value for field in tail.fields]

    def test_bad_utf8_is_located(self) -> None:
        assert (8,) == stream(b"data: ab\xff\n\n").invalid_utf8_at

    def test_spaces_are_remembered(self) -> None:
        assert [True, False] == [field.spaced for field in stream(b"data: a\ndata:b\n\n").blocks[0].fields]


class TestBounds:
    @pytest.mark.parametrize("step", [1, 7, 100])
    def test_a_line_past_the_bound_is_dropped_and_said(self, step: int) -> None:
        body = b"data: 1\n\ndata: " + b"x" * 60 + b"\n\ndata: 2\n\n"
        decoder = Decoder(max_line_bytes=40)
        blocks = [b for at in range(0, len(body), step) for b in decoder.feed(body[at : at + step], at)]
        assert [("1", False), (None, True), ("2", False)] == [
            (block.event.data if block.event else None, block.oversized) for block in blocks
        ]

    def test_memory_stays_at_the_bound(self) -> None:
        decoder = Decoder(max_line_bytes=1000)
        for _ in range(100):
            decoder.feed(b"x" * 1000, 0)
        assert len(decoder._buffer) <= 1000  # pyright: ignore[reportPrivateUsage] - the bound is inside
        assert decoder.size_bytes == 100_000
