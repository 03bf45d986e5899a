"""A server message as it comes in, whichever of the known forms its tool calls have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vapi_reference_server.json_values import as_object, decode, objects_of

if TYPE_CHECKING:
    from vapi_reference_server.json_values import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTool:
    """One tool that is to be run."""

    call_id: str
    name: str
    arguments: JsonObject


def message_of(body: JsonObject) -> JsonObject | None:
    """The message in a body, None where there is none."""
    message = as_object(body.get("message"))
    return message if message is not None and isinstance(message.get("type"), str) else None


def asked_tools(message: JsonObject) -> list[AskedTool]:
    """The calls of the first list that holds any. Arguments are an object, as Vapi sends them, or JSON text."""
    listed = objects_of(message, "toolCallList") or objects_of(message, "toolCalls")
    if not listed:
        found = (as_object(each.get("toolCall")) for each in objects_of(message, "toolWithToolCallList"))
        listed = [each for each in found if each is not None]
    return [_asked(each) for each in listed if isinstance(each.get("id"), str)]


def _asked(call: JsonObject) -> AskedTool:
    function = as_object(call.get("function")) or call
    return AskedTool(call_id=str(call["id"]), name=str(function.get("name", "")), arguments=_arguments(function))


def _arguments(function: JsonObject) -> JsonObject:
    given = function.get("arguments", function.get("parameters"))
    if isinstance(given, str):
        try:
            given = decode(given.encode(errors="surrogatepass"))
        except ValueError:
            given = None
    return as_object(given) or {}
