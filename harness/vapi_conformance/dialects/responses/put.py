"""A request in the words of Chat Completions, put into the words of Responses.

Total: a value of the wrong type arrives under this API's name as it was, and what has no counterpart passes
unchanged, so that a probe stays the probe that it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vapi_conformance.narrow import array_or_none, object_or_none, object_or_nothing, string_or_none

__all__ = ["put"]

_RENAMED: Final[Mapping[str, tuple[str, str]]] = {
    "reasoning_effort": ("reasoning", "effort"),
    "verbosity": ("text", "verbosity"),
}
_TAKEN: Final = frozenset(
    {
        "messages",
        "max_tokens",
        "max_completion_tokens",
        "tools",
        "tool_choice",
        "response_format",
        "stream_options",
        "logprobs",
        *_RENAMED,
    }
)
_PART_TYPES: Final[Mapping[object, str]] = {"text": "input_text", "image_url": "input_image", "file": "input_file"}
_LOGPROBS: Final = "message.output_text.logprobs"


def put(body: Mapping[str, object]) -> dict[str, object]:
    """The body that asks the same."""
    asked: dict[str, object] = {key: value for key, value in body.items() if key not in _TAKEN}
    _put_messages(asked, body)
    for bound in ("max_completion_tokens", "max_tokens"):
        if bound in body:
            asked["max_output_tokens"] = body[bound]
            break
    if "tools" in body:
        tools = array_or_none(body["tools"])
        asked["tools"] = body["tools"] if tools is None else [_tool(each) for each in tools]
    if "tool_choice" in body:
        asked["tool_choice"] = _tool_choice(body["tool_choice"])
    if "response_format" in body:
        _put_in(asked, "text", "format", _format(body["response_format"]))
    for key, (holder, name) in _RENAMED.items():
        if key in body:
            _put_in(asked, holder, name, body[key])
    _put_options(asked, body)
    return asked


def _put_in(asked: dict[str, object], holder: str, name: str, value: object) -> None:
    asked[holder] = {**object_or_nothing(asked.get(holder)), name: value}


def _put_options(asked: dict[str, object], body: Mapping[str, object]) -> None:
    """A stream always reports its usage, so the wish for it has no counterpart; log probabilities are `include`d."""
    if "stream_options" in body:
        options = object_or_none(body["stream_options"])
        if options is None:
            asked["stream_options"] = body["stream_options"]
        elif kept := {key: value for key, value in options.items() if key != "include_usage"}:
            asked["stream_options"] = kept
    if body.get("logprobs") is True:
        asked["include"] = [_LOGPROBS]
    elif "logprobs" in body and body["logprobs"] not in (False, None):
        asked["logprobs"] = body["logprobs"]


def _put_messages(asked: dict[str, object], body: Mapping[str, object]) -> None:
    if "messages" not in body:
        return
    messages = array_or_none(body["messages"])
    if messages is None:
        asked["input"] = body["messages"]
        return
    prompt = _prompt(messages)
    if prompt is not None:
        asked["instructions"] = prompt
        messages = messages[1:]
    asked["input"] = [item for message in messages for item in _items(message)]


def _prompt(messages: Sequence[object]) -> str | None:
    """A system prompt at the beginning has a place of its own; but an input without any item is refused."""
    first = object_or_nothing(messages[0] if messages else None)
    content = string_or_none(first.get("content"))
    return content if len(messages) > 1 and first.get("role") == "system" else None


def _items(message: object) -> Iterator[object]:
    record = object_or_none(message)
    role = None if record is None else record.get("role")
    if record is None or not isinstance(role, str):
        yield message
    elif role in ("tool", "function"):
        yield {
            "type": "function_call_output",
            **({"call_id": record["tool_call_id"]} if "tool_call_id" in record else {}),
            **({"output": _output(record["content"])} if "content" in record else {}),
        }
    else:
        calls = array_or_none(record.get("tool_calls"))
        content = record.get("content")
        # Beside calls, null and nothing are the same: there is no message.
        if not calls or content:
            yield {
                **{key: value for key, value in record.items() if key != "tool_calls"},
                **({"content": _content(content, role)} if "content" in record else {}),
            }
        yield from map(_call, calls or ())


def _content(content: object, role: str) -> object:
    parts = array_or_none(content)
    return content if parts is None else [_part(each, role) for each in parts]


def _part(part: object, role: str) -> object:
    record = object_or_none(part)
    kind = None if record is None else record.get("type")
    if record is None or not isinstance(kind, str):
        return part
    if role == "assistant":
        return {**record, "type": "output_text"} if kind == "text" else dict(record)
    if kind == "image_url":
        image = object_or_nothing(record.get("image_url"))
        detail = {"detail": image["detail"]} if "detail" in image else {}
        return {"type": "input_image", "image_url": image.get("url", record.get("image_url")), **detail}
    return {**record, "type": _PART_TYPES.get(kind, kind)}


def _output(content: object) -> object:
    """The result of a call: a string, or parts as a user would send them."""
    return _content(content, "user")


def _call(call: object) -> object:
    record = object_or_none(call)
    if record is None:
        return call
    held = object_or_nothing(record.get("custom" if record.get("type") == "custom" else "function"))
    kind = "custom_tool_call" if record.get("type") == "custom" else "function_call"
    return {"type": kind, **({"call_id": record["id"]} if "id" in record else {}), **held}


def _tool(tool: object) -> object:
    record = object_or_none(tool)
    if record is None:
        return tool
    kind = record.get("type")
    held = object_or_none(record.get(kind)) if isinstance(kind, str) else None
    if held is None:
        return dict(record)
    # Unsaid, a function is strict here and is not in Chat Completions.
    strict = {"strict": False} if kind == "function" else {}
    return {"type": kind, **strict, **held}


def _tool_choice(chosen: object) -> object:
    record = object_or_none(chosen)
    kind = None if record is None else record.get("type")
    held = object_or_none(record.get(kind)) if record is not None and isinstance(kind, str) else None
    if held is None:
        return chosen
    tools = array_or_none(held.get("tools"))
    named = {} if tools is None else {"tools": [_tool_choice(each) for each in tools]}
    return {"type": kind, **held, **named}


def _format(wanted: object) -> object:
    record = object_or_none(wanted)
    held = None if record is None else object_or_none(record.get("json_schema"))
    if record is None or held is None:
        return wanted
    return {"type": record.get("type"), **held}
