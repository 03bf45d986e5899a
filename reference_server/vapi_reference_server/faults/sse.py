"""Faults of the framing: the chunks are right, the event stream around them is not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server.answer import Write
from vapi_reference_server.faults.editing import Shelf, send, swap
from vapi_reference_server.faults.fault import SeenOn, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_wire = Shelf(SeenOn.STREAM, Stage.WRITES, everywhere=True).fault
_chat = Shelf(SeenOn.STREAM, Stage.WRITES).fault
# The key before the first words: of a chunk, of a Responses delta, of a text block or part.
_WORDS = re.compile(rb'"(?:content|delta|text)":"(?!")')
_HUGE_LINE_BYTES = 17 * 1024 * 1024
_TRACEBACK = (
    b'Traceback (most recent call last):\n  File "server.py", line 88, in stream\nRuntimeError: the model went away\n\n'
)


def sse_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_encoding(), *_lines(), *_fields(), *_payloads(), *_strangers())


def _encoding() -> tuple[Fault, ...]:
    return (
        _wire(
            "invalid-utf8",
            "sse.utf-8-is-valid",
            "The first words hold a byte that is no UTF-8.",
            _in_first_text(b"\xff"),
        ),
        _wire("bom", "sse.no-byte-order-mark", "The stream starts with a byte order mark.", _bom),
        _wire(
            "lone-surrogates",
            "sse.no-lone-surrogates",
            "The first words hold half of a surrogate pair, escaped.",
            _in_first_text(b"\\ud83d"),
        ),
        _wire(
            "raw-line-separator",
            "sse.decoders-agree",
            "The first words hold U+2028, raw, which some decoders take for a line end.",
            _in_first_text("\u2028".encode()),
        ),
    )


def _lines() -> tuple[Fault, ...]:
    return (
        _wire("crlf-mixed", "sse.line-ends-are-uniform", "Every other event ends its lines with CRLF.", _mixed),
        _wire("lone-cr", "sse.no-lone-carriage-return", "Lines end with a lone carriage return.", _lone_cr),
        _wire(
            "last-event-unterminated",
            "sse.last-event-is-terminated",
            "No empty line follows the last event.",
            _unterminated,
        ),
        _wire(
            "event-split",
            "sse.event-is-not-split",
            "The first event with words is split by an empty line in the middle of its JSON.",
            _split_event,
        ),
        _wire(
            "events-joined",
            "sse.events-are-separated",
            "One line end instead of an empty line stands between the events.",
            _joined,
        ),
        _chat(
            "two-data-lines",
            "sse.one-data-line-per-event",
            "Each payload is spread over two data lines.",
            swap(b',"object":', b',\ndata: "object":', 1),
        ),
        _wire(
            "empty-events",
            "sse.no-empty-events",
            "Two empty lines follow each event.",
            _emptied,
        ),
        _wire(
            "huge-line",
            "sse.lines-are-bounded",
            "The first event is one line of 17 MiB, padded with an unknown key.",
            _huge_line,
        ),
    )


def _fields() -> tuple[Fault, ...]:
    exact, unknown = "sse.field-names-are-exact", "sse.no-unknown-fields"
    return (
        _wire("data-capitalised", exact, "The field is called `Data`.", swap(b"data: ", b"Data: ", 1)),
        _wire("data-indented", exact, "A blank stands before `data`.", swap(b"data: ", b" data: ", 1)),
        _chat(
            "no-space-after-colon",
            "sse.one-space-after-colon",
            "No blank follows `data:`.",
            swap(b"data: ", b"data:", 1),
        ),
        _chat(
            "event-lines",
            "sse.no-event-names",
            "Each event is named `message`.",
            send(_with_line(b"event: message\n")),
        ),
        _wire(
            "bad-retry",
            "sse.id-and-retry-are-well-formed",
            "Each event says `retry: soon`.",
            send(_with_line(b"retry: soon\n")),
        ),
        _wire("unknown-field", unknown, "Each event has a field `trace`.", send(_with_line(b"trace: 7f3a\n"))),
        _wire(
            "comment-blocks",
            "sse.no-comment-only-blocks",
            "A block that holds only a comment follows each event.",
            _comment_blocks,
        ),
    )


def _payloads() -> tuple[Fault, ...]:
    return (
        _wire(
            "python-literals",
            "sse.payload-is-json",
            "Payloads say None where JSON says null.",
            swap(b":null", b":None"),
        ),
        _wire(
            "payload-array",
            "sse.payload-is-an-object",
            "Each payload is wrapped into an array.",
            send(_in_array),
        ),
        _chat(
            "duplicate-keys",
            "sse.payload-keys-are-unique",
            "Each payload names its object twice.",
            swap(b'{"id":', b'{"object":"chat.completion.chunk","id":', 1),
        ),
        _wire(
            "nan",
            "sse.payload-numbers-are-finite",
            "Each payload has a key whose value is NaN.",
            swap(b"data: {", b'data: {"score":NaN,', 1),
        ),
    )


def _strangers() -> tuple[Fault, ...]:
    only_sse = "sse.body-holds-only-sse"
    return (
        _wire(
            "traceback-in-stream",
            only_sse,
            "A traceback is printed into the stream, which ends there.",
            _ends_with(_TRACEBACK),
        ),
        _wire(
            "html-in-stream",
            only_sse,
            "A proxy's error page is written into the stream, which ends there.",
            _ends_with(b"<html><body><h1>502 Bad Gateway</h1></body></html>\n"),
        ),
        _wire("empty-stream", "sse.stream-has-an-event", "The stream ends without any event.", _nothing),
        _chat("ndjson", "sse.ndjson-is-not-sse", "Each chunk is a bare line of JSON, without `data:`.", _ndjson),
    )


def _in_first_text(inserted: bytes) -> Edit:
    return _at_first_words(lambda key: key + inserted)


def _at_first_words(change: Callable[[bytes], bytes]) -> Edit:
    """The edit of the key before the first words."""

    def edit(work: Work) -> None:
        for at, write in enumerate(work.writes):
            data, found = _WORDS.subn(lambda key: change(key[0]), write.data, count=1)
            if found:
                work.writes[at] = replace(write, data=data)
                return

    return edit


def _line_end(work: Work) -> bytes:
    return b"\r\n" if work.writes[0].data.endswith(b"\r\n") else b"\n"


def _with_line(line: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        return line + data

    return change


def _bom(work: Work) -> None:
    work.writes[0] = replace(work.writes[0], data=b"\xef\xbb\xbf" + work.writes[0].data)


def _mixed(work: Work) -> None:
    old, new = (b"\n", b"\r\n") if _line_end(work) == b"\n" else (b"\r\n", b"\n")
    work.writes[::2] = [replace(write, data=write.data.replace(old, new)) for write in work.writes[::2]]


def _unterminated(work: Work) -> None:
    work.writes[-1] = replace(work.writes[-1], data=work.writes[-1].data.removesuffix(_line_end(work)))


def _lone_cr(work: Work) -> None:
    send(lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r"))(work)


def _emptied(work: Work) -> None:
    end = _line_end(work)
    send(lambda data: data.replace(end * 2, end * 3))(work)


def _split_event(work: Work) -> None:
    gap = _line_end(work) * 2
    _at_first_words(lambda key: gap + b"data: " + key)(work)


def _joined(work: Work) -> None:
    end = _line_end(work)
    work.writes[:-1] = [replace(write, data=write.data.removesuffix(end)) for write in work.writes[:-1]]


def _huge_line(work: Work) -> None:
    padding = b'{"padding":"' + b"x" * _HUGE_LINE_BYTES + b'",'
    work.writes[0] = replace(work.writes[0], data=work.writes[0].data.replace(b"{", padding, 1))


def _comment_blocks(work: Work) -> None:
    comment = Write(data=b": still thinking\n\n")
    work.writes = [item for write in work.writes for item in (write, comment)][:-1]


def _in_array(data: bytes) -> bytes:
    ended = data.rstrip(b"\r\n")
    if b"data: {" not in ended:
        return data
    return ended.replace(b"data: {", b"data: [{", 1) + b"]" + data[len(ended) :]


def _ends_with(text: bytes) -> Edit:
    def edit(work: Work) -> None:
        work.writes = [*work.writes[: len(work.writes) // 2], Write(data=text)]

    return edit


def _nothing(work: Work) -> None:
    work.writes = []


def _ndjson(work: Work) -> None:
    work.writes = [
        replace(write, data=write.data.removeprefix(b"data: ").removesuffix(b"\n")) for write in work.writes[:-1]
    ]
