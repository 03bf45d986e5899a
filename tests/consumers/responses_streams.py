"""Responses streams that servers might send: sound ones, and ones whose events or bytes a fault has damaged.

Each comes of one number, so that a difference can be repeated.
"""

import copy
import gzip
import json
import random
import zlib
from collections.abc import Iterator
from typing import cast

from consumers.openai_node_vectors import answer
from vapi_conformance.exchange import Exchange

__all__ = ["Event", "events_of", "responses_answer", "sse", "whole_answer"]

Event = dict[str, object]

WORDS = ("Hi", " there", ". ", "", " ", "\n", "é", "😀", "\ud83d", "\ude00", "[DONE]", "\\", '"', "\x85", "\u2028")
ODD_JSON = 'null true false 0 1 -1 7 1.5 "" "a" "message" "function_call" [] [1] [[]] {} {"a":1} {"type":"message"}'
ODD_VALUES = tuple(cast("object", json.loads(text)) for text in ODD_JSON.split())
KINDS = (
    "response.created",
    "response.queued",
    "response.in_progress",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.output_text.annotation.added",
    "response.refusal.delta",
    "response.refusal.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.reasoning_text.delta",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.delta",
    "response.web_search_call.searching",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "keepalive",
    "error",
    "response.unheard_of",
)
BITS = (
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b":",
    b"data:",
    b"{",
    b"}",
    b'"',
    b"\xff",
    b"\xef\xbb\xbf",
    b"\0",
    b"id: 1\n",
    b"1",
)


