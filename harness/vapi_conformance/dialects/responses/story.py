"""What a Responses answer tells, event by event or whole: its items, what they hold, and what came out of order.

The same for a stream and for one document, so that rules on the response object are written once. Never raises on
what a server sends; linear in the number of events; holds references to what was parsed and nothing besides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from vapi_conformance.dialects.responses.order import Place, Signal, State, after, place_of
from vapi_conformance.dialects.transcript import Chunk, Transcript
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_none, object_or_nothing, string_or_none

__all__ = ["Event", "Fault", "Item", "Story", "StoryTranscript", "Unit", "story_of_document", "story_of_stream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the stream, or the document of a whole answer (`type` is empty then)."""

    chunk: Chunk
    type: str
    place: Place
    fields: Mapping[str, object]

    @property
    def response(self) -> Mapping[str, object] | None:
        """The response that it carries; of a document, itself."""
        return object_or_none(self.fields.get("response")) if self.type else self.fields

    @property
    def item(self) -> Mapping[str, object]:
        """The item that it carries, or an empty one."""
        return object_or_nothing(self.fields.get("item"))

    @property
    def part(self) -> Mapping[str, object]:
        """The part that it carries, or an empty one."""
        return object_or_nothing(self.fields.get("part"))

    @property
    def text(self) -> str | None:
        """The increment, or the whole text, where it has one."""
        return string_or_none(self.fields.get(self.place.text)) if self.place.text else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Something that is sent in deltas: a part of an item, or a body such as the arguments of a call."""

    scope: str
    """`content`, `summary` or `body`."""
    subject: str
    """`output_text`, `refusal`, `reasoning_text`, `summary_text`, or the body's name; of the first event that says."""
    index: int
    """`content_index` or `summary_index`; 0 for a body."""
    added: tuple[Event, ...]
    deltas: tuple[Event, ...]
    notes: tuple[Event, ...]
    done: tuple[Event, ...]
    """With the whole text."""
    closed: tuple[Event, ...]
    """`part.done`."""

    @property
    def joined(self) -> str:
        """All deltas."""
        return "".join(text for each in self.deltas if (text := each.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of the output, as it was streamed."""

    index: int
    added: tuple[Event, ...]
    done: tuple[Event, ...]
    units: tuple[Unit, ...]
    hosted: tuple[Event, ...]
    """Progress of a call that the service makes itself."""
    events: tuple[Event, ...]
    """All that name it, these included, in wire order."""

    @property
    def type(self) -> str | None:
        """As the first event says that has the item."""
        sent = (each.item.get("type") for each in (*self.added, *self.done))
        return next((each for each in sent if isinstance(each, str)), None)


class Fault(NamedTuple):
    """A signal that the tables have no place for."""

    event: Event
    state: State
    signal: Signal
    unit: str = ""
    """The subject, where it is about a part, a body or a hosted call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything in wire order."""

    events: tuple[Event, ...] = ()
    items: tuple[Item, ...] = ()
    """In the order in which they were first named."""
    faults: tuple[Fault, ...] = ()

    @property
    def ends(self) -> tuple[Event, ...]:
        """Terminal events; of a whole answer its document."""
        return tuple(each for each in self.events if each.place.signal in (Signal.ENDED, Signal.FAILED))

    @property
    def output(self) -> tuple[object, ...]:
        """The items of the first terminal event, or of the document, as sent."""
        for each in self.ends[:1]:
            return tuple(array_or_nothing(object_or_nothing(each.response).get("output")))
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryTranscript(Transcript):
    """A transcript with all that this API's own rules look at."""

    story: Story


def story_of_document(chunk: Chunk) -> Story:
    """A whole answer is its own end."""
    fields = chunk.record
    if fields is None:
        return Story()
    return Story(events=(Event(chunk=chunk, type="", place=Place("response", Signal.ENDED), fields=fields),))


def story_of_stream(chunks: Iterable[Chunk]) -> Story:
    """Payloads that are no objects tell nothing."""
    telling = _Telling()
    for chunk in chunks:
        if (fields := chunk.record) is not None:
            telling.take(_event(chunk, fields))
    return telling.close()


def _event(chunk: Chunk, fields: Mapping[str, object]) -> Event:
    # Clients read `type`. Where it is missing the event line may name it, so that the gap is told once, by its rule.
    named = chunk.event_type if chunk.event_type == "error" or chunk.event_type.startswith("response.") else ""
    event_type = string_or_none(fields.get("type")) or named or "?"
    return Event(chunk=chunk, type=event_type, place=place_of(event_type), fields=fields)


@dataclass(slots=True)
class _OpenUnit:
    scope: str
    index: int
    state: State
    subject: str = ""
    added: list[Event] = field(default_factory=list[Event])
    deltas: list[Event] = field(default_factory=list[Event])
    notes: list[Event] = field(default_factory=list[Event])
    done: list[Event] = field(default_factory=list[Event])
    closed: list[Event] = field(default_factory=list[Event])

    def take(self, event: Event) -> None:
        kept = {
            Signal.PART_ADDED: self.added,
            Signal.DELTA: self.deltas,
            Signal.NOTE: self.notes,
            Signal.TEXT_DONE: self.done,
            Signal.PART_DONE: self.closed,
        }
        kept[event.place.signal].append(event)
        self.subject = self.subject or event.place.subject or string_or_none(event.part.get("type")) or ""

    def close(self) -> Unit:
        return Unit(
            scope=self.scope,
            subject=self.subject,
            index=self.index,
            added=tuple(self.added),
            deltas=tuple(self.deltas),
            notes=tuple(self.notes),
            done=tuple(self.done),
            closed=tuple(self.closed),
        )


_UnitKey = tuple[str, str | int]


@dataclass(slots=True)
class _OpenItem:
    index: int
    state: State = State.NO_ITEM
    hosted_state: State = State.CALL_AWAITED
    added: list[Event] = field(default_factory=list[Event])
    done: list[Event] = field(default_factory=list[Event])
    hosted: list[Event] = field(default_factory=list[Event])
    events: list[Event] = field(default_factory=list[Event])
    units: dict[_UnitKey, _OpenUnit] = field(default_factory=dict[_UnitKey, _OpenUnit])

    def unit(self, event: Event) -> _OpenUnit:
        """The part or body that an event is about."""
        place = event.place
        key = "summary_index" if place.scope == "summary" else "content_index"
        index = 0 if place.scope == "body" else integer_or_none(event.fields.get(key)) or 0
        slot: _UnitKey = (place.scope, place.subject if place.scope == "body" else index)
        # Open models send the text of their reasoning with or without a part around it.
        bare = place.scope == "body"
        if place.subject == "reasoning_text" and slot not in self.units:
            slot, bare = ("reasoning_text", index), True
        if slot not in self.units:
            start = State.BODY_OPEN if bare else State.NO_PART
            self.units[slot] = _OpenUnit(scope="body" if bare else place.scope, index=index, state=start)
        return self.units[slot]

    def close(self) -> Item:
        return Item(
            index=self.index,
            added=tuple(self.added),
            done=tuple(self.done),
            units=tuple(unit.close() for unit in self.units.values()),
            hosted=tuple(self.hosted),
            events=tuple(self.events),
        )


_OF_AN_ITEM: Final = frozenset({"item", "content", "summary", "body", "hosted"})


@dataclass(slots=True)
class _Telling:
    """A story while its events come in."""

    state: State = State.AWAITED
    events: list[Event] = field(default_factory=list[Event])
    items: dict[int, _OpenItem] = field(default_factory=dict[int, _OpenItem])
    index_of_id: dict[str, int] = field(default_factory=dict[str, int])
    faults: list[Fault] = field(default_factory=list[Fault])

    def take(self, event: Event) -> None:
        self.events.append(event)
        place = event.place
        if place.scope == "response":
            self._move_response(event, place.signal)
            return
        if place.scope not in _OF_AN_ITEM and "output_index" not in event.fields:
            return
        if self._move_response(event, Signal.OUTPUT):
            self._take_of_item(event)

    def close(self) -> Story:
        return Story(
            events=tuple(self.events),
            items=tuple(item.close() for item in self.items.values()),
            faults=tuple(self.faults),
        )

    def _move_response(self, event: Event, signal: Signal) -> bool:
        """Whether the event is part of the answer: what comes after its end is told as that and as nothing else."""
        self.state, fits = self._moved(self.state, signal, event)
        return fits or self.state is State.AWAITED

    def _moved(self, state: State, signal: Signal, event: Event, unit: str = "") -> tuple[State, bool]:
        following, fits = after(state, signal)
        if not fits:
            self.faults.append(Fault(event, state, signal, unit))
        return following, fits

    def _item(self, event: Event) -> _OpenItem | None:
        """By its index; by its id where the index is missing, which is another rule's business."""
        index = integer_or_none(event.fields.get("output_index"))
        item_id = string_or_none(event.fields.get("item_id"))
        if index is None:
            if event.place.signal is Signal.ITEM_ADDED:
                index = len(self.items)
            else:
                own_id = string_or_none(event.item.get("id"))
                index = self.index_of_id.get(item_id or own_id or "")
        if index is None:
            return None
        return self.items.setdefault(index, _OpenItem(index))

    def _take_of_item(self, event: Event) -> None:
        item = self._item(event)
        if item is None:
            return
        item.events.append(event)
        place = event.place
        if place.scope == "item":
            self._take_frame(item, event)
            return
        item.state, fits = self._moved(item.state, Signal.ITEM_BODY, event)
        if place.scope == "hosted":
            item.hosted.append(event)
            item.hosted_state, _ = self._moved(item.hosted_state, place.signal, event, place.subject)
        elif place.scope in ("content", "summary", "body"):
            unit = item.unit(event)
            unit.take(event)
            # Of an item that is not there, or no more, that alone is told.
            if fits:
                unit.state, _ = self._moved(unit.state, place.signal, event, unit.subject)

    def _take_frame(self, item: _OpenItem, event: Event) -> None:
        """`output_item.added` and `.done`."""
        adds = event.place.signal is Signal.ITEM_ADDED
        (item.added if adds else item.done).append(event)
        if adds and (own_id := string_or_none(event.item.get("id"))) is not None:
            self.index_of_id.setdefault(own_id, item.index)
        item.state, fits = self._moved(item.state, event.place.signal, event)
        if adds or not fits:
            return
        for unit in item.units.values():
            unit.state, _ = self._moved(unit.state, Signal.ITEM_DONE, event, unit.subject)
        if item.hosted and event.item.get("type") == item.hosted[0].place.subject:
            item.hosted_state, _ = self._moved(item.hosted_state, Signal.ITEM_DONE, event, item.hosted[0].place.subject)
