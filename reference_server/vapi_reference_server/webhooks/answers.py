"""What this backend says to each kind of message. It runs any tool, but those called `no_such_…`, in words alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.json_values import as_object, encode
from vapi_reference_server.webhooks.message import AskedTool, asked_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vapi_reference_server.json_values import JsonObject

    RunOnce = Callable[[str, Callable[[], str]], str]
    """Given the id of a call and what runs it; a call that came before is not run again."""

_UNKNOWN = "no_such_"
_LONGEST_RESULT = 1000
ASSISTANT_ID = "8f3c0d52-9d0e-4c51-9a0b-5a1d3f6e7c01"
NUMBER = "+15550100001"


def answer(message: JsonObject, once: RunOnce) -> JsonObject:
    """The body of the answer; empty for a message that only tells something, and for one of an unknown type."""
    kind = str(message.get("type"))
    if kind == "tool-calls":
        return {"results": [_result(tool, once) for tool in asked_tools(message)]}
    if kind == "function-call":
        call = as_object(message.get("functionCall")) or {}
        arguments = as_object(call.get("parameters")) or {}
        return {"result": _words(AskedTool(call_id="", name=str(call.get("name", "")), arguments=arguments))}
    return dict(_ANSWERS.get(kind, {}))


def _result(tool: AskedTool, once: RunOnce) -> JsonObject:
    head: JsonObject = {"toolCallId": tool.call_id, "name": tool.name}
    if tool.name.startswith(_UNKNOWN):
        return {**head, "error": f"There is no tool called {_one_line(tool.name)}."}
    return {**head, "result": once(tool.call_id, lambda: _words(tool))}


def _words(tool: AskedTool) -> str:
    told = [f"{name} {value if isinstance(value, str) else encode(value).decode()}" for name, value in _given(tool)]
    return _one_line(f"{tool.name} was run{' with ' if told else ''}{', '.join(told)}.")


def _given(tool: AskedTool) -> list[tuple[str, object]]:
    return list(tool.arguments.items())[:10]


def _one_line(text: str) -> str:
    """Vapi reads one line: every kind of line break becomes a space."""
    return " ".join(text.split())[:_LONGEST_RESULT]


_ANSWERS: Mapping[str, JsonObject] = {
    "assistant-request": {"assistantId": ASSISTANT_ID},
    "transfer-destination-request": {"destination": {"type": "number", "number": NUMBER}},
    "handoff-destination-request": {"destination": {"type": "assistant", "assistantName": "Reception"}},
    "knowledge-base-request": {
        "documents": [{"content": "The shop is open from nine to six, but not on Sundays.", "similarity": 0.92}]
    },
    "call.endpointing.request": {"timeoutSeconds": 0.5},
    "campaign.predial": {"eligible": True},
}
