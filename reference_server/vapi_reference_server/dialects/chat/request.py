"""A chat request, read from its JSON. What a sound endpoint must refuse is refused here.

Unknown keys are ignored: Vapi adds `call`, `metadata`, `customer` and more to every request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.dialects.fields import (
    boolean_in,
    filled_list_in,
    integer_in,
    model_in,
    number_in,
    object_in,
    text_of,
)
from vapi_reference_server.json_values import JsonObject, as_list, as_object
from vapi_reference_server.problems import bad_value
from vapi_reference_server.request import Choice, Message, Request, Tool

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

ROLES = ("developer", "system", "user", "assistant", "tool", "function")
_MAX_CHOICES = 16
_MAX_STOPS = 4


def parse_request(body: JsonObject) -> Request:
    """The request in a JSON body. Raises Problem, status 400, that names the field at fault."""
    tools = _tools(body.get("tools"))
    tool_choice, named_tool = _tool_choice(body.get("tool_choice"), {tool.name for tool in tools})
    for field, top in (("temperature", 2.0), ("top_p", 1.0)):
        number_in(body, field, top)
    integer_in(body, "seed")
    boolean_in(body, "logprobs", default=False)
    options = object_in(body, "stream_options") or {}
    return Request(
        model=model_in(body),
        messages=_messages(filled_list_in(body, "messages")),
        stream=boolean_in(body, "stream", default=False),
        include_usage=boolean_in(options, "include_usage", default=False),
        choices=integer_in(body, "n", low=1, high=_MAX_CHOICES) or 1,
        max_tokens=integer_in(body, "max_completion_tokens", low=1) or integer_in(body, "max_tokens", low=1),
        stops=_stops(body.get("stop")),
        response_format=_response_format(body),
        tools=tools,
        tool_choice=tool_choice,
        named_tool=named_tool,
        parallel_tool_calls=boolean_in(body, "parallel_tool_calls", default=True),
        opens_the_call=_opens_the_call(body),
    )


def _opens_the_call(body: JsonObject) -> bool:
    """Both of Vapi's counters are 0: in `metadata`, or beside it where the metadata is destructured."""
    metadata = {**body, **(as_object(body.get("metadata")) or {})}
    return all(metadata.get(key) == 0 for key in ("numAssistantTurns", "numUserTurns"))


def _messages(items: list[object]) -> tuple[Message, ...]:
    messages: list[Message] = []
    asked: set[str] = set()
    for position, item in enumerate(items):
        message = _message(item, f"messages[{position}]", asked)
        asked.update(message.call_ids)
        messages.append(message)
    return tuple(messages)


def _message(item: object, where: str, asked: AbstractSet[str]) -> Message:
    message = as_object(item)
    if message is None:
        raise bad_value(where, "an object is wanted")
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise bad_value(f"{where}.role", f"one of {', '.join(ROLES)} is wanted")
    call_id = message.get("tool_call_id")
    if role == "tool" and not (isinstance(call_id, str) and call_id in asked):
        raise bad_value(f"{where}.tool_call_id", "it must answer a tool call of an earlier assistant message")
    # Vapi leaves `content` out beside tool calls, and `null` is the standard's own form. An
    # assistant that said nothing breaks no one, so its content is never insisted on.
    optional = role in ("assistant", "function")
    return Message(
        role=role,
        text=_text(message.get("content"), f"{where}.content", optional=optional),
        call_ids=_call_ids(message.get("tool_calls"), f"{where}.tool_calls"),
        tool_call_id=call_id if isinstance(call_id, str) else None,
    )


def _text(content: object, where: str, *, optional: bool) -> str:
    if content is None and optional:
        return ""
    parts = as_list(content)
    texts = [_part(part, where) for part in parts] if parts else [content]
    text = "".join(item for item in texts if isinstance(item, str))
    if not parts and not isinstance(content, str):
        raise bad_value(where, "a string or a non-empty array of parts is wanted")
    return text_of(text, where)


def _part(part: object, where: str) -> str:
    fields = as_object(part)
    if fields is None or not isinstance(fields.get("type"), str):
        raise bad_value(where, "each part must be an object with a type")
    text = fields.get("text", fields.get("refusal", ""))
    if not isinstance(text, str):
        raise bad_value(where, "the text of a part must be a string")
    return text


def _call_ids(value: object, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    calls = as_list(value)
    if calls is None:
        raise bad_value(where, "an array is wanted")
    ids: list[str] = []
    for call in calls:
        call_id = (as_object(call) or {}).get("id")
        if not isinstance(call_id, str) or not call_id:
            raise bad_value(where, "each call needs an id")
        ids.append(call_id)
    return tuple(ids)


def _tools(value: object) -> tuple[Tool, ...]:
    if value is None:
        return ()
    items = as_list(value)
    if items is None:
        raise bad_value("tools", "an array is wanted")
    tools: list[Tool] = []
    for position, item in enumerate(items):
        function = as_object((as_object(item) or {}).get("function")) or {}
        name, parameters = function.get("name"), as_object(function.get("parameters", {}))
        if not isinstance(name, str) or not name or parameters is None:
            raise bad_value(f"tools[{position}].function", "a name and parameters as an object are wanted")
        tools.append(Tool(name=name, parameters=parameters))
    return tuple(tools)


def _tool_choice(value: object, offered: set[str]) -> tuple[Choice, str | None]:
    named = (as_object((as_object(value) or {}).get("function")) or {}).get("name")
    if isinstance(named, str) and named in offered:
        return Choice.NAMED, named
    plain = {"none": Choice.NONE, "auto": Choice.AUTO, "required": Choice.REQUIRED}
    choice = plain.get(value) if isinstance(value, str) else Choice.AUTO if value is None else None
    if choice is None or (choice is Choice.REQUIRED and not offered):
        raise bad_value("tool_choice", "none, auto, required (with tools) or an offered function is wanted")
    return choice, None


def _stops(value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else [] if value is None else as_list(value)
    if items is None or len(items) > _MAX_STOPS:
        raise bad_value("stop", f"a string or at most {_MAX_STOPS} strings are wanted")
    stops = tuple(item for item in items if isinstance(item, str) and item)
    if len(stops) != len(items):
        raise bad_value("stop", "each stop sequence must be a non-empty string")
    return stops


def _response_format(body: JsonObject) -> JsonObject | None:
    wanted = object_in(body, "response_format")
    if wanted is None or wanted.get("type") == "text":
        return None
    if wanted.get("type") == "json_object":
        return {"type": "object"}
    schema = as_object((as_object(wanted.get("json_schema")) or {}).get("schema"))
    if wanted.get("type") != "json_schema" or schema is None:
        raise bad_value("response_format", "text, json_object or json_schema with a schema is wanted")
    return schema
