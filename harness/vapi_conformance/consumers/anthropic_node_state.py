"""What `messages.stream()` of @anthropic-ai/sdk 1.x for Node keeps of the message, and where that fails.

Each event is taken into a snapshot of the message before the user sees it, and looked at once more behind that; an
event that does not fit ends the stream with one of JavaScript's errors, which the package wraps. Of texts only whether
they can be put together is kept. Behaviour taken from `lib/MessageStream.mjs` of version 1.12.
"""

from collections.abc import Mapping
from typing import Final, cast

from vapi_conformance.consumers import partial_json_parser, v8_json
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.utf16 import joined
from vapi_conformance.narrow import array_or_none, object_or_none, object_or_nothing

__all__ = ["StreamState"]

_MAX_INPUT_CHARACTERS: Final = 4 << 20
_TOOL_BLOCKS: Final = ("tool_use", "server_tool_use")
_INPUT: Final = object()
"""Key under which a block's unread input is kept; no key of JSON's is equal to it."""
_LOOKED_AT_AGAIN: Final = ("text_delta", "citations_delta", "input_json_delta", "thinking_delta", "signature_delta")
_UNDEFINED: Final = object()


class StreamState:
    """The snapshot while events come. Errors are JsErrors with the name that they have inside of the package."""

    def __init__(self) -> None:
        self._snapshot: object = None
        self._is_stopped = False

    def take(self, event: object) -> None:
        """Before the user sees the event.

        Raises:
            JsError: what the package or V8 throws.
        """
        if event is None:
            raise _unreadable(None, "type")
        fields = object_or_nothing(event)
        kind = fields.get("type")
        if self._snapshot is None:
            return
        match kind:
            case "message_start":
                words = 'Unexpected event order, got message_start before receiving "message_stop"'
                raise JsError("AnthropicError", words)
            case "message_delta":
                self._message_delta(fields)
            case "content_block_start":
                self._begin(fields.get("content_block"))
            case "content_block_delta":
                self._delta(fields)
            case "content_block_stop":
                self._stop(fields.get("index", _UNDEFINED))
            case _:
                pass

    def look_again(self, event: object) -> None:
        """After the user's turn has come.

        Raises:
            JsError: what the package or V8 throws.
        """
        fields = object_or_nothing(event)
        if fields.get("type") == "message_start" and self._snapshot is None:
            message = fields.get("message")
            if v8_json.is_truthy(message):
                self._start(message)
        if self._snapshot is None:
            return
        if fields.get("type") == "message_stop":
            self._parse()
            self._is_stopped = True
        elif fields.get("type") == "content_block_delta":
            delta = object_or_nothing(fields.get("delta"))
            if delta.get("type") in _LOOKED_AT_AGAIN:
                items = array_or_none(self._content())
                if items is not None and (not items or items[-1] is None):
                    raise _unreadable(items[-1] if items else _UNDEFINED, "type")

    def finish(self) -> None:
        """The stream has ended well, and the user asks for the final message.

        Raises:
            JsError: an AnthropicError; there is none.
        """
        if self._snapshot is None:
            raise JsError("AnthropicError", "request ended without sending any chunks")
        self._parse()
        if not self._is_stopped:
            raise JsError("AnthropicError", "stream ended without producing a Message with role=assistant")

    def _start(self, message: object) -> None:
        fields = object_or_none(message)
        if fields is None:
            self._snapshot = message
            return
        copied = dict(fields)
        items = array_or_none(copied.get("content"))
        if items is not None:
            copied["content"] = [_copied(item) for item in items]
        self._snapshot = copied

    def _content(self) -> object:
        return object_or_nothing(self._snapshot).get("content", _UNDEFINED)

    def _parse(self) -> None:
        items = array_or_none(self._content())
        if items is None:
            raise self._no_method("message.content", "map")
        if any(item is None for item in items):
            raise _unreadable(None, "type")

    def _no_method(self, where: str, name: str) -> JsError:
        content = self._content()
        if content is None or content is _UNDEFINED:
            return _unreadable(content, name)
        return JsError("TypeError", f"{where}.{name} is not a function")

    def _begin(self, block: object) -> None:
        items = self._content()
        if not isinstance(items, list):
            raise self._no_method("snapshot.content", "push")
        # Spread into a new object: of anything but an object only numbered characters or items are left.
        cast("list[object]", items).append(dict(object_or_nothing(block)))

    def _at(self, index: object) -> tuple[object, bool]:
        """`content.at(index)`, and whether `content[index]` is the same one."""
        content = self._content()
        items = array_or_none(content)
        if items is None:
            if isinstance(content, str):
                _integer(index)
                return None, False  # a character, which has no type
            raise self._no_method("snapshot.content", "at")
        position = _integer(index)
        if not -len(items) <= position < len(items):
            return None, False
        return items[position], position >= 0 and index is not _UNDEFINED and v8_json.to_string(index) == str(position)

    def _delta(self, event: Mapping[str, object]) -> None:
        block, is_same = self._at(event.get("index", _UNDEFINED))
        value = event.get("delta", _UNDEFINED)
        if value is None or value is _UNDEFINED:
            raise _unreadable(value, "type")
        delta = object_or_nothing(value)
        fields = cast("dict[object, object]", object_or_nothing(block))
        match delta.get("type"), fields.get("type"):
            case "text_delta", "text":
                _concatenated(fields.get("text") or "", delta.get("text", _UNDEFINED))
            case "thinking_delta", "thinking":
                _concatenated(fields.get("thinking", _UNDEFINED), delta.get("thinking", _UNDEFINED))
            case "input_json_delta", kind if kind in _TOOL_BLOCKS:
                fragment = delta.get("partial_json", _UNDEFINED)
                text = "undefined" if fragment is _UNDEFINED else v8_json.to_string(fragment)
                if is_same:
                    cast("_Input", fields.setdefault(_INPUT, _Input())).add(text)
            case _:
                pass

    def _stop(self, index: object) -> None:
        block, _ = self._at(index)
        fields = cast("dict[object, object]", object_or_nothing(block))
        unread = fields.get(_INPUT)
        if isinstance(unread, _Input) and fields.get("type") in _TOOL_BLOCKS:
            text = joined(unread.parts)
            if text:
                partial_json_parser.parse(text)

    def _message_delta(self, event: Mapping[str, object]) -> None:
        delta = event.get("delta", _UNDEFINED)
        if delta is None or delta is _UNDEFINED:
            raise _unreadable(delta, "stop_reason")
        if object_or_none(self._snapshot) is None and array_or_none(self._snapshot) is None:
            raise _uncreatable(self._snapshot, "stop_reason")
        usage = event.get("usage", _UNDEFINED)
        if usage is None or usage is _UNDEFINED:
            raise _unreadable(usage, "output_tokens")
        kept = object_or_nothing(self._snapshot).get("usage", _UNDEFINED)
        if kept is None or kept is _UNDEFINED:
            raise JsError("TypeError", f"Cannot set properties of {_nothing(kept)} (setting 'output_tokens')")
        if not isinstance(kept, dict | list):
            raise _uncreatable(kept, "output_tokens")


