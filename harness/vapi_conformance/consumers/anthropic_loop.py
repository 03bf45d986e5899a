"""The loop of a user of Anthropic's Messages API, the same in Python and in JavaScript; the models of both drive it.

For streams, written for Python (`event` is what the package gives; a field that is not there is as None):

```python
for event in stream:
    if event.type == "content_block_start":
        call = begin_call(event.content_block) if event.content_block.type == "tool_use" else None
    elif event.type == "content_block_delta":
        if event.delta.type == "text_delta":
            heard_text(event.delta.text)
        elif event.delta.type == "input_json_delta" and call:
            call.arguments += event.delta.partial_json
    elif event.type == "message_delta":
        finish_reason = event.delta.stop_reason or finish_reason
```

Blocks never overlap, so that a fragment belongs to the block that was begun last; the blocks' indexes are not looked
at. Values of a wrong type are passed over. Of a whole message, text blocks are heard, then tool_use blocks become
calls with their input as JSON text.
"""

from collections.abc import Callable

from vapi_conformance.consumers.listening import Call, Listening
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none

__all__ = ["MessagesLoop"]


class MessagesLoop:
    """Give it events as JSON values, in order; `dumps` is how the language writes JSON."""

    def __init__(self, listening: Listening, *, dumps: Callable[[object], str]) -> None:
        self._listening = listening
        self._dumps = dumps
        self._call: Call | None = None

    def event(self, event: object) -> None:
        """One event as the package hands it over."""
        fields = object_or_nothing(event)
        match fields.get("type"):
            case "content_block_start":
                self._block(fields.get("content_block"))
            case "content_block_delta":
                self._delta(fields.get("delta"))
            case "message_delta":
                self._finished(fields.get("delta"))
            case _:
                pass

    def message(self, message: object) -> None:
        """A whole answer.

        Raises whatever `dumps` raises.
        """
        for item in array_or_nothing(object_or_nothing(message).get("content")):
            block = object_or_nothing(item)
            if block.get("type") == "text":
                self._listening.text(string_or_none(block.get("text")) or "")
            self._block(block)
            if self._call is not None:
                self._call.arguments.append(self._dumps(block.get("input")))
        self._finished(message)

    def _block(self, value: object) -> None:
        block = object_or_nothing(value)
        self._call = None
        if block.get("type") == "tool_use":
            self._call = self._listening.call(object())
            self._call.id = string_or_none(block.get("id"))
            self._call.name = string_or_none(block.get("name"))

    def _delta(self, value: object) -> None:
        delta = object_or_nothing(value)
        if delta.get("type") == "text_delta":
            self._listening.text(string_or_none(delta.get("text")) or "")
        elif delta.get("type") == "input_json_delta" and self._call is not None:
            fragment = string_or_none(delta.get("partial_json"))
            if fragment is not None:
                self._call.arguments.append(fragment)
                self._call.at_ns = self._listening.at_ns

    def _finished(self, value: object) -> None:
        reason = string_or_none(object_or_nothing(value).get("stop_reason"))
        self._listening.finish_reason = reason or self._listening.finish_reason
