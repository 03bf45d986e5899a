"""The order of a Responses stream as tables: one for the response, one for an item, one for what an item holds.

    response.created -> [queued] -> in_progress -> items -> one terminal event
    item    := output_item.added -> body -> output_item.done
    part    := part.added -> deltas -> done -> part.done          (text, refusal, a summary of reasoning)
    body    := deltas -> done                                     (arguments, input, code; reasoning without a part)
    hosted  := in_progress -> working -> completed | failed

Each event gives its signals from the outside inwards: to the response, to its item, to the part. A part or body also
hears that its item closes. What a table has no place for is out of order.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal, NamedTuple

__all__ = ["EVENT_TYPES", "TERMINAL", "TRANSITIONS", "Place", "Signal", "State", "after", "place_of"]


class State(StrEnum):
    """Where a response, an item, a part, a body or a hosted call stands."""

    AWAITED = "before response.created"
    CREATED = "response created"
    QUEUED = "response queued"
    RUNNING = "response in progress"
    BROKEN = "after an error"
    ENDED = "after the terminal event"

    NO_ITEM = "before its item"
    ITEM_OPEN = "item open"
    ITEM_DONE = "item done"

    NO_PART = "before its part"
    PART_OPEN = "part open"
    PART_FULL = "text done"
    PART_DONE = "part done"

    BODY_OPEN = "before any of it"
    BODY_FLOWS = "in the middle of it"
    BODY_DONE = "after the whole of it"

    CALL_AWAITED = "before the call's progress"
    CALL_RUNS = "call in progress"
    CALL_OVER = "call over"


class Signal(StrEnum):
    """What an event says to one of them."""

    CREATED = "response.created"
    QUEUED = "response.queued"
    IN_PROGRESS = "response.in_progress"
    OUTPUT = "output"
    ERROR = "error"
    FAILED = "response.failed"
    ENDED = "the terminal event"

    ITEM_ADDED = "output_item.added"
    ITEM_BODY = "an event of the item"
    ITEM_DONE = "output_item.done"

    PART_ADDED = "part.added"
    DELTA = "delta"
    NOTE = "annotation"
    TEXT_DONE = "done"
    PART_DONE = "part.done"

    STARTS = "in_progress"
    WORKS = "working"
    OVER = "completed or failed"


# What is missing here is out of order. As for chat, a signal is listed wherever a first party sends it, and softer
# duties (in_progress before the first item) are rules, not rows. A failure may come at any time.
TRANSITIONS: Final[Mapping[State, Mapping[Signal, State]]] = {
    State.AWAITED: {Signal.CREATED: State.CREATED},
    State.CREATED: {
        Signal.QUEUED: State.QUEUED,
        Signal.IN_PROGRESS: State.RUNNING,
        Signal.OUTPUT: State.RUNNING,
        Signal.ERROR: State.BROKEN,
        Signal.FAILED: State.ENDED,
        Signal.ENDED: State.ENDED,
    },
    State.QUEUED: {
        Signal.IN_PROGRESS: State.RUNNING,
        Signal.OUTPUT: State.RUNNING,
        Signal.ERROR: State.BROKEN,
        Signal.FAILED: State.ENDED,
        Signal.ENDED: State.ENDED,
    },
    State.RUNNING: {
        Signal.OUTPUT: State.RUNNING,
        Signal.ERROR: State.BROKEN,
        Signal.FAILED: State.ENDED,
        Signal.ENDED: State.ENDED,
    },
    State.BROKEN: {Signal.FAILED: State.ENDED},
    State.ENDED: {},
    State.NO_ITEM: {Signal.ITEM_ADDED: State.ITEM_OPEN},
    State.ITEM_OPEN: {Signal.ITEM_BODY: State.ITEM_OPEN, Signal.ITEM_DONE: State.ITEM_DONE},
    State.ITEM_DONE: {},
    State.NO_PART: {Signal.PART_ADDED: State.PART_OPEN},
    State.PART_OPEN: {
        Signal.DELTA: State.PART_OPEN,
        Signal.NOTE: State.PART_OPEN,
        Signal.TEXT_DONE: State.PART_FULL,
    },
    State.PART_FULL: {Signal.NOTE: State.PART_FULL, Signal.PART_DONE: State.PART_DONE},
    State.PART_DONE: {Signal.ITEM_DONE: State.PART_DONE},
    State.BODY_OPEN: {
        Signal.DELTA: State.BODY_FLOWS,
        Signal.TEXT_DONE: State.BODY_DONE,
        Signal.ITEM_DONE: State.BODY_DONE,
    },
    State.BODY_FLOWS: {Signal.DELTA: State.BODY_FLOWS, Signal.TEXT_DONE: State.BODY_DONE},
    State.BODY_DONE: {Signal.ITEM_DONE: State.BODY_DONE},
    State.CALL_AWAITED: {Signal.STARTS: State.CALL_RUNS},
    State.CALL_RUNS: {
        Signal.STARTS: State.CALL_RUNS,  # OpenAI repeats mcp_call.in_progress
        Signal.WORKS: State.CALL_RUNS,
        Signal.OVER: State.CALL_OVER,
    },
    State.CALL_OVER: {Signal.ITEM_DONE: State.CALL_OVER},
}

# Where a signal leads that had no place: on, so that one fault is told once and not by everything that follows it.
_RECOVERY: Final[Mapping[Signal, State]] = {
    Signal.CREATED: State.CREATED,
    Signal.ITEM_ADDED: State.ITEM_OPEN,
    Signal.PART_ADDED: State.PART_OPEN,
    Signal.PART_DONE: State.PART_DONE,
}
_RECOVERY_OF: Final[Mapping[tuple[State, Signal], State]] = {
    (State.ITEM_DONE, Signal.ITEM_ADDED): State.ITEM_DONE,
    (State.PART_FULL, Signal.PART_ADDED): State.PART_FULL,
    (State.PART_DONE, Signal.PART_ADDED): State.PART_DONE,
    (State.CREATED, Signal.CREATED): State.CREATED,
    (State.QUEUED, Signal.CREATED): State.QUEUED,
    (State.RUNNING, Signal.CREATED): State.RUNNING,
    (State.BROKEN, Signal.CREATED): State.BROKEN,
    (State.ENDED, Signal.CREATED): State.ENDED,
    (State.AWAITED, Signal.ERROR): State.BROKEN,
    (State.AWAITED, Signal.FAILED): State.ENDED,
    (State.AWAITED, Signal.ENDED): State.ENDED,
    (State.BROKEN, Signal.ENDED): State.ENDED,
    (State.NO_ITEM, Signal.ITEM_DONE): State.ITEM_DONE,
    (State.NO_PART, Signal.TEXT_DONE): State.PART_FULL,
    (State.CALL_AWAITED, Signal.WORKS): State.CALL_RUNS,
    (State.CALL_AWAITED, Signal.OVER): State.CALL_OVER,
}


def after(state: State, signal: Signal) -> tuple[State, bool]:
    """The state that follows, and whether the signal was in order."""
    following = TRANSITIONS[state].get(signal)
    if following is not None:
        return following, True
    return _RECOVERY_OF.get((state, signal), _RECOVERY.get(signal, state)), False


Scope = Literal["response", "item", "content", "summary", "body", "hosted", "other", "unknown"]


class Place(NamedTuple):
    """Which table an event type belongs to, and what it says there."""

    scope: Scope
    signal: Signal
    subject: str = ""
    """What a body or a hosted call is called: `function_call_arguments`, `web_search_call`."""
    text: str = ""
    """The key that holds the increment, or the whole text."""


TERMINAL: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})

_FIXED: Final[Mapping[str, Place]] = {
    "error": Place("response", Signal.ERROR),
    "response.created": Place("response", Signal.CREATED),
    "response.queued": Place("response", Signal.QUEUED),
    "response.in_progress": Place("response", Signal.IN_PROGRESS),
    "response.completed": Place("response", Signal.ENDED),
    "response.incomplete": Place("response", Signal.ENDED),
    "response.failed": Place("response", Signal.FAILED),
    "response.output_item.added": Place("item", Signal.ITEM_ADDED),
    "response.output_item.done": Place("item", Signal.ITEM_DONE),
    "response.content_part.added": Place("content", Signal.PART_ADDED),
    "response.content_part.done": Place("content", Signal.PART_DONE),
    "response.output_text.delta": Place("content", Signal.DELTA, "output_text", "delta"),
    "response.output_text.done": Place("content", Signal.TEXT_DONE, "output_text", "text"),
    "response.output_text.annotation.added": Place("content", Signal.NOTE, "output_text"),
    "response.refusal.delta": Place("content", Signal.DELTA, "refusal", "delta"),
    "response.refusal.done": Place("content", Signal.TEXT_DONE, "refusal", "refusal"),
    "response.reasoning_text.delta": Place("content", Signal.DELTA, "reasoning_text", "delta"),
    "response.reasoning_text.done": Place("content", Signal.TEXT_DONE, "reasoning_text", "text"),
    "response.reasoning_summary_part.added": Place("summary", Signal.PART_ADDED),
    "response.reasoning_summary_part.done": Place("summary", Signal.PART_DONE),
    "response.reasoning_summary_text.delta": Place("summary", Signal.DELTA, "summary_text", "delta"),
    "response.reasoning_summary_text.done": Place("summary", Signal.TEXT_DONE, "summary_text", "text"),
}
_BODIES: Final[Mapping[str, str]] = {
    "function_call_arguments": "arguments",
    "custom_tool_call_input": "input",
    "mcp_call_arguments": "arguments",
    "code_interpreter_call_code": "code",
}
"""To the key of the event that holds the whole."""
_HOSTED: Final[Mapping[str, tuple[str, ...]]] = {
    "code_interpreter_call": ("in_progress", "interpreting", "completed"),
    "file_search_call": ("in_progress", "searching", "completed"),
    "image_generation_call": ("in_progress", "generating", "partial_image", "completed"),
    "mcp_call": ("in_progress", "completed", "failed"),
    "mcp_list_tools": ("in_progress", "completed", "failed"),
    "web_search_call": ("in_progress", "searching", "completed"),
}
_PROGRESS: Final[Mapping[str, Signal]] = {
    "in_progress": Signal.STARTS,
    "searching": Signal.WORKS,
    "interpreting": Signal.WORKS,
    "generating": Signal.WORKS,
    "partial_image": Signal.WORKS,
    "completed": Signal.OVER,
    "failed": Signal.OVER,
}
_OTHER: Final = (
    "keepalive",  # in no description, and sent by OpenAI on long answers: openai-node, issue 1964
    "response.audio.delta",
    "response.audio.done",
    "response.audio.transcript.delta",
    "response.audio.transcript.done",
    "response.compaction.compacting",
    "response.shell_call_command.added",
    "response.shell_call_command.delta",
    "response.shell_call_command.done",
    "response.shell_call_output_content.delta",
    "response.shell_call_output_content.done",
)

EVENT_TYPES: Final = frozenset(
    (
        *_FIXED,
        *_OTHER,
        *(f"response.{name}.{end}" for name in _BODIES for end in ("delta", "done")),
        *(f"response.{name}.{stage}" for name, stages in _HOSTED.items() for stage in stages),
    )
)
"""Every event type that is described, or that the API's owner was seen to send."""

_BODY_TYPE: Final = re.compile(r"response\.([a-z_]+)\.(delta|done)")
_HOSTED_TYPE: Final = re.compile(r"response\.([a-z_]+)\.([a-z_]+)")


def place_of(event_type: str) -> Place:
    """Unknown types belong to the item that they name, if they name one."""
    if (fixed := _FIXED.get(event_type)) is not None:
        return fixed
    body = _BODY_TYPE.fullmatch(event_type)
    if body is not None and body[1] in _BODIES:
        ends = body[2] == "done"
        return Place("body", Signal.TEXT_DONE if ends else Signal.DELTA, body[1], _BODIES[body[1]] if ends else "delta")
    hosted = _HOSTED_TYPE.fullmatch(event_type)
    if hosted is not None and hosted[2] in _HOSTED.get(hosted[1], ()):
        return Place("hosted", _PROGRESS[hosted[2]], hosted[1])
    return Place("other" if event_type in _OTHER else "unknown", Signal.ITEM_BODY)
