"""Answers of the Messages API and what Anthropic's packages make of them, written by hand; the tests prove each."""

from collections.abc import Sequence

from vapi_conformance.exchange import End, Exchange, Header, Read, Request, Response, Timing

__all__ = ["HI", "STEP_NS", "STREAMS", "WHOLE", "anthropic_answer", "sse"]

STEP_NS = 200_000_000
"""Time from one read to the next, and from the last one to the end."""


def anthropic_answer(
    *reads: str | bytes,
    status: int = 200,
    headers: Sequence[tuple[str, str]] = (("Content-Type", "text/event-stream"),),
    end: End = End.CLEAN,
) -> Exchange:
    """Read n comes at n steps; the end comes one step after the last."""
    wire: tuple[Header, ...] = tuple((name.encode(), value.encode()) for name, value in headers)
    return Exchange(
        request=Request(method="POST", url="http://endpoint.example/v1/messages"),
        response=Response(status=status, headers=wire),
        reads=tuple(
            Read(at_ns=at * STEP_NS, data=data.encode() if isinstance(data, str) else data)
            for at, data in enumerate(reads)
        ),
        end=end,
        timing=Timing(end_ns=len(reads) * STEP_NS),
    )


def sse(kind: str, fields: str = "") -> str:
    """An event as the API sends it."""
    return f'event: {kind}\ndata: {{"type":"{kind}"{"," if fields else ""}{fields}}}\n\n'


def start(index: int, block: str) -> str:
    return sse("content_block_start", f'"index":{index},"content_block":{block}')


def delta(index: object, fields: str) -> str:
    return sse("content_block_delta", f'"index":{index},"delta":{{{fields}}}')


def stop(index: int) -> str:
    return sse("content_block_stop", f'"index":{index}')


def said(text: str, index: object = 0) -> str:
    return delta(index, f'"type":"text_delta","text":"{text}"')


def typed(text: str, index: object = 0) -> str:
    return delta(index, f'"type":"input_json_delta","partial_json":"{text}"')


USAGE = '"usage":{"input_tokens":3,"output_tokens":5}'
MESSAGE = f'"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,{USAGE}'
BEGIN = sse("message_start", f'"message":{{{MESSAGE}}}')
TEXT = start(0, '{"type":"text","text":""}')
TOOL = start(0, '{"type":"tool_use","id":"toolu_1","name":"end","input":{}}')
FINISH = sse("message_delta", '"delta":{"stop_reason":"end_turn","stop_sequence":null},' + USAGE)
STOP = sse("message_stop")
HI = BEGIN + TEXT + said("Hi") + stop(0) + FINISH + STOP
CALL = BEGIN + TOOL + typed("") + typed('{\\"a\\":') + typed("1}") + stop(0) + FINISH + STOP
OVERLOADED = sse("error", '"error":{"type":"overloaded_error","message":"Overloaded"}')
REPLY = '{"type":"message","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn"}'
REFUSAL = '{"type":"error","error":{"type":"invalid_request_error","message":"no"}}'
JSON = (("Content-Type", "application/json"),)


def whole(body: str, *, status: int = 200, headers: Sequence[tuple[str, str]] = JSON) -> Exchange:
    return anthropic_answer(body, status=status, headers=headers)


