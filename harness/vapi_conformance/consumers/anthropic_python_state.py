"""What `messages.stream()` of anthropic 2.x for Python keeps of the message, and where that fails.

Each event is taken into a snapshot of the message before the user sees it, so that an event which does not fit ends
the stream in an error of Python's: nothing is validated before. Values are kept as they are; of texts only whether
they are texts. Behaviour taken from `accumulate_event` in `lib/streaming/_messages.py` of anthropic 2.12.
"""

from collections.abc import Mapping
from typing import Final, cast

from vapi_conformance.consumers.jiter_partial import PartialJson
from vapi_conformance.consumers.py_error import PyError
from vapi_conformance.consumers.py_json import type_name
from vapi_conformance.consumers.pydantic_lax import scalar_error
from vapi_conformance.narrow import array_or_none, object_or_none, object_or_nothing

__all__ = ["StreamState"]

_DELTA_FIELDS: Final[Mapping[str, str]] = {
    "text_delta": "text",
    "input_json_delta": "partial_json",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
}
_TOOL_BLOCKS: Final = ("tool_use", "server_tool_use")


class StreamState:
    """The snapshot while events come."""

    def __init__(self) -> None:
        self._started = False
        self._content: object = None
        self._usage: object = None
        self._inputs: dict[object, PartialJson] = {}

    def take(self, event: object) -> None:
        """One event, as JSON has it, before the user sees it.

        Raises:
            PyError: what the package or Python raises.
        """
        fields = object_or_none(event)
        if not self._started:
            if fields is None:
                raise _no_attribute(event, "type")
            if fields.get("type") == "message_start":
                self._start(fields.get("message"))
            return
        if fields is None:
            words = f"Unexpected event runtime type, after deserialising twice - {event} - {type(event)}"
            raise PyError("TypeError", words)
        match fields.get("type"):
            case "content_block_start":
                self._begin(fields.get("content_block"))
            case "content_block_delta":
                self._delta(fields)
            case "content_block_stop":
                block = self._block(_index_of(fields, is_sound=True))
                if object_or_none(block) is None:
                    raise _no_attribute(block, "type")
            case "message_delta":
                self._message_delta(fields)
            case _:
                pass

    def finish(self) -> None:
        """`get_final_message()`.

        Raises:
            PyError: an AssertionError, there was no `message_start`.
        """
        if not self._started:
            raise PyError("AssertionError", "")

    def _start(self, message: object) -> None:
        fields = object_or_none(message)
        if fields is None:
            raise _no_attribute(message, "to_dict")
        self._started = True
        content = fields.get("content")
        items = array_or_none(content)
        self._content = content if items is None else [_copied(item) for item in items]
        self._usage = fields.get("usage")

    def _begin(self, block: object) -> None:
        if array_or_none(self._content) is None:
            raise _no_attribute(self._content, "append")
        fields = object_or_none(block)
        if fields is None:
            raise _no_attribute(block, "to_dict")
        cast("list[object]", self._content).append(dict(fields))

    def _block(self, index: object) -> object:
        """`content[index]`, by Python itself."""
        try:
            return cast("list[object]", self._content)[cast("int", index)]
        except (TypeError, IndexError, KeyError) as error:
            raise PyError(type(error).__name__, str(error)) from None

    def _delta(self, event: Mapping[str, object]) -> None:
        value = event.get("delta")
        delta = object_or_none(value)
        kind = object_or_nothing(value).get("type")
        named = _DELTA_FIELDS.get(kind) if isinstance(kind, str) else None
        is_sound = named is not None and isinstance(object_or_nothing(value).get(named), str)
        index = _index_of(event, is_sound=is_sound)
        block = self._block(index)
        if delta is None:
            raise _no_attribute(value, "type")
        if kind == "input_json_delta":
            self._input(index, block, delta.get("partial_json"))
        elif kind in ("text_delta", "thinking_delta", "signature_delta", "citations_delta"):
            fields = object_or_none(block)
            if fields is None:
                raise _no_attribute(block, "type")
            if kind == "text_delta" and fields.get("type") == "text":
                _append(fields, "text", delta.get("text"))
            elif kind == "thinking_delta" and fields.get("type") == "thinking":
                _append(fields, "thinking", delta.get("thinking"))
            elif kind == "citations_delta" and fields.get("type") == "text":
                _cite(fields)

    def _input(self, index: object, block: object, fragment: object) -> None:
        if object_or_nothing(block).get("type") not in _TOOL_BLOCKS:
            return
        if not isinstance(fragment, str):
            raise PyError("TypeError", "encoding without a string argument")
        try:
            fragment.encode()
        except UnicodeEncodeError as error:
            raise PyError("UnicodeEncodeError", str(error)) from None
        text = self._inputs.get(index)
        if text is None and fragment:
            text = self._inputs[index] = PartialJson()
        if text is None:
            return
        text.feed(fragment)
        if not text.is_accepted:
            words = "Unable to parse tool parameter JSON from model. Please retry your request or adjust your prompt."
            raise PyError("ValueError", words)

    def _message_delta(self, event: Mapping[str, object]) -> None:
        if object_or_none(event.get("delta")) is None:
            raise _no_attribute(event.get("delta"), "stop_reason")
        for usage in (event.get("usage"), self._usage):
            if object_or_none(usage) is None:
                raise _no_attribute(usage, "output_tokens")


def _copied(item: object) -> object:
    fields = object_or_none(item)
    return item if fields is None else dict(fields)


def _index_of(event: Mapping[str, object], *, is_sound: bool) -> object:
    """The index as the package sees it: in an event that is otherwise sound, pydantic makes an integer of it."""
    index = event.get("index")
    if not is_sound or index is None or scalar_error("int", index) is not None:
        return index
    return int(float(index)) if isinstance(index, str) and "." in index else int(cast("int", index))


def _append(block: Mapping[str, object], name: str, more: object) -> None:
    """`block.name += more`, by Python itself where the two are not both text."""
    fields = cast("dict[str, object]", block)
    kept = fields.get(name)
    if isinstance(kept, str) and isinstance(more, str):
        return
    try:
        kept += more  # type: ignore[operator]  # whatever the server sent
    except TypeError as error:
        raise PyError("TypeError", str(error)) from None
    fields[name] = kept


def _cite(block: Mapping[str, object]) -> None:
    citations = block.get("citations")
    if citations and not isinstance(citations, list):
        raise _no_attribute(citations, "append")
    if not citations:
        cast("dict[str, object]", block)["citations"] = [None]


def _no_attribute(value: object, name: str) -> PyError:
    return PyError("AttributeError", f"'{type_name(value)}' object has no attribute '{name}'")
