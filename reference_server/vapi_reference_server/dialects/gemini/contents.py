"""The contents of a Gemini request, part by part, as messages of the neutral request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.dialects.fields import name_in, object_in, objects_in, string_in, text_of
from vapi_reference_server.dialects.gemini.names import camel_keys
from vapi_reference_server.json_values import JsonObject, encode
from vapi_reference_server.problems import Problem, bad_value
from vapi_reference_server.request import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROLES = {"user": "user", "model": "assistant", "function": "user"}
_MUTE_PAYLOADS = ("inlineData", "fileData", "executableCode", "codeExecutionResult", "toolCall", "toolResponse")
_PAYLOADS = ("text", "functionCall", "functionResponse", *_MUTE_PAYLOADS)
# Where a tool's words stand in a response, by the habit of Google's own clients.
_RESULT_KEYS = ("result", "output", "error")


def read_system(content: JsonObject | None) -> tuple[Message, ...]:
    """The system instruction: a content whose role does not matter."""
    if content is None:
        return ()
    texts = (_text(part, at) for part, at in _parts(content, "systemInstruction"))
    return (Message(role="system", text="".join(texts)),)


def read_contents(contents: Sequence[JsonObject]) -> tuple[Message, ...]:
    """The turns. A turn of results and words becomes one message per result, and one for the words.

    Raises Problem, status 400: also for the response of a function that no earlier turn has called.
    """
    messages: list[Message] = []
    called: set[str] = set()
    for position, content in enumerate(contents):
        where = f"contents[{position}]"
        role = string_in(content, "role", f"{where}.") or "user"
        if role not in _ROLES:
            raise bad_value(f"{where}.role", "Please use a valid role: user, model")
        parts = list(_parts(content, where))
        if not parts:
            raise bad_value(f"{where}.parts", "contents.parts must not be empty")
        results = [_result(part, at, called) for part, at in parts if "functionResponse" in part]
        calls = [name for part, at in parts if "functionCall" in part for name in _call(part, at)]
        called.update(calls)
        messages += results
        if len(results) < len(parts):
            text = "".join(_text(part, at) for part, at in parts)
            messages.append(Message(role=_ROLES[role], text=text, call_ids=tuple(calls)))
    return tuple(messages)


def _parts(content: JsonObject, where: str) -> Iterator[tuple[JsonObject, str]]:
    for position, sent in enumerate(objects_in(content, "parts", f"{where}.")):
        part = {key: value for key, value in camel_keys(sent).items() if value is not None}
        at = f"{where}.parts[{position}]"
        if sum(key in part for key in _PAYLOADS) != 1:
            raise bad_value(at, "required oneof field 'data' must have one initialized field")
        yield part, at


def _text(part: JsonObject, at: str) -> str:
    """The words of a part; thoughts that are sent back are none."""
    text = text_of(part.get("text", ""), f"{at}.text")
    return "" if part.get("thought") is True else text


def _call(part: JsonObject, at: str) -> tuple[str, ...]:
    """What a response may refer to: the function's name, and the call's id where it has one."""
    call = object_in(part, "functionCall", f"{at}.") or {}
    object_in(call, "args", f"{at}.functionCall.")
    call_id = string_in(call, "id", f"{at}.functionCall.")
    name = name_in(call, "name", f"{at}.functionCall.")
    return (name, call_id) if call_id else (name,)


def _result(part: JsonObject, at: str, called: set[str]) -> Message:
    at = f"{at}.functionResponse."
    response = object_in(part, "functionResponse") or {}
    name, call_id = name_in(response, "name", at), string_in(response, "id", at)
    if name not in called and call_id not in called:
        raise Problem(
            status=400,
            message="Please ensure that function response turn comes immediately after a function call turn: "
            f"nothing has called {name[:80]}.",
            param=f"{at}name",
        )
    said = object_in(response, "response", at) or {}
    words = next((text for key in _RESULT_KEYS if isinstance(text := said.get(key), str)), None)
    text = encode(said).decode() if words is None else text_of(words, f"{at}response")
    return Message(role="tool", text=text, tool_call_id=call_id or name)
