"""The items of a Responses input, as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.dialects.fields import name_in, text_of
from vapi_reference_server.json_values import JsonObject, as_list, as_object
from vapi_reference_server.problems import Problem, bad_value
from vapi_reference_server.request import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vapi_reference_server.dialects.responses.stored import StoredAnswers

ROLES = ("user", "assistant", "system", "developer")
_TEXT_PARTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
_MUTE_PARTS = ("input_image", "input_file", "input_audio", "computer_screenshot")
# What an answer may have held, and may be sent back; it changes nothing in the words of a script.
_MUTE_ITEMS = (
    *("reasoning", "web_search_call", "file_search_call", "computer_call", "computer_call_output"),
    *("code_interpreter_call", "image_generation_call", "local_shell_call", "local_shell_call_output"),
    *("mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "mcp_call"),
    *("custom_tool_call", "custom_tool_call_output", "compaction"),
)


def read_items(items: Sequence[JsonObject], before: Iterable[Message], answers: StoredAnswers) -> tuple[Message, ...]:
    """The messages of these items. Raises Problem, status 400, that names the item at fault.

    `before` is what was said before them: a call in there can be answered here.
    """
    called = {call_id for message in before for call_id in message.call_ids}
    messages: list[Message] = []
    for position, sent in enumerate(items):
        where = f"input[{position}]"
        message = _message(_looked_up(sent, where, answers), where)
        if message is None:
            continue
        called.update(message.call_ids)
        if message.role == "tool" and message.tool_call_id not in called:
            raise Problem(
                status=400,
                message=f"No tool call found for function call output with call_id {str(message.tool_call_id)[:80]}.",
                param="input",
            )
        messages.append(message)
    return tuple(messages)


def _looked_up(item: JsonObject, where: str, answers: StoredAnswers) -> JsonObject:
    if item.get("type") != "item_reference":
        return item
    item_id = name_in(item, "id", f"{where}.")
    found = answers.find_item(item_id)
    if found is None:
        raise Problem(status=404, message=f"Item with id '{item_id[:80]}' not found.", param="input")
    return found


def _message(item: JsonObject, where: str) -> Message | None:
    kind = item.get("type", "message")
    if kind == "message":
        return _said(item, where)
    if kind == "function_call":
        call_id = name_in(item, "call_id", f"{where}.")
        name_in(item, "name", f"{where}.")
        text_of(item.get("arguments"), f"{where}.arguments")
        return Message(role="assistant", text="", call_ids=(call_id,))
    if kind == "function_call_output":
        call_id = name_in(item, "call_id", f"{where}.")
        return Message(role="tool", text=_text(item.get("output"), f"{where}.output"), tool_call_id=call_id)
    if kind not in _MUTE_ITEMS:
        raise bad_value(f"{where}.type", "a known type of item is wanted")
    return None


def _said(item: JsonObject, where: str) -> Message:
    role = item.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise bad_value(f"{where}.role", f"one of {', '.join(ROLES)} is wanted")
    return Message(role=role, text=_text(item.get("content"), f"{where}.content"))


def _text(content: object, where: str) -> str:
    if isinstance(content, str):
        return text_of(content, where)
    parts = as_list(content)
    if parts is None:
        raise bad_value(where, "a string or an array of parts is wanted")
    return "".join(_part(as_object(part) or {}, f"{where}[{position}]") for position, part in enumerate(parts))


def _part(part: JsonObject, where: str) -> str:
    kind = part.get("type")
    if kind in _MUTE_PARTS:
        return ""
    key = _TEXT_PARTS.get(kind) if isinstance(kind, str) else None
    if key is None:
        raise bad_value(f"{where}.type", f"one of {', '.join((*_TEXT_PARTS, *_MUTE_PARTS))} is wanted")
    return text_of(part.get(key), f"{where}.{key}")
