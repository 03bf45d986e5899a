"""What a server remembers of telephone calls. A sound one needs only the results of its own tools."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from vapi_reference_server.own_tools import OwnTools

if TYPE_CHECKING:
    from collections.abc import Callable

    from vapi_reference_server.reply import Call, Reply
    from vapi_reference_server.request import Message

_MOST_CALLS = 256
_MOST_TURNS = 16
_MOST_MADE = 32

Key = TypeVar("Key")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """So many values by their keys, made when they are first asked for. The longest unused one is forgotten."""

    def __init__(self, most: int, make: Callable[[], Value]) -> None:
        self._most, self._make = most, make
        self._values: dict[Key, Value] = {}

    def of(self, key: Key) -> Value:
        """The value of this key."""
        value = self._values.pop(key, None)
        value = self._make() if value is None else value
        self._values[key] = value
        if len(self._values) > self._most:
            del self._values[next(iter(self._values))]
        return value

    def __len__(self) -> int:
        return len(self._values)


@dataclass(slots=True)
class TurnMemory:
    """One turn, as a faulty server remembers it."""

    requests: int = 0
    said: str | None = None
    replies: list[Reply] = field(default_factory=list["Reply"])


def _turns() -> Recent[tuple[int, int], TurnMemory]:
    return Recent(_MOST_TURNS, TurnMemory)


def _made() -> deque[Call]:
    return deque(maxlen=_MOST_MADE)


@dataclass(slots=True)
class CallMemory:
    """One call. Sound answers need only `own_tools`; the rest is for faults."""

    own_tools: OwnTools = field(default_factory=OwnTools)
    requests: int = 0
    """Requests of this call that were read, this one included."""
    turns: Recent[tuple[int, int], TurnMemory] = field(default_factory=_turns)
    """By the number of tool results and of user messages in the history."""
    user_messages: int | None = None
    """How many the latest request had: another number is another turn."""
    turns_seen: int = 0
    history: list[object] | None = None
    prompt: tuple[Message, ...] | None = None
    made: deque[Call] = field(default_factory=_made)
    """The latest calls of tools."""
    tool_rounds: int = 0
    asked_again_in: int | None = None
    """The turn whose call was made once more."""


def remembered_calls() -> Recent[tuple[str, str], CallMemory]:
    """The memory of a server, by the fault that is shown (or no name) and the call's id: faults do not share theirs."""
    return Recent(_MOST_CALLS, CallMemory)
