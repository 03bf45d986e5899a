"""Messages: bytes of an answer, streamed or whole, to a `Transcript`. Never raises on what a server sends.

The one message is choice 0. What servers run themselves (`server_tool_use`, `mcp_tool_use` and their results) is no
call that a platform has to answer, and no tool call of the transcript.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vapi_conformance.dialects.anthropic.blocks import Block, Blocks, BlockTranscript, blocks_of, document_blocks
from vapi_conformance.dialects.anthropic.order import (
    AFTER_FAULT,
    TRANSITIONS,
    Signal,
    State,
    is_error,
    signal_of,
)
from vapi_conformance.dialects.reading import Answer, read_body
from vapi_conformance.dialects.transcript import (
    BodyKind,
    Choice,
    Chunk,
    Finish,
    FinishMeaning,
    Marker,
    OutOfOrder,
    Role,
    TextDelta,
    ToolCall,
    ToolFragment,
    UsageReport,
)
from vapi_conformance.exchange import Read
from vapi_conformance.narrow import integer_or_none, object_or_none, object_or_nothing, string_or_none

__all__ = ["read_answer"]

_MEANINGS: Final[Mapping[str, FinishMeaning]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause_turn": "paused",
    "compaction": "paused",
}
_INPUT_COUNTS: Final = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
"""Together they are the prompt; each stands for a part that is billed at a price of its own."""
_BEYOND_ANY_COUNT: Final = 1 << 53
_NO_FUNCTION: Final[Mapping[str, object]] = {}


def read_answer(reads: Sequence[Read], *, media_type: str) -> Answer:
    """Body reads with content coding undone; the media type only decides where the bytes themselves do not."""
    return read_body(reads, media_type, _transcribe)


@dataclass(slots=True)
class _Message:
    """What the events of the message have said so far."""

    content: list[TextDelta] = field(default_factory=list[TextDelta])
    reasoning: list[TextDelta] = field(default_factory=list[TextDelta])
    roles: list[Role] = field(default_factory=list[Role])
    finishes: list[Finish] = field(default_factory=list[Finish])
    usages: list[UsageReport] = field(default_factory=list[UsageReport])
    input_counts: dict[str, int] = field(default_factory=dict[str, int])
    """The latest of each: counts are cumulative, and a report may leave out what has not changed."""

    def say(self, chunk: Chunk, fields: Mapping[str, object]) -> None:
        """A block as it starts (or whole), or a delta: the keys of words are the same in both."""
        for deltas, key in ((self.content, "text"), (self.reasoning, "thinking")):
            if text := string_or_none(fields.get(key)):
                deltas.append(TextDelta(chunk=chunk.index, text=text, at_ns=chunk.at_ns))

    def begin(self, chunk: Chunk, message: Mapping[str, object]) -> None:
        """`message_start`, or the head of a whole message."""
        if (role := message.get("role")) is not None:
            self.roles.append(Role(chunk=chunk.index, value=role))
        self.count(chunk, message)

    def finish(self, chunk: Chunk, fields: Mapping[str, object]) -> None:
        """The fields that may hold a stop reason."""
        if (reason := fields.get("stop_reason")) is not None:
            meaning = _MEANINGS.get(reason) if isinstance(reason, str) else None
            self.finishes.append(Finish(chunk=chunk.index, value=reason, meaning=meaning, at_ns=chunk.at_ns))

    def count(self, chunk: Chunk, fields: Mapping[str, object]) -> None:
        """The fields that may hold usage."""
        if (counts := object_or_none(fields.get("usage"))) is None:
            return
        sent = {key: count for key in _INPUT_COUNTS if (count := _count(counts.get(key))) is not None}
        self.input_counts |= sent
        self.usages.append(
            UsageReport(
                chunk=chunk.index,
                counts=counts,
                input_tokens=sum(self.input_counts.values()) if "input_tokens" in self.input_counts else None,
                output_tokens=_count(counts.get("output_tokens")),
            )
        )

    def close(self, calls: Iterable[ToolCall]) -> Choice:
        """The message as it stands at the end of the answer."""
        return Choice(
            index=0,
            content=tuple(self.content),
            reasoning=tuple(self.reasoning),
            tool_calls=tuple(calls),
            roles=tuple(self.roles),
            finishes=tuple(self.finishes),
        )


def _count(value: object) -> int | None:
    """A number of tokens; numbers beyond all measure are none, and Python would refuse to print their sum."""
    count = integer_or_none(value)
    return count if count is not None and abs(count) < _BEYOND_ANY_COUNT else None


def _call(block: Block, chunks: Sequence[Chunk]) -> ToolCall:
    def fragment(at: int, fields: Mapping[str, object]) -> ToolFragment:
        return ToolFragment(chunk=at, at_ns=chunks[at].at_ns, fields=fields, function=_NO_FUNCTION)

    pieces = [fragment(delta.chunk, delta.fields) for delta in block.deltas if delta.kind == "input_json_delta"]
    # Whoever takes nothing gets one empty piece (recorded): the input is then what the block began with, {}.
    arguments = block.joined("input_json_delta", "partial_json") or _written(block.fields.get("input", {}))
    return ToolCall(
        index=block.index,
        id=string_or_none(block.fields.get("id")) or None,
        name=string_or_none(block.fields.get("name")) or None,
        arguments=arguments,
        fragments=(fragment(block.start, block.fields), *pieces),
    )


def _written(value: object) -> str:
    """As JSON text. A string is taken for the text itself, as Chat Completions would send it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _calls(blocks: Iterable[Block], chunks: Sequence[Chunk]) -> Iterable[ToolCall]:
    return (_call(block, chunks) for block in blocks if block.kind == "tool_use")


