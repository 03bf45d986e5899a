"""Responses streams, written by hand, and what each client library makes of them; the differential tests prove it."""

import json
from dataclasses import dataclass

from consumers.openai_node_vectors import answer
from vapi_conformance.exchange import Exchange

__all__ = ["BEGIN", "CREATED", "DONE_ITEM", "END", "HI", "VECTORS", "WHOLE", "Told", "Vector", "event", "response"]

Told = tuple[str, str, str | None]
"""Outcome, text, error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    name: str
    exchange: Exchange
    python_raw: Told
    python_helper: Told
    node_raw: Told
    node_helper: Told


def event(kind: str, **fields: object) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


Json = dict[str, object]


def response(status: str, *output: object) -> Json:
    return {"id": "resp_1", "object": "response", "status": status, "output": list(output)}


NOTHING: list[object] = []
TEXT: Json = {"type": "output_text", "text": "", "annotations": NOTHING}
WHERE: Json = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
ITEM: Json = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": NOTHING}
DONE_ITEM: Json = {**ITEM, "status": "completed", "content": [{**TEXT, "text": "Hi"}]}
CREATED = event("response.created", response=response("in_progress"))
ADDED = event("response.output_item.added", output_index=0, item=ITEM)
PART = event("response.content_part.added", **WHERE, part=TEXT)
HI = event("response.output_text.delta", **WHERE, delta="Hi")
TEXT_DONE = event("response.output_text.done", **WHERE, text="Hi")
ITEM_DONE = event("response.output_item.done", output_index=0, item=DONE_ITEM)
COMPLETED = event("response.completed", response=response("completed", DONE_ITEM))
BEGIN, END = CREATED + ADDED + PART, TEXT_DONE + ITEM_DONE + COMPLETED
WHOLE = BEGIN + HI + END

SPOKEN: Told = ("spoken", "Hi", None)
SILENT: Told = ("silence", "", None)
ALL_SPOKEN = (SPOKEN, SPOKEN, SPOKEN, SPOKEN)
NO_END = "RuntimeError: Didn't receive a `response.completed` event."
NO_EVENTS = "OpenAIError: request ended without sending any events"


def vector(name: str, *reads: str | bytes, told: tuple[Told, Told, Told, Told] = ALL_SPOKEN) -> Vector:
    return Vector(
        name=name,
        exchange=answer(*reads),
        python_raw=told[0],
        python_helper=told[1],
        node_raw=told[2],
        node_helper=told[3],
    )


def broken(error: str, text: str = "") -> Told:
    return "failed", text, error


VECTORS = (
    vector("a whole answer", WHOLE),
    vector("read by read", BEGIN, HI, END),
    vector("no event lines", "".join(line + "\n" for line in WHOLE.split("\n")[:-1] if not line.startswith("event:"))),
    vector("no blank after the colon", WHOLE.replace("data: ", "data:")),
    vector("CR as line end", WHOLE.replace("\n", "\r")),
    vector("CRLF as line end", WHOLE.replace("\n", "\r\n")),
    vector("comment blocks", ": ping\n\n" + WHOLE.replace("\n\n", "\n\n: ping\n\n")),
    vector("a done marker", WHOLE + "data: [DONE]\n\n"),
    vector("events after the done marker", WHOLE + "data: [DONE]\n\ndata: {broken\n\n"),
    vector(
        "an id makes every empty line an event",
        "id: 1\n" + WHOLE + "\n",
        told=(
            broken("JSONDecodeError: Expecting value: line 1 column 1 (char 0)", text="Hi"),
            broken("JSONDecodeError: Expecting value: line 1 column 1 (char 0)", text="Hi"),
            SPOKEN,
            SPOKEN,
        ),
    ),
    vector(
        "a retry line alone",
        "retry: 5\n\n" + WHOLE,
        told=(
            broken("JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
            broken("JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
            SPOKEN,
            SPOKEN,
        ),
    ),
    vector("a byte order mark", b"\xef\xbb\xbf" + WHOLE.encode()),
    vector(
        "a byte order mark without event lines",
        b"\xef\xbb\xbf" + CREATED.split("\n", 1)[1].encode() + WHOLE[len(CREATED) :].encode(),
        told=(
            SPOKEN,
            broken("RuntimeError: Expected to have received `response.created` before `response.output_item.added`"),
            SPOKEN,
            SPOKEN,
        ),
    ),
    vector(
        "bad JSON",
        BEGIN + HI + "data: {oops\n\n" + END,
        told=(
            broken(
                "JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
                text="Hi",
            ),
            broken(
                "JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
                text="Hi",
            ),
            broken("SyntaxError: Expected property name or '}' in JSON at position 1", text="Hi"),
            broken("OpenAIError: Expected property name or '}' in JSON at position 1", text="Hi"),
        ),
    ),
    vector(
        "bad UTF-8",
        (BEGIN + HI).encode()
        + event("response.output_text.delta", **WHERE, delta="?").encode().replace(b"?", b"\xff")
        + END.encode(),
        told=(
            broken(
                "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 114: invalid start byte",
                text="Hi",
            ),
            broken(
                "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 114: invalid start byte",
                text="Hi",
            ),
            ("spoken", "Hi�", None),
            ("spoken", "Hi�", None),
        ),
    ),
    vector(
        "a last event without its empty line",
        BEGIN + HI + TEXT_DONE + ITEM_DONE + COMPLETED.rstrip("\n"),
        told=(SPOKEN, broken(NO_END, text="Hi"), SPOKEN, SPOKEN),
    ),
    vector(
        "single newlines between events",
        WHOLE.replace("\n\n", "\n"),
        told=(SILENT, broken(NO_END), SILENT, broken(NO_EVENTS)),
    ),
    vector(
        "no terminal event",
        BEGIN + HI + TEXT_DONE + ITEM_DONE,
        told=(SPOKEN, broken(NO_END, text="Hi"), SPOKEN, SPOKEN),
    ),
    vector("broken off after a text", BEGIN + HI, told=(SPOKEN, broken(NO_END, text="Hi"), SPOKEN, SPOKEN)),
    vector("no events at all", "", told=(SILENT, broken(NO_END), SILENT, broken(NO_EVENTS))),
    vector(
        "JSON in place of a stream",
        json.dumps(response("completed", DONE_ITEM)),
        told=(SILENT, broken(NO_END), SILENT, broken(NO_EVENTS)),
    ),
    vector(
        "no response.created",
        ADDED + PART + HI + END,
        told=(
            SPOKEN,
            broken("RuntimeError: Expected to have received `response.created` before `response.output_item.added`"),
            SPOKEN,
            broken(
                "OpenAIError: When snapshot hasn't been set yet, expected 'response.created' event, "
                "got response.output_item.added"
            ),
        ),
    ),
    vector(
        "a text before its item",
        CREATED + HI + COMPLETED,
        told=(
            SPOKEN,
            broken("RuntimeError: Received a content event for output index 0 before receiving its output item"),
            SPOKEN,
            broken("OpenAIError: missing output at index 0"),
        ),
    ),
    vector(
        "a text before its part",
        CREATED + ADDED + HI + ITEM_DONE + COMPLETED,
        told=(
            SPOKEN,
            broken("IndexError: list index out of range"),
            SPOKEN,
            broken("OpenAIError: missing content at index 0"),
        ),
    ),
    vector(
        "a call's arguments before their item",
        CREATED + event("response.function_call_arguments.delta", output_index=0, delta="{}"),
        told=(
            SILENT,
            broken("RuntimeError: Received a content event for output index 0 before receiving its output item"),
            SILENT,
            broken("OpenAIError: missing output at index 0"),
        ),
    ),
    vector(
        "an item added twice",
        CREATED + ADDED + ADDED + PART + HI + END,
        told=(SPOKEN, broken("RuntimeError: Duplicate response output index 0."), SPOKEN, SPOKEN),
    ),
    vector(
        "an item that is never done",
        BEGIN + HI + event("response.completed", response=response("completed")),
        told=(
            SPOKEN,
            broken("RuntimeError: Cannot complete response with unfinished output items.", text="Hi"),
            SPOKEN,
            SPOKEN,
        ),
    ),
    vector(
        "an item of another id when done",
        BEGIN + HI + event("response.output_item.done", output_index=0, item={**DONE_ITEM, "id": "msg_2"}) + COMPLETED,
        told=(SPOKEN, broken("RuntimeError: Completed output item identity changed.", text="Hi"), SPOKEN, SPOKEN),
    ),
    vector(
        "a response of another id when completed",
        BEGIN + HI + ITEM_DONE + COMPLETED.replace("resp_1", "resp_2"),
        told=(SPOKEN, broken("RuntimeError: Lifecycle response identity changed.", text="Hi"), SPOKEN, SPOKEN),
    ),
    vector(
        "an incomplete response",
        BEGIN + HI + ITEM_DONE + event("response.incomplete", response=response("incomplete", DONE_ITEM)),
        told=(SPOKEN, broken(NO_END, text="Hi"), SPOKEN, SPOKEN),
    ),
    vector(
        "a failed response",
        CREATED + event("response.failed", response=response("failed")),
        told=(SILENT, broken(NO_END), SILENT, SILENT),
    ),
    vector(
        "a flat error event",
        BEGIN
        + HI
        + event("error", message="no", code="server_error", param=None)
        + event("response.failed", response=response("failed")),
        told=(SPOKEN, broken(NO_END, text="Hi"), SPOKEN, broken("Object: no", text="Hi")),
    ),
    vector(
        "a nested error event",
        BEGIN
        + HI
        + event("error", error={"type": "t", "message": "no"})
        + event("response.failed", response=response("failed")),
        told=(
            broken("APIError: no", text="Hi"),
            broken("APIError: no", text="Hi"),
            broken("APIError: no", text="Hi"),
            broken("APIError: no", text="Hi"),
        ),
    ),
    vector(
        "a nested error event without a message",
        BEGIN + HI + event("error", error={"code": 1}),
        told=(
            broken("APIError: An error occurred during streaming", text="Hi"),
            broken("APIError: An error occurred during streaming", text="Hi"),
            broken('APIError: {"code":1}', text="Hi"),
            broken('APIError: {"code":1}', text="Hi"),
        ),
    ),
    vector("error: null on every event", WHOLE.replace('{"type"', '{"error": null, "type"')),
    vector(
        "an event type nobody knows",
        BEGIN + event("response.unheard_of") + HI + END,
        told=(
            SPOKEN,
            SPOKEN,
            SPOKEN,
            broken('OpenAIError: Unhandled response stream event: {"type":"response.unheard_of"}'),
        ),
    ),
    vector(
        "no sequence numbers, indexes left out",
        CREATED + ADDED + event("response.output_text.delta", delta="Hi") + COMPLETED,
        told=(
            SPOKEN,
            broken("RuntimeError: Received a content event for output index None before receiving its output item"),
            SPOKEN,
            broken("OpenAIError: missing output at index undefined"),
        ),
    ),
    vector(
        "an event that is null",
        BEGIN + HI + "data: null\n\n" + END,
        told=(
            SPOKEN,
            broken("AttributeError: 'NoneType' object has no attribute 'type'", text="Hi"),
            SPOKEN,
            broken("OpenAIError: Cannot read properties of null (reading 'type')", text="Hi"),
        ),
    ),
    vector(
        "an event that is a list",
        BEGIN + HI + "data: [1]\n\n" + END,
        told=(
            SPOKEN,
            broken("AttributeError: 'list' object has no attribute 'type'", text="Hi"),
            SPOKEN,
            broken("OpenAIError: Unhandled response stream event: [1]", text="Hi"),
        ),
    ),
    vector(
        "an event named thread.x",
        BEGIN + "event: thread.x\ndata: {}\n\n" + HI + END,
        told=(
            SPOKEN,
            SPOKEN,
            SPOKEN,
            broken('OpenAIError: Unhandled response stream event: {"event":"thread.x","data":{}}'),
        ),
    ),
)
