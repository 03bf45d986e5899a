"""A generateContent request, read from its JSON. What a sound endpoint must refuse is refused here.

Keys come in camelCase or snake_case; unknown ones are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.dialects.fields import (
    boolean_in,
    integer_in,
    list_in,
    name_in,
    number_in,
    object_in,
    objects_in,
    stops_in,
    string_in,
    text_of,
    word_in,
)
from vapi_reference_server.dialects.gemini.contents import read_contents, read_system
from vapi_reference_server.dialects.gemini.names import Mode, camel_keys, enum_in
from vapi_reference_server.dialects.gemini.schemas import json_schema
from vapi_reference_server.problems import Problem, bad_value
from vapi_reference_server.request import Choice, Request, Tool

if TYPE_CHECKING:
    from vapi_reference_server.json_values import JsonObject

_CONFIG = "generationConfig."
_CALLING = "toolConfig.functionCallingConfig."
_MOST_CANDIDATES = 8
_MOST_STOPS = 5
_HOTTEST = 2.0
_JSON = "application/json"
_MIME_TYPES = ("text/plain", _JSON, "text/x.enum")


def parse_request(body: JsonObject, model: str, *, stream: bool) -> Request:
    """The request in a JSON body. Raises Problem, status 400, that names the field at fault."""
    body = camel_keys(body)
    contents = objects_in(body, "contents")
    if not contents:
        raise bad_value("contents", "contents is not specified")
    if body.get("cachedContent") is not None:
        raise Problem(status=403, message="CachedContent not found (or permission denied)", param="cachedContent")
    config = camel_keys(object_in(body, "generationConfig") or {})
    _check_the_rest(body, config)
    tools = _tools(body)
    choice, allowed = _tool_choice(body, tools)
    return Request(
        model=model,
        messages=(*read_system(object_in(body, "systemInstruction")), *read_contents(contents)),
        stream=stream,
        choices=integer_in(config, "candidateCount", low=1, high=_MOST_CANDIDATES, at=_CONFIG) or 1,
        max_tokens=integer_in(config, "maxOutputTokens", low=1, at=_CONFIG),
        stops=stops_in(config, "stopSequences", _MOST_STOPS, _CONFIG),
        response_format=_response_format(config),
        tools=allowed,
        tool_choice=choice,
        thinks_aloud=_thinks(config),
    )


def _check_the_rest(body: JsonObject, config: JsonObject) -> None:
    """What changes nothing in the answer of a script has to be well-formed all the same."""
    objects_in(body, "safetySettings")
    number_in(config, "temperature", _HOTTEST, _CONFIG)
    number_in(config, "topP", 1.0, _CONFIG)
    number_in(config, "topK", float("inf"), _CONFIG)
    integer_in(config, "seed", at=_CONFIG)
    boolean_in(config, "responseLogprobs", default=False, at=_CONFIG)


def _tools(body: JsonObject) -> tuple[Tool, ...]:
    """The declared functions; tools that Google runs are accepted and never called."""
    tools: list[Tool] = []
    for position, sent in enumerate(objects_in(body, "tools")):
        at = f"tools[{position}]."
        declared = objects_in(camel_keys(sent), "functionDeclarations", at)
        for number, item in enumerate(declared):
            where = f"{at}functionDeclarations[{number}]."
            tools.append(_function(camel_keys(item), where))
    return tuple(tools)


def _function(item: JsonObject, at: str) -> Tool:
    name = name_in(item, "name", at)
    plain = object_in(item, "parametersJsonSchema", at)
    if plain is not None:
        return Tool(name=name, parameters=plain)
    return Tool(name=name, parameters=json_schema(object_in(item, "parameters", at) or {}, f"{at}parameters"))


def _tool_choice(body: JsonObject, tools: tuple[Tool, ...]) -> tuple[Choice, tuple[Tool, ...]]:
    """The mode, and the functions that may be called in it."""
    config = camel_keys(object_in(body, "toolConfig") or {})
    calling = camel_keys(object_in(config, "functionCallingConfig", "toolConfig.") or {})
    mode = enum_in(calling, "mode", Mode, _CALLING) or Mode.AUTO.name
    names = {text_of(name, f"{_CALLING}allowedFunctionNames") for name in _names(calling)}
    if names and mode not in (Mode.ANY.name, Mode.VALIDATED.name):
        raise bad_value(f"{_CALLING}allowedFunctionNames", "names can be allowed only in the modes ANY and VALIDATED")
    if not names <= {tool.name for tool in tools}:
        raise bad_value(f"{_CALLING}allowedFunctionNames", "names of declared functions are wanted")
    if mode == Mode.ANY.name and not tools:
        raise bad_value(f"{_CALLING}mode", "ANY can be asked for only where functions are declared")
    choice = {Mode.ANY.name: Choice.REQUIRED, Mode.NONE.name: Choice.NONE}.get(mode, Choice.AUTO)
    return choice, tuple(tool for tool in tools if tool.name in names) if names else tools


def _names(calling: JsonObject) -> list[object]:
    return list_in(calling, "allowedFunctionNames", _CALLING)


def _response_format(config: JsonObject) -> JsonObject | None:
    mime_type = word_in(config, "responseMimeType", _MIME_TYPES, _CONFIG)
    own, plain = object_in(config, "responseSchema", _CONFIG), object_in(config, "responseJsonSchema", _CONFIG)
    if mime_type != _JSON:
        if own is not None or plain is not None:
            raise bad_value(f"{_CONFIG}responseMimeType", "a response schema goes with application/json only")
        return None
    if plain is not None:
        return plain
    return {"type": "object"} if own is None else json_schema(own, f"{_CONFIG}responseSchema")


def _thinks(config: JsonObject) -> bool:
    thinking = camel_keys(object_in(config, "thinkingConfig", _CONFIG) or {})
    at = f"{_CONFIG}thinkingConfig."
    budget = integer_in(thinking, "thinkingBudget", low=-1, at=at)
    string_in(thinking, "thinkingLevel", at)
    return boolean_in(thinking, "includeThoughts", default=False, at=at) and budget != 0
