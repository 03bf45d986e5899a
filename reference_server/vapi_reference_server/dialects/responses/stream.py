"""A response as the events of a stream."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from vapi_reference_server.dialects.responses.rendering import in_progress
from vapi_reference_server.json_values import JsonObject, objects_of
from vapi_reference_server.tokens import split_deltas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vapi_reference_server.dialects.responses.rendering import Stamp

_ARGUMENT_CHARACTERS = 8
_EMPTY: Mapping[str, JsonObject] = {
    "message": {"content": []},
    "function_call": {"arguments": ""},
    "reasoning": {"summary": []},
}


def events(body: JsonObject, stamp: Stamp, response: JsonObject) -> Iterator[JsonObject]:
    """The events that lead to this finished response: it is the last of them."""
    numbers = count()
    for kind, fields in _events(body, stamp, response):
        yield {"type": f"response.{kind}", "sequence_number": next(numbers), **fields}


def _events(body: JsonObject, stamp: Stamp, response: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    yield "created", {"response": in_progress(body, stamp)}
    yield "in_progress", {"response": in_progress(body, stamp)}
    for index, item in enumerate(objects_of(response, "output")):
        yield "output_item.added", {"output_index": index, "item": _started(item)}
        at: JsonObject = {"item_id": item["id"], "output_index": index}
        for kind, fields in _body(item):
            yield kind, {**at, **fields}
        yield "output_item.done", {"output_index": index, "item": item}
    yield str(response["status"]), {"response": response}


def _started(item: JsonObject) -> JsonObject:
    """The item before anything of it was sent."""
    running: JsonObject = {"status": "in_progress"} if "status" in item else {}
    empty = _EMPTY.get(str(item["type"]), {})
    return {**item, **running, **empty}


def _body(item: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    if item["type"] == "function_call":
        yield from _arguments(str(item["name"]), str(item["arguments"]))
    elif item["type"] == "message":
        for index, part in enumerate(objects_of(item, "content")):
            yield from _text(index, part)
    else:
        for index, part in enumerate(objects_of(item, "summary")):
            yield from _summary(index, part)


def _arguments(name: str, arguments: str) -> Iterator[tuple[str, JsonObject]]:
    for at in range(0, len(arguments), _ARGUMENT_CHARACTERS):
        yield "function_call_arguments.delta", {"delta": arguments[at : at + _ARGUMENT_CHARACTERS]}
    # The API description wants the name here, and OpenAI leaves it out: whoever reads either is served.
    yield "function_call_arguments.done", {"name": name, "arguments": arguments}


def _text(index: int, part: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    text, at = str(part["text"]), {"content_index": index}
    yield "content_part.added", {**at, "part": {**part, "text": ""}}
    for piece in split_deltas(text):
        yield "output_text.delta", {**at, "delta": piece, "logprobs": []}
    yield "output_text.done", {**at, "text": text, "logprobs": []}
    yield "content_part.done", {**at, "part": part}


def _summary(index: int, part: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    text, at = str(part["text"]), {"summary_index": index}
    yield "reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
    for piece in split_deltas(text):
        yield "reasoning_summary_text.delta", {**at, "delta": piece}
    yield "reasoning_summary_text.done", {**at, "text": text}
    yield "reasoning_summary_part.done", {**at, "part": part}
