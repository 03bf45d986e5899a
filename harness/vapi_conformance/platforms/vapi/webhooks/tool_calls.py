"""The message `tool-calls`: Vapi asks the server of a tool to run it; and its predecessor `function-call`.

Three recordings (2024-07, 2024-12, 2026-05) agree: the calls stand in three lists side by side (`toolCalls`, which no
document has, `toolCallList`, `toolWithToolCallList`), with `function.arguments` an OBJECT. Vapi's own documents
describe three other forms; a backend that was written by one of them meets the recorded one all the same.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, get_args

from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.payload import parse
from vapi_conformance.platforms.vapi.assistant import Assistant
from vapi_conformance.platforms.vapi.body import without_secrets
from vapi_conformance.platforms.vapi.callers import Caller, Era
from vapi_conformance.platforms.vapi.history import Conversation, ToolCall
from vapi_conformance.platforms.vapi.webhooks.artifact import Said
from vapi_conformance.platforms.vapi.webhooks.envelope import Moment, server_message

__all__ = ["LISTS", "Lists", "arguments_of", "function_call_message", "tool_calls_message"]

Lists = Literal["recorded", "schema", "events-page", "custom-tools-page"]
"""`recorded`: as observed. `schema`: Vapi's OpenAPI (arguments a JSON string). `events-page`: `{id, name, parameters}`.
`custom-tools-page`: `{id, name, arguments}` with an object, and `toolCall.function.parameters`."""

LISTS: Final[tuple[Lists, ...]] = get_args(Lists)

_TOOL_KEYS: Final = ("function", "async", "server", "messages", "variableExtractionPlan", "parameters")
"""What of a tool is sent along, in the recorded order; the last two since 2026."""


def tool_calls_message(  # noqa: PLR0913 - what one message is made of
    caller: Caller,
    assistant: Assistant,
    calls: Sequence[ToolCall],
    history: Conversation,
    *,
    lists: Lists = "recorded",
    tools: Sequence[Mapping[str, object]] | None = None,
    filler: str | None = None,
    era: Era = Era.PHONE_2026,
    at_ms: int | None = None,
) -> dict[str, object]:
    """The body that Vapi posts to a tool's server when the model calls it.

    calls: those of one answer that go to one server, in the model's order; their `result` is not sent.
    history: the conversation before them.
    tools: Vapi's tool objects; the assistant's where None. A call of a tool that is not among them is sent with its
    name alone.
    filler: what Vapi says while the tool runs.
    at_ms: milliseconds since the call began; worked out from the words where None.
    """
    offered = assistant.model.tools if tools is None else tools
    said = Said(conversation=history, pending=tuple(calls), filler=filler)
    moment = Moment(caller=caller, assistant=assistant, said=said, era=era, at_ms=at_ms)
    with_tools = [(_tool(call, offered), call) for call in calls]
    return server_message("tool-calls", moment, _LISTS[lists](with_tools, era, filler is not None))


def function_call_message(
    caller: Caller, assistant: Assistant, call: ToolCall, history: Conversation, *, era: Era = Era.PHONE_2026
) -> dict[str, object]:
    """The predecessor `function-call` (documented in old examples only): one call, answered by `{"result": …}`."""
    said = Said(conversation=history, pending=(call,))
    moment = Moment(caller=caller, assistant=assistant, said=said, era=era)
    fields = {"functionCall": {"name": call.name, "parameters": arguments_of(call)}}
    return server_message("function-call", moment, fields)


def arguments_of(call: ToolCall, tool: Mapping[str, object] | None = None) -> dict[str, object]:
    """The arguments as the lists hold them: an object, with the static values of the tool's `parameters` merged in.

    Text of the model's that is no JSON object becomes an empty one (inferred: nothing else fits the place).
    """
    given = dict(object_or_nothing(parse(call.arguments).value))
    static = map(object_or_nothing, array_or_nothing((tool or {}).get("parameters")))
    return given | {str(each["key"]): each.get("value") for each in static if "key" in each}


_WithTool = tuple[Mapping[str, object], ToolCall]


def _tool(call: ToolCall, offered: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
    for tool in offered:
        if string_or_none(object_or_nothing(tool.get("function")).get("name")) == call.name:
            # A parameter of a function may be called `password`; what its server is called with is what is kept back.
            server = {"server": without_secrets(tool["server"])} if "server" in tool else {}
            return {**tool, **server}
    return {"function": {"name": call.name}}


def _whole_tool(tool: Mapping[str, object], call: Mapping[str, object], era: Era) -> dict[str, object]:
    kept = _TOOL_KEYS if era is not Era.WEB_2024_12 else _TOOL_KEYS[:4]
    record: dict[str, object] = {"type": "function"}
    for key in kept:
        if key in tool:
            record[key] = tool[key]
        elif key in ("async", "messages"):
            record[key] = False if key == "async" else []
    return record | {"toolCall": dict(call)}


def _recorded(calls: Sequence[_WithTool], era: Era, preceded: bool) -> dict[str, object]:  # noqa: FBT001 - as _LISTS wants
    made = [_call(call, arguments_of(call, tool), era, preceded=preceded) for tool, call in calls]
    return {
        "toolCalls": made,
        "toolCallList": made,
        "toolWithToolCallList": [_whole_tool(tool, call, era) for (tool, _), call in zip(calls, made, strict=True)],
    }


def _call(call: ToolCall, arguments: object, era: Era, *, preceded: bool) -> dict[str, object]:
    record: dict[str, object] = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }
    return record if era is Era.WEB_2024_12 else record | {"isPrecededByText": preceded}


def _by_schema(calls: Sequence[_WithTool], era: Era, _preceded: bool) -> dict[str, object]:  # noqa: FBT001 - same
    made: list[dict[str, object]] = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for _, call in calls
    ]
    return {
        "toolWithToolCallList": [_whole_tool(tool, call, era) for (tool, _), call in zip(calls, made, strict=True)],
        "toolCallList": made,
    }


def _by_events_page(calls: Sequence[_WithTool], _era: Era, _preceded: bool) -> dict[str, object]:  # noqa: FBT001 - same
    return {
        "toolWithToolCallList": [
            {
                "type": "function",
                "name": call.name,
                "parameters": object_or_none(object_or_nothing(tool.get("function")).get("parameters")) or {},
                "description": object_or_nothing(tool.get("function")).get("description", ""),
                "toolCall": {"id": call.id, "parameters": arguments_of(call, tool)},
            }
            for tool, call in calls
        ],
        "toolCallList": [
            {"id": call.id, "name": call.name, "parameters": arguments_of(call, tool)} for tool, call in calls
        ],
    }


def _by_custom_tools_page(calls: Sequence[_WithTool], _era: Era, _preceded: bool) -> dict[str, object]:  # noqa: FBT001 - same
    return {
        "toolWithToolCallList": [
            {
                "type": "function",
                "name": call.name,
                "parameters": object_or_none(object_or_nothing(tool.get("function")).get("parameters")) or {},
                "description": object_or_nothing(tool.get("function")).get("description", ""),
                "toolCall": {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "parameters": arguments_of(call, tool)},
                },
            }
            for tool, call in calls
        ],
        "toolCallList": [
            {"id": call.id, "name": call.name, "arguments": arguments_of(call, tool)} for tool, call in calls
        ],
    }


_LISTS: Final[Mapping[Lists, Callable[[Sequence[_WithTool], Era, bool], dict[str, object]]]] = {
    "recorded": _recorded,
    "schema": _by_schema,
    "events-page": _by_events_page,
    "custom-tools-page": _by_custom_tools_page,
}
