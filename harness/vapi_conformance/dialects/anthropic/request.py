"""What a Messages request asked for."""

from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.dialects.asked import Asked, OfferedTool, ToolChoice, Turn, TurnRole, sent_object
from vapi_conformance.narrow import (
    array_or_nothing,
    integer_or_none,
    object_or_none,
    object_or_nothing,
    string_or_none,
)

__all__ = ["read_request"]

_ROLES: Final[Mapping[object, TurnRole]] = {"system": "system", "user": "user", "assistant": "assistant"}
_CHOICES: Final[Mapping[object, ToolChoice]] = {"none": "none", "auto": "auto", "any": "required", "tool": "named"}


def read_request(body: bytes | None, _url: str = "") -> Asked | None:
    """None where the body is unknown or is no JSON object (a probe, or a recorder that kept answers only)."""
    record = sent_object(body)
    return None if record is None else _asked(record)


def _asked(body: Mapping[str, object]) -> Asked:
    chosen = object_or_nothing(body.get("tool_choice"))
    kind = chosen.get("type")
    choice = _CHOICES.get(kind) if isinstance(kind, str) else None
    stream = body.get("stream") is True
    return Asked(
        body=body,
        model=string_or_none(body.get("model")),
        stream=stream,
        include_usage=stream,
        turns=tuple(_turns(body)),
        max_tokens=integer_or_none(body.get("max_tokens")),
        stops=tuple(each for each in array_or_nothing(body.get("stop_sequences")) if isinstance(each, str)),
        tools=tuple(_tools(body)),
        other_tool_names=_other_tool_names(body),
        tool_choice=choice,
        named_tool=string_or_none(chosen.get("name")) if choice == "named" else None,
        parallel_tool_calls=False if chosen.get("disable_parallel_tool_use") is True else None,
        response_format=_response_format(body),
    )


def _turns(body: Mapping[str, object]) -> Iterator[Turn]:
    if (system := _text_of(body.get("system"))) or body.get("system"):
        yield Turn(role="system", text=system)
    for message in map(object_or_nothing, array_or_nothing(body.get("messages"))):
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            continue
        content = message.get("content")
        results = [each for each in map(object_or_nothing, array_or_nothing(content)) if _is_result(each)]
        for result in results:
            yield Turn(role="tool", text=_text_of(result.get("content")))
        text = _text_of(content)
        # A turn that holds results and no words is no turn of the user's.
        if text or not results:
            yield Turn(role=_ROLES[role], text=text)


def _is_result(block: Mapping[str, object]) -> bool:
    return block.get("type") == "tool_result"


def _text_of(content: object) -> str:
    """A string, or the texts of an array of blocks; empty for everything else."""
    if isinstance(content, str):
        return content
    texts = (block.get("text") for block in map(object_or_nothing, array_or_nothing(content)) if not _is_result(block))
    return "\n".join(text for text in texts if isinstance(text, str))


def _is_custom(tool: Mapping[str, object]) -> bool:
    """A tool of the caller's own; Anthropic's carry a type with a date."""
    return tool.get("type") in (None, "custom")


def _tools(body: Mapping[str, object]) -> Iterator[OfferedTool]:
    for tool in map(object_or_nothing, array_or_nothing(body.get("tools"))):
        if _is_custom(tool) and (name := string_or_none(tool.get("name"))) is not None:
            yield OfferedTool(
                name=name, parameters=object_or_none(tool.get("input_schema")), strict=tool.get("strict") is True
            )


def _other_tool_names(body: Mapping[str, object]) -> frozenset[str] | None:
    """Tools with a schema of Anthropic's are called by the name that the request gives; sets of tools bring names."""
    names: set[str] = set()
    for tool in map(object_or_nothing, array_or_nothing(body.get("tools"))):
        if _is_custom(tool):
            continue
        if (name := string_or_none(tool.get("name"))) is None:
            return None
        names.add(name)
    return frozenset(names)


def _response_format(body: Mapping[str, object]) -> Mapping[str, object]:
    """`output_config.format`, or `output_format` as it was called in beta."""
    wanted = object_or_none(object_or_nothing(body.get("output_config")).get("format"))
    wanted = object_or_nothing(body.get("output_format")) if wanted is None else wanted
    if wanted.get("type") != "json_schema":
        return {}
    return {"type": "json_schema", "json_schema": {"schema": wanted.get("schema")}}
