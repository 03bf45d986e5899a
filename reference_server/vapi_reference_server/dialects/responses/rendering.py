"""Replies as the `response` object of the Responses API, with its items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vapi_reference_server.json_values import JsonObject, as_list, as_object

if TYPE_CHECKING:
    from vapi_reference_server.reply import Call, Reply
    from vapi_reference_server.request import Request

# What the API says of a request that says nothing about it.
_DEFAULTS: JsonObject = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What all events of one answer share. `suffix` ends the ids of the response and of its items."""

    suffix: str
    created_s: int

    @property
    def response_id(self) -> str:
        """The id of the answer."""
        return f"resp_{self.suffix}"


def in_progress(body: JsonObject, stamp: Stamp) -> JsonObject:
    """The response before anything was said."""
    return {
        "id": stamp.response_id,
        "object": "response",
        "created_at": stamp.created_s,
        "status": "in_progress",
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": body["model"],
        "output": [],
        **_echo(body),
        "usage": None,
    }


def finished(body: JsonObject, stamp: Stamp, request: Request, reply: Reply) -> JsonObject:
    """The whole response."""
    whole = is_whole(reply)
    return {
        **in_progress(body, stamp),
        "status": "completed" if whole else "incomplete",
        "completed_at": stamp.created_s if whole else None,
        "incomplete_details": None if whole else {"reason": "max_output_tokens"},
        "output": items(reply, stamp),
        "usage": usage(request, reply),
    }


def is_whole(reply: Reply) -> bool:
    """Whether the reply was not cut at its limit of tokens."""
    return reply.finish_reason != "length"


def usage(request: Request, reply: Reply) -> JsonObject:
    """The token counts; reasoning is part of the output."""
    prompt, output = request.prompt_tokens, reply.tokens + reply.reasoning_tokens
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
        "total_tokens": prompt + output,
    }


def items(reply: Reply, stamp: Stamp) -> list[JsonObject]:
    """The output items of a reply: its reasoning, its words, its calls. Only the last can be cut."""
    found: list[JsonObject] = []
    if reply.reasoning:
        summary = [{"type": "summary_text", "text": reply.reasoning}]
        found.append({"id": f"rs_{stamp.suffix}", "type": "reasoning", "summary": summary})
    # Where the limit left nothing to say, there is no message.
    if reply.text or (not reply.calls and is_whole(reply)):
        found.append(message(reply.text, stamp))
    found += [function_call(call) for call in reply.calls]
    if found and not is_whole(reply) and "status" in found[-1]:
        found[-1]["status"] = "incomplete"
    return found


def message(text: str, stamp: Stamp) -> JsonObject:
    """A message item."""
    return {
        "id": f"msg_{stamp.suffix}",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [text_part(text)],
    }


def text_part(text: str) -> JsonObject:
    """The content part that holds words."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def function_call(call: Call) -> JsonObject:
    """A function call item. Its own id is not the `call_id`, which its result will name."""
    return {
        "id": f"fc_{call.id.removeprefix('call_')}",
        "type": "function_call",
        "status": "completed",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def _echo(body: JsonObject) -> JsonObject:
    """What the request asked for, as the API repeats it, with its defaults."""
    said = {key: body[key] for key in _DEFAULTS if body.get(key) is not None}
    if said.get("service_tier") == "auto":
        said["service_tier"] = "default"
    reasoning, text = as_object(body.get("reasoning")) or {}, as_object(body.get("text")) or {}
    return {
        **_DEFAULTS,
        **said,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "text": {"format": _format(text), "verbosity": text.get("verbosity") or "medium"},
        "tools": [_tool(as_object(tool) or {}) for tool in as_list(body.get("tools")) or []],
    }


def _format(text: JsonObject) -> JsonObject:
    asked = as_object(text.get("format")) or {"type": "text"}
    return {"description": None, "strict": False, **asked} if asked.get("type") == "json_schema" else asked


def _tool(tool: JsonObject) -> JsonObject:
    if tool.get("type") != "function":
        return tool
    defaults: JsonObject = {"description": None, "parameters": {}, "strict": True}
    return {**defaults, **{key: value for key, value in tool.items() if value is not None}}
