"""Answers of the Responses API made up on the spot, and recorded ones, one answer each."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from shared_data import Recording
from vapi_conformance.dialects.responses.answer import read_answer
from vapi_conformance.dialects.responses.story import Story, StoryTranscript
from vapi_conformance.dialects.transcript import Transcript
from vapi_conformance.exchange import Exchange, Read
from vapi_conformance.recordings import load_wire

JsonObject = Mapping[str, object]

MESSAGE: JsonObject = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
CALL: JsonObject = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "get_weather",
    "status": "in_progress",
    "arguments": "",
}


def event(kind: str, **fields: object) -> JsonObject:
    return {"type": kind if kind == "error" else f"response.{kind}", **fields}


def lifecycle(kind: str, *output: object, status: str | None = None, **fields: object) -> JsonObject:
    return event(kind, response={"id": "resp_1", "status": status or kind, "output": list(output), **fields})


BEGIN = (lifecycle("created", status="in_progress"), lifecycle("in_progress"))


def added(item: JsonObject, at: int = 0) -> JsonObject:
    return event("output_item.added", output_index=at, item=item)


def item_done(item: JsonObject, at: int = 0, **fields: object) -> JsonObject:
    return event("output_item.done", output_index=at, item={**item, "status": "completed", **fields})


def of_part(kind: str, at: int = 0, number: int = 0, **fields: object) -> JsonObject:
    """An event about a content part."""
    return event(kind, output_index=at, content_index=number, item_id="msg_1", **fields)


def said(*deltas: str, at: int = 0, done: str | None = None) -> list[JsonObject]:
    """A text part from its beginning to its end."""
    whole = "".join(deltas) if done is None else done
    return [
        of_part("content_part.added", at, part={"type": "output_text", "text": ""}),
        *(of_part("output_text.delta", at, delta=delta) for delta in deltas),
        of_part("output_text.done", at, text=whole),
        of_part("content_part.done", at, part={"type": "output_text", "text": whole}),
    ]


def message(*deltas: str, at: int = 0) -> list[JsonObject]:
    return [added(MESSAGE, at), *said(*deltas, at=at), item_done(MESSAGE, at)]


def arguments(*deltas: str, at: int = 0) -> list[JsonObject]:
    """A body: the arguments of a call."""
    return [
        *(event("function_call_arguments.delta", output_index=at, item_id="fc_1", delta=delta) for delta in deltas),
        event("function_call_arguments.done", output_index=at, item_id="fc_1", arguments="".join(deltas)),
    ]


def framed(payload: object) -> bytes:
    data = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    return f"data: {data}\n\n".encode()


def reads(*pieces: bytes) -> list[Read]:
    """One ms apart, the first after 1 ms."""
    return [Read(at_ns=number * 1_000_000, data=piece) for number, piece in enumerate(pieces, 1)]


def streamed(*payloads: object) -> Transcript:
    """Each payload comes in a read of its own."""
    return read_answer(reads(*map(framed, payloads)), media_type="text/event-stream").transcript


def whole(document: object) -> Transcript:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_answer(reads(body), media_type="application/json").transcript


def story(transcript: Transcript) -> Story:
    assert isinstance(transcript, StoryTranscript)
    return transcript.story


def answers(recording: Recording) -> Iterator[Exchange]:
    """The exchange; or one for each answer, where the recorder joined the answers of several requests in one body."""
    exchange = load_wire(recording.path)
    if recording.name.split("__")[2] != "stream":
        yield exchange
        return
    blocks = exchange.body.decode().replace("\r\n", "\n").split("\n\n")
    starts = [at for at, block in enumerate(blocks) if '"type":"response.created"' in block.replace(" ", "")]
    if len(starts) < 2:
        yield exchange
        return
    for begin, end in zip(starts, [*starts[1:], len(blocks)], strict=True):
        yield replace(exchange, reads=(_joined(blocks[begin:end]),))


def _joined(blocks: Sequence[str]) -> Read:
    return Read(at_ns=None, data="".join(f"{block}\n\n" for block in blocks if block.strip()).encode())
