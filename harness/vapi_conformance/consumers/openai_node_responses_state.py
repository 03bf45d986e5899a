"""The accumulator behind `client.responses.stream(...)` of the Node package openai 6.x: what it accepts.

It keeps a snapshot of the response and throws where an event does not fit: `lib/responses/ResponseAccumulator.mjs` and
`lib/ResponsesParser.mjs`. JavaScript's own complaints (a property of undefined) are thrown where it would throw them.
Of the snapshot only that is kept which a later event can trip over.
"""

from collections.abc import Callable, Mapping
from typing import Final, cast

from vapi_conformance.consumers import v8_json
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.stainless_node_values import (
    UNDEFINED,
    get,
    items_of,
    put,
    refuse_concatenation,
    text_of,
)
from vapi_conformance.consumers.utf16 import joined
from vapi_conformance.narrow import array_or_none, object_or_none

__all__ = ["Snapshot", "add_output_text"]

_MAX_STEPS: Final = 1_000_000
"""The package goes through the whole output again with every part; a hostile stream makes that quadratic."""
_RESPONSES: Final = frozenset(
    f"response.{kind}" for kind in ("created", "queued", "in_progress", "completed", "failed", "incomplete")
)
_STATELESS: Final = frozenset(
    {
        "response.audio.delta",
        "response.audio.done",
        "response.audio.transcript.delta",
        "response.audio.transcript.done",
        "response.image_generation_call.partial_image",
        "response.mcp_list_tools.in_progress",
        "response.mcp_list_tools.completed",
        "response.mcp_list_tools.failed",
        "keepalive",
    }
)
_GROWING: Final = {
    "response.function_call_arguments.delta": ("function_call", "arguments"),
    "response.custom_tool_call_input.delta": ("custom_tool_call", "input"),
    "response.mcp_call_arguments.delta": ("mcp_call", "arguments"),
    "response.code_interpreter_call_code.delta": ("code_interpreter_call", "code"),
}
"""Item type and field to which a fragment is added."""
_SETTLED: Final = frozenset(
    {
        "response.function_call_arguments.done",
        "response.custom_tool_call_input.done",
        "response.mcp_call_arguments.done",
        "response.code_interpreter_call_code.done",
        "response.code_interpreter_call.in_progress",
        "response.code_interpreter_call.interpreting",
        "response.code_interpreter_call.completed",
        "response.file_search_call.in_progress",
        "response.file_search_call.searching",
        "response.file_search_call.completed",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
        "response.image_generation_call.in_progress",
        "response.image_generation_call.generating",
        "response.image_generation_call.completed",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
    }
)
"""What writes a field of an item that nothing else looks at; the item must be there."""


def add_output_text(response: object) -> str:
    """What `addOutputText(rsp)` finds.

    Raises:
        JsError: a TypeError.
    """
    texts: list[str] = []
    for output in items_of(get(response, "output"), "rsp.output"):
        if get(output, "type") != "message":
            continue
        for content in items_of(get(output, "content"), "output.content"):
            if get(content, "type") == "output_text":
                text = get(content, "text")
                texts.append("" if text is None or text is UNDEFINED else v8_json.to_string(text))
    return joined(texts)


