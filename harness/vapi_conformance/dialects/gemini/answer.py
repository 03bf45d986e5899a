"""Gemini: bytes of an answer, streamed as events or as a JSON array, or whole, to a `Transcript`.

Never raises on what a server sends.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vapi_conformance.dialects.gemini.array import elements
from vapi_conformance.dialects.gemini.enums import meaning_of
from vapi_conformance.dialects.gemini.fields import Candidate, candidates_of, count_of, is_thought, parts_of
from vapi_conformance.dialects.gemini.order import TRANSITIONS, Signal, State
from vapi_conformance.dialects.gemini.partial_args import assembled
from vapi_conformance.dialects.reading import Answer, read_body, time_at
from vapi_conformance.dialects.transcript import (
    BodyKind,
    Choice,
    Chunk,
    Finish,
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
    integer_or_none,
    object_or_none,
    object_or_nothing,
    string_or_none,
)
from vapi_conformance.payload import parse

__all__ = ["read_answer"]

_NOTHING: Final[Mapping[str, object]] = {}


def read_answer(reads: Sequence[Read], *, media_type: str) -> Answer:
    """Body reads with content coding undone; the media type only decides where the bytes themselves do not."""

    def transcribe(kind: BodyKind, chunks: tuple[Chunk, ...], markers: tuple[Marker, ...]) -> Transcript:
        if kind == "json" and chunks[0].payload.raw.lstrip()[:1] == "[":
            return _transcribe("array", tuple(_elements(reads)), ())
        return _transcribe(kind, chunks, markers)

    return read_body(reads, media_type, transcribe)


def _elements(reads: Sequence[Read]) -> Iterator[Chunk]:
    """One chunk for each element of the array; it can be read when its last byte has come."""
    body, read_at = b"".join(read.data for read in reads), time_at(reads)
    for index, (start, end) in enumerate(elements(body)):
        yield Chunk(
            index=index,
            payload=parse(body[start:end].decode(errors="replace")),
            event_type="",
            start=start,
            end=end,
            at_ns=read_at(end),
        )


@dataclass(slots=True)
class _OpenCandidate:
    """A candidate while its chunks come in."""

    index: int
    state: State = State.IDLE
    content: list[TextDelta] = field(default_factory=list[TextDelta])
    reasoning: list[TextDelta] = field(default_factory=list[TextDelta])
    calls: list[list[ToolFragment]] = field(default_factory=list[list[ToolFragment]])
    is_call_open: bool = False
    """The newest call said that more of it comes."""
    roles: list[Role] = field(default_factory=list[Role])
    finishes: list[Finish] = field(default_factory=list[Finish])

    def take(self, chunk: Chunk, candidate: Candidate) -> list[Signal]:
        """One candidate of one chunk (or document); gives its signals in order."""
        content = object_or_nothing(candidate.fields.get("content"))
        if (role := content.get("role")) is not None:
            self.roles.append(Role(chunk=chunk.index, value=role))
        signals: list[Signal] = []
        for _, part in parts_of(candidate.fields):
            self._take_part(chunk, part)
            signals.append(Signal.PART)
        if (reason := candidate.fields.get("finishReason")) is not None:
            self.finishes.append(Finish(chunk=chunk.index, value=reason, meaning=meaning_of(reason), at_ns=chunk.at_ns))
            signals.append(Signal.FINISH_REASON)
        return signals or [Signal.METADATA]

    def move(self, signal: Signal, at: int) -> OutOfOrder | None:
        """Follow the table; gives what it has no place for, and stays."""
        following = TRANSITIONS[self.state].get(signal)
        if following is None:
            return OutOfOrder(chunk=at, choice=self.index, state=self.state, signal=signal)
        self.state = following
        return None

    def _take_part(self, chunk: Chunk, part: Mapping[str, object]) -> None:
        text = part.get("text")
        if isinstance(text, str) and text:
            deltas = self.reasoning if is_thought(part) else self.content
            deltas.append(TextDelta(chunk=chunk.index, text=text, at_ns=chunk.at_ns))
        call = object_or_none(part.get("functionCall"))
        if call is None:
            return
        fragment = ToolFragment(chunk=chunk.index, at_ns=chunk.at_ns, fields=call, function=_NOTHING)
        # A call is whole in one part; only where streamed arguments were asked for, the parts after it have no name.
        if self.is_call_open and call.get("name") is None:
            self.calls[-1].append(fragment)
        else:
            self.calls.append([fragment])
        self.is_call_open = call.get("willContinue") is True

    def close(self, *, escaped: bool) -> Choice:
        """The candidate as it stands at the end of the answer."""
        return Choice(
            index=self.index,
            content=tuple(self.content),
            reasoning=tuple(self.reasoning),
            tool_calls=tuple(
                _assemble(place, tuple(fragments), escaped=escaped) for place, fragments in enumerate(self.calls)
            ),
            roles=tuple(self.roles),
            finishes=tuple(self.finishes),
        )


def _assemble(place: int, fragments: tuple[ToolFragment, ...], *, escaped: bool) -> ToolCall:
    """`escaped`: some string holds half of a surrogate pair, which only an escape can carry on."""
    first = fragments[0].fields
    in_pieces = len(fragments) > 1 or first.get("partialArgs") is not None
    arguments: object = assembled(each.fields for each in fragments) if in_pieces else first.get("args")
    return ToolCall(
        index=place,
        id=string_or_none(first.get("id")),
        name=string_or_none(first.get("name")),
        # proto3 JSON may leave out what is empty.
        arguments="{}" if arguments is None else json.dumps(arguments, ensure_ascii=escaped),
        fragments=fragments,
    )


def _usage(chunk: Chunk, counts: Mapping[str, object]) -> UsageReport:
    prompt, candidates = integer_or_none(counts.get("promptTokenCount")), counts.get("candidatesTokenCount")
    thoughts = counts.get("thoughtsTokenCount")
    return UsageReport(
        chunk=chunk.index,
        counts=counts,
        # What tools of the service brought in is read by the model too, and counted beside the prompt.
        input_tokens=None if prompt is None else prompt + count_of(counts, "toolUsePromptTokenCount"),
        output_tokens=None
        if candidates is None and thoughts is None
        else count_of(counts, "candidatesTokenCount") + count_of(counts, "thoughtsTokenCount"),
        total_tokens=integer_or_none(counts.get("totalTokenCount")),
    )


def _transcribe(kind: BodyKind, chunks: tuple[Chunk, ...], markers: tuple[Marker, ...]) -> Transcript:
    candidates: dict[int, _OpenCandidate] = {}
    usages: list[UsageReport] = []
    errors: list[int] = []
    faults: list[OutOfOrder] = []
    for chunk in chunks:
        record = chunk.record or {}
        if record.get("error"):
            errors.append(chunk.index)
        for each in candidates_of(record):
            candidate = candidates.setdefault(each.index, _OpenCandidate(each.index))
            faults += [
                fault for signal in candidate.take(chunk, each) if (fault := candidate.move(signal, chunk.index))
            ]
        if (counts := object_or_none(record.get("usageMetadata"))) is not None:
            usages.append(_usage(chunk, counts))
    escaped = any(chunk.payload.lone_surrogates for chunk in chunks)
    return Transcript(
        kind=kind,
        chunks=chunks,
        markers=markers,
        choices=tuple(candidates[index].close(escaped=escaped) for index in sorted(candidates)),
        usages=tuple(usages),
        errors=tuple(errors),
        out_of_order=tuple(faults),
    )
