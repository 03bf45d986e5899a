"""The order of a Messages stream as a table: the message opens, blocks come one by one, its end is told, it stops."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.narrow import string_or_none

__all__ = ["AFTER_FAULT", "TRANSITIONS", "Signal", "State", "is_error", "signal_of", "type_of"]


class Signal(StrEnum):
    """What an event says; one each. Events of other types say nothing about order, and clients skip them."""

    MESSAGE_START = "message_start"
    BLOCK_START = "content_block_start"
    BLOCK_DELTA = "content_block_delta"
    BLOCK_STOP = "content_block_stop"
    MESSAGE_DELTA = "message_delta"
    MESSAGE_STOP = "message_stop"
    PING = "ping"
    ERROR = "error"


class State(StrEnum):
    """Where the message stands."""

    IDLE = "idle"
    BETWEEN_BLOCKS = "between blocks"
    IN_BLOCK = "in a block"
    ENDING = "ending"
    """`message_delta` has said why."""
    STOPPED = "stopped"
    FAILED = "failed"


# What is missing here is out of order. A message without any block is legal (content [] with end_turn was recorded),
# several message_delta are (documented, never recorded), and a ping may come anywhere between start and stop.
TRANSITIONS: Final[Mapping[State, Mapping[Signal, State]]] = {
    State.IDLE: {Signal.MESSAGE_START: State.BETWEEN_BLOCKS, Signal.ERROR: State.FAILED},
    State.BETWEEN_BLOCKS: {
        Signal.BLOCK_START: State.IN_BLOCK,
        Signal.MESSAGE_DELTA: State.ENDING,
        Signal.PING: State.BETWEEN_BLOCKS,
        Signal.ERROR: State.FAILED,
    },
    State.IN_BLOCK: {
        Signal.BLOCK_DELTA: State.IN_BLOCK,
        Signal.BLOCK_STOP: State.BETWEEN_BLOCKS,
        Signal.PING: State.IN_BLOCK,
        Signal.ERROR: State.FAILED,
    },
    State.ENDING: {
        Signal.MESSAGE_DELTA: State.ENDING,
        Signal.MESSAGE_STOP: State.STOPPED,
        Signal.PING: State.ENDING,
        Signal.ERROR: State.FAILED,
    },
    State.STOPPED: {},
    State.FAILED: {},
}

AFTER_FAULT: Final[Mapping[Signal, State]] = {
    Signal.BLOCK_START: State.IN_BLOCK,
    Signal.BLOCK_DELTA: State.IN_BLOCK,
    Signal.BLOCK_STOP: State.BETWEEN_BLOCKS,
    Signal.MESSAGE_DELTA: State.ENDING,
    Signal.MESSAGE_STOP: State.STOPPED,
}
"""Where a stream is taken to be after a signal that was out of order, so that one fault is told once. Other signals
change nothing, and from the two ends nothing leads away."""


def type_of(chunk: Chunk) -> str | None:
    """What kind of event a chunk is: its `type`, which clients read, else the name of the event."""
    declared = string_or_none((chunk.record or {}).get("type"))
    if declared is not None:
        return declared
    # The event stream standard calls an event without a name so.
    return None if chunk.event_type in ("", "message") else chunk.event_type


def signal_of(chunk: Chunk) -> Signal | None:
    """What the event says about order; None for types that are not of this API, and for payloads that are no object."""
    kind = type_of(chunk)
    return Signal(kind) if chunk.record is not None and kind in _SIGNALS else None


def is_error(chunk: Chunk) -> bool:
    """Whether an event or a document reports an error; official clients go by the name of the event."""
    record = chunk.record
    if record is None:
        return False
    return type_of(chunk) == Signal.ERROR or chunk.event_type == Signal.ERROR or _is_bare_error(record)


def _is_bare_error(record: Mapping[str, object]) -> bool:
    """`{"error": {...}}` without a type, as servers of other APIs send it."""
    return bool(record.get("error")) and "type" not in record


_SIGNALS: Final = frozenset(Signal)
