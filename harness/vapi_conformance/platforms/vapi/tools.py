"""The tools of an assistant in the shape in which they reach the model.

`function` tools were recorded so (December 2024). The parameters of Vapi's own tools are inferred: `endCall` from
the function of that name that was recorded in March 2024, `transferCall` from the argument a webhook showed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.platforms.lint import Lint

__all__ = ["model_tools", "tool_lints"]

_LONGEST_DESCRIPTION = 1000
_LONGEST_NAME = 80
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_BUILT_IN: Mapping[str, str] = {
    "endCall": "Use this function to end the call.",
    "transferCall": "Use this function to transfer the call.",
}


def model_tools(tools: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """`tools` for the request body; tools that only Vapi can expand are left out (`tool_lints` names them)."""
    functions = (_function(tool) for tool in tools)
    return [{"type": "function", "function": function} for function in functions if function is not None]


def _function(tool: Mapping[str, object]) -> dict[str, object] | None:
    given = object_or_none(tool.get("function"))
    if given is not None:
        return {key: given[key] for key in ("name", "description", "parameters") if key in given}
    kind = string_or_none(tool.get("type"))
    if kind is None or kind not in _BUILT_IN:
        return None
    properties = _destination(tool) if kind == "transferCall" else {}
    parameters: dict[str, object] = {"type": "object", "properties": properties}
    if properties:
        parameters["required"] = ["destination"]
    return {"name": kind, "description": _BUILT_IN[kind], "parameters": parameters}


def _destination(tool: Mapping[str, object]) -> dict[str, object]:
    """A transfer's one argument: a number, a SIP address or an assistant's name."""
    found: list[str] = []
    for value in array_or_nothing(tool.get("destinations")):
        destination = object_or_nothing(value)
        keys = (key for key in ("number", "sipUri", "assistantName") if key in destination)
        found.extend(str(destination[key]) for key in keys)
    argument: dict[str, object] = {"type": "string"}
    if found:
        argument["enum"] = found
    return {"destination": argument}


def tool_lints(model: Mapping[str, object]) -> Iterator[Lint]:
    """Remarks on the tools of a `model` object."""
    for key in ("toolIds", "toolRefs"):
        if array_or_nothing(model.get(key)):
            yield Lint(
                f"model.{key}",
                "cannot be looked up without Vapi; put the tools into model.tools to send them",
                "warning",
            )
    if object_or_none(model.get("knowledgeBase")):
        yield Lint("model.knowledgeBase", "becomes a tool at Vapi that is not sent here", "info")
    for index, value in enumerate(array_or_nothing(model.get("tools"))):
        tool = object_or_nothing(value)
        function = _function(tool)
        if function is None:
            yield Lint(
                f"model.tools[{index}]", f"of type {tool.get('type')!r} is not sent: only Vapi can expand it", "info"
            )
        else:
            yield from _function_lints(f"model.tools[{index}].function", function)


def _function_lints(field: str, function: Mapping[str, object]) -> Iterator[Lint]:
    name = string_or_none(function.get("name")) or ""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        yield Lint(f"{field}.name", "has other characters than A-Z a-z 0-9 _ - or is longer than 80", "warning")
    if len(string_or_none(function.get("description")) or "") >= _LONGEST_DESCRIPTION:
        yield Lint(f"{field}.description", "has 1000 characters or more; Vapi wants fewer", "warning")
