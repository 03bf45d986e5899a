"""How openai-node cuts a body into server-sent events.

Two stages, each with habits that the standard (HTML Living Standard, 9.2.6) does not have, and both decide *when* an
event is handed over: the body is first cut behind every double line end (`iterSSEChunks`), and only a piece so
completed is decoded into lines. LF CR LF ends a line and makes an empty one, but is no double line end to the first
stage: such an event waits for a later piece, or for the end of the body. Behaviour taken from `streaming.mjs` and
`internal/decoders/line.mjs` of the npm package.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["NodeEventDecoder", "NodeSseEvent", "SdkVersion"]

SdkVersion = Literal["4.83.0", "4.91.1"]
"""Releases of openai-node that are modelled; both send `x-stainless-timeout` in milliseconds, as Vapi does."""

_DOUBLE_LINE_END: dict[SdkVersion, re.Pattern[bytes]] = {
    # Its loop stops one byte early, so that LF LF is found only when something follows it.
    "4.83.0": re.compile(rb"\n\n(?=[\s\S])|\r\r(?=[\s\S])|\r\n\r\n"),
    "4.91.1": re.compile(rb"\n\n|\r\r|\r\n\r\n"),
}
_WINDOW_BYTES = 64 << 10
"""A read of any size is looked at in windows, so that what is made of it stays small."""
_LONGEST_DOUBLE_LINE_END = 4
# A CR at the very end may be the first half of CRLF and is no line end yet.
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSseEvent:
    """One event as the library's decoder gives it."""

    event: str | None
    """None without an `event` field; an empty one gives the empty string, which is not the same to the library."""
    data: str


class NodeEventDecoder:
    """Bytes in, events out, at the moments at which the library would give them. No I/O.

    Memory is at most what was fed since the last double line end; time is linear, unlike the library's own, which
    copies and rescans everything it holds on every read.
    """

    def __init__(self, *, sdk_version: SdkVersion, drops_marks: bool = False) -> None:
        """`drops_marks`: a byte order mark at the start of a line is dropped, as since 5.0 by its TextDecoder."""
        self._drops_marks = drops_marks
        self._double_line_end = _DOUBLE_LINE_END[sdk_version]
        self._waiting = bytearray()
        self._scanned = 0
        self._line_rest = b""
        self._event: str | None = None
        self._data: list[str] = []

    def feed(self, data: bytes) -> Iterator[NodeSseEvent]:
        """The events that this read completes. Exhaust the iterator before the next call."""
        for start in range(0, len(data), _WINDOW_BYTES):
            self._waiting += data[start : start + _WINDOW_BYTES]
            end = 0
            for match in self._double_line_end.finditer(self._waiting, self._scanned):
                end = match.end()
            # The library decodes piece by piece; all that this read completes is decoded at the same time here.
            complete = bytes(self._waiting[:end])
            del self._waiting[:end]
            self._scanned = max(0, len(self._waiting) - _LONGEST_DOUBLE_LINE_END)
            if complete:
                yield from self._decode(complete)

    def end(self) -> Iterator[NodeSseEvent]:
        """The events that come out only because the body has ended; an event without its empty line does not."""
        piece, self._waiting = bytes(self._waiting), bytearray()
        self._scanned = 0
        yield from self._decode(piece)
        if self._line_rest:
            yield from self._decode(b"\n")

    def _decode(self, piece: bytes) -> Iterator[NodeSseEvent]:
        text = self._line_rest + piece
        start = 0
        for match in _LINE_END.finditer(text):
            line = text[start : match.start()]
            if self._drops_marks:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line:
                self._field(line)
            elif self._event or self._data:
                yield self._dispatch()
            # Otherwise nothing is cleared: an empty event name stays and falls upon the next event.
            start = match.end()
        self._line_rest = text[start:]

    def _field(self, line: bytes) -> None:
        # A byte order mark that is not dropped gives the first field a name that nobody knows.
        name, _, value = line.decode("utf-8", "replace").partition(":")
        if name == "event":
            self._event = value.removeprefix(" ")
        elif name == "data":
            self._data.append(value.removeprefix(" "))

    def _dispatch(self) -> NodeSseEvent:
        event = NodeSseEvent(event=self._event, data="\n".join(self._data))
        self._event = None
        self._data = []
        return event