class Snapshot:
    """`accumulateResponse`, fed with each event's data."""

    def __init__(self) -> None:
        self._has_response = False
        self._steps = 0
        self.output: object = UNDEFINED

    def add(self, event: object) -> None:
        """One event.

        Raises:
            JsError: the event does not fit.
        """
        kind = get(event, "type")
        if not self._has_response:
            if kind != "response.created":
                said = f"When snapshot hasn't been set yet, expected 'response.created' event, got {text_of(kind)}"
                raise JsError("OpenAIError", said)
            self._take(get(event, "response"))
            return
        if not isinstance(kind, str):
            raise _unhandled(event)
        if kind in _RESPONSES:
            self._take(get(event, "response"))
        elif kind in _GROWING:
            self._grow(event, *_GROWING[kind])
        elif kind in _SETTLED:
            self.item(event)
        elif kind in _ACTIONS:
            _ACTIONS[kind](self, event)
        elif kind == "error":
            # The helper emits each event under its type, and this one is then taken for an error of its own: what its
            # user catches is the event itself, a plain object.
            raise JsError("Object", text_of(get(event, "message")))
        elif kind not in _STATELESS:
            raise _unhandled(event)

    def finish(self) -> None:
        """The stream has ended well, and the user asks for the final response.

        Raises:
            JsError: there is none, or it is no response.
        """
        if not self._has_response:
            raise JsError("OpenAIError", "request ended without sending any events")
        for item in _mapped(self.output, "response.output"):
            if get(item, "type") == "message":
                _mapped(get(item, "content"), "item.content")

    def item(self, event: object) -> object:
        """The item that the event names."""
        index = get(event, "output_index")
        item = get(self.output, index)
        if item is UNDEFINED or not v8_json.is_truthy(item):
            raise JsError("OpenAIError", f"missing output at index {text_of(index)}")
        return item

    def recount(self) -> None:
        """`addOutputText(snapshot)`."""
        items = array_or_none(self.output) or ()
        self._steps += sum(1 + len(array_or_none((object_or_none(each) or {}).get("content")) or ()) for each in items)
        if self._steps > _MAX_STEPS:
            raise JsError("", f"(not followed beyond {_MAX_STEPS} looks at an item)")
        add_output_text({} if self.output is UNDEFINED else {"output": self.output})

    def _take(self, response: object) -> None:
        """`cloneResponse`."""
        if response is None or response is UNDEFINED:
            raise JsError("TypeError", "Cannot convert undefined or null to object")
        fields = object_or_none(response) or {}
        self._has_response = True
        self.output = _cloned_items(fields.get("output", UNDEFINED))
        if fields.get("output_text") is None:
            self.recount()

    def _grow(self, event: object, item_type: str, field: str) -> None:
        item = self.item(event)
        if get(item, "type") == item_type:
            refuse_concatenation(get(item, field), get(event, "delta"))


def _unhandled(event: object) -> JsError:
    return JsError("OpenAIError", f"Unhandled response stream event: {v8_json.stringify(event)}")


def _cloned(item: object) -> object:
    """A copy, as deep as it is written to."""
    fields = object_or_none(item)
    if fields is None:
        return item
    copy = dict(fields)
    for key in ("content", "summary"):
        parts = array_or_none(copy.get(key))
        if parts is not None:
            copy[key] = [_cloned(part) for part in parts]
    return copy


def _cloned_items(output: object) -> object:
    items = array_or_none(output)
    return output if items is None else [_cloned(item) for item in items]


def _pushed(holder: object, spelled: str, new: object) -> None:
    """`holder.push(new)`."""
    if holder is None or holder is UNDEFINED:
        get(holder, "push")
    if not isinstance(holder, list):
        raise JsError("TypeError", f"{spelled}.push is not a function")
    cast("list[object]", holder).append(_cloned(new))


def _mapped(holder: object, spelled: str) -> list[object]:
    """What `holder.map(...)` goes through."""
    if holder is None or holder is UNDEFINED:
        get(holder, "map")
    if not isinstance(holder, list):
        raise JsError("TypeError", f"{spelled}.map is not a function")
    return cast("list[object]", holder)


def _part(parts: object, index: object, *, of: str | None = None) -> object:
    """`getContent`, and where `of` is given the check of the part's type behind it."""
    part = get(parts, index)
    if part is UNDEFINED or not v8_json.is_truthy(part):
        raise _missing(index)
    if of is not None and get(part, "type") != of:
        raise JsError("OpenAIError", f"expected content to be '{of}', got {text_of(get(part, 'type'))}")
    return part


def _missing(index: object) -> JsError:
    return JsError("OpenAIError", f"missing content at index {text_of(index)}")


def _item_added(state: Snapshot, event: object) -> None:
    item = get(event, "item")
    _pushed(state.output, "snapshot.output", item)
    if get(item, "type") == "message":
        state.recount()


def _item_done(state: Snapshot, event: object) -> None:
    state.item(event)
    item = get(event, "item")
    put(state.output, get(event, "output_index"), _cloned(item))
    if get(item, "type") == "message":
        state.recount()


def _part_added(state: Snapshot, event: object) -> None:
    output = state.item(event)
    kind, part = get(output, "type"), get(event, "part")
    if kind == "message" and get(part, "type") != "reasoning_text":
        _pushed(get(output, "content"), "output.content", part)
        if get(part, "type") == "output_text":
            state.recount()
    elif kind == "reasoning" and get(part, "type") == "reasoning_text":
        if not _is_something(get(output, "content")):
            put(output, "content", [])
        _pushed(get(output, "content"), "output.content", part)