class _Input:
    """The JSON text of a tool's input, as far as it has come."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._size = 0

    def add(self, fragment: str) -> None:
        self.parts.append(fragment)
        self._size += len(fragment)
        if self._size > _MAX_INPUT_CHARACTERS:
            raise JsError("", f"(a tool's input of more than {_MAX_INPUT_CHARACTERS} characters was not followed)")


def _copied(item: object) -> object:
    fields = object_or_none(item)
    return item if fields is None else dict(fields)


def _concatenated(*values: object) -> None:
    """`a + b`; whatever can be written can be put together.

    Raises:
        JsError: a TypeError or a RangeError.
    """
    for value in values:
        if value is not _UNDEFINED:
            v8_json.to_string(value)


def _integer(index: object) -> int:
    """`ToIntegerOrInfinity` (ECMA-262, 7.1.5); infinities as far outside of every array."""
    if index is None or index is _UNDEFINED:
        return 0
    text = v8_json.to_string(index).strip() if not isinstance(index, bool | int | float) else str(float(index))
    try:
        number = float(text or "0") if "_" not in text else float("nan")
    except ValueError:
        return 0
    if number != number:  # noqa: PLR0124  # NaN is nothing's equal
        return 0
    return int(number) if abs(number) < 2**53 else (1 << 60 if number > 0 else -(1 << 60))


def _nothing(value: object) -> str:
    return "undefined" if value is _UNDEFINED else "null"


def _unreadable(value: object, name: str) -> JsError:
    return JsError("TypeError", f"Cannot read properties of {_nothing(value)} (reading '{name}')")


def _uncreatable(value: object, name: str) -> JsError:
    kind = "string" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"
    return JsError("TypeError", f"Cannot create property '{name}' on {kind} '{v8_json.to_string(value)}'")
