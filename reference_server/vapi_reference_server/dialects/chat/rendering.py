"""Replies in the shapes of the OpenAI API: one `chat.completion`, or the chunks of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from vapi_reference_server.tokens import split_deltas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.reply import Call, Reply
    from vapi_reference_server.request import Request

FINGERPRINT = "fp_reference"
_ARGUMENT_CHARACTERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What all chunks of one answer share."""

    id: str
    created_s: int
    model: str

    def head(self, kind: str) -> JsonObject:
        """The keys every answer object starts with."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created_s,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
        }


def usage(request: Request, replies: Sequence[Reply]) -> JsonObject:
    """The token counts of an exchange; stream and JSON answers report the same."""
    prompt, completion = request.prompt_tokens, sum(reply.tokens for reply in replies)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def completion(request: Request, replies: Sequence[Reply], stamp: Stamp) -> JsonObject:
    """The whole answer as one JSON object."""
    choices = [
        {
            "index": index,
            "message": _message(reply),
            "logprobs": None,
            "finish_reason": reply.finish_reason,
        }
        for index, reply in enumerate(replies)
    ]
    return {**stamp.head("chat.completion"), "choices": choices, "usage": usage(request, replies)}


def chunks(request: Request, replies: Sequence[Reply], stamp: Stamp) -> Iterator[JsonObject]:
    """The answer as the chunks of a stream, without the end marker.

    Several choices take turns, as they do when one engine generates them side by side.
    """
    head = stamp.head("chat.completion.chunk")
    usage_key: JsonObject = {"usage": None} if request.include_usage else {}
    lanes = [_lane(index, reply) for index, reply in enumerate(replies)]
    for row in zip_longest(*lanes):
        for choice in row:
            if choice is not None:
                yield {**head, "choices": [choice], **usage_key}
    if request.include_usage:
        yield {**head, "choices": [], "usage": usage(request, replies)}


def _message(reply: Reply) -> JsonObject:
    message: JsonObject = {
        "role": "assistant",
        "content": None if reply.calls and not reply.text else reply.text,
        "refusal": None,
        "annotations": [],
    }
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in reply.calls
        ]
    return message


def _lane(index: int, reply: Reply) -> Iterator[JsonObject]:
    speaks = bool(reply.text) or not reply.calls
    if speaks:
        for delta in _text_deltas(reply):
            yield _choice(index, delta, None)
    for delta in _call_deltas(reply.calls, is_start=not speaks):
        yield _choice(index, delta, None)
    yield _choice(index, {}, reply.finish_reason)


def _choice(index: int, delta: JsonObject, finish_reason: str | None) -> JsonObject:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _text_deltas(reply: Reply) -> Iterator[JsonObject]:
    yield {"role": "assistant", "content": "", "refusal": None}
    for piece in split_deltas(reply.reasoning):
        yield {"reasoning_content": piece}
    for piece in split_deltas(reply.text):
        yield {"content": piece}


def _call_deltas(calls: Sequence[Call], *, is_start: bool) -> Iterator[JsonObject]:
    for index, call in enumerate(calls):
        start: JsonObject = {"role": "assistant", "content": None} if is_start and index == 0 else {}
        function = {"name": call.name, "arguments": ""}
        first = {"index": index, "id": call.id, "type": "function", "function": function}
        yield {**start, "tool_calls": [first]}
        for at in range(0, len(call.arguments), _ARGUMENT_CHARACTERS):
            piece = call.arguments[at : at + _ARGUMENT_CHARACTERS]
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
