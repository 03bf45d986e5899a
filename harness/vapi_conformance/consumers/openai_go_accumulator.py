"""openai-go 1.12.0's `ChatCompletionAccumulator`: when it says that a text or a tool call has just finished.

Inferred from source; see `openai_go`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from vapi_conformance.consumers import v8_json
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.utf16 import well_formed
from vapi_conformance.narrow import array_or_none, object_or_none, object_or_nothing

__all__ = ["Accumulator", "Finished", "GoCall", "GoError", "objects_of", "string_of"]

_MAX_INDEX: Final = 1000
"""Go would make room for any index; a hostile one takes all memory."""
_State = tuple[Literal["", "content", "refusal", "tool", "finished"], int]
_EMPTY: Final[_State] = ("", 0)


class GoError(Exception):
    """A panic in Go's words, or in round brackets what becomes of the turn."""


@dataclass(slots=True, kw_only=True)
class GoCall:
    """One tool call as accumulated."""

    index: int
    id: str = ""
    name: list[str] = field(default_factory=list[str])
    arguments: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What has just finished."""

    call: GoCall | None
    """None for a text."""


class Accumulator:
    """Chunks in; memory is at most theirs."""

    def __init__(self) -> None:
        self._id = ""
        self._calls: dict[int, list[GoCall]] = {}
        """By choice index, filled up to the highest index of a call."""
        self._states: dict[int, _State] = {}

    def add(self, chunk: Mapping[str, object]) -> Finished | None:
        """What the chunk finishes; a text or a call, seen only when the next chunk holds something else.

        Raises:
            GoError: Go would panic; or an index is beyond what is followed.
        """
        own_id = string_of(chunk.get("id"))
        if self._id and own_id != self._id:
            return None
        self._id = own_id
        choices = objects_of(chunk.get("choices"))
        for choice in choices:
            self._accumulate(choice)
        if not choices:
            return None
        index = _index(choices[0].get("index"))
        state, before = _state_of(object_or_nothing(choices[0].get("delta"))), self._states.get(index, _EMPTY)
        self._states[index] = state
        if state == before or before[0] not in ("content", "tool"):
            return None
        return Finished(call=None if before[0] == "content" else self._finished_call(before[1]))

    def _finished_call(self, index: int) -> GoCall:
        # Of the first choice, whichever choice the chunk was of.
        calls = self._calls.get(0, [])
        if index >= len(calls):
            raise GoError(f"panic: runtime error: index out of range [{index}] with length {len(calls)}")
        return calls[index]

    def _accumulate(self, choice: Mapping[str, object]) -> None:
        calls = self._calls.setdefault(_index(choice.get("index")), [])
        for item in objects_of(object_or_nothing(choice.get("delta")).get("tool_calls")):
            index = _index(item.get("index"))
            while len(calls) <= index:
                calls.append(GoCall(index=len(calls)))
            call, function = calls[index], object_or_nothing(item.get("function"))
            call.id = string_of(item.get("id")) or call.id
            call.name.append(string_of(function.get("name")))
            call.arguments.append(string_of(function.get("arguments")))


def _state_of(delta: Mapping[str, object]) -> _State:
    if _is_text(delta.get("content")):
        return "content", 0
    if _is_text(delta.get("refusal")):
        return "refusal", 0
    calls = array_or_none(delta.get("tool_calls"))
    if calls is None or len(objects_of(calls)) != len(calls):
        return "finished", 0
    if not calls:
        raise GoError("panic: runtime error: index out of range [0] with length 0")
    return "tool", _index(object_or_nothing(calls[0]).get("index"))


def _is_text(value: object) -> bool:
    """Whether the field is valid: what is no object or array is loosely taken for a string."""
    return value is not None and not isinstance(value, dict | list)


def objects_of(value: object) -> Sequence[Mapping[str, object]]:
    """An array of objects; with anything else in it, the field stays empty."""
    items = [object_or_none(item) for item in array_or_none(value) or ()]
    objects = [item for item in items if item is not None]
    return objects if len(objects) == len(items) else ()


def _index(value: object) -> int:
    """An integer as apijson reads it; 0 when it is missing or none.

    Raises:
        GoError: a panic, for a negative one; or it is beyond what is followed.
    """
    index = 0
    if isinstance(value, int | float):
        index = int(min(max(value, -1), _MAX_INDEX + 1))
    if index < 0:
        raise GoError(f"panic: runtime error: index out of range [{index}]")
    if index > _MAX_INDEX:
        raise GoError(f"(not followed: an index above {_MAX_INDEX})")
    return index


def string_of(value: object) -> str:
    """A string as apijson reads it: numbers and booleans written out, arrays and objects as their JSON text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return well_formed(value)
    try:
        return v8_json.stringify(value)
    except JsError:
        return ""  # nested beyond what is written out here
