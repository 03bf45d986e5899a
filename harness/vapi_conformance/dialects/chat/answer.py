"""Chat Completions: bytes of an answer, streamed or whole, to a `Transcript`. Never raises on what a server sends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final

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
    Transcript,
    UsageReport,
)
from vapi_conformance.exchange import Read
from vapi_conformance.narrow import (
    array_or_nothing,
    integer_or_none,
    object_or_none,
    object_or_nothing,
    string_or_none,
)

__all__ = ["TRANSITIONS", "Signal", "State", "read_answer"]


class Signal(StrEnum):
    """What one chunk says about one choice; within a chunk they count in this order."""

    ROLE = "role"
    DELTA = "delta"
    """Non-empty content, refusal or reasoning, or a tool fragment."""
    FINISH_REASON = "finish_reason"
    USAGE = "usage"
    DONE_MARKER = "[DONE]"


class State(StrEnum):
    """Where a choice stands."""

    IDLE = "idle"
    OPEN = "open"
    FINISHED = "finished"
    DONE = "done"


# The order of a stream, per choice. What is missing here is out of order. Two rules keep it true: a signal is listed
# wherever a first party sends it, and duties softer than order (the role once, usage once) are rules, not rows.
TRANSITIONS: Final[Mapping[State, Mapping[Signal, State]]] = {
    State.IDLE: {
        Signal.ROLE: State.OPEN,
        Signal.DELTA: State.OPEN,
        Signal.FINISH_REASON: State.FINISHED,
        Signal.USAGE: State.IDLE,
        Signal.DONE_MARKER: State.DONE,
    },
    State.OPEN: {
        Signal.ROLE: State.OPEN,
        Signal.DELTA: State.OPEN,
        Signal.FINISH_REASON: State.FINISHED,
        Signal.USAGE: State.OPEN,
        Signal.DONE_MARKER: State.DONE,
    },
    State.FINISHED: {Signal.USAGE: State.FINISHED, Signal.DONE_MARKER: State.DONE},
    State.DONE: {},
}

_REASONING_KEYS: Final = ("reasoning_content", "reasoning")
"""DeepSeek, vLLM (older) and others; vLLM (newer), Ollama, Groq, OpenRouter."""

_MEANINGS: Final[Mapping[str, FinishMeaning]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


def read_answer(reads: Sequence[Read], *, media_type: str) -> Answer:
    """Body reads with content coding undone; the media type only decides where the bytes themselves do not."""
    return read_body(reads, media_type, _transcribe)


@dataclass(slots=True)
class _OpenChoice:
    """A choice while its deltas come in."""

    index: int
    state: State = State.IDLE
    content: list[TextDelta] = field(default_factory=list[TextDelta])
    refusal: list[TextDelta] = field(default_factory=list[TextDelta])
    reasoning: list[TextDelta] = field(default_factory=list[TextDelta])
    fragments: dict[int | None, list[ToolFragment]] = field(default_factory=dict[int | None, list[ToolFragment]])
    roles: list[Role] = field(default_factory=list[Role])
    finishes: list[Finish] = field(default_factory=list[Finish])
    has_function_call: bool = False

    def take(self, chunk: Chunk, choice: Mapping[str, object]) -> list[Signal]:
        """One choice object of one chunk (or document); gives its signals in order."""
        signals: list[Signal] = []
        # Some answers carry both; a document speaks by its message, a chunk by its delta.
        keys = ("delta", "message") if chunk.event_type else ("message", "delta")
        delta = object_or_nothing(
            next((choice[key] for key in keys if object_or_none(choice.get(key)) is not None), None)
        )
        if (role := delta.get("role")) is not None:
            self.roles.append(Role(chunk=chunk.index, value=role))
            signals.append(Signal.ROLE)
        texts = (
            (self.content, delta.get("content")),
            (self.refusal, delta.get("refusal")),
            (self.reasoning, next((delta[key] for key in _REASONING_KEYS if delta.get(key)), None)),
        )
        for deltas, text in texts:
            if isinstance(text, str) and text:
                deltas.append(TextDelta(chunk=chunk.index, text=text, at_ns=chunk.at_ns))
                signals.append(Signal.DELTA)
        for position, item in enumerate(array_or_nothing(delta.get("tool_calls"))):
            self._take_fragment(chunk, object_or_nothing(item), position)
            signals.append(Signal.DELTA)
        if object_or_none(delta.get("function_call")) is not None:
            self.has_function_call = True
            signals.append(Signal.DELTA)
        if (reason := choice.get("finish_reason")) is not None:
            meaning = _MEANINGS.get(reason) if isinstance(reason, str) else None
            self.finishes.append(Finish(chunk=chunk.index, value=reason, meaning=meaning, at_ns=chunk.at_ns))
            signals.append(Signal.FINISH_REASON)
        return signals

    def move(self, signal: Signal, at: int) -> OutOfOrder | None:
        """Follow the table; gives what it has no place for, and stays."""
        following = TRANSITIONS[self.state].get(signal)
        if following is None:
            return OutOfOrder(chunk=at, choice=self.index, state=self.state, signal=signal)
        self.state = following
        return None

    def _take_fragment(self, chunk: Chunk, fields: Mapping[str, object], position: int) -> None:
        # A whole message numbers its calls by place; only deltas carry an index.
        index = integer_or_none(fields.get("index"))
        slot = position if index is None and chunk.event_type == "" else index
        self.fragments.setdefault(slot, []).append(
            ToolFragment(
                chunk=chunk.index,
                at_ns=chunk.at_ns,
                fields=fields,
                function=object_or_nothing(fields.get("function")),
            )
        )

    def close(self) -> Choice:
        """The choice as it stands at the end of the answer."""
        return Choice(
            index=self.index,
            content=tuple(self.content),
            refusal=tuple(self.refusal),
            reasoning=tuple(self.reasoning),
            tool_calls=tuple(_assemble(index, tuple(fragments)) for index, fragments in self.fragments.items()),
            roles=tuple(self.roles),
            finishes=tuple(self.finishes),
            has_function_call=self.has_function_call,
        )


def _assemble(index: int | None, fragments: tuple[ToolFragment, ...]) -> ToolCall:
    def first(values: Iterator[object]) -> str | None:
        return next((value for value in map(string_or_none, values) if value), None)

    return ToolCall(
        index=index,
        id=first(each.fields.get("id") for each in fragments),
        name=first(each.function.get("name") for each in fragments),
        arguments="".join(text for each in fragments if (text := string_or_none(each.function.get("arguments")))),
        fragments=fragments,
    )


def _usage(chunk: Chunk, counts: Mapping[str, object]) -> UsageReport:
    return UsageReport(
        chunk=chunk.index,
        counts=counts,
        input_tokens=integer_or_none(counts.get("prompt_tokens")),
        output_tokens=integer_or_none(counts.get("completion_tokens")),
        total_tokens=integer_or_none(counts.get("total_tokens")),
    )


def _transcribe(kind: BodyKind, chunks: tuple[Chunk, ...], markers: tuple[Marker, ...]) -> Transcript:
    choices: dict[int, _OpenChoice] = {}
    usages: list[UsageReport] = []
    errors: list[int] = []
    faults: list[OutOfOrder] = []
    first_marker = markers[0].position if markers else None
    beginning = State.IDLE
    for chunk in chunks:
        if chunk.index == first_marker:
            beginning = TRANSITIONS[beginning][Signal.DONE_MARKER]
            for choice in choices.values():
                choice.move(Signal.DONE_MARKER, chunk.index)
        record = chunk.record or {}
        if record.get("error"):
            errors.append(chunk.index)
        for position, item in enumerate(array_or_nothing(record.get("choices"))):
            fields = object_or_nothing(item)
            index = integer_or_none(fields.get("index"))
            slot = position if index is None else index
            if slot not in choices:
                choices[slot] = _OpenChoice(slot, beginning)
            choice = choices[slot]
            faults += [fault for signal in choice.take(chunk, fields) if (fault := choice.move(signal, chunk.index))]
        if (counts := object_or_none(record.get("usage"))) is not None:
            usages.append(_usage(chunk, counts))
            # It is of the whole answer: one choice tells its order, or many of both would cost their product.
            faults += [fault for each in islice(choices.values(), 1) if (fault := each.move(Signal.USAGE, chunk.index))]
    return Transcript(
        kind=kind,
        chunks=chunks,
        markers=markers,
        choices=tuple(choices[index].close() for index in sorted(choices)),
        usages=tuple(usages),
        errors=tuple(errors),
        out_of_order=tuple(faults),
    )
