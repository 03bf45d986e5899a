"""Responses: bytes of an answer, streamed or whole, to a `Transcript`. Never raises on what a server sends.

All output is one choice. What a caller hears is the text of the messages; `function_call` and `custom_tool_call` are
the calls that the asker has to make; calls that the service makes itself are progress, not answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vapi_conformance.dialects.reading import Answer, read_body
from vapi_conformance.dialects.responses.order import Signal
from vapi_conformance.dialects.responses.story import (
    Event,
    Item,
    Story,
    StoryTranscript,
    Unit,
    story_of_document,
    story_of_stream,
)
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

__all__ = ["CALL_TYPES", "read_answer"]

CALL_TYPES: Final[Mapping[str, str]] = {"function_call": "arguments", "custom_tool_call": "input"}
"""Items that the asker answers, to the key of what they are called with."""

_BODIES: Final = frozenset({"function_call_arguments", "custom_tool_call_input"})
_SPOKEN: Final[Mapping[str, str]] = {"output_text": "text", "refusal": "refusal"}
_REASONING: Final = frozenset({"reasoning_text", "summary_text"})


def read_answer(reads: Sequence[Read], *, media_type: str) -> Answer:
    """Body reads with content coding undone; the media type only decides where the bytes themselves do not."""
    return read_body(reads, media_type, _transcribe)


def _transcribe(kind: BodyKind, chunks: tuple[Chunk, ...], markers: tuple[Marker, ...]) -> Transcript:
    if kind == "stream":
        story = story_of_stream(chunks)
        choice = _streamed(story)
    else:
        story = story_of_document(chunks[0]) if chunks and kind == "json" else Story()
        choice = _whole(story)
    return StoryTranscript(
        kind=kind,
        chunks=chunks,
        markers=markers,
        choices=() if choice is None else (choice,),
        usages=tuple(_usages(story)),
        errors=tuple(_errors(story)),
        out_of_order=tuple(
            OutOfOrder(chunk=each.event.chunk.index, choice=0, state=each.state, signal=each.signal)
            for each in story.faults
        ),
        story=story,
    )


def _usages(story: Story) -> Iterator[UsageReport]:
    for event in story.events:
        counts = object_or_none(object_or_nothing(event.response).get("usage"))
        if counts is not None:
            yield UsageReport(
                chunk=event.chunk.index,
                counts=counts,
                input_tokens=integer_or_none(counts.get("input_tokens")),
                output_tokens=integer_or_none(counts.get("output_tokens")),
                total_tokens=integer_or_none(counts.get("total_tokens")),
            )


def _errors(story: Story) -> Iterator[int]:
    """Error events, failures, and what clients take for an error: a top-level `error` that is not empty."""
    for event in story.events:
        if not event.type:
            if event.fields.get("error") and event.fields.get("object") != "response":
                yield event.chunk.index
        elif event.place.signal in (Signal.ERROR, Signal.FAILED) or event.fields.get("error"):
            yield event.chunk.index


def _finishes(story: Story, *, calls: bool) -> Iterator[Finish]:
    for event in story.ends:
        response = object_or_nothing(event.response)
        status = response.get("status")
        if event.type or status is not None:
            # On a stream clients go by the event; that its status agrees is a rule.
            named = event.type.removeprefix("response.") or status
            yield Finish(
                chunk=event.chunk.index,
                value=named if status is None else status,
                meaning=_meaning(named, response, calls=calls),
                at_ns=event.chunk.at_ns,
            )


def _meaning(named: object, response: Mapping[str, object], *, calls: bool) -> FinishMeaning | None:
    match named:
        case "completed":
            return "tool_calls" if calls else "stop"
        case "incomplete":
            reason = object_or_nothing(response.get("incomplete_details")).get("reason")
            return "content_filter" if reason == "content_filter" else "length"
        case "failed" | "cancelled":
            return "failed"
        case _:
            return None


# --- streams -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Texts:
    """What is said, in wire order."""

    content: list[TextDelta] = field(default_factory=list[TextDelta])
    refusal: list[TextDelta] = field(default_factory=list[TextDelta])
    reasoning: list[TextDelta] = field(default_factory=list[TextDelta])

    def take(self, event: Event, text: str | None) -> None:
        kept = {"output_text": self.content, "refusal": self.refusal}.get(event.place.subject, self.reasoning)
        if text:
            kept.append(TextDelta(chunk=event.chunk.index, text=text, at_ns=event.chunk.at_ns))


def _streamed(story: Story) -> Choice | None:
    if not story.events:
        return None
    texts = _Texts()
    bearers = [event for item in story.items for unit in item.units for event in _bearers(unit)]
    for event in sorted(bearers, key=lambda each: each.chunk.index):
        texts.take(event, event.text)
    calls = tuple(call for item in story.items if (call := _streamed_call(item)) is not None)
    finishes = tuple(_finishes(story, calls=bool(calls)))
    if not (story.items or finishes):
        return None
    return Choice(
        index=0,
        content=tuple(texts.content),
        refusal=tuple(texts.refusal),
        reasoning=tuple(texts.reasoning),
        tool_calls=calls,
        roles=tuple(_streamed_roles(story)),
        finishes=finishes,
    )


def _bearers(unit: Unit) -> Sequence[Event]:
    """The events that bring a text: its deltas, or the one that holds the whole where there is no delta."""
    if unit.subject not in _SPOKEN and unit.subject not in _REASONING:
        return ()
    return unit.deltas or unit.done[:1]


def _streamed_roles(story: Story) -> Iterator[Role]:
    for item in story.items:
        for event in item.added[:1]:
            if (role := event.item.get("role")) is not None:
                yield Role(chunk=event.chunk.index, value=role)


def _streamed_call(item: Item) -> ToolCall | None:
    units = [unit for unit in item.units if unit.subject in _BODIES]
    if item.type not in CALL_TYPES and not units:
        return None
    framed = [*item.added, *item.done]
    key = CALL_TYPES.get(item.type or "", "arguments")
    joined = "".join(unit.joined for unit in units)
    bearers = [event for unit in units for event in unit.deltas]
    if not joined:
        # A server may send arguments whole: in the event that ends them, or only with the item.
        later = [*(event for unit in units for event in unit.done), *item.done, *item.added]
        found = next(((event, text) for event in later if (text := _sent_input(event, key))), None)
        joined, bearers = (found[1], [found[0]]) if found else ("", [])
    pieces = {event.chunk.index: event for event in (*item.added[:1], *bearers)}
    if not pieces:
        pieces = {event.chunk.index: event for event in item.events[:1]}
    return ToolCall(
        index=item.index,
        id=_first_string(framed, "call_id"),
        name=_first_string(framed, "name"),
        arguments=joined,
        fragments=tuple(_fragment(pieces[at]) for at in sorted(pieces)),
    )


def _sent_input(event: Event, key: str) -> str | None:
    return event.text if event.place.text else string_or_none(event.item.get(key))


def _first_string(events: Sequence[Event], key: str) -> str | None:
    values = (string_or_none(event.item.get(key)) for event in events)
    return next((value for value in values if value), None)


def _fragment(event: Event) -> ToolFragment:
    fields = event.item or event.fields
    return ToolFragment(chunk=event.chunk.index, at_ns=event.chunk.at_ns, fields=fields, function={})


# --- whole answers -----------------------------------------------------------------------------------------------


def _whole(story: Story) -> Choice | None:
    if not story.events or "output" not in story.events[0].fields:
        return None
    event = story.events[0]
    items = [object_or_nothing(each) for each in story.output]
    texts = _Texts()
    for item in items:
        _take_texts(texts, event, item)
    kinds = tuple(CALL_TYPES)  # and no look-up in the mapping: a type that is a list has no hash
    calls = tuple(_whole_call(event, item, index) for index, item in enumerate(items) if item.get("type") in kinds)
    roles = (item.get("role") for item in items)
    return Choice(
        index=0,
        content=tuple(texts.content),
        refusal=tuple(texts.refusal),
        reasoning=tuple(texts.reasoning),
        tool_calls=calls,
        roles=tuple(Role(chunk=event.chunk.index, value=role) for role in roles if role is not None),
        finishes=tuple(_finishes(story, calls=bool(calls))),
    )


def _take_texts(texts: _Texts, event: Event, item: Mapping[str, object]) -> None:
    is_message = item.get("type") == "message"
    for part in map(
        object_or_nothing, (*array_or_nothing(item.get("content")), *array_or_nothing(item.get("summary")))
    ):
        kind = part.get("type")
        if is_message and isinstance(kind, str) and kind in _SPOKEN:
            kept = texts.refusal if kind == "refusal" else texts.content
            text = string_or_none(part.get(_SPOKEN[kind]))
        elif not is_message and kind in _REASONING:
            kept, text = texts.reasoning, string_or_none(part.get("text"))
        else:
            continue
        if text:
            kept.append(TextDelta(chunk=event.chunk.index, text=text, at_ns=event.chunk.at_ns))


def _whole_call(event: Event, item: Mapping[str, object], index: int) -> ToolCall:
    fragment = ToolFragment(chunk=event.chunk.index, at_ns=event.chunk.at_ns, fields=item, function={})
    return ToolCall(
        index=index,
        id=string_or_none(item.get("call_id")) or None,
        name=string_or_none(item.get("name")) or None,
        arguments=string_or_none(item.get(CALL_TYPES[str(item.get("type"))])) or "",
        fragments=(fragment,),
    )
