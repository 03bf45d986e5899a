"""Answers to a Responses request that are no sound stream: statuses, codings, broken connections, whole answers."""

import gzip
import json
import zlib
from dataclasses import replace

from consumers.openai_node_vectors import answer
from consumers.responses_vectors import BEGIN, DONE_ITEM, END, HI, WHOLE, response
from vapi_conformance.exchange import End, Exchange

__all__ = ["HTTP_ANSWERS", "WHOLE_ANSWERS"]

SSE = ("Content-Type", "text/event-stream")
JSON = ("Content-Type", "application/json")
ERROR = json.dumps({"error": {"message": "boom", "type": "t", "param": None, "code": None}})
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "end", "arguments": "{}"}
STATUSES = (400, 401, 403, 404, 408, 409, 418, 422, 429, 500, 502, 503, 529)


def coded(name: str, *bodies: bytes) -> Exchange:
    return answer(*bodies, headers=[SSE, ("Content-Encoding", name)])


def no_head(end: End) -> Exchange:
    return replace(answer(end=end), response=None)


def whole(body: object, *, kind: str = "application/json", status: int = 200) -> Exchange:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return answer(text, status=status, headers=[("Content-Type", kind)])


HTTP_ANSWERS: dict[str, Exchange] = {
    **{f"status {status}": answer(ERROR, status=status, headers=[JSON]) for status in STATUSES},
    "an error in plain text": answer("no such thing", status=404, headers=[("Content-Type", "text/plain")]),
    "an error that is a string": answer('{"error":"boom"}', status=500, headers=[JSON]),
    "an error without its wrapping": answer('{"message":"boom"}', status=500, headers=[JSON]),
    "an error whose message is a number": answer('{"error":{"message":5}}', status=500, headers=[JSON]),
    "an error that is an array": answer('[{"error":{"message":"boom"}}]', status=500, headers=[JSON]),
    "an error without a body": answer(status=500, headers=[JSON]),
    "an error with a byte order mark": answer(b"\xef\xbb\xbf" + ERROR.encode(), status=500, headers=[JSON]),
    "an error in Latin-1": answer(
        '{"error":{"message":"k\xf6nnte"}}'.encode("latin-1"),
        status=500,
        headers=[("Content-Type", "application/json; charset=latin-1")],
    ),
    "an error cut off": answer(ERROR, status=500, headers=[JSON], end=End.TRUNCATED),
    "a stream with status 201": answer(WHOLE, status=201),
    "no content": answer(status=204, headers=[SSE]),
    "not modified": answer(status=304, headers=[SSE]),
    "a stream of no known type": answer(WHOLE, headers=[("Content-Type", "application/octet-stream")]),
    "a stream without a type": answer(WHOLE, headers=[]),
    "gzip": coded("gzip", gzip.compress(WHOLE.encode())),
    "gzip in pieces": coded("gzip", *[gzip.compress(WHOLE.encode())[at : at + 40] for at in range(0, 1000, 40)]),
    "gzip cut short": coded("gzip", gzip.compress(WHOLE.encode())[:-20]),
    "two members of gzip": coded("gzip", gzip.compress((BEGIN + HI).encode()) + gzip.compress(END.encode())),
    "deflate": coded("deflate", zlib.compress(WHOLE.encode())),
    "deflate without its header": coded("deflate", zlib.compress(WHOLE.encode())[2:-4]),
    "a coding nobody knows": coded("foo", WHOLE.encode()),
    "identity": coded("identity", WHOLE.encode()),
    "cut off after a text": answer(BEGIN + HI, end=End.TRUNCATED),
    "cut off before the length is reached": answer(
        BEGIN + HI, headers=[SSE, ("Content-Length", "9")], end=End.TRUNCATED
    ),
    "reset after a text": answer(BEGIN + HI, end=End.RESET),
    "reset before the length is reached": answer(BEGIN + HI, headers=[SSE, ("Content-Length", "9")], end=End.RESET),
    "silent for ever after a text": answer(BEGIN + HI, end=End.TIMED_OUT),
    "no head, closed": no_head(End.TRUNCATED),
    "no head, reset": no_head(End.RESET),
}
WHOLE_ANSWERS: dict[str, Exchange] = {
    "a text": whole(response("completed", DONE_ITEM)),
    "two texts and a call": whole(response("completed", DONE_ITEM, DONE_ITEM, CALL)),
    "a refusal": whole(response("completed", {**DONE_ITEM, "content": [{"type": "refusal", "refusal": "No."}]})),
    "incomplete": whole(response("incomplete", DONE_ITEM)),
    "failed": whole(response("failed")),
    "an error object with status 200": whole({"error": {"message": "boom"}}),
    "output_text on the wire": whole({"object": "text", "output_text": "Hi", "output": []}),
    "no object": whole({"id": "resp_1", "status": "completed", "output": [DONE_ITEM]}),
    "no output": whole({"object": "response", "status": "completed"}),
    "output is null": whole({"object": "response", "output": None}),
    "an item that is null": whole(response("completed", None)),
    "a message without content": whole(response("completed", {"type": "message"})),
    "a part without text": whole(response("completed", {"type": "message", "content": [{"type": "output_text"}]})),
    "a text that is a number": whole(
        response("completed", {"type": "message", "content": [{"type": "output_text", "text": 5}]})
    ),
    "half a surrogate pair": whole(
        response("completed", {**DONE_ITEM, "content": [{"type": "output_text", "text": "\ud83d"}]})
    ),
    "null": whole("null"),
    "a number": whole("5"),
    "an array": whole("[]"),
    "a string": whole('"Hi"'),
    "no JSON": whole("{oops"),
    "nothing": whole(""),
    "nothing, and its length": answer(headers=[JSON, ("Content-Length", "0")]),
    "a byte order mark": whole(b"\xef\xbb\xbf" + json.dumps(response("completed", DONE_ITEM)).encode()),
    "bytes that are no UTF-8": whole(json.dumps(response("completed", DONE_ITEM)).encode().replace(b"Hi", b"\xff")),
    "as plain text": whole(response("completed", DONE_ITEM), kind="text/plain"),
    "as problem+json": whole(response("completed", DONE_ITEM), kind="application/problem+json"),
    "with a blank behind the type": whole(response("completed", DONE_ITEM), kind="application/json ; charset=utf-8"),
    "HTML": whole("<html></html>", kind="text/html"),
    "a stream": answer(WHOLE),
    "cut off": replace(whole(response("completed", DONE_ITEM)), end=End.TRUNCATED),
    "reset": replace(whole(response("completed", DONE_ITEM)), end=End.RESET),
    **{f"status {status}": answer(ERROR, status=status, headers=[JSON]) for status in (204, 400, 500)},
    "an error cut off": answer(ERROR, status=500, headers=[JSON], end=End.TRUNCATED),
}
