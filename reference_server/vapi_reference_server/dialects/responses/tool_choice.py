"""`tool_choice` of a Responses request."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vapi_reference_server.json_values import as_list, as_object
from vapi_reference_server.problems import bad_value
from vapi_reference_server.request import Choice

if TYPE_CHECKING:
    from vapi_reference_server.request import Tool

_PLAIN = {"none": Choice.NONE, "auto": Choice.AUTO, "required": Choice.REQUIRED}


class ToolChoice(NamedTuple):
    """What may be called, and whether it must be."""

    choice: Choice
    tools: tuple[Tool, ...]
    named: str | None = None


def read_tool_choice(value: object, offered: tuple[Tool, ...]) -> ToolChoice:
    """The choice. Raises Problem, status 400, where it names what is not offered."""
    if value is None:
        return ToolChoice(Choice.AUTO, offered)
    names = {tool.name for tool in offered}
    asked = as_object(value) or {}
    name = asked.get("name")
    if asked.get("type") == "function" and isinstance(name, str) and name in names:
        return ToolChoice(Choice.NAMED, offered, name)
    if asked.get("type") == "allowed_tools":
        allowed = {(as_object(item) or {}).get("name") for item in as_list(asked.get("tools")) or []}
        offered, value = tuple(tool for tool in offered if tool.name in allowed), asked.get("mode")
    choice = _PLAIN.get(value) if isinstance(value, str) else None
    if choice is None or (choice is Choice.REQUIRED and not offered):
        raise bad_value("tool_choice", "none, auto, required (with tools) or an offered function is wanted")
    return ToolChoice(choice, offered)
