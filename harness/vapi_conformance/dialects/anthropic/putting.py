"""From the words of Chat Completions to those of Messages.

Total: a value of the wrong type keeps its place under the name that this API has for it, so that a probe which sends
one arrives; keys that Chat Completions does not have pass as they are. What only Chat Completions has is left out,
because Anthropic refuses keys that it does not know.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from vapi_conformance.dialects.asked import text_of
from vapi_conformance.narrow import array_or_none, array_or_nothing, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.payload import parse

__all__ = ["put"]

JsonObject = dict[str, object]

_WITHOUT_COUNTERPART: Final = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "modalities",
        "n",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "safety_identifier",
        "seed",
        "store",
        "stream_options",
        "top_logprobs",
        "verbosity",
    }
)
_MAX_TOKENS: Final = 1024
"""Where the request sets no bound: this API wants one, and a spoken answer is shorter."""
_HOTTEST: Final = 1.0
"""Chat Completions goes up to 2 (Messages, `temperature`: 0 to 1)."""
_NO_PARAMETERS: Final[Mapping[str, object]] = {"type": "object", "properties": {}}
_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})


def put(body: Mapping[str, object]) -> JsonObject:
    """A Chat Completions body as a Messages body. Never raises."""
    native: JsonObject = {}
    for key, value in body.items():
        if key not in _WITHOUT_COUNTERPART:
            native |= _PUT[key](value) if key in _PUT else {key: value}
    if "max_tokens" not in native:
        native["max_tokens"] = _MAX_TOKENS
    if (choice := _tool_choice(body)) is not None:
        native["tool_choice"] = choice
    if output := _output_config(body):
        native["output_config"] = output
    return native


def _messages(value: object) -> JsonObject:
    messages = array_or_none(value)
    if messages is None:
        return {"messages": value}
    prompts = [_system_text(each) for each in messages]
    system = "\n\n".join(prompt for prompt in prompts if prompt)
    turns = [each for each, prompt in zip(messages, prompts, strict=True) if prompt is None and not _is_silent(each)]
    return {**({"system": system} if system else {}), "messages": _merged(map(_turn, turns))}


def _system_text(message: object) -> str | None:
    """None where it is no system prompt, which has a place of its own here wherever it stood."""
    record = object_or_nothing(message)
    return text_of(record.get("content")) if record.get("role") in ("system", "developer") else None


def _is_silent(message: object) -> bool:
    """An assistant message that says and calls nothing, which this API refuses."""
    record = object_or_nothing(message)
    return record.get("role") == "assistant" and not record.get("content") and not record.get("tool_calls")


def _turn(value: object) -> object:
    message = object_or_none(value)
    if message is None:
        return value
    content = message.get("content")
    match message.get("role"):
        case "tool":
            result: JsonObject = {"type": "tool_result", "tool_use_id": message.get("tool_call_id")}
            return {"role": "user", "content": [result if content is None else {**result, "content": _parts(content)}]}
        case "assistant":
            calls = [_tool_use(object_or_nothing(each)) for each in array_or_nothing(message.get("tool_calls"))]
            return {"role": "assistant", "content": [*_as_blocks(content), *calls] if calls else _parts(content)}
        case _:
            return {**message, "content": _parts(content)} if "content" in message else dict(message)


def _as_blocks(content: object) -> Sequence[object]:
    parts = _parts(content)
    if isinstance(parts, str):
        return [{"type": "text", "text": parts}] if parts else []
    return array_or_nothing(parts)


def _parts(content: object) -> object:
    """A string as it is; of an array, each part in this API's words."""
    parts = array_or_none(content)
    return content if parts is None else [_part(each) for each in parts]


def _part(part: object) -> object:
    fields = object_or_nothing(part)
    url = string_or_none(object_or_nothing(fields.get("image_url")).get("url"))
    if url is None:
        return part
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    media_type, _, data = url.removeprefix("data:").partition(";base64,")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _tool_use(call: Mapping[str, object]) -> JsonObject:
    function = object_or_nothing(call.get("function"))
    arguments = string_or_none(function.get("arguments"))
    # Arguments that are no JSON object cannot be put: `input` has to be one.
    return {
        "type": "tool_use",
        "id": call.get("id"),
        "name": function.get("name"),
        "input": object_or_none(parse(arguments).value) or {} if arguments else {},
    }


