"""What a Chat Completions request asked for."""

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
    "tool": "tool",
    "function": "tool",
}
_CHOICES: Final[Mapping[object, ToolChoice]] = {"none": "none", "auto": "auto", "required": "required"}


def read_request(body: bytes | None, _url: str = "") -> Asked | None:
    """None where the body is unknown or is no JSON object (a probe, or a recorder that kept answers only)."""
    record = sent_object(body)
    return None if record is None else _asked(record)


def _asked(body: Mapping[str, object]) -> Asked:
    options = object_or_nothing(body.get("stream_options"))
    newer = integer_or_none(body.get("max_completion_tokens"))
    choice, named = _tool_choice(body)
    parallel = body.get("parallel_tool_calls")
    return Asked(
        body=body,
        model=string_or_none(body.get("model")),
        stream=body.get("stream") is True,
        include_usage=options.get("include_usage") is True,
        turns=tuple(_turns(body)),
        n=integer_or_none(body.get("n")) or 1,
        max_tokens=newer if newer is not None else integer_or_none(body.get("max_tokens")),
        stops=_stops(body.get("stop")),
        tools=tuple(_tools(body)),
        other_tool_names=_other_tool_names(body),
        tool_choice=choice,
        named_tool=named,
        parallel_tool_calls=parallel if isinstance(parallel, bool) else None,
        response_format=object_or_nothing(body.get("response_format")),
    )


def _turns(body: Mapping[str, object]) -> Iterator[Turn]:
    for message in map(object_or_nothing, array_or_nothing(body.get("messages"))):
        role = message.get("role")
        if isinstance(role, str) and role in _ROLES:
            yield Turn(role=_ROLES[role], text=text_of(message.get("content")))


def _stops(stop: object) -> tuple[str, ...]:
    if isinstance(stop, str):
        return (stop,)
    return tuple(each for each in array_or_nothing(stop) if isinstance(each, str))


def _tools(body: Mapping[str, object]) -> Iterator[OfferedTool]:
    """Functions offered, by `tools` or by the older `functions`."""
    functions = [object_or_nothing(tool).get("function") for tool in array_or_nothing(body.get("tools"))]
    functions += array_or_nothing(body.get("functions"))
    for each in map(object_or_nothing, functions):
        if (name := string_or_none(each.get("name"))) is not None:
            yield OfferedTool(
                name=name, parameters=object_or_none(each.get("parameters")), strict=each.get("strict") is True
            )


def _other_tool_names(body: Mapping[str, object]) -> frozenset[str] | None:
    names: set[str] = set()
    for tool in map(object_or_nothing, array_or_nothing(body.get("tools"))):
        custom = string_or_none(object_or_nothing(tool.get("custom")).get("name"))
        if custom is not None:
            names.add(custom)
        elif "function" not in tool:
            return None
    return frozenset(names)


def _tool_choice(body: Mapping[str, object]) -> tuple[ToolChoice | None, str | None]:
    """The choice, and the function that it names."""
    chosen = body.get("tool_choice")
    named = string_or_none(object_or_nothing(object_or_nothing(chosen).get("function")).get("name"))
    if named is not None:
        return "named", named
    if body.get("function_call") == "none":
        return "none", None
    return (_CHOICES.get(chosen) if isinstance(chosen, str) else None), None