def _transcribe(kind: BodyKind, chunks: tuple[Chunk, ...], markers: tuple[Marker, ...]) -> BlockTranscript:
    if kind == "json":
        return _whole(chunks)
    return _streamed(kind, chunks, markers)


def _whole(chunks: tuple[Chunk, ...]) -> BlockTranscript:
    document = chunks[0]
    record = document.record or {}
    failed = is_error(document)
    message = _Message()
    blocks = tuple(document_blocks(document))
    if not failed:
        message.begin(document, record)
        message.finish(document, record)
        for block in blocks:
            message.say(document, block.fields if block.kind in ("text", "thinking") else {})
    is_message = not failed and ("content" in record or record.get("type") == "message")
    return BlockTranscript(
        kind="json",
        chunks=chunks,
        choices=(message.close(_calls(blocks, chunks)),) if is_message else (),
        usages=tuple(message.usages),
        errors=(0,) if failed else (),
        found=Blocks(blocks=blocks),
    )


def _streamed(kind: BodyKind, chunks: tuple[Chunk, ...], markers: tuple[Marker, ...]) -> BlockTranscript:
    message = _Message()
    found = blocks_of(chunks)
    signals: dict[Signal, list[Chunk]] = {}
    errors: list[int] = []
    faults: list[OutOfOrder] = []
    state = State.IDLE
    for chunk in chunks:
        failed = is_error(chunk)
        signal = Signal.ERROR if failed else signal_of(chunk)
        if failed:
            errors.append(chunk.index)
        elif signal is not None:
            signals.setdefault(signal, []).append(chunk)
            _take(message, chunk, signal)
        if signal is None:
            continue
        following = TRANSITIONS[state].get(signal)
        if following is None:
            faults.append(OutOfOrder(chunk=chunk.index, choice=0, state=state, signal=signal))
            following = AFTER_FAULT.get(signal, state) if TRANSITIONS[state] else state
        state = following
    return BlockTranscript(
        kind=kind,
        chunks=chunks,
        markers=markers,
        choices=(message.close(_calls(found.blocks, chunks)),) if signals.keys() - {Signal.PING} else (),
        usages=tuple(message.usages),
        errors=tuple(errors),
        out_of_order=tuple(faults),
        found=found,
        signals={signal: tuple(events) for signal, events in signals.items()},
    )


def _take(message: _Message, chunk: Chunk, signal: Signal) -> None:
    record = object_or_nothing(chunk.payload.value)
    match signal:
        case Signal.MESSAGE_START:
            message.begin(chunk, object_or_nothing(record.get("message")))
        case Signal.BLOCK_START:
            block = object_or_nothing(record.get("content_block"))
            # Text that stands in the start already is added by official clients.
            message.say(chunk, block if block.get("type") in ("text", "thinking") else {})
        case Signal.BLOCK_DELTA:
            delta = object_or_nothing(record.get("delta"))
            known = delta.get("type") in ("text_delta", "thinking_delta")
            message.say(chunk, delta if known else {})
        case Signal.MESSAGE_DELTA:
            message.finish(chunk, object_or_nothing(record.get("delta")))
            message.count(chunk, record)
        case _:
            pass
