"""What the faults of a Vapi backend are built from: which message is meant, and what happens to its answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server.answer import Write
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.editing import Shelf, body_of, with_answer
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import objects_of
from vapi_reference_server.webhooks.message import message_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from vapi_reference_server.answer import Answer
    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.work import Work

__all__ = [
    "CALLS",
    "asked_again",
    "at_stage",
    "each_result",
    "kind_of",
    "on",
    "results",
    "wait",
    "when",
    "whole",
    "without",
]

CALLS = "tool-calls"


def at_stage(stage: Stage) -> Shelf:
    """The shelf of this dialect's faults that belong to a stage."""
    return Shelf(SeenOn.SPECIAL, stage, dialect=DialectName.SERVER_MESSAGES)


def kind_of(work: Work) -> str:
    """The type of the message; empty before it is read."""
    return str((message_of(work.body) or {}).get("type", ""))


def on(kind: str, edit: Edit) -> Edit:
    """The edit of the answers to messages of this type."""

    def edit_those(work: Work) -> None:
        if kind_of(work) == kind:
            edit(work)

    return edit_those


def when(is_meant: Callable[[JsonObject], bool], edit: Edit) -> Edit:
    """The edit of the answers to such messages among the `tool-calls`."""

    def edit_those(work: Work) -> None:
        if kind_of(work) == CALLS and is_meant(message_of(work.body) or {}):
            edit(work)

    return edit_those


def asked_again(edit: Edit) -> Edit:
    """The edit of all answers but the first of a call."""

    def edit_those(work: Work) -> None:
        if work.call is not None and work.call.requests > 1:
            edit(work)

    return edit_those


def whole(kind: str, change: Callable[[JsonObject], JsonObject]) -> Edit:
    """The edit of the whole document."""

    def edit(work: Work) -> None:
        work.completion = change(work.completion)

    return on(kind, edit)


def results(change: Callable[[list[JsonObject]], list[JsonObject]]) -> Edit:
    """The edit of the list of results."""
    return whole(CALLS, lambda record: {"results": change(objects_of(record, "results"))})


def each_result(change: Callable[[JsonObject], JsonObject]) -> Edit:
    """The edit of each result."""
    return results(lambda listed: [change(result) for result in listed])


def without(record: JsonObject, key: str) -> JsonObject:
    """The object without this key."""
    return {name: value for name, value in record.items() if name != key}


def wait(work: Work) -> None:
    """Let the body come so many seconds later."""

    def late(answer: Answer, _work: Work) -> Answer:
        return replace(answer, writes=[Write(data=body_of(answer), after_s=work.seconds)])

    with_answer(late)(work)
