"""The loop that the users of OpenAI's libraries write over a Responses stream, and what is heard in it.

The same loop in every language; here in Python, where `said` and `called` are what the caller's ear gets:

```python
for event in stream:
    kind = getattr(event, "type", None)
    if kind == "response.output_text.delta":
        said(event.delta)
    elif kind in ("response.output_item.added", "response.output_item.done"):
        if event.item.type == "function_call":
            call = calls.setdefault(event.output_index, Call())
            call.id = event.item.call_id or call.id
            call.name = event.item.name or call.name
            call.arguments = event.item.arguments or call.arguments
    elif kind == "response.function_call_arguments.delta":
        if event.output_index in calls:
            calls[event.output_index].arguments += event.delta
    elif kind in ("response.completed", "response.incomplete", "response.failed"):
        finish_reason = event.response.status
```

Whatever is absent or of another type than the API's is passed over: a text that is no string, an item that is no
object. An index that is no whole number counts as none. Refusals and reasoning are not spoken. The finished item wins
over its fragments: what is run is what the server says the call is. An `error` event or `response.failed` that the
library hands over raises nothing here either.
"""

from collections.abc import Callable, Mapping, Sequence

from vapi_conformance.consumers.listening import Listening
from vapi_conformance.narrow import object_or_nothing, string_or_none

__all__ = ["ResponsesLoop"]

_ITEMS = frozenset({"response.output_item.added", "response.output_item.done"})
_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})


class ResponsesLoop:
    """Events in; what is heard goes to `listening`, whose time is the caller's to set."""

    def __init__(self, listening: Listening, *, index_of: Callable[[object], int | None]) -> None:
        """`index_of` is the language's: what is a whole number."""
        self._listening = listening
        self._index_of = index_of
        self._known: set[int | None] = set()

    def event(self, event: object) -> None:
        """One event as the library hands it over: a JSON value."""
        fields = object_or_nothing(event)
        kind = string_or_none(fields.get("type"))
        if kind == "response.output_text.delta":
            self.text(fields.get("delta"))
        elif kind in _ITEMS:
            self._item(fields.get("output_index"), fields.get("item"))
        elif kind == "response.function_call_arguments.delta":
            self._fragment(fields)
        elif kind in _TERMINAL:
            self.finished(object_or_nothing(fields.get("response")))

    def text(self, text: object) -> None:
        """A piece of `output_text`."""
        if isinstance(text, str):
            self._listening.text(text)

    def items(self, items: Sequence[object]) -> None:
        """The output of a whole response; only function calls are heard."""
        for index, item in enumerate(items):
            self._item(index, item)

    def finished(self, response: Mapping[str, object]) -> None:
        """The response in its last state."""
        self._listening.finish_reason = string_or_none(response.get("status")) or self._listening.finish_reason

    def _item(self, index: object, item: object) -> None:
        fields = object_or_nothing(item)
        if fields.get("type") != "function_call":
            return
        key = self._index_of(index)
        self._known.add(key)
        call = self._listening.call(key, index=key)
        call.id = string_or_none(fields.get("call_id")) or call.id
        call.name = string_or_none(fields.get("name")) or call.name
        arguments = string_or_none(fields.get("arguments"))
        call.arguments = [arguments] if arguments else call.arguments

    def _fragment(self, fields: Mapping[str, object]) -> None:
        key = self._index_of(fields.get("output_index"))
        fragment = fields.get("delta")
        if key in self._known and isinstance(fragment, str):
            self._listening.call(key).arguments.append(fragment)
