"""From a Chat Completions body to a generateContent body. Total: what cannot be translated arrives as it was."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from vapi_conformance.dialects.gemini.tool_schema import to_gemini
from vapi_conformance.narrow import (
    array_or_none,
    array_or_nothing,
    object_or_none,
    object_or_nothing,
    string_or_none,
)
from vapi_conformance.payload import parse

__all__ = ["put"]

_CONFIG_KEYS: Final[Mapping[str, str]] = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "n": "candidateCount",
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
_MODES: Final[Mapping[object, str]] = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
# Where the model and the wish for a stream go, and what has no counterpart here.
_DROPPED: Final = frozenset({"model", "stream", "stream_options", "parallel_tool_calls"})


def put(body: Mapping[str, object]) -> dict[str, object]:
    """Keys that Chat Completions does not have pass unchanged, and so do values of a wrong type, under Gemini's name.

    `model` and `stream` are said by the URL; `stream_options` and `parallel_tool_calls` have no counterpart.
    """
    native: dict[str, object] = {}
    config: dict[str, object] = {}
    for key, value in body.items():
        if key in _CONFIG_KEYS:
            config[_CONFIG_KEYS[key]] = value
        elif key in _TRANSLATED:
            _TRANSLATED[key](value, native, config)
        elif key not in _DROPPED:
            native[key] = value
    own = native.get("generationConfig")
    if config and (own is None or object_or_none(own) is not None):
        native["generationConfig"] = {**config, **object_or_nothing(own)}
    return native


def _put_messages(messages: object, native: dict[str, object], _config: dict[str, object]) -> None:
    items = array_or_none(messages)
    if items is None:
        native["contents"] = messages
        return
    system = [part for each in items if _is_system(each) for part in _parts(object_or_nothing(each).get("content"))]
    if system:
        native["systemInstruction"] = {"parts": system}
    native["contents"] = list(_contents([each for each in items if not _is_system(each)]))


def _is_system(message: object) -> bool:
    return object_or_nothing(message).get("role") in ("system", "developer")


def _contents(messages: Sequence[object]) -> Iterator[object]:
    """Results that follow each other go into one content: it has to answer all calls of the turn before it."""
    names: dict[str, str] = {}
    results: list[object] = []
    for item in messages:
        message = object_or_none(item)
        if message is not None and message.get("role") == "tool":
            results.append(_result(message, names))
            continue
        if results:
            yield {"role": "user", "parts": results}
            results = []
        if message is None:
            yield item
        elif message.get("role") == "assistant":
            yield {"role": "model", "parts": [*_spoken(message), *_calls(message, names)]}
        else:
            role = message.get("role")
            yield {**({} if role is None else {"role": role}), "parts": _parts(message.get("content"))}
    if results:
        yield {"role": "user", "parts": results}


def _spoken(message: Mapping[str, object]) -> list[object]:
    """What the assistant said; silence beside calls is no part."""
    content = message.get("content")
    return [] if content in (None, "") and message.get("tool_calls") else _parts(content)


def _parts(content: object) -> list[object]:
    if content is None:
        return [{"text": ""}]
    items = array_or_none(content)
    if items is None:
        return [{"text": content}]
    return [_part(each) for each in items]


def _part(item: object) -> object:
    """A text, or an image that is in the request itself; others pass unchanged."""
    part = object_or_nothing(item)
    if part.get("type") == "text":
        return {"text": part.get("text")}
    url = string_or_none(object_or_nothing(part.get("image_url")).get("url")) or ""
    head, comma, data = url.partition(";base64,")
    if part.get("type") == "image_url" and comma and head.startswith("data:"):
        return {"inlineData": {"mimeType": head.removeprefix("data:"), "data": data}}
    return item


def _calls(message: Mapping[str, object], names: dict[str, str]) -> Iterator[object]:
    for item in array_or_nothing(message.get("tool_calls")):
        call = object_or_nothing(item)
        function = object_or_nothing(call.get("function"))
        name, call_id = function.get("name"), call.get("id")
        if isinstance(name, str) and isinstance(call_id, str):
            names[call_id] = name
        told = {"name": name, "args": _arguments(function.get("arguments"))}
        yield {"functionCall": told if call_id is None else {"id": call_id, **told}}


def _arguments(arguments: object) -> object:
    if arguments in (None, ""):
        return {}
    parsed = object_or_none(parse(arguments).value) if isinstance(arguments, str) else None
    return arguments if parsed is None else parsed


def _result(message: Mapping[str, object], names: Mapping[str, str]) -> object:
    """A result is told by its function's name; one that answers no call keeps the id in its place."""
    call_id, content = message.get("tool_call_id"), message.get("content")
    name = names.get(call_id, call_id) if isinstance(call_id, str) else message.get("name", call_id)
    told = {"name": name, "response": {"output": content}}
    return {"functionResponse": told if call_id is None else {"id": call_id, **told}}


def _put_tools(tools: object, native: dict[str, object], _config: dict[str, object]) -> None:
    """All functions in one tool; tools of other kinds, Gemini's own too, pass unchanged."""
    items = array_or_none(tools)
    if items is None:
        native["tools"] = tools
        return
    functions = [
        _declaration(function)
        for each in items
        if (function := object_or_none(object_or_nothing(each).get("function"))) is not None
    ]
    others = [each for each in items if object_or_none(object_or_nothing(each).get("function")) is None]
    native["tools"] = [*([{"functionDeclarations": functions}] if functions else []), *others]


def _declaration(function: Mapping[str, object]) -> dict[str, object]:
    told = {key: function[key] for key in ("name", "description") if key in function}
    return told | ({"parameters": to_gemini(function["parameters"])} if "parameters" in function else {})


def _put_tool_choice(choice: object, native: dict[str, object], _config: dict[str, object]) -> None:
    named = object_or_nothing(object_or_nothing(choice).get("function")).get("name")
    if named is not None:
        calling: dict[str, object] = {"mode": "ANY", "allowedFunctionNames": [named]}
    else:
        calling = {"mode": _MODES.get(choice, choice) if isinstance(choice, str) else choice}
    native["toolConfig"] = {"functionCallingConfig": calling}


def _put_stop(stop: object, _native: dict[str, object], config: dict[str, object]) -> None:
    config["stopSequences"] = [stop] if isinstance(stop, str) else stop


def _put_response_format(value: object, _native: dict[str, object], config: dict[str, object]) -> None:
    wanted = object_or_nothing(value)
    kind = wanted.get("type")
    if kind in ("json_object", "json_schema"):
        config["responseMimeType"] = "application/json"
        schema = object_or_nothing(wanted.get("json_schema")).get("schema")
        if schema is not None:
            config["responseJsonSchema"] = schema
    elif kind != "text":
        config["responseMimeType"] = value


def _put_effort(effort: object, _native: dict[str, object], config: dict[str, object]) -> None:
    config["thinkingConfig"] = {"thinkingBudget": 0} if effort == "none" else {"thinkingLevel": effort}


_TRANSLATED: Final[Mapping[str, Callable[[object, dict[str, object], dict[str, object]], None]]] = {
    "messages": _put_messages,
    "tools": _put_tools,
    "tool_choice": _put_tool_choice,
    "stop": _put_stop,
    "response_format": _put_response_format,
    "reasoning_effort": _put_effort,
}
