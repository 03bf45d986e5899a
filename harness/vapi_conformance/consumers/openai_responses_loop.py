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

from vapi_conformance.consumers.heard import Heard, HeardText, HeardToolCall, Outcome
from vapi_conformance.consumers.utf16 import well_formed
from vapi_conformance.narrow import object_or_nothing, string_or_none

__all__ = ["ResponsesLoop"]

_ITEMS = frozenset({"response.output_item.added", "response.output_item.done"})
_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})


class _Call:
    __slots__ = ("arguments", "at_ns", "id", "index", "name")

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id: str | None = None
        self.name: str | None = None
        self.arguments: list[str] = []
        self.at_ns: int | None = None


class ResponsesLoop:
    """Events in, `Heard` out."""

    def __init__(self, *, index_of: Callable[[object], int | None], join: Callable[[list[str]], str]) -> None:
        """`index_of` and `join` are the language's: what is a whole number, and how strings are put together."""
        self._index_of = index_of
        self._join = join
        self._texts: list[HeardText] = []
        self._calls: dict[int | None, _Call] = {}
        self._finish_reason: str | None = None

    def event(self, event: object, at_ns: int | None) -> None:
        """One event as the library hands it over: a JSON value."""
        fields = object_or_nothing(event)
        kind = string_or_none(fields.get("type"))
        if kind == "response.output_text.delta":
            self.text(fields.get("delta"), at_ns)
        elif kind in _ITEMS:
            self.item(fields.get("output_index"), fields.get("item"), at_ns)
        elif kind == "response.function_call_arguments.delta":
            self._fragment(fields, at_ns)
        elif kind in _TERMINAL:
            self.finished(object_or_nothing(fields.get("response")))

    def text(self, text: object, at_ns: int | None) -> None:
        """A piece of `output_text`."""
        if isinstance(text, str) and text:
            self._texts.append(HeardText(text=text, at_ns=at_ns))

    def item(self, index: object, item: object, at_ns: int | None) -> None:
        """An output item, begun or finished; only function calls are heard."""
        fields = object_or_nothing(item)
        if fields.get("type") != "function_call":
            return
        key = self._index_of(index)
        call = self._calls.setdefault(key, _Call(key))
        call.at_ns = at_ns
        call.id = string_or_none(fields.get("call_id")) or call.id
        call.name = string_or_none(fields.get("name")) or call.name
        arguments = string_or_none(fields.get("arguments"))
        call.arguments = [arguments] if arguments else call.arguments

    def items(self, items: Sequence[object], at_ns: int | None) -> None:
        """The output of a whole response."""
        for index, item in enumerate(items):
            self.item(index, item, at_ns)

    def finished(self, response: Mapping[str, object]) -> None:
        """The response in its last state."""
        self._finish_reason = string_or_none(response.get("status")) or self._finish_reason

    def _fragment(self, fields: Mapping[str, object], at_ns: int | None) -> None:
        call = self._calls.get(self._index_of(fields.get("output_index")))
        fragment = fields.get("delta")
        if call is not None and isinstance(fragment, str):
            call.arguments.append(fragment)
            call.at_ns = at_ns

    def heard(self, error: Exception | None, *, ended: bool, at_ns: int | None, blank: str | None = None) -> Heard:
        """`at_ns` is when the loop ended, well or not; `ended` is false when the record does not show an end.

        `blank` is what the language's own trimming takes away; without it, Python's white space.
        """
        return Heard(
            outcome=self._outcome(failed=error is not None, blank=blank),
            texts=tuple(self._texts),
            tool_calls=tuple(self._heard_call(call) for call in self._calls.values()),
            finish_reason=self._finish_reason,
            error=None if error is None else well_formed(str(error)),
            error_at_ns=at_ns if error is not None and ended else None,
            ended_at_ns=at_ns if ended else None,
        )

    def _heard_call(self, call: _Call) -> HeardToolCall:
        return HeardToolCall(
            index=call.index, id=call.id, name=call.name, arguments=self._join(call.arguments), at_ns=call.at_ns
        )

    def _outcome(self, *, failed: bool, blank: str | None) -> Outcome:
        if failed:
            return Outcome.FAILED
        if any(part.text.strip(blank) for part in self._texts):
            return Outcome.SPOKEN
        if any(call.name for call in self._calls.values()):
            return Outcome.TOOL_CALL
        return Outcome.SILENCE
