"""The accumulator behind `client.responses.stream(...)` of the Python package openai 3.x: what it accepts.

It keeps a snapshot of the response and raises where an event does not fit: `lib/streaming/responses/_responses.py`.
Python's own complaints (an index that is no integer, text added to nothing) are raised by doing what the package does.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar, cast

from vapi_conformance.consumers import py_json
from vapi_conformance.consumers.py_error import PyError
from vapi_conformance.narrow import array_or_none, object_or_none, object_or_nothing

__all__ = ["StreamState", "attribute", "whole_text"]

_MAX_STEPS: Final = 1_000_000
"""The package looks at every item again with every `response.completed`; a hostile stream makes that quadratic."""
_LIFECYCLE: Final = frozenset({"response.created", "response.queued", "response.in_progress"})
_WITH_RESPONSE: Final = _LIFECYCLE | {"response.completed", "response.failed", "response.incomplete"}
_NAMED_BY_CALL_ID: Final = ("function_call", "custom_tool_call", "shell_call", "shell_call_output")
_MAY_GAIN_AN_ID: Final = ("function_call", "custom_tool_call")
_CONFLICT: Final = "Response snapshot has conflicting output identities."

_Identity = tuple[object, object, object]
_Result = TypeVar("_Result")


def attribute(value: object, name: str) -> object:
    """`value.name`, where a JSON object has become a model: what is absent is None.

    Raises:
        PyError: an AttributeError, for what is no object.
    """
    fields = object_or_none(value)
    if fields is None:
        raise PyError("AttributeError", f"'{py_json.type_name(value)}' object has no attribute '{name}'")
    return fields.get(name)


def whole_text(response: object) -> str:
    """`response.output_text`.

    Raises:
        PyError: what reading it raises.
    """
    texts: list[object] = []
    fields = object_or_none(response)
    if fields is None:
        raise PyError("AttributeError", f"'{py_json.type_name(response)}' object has no attribute 'output_text'")
    for item in _iterated(fields.get("output")):
        if attribute(item, "type") == "message":
            parts = _iterated(attribute(item, "content"))
            texts += [attribute(part, "text") for part in parts if attribute(part, "type") == "output_text"]
    return _done(lambda: "".join(cast("list[str]", [text for text in texts if text is not None])))


def _iterated(value: object) -> list[object]:
    return _done(lambda: list(cast("list[object]", value)))


def _done(action: Callable[[], _Result]) -> _Result:
    """Python's own complaint about it becomes the model's."""
    try:
        return action()
    except (TypeError, IndexError, AttributeError, KeyError, RecursionError, ValueError) as error:
        raise PyError(type(error).__name__, str(error)) from None


class _Item:
    """An output item of the snapshot; only what later events can trip over."""

    __slots__ = ("arguments", "content", "fields")

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.fields = fields
        content = fields.get("content")
        self.content: object = list(cast("list[object]", content)) if isinstance(content, list) else content
        self.arguments: object = fields.get("arguments")

    @property
    def type(self) -> object:
        return self.fields.get("type")


class StreamState:
    """`ResponseStreamState`: fed with each event's data."""

    def __init__(self) -> None:
        self.is_completed = False
        self._id: object = None
        self._no_list: str | None = None
        """The type of the first event's output, where it is no array."""
        self._has_snapshot = False
        self._steps = 0
        self._items: dict[object, object] = {}
        """By output index, as an `_Item`, or as what the first event held in an item's place."""
        self._completed: dict[object, object] = {}
        self._positions: dict[_Identity, object] = {}

    def passes(self, event: object) -> bool:
        """Whether the event reaches the user.

        Raises:
            PyError: the event does not fit, and the package's user gets this instead.
        """
        kind = attribute(event, "type")
        fields = object_or_nothing(event)
        if not self._has_snapshot:
            self._begin(kind, fields)
            return True
        if isinstance(kind, str) and kind in _WITH_RESPONSE:
            self._follow_response(kind, fields)
            return True
        match kind:
            case "response.output_item.added":
                return self._add(fields)
            case "response.content_part.added":
                self._add_part(fields)
            case "response.output_text.delta":
                self._add_text(fields)
            case "response.output_text.done":
                self._part(self._typed_item(fields, "message"), fields)
            case "response.function_call_arguments.delta":
                item = self._item(fields)
                if isinstance(item, _Item) and item.type == "function_call":
                    item.arguments = _added(item.arguments, fields.get("delta"))
                self._typed_item(fields, "function_call")
            case "response.output_item.done":
                self._complete(fields)
            case _:
                pass
        return True

    def _begin(self, kind: object, fields: Mapping[str, object]) -> None:
        if kind != "response.created":
            said = _done(lambda: str(kind))
            raise PyError("RuntimeError", f"Expected to have received `response.created` before `{said}`")
        response = fields.get("response")
        attribute(response, "to_dict")
        self._has_snapshot = True
        self._id = object_or_nothing(response).get("id")
        output = object_or_nothing(response).get("output")
        if output is None:
            return
        self._no_list = None if array_or_none(output) is not None else py_json.type_name(output)
        for index, item in enumerate(_iterated(output)):
            item_fields = object_or_none(item)
            self._items[index] = item if item_fields is None else _Item(item_fields)

    def _follow_response(self, kind: str, fields: Mapping[str, object]) -> None:
        response = fields.get("response")
        if object_or_nothing(response).get("id") != self._id:
            raise PyError("RuntimeError", "Lifecycle response identity changed.")
        output = object_or_nothing(response).get("output")
        if kind in _LIFECYCLE:
            self._replace(output)
        elif kind == "response.completed":
            self._check_completed(response, output)
            self.is_completed = True
            return
        attribute(response, "output")

    def _replace(self, output: object) -> None:
        replacements: dict[_Identity, object] = {}
        for item in _iterated(output or []):
            identity = _hashable(_identity(item))
            if identity in replacements:
                raise PyError("RuntimeError", _CONFLICT)
            replacements[identity] = item
        for identity, item in replacements.items():
            index = self._positions.get(identity)
            if index is not None:
                if not _is_compatible(self._completed[index], item):
                    raise PyError("RuntimeError", _CONFLICT)
                self._completed[index] = item

    def _check_completed(self, response: object, output: object) -> None:
        final = {_hashable(_identity(item)): item for item in _iterated(output or [])}
        self._steps += len(self._completed) + len(self._items)
        if self._steps > _MAX_STEPS:
            raise PyError("", f"(not followed beyond {_MAX_STEPS} looks at an item)")
        for item in self._completed.values():
            same = final.get(_hashable(_identity(item)))
            if same is not None and not _is_compatible(item, same):
                raise PyError("RuntimeError", "Completed response output identity changed.")
        for index, held in self._items.items():
            item = held.fields if isinstance(held, _Item) else held
            same = final.get(_hashable(_identity(item)))
            if index not in self._completed and (same is None or not _is_compatible(item, same)):
                raise PyError("RuntimeError", "Cannot complete response with unfinished output items.")
        attribute(response, "model_copy")
        if output is None:
            output = [
                self._completed[index] for index in _done(lambda: sorted(cast("dict[int, object]", self._completed)))
            ]
        for item in _iterated(output or []):
            if attribute(item, "type") == "message":
                for part in _iterated(attribute(item, "content") or []):
                    attribute(part, "type")

    def _add(self, fields: Mapping[str, object]) -> bool:
        item = fields.get("item")
        if item is None:
            return False
        index = fields.get("output_index")
        if _done(lambda: index in self._items):
            raise PyError("RuntimeError", f"Duplicate response output index {index}.")
        attribute(item, "type")
        if self._no_list is not None:
            raise PyError("AttributeError", f"'{self._no_list}' object has no attribute 'append'")
        self._items[index] = _Item(object_or_nothing(item))
        return True

    def _add_part(self, fields: Mapping[str, object]) -> None:
        item = self._item(fields)
        if _type_of(item) != "message" or not isinstance(item, _Item):
            return
        content = item.content
        if not isinstance(content, list):
            raise PyError("AttributeError", f"'{py_json.type_name(content)}' object has no attribute 'append'")
        attribute(fields.get("part"), "to_dict")
        cast("list[object]", content).append(dict(object_or_nothing(fields.get("part"))))

    def _add_text(self, fields: Mapping[str, object]) -> None:
        item = self._item(fields)
        if _type_of(item) == "message":
            part = self._part(item, fields)
            part["text"] = _added(part.get("text"), fields.get("delta"))
        self._part(self._typed_item(fields, "message"), fields)

    def _complete(self, fields: Mapping[str, object]) -> None:
        index, item = fields.get("output_index"), fields.get("item")
        held = _done(lambda: self._items.get(index))
        identity = _identity(item)
        if held is not None:
            added = held.fields if isinstance(held, _Item) else held
            if _identity(added) != identity or not _is_compatible(added, item):
                raise PyError("RuntimeError", "Completed output item identity changed.")
        position = self._positions.get(_hashable(identity))
        if position is not None and position != index:
            raise PyError("RuntimeError", _CONFLICT)
        previous = self._completed.get(index)
        if previous is not None:
            self._positions.pop(_identity(previous), None)
        self._completed[index] = item
        self._positions[identity] = index

    def _item(self, fields: Mapping[str, object]) -> object:
        index = fields.get("output_index")
        if _done(lambda: index not in self._items):
            said = f"Received a content event for output index {index} before receiving its output item"
            raise PyError("RuntimeError", said)
        return self._items[index]

    def _typed_item(self, fields: Mapping[str, object], kind: str) -> object:
        item = self._item(fields)
        if _type_of(item) != kind:
            raise PyError("AssertionError", "")
        return item

    def _part(self, item: object, fields: Mapping[str, object]) -> dict[str, object]:
        """A part of type output_text."""
        content = item.content if isinstance(item, _Item) else None
        part = _done(lambda: cast("list[object]", content)[cast("int", fields.get("content_index"))])
        if attribute(part, "type") != "output_text":
            raise PyError("AssertionError", "")
        return cast("dict[str, object]", part)


def _type_of(item: object) -> object:
    return item.type if isinstance(item, _Item) else attribute(item, "type")


def _added(before: object, delta: object) -> object:
    """`before += delta`, whose result nobody looks at but for its type."""
    if isinstance(before, str) and isinstance(delta, str):
        return before

    def add() -> object:
        left = cast("int", before)
        left += cast("int", delta)
        return left

    return _done(add)


def _identity(item: object) -> _Identity:
    kind = attribute(item, "type")
    fields = object_or_nothing(item)
    call_id = fields.get("call_id")
    return kind, None if kind in _NAMED_BY_CALL_ID else fields.get("id"), call_id


def _hashable(identity: _Identity) -> _Identity:
    _done(lambda: hash(identity))
    return identity


def _is_compatible(previous: object, replacement: object) -> bool:
    before = object_or_nothing(previous)
    previous_id = before.get("id")
    if previous_id == object_or_nothing(replacement).get("id"):
        return True
    return previous_id is None and before.get("type") in _MAY_GAIN_AN_ID
