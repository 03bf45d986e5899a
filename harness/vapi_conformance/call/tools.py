"""The tools of a call: how they are offered, and what the model reads of them and when."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vapi_conformance.call_scenario import CallTool
from vapi_conformance.narrow import object_or_nothing, string_or_none
from vapi_conformance.payload import parse
from vapi_conformance.platforms.vapi import NO_RESULT, STILL_PENDING, SUCCESS, ToolCall
from vapi_conformance.platforms.vapi.tools import model_tools

__all__ = [
    "END_CALL",
    "HAND_OFF",
    "TRANSFER",
    "Pending",
    "destination",
    "due",
    "has_server",
    "offered",
    "results_at",
    "vapi_tools",
    "webhook_url",
]

END_CALL: Final = "endCall"
TRANSFER: Final = "transferCall"
HAND_OFF: Final = "handoff_to_"
_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A call under way, or done."""

    call: ToolCall
    """With the result that it will have."""
    due_ns: int
    """Call time when the result is there."""
    note: str = ""
    """Why there is no result; empty where there is one."""


def vapi_tools(tools: Sequence[CallTool], url: str) -> list[dict[str, object]]:
    """As they stand in an assistant at Vapi; those that the endpoint runs itself are not known there.

    url: the endpoint's, below which webhooks are posted.
    """
    return [_vapi_tool(tool, url) for tool in tools if tool.run_by != "endpoint"]


def offered(tools: Sequence[CallTool]) -> list[dict[str, object]]:
    """As the model is told of them."""
    return model_tools(vapi_tools(tools, ""))


def _vapi_tool(tool: CallTool, url: str) -> dict[str, object]:
    if tool.name == END_CALL:
        return {"type": END_CALL}
    if tool.name == TRANSFER:
        return {"type": TRANSFER, "destinations": [_place(each) for each in tool.destinations]}
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    made: dict[str, object] = {"type": "function", "async": tool.is_async, "function": function}
    return made | {"server": {"url": webhook_url(url, tool)}} if tool.run_by == "webhook" else made


def has_server(tool: CallTool) -> bool:
    """Whether its calls are posted elsewhere than to the endpoint."""
    return "://" in tool.path


def webhook_url(url: str, tool: CallTool) -> str:
    """Where its calls are posted to."""
    return tool.path if has_server(tool) else url.rstrip("/") + tool.path


def _place(text: str) -> dict[str, object]:
    """A number, or an assistant's name."""
    is_number = text.lstrip("+").replace("-", "").replace(" ", "").isdigit()
    return {"type": "number", "number": text} if is_number else {"type": "assistant", "assistantName": text}


def destination(call: ToolCall) -> str | None:
    """Where a hand-off or a transfer goes; None where the call does not say."""
    if call.name.startswith(HAND_OFF):
        return call.name.removeprefix(HAND_OFF).replace("_", " ")
    found = object_or_nothing(parse(call.arguments).value).get("destination")
    return string_or_none(found) if not isinstance(found, dict) else json.dumps(found)


def due(tool: CallTool, call: ToolCall, at_ns: int) -> Pending:
    """A call whose outcome the scenario knows, started now."""
    if tool.is_async:
        return Pending(call=_with(call, SUCCESS), due_ns=at_ns)
    result = NO_RESULT if tool.fails else tool.returns or SUCCESS
    return Pending(call=_with(call, result), due_ns=at_ns + round(tool.after_s * _NS_PER_S))


def _with(call: ToolCall, result: str) -> ToolCall:
    return ToolCall(id=call.id, name=call.name, arguments=call.arguments, result=result)


def results_at(pending: Sequence[Pending], at_ns: int) -> Mapping[str, str]:
    """What the model reads of each call in a request made then, by the call's id."""
    return {each.call.id: each.call.result if each.due_ns <= at_ns else STILL_PENDING for each in pending}
