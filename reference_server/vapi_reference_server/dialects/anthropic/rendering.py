"""Replies as the `message` object of the Anthropic API, or as the events of a stream."""

from __future__ import annotations

import base64
import uuid
from typing import TYPE_CHECKING

from vapi_reference_server.json_values import JsonObject, as_object, decode, encode, objects_of
from vapi_reference_server.tokens import split_deltas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vapi_reference_server.reply import Call, Reply
    from vapi_reference_server.request import Request

_ARGUMENT_CHARACTERS = 8
# A block before anything of it was sent.
_EMPTY: Mapping[str, JsonObject] = {
    "text": {"text": ""},
    "tool_use": {"input": {}},
    "thinking": {"thinking": "", "signature": ""},
}
# Whoever made the thoughts signs them, and takes them back only so; nobody else can read it.
_SIGNATURE = base64.b64encode(b"signed by the reference server").decode()


def message(request: Request, reply: Reply) -> JsonObject:
    """The whole answer as one JSON object."""
    return {
        "id": f"msg_{uuid.uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": list(_blocks(reply)),
        "stop_reason": _stop_reason(reply),
        "stop_sequence": reply.stopped_by,
        "usage": _usage(request.prompt_tokens, reply.tokens + reply.reasoning_tokens),
    }


def events(whole: JsonObject) -> Iterator[JsonObject]:
    """The events that say what this message says."""
    usage = as_object(whole["usage"]) or {}
    begun = {**usage, "output_tokens": min(1, int(str(usage["output_tokens"])))}
    start: JsonObject = {**whole, "content": [], "stop_reason": None, "stop_sequence": None, "usage": begun}
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(objects_of(whole, "content")):
        yield {"type": "content_block_start", "index": index, "content_block": {**block, **_EMPTY[str(block["type"])]}}
        if index == 0:
            yield {"type": "ping"}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ending = {"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}
    # Counts for billing by tier are said once, at the start.
    counts = {key: value for key, value in usage.items() if key.endswith("_tokens")}
    yield {"type": "message_delta", "delta": ending, "usage": counts}
    yield {"type": "message_stop"}


def _usage(prompt_tokens: int, output_tokens: int) -> JsonObject:
    return {
        "input_tokens": prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def _stop_reason(reply: Reply) -> str:
    if reply.finish_reason == "length":
        return "max_tokens"
    if reply.calls:
        return "tool_use"
    return "end_turn" if reply.stopped_by is None else "stop_sequence"


def _blocks(reply: Reply) -> Iterator[JsonObject]:
    if reply.reasoning:
        yield {"type": "thinking", "thinking": reply.reasoning, "signature": _SIGNATURE}
    if reply.text:
        yield {"type": "text", "text": reply.text}
    for call in reply.calls:
        arguments = _arguments(call)
        if arguments is not None:
            yield {
                "type": "tool_use",
                "id": f"toolu_{call.id.removeprefix('call_')}",
                "name": call.name,
                "input": arguments,
            }


def _arguments(call: Call) -> JsonObject | None:
    """The arguments as an object; None where the limit of tokens has cut them: half an object cannot be sent."""
    try:
        return as_object(decode(call.arguments.encode()))
    except ValueError:
        return None


def _deltas(block: JsonObject) -> Iterator[JsonObject]:
    if block["type"] == "text":
        for piece in split_deltas(str(block["text"])):
            yield {"type": "text_delta", "text": piece}
    elif block["type"] == "thinking":
        for piece in split_deltas(str(block["thinking"])):
            yield {"type": "thinking_delta", "thinking": piece}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        # The first fragment is empty at Anthropic, and where there are no arguments it stays the only one.
        yield {"type": "input_json_delta", "partial_json": ""}
        text = encode(block["input"]).decode() if block["input"] else ""
        for at in range(0, len(text), _ARGUMENT_CHARACTERS):
            yield {"type": "input_json_delta", "partial_json": text[at : at + _ARGUMENT_CHARACTERS]}