def _part_done(state: Snapshot, event: object) -> None:
    output = state.item(event)
    kind, part, index = get(output, "type"), get(event, "part"), get(event, "content_index")
    if kind == "message" and get(part, "type") != "reasoning_text":
        content = get(output, "content")
        _part(content, index)
        put(content, index, _cloned(part))
        if get(part, "type") == "output_text":
            state.recount()
    elif kind == "reasoning" and get(part, "type") == "reasoning_text":
        content = get(output, "content")
        if not _is_something(content):
            raise _missing(index)
        _part(content, index)
        put(content, index, _cloned(part))


def _is_something(value: object) -> bool:
    return value is not UNDEFINED and v8_json.is_truthy(value)


def _message_part(state: Snapshot, event: object, of: str) -> object:
    """The part of a message; None where the item is none."""
    output = state.item(event)
    if get(output, "type") != "message":
        return None
    return _part(get(output, "content"), get(event, "content_index"), of=of)


def _text_delta(state: Snapshot, event: object) -> None:
    part = _message_part(state, event, "output_text")
    if part is not None:
        refuse_concatenation(get(part, "text"), get(event, "delta"))


def _text_done(state: Snapshot, event: object) -> None:
    part = _message_part(state, event, "output_text")
    if part is not None:
        put(part, "text", get(event, "text"))
        state.recount()


def _annotation(state: Snapshot, event: object) -> None:
    part = _message_part(state, event, "output_text")
    if part is not None:
        put(get(part, "annotations"), get(event, "annotation_index"), get(event, "annotation"))


def _refusal_delta(state: Snapshot, event: object) -> None:
    part = _message_part(state, event, "refusal")
    if part is not None:
        refuse_concatenation(get(part, "refusal"), get(event, "delta"))


def _refusal_done(state: Snapshot, event: object) -> None:
    part = _message_part(state, event, "refusal")
    if part is not None:
        put(part, "refusal", get(event, "refusal"))


def _reasoning_part(state: Snapshot, event: object) -> object:
    output = state.item(event)
    if get(output, "type") != "reasoning":
        return None
    index = get(event, "content_index")
    if not _is_something(get(output, "content")):
        raise _missing(index)
    return _part(get(output, "content"), index, of="reasoning_text")


def _reasoning_delta(state: Snapshot, event: object) -> None:
    part = _reasoning_part(state, event)
    if part is not None:
        refuse_concatenation(get(part, "text"), get(event, "delta"))


def _reasoning_done(state: Snapshot, event: object) -> None:
    part = _reasoning_part(state, event)
    if part is not None:
        put(part, "text", get(event, "text"))


def _summary_added(state: Snapshot, event: object) -> None:
    output = state.item(event)
    if get(output, "type") == "reasoning":
        _pushed(get(output, "summary"), "output.summary", get(event, "part"))


def _summary_done(state: Snapshot, event: object) -> None:
    output = state.item(event)
    if get(output, "type") == "reasoning":
        summary, index = get(output, "summary"), get(event, "summary_index")
        _part(summary, index)
        put(summary, index, _cloned(get(event, "part")))


def _summary_delta(state: Snapshot, event: object) -> None:
    output = state.item(event)
    if get(output, "type") == "reasoning":
        part = _part(get(output, "summary"), get(event, "summary_index"))
        refuse_concatenation(get(part, "text"), get(event, "delta"))
        put(part, "text", "")


def _summary_text_done(state: Snapshot, event: object) -> None:
    output = state.item(event)
    if get(output, "type") == "reasoning":
        put(_part(get(output, "summary"), get(event, "summary_index")), "text", get(event, "text"))


_ACTIONS: Final[Mapping[str, Callable[[Snapshot, object], None]]] = {
    "response.output_item.added": _item_added,
    "response.output_item.done": _item_done,
    "response.content_part.added": _part_added,
    "response.content_part.done": _part_done,
    "response.output_text.delta": _text_delta,
    "response.output_text.done": _text_done,
    "response.output_text.annotation.added": _annotation,
    "response.refusal.delta": _refusal_delta,
    "response.refusal.done": _refusal_done,
    "response.reasoning_text.delta": _reasoning_delta,
    "response.reasoning_text.done": _reasoning_done,
    "response.reasoning_summary_part.added": _summary_added,
    "response.reasoning_summary_part.done": _summary_done,
    "response.reasoning_summary_text.delta": _summary_delta,
    "response.reasoning_summary_text.done": _summary_text_done,
}
