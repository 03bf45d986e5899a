"""The turns of a Messages request, block by block, as messages of the neutral request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.dialects.fields import filled_list_in, name_in, object_in, text_of
from vapi_reference_server.json_values import JsonObject, as_list, as_object
from vapi_reference_server.problems import Problem, bad_value
from vapi_reference_server.request import Message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

ROLES = ("user", "assistant", "system")
# They may stand in a history, and change nothing in the words of a script.
_MUTE_BLOCKS = (
    *("image", "document", "search_result", "thinking", "redacted_thinking", "container_upload", "compaction"),
    *("server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result"),
    *("bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_search_tool_result"),
    *("mcp_tool_use", "mcp_tool_result", "tool_reference"),
)


def read_system(value: object) -> tuple[Message, ...]:
    """The system prompt: a string, or text blocks."""
    return () if value is None else (Message(role="system", text=_text(value, "system")),)


def read_messages(body: JsonObject) -> tuple[Message, ...]:
    """The turns. A turn of results and words becomes one message per result, and one for the words.

    Raises Problem, status 400: also for the result of a tool that no earlier turn has used.
    """
    messages: list[Message] = []
    used: set[str] = set()
    for position, item in enumerate(filled_list_in(body, "messages")):
        where = f"messages.{position}"
        turn = as_object(item)
        if turn is None:
            raise bad_value(where, "an object is wanted")
        role = turn.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise bad_value(f"{where}.role", f"one of {', '.join(ROLES)} is wanted")
        messages += _turn(role, turn.get("content"), f"{where}.content", used)
        used.update(messages[-1].call_ids)
    return tuple(messages)


def _turn(role: str, content: object, where: str, used: AbstractSet[str]) -> list[Message]:
    blocks = as_list(content)
    if blocks is None:
        return [Message(role=role, text=text_of(content, where))]
    parsed = [(as_object(block) or {}, f"{where}.{position}") for position, block in enumerate(blocks)]
    results = list(_results(parsed, used)) if role == "user" else []
    texts = [text for block, at in parsed if (text := _block(block, at, role)) is not None]
    calls = tuple(_call_id(block, at) for block, at in parsed if block.get("type") == "tool_use")
    if results and not texts:
        return results
    return [*results, Message(role=role, text="".join(texts), call_ids=calls)]


def _results(blocks: list[tuple[JsonObject, str]], used: AbstractSet[str]) -> Iterator[Message]:
    for block, at in blocks:
        if block.get("type") != "tool_result":
            continue
        call_id = name_in(block, "tool_use_id", f"{at}.")
        if call_id not in used:
            raise Problem(
                status=400,
                message=f"{at}: unexpected `tool_use_id` found in `tool_result` blocks: {call_id[:80]}. "
                "Each `tool_result` block must have a corresponding `tool_use` block in an earlier message.",
                param=at,
            )
        content = block.get("content")
        text = "" if content is None else _text(content, f"{at}.content")
        yield Message(role="tool", text=text, tool_call_id=call_id)


def _block(block: JsonObject, at: str, role: str) -> str | None:
    """The words of a block, None where it holds none."""
    kind = block.get("type")
    if kind == "text":
        return text_of(block.get("text"), f"{at}.text")
    if kind in _MUTE_BLOCKS or (kind, role) in (("tool_result", "user"), ("tool_use", "assistant")):
        return None
    raise bad_value(f"{at}.type", "a known type of block, in a turn where it belongs, is wanted")


def _call_id(block: JsonObject, at: str) -> str:
    name_in(block, "name", f"{at}.")
    if object_in(block, "input", f"{at}.") is None:
        raise bad_value(f"{at}.input", "an object is wanted")
    return name_in(block, "id", f"{at}.")


def _text(content: object, where: str) -> str:
    blocks = as_list(content)
    if blocks is None:
        return text_of(content, where)
    texts = (_block(as_object(block) or {}, f"{where}.{at}", "system") for at, block in enumerate(blocks))
    return "".join(text for text in texts if text is not None)
