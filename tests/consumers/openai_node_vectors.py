"""Streams and what openai-node 4.91.1 makes of them, written by hand; the differential test proves each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from vapi_conformance.exchange import End, Exchange, Header, Read, Request, Response, Timing

__all__ = ["DONE", "EVENT_VECTORS", "HI", "STEP_NS", "THERE", "Vector", "answer", "chunk", "tool"]

STEP_NS = 200_000_000
"""Time from one read to the next, and from the last one to the end."""

NOT_ITERABLE = "TypeError: chunk.choices is not iterable"


def chunk(content: str) -> str:
    return '{"choices":[{"index":0,"delta":{"content":"' + content + '"},"finish_reason":null}]}'


def answer(
    *reads: str | bytes,
    status: int = 200,
    headers: Sequence[tuple[str, str]] = (("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")),
    end: End = End.CLEAN,
) -> Exchange:
    """Read n comes at n steps; the end comes one step after the last."""
    wire: tuple[Header, ...] = tuple((name.encode(), value.encode()) for name, value in headers)
    return Exchange(
        request=Request(method="POST", url="http://endpoint.example/v1/chat/completions"),
        response=Response(status=status, headers=wire),
        reads=tuple(
            Read(at_ns=at * STEP_NS, data=data.encode() if isinstance(data, str) else data)
            for at, data in enumerate(reads)
        ),
        end=end,
        timing=Timing(end_ns=len(reads) * STEP_NS),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    name: str
    exchange: Exchange
    outcome: str
    texts: tuple[str, ...] = ()
    error: str | None = None
    reads: tuple[int, ...] | None = None
    """For each text, the number of the read that brings it; the end counts as one."""


HI = f"data: {chunk('Hi')}\n\n"
THERE = f"data: {chunk('there')}\n\n"
DONE = "data: [DONE]\n\n"
TOOL_CALL = (
    'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function",'
    '"function":{"name":"end","arguments":""}}]}}]}\n\n'
    'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}\n\n'
    'data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}\n\n'
)


def tool(fields: str) -> str:
    return 'data: {"choices":[{"delta":{"tool_calls":' + fields + "}}]}\n\n"


def said(name: str, *reads: str | bytes, texts: tuple[str, ...] = ("Hi",), at: tuple[int, ...] | None = None) -> Vector:
    return Vector(name=name, exchange=answer(*reads), outcome="spoken", texts=texts, reads=at)


def silent(name: str, *reads: str | bytes) -> Vector:
    return Vector(name=name, exchange=answer(*reads), outcome="silence")


def failed(name: str, *reads: str | bytes, error: str, texts: tuple[str, ...] = ()) -> Vector:
    return Vector(name=name, exchange=answer(*reads), outcome="failed", texts=texts, error=error)


EVENTS = (
    said("a whole answer", HI, THERE, DONE, texts=("Hi", "there"), at=(0, 1)),
    said("the minimal frame", 'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n' + DONE),
    said("no done marker", HI),
    said("events after the done marker", HI, DONE, THERE, "data: {broken\n\n"),
    said("done is matched as a prefix", HI, "data: [DONE] and more\n\n", THERE),
    said("done under an event name", HI, "event: x\ndata: [DONE]\n\n", THERE),
    failed("done in quotes", HI, 'data: "[DONE]"\n\n', THERE, error=NOT_ITERABLE, texts=("Hi",)),
    failed(
        "done after two blanks",
        HI,
        "data:  [DONE]\n\n",
        error="SyntaxError: Unexpected token 'D', \" [DONE]\" is not valid JSON",
        texts=("Hi",),
    ),
    said("a last event without an empty line is lost", HI, THERE.rstrip("\n")),
    said("a last event with one line end is lost", HI, THERE.rstrip("\n") + "\n"),
    silent("plain JSON", chunk("Hi")),
    silent("plain JSON over several lines", "{\n\n" + chunk("Hi") + "\n\n}\n\n"),
    silent("newline delimited JSON", chunk("Hi") + "\n" + chunk("there") + "\n"),
    silent("no body"),
    silent("a byte order mark loses the only event", b"\xef\xbb\xbf" + HI.encode()),
    said("a byte order mark loses the first event", b"\xef\xbb\xbf" + HI.encode(), THERE, texts=("there",)),
    said("the whole completion in one event", f'data: {{"object":"chat.completion",{chunk("Hi")[1:]}\n\n' + DONE),
    failed(
        "two payloads in one event",
        HI.rstrip("\n") + "\n" + THERE,
        error=f"SyntaxError: Unexpected non-whitespace character after JSON at position {len(chunk('Hi')) + 1}",
    ),
    said("one payload over two data lines", 'data: {"choices":\ndata: [{"delta":{"content":"Hi"}}]}\n\n'),
    said("a traceback as text after the first event", HI, "Traceback (most recent call last):\n  boom\n\n"),
    failed("text as data", "data: oops\n\n", error="SyntaxError: Unexpected token 'o', \"oops\" is not valid JSON"),
    failed("empty data", HI, "data:\n\n", error="SyntaxError: Unexpected end of JSON input", texts=("Hi",)),
    failed("a data line without colon", "data\n\n", error="SyntaxError: Unexpected end of JSON input"),
    said("comments and fields nobody knows", ": ping\n\n", "id: 1\nretry: 5\nfoo: bar\n" + HI, ":\n\n", DONE),
    said("names with another case or a blank are ignored", "Data: {\n\n data: {\n\ndata : {\n\n", HI),
    said("no blank after the colon", HI.replace("data: ", "data:")),
    said("CRLF", HI.replace("\n", "\r\n"), THERE.replace("\n", "\r\n"), texts=("Hi", "there"), at=(0, 1)),
    said(
        "CR waits for the next event",
        HI.replace("\n", "\r"),
        THERE.replace("\n", "\r"),
        texts=("Hi", "there"),
        at=(1, 2),
    ),
    said("LF and CRLF mixed waits for the next event", HI[:-1] + "\r\n", THERE, texts=("Hi", "there"), at=(1, 1)),
    said("CRLF and LF mixed does not wait", HI[:-2] + "\r\n\n", THERE, texts=("Hi", "there"), at=(0, 1)),
    said(
        "an event cut in the middle of a character",
        *(("data: " + chunk("é") + "\n\n").encode().partition(b"\xc3")),
        texts=("é",),
    ),
    said(
        "bytes that are no UTF-8",
        b"data: " + chunk("a#b").encode().replace(b"#", b"\xff\xed\xa0\x80\xe2\x82") + b"\n\n",
        texts=("a" + "�" * 5 + "b",),
    ),
    said("a lone surrogate", "data: " + chunk("\\ud83d") + "\n\n", texts=("\ud83d",)),
)

NAMED = (
    failed("an event name", f"event: message\n{HI}", error=NOT_ITERABLE),
    failed("an event name after the data", f"{HI[:-1]}event: message\n\n", error=NOT_ITERABLE),
    failed("an empty event name", f"event\n{HI}", error=NOT_ITERABLE),
    failed("an empty event name stays for the next event", "event:\n\n", HI, error=NOT_ITERABLE),
    said("an event name of the responses API", f"event: response.x\n{HI}"),
    said("an event name of transcriptions", f"event: transcript.x\n{HI}"),
    failed("an event name without data", "event: ping\n\n", HI, error="SyntaxError: Unexpected end of JSON input"),
    failed(
        "an error event", HI, 'event: error\ndata: {"error":{"message":"no"}}\n\n', error="APIError: no", texts=("Hi",)
    ),
    failed("an error event with a message only", 'event: error\ndata: {"message":"no"}\n\n', error="APIError: no"),
    failed(
        "an error event with a message that is an object",
        'event: error\ndata: {"message":{}}\n\n',
        error="APIError: [object Object]",
    ),
    failed("an error event with nothing", "event: error\ndata: {}\n\n", error="APIError: (no status code or body)"),
    failed(
        "an error event with null",
        "event: error\ndata: null\n\n",
        error="TypeError: Cannot read properties of null (reading 'error')",
    ),
)

SHAPES = (
    failed("an error object", HI, 'data: {"error":{"message":"no","code":1}}\n\n', error="APIError: no", texts=("Hi",)),
    failed("an error string", 'data: {"error":"no"}\n\n', error='APIError: "no"'),
    failed(
        "an error object without message",
        'data: {"error":{"b":1e21,"7":-0,"a":0.10}}\n\n',
        error='APIError: {"7":0,"b":1e+21,"a":0.1}',
    ),
    failed("an error message that is an object", 'data: {"error":{"message":["x"]}}\n\n', error='APIError: ["x"]'),
    failed("an empty error object", 'data: {"error":{}}\n\n', error="APIError: {}"),
    said("error null", 'data: {"error":null,' + chunk("Hi")[1:] + "\n\n"),
    said("error false", 'data: {"error":0,' + chunk("Hi")[1:] + "\n\n"),
    failed("a frame without choices", 'data: {"function_call":{}}\n\n', error=NOT_ITERABLE),
    failed("choices null", 'data: {"choices":null}\n\n', error=NOT_ITERABLE),
    failed("choices an object", 'data: {"choices":{}}\n\n', error=NOT_ITERABLE),
    silent("choices a string", 'data: {"choices":"abc"}\n\n'),
    silent("choices empty", 'data: {"choices":[]}\n\n'),
    failed("payload null", "data: null\n\n", error="TypeError: Cannot read properties of null (reading 'choices')"),
    failed("payload a number", "data: 5\n\n", error=NOT_ITERABLE),
    failed("payload an array", "data: []\n\n", error=NOT_ITERABLE),
    silent("choices of other things", 'data: {"choices":[null,1,"a",[],{}]}\n\n'),
    silent("deltas of other things", 'data: {"choices":[{"delta":null},{"delta":"a"},{"delta":[]},{"delta":1}]}\n\n'),
    silent("a message instead of a delta", 'data: {"choices":[{"message":{"content":"Hi"}}]}\n\n'),
    silent(
        "content that is no string", 'data: {"choices":[{"delta":{"content":["Hi"]}},{"delta":{"content":null}}]}\n\n'
    ),
    Vector(
        name="white space alone",
        exchange=answer("data: " + chunk(" \\n\\u2003\\ufeff") + "\n\n"),
        outcome="silence",
        texts=(" \n\u2003\ufeff",),
    ),
    said("a separator that Python takes for white space", "data: " + chunk("\\u001c") + "\n\n", texts=("\x1c",)),
    said(
        "the last of two keys counts", 'data: {"choices":5,"choices":[{"delta":{"content":"no","content":"Hi"}}]}\n\n'
    ),
    failed("NaN", 'data: {"a":NaN}\n\n', error='SyntaxError: Unexpected token \'N\', "{"a":NaN}" is not valid JSON'),
    said("a number beyond all bounds", 'data: {"a":1e999,"b":' + "9" * 5000 + "," + chunk("Hi")[1:] + "\n\n"),
    said("deep nesting", 'data: {"a":' + "[" * 5000 + "]" * 5000 + "," + chunk("Hi")[1:] + "\n\n"),
    said("a key named __proto__", 'data: {"__proto__":{"error":1},' + chunk("Hi")[1:] + "\n\n"),
)

TOOLS = (
    Vector(name="a tool call", exchange=answer(TOOL_CALL + DONE), outcome="tool-call"),
    Vector(name="a tool call beside text", exchange=answer(HI, TOOL_CALL + DONE), outcome="spoken", texts=("Hi",)),
    silent("a tool call without a name", tool('[{"index":0,"id":"x"}]')),
    Vector(
        name="a tool call without index",
        exchange=answer(tool('[{"function":{"name":"a"}},{"function":{"arguments":"{}"}}]')),
        outcome="tool-call",
    ),
    Vector(
        name="tool calls under all kinds of index",
        exchange=answer(
            *(
                tool(f'[{{"index":{index},"function":{{"name":"a","arguments":"{at}"}}}}]')
                for at, index in enumerate(
                    ("0", "0.0", "-0", "1", "true", '"1"', "null", "false", "1.5", "{}", "[]", "[]")
                )
            )
        ),
        outcome="tool-call",
    ),
    Vector(
        name="arguments that are no string",
        exchange=answer(
            tool(
                '[{"function":{"name":"a","arguments":{"b":1}}},{"function":{"arguments":[1,[null,{}],1e21]}},{"function":{"arguments":0}},{"function":{"arguments":true}}]'
            )
        ),
        outcome="tool-call",
    ),
    failed(
        "arguments that hide toString",
        tool('[{"function":{"arguments":{"toString":1}}}]'),
        error="TypeError: Cannot convert object to primitive value",
    ),
    failed(
        "tool_calls an object",
        tool("{}"),
        error="TypeError: object is not iterable (cannot read property Symbol(Symbol.iterator))",
    ),
    failed(
        "tool_calls a number",
        tool("5e-7"),
        error="TypeError: number 5e-7 is not iterable (cannot read property Symbol(Symbol.iterator))",
    ),
    failed(
        "tool_calls a boolean",
        tool("false"),
        error="TypeError: boolean false is not iterable (cannot read property Symbol(Symbol.iterator))",
    ),
    silent("tool_calls null", tool("null")),
    silent("tool_calls a string", tool('"😀a"')),
    silent("tool_calls of other things", tool('[null,5,"a",[],{"function":"x"},{"function":null,"id":5}]')),
    Vector(
        name="a surrogate pair across fragments",
        exchange=answer(
            tool('[{"function":{"name":"a","arguments":"\\ud83d"}}]'), tool('[{"function":{"arguments":"\\ude00"}}]')
        ),
        outcome="tool-call",
    ),
)

EVENT_VECTORS = (*EVENTS, *NAMED, *SHAPES, *TOOLS)