class _Grammar:
    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def message(self, index: int) -> tuple[Event, list[Event]]:
        identity = f"msg_{index}"
        words = [self.dice.choice(WORDS) for _ in range(self.dice.randrange(4))]
        none: list[object] = []
        part: Event = {"type": "output_text", "text": "".join(words), "annotations": none, "logprobs": none}
        item: Event = {"id": identity, "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        where: Event = {"item_id": identity, "output_index": index, "content_index": 0}
        events: list[Event] = [
            {"type": "response.content_part.added", **where, "part": {**part, "text": ""}},
            *({"type": "response.output_text.delta", **where, "delta": word, "logprobs": []} for word in words),
            {"type": "response.output_text.done", **where, "text": "".join(words), "logprobs": []},
            {"type": "response.content_part.done", **where, "part": part},
        ]
        if self.dice.random() < 0.2:
            events.insert(2, {"type": "response.output_text.annotation.added", **where, "annotation_index": 0,
                              "annotation": {"type": "file_path", "file_id": "f", "index": 0}})  # fmt: skip
        return item, events

    def refusal(self, index: int) -> tuple[Event, list[Event]]:
        part = {"type": "refusal", "refusal": "No."}
        item: Event = {"id": "msg_r", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        where: Event = {"item_id": "msg_r", "output_index": index, "content_index": 0}
        return item, [
            {"type": "response.content_part.added", **where, "part": {"type": "refusal", "refusal": ""}},
            {"type": "response.refusal.delta", **where, "delta": "No."},
            {"type": "response.refusal.done", **where, "refusal": "No."},
            {"type": "response.content_part.done", **where, "part": part},
        ]

    def call(self, index: int) -> tuple[Event, list[Event]]:
        identity = f"fc_{index}"
        fragments = self.dice.choice(([], ["{}"], ['{"a"', ":1}"], ['{"a', "\ud83d", '":1}']))
        item: Event = {
            "id": identity,
            "type": "function_call",
            "status": "completed",
            "call_id": f"call_{index}",
            "name": self.dice.choice(("end", "get_weather", "")),
            "arguments": "".join(fragments),
        }
        where: Event = {"item_id": identity, "output_index": index}
        kind = "response.function_call_arguments"
        return item, [
            *({"type": f"{kind}.delta", **where, "delta": fragment} for fragment in fragments),
            {"type": f"{kind}.done", **where, "arguments": "".join(fragments), "name": item["name"]},
        ]

    def reasoning(self, index: int) -> tuple[Event, list[Event]]:
        identity = f"rs_{index}"
        part = {"type": "summary_text", "text": "hm"}
        where: Event = {"item_id": identity, "output_index": index, "summary_index": 0}
        kind = "response.reasoning_summary"
        return {"id": identity, "type": "reasoning", "summary": [part]}, [
            {"type": f"{kind}_part.added", **where, "part": {"type": "summary_text", "text": ""}},
            {"type": f"{kind}_text.delta", **where, "delta": "hm"},
            {"type": f"{kind}_text.done", **where, "text": "hm"},
            {"type": f"{kind}_part.done", **where, "part": part},
        ]

    def search(self, index: int) -> tuple[Event, list[Event]]:
        item: Event = {"id": "ws_1", "type": "web_search_call", "status": "completed",
                       "action": {"type": "search", "query": "q"}}  # fmt: skip
        where: Event = {"item_id": "ws_1", "output_index": index}
        kinds = ("in_progress", "searching", "completed")
        return item, [{"type": f"response.web_search_call.{kind}", **where} for kind in kinds]

    def items(self) -> list[tuple[Event, list[Event]]]:
        makers = (self.message, self.message, self.call, self.call, self.reasoning, self.refusal, self.search)
        return [self.dice.choice(makers)(index) for index in range(self.dice.choice((0, 1, 1, 1, 2, 3)))]


def _response(status: str, output: list[Event]) -> Event:
    done = status in ("completed", "incomplete")
    usage = {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 1,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 2,
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": {"code": "server_error", "message": "boom"} if status == "failed" else None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "metadata": {},
        "model": "m",
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage if done else None,
    }


def events_of(seed: int) -> list[Event]:
    """A sound stream's payloads, in order."""
    return _events(random.Random(seed))


def _events(dice: random.Random) -> list[Event]:
    events: list[Event] = [{"type": f"response.{kind}", "response": _response("in_progress", [])}
                           for kind in ("created", "in_progress")]  # fmt: skip
    output: list[Event] = []
    for index, (item, body) in enumerate(_Grammar(dice).items()):
        begun: Event = {**item, "status": "in_progress"}
        begun |= {key: [] for key in ("content", "summary") if key in item}
        begun |= {"arguments": ""} if "arguments" in item else {}
        if item["type"] == "reasoning":
            del begun["status"]
        output.append(item)
        events.append({"type": "response.output_item.added", "output_index": index, "item": begun})
        events += body
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    status = dice.choice(("completed", "completed", "completed", "incomplete", "failed"))
    events.append({"type": f"response.{status}", "response": _response(status, output)})
    for number, event in enumerate(events):
        event["sequence_number"] = number
    return copy.deepcopy(events)


def _places(value: object) -> Iterator[tuple[dict[str, object] | list[object], str | int]]:
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        for key in fields:
            yield fields, key
            yield from _places(fields[key])
    elif isinstance(value, list):
        entries = cast("list[object]", value)
        for at, entry in enumerate(entries):
            yield entries, at
            yield from _places(entry)


def _altered(dice: random.Random, value: object) -> None:
    # The output matters; what the API merely echoes does not.
    places = [place for place in _places(value) if place[1] not in ("usage", "metadata", "tools", "temperature")]
    if not places:
        return
    holder, key = dice.choice(places)
    if dice.random() < 0.4:
        del holder[key]  # type: ignore[arg-type]  # the key is of the holder
    else:
        new = dice.choice(KINDS) if key == "type" and dice.random() < 0.5 else copy.deepcopy(dice.choice(ODD_VALUES))
        holder[key] = new  # type: ignore[index]  # the key is of the holder


def _damaged(dice: random.Random, events: list[object]) -> None:
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        if not events:
            return
        at = dice.randrange(len(events))
        match dice.randrange(8):
            case 0:
                del events[at]
            case 1:
                events.insert(dice.randrange(len(events) + 1), copy.deepcopy(events[at]))
            case 2:
                other = dice.randrange(len(events))
                events[at], events[other] = events[other], events[at]
            case 3:
                del events[at:]
            case 4:
                error = dice.choice(
                    ({"message": "no"}, {"message": ""}, {"message": 5}, {"code": 1}, "no", True, None, "")
                )
                events.insert(at, dice.choice(({"type": "error", "error": error},
                                               {"type": "error", "message": "no", "code": None})))  # fmt: skip
            case 5:
                events[at] = copy.deepcopy(dice.choice(ODD_VALUES))
            case _:
                _altered(dice, events[at])


def sse(dice: random.Random, events: list[object]) -> bytes:
    """The payloads as server-sent events, with or without names, [DONE] and comments."""
    line_end = dice.choice(("\n", "\n", "\n", "\r\n", "\r"))
    named = dice.random() < 0.7
    lines: list[str] = []
    for event in events:
        kind = cast("Event", event).get("type") if isinstance(event, dict) else None
        if named and isinstance(kind, str):
            lines.append(f"event: {kind}")
        elif dice.random() < 0.02:
            lines.append(dice.choice(("event: thread.x", "event:", ": ping", "retry: 1", "id: 1")))
        # A lone surrogate has no UTF-8; as an escape it can be sent.
        text = json.dumps(event, ensure_ascii=dice.random() < 0.5).encode("utf-8", "backslashreplace").decode()
        lines += [f"data: {text}", ""]
    if dice.random() < 0.3:
        lines += ["data: [DONE]", ""]
    return "".join(line + line_end for line in lines).encode()


def responses_answer(seed: int, *, may_be_coded: bool = True) -> Exchange:
    """One answer to a streamed request, damaged or not."""
    dice = random.Random(seed)
    events: list[object] = list(_events(dice))
    if dice.random() < 0.7:
        _damaged(dice, events)
    body = sse(dice, events)
    if dice.random() < 0.25:
        for _ in range(dice.choice((1, 1, 2, 5))):
            start = dice.randrange(len(body) + 1)
            end = min(len(body), start + dice.choice((0, 1, 2, 30)))
            body = body[:start] + dice.choice((b"", *BITS, body[start:end] * 2)) + body[end:]
    coding = dice.choice(("", "", "", "gzip", "deflate")) if may_be_coded else ""
    wire = gzip.compress(body) if coding == "gzip" else zlib.compress(body) if coding == "deflate" else body
    cuts = sorted({dice.randrange(1, len(wire)) for _ in range(dice.randrange(8))}) if len(wire) > 1 else []
    reads = [wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True) if start < end]
    headers = [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")]
    return answer(
        *reads,
        status=dice.choice((200,) * 30 + (201, 400, 404, 500)),
        headers=[*headers, ("Content-Encoding", coding)] if coding else headers,
    )


def whole_answer(seed: int) -> Exchange:
    """One answer to a request without streaming, damaged or not."""
    dice = random.Random(seed)
    response: list[object] = [_response("completed", [item for item, _ in _Grammar(dice).items()])]
    for _ in range(dice.choice((0, 0, 1, 2, 4))):
        _altered(dice, response)
    if dice.random() < 0.1:
        response = [{"error": dice.choice(({"message": "no", "code": 1}, "no", None, {"message": 5}))}]
    value = response[0] if response else None
    body = json.dumps(value, ensure_ascii=dice.random() < 0.5).encode("utf-8", "backslashreplace")
    if dice.random() < 0.1:
        body = body[: dice.randrange(len(body))]
    kind = dice.choice(
        ("application/json",) * 8 + ("text/plain", "application/problem+json", "text/html; charset=latin-1")
    )
    status = dice.choice((200,) * 8 + (400, 401, 403, 404, 409, 422, 429, 500, 503, 418))
    return answer(body, status=status, headers=[("Content-Type", kind), ("Content-Length", str(len(body)))])
