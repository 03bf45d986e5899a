"""Rapida's built-in OpenAI caller over openai-go 1.12.0, as a consumer: what a turn gets of a streamed chat completion.

**Inferred, not measured.** No Go program was run. The model was written from public source as it stood in January 2026:
`StreamChatCompletion` of rapidaai/voice-ai, `api/integration-api/internal/caller/openai/llm.go`, and openai-go's
`packages/ssestream`, `streamaccumulator.go` and `internal/apijson`, of which only neighbouring versions were at hand.
Newer releases of either may behave otherwise. Whoever prints a result says so: `SURENESS`.

The caller adds each chunk to the library's accumulator and returns as soon as that says "content just finished" (a
chunk without string content follows one with it) or "tool call just finished". What follows is not read. When the
stream ends before either, it returns without a word, and nobody learns that the turn is complete. So here:

* `FAILED` with words of ours in round brackets: the turn is never completed; what was streamed before was heard.
* `FAILED` with a `panic`: the Go program would panic.
* Only the first of several calls is heard, and none after text: the turn was complete before it came.

Habits that bite: lines end at LF or CRLF only; every empty line dispatches, also behind a comment or another empty
line, and an event without data ends the stream; so does a top-level `error`, even null. An event name other than
`response.…` or `transcript.…` hides its chunk. A chunk whose id differs from the first is not accumulated, but its text
is streamed. `content` of a wrong type is streamed as JSON text (white space as we write it, not as it was sent).
"""

import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.body_weight import BodyBound
from vapi_conformance.consumers import v8_json
from vapi_conformance.consumers.heard import Heard
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.listening import Listening
from vapi_conformance.consumers.openai_go_accumulator import Accumulator, GoError, objects_of, string_of
from vapi_conformance.exchange import End, Exchange, header_values
from vapi_conformance.narrow import is_deeper_than, object_or_nothing

__all__ = ["SURENESS", "hear"]

SURENESS: Final = (
    "inferred from the public source of January 2026 (Rapida's built-in caller over openai-go 1.12.0), not measured"
)
"""To be printed beside every result of this consumer."""

_LEAST_ERROR: Final = 400
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_LINE_BYTES: Final = 32 << 20
"""bufio.MaxScanTokenSize << 9."""
_WINDOW_BYTES: Final = 64 << 10
"""Compressed bytes are looked at in windows, so that what is made of them stays small."""
_MAX_DEPTH: Final = 10_000
"""Where encoding/json stops."""
_READ_AS_CHUNKS: Final = (b"response.", b"transcript.")


def hear(exchange: Exchange, *, max_body_bytes: int = 64 << 20) -> Heard:
    """What the turn gets of this answer, and how it ends.

    Never raises on what a server sent. `max_body_bytes` (content coding undone) bounds memory and time.
    """
    listening = Listening()
    turn = _Turn(exchange, listening, max_body_bytes=max_body_bytes)
    error: str | None = None
    try:
        turn.run()
    except GoError as failed:
        error = str(failed)
    ended = exchange.end is not End.TIMED_OUT or not turn.is_waiting
    return listening.heard(error, ended=ended, at_ns=turn.at_ns)


