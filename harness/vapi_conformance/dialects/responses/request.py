"""What a Responses request asked for."""

from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.dialects.asked import Asked, OfferedTool, ToolChoice, Turn, TurnRole, sent_object, text_of
from vapi_conformance.narrow import (
    array_or_nothing,
    integer_or_none,
    object_or_none,
    object_or_nothing,
    string_or_none,
)

__all__ = ["read_request"]

_ROLES: Final[Mapping[object, TurnRole]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_RESULTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_CHOICES: Final[Mapping[object, ToolChoice]] = {"none": "none", "auto": "auto", "required": "required"}


def read_request(body: bytes | None, _url: str = "") -> Asked | None:
    """None where the body is unknown or is no JSON object (a probe, or a recorder that kept answers only)."""
    record = sent_object(body)
    return None if record is None else _asked(record)


def _asked(body: Mapping[str, object]) -> Asked:
    choice, named = _tool_choice(body.get("tool_choice"))
    parallel = body.get("parallel_tool_calls")
    streams = body.get("stream") is True
    return Asked(
        body=body,
        model=string_or_none(body.get("model")),
        stream=streams,
        include_usage=streams,
        turns=tuple(_turns(body)),
        max_tokens=integer_or_none(body.get("max_output_tokens")),
        tools=tuple(_tools(body)),
        other_tool_names=_other_tool_names(body),
        tool_choice=choice,
        named_tool=named,
        parallel_tool_calls=parallel if isinstance(parallel, bool) else None,
        response_format=_response_format(body),
    )


def _turns(body: Mapping[str, object]) -> Iterator[Turn]:
    if (instructions := string_or_none(body.get("instructions"))) is not None:
        yield Turn(role="system", text=instructions)
    sent = body.get("input")
    if isinstance(sent, str):
        yield Turn(role="user", text=sent)
    for item in map(object_or_nothing, array_or_nothing(sent)):
        kind, role = item.get("type", "message"), item.get("role")
        if isinstance(kind, str) and kind in _RESULTS:
            yield Turn(role="tool", text=text_of(item.get("output")))
        elif kind == "message" and isinstance(role, str) and role in _ROLES:
            yield Turn(role=_ROLES[role], text=text_of(item.get("content")))


def _tools(body: Mapping[str, object]) -> Iterator[OfferedTool]:
    for tool in map(object_or_nothing, array_or_nothing(body.get("tools"))):
        name = string_or_none(tool.get("name"))
        if tool.get("type") == "function" and name is not None:
            yield OfferedTool(
                name=name, parameters=object_or_none(tool.get("parameters")), strict=tool.get("strict") is True
            )


def _other_tool_names(body: Mapping[str, object]) -> frozenset[str] | None:
    """Names of custom tools. Behind tools of other kinds (namespaces, a search for tools) more names may stand."""
    names: set[str] = set()
    for tool in map(object_or_nothing, array_or_nothing(body.get("tools"))):
        name = string_or_none(tool.get("name"))
        if tool.get("type") == "custom" and name is not None:
            names.add(name)
        elif tool.get("type") != "function":
            return None
    return frozenset(names)


def _tool_choice(chosen: object) -> tuple[ToolChoice | None, str | None]:
    """The choice, and the function or custom tool that it names."""
    if isinstance(chosen, str):
        return _CHOICES.get(chosen), None
    record = object_or_nothing(chosen)
    kind, name = record.get("type"), string_or_none(record.get("name"))
    if kind in ("function", "custom") and name is not None:
        return "named", name
    mode = record.get("mode")
    return (_CHOICES.get(mode) if kind == "allowed_tools" and isinstance(mode, str) else None), None


def _response_format(body: Mapping[str, object]) -> Mapping[str, object]:
    wanted = object_or_nothing(object_or_nothing(body.get("text")).get("format"))
    if wanted.get("type") != "json_schema":
        return wanted
    inner = {key: value for key, value in wanted.items() if key != "type"}
    return {"type": "json_schema", "json_schema": inner}