def _merged(turns: Iterator[object]) -> list[object]:
    """All results of a round, and what the user says next, are one turn: results have to follow their calls at once."""
    merged: list[object] = []
    for turn in turns:
        before = object_or_nothing(merged[-1] if merged else None)
        record = object_or_nothing(turn)
        if _holds_results(before) and record.get("role") == "user":
            blocks = [*array_or_nothing(before.get("content")), *_as_blocks(record.get("content"))]
            merged[-1] = {"role": "user", "content": blocks}
        else:
            merged.append(turn)
    return merged


def _holds_results(turn: Mapping[str, object]) -> bool:
    blocks = array_or_nothing(turn.get("content"))
    return turn.get("role") == "user" and bool(blocks) and object_or_nothing(blocks[0]).get("type") == "tool_result"


def _tools(value: object) -> JsonObject:
    tools = array_or_none(value)
    return {"tools": value if tools is None else [_tool(each) for each in tools]}


def _tool(tool: object) -> object:
    function = object_or_none(object_or_nothing(tool).get("function"))
    if function is None:
        return tool
    kept = {key: function[key] for key in ("name", "description", "strict") if key in function}
    return {**kept, "input_schema": function.get("parameters", _NO_PARAMETERS)}


def _tool_choice(body: Mapping[str, object]) -> object:
    """The choice, with the demand for one call at a time inside; None where neither is said."""
    chosen = body.get("tool_choice")
    name = string_or_none(object_or_nothing(object_or_nothing(chosen).get("function")).get("name"))
    kinds: Mapping[object, str] = {"none": "none", "auto": "auto", "required": "any"}
    choice: object = chosen
    if name is not None:
        choice = {"type": "tool", "name": name}
    elif isinstance(chosen, str) and chosen in kinds:
        choice = {"type": kinds[chosen]}
    if body.get("parallel_tool_calls") is not False:
        return choice
    fields = object_or_none({"type": "auto"} if choice is None else choice)
    return choice if fields is None or fields.get("type") == "none" else {**fields, "disable_parallel_tool_use": True}


def _limit(value: object) -> JsonObject:
    return {} if value is None else {"max_tokens": value}


def _temperature(value: object) -> JsonObject:
    is_too_hot = isinstance(value, int | float) and value > _HOTTEST
    return {"temperature": _HOTTEST if is_too_hot else value}


def _stop(value: object) -> JsonObject:
    return {"stop_sequences": [value] if isinstance(value, str) else value}


def _user(value: object) -> JsonObject:
    return {"metadata": {"user_id": value}}


def _service_tier(value: object) -> JsonObject:
    return {"service_tier": "standard_only" if value == "default" else value}


def _output_config(body: Mapping[str, object]) -> JsonObject:
    """A schema has a place here; that the answer is any JSON at all cannot be demanded."""
    schema = object_or_nothing(object_or_nothing(body.get("response_format")).get("json_schema")).get("schema")
    effort = body.get("reasoning_effort")
    wanted: JsonObject = {} if schema is None else {"format": {"type": "json_schema", "schema": schema}}
    return {**wanted, "effort": effort} if isinstance(effort, str) and effort in _EFFORTS else wanted


def _said_elsewhere(_value: object) -> JsonObject:
    """Keys that depend on each other; see `put`."""
    return {}


_PUT: Final[Mapping[str, Callable[[object], JsonObject]]] = {
    "messages": _messages,
    "max_tokens": _limit,
    "max_completion_tokens": _limit,
    "temperature": _temperature,
    "stop": _stop,
    "tools": _tools,
    "tool_choice": _said_elsewhere,
    "parallel_tool_calls": _said_elsewhere,
    "user": _user,
    "service_tier": _service_tier,
    "response_format": _said_elsewhere,
    "reasoning_effort": _said_elsewhere,
}
