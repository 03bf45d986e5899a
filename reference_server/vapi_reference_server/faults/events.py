"""Small changes to streams of typed events, to build faults from. Each event is changed for itself: what two of them
share, as the last event of a response shares its items with those before, is parted first.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeAlias

from vapi_reference_server.json_values import as_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vapi_reference_server.faults.editing import Change, Edit, Pick
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.work import Work

Rewrite: TypeAlias = "Callable[[list[JsonObject]], Iterable[JsonObject]]"


def rewritten(rewrite: Rewrite) -> Edit:
    """The edit of the whole list of events. Where they are numbered, they are numbered anew."""

    def edit(work: Work) -> None:
        work.chunks = list(rewrite([copy.deepcopy(event) for event in work.chunks]))
        for number, event in enumerate(work.chunks):
            if "sequence_number" in event:
                work.chunks[number] = {**event, "sequence_number": number}

    return edit


def changed(change: Change, *types: str) -> Edit:
    """The edit that changes each event of these types; of any type where none is named."""

    def rewrite(events: list[JsonObject]) -> list[JsonObject]:
        for event in events:
            if not types or event["type"] in types:
                change(event)
        return events

    return rewritten(rewrite)


def first_changed(change: Change, *types: str) -> Edit:
    """The edit that changes the first event of these types."""

    def rewrite(events: list[JsonObject]) -> list[JsonObject]:
        for event in events:
            if event["type"] in types:
                change(event)
                break
        return events

    return rewritten(rewrite)


def last_changed(change: Change, *types: str) -> Edit:
    """The edit that changes the last event of these types."""

    def rewrite(events: list[JsonObject]) -> list[JsonObject]:
        for event in reversed(events):
            if event["type"] in types:
                change(event)
                break
        return events

    return rewritten(rewrite)


def without(*types: str) -> Edit:
    """The edit that leaves events out."""
    return rewritten(lambda events: [event for event in events if event["type"] not in types])


def twice(kind: str) -> Edit:
    """The edit that sends each event of a type twice."""
    return rewritten(lambda events: [event for event in events for _ in range(1 + (event["type"] == kind))])


def added(after: str, event: JsonObject) -> Edit:
    """The edit that puts one more event behind the first of a type."""

    def rewrite(events: list[JsonObject]) -> list[JsonObject]:
        at = place(events, after)
        return [*events[: at + 1], copy.deepcopy(event), *events[at + 1 :]]

    return rewritten(rewrite)


def swapped(first: str, second: str) -> Edit:
    """The edit that exchanges the first event of a type with the first of another."""

    def rewrite(events: list[JsonObject]) -> list[JsonObject]:
        left, right = place(events, first), place(events, second)
        events[left], events[right] = events[right], events[left]
        return events

    return rewritten(rewrite)


def place(events: Sequence[JsonObject], kind: str) -> int:
    """Where the first event of a type stands; behind the last one where there is none."""
    return next((at for at, event in enumerate(events) if event["type"] == kind), len(events) - 1)


def inside(change: Change, *keys: str) -> Change:
    """The change of the object at the end of these keys, where there is one."""

    def deep(owner: JsonObject) -> None:
        found: JsonObject | None = owner
        for key in keys:
            found = None if found is None else as_object(found.get(key))
        if found is not None:
            change(found)

    return deep


def within(pick: Pick, change: Change, *keys: str) -> Edit:
    """The edit of the objects at the end of these keys, in each of the picked objects."""

    def edit(work: Work) -> None:
        for item in pick(work):
            inside(change, *keys)(item)

    return edit