STREAMS: dict[str, Exchange] = {
    "a sound stream": anthropic_answer(HI),
    "CRLF line ends": anthropic_answer(HI.replace("\n", "\r\n")),
    "CR line ends": anthropic_answer(HI.replace("\n", "\r")),
    "no blank after data:": anthropic_answer(HI.replace("data: ", "data:")),
    "a byte order mark": anthropic_answer(b"\xef\xbb\xbf" + HI.encode()),
    "wrong bytes": anthropic_answer(HI.encode().replace(b"Hi", b"H\xff")),
    "comments": anthropic_answer(": ping\n\n" + HI.replace("event:", ": ping\nevent:")),
    "pings": anthropic_answer(HI.replace("\n\n", "\n\n" + sse("ping"))),
    "no event: lines": anthropic_answer(HI.replace("event: ", "not: ")),
    "event: lines with other names": anthropic_answer(HI.replace("event: ", "event: new_")),
    "[DONE]": anthropic_answer(HI + "data: [DONE]\n\n"),
    "[DONE] with a name": anthropic_answer(HI + "event: done\ndata: [DONE]\n\n"),
    "last event without its empty line": anthropic_answer(HI.removesuffix("\n")),
    "no message_start": anthropic_answer(HI.removeprefix(BEGIN)),
    "two message_start": anthropic_answer(BEGIN + HI),
    "no message_stop": anthropic_answer(HI.removesuffix(STOP)),
    "no content_block_start": anthropic_answer(HI.replace(TEXT, "")),
    "no content_block_stop": anthropic_answer(HI.replace(stop(0), "")),
    "no message_delta": anthropic_answer(HI.replace(FINISH, "")),
    "message_delta without usage": anthropic_answer(HI.replace(FINISH, FINISH.replace("," + USAGE, ""))),
    "message_delta without delta": anthropic_answer(HI.replace(FINISH, sse("message_delta", USAGE))),
    "message_start without usage": anthropic_answer(HI.replace(BEGIN, BEGIN.replace("," + USAGE, ""))),
    "message_start without content": anthropic_answer(HI.replace('"content":[],', "")),
    "message_start without a message": anthropic_answer(HI.replace(BEGIN, sse("message_start"))),
    "a gap in the index": anthropic_answer(HI.replace('"index":0', '"index":1')),
    "an index in words": anthropic_answer(HI.replace(said("Hi"), said("Hi", '"0"'))),
    "no index": anthropic_answer(HI.replace('"index":0,', "")),
    "a negative index": anthropic_answer(HI.replace(said("Hi"), said("Hi", -1))),
    "a delta of null": anthropic_answer(HI.replace('"delta":{"type":"text_delta","text":"Hi"}', '"delta":null')),
    "a text of null": anthropic_answer(HI.replace('"Hi"', "null")),
    "a text of a number": anthropic_answer(HI.replace('"Hi"', "5")),
    "a text delta for a tool": anthropic_answer(CALL.replace(stop(0), said("Hi") + stop(0))),
    "an unknown event": anthropic_answer(HI.replace(FINISH, sse("new_event") + FINISH)),
    "an unknown delta": anthropic_answer(HI.replace(said("Hi"), delta(0, '"type":"new_delta"') + said("Hi"))),
    "a thinking block": anthropic_answer(
        HI.replace(
            TEXT,
            start(0, '{"type":"thinking","thinking":""}')
            + delta(0, '"type":"thinking_delta","thinking":"hm"')
            + stop(0)
            + TEXT,
        )
    ),
    "half a surrogate pair": anthropic_answer(HI.replace("Hi", r"\ud83d")),
    "a pair in two deltas": anthropic_answer(HI.replace(said("Hi"), said(r"\ud83d") + said(r"\ude00"))),
    "white space": anthropic_answer(HI.replace("Hi", r" \n")),
    "a null event": anthropic_answer("event: x\ndata: null\n\n" + HI),
    "an event of a number": anthropic_answer(BEGIN + TEXT + "event: x\ndata: 5\n\n" + said("Hi")),
    "an event of nought": anthropic_answer(HI.replace(said("Hi"), said("Hi") + "event: x\ndata: 0\n\n" + said("not"))),
    "bad JSON": anthropic_answer(HI.replace('"Hi"', "Hi")),
    "an empty data line": anthropic_answer(HI.replace(said("Hi"), said("Hi") + "event: x\ndata:\n\n")),
    "a tool call": anthropic_answer(CALL),
    "a tool call without arguments": anthropic_answer(BEGIN + TOOL + typed("") + stop(0) + FINISH + STOP),
    "a tool call behind text": anthropic_answer(
        BEGIN + TEXT + said("Hi") + stop(0) + TOOL.replace("0", "1", 1) + typed("{}", 1) + stop(1) + FINISH + STOP
    ),
    "a tool call that is cut off": anthropic_answer(
        BEGIN + TOOL + typed("") + typed('{\\"a\\":tr') + stop(0) + FINISH + STOP
    ),
    "arguments that are no JSON": anthropic_answer(BEGIN + TOOL + typed("{a}") + stop(0) + FINISH + STOP),
    "arguments of one word": anthropic_answer(BEGIN + TOOL + typed("tru") + typed("e") + stop(0) + FINISH + STOP),
    "arguments without text": anthropic_answer(CALL.replace(typed(""), delta(0, '"type":"input_json_delta"'))),
    "an error event": anthropic_answer(BEGIN + TEXT + said("Hi") + OVERLOADED),
    "an error event at once": anthropic_answer(OVERLOADED),
    "an error event that is no JSON": anthropic_answer(HI.removesuffix(STOP) + "event: error\ndata: no\n\n"),
    "an error event without data": anthropic_answer("event: error\n\n"),
    "an error without event:": anthropic_answer(BEGIN + OVERLOADED.removeprefix("event: error\n")),
    "an empty body": anthropic_answer(""),
    "JSON for a stream": anthropic_answer(REPLY, headers=JSON),
    "no content": anthropic_answer(status=204),
    "reset in the middle": anthropic_answer(BEGIN + TEXT + said("Hi"), "event: x", end=End.RESET),
    "cut off in the middle": anthropic_answer(BEGIN + TEXT + said("Hi"), "event: x", end=End.TRUNCATED),
    "cut off before Content-Length": anthropic_answer(HI, headers=(("Content-Length", "9000"),), end=End.TRUNCATED),
    "a refusal": anthropic_answer(REFUSAL, status=400, headers=JSON),
    "a refusal in plain text": anthropic_answer("no\n", status=529, headers=(("Content-Type", "text/plain"),)),
    "a refusal without a body": anthropic_answer("", status=500),
    "a refusal of null": anthropic_answer("null", status=404, headers=JSON),
    "a refusal with a message on top": anthropic_answer('{"message":"no"}', status=418, headers=JSON),
    "a refusal that is cut off": anthropic_answer(
        "n", status=429, headers=(("Content-Length", "9"),), end=End.TRUNCATED
    ),
}
WHOLE: dict[str, Exchange] = {
    "a whole answer": whole(REPLY),
    "a whole answer with a call": whole(
        '{"content":[{"type":"tool_use","id":"t","name":"end","input":{"a":1.0}}],"stop_reason":"tool_use"}'
    ),
    "a whole call without input": whole('{"content":[{"type":"tool_use","name":"end"}]}'),
    "a whole answer of text and calls": whole(
        '{"content":[{"type":"text","text":"Hi"},{"type":"tool_use","name":"end","input":{}}]}'
    ),
    "a whole answer with thinking": whole(
        '{"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi"}]}'
    ),
    "no blocks": whole('{"content":[],"stop_reason":"end_turn"}'),
    "content of null": whole('{"content":null}'),
    "content of text": whole('{"content":"Hi"}'),
    "odd blocks": whole('{"content":[null,5,"x",[],{"type":"text","text":5},{"type":"text","text":"Hi"}]}'),
    "typed as plain text": whole(REPLY, headers=(("Content-Type", "text/plain"),)),
    "typed as an event stream": whole(HI, headers=(("Content-Type", "text/event-stream"),)),
    "typed with a charset": whole(REPLY, headers=(("Content-Type", "application/json; charset=utf-8"),)),
    "a whole answer of null": whole("null"),
    "a whole answer that is no JSON": whole("<html>"),
    "an empty whole answer": whole(""),
    "an error with 200": whole(REFUSAL),
    "a whole refusal": whole(REFUSAL, status=401),
    "a whole answer, reset": anthropic_answer(REPLY[:9], headers=JSON, end=End.RESET),
    "a whole answer, cut off": anthropic_answer(REPLY, headers=(*JSON, ("Content-Length", "900")), end=End.TRUNCATED),
}
