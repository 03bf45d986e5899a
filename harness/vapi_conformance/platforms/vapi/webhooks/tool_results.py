"""How Vapi reads the answer to `tool-calls`: for each call, the text that the model gets as its result.

Vapi's troubleshooting page says what is taken: status 200, `{"results": [{"toolCallId", "result" or "error"}]}` with
matching ids and single-line strings. For everything else the model was seen to get `No result returned…`. Where the
sources contradict each other or are silent, `sureness` and `why` say so.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vapi_conformance.narrow import array_or_none, object_or_none, string_or_none
from vapi_conformance.payload import parse
from vapi_conformance.platforms.vapi.consequence import Sureness
from vapi_conformance.platforms.vapi.history import NO_RESULT, ToolCall

__all__ = ["LINE_BREAK", "ToolResult", "tool_results"]

_OK: Final = 200
_SUCCESS: Final = range(200, 300)
LINE_BREAK: Final = re.compile(r"[\n\r]")
"""What makes a result more than a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What becomes of one call."""

    call_id: str
    text: str
    """As the model gets it: the tool's words, or `NO_RESULT`."""
    is_error: bool = False
    """The backend said `error` in place of `result`; the model gets its words."""
    why_none: str = ""
    """Why Vapi finds no result, one sentence; empty where it finds one."""
    sureness: Sureness = "documented"

    @property
    def is_found(self) -> bool:
        """Whether the model gets the backend's words."""
        return not self.why_none


def tool_results(body: bytes, status: int | None, calls: Sequence[ToolCall]) -> tuple[ToolResult, ...]:
    """One for each call, in the order of the calls. Never raises on what a server sent.

    body: with content coding undone. status: None where no response came.
    """
    if status is None:
        return _none_for(calls, "no response came", "inferred")
    if status != _OK:
        sureness: Sureness = "documented" if status not in _SUCCESS else "inferred"
        return _none_for(calls, f"the status is {status}, and Vapi ignores every answer but 200", sureness)
    value = parse(body.decode(errors="replace")).value
    record = object_or_none(value)
    if record is None:
        return _none_for(calls, "the body is no JSON object", "documented")
    results = array_or_none(record.get("results"))
    if results is None:
        if (error := string_or_none(record.get("error"))) is not None:
            return tuple(_taken(call, error, is_error=True, sureness="inferred") for call in calls)
        return _none_for(calls, "the body has no list `results`", "documented")
    by_id = _by_id(results)
    return tuple(_of(call, by_id.get(call.id)) for call in calls)


def _by_id(results: Iterable[object]) -> dict[str, Mapping[str, object]]:
    """The first entry for each id (inferred: nothing says what a second one does)."""
    found: dict[str, Mapping[str, object]] = {}
    for each in results:
        entry = object_or_none(each)
        call_id = None if entry is None else string_or_none(entry.get("toolCallId"))
        if entry is not None and call_id is not None:
            found.setdefault(call_id, entry)
    return found


def _of(call: ToolCall, entry: Mapping[str, object] | None) -> ToolResult:
    if entry is None:
        return _none(call, f"no result has the toolCallId {call.id}", "documented")
    for key in ("result", "error"):
        value = entry.get(key)
        if value is None:
            continue
        text = string_or_none(value)
        if text is None:
            # The troubleshooting page calls this a wrong type, the custom-tools page allows any type.
            return _none(call, f"its {key} is no string", "documented")
        if LINE_BREAK.search(text):
            return _none(call, f"its {key} holds a line break", "documented")
        if not text.strip():
            return _none(call, f"its {key} is empty", "inferred")
        return _taken(call, text, is_error=key == "error", sureness="documented")
    return _none(call, "it has neither a result nor an error", "documented")


def _taken(call: ToolCall, text: str, *, is_error: bool, sureness: Sureness) -> ToolResult:
    return ToolResult(call_id=call.id, text=text, is_error=is_error, sureness=sureness)


def _none(call: ToolCall, why: str, sureness: Sureness) -> ToolResult:
    return ToolResult(call_id=call.id, text=NO_RESULT, why_none=why, sureness=sureness)


def _none_for(calls: Sequence[ToolCall], why: str, sureness: Sureness) -> tuple[ToolResult, ...]:
    return tuple(_none(call, why, sureness) for call in calls)