class _Turn:
    def __init__(self, exchange: Exchange, listening: Listening, *, max_body_bytes: int) -> None:
        self.at_ns = exchange.timing.end_ns
        if self.at_ns is None and exchange.reads:
            self.at_ns = exchange.reads[-1].at_ns
        self.is_waiting = False
        self._exchange = exchange
        self._listening = listening
        self._max_body_bytes = max_body_bytes
        self._accumulator = Accumulator()

    def run(self) -> None:
        """Until the turn is complete.

        Raises:
            GoError: it never is.
        """
        self._raise_for_status()
        ended_at_ns = self.at_ns
        for name, data in _events(self._lines()):
            if data.startswith(b"[DONE]"):
                break
            if self._take(name, data):
                return
        self.at_ns = ended_at_ns
        # Behind [DONE] the library reads on and looks at nothing.
        self.is_waiting = self._exchange.end is End.TIMED_OUT
        if self._exchange.end is End.CLOSED_BY_US:
            return
        why = "the library waits for ever" if self.is_waiting else "the stream ended"
        raise GoError(f"(never complete: {why}, and the caller had not seen the end of a text or of a call)")

    def _raise_for_status(self) -> None:
        response = self._exchange.response
        if response is None:
            self.is_waiting = self._exchange.end is End.TIMED_OUT
            raise GoError("(no response: the caller reports the connection's error)")
        if response.status in _REDIRECTS and header_values(response.headers, "location"):
            raise GoError(f"(status {response.status}: Go follows the redirect, and what came of it is in no record)")
        if response.status >= _LEAST_ERROR:
            raise GoError(f"(status {response.status}: the caller reports the error)")

    def _take(self, name: bytes, data: bytes) -> bool:
        """Whether the turn is complete with this event."""
        chunk: Mapping[str, object] = _chunk(data)
        if name and not name.startswith(_READ_AS_CHUNKS):
            chunk = {}  # it is wrapped into {"event", "data"}, of which the chunk type knows neither
        self._listening.at_ns = self.at_ns
        choices = objects_of(chunk.get("choices"))
        for choice in choices:
            self._listening.finish_reason = string_of(choice.get("finish_reason")) or self._listening.finish_reason
        finished = self._accumulator.add(chunk)
        if finished is not None:
            if finished.call is not None:
                call = self._listening.call(finished.call.index, index=finished.call.index)
                call.id, call.name = finished.call.id or None, "".join(finished.call.name) or None
                call.arguments = list(finished.call.arguments)
            return True
        for choice in choices:
            self._listening.text(string_of(object_or_nothing(choice.get("delta")).get("content")))
        return False

    def _lines(self) -> Iterator[bytes]:
        """`bufio.ScanLines`: a last line without its end is a line too."""
        rest = bytearray()
        for piece in self._pieces():
            rest += piece
            if b"\n" in piece:
                *lines, last = bytes(rest).split(b"\n")
                rest = bytearray(last)
                for line in lines:
                    _refuse_too_long(line)
                    yield line.removesuffix(b"\r")
            _refuse_too_long(rest)
        if rest:
            yield bytes(rest).removesuffix(b"\r")

    def _pieces(self) -> Iterator[bytes]:
        """The body; Go undoes gzip alone. A broken coding or connection ends it, and the caller does not ask why."""
        bound = BodyBound(self._max_body_bytes)
        gunzip = _Gunzip() if self._is_gzip() else None
        for read in self._exchange.reads:
            self.at_ns = read.at_ns
            for piece in (read.data,) if gunzip is None else gunzip.feed(read.data):
                if past := bound.passed_by(piece):
                    raise GoError(past)
                yield piece

    def _is_gzip(self) -> bool:
        if self._exchange.response is None or self._exchange.capture.body != "wire":
            return False
        return header_values(self._exchange.response.headers, "content-encoding") in {("gzip",), ("x-gzip",)}


class _Gunzip:
    """Member after member; what is broken gives nothing more."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._is_broken = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _WINDOW_BYTES):
            rest, is_full = data[start : start + _WINDOW_BYTES], False
            while (rest or is_full) and not self._is_broken:
                if self._zlib.eof:
                    self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)
                try:
                    output = self._zlib.decompress(rest, _WINDOW_BYTES)
                except zlib.error:
                    output, self._is_broken = b"", True
                yield output
                # As much as was allowed means that there may be more, even without input.
                is_full = len(output) == _WINDOW_BYTES and not self._zlib.eof
                rest = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail


def _refuse_too_long(line: bytes | bytearray) -> None:
    if len(line) > _MAX_LINE_BYTES:
        raise GoError("(never complete: bufio.Scanner: token too long, which the caller does not report)")


def _events(lines: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Name and data of each event; none is too empty, and the last one needs its empty line."""
    name, data = b"", bytearray()
    for line in lines:
        if not line:
            yield name, bytes(data)
            name, data = b"", bytearray()
            continue
        field, _, value = line.partition(b":")
        if field == b"event":
            name = value.removeprefix(b" ")
        elif field == b"data":
            data += value.removeprefix(b" ") + b"\n"


def _chunk(data: bytes) -> Mapping[str, object]:
    if not data:
        raise GoError("(never complete: an event without data, after which the caller stops without a word)")
    try:
        value = v8_json.parse(data.decode("utf-8", "replace"))
        text_is_json = not is_deeper_than(value, _MAX_DEPTH)
    except JsError:
        value, text_is_json = None, False
    if not text_is_json:
        raise GoError("(never complete: an event that is no JSON, after which the caller stops without a word)")
    fields = object_or_nothing(value)
    if "error" in fields:
        said = string_of(fields["error"])
        raise GoError(f"(never complete: received error while streaming: {said}; the caller does not report it)")
    return fields
