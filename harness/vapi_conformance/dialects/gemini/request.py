"""What a generateContent request asked for. proto3 JSON takes camelCase and snake_case alike, and so does this."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

from vapi_conformance.dialects.asked import Asked, OfferedTool, ToolChoice, Turn, TurnRole, sent_object
from vapi_conformance.dialects.gemini.tool_schema import from_gemini
from vapi_conformance.narrow import (
    array_or_none,
    array_or_nothing,
    integer_or_none,
    object_or_none,
    object_or_nothing,
    string_or_none,
)

__all__ = [
    "allowed_names",
    "calling_config",
    "generation_config",
    "read_request",
    "sent",
    "wants_integer_enums",
    "wants_sse",
]

_METHOD: Final = re.compile(r"/([^/:?#]+):([A-Za-z]+)(?:[?#]|\Z)")
_STREAMING: Final = "streamGenerateContent"
_SNAKE: Final = re.compile(r"(?<!^)([A-Z])")
_ROLES: Final[Mapping[object, TurnRole]] = {"user": "user", "model": "assistant", "function": "tool"}
_MODES: Final[Mapping[object, ToolChoice]] = {
    "AUTO": "auto",
    "ANY": "required",
    "NONE": "none",
    "VALIDATED": "auto",
    1: "auto",
    2: "required",
    3: "none",
    4: "auto",
}
_RESULT_KEYS: Final = ("output", "result", "content", "value")
_MAKES_NAMES: Final = ("computerUse", "mcpServers")
"""Tools of the service that come with function names of their own."""


def read_request(body: bytes | None, url: str = "") -> Asked | None:
    """None where the body is unknown or is no JSON object. The URL says the model, and whether a stream was asked."""
    record = sent_object(body)
    return None if record is None else _asked(record, url)


def sent(record: Mapping[str, object], name: str) -> object:
    """The value of a key in either spelling; None where there is none."""
    return record[name] if name in record else record.get(_SNAKE.sub(r"_\1", name).lower())


def generation_config(body: Mapping[str, object]) -> Mapping[str, object]:
    """Empty where there is none."""
    return object_or_nothing(sent(body, "generationConfig"))


def allowed_names(body: Mapping[str, object]) -> tuple[str, ...]:
    """`allowedFunctionNames`; empty where all are allowed."""
    names = array_or_nothing(sent(calling_config(body), "allowedFunctionNames"))
    return tuple(name for name in names if isinstance(name, str))


def wants_sse(url: str) -> bool:
    """Whether the URL asks for server-sent events; a stream without is a JSON array."""
    return re.search(r"[?&](?:%24|\$)?alt=sse(?:[&;#]|\Z)", url) is not None


def wants_integer_enums(url: str) -> bool:
    """Whether the URL asks for enums as numbers."""
    return re.search(r"enum-encoding(?:=|%3D)int", url, re.IGNORECASE) is not None


def _asked(body: Mapping[str, object], url: str) -> Asked:
    method = _METHOD.search(url)
    config = generation_config(body)
    choice, named = _tool_choice(body)
    stream = method is not None and method[2] == _STREAMING
    return Asked(
        body=body,
        model=_model(unquote(method[1]) if method else string_or_none(body.get("model"))),
        stream=stream,
        include_usage=stream,
        turns=tuple(_turns(body)),
        n=integer_or_none(sent(config, "candidateCount")) or 1,
        max_tokens=integer_or_none(sent(config, "maxOutputTokens")),
        stops=tuple(each for each in array_or_nothing(sent(config, "stopSequences")) if isinstance(each, str)),
        tools=tuple(_tools(body)),
        other_tool_names=_other_tool_names(body),
        tool_choice=choice,
        named_tool=named,
        response_format=_response_format(config),
    )


def _model(name: str | None) -> str | None:
    return None if name is None else name.removeprefix("models/")


def _turns(body: Mapping[str, object]) -> Iterator[Turn]:
    system = sent(body, "systemInstruction")
    if system is not None:
        yield Turn(role="system", text=_text_of(system))
    contents = array_or_none(body.get("contents"))
    for content in map(object_or_nothing, contents if contents is not None else (body.get("contents"),)):
        role = content.get("role", "user")
        results = [
            result for part in _parts(content) if (result := object_or_none(sent(part, "functionResponse"))) is not None
        ]
        yield from (Turn(role="tool", text=_result_text(result)) for result in results)
        text = _text_of(content)
        if isinstance(role, str) and role in _ROLES and (text or not results) and content:
            yield Turn(role=_ROLES[role], text=text)


def _parts(content: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """One part may stand for an array of one."""
    parts = content.get("parts")
    yield from map(object_or_nothing, (parts,) if object_or_none(parts) is not None else array_or_nothing(parts))


def _text_of(content: object) -> str:
    """All texts but thoughts; a bare string is one."""
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in _parts(object_or_nothing(content)) if part.get("thought") is not True)
    return "\n".join(text for text in texts if isinstance(text, str))


def _result_text(result: Mapping[str, object]) -> str:
    """The one string that a result holds under the usual names, else its JSON text."""
    response = object_or_nothing(result.get("response"))
    texts = [response[key] for key in _RESULT_KEYS if key in response]
    if len(response) == 1 and texts and isinstance(texts[0], str):
        return texts[0]
    return json.dumps(response)


def _tools(body: Mapping[str, object]) -> Iterator[OfferedTool]:
    for tool in map(object_or_nothing, array_or_nothing(body.get("tools"))):
        for each in map(object_or_nothing, array_or_nothing(sent(tool, "functionDeclarations"))):
            if (name := string_or_none(each.get("name"))) is not None:
                schema = object_or_none(sent(each, "parametersJsonSchema"))
                yield OfferedTool(
                    name=name, parameters=from_gemini(each.get("parameters")) if schema is None else schema
                )


def _other_tool_names(body: Mapping[str, object]) -> frozenset[str] | None:
    tools = map(object_or_nothing, array_or_nothing(body.get("tools")))
    return None if any(sent(tool, name) is not None for tool in tools for name in _MAKES_NAMES) else frozenset()


def calling_config(body: Mapping[str, object]) -> Mapping[str, object]:
    """Empty where there is none."""
    return object_or_nothing(sent(object_or_nothing(sent(body, "toolConfig")), "functionCallingConfig"))


def _tool_choice(body: Mapping[str, object]) -> tuple[ToolChoice | None, str | None]:
    """The choice, and the one function that it leaves."""
    mode = calling_config(body).get("mode")
    choice = _MODES.get(mode) if isinstance(mode, str | int) and not isinstance(mode, bool) else None
    names = allowed_names(body)
    return ("named", names[0]) if choice == "required" and len(names) == 1 else (choice, None)


def _response_format(config: Mapping[str, object]) -> Mapping[str, object]:
    if sent(config, "responseMimeType") != "application/json":
        return {}
    schema = object_or_none(sent(config, "responseJsonSchema"))
    if schema is None:
        schema = from_gemini(sent(config, "responseSchema"))
    if schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "response", "schema": schema}}
