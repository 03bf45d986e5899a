"""How the Node packages openai 6.x and @anthropic-ai/sdk 1.x cut a body into server-sent events (`core/streaming.mjs`).

API: `decoder = openai_6_decoder()` or `anthropic_1_decoder()`; for each read exhaust `decoder.feed(data)`, and
`decoder.end()` when the body has ended well. Both give `NodeSseEvent`s (of `openai_node_sse`) and never raise: bytes
that are not UTF-8 become U+FFFD.

openai 6.x still has the two stages of 4.91 (see `openai_node_sse`: LF CR LF holds an event back) but decodes each line
with a TextDecoder, which drops a byte order mark at the start of *every* line. @anthropic-ai/sdk 1.x reads lines in one
stage: LF, CR and CRLF end them, a CR at the end of a read waits for the next one, and here too one byte order mark is
dropped at the start of every line. Either way an empty event name is no reason to dispatch and is not forgotten, and an
event without its empty line is dropped at the end.
"""

import codecs
import re
from collections.abc import Iterator
from typing import Protocol

from vapi_conformance.consumers.openai_node_sse import NodeEventDecoder, NodeSseEvent

__all__ = ["NodeDecoder", "anthropic_1_decoder", "openai_6_decoder"]

_WINDOW_BYTES = 64 << 10
# A CR at the very end may be the first half of CRLF and is no line end yet.
_LINE_END = re.compile(r"\r\n|\n|\r(?!\Z)")


class NodeDecoder(Protocol):
    """Bytes in, events out, at the moments at which the library would give them. No I/O."""

    def feed(self, data: bytes) -> Iterator[NodeSseEvent]:
        """The events that this read completes. Exhaust the iterator before the next call."""
        ...

    def end(self) -> Iterator[NodeSseEvent]:
        """The events that come out only because the body has ended."""
        ...


def openai_6_decoder() -> NodeDecoder:
    """As openai 6.x decodes."""
    return NodeEventDecoder(sdk_version="4.91.1", drops_marks=True)


def anthropic_1_decoder() -> NodeDecoder:
    """As @anthropic-ai/sdk 1.x decodes."""
    return _OneStage()


class _OneStage:
    """Memory is at most what was fed since the last event; time is linear."""

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest: list[str] = []
        self._event: str | None = None
        self._data: list[str] = []

    def feed(self, data: bytes) -> Iterator[NodeSseEvent]:
        for start in range(0, len(data), _WINDOW_BYTES):
            text = self._utf8.decode(data[start : start + _WINDOW_BYTES])
            held_cr = bool(self._rest) and self._rest[-1].endswith("\r")
            if not text or not (held_cr or "\n" in text or "\r" in text):
                self._rest += [text] if text else []
                continue
            yield from self._lines("".join([*self._rest, text]))

    def end(self) -> Iterator[NodeSseEvent]:
        text = "".join([*self._rest, self._utf8.decode(b"", final=True)])
        if text:
            yield from self._lines(text.removesuffix("\r") + "\n")

    def _lines(self, text: str) -> Iterator[NodeSseEvent]:
        start = 0
        for match in _LINE_END.finditer(text):
            line = text[start : match.start()].removeprefix("\ufeff")
            start = match.end()
            if line:
                self._field(line)
            elif self._event or self._data:
                yield NodeSseEvent(event=self._event, data="\n".join(self._data))
                self._event = None
                self._data = []
        self._rest = [text[start:]] if start < len(text) else []

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        if name == "event":
            self._event = value.removeprefix(" ")
        elif name == "data":
            self._data.append(value.removeprefix(" "))
