"""How the Python packages openai and anthropic cut a body into server-sent events (`_streaming.py` of each).

Both are generated from one template and read lines alike; they differ in *when* a line is looked at:

* `cut="lines"` (openai 3.x): each line as soon as its end has come; a CR ends it at once, an LF after it is dropped.
* `cut="blocks"` (anthropic 2.x): bytes are held until LF LF, CR CR or CRLF CRLF has come, or the body has ended. LF
  CR LF is none of these, so such an event waits; a wrong byte in a block is found no earlier than the block's end.

API: `decoder = PythonEventDecoder(cut=...)`; for each read exhaust `decoder.feed(data)`, and `decoder.end()` when the
body has ended well. Both give `PythonSseEvent`s and raise `PyError` (a UnicodeDecodeError in Python's words) at the
place at which the library would. Habits that the standard (HTML Living Standard, 9.2.6) does not have:

* Bytes that are not UTF-8 raise. A byte order mark is kept: the first line's field has a name that nobody knows.
* An empty line dispatches whenever there is an event name, data, a `retry`, or an `id` *ever seen before*; the last
  one is never forgotten, so behind one `id:` line every empty line gives an event, with data "" where there is none.
* An empty `event` is as none (`event` is None then). An event without its empty line is dropped at the end.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from vapi_conformance.consumers.py_error import PyError

__all__ = ["PythonEventDecoder", "PythonSseEvent"]

_WINDOW_BYTES = 64 << 10
"""A read of any size is looked at in windows, so that what is made of it stays small."""
_LINE_END = re.compile(rb"[\r\n]")
_LF = 0x0A
_CR = 0x0D
_BLOCK_ENDS = (b"\r\r", b"\n\n", b"\r\n\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonSseEvent:
    """One event as the library's decoder gives it."""

    event: str | None
    data: str
    """The `data` lines joined by LF; "" when there was none."""


class PythonEventDecoder:
    """Bytes in, events out, at the moments at which the library would give them. No I/O.

    Memory is at most what was fed since the last line or block and event; time is linear.
    """

    def __init__(self, *, cut: Literal["lines", "blocks"]) -> None:
        self._lines = _Lines() if cut == "lines" else _Blocks()
        self._event: str | None = None
        self._data: list[str] = []
        self._last_event_id: str | None = None
        self._has_retry = False

    def feed(self, data: bytes) -> Iterator[PythonSseEvent]:
        """The events that this read completes. Exhaust the iterator before the next call.

        Raises:
            PyError: a UnicodeDecodeError; the library's stream is over then.
        """
        yield from self._decode(self._lines.feed(data))

    def end(self) -> Iterator[PythonSseEvent]:
        """The events that come out only because the body has ended.

        Raises:
            PyError: a UnicodeDecodeError.
        """
        yield from self._decode(self._lines.end())

    def _decode(self, lines: Iterator[bytes]) -> Iterator[PythonSseEvent]:
        for raw in lines:
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                raise PyError("UnicodeDecodeError", str(error)) from None
            if line:
                self._field(line)
            elif self._event or self._data or self._last_event_id or self._has_retry:
                yield self._dispatch()

    def _field(self, line: str) -> None:
        # A comment has an empty name, which is no field's.
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self._last_event_id = self._last_event_id if "\0" in value else value
        elif name == "retry":
            self._has_retry = self._has_retry or _is_number(value)

    def _dispatch(self) -> PythonSseEvent:
        event = PythonSseEvent(event=self._event or None, data="\n".join(self._data))
        self._event = None
        self._data = []
        self._has_retry = False
        return event


def _is_number(value: str) -> bool:
    """Whether `int()` takes it: with blanks around it, a sign, underscores, digits of any script."""
    try:
        int(value)
    except ValueError:
        return False
    return True


class _Lines:
    """openai's `_SSELineDecoder`."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skip_lf = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        start = 0
        for match in _LINE_END.finditer(data):
            end = match.start()
            if self._skip_lf and end == start and data[end] == _LF:
                self._skip_lf = False
                start = end + 1
                continue
            self._rest += data[start:end]
            line = bytes(self._rest)
            self._rest.clear()
            self._skip_lf = data[end] == _CR
            start = end + 1
            yield line
        if start < len(data):
            self._skip_lf = False
            self._rest += data[start:]

    def end(self) -> Iterator[bytes]:
        if self._rest:
            yield bytes(self._rest)


class _Blocks:
    """anthropic's `_iter_chunks`, and the lines of each piece that it gives."""

    def __init__(self) -> None:
        self._block = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        for line in _kept_lines(data):
            self._block += line
            if self._block.endswith(_BLOCK_ENDS):
                yield from self._taken()

    def end(self) -> Iterator[bytes]:
        yield from self._taken()

    def _taken(self) -> Iterator[bytes]:
        block, self._block = bytes(self._block), bytearray()
        yield from block.splitlines()


def _kept_lines(data: bytes) -> Iterator[bytes]:
    """`data.splitlines(keepends=True)`, made in windows; a CRLF is never cut in two here, but may be between reads."""
    start = 0
    while start < len(data):
        stop = start + _WINDOW_BYTES
        if data[stop - 1 : stop + 1] == b"\r\n":
            stop += 1
        yield from data[start:stop].splitlines(keepends=True)
        start = stop
