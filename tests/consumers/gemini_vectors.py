"""Answers of Gemini's API and what google-genai makes of them, written by hand; the differential tests prove each."""

from collections.abc import Sequence
from dataclasses import dataclass

from vapi_conformance.consumers import Heard
from vapi_conformance.exchange import End, Exchange, Header, Read, Request, Response, Timing

__all__ = ["HI", "STEP_NS", "STREAM_URL", "URL", "VECTORS", "Vector", "gemini_answer", "summary"]

STEP_NS = 200_000_000
"""Time from one read to the next, and from the last one to the end."""
URL = "http://endpoint.example/v1beta/models/m:generateContent"
STREAM_URL = "http://endpoint.example/v1beta/models/m:streamGenerateContent?alt=sse"


def gemini_answer(
    *reads: str | bytes,
    url: str = STREAM_URL,
    status: int = 200,
    headers: Sequence[tuple[str, str]] = (("Content-Type", "text/event-stream"),),
    end: End = End.CLEAN,
) -> Exchange:
    """Read n comes at n steps; the end comes one step after the last."""
    wire: tuple[Header, ...] = tuple((name.encode(), value.encode()) for name, value in headers)
    return Exchange(
        request=Request(method="POST", url=url),
        response=Response(status=status, headers=wire),
        reads=tuple(
            Read(at_ns=at * STEP_NS, data=data.encode() if isinstance(data, str) else data)
            for at, data in enumerate(reads)
        ),
        end=end,
        timing=Timing(end_ns=len(reads) * STEP_NS),
    )


def summary(heard: Heard) -> str:
    """Outcome, texts, tool calls, finish reason and error in one line; of an error no more than its beginning."""
    parts = [heard.outcome.value]
    if heard.texts:
        parts.append("|".join(text.text for text in heard.texts))
    parts += [f"{call.name}({call.arguments})" for call in heard.tool_calls]
    if heard.finish_reason:
        parts.append(f"[{heard.finish_reason}]")
    if heard.error:
        parts.append(f"! {heard.error[:80]}")
    return " ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """`python` and `node`: the summary of what each package's user hears."""

    name: str
    exchange: Exchange
    python: str
    node: str


HI = 'data: {"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"}}]}'
STOP = 'data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP"}]}'
HI_STOP = f"{HI}\r\n\r\n{STOP}\r\n\r\n"
UNAVAILABLE = '{"error":{"code":503,"message":"no","status":"UNAVAILABLE"}}'
JSON = (("Content-Type", "application/json"),)


def part(fields: str) -> str:
    return 'data: {"candidates":[{"content":{"parts":[{' + fields + '}]},"finishReason":"STOP"}]}\n\n'


def whole(body: str, *, status: int = 200, headers: Sequence[tuple[str, str]] = JSON) -> Exchange:
    return gemini_answer(body, url=URL, status=status, headers=headers)


EXCHANGES = (
    ("a sound stream", gemini_answer(HI_STOP)),
    ("LF line ends", gemini_answer(HI_STOP.replace("\r\n", "\n"))),
    ("CR line ends", gemini_answer(HI_STOP.replace("\r\n", "\r"))),
    ("no blank after data:", gemini_answer(HI_STOP.replace("data: ", "data:"))),
    ("two blanks after data:", gemini_answer(HI_STOP.replace("data: ", "data:  "))),
    ("a comment block", gemini_answer(": ping\r\n\r\n" + HI_STOP)),
    ("a comment in the event", gemini_answer(": ping\r\n" + HI_STOP)),
    ("event: before data", gemini_answer("event: message\n" + HI_STOP)),
    ("id: before data", gemini_answer("id: 1\n" + HI_STOP)),
    ("event: behind data", gemini_answer(HI + "\nevent: message\n\n")),
    ("[DONE]", gemini_answer(HI_STOP + "data: [DONE]\r\n\r\n")),
    ("bare [DONE]", gemini_answer(HI_STOP + "[DONE]\r\n\r\n")),
    ("last event without its empty line", gemini_answer(HI + "\n\n" + STOP)),
    ("last event with one line end", gemini_answer(HI + "\n\n" + STOP + "\n")),
    ("single line ends between events", gemini_answer(HI + "\n" + STOP + "\n\n")),
    ("data of two lines", gemini_answer(HI.replace('"candidates":', '"candidates":\ndata: ') + "\n\n")),
    ("data of two lines, cut in a string", gemini_answer(HI.replace("Hi", "H\ndata: i") + "\n\n")),
    ("a byte order mark", gemini_answer(b"\xef\xbb\xbf" + HI_STOP.encode())),
    ("wrong bytes", gemini_answer(HI_STOP.encode().replace(b"Hi", b"H\xff"))),
    ("an empty body", gemini_answer("")),
    ("empty lines only", gemini_answer("\n\n\n")),
    ("empty data", gemini_answer("data: \n\n" + HI_STOP)),
    ("a document without candidates", gemini_answer('data: {"usageMetadata":{}}\n\n')),
    ("null", gemini_answer("data: null\n\n")),
    ("a number", gemini_answer("data: 5\n\n")),
    ("an array", gemini_answer("data: []\n\ndata: [1]\n\n")),
    ("a string", gemini_answer('data: "candidates"\n\n')),
    ("an object for candidates", gemini_answer('data: {"candidates":{"0":{"content":{"parts":[{"text":"Hi"}]}}}}\n\n')),
    ("a number for candidates", gemini_answer('data: {"candidates":5}\n\n')),
    ("a null candidate", gemini_answer('data: {"candidates":[null]}\n\n')),
    ("content without parts", gemini_answer('data: {"candidates":[{"content":{},"finishReason":"SAFETY"}]}\n\n')),
    ("null parts", gemini_answer('data: {"candidates":[{"content":{"parts":null}}]}\n\n')),
    ("a number for parts", gemini_answer('data: {"candidates":[{"content":{"parts":5}}]}\n\n')),
    ("an object for parts", gemini_answer('data: {"candidates":[{"content":{"parts":{}}}]}\n\n')),
    ("text of a number", gemini_answer(part('"text":5'))),
    ("a null text", gemini_answer(part('"text":null'))),
    ("a thought", gemini_answer(part('"text":"hm","thought":true'))),
    ("a thought of 1", gemini_answer(part('"text":"hm","thought":1'))),
    ("a thought of false in words", gemini_answer(part('"text":"hm","thought":"false"'))),
    ("a signature that is no base64", gemini_answer(part('"text":"Hi","thoughtSignature":"!"'))),
    ("an unknown field", gemini_answer(part('"text":"Hi","new":{}'))),
    ("half a surrogate pair", gemini_answer(part(r'"text":"\ud83d"'))),
    ("white space", gemini_answer(part(r'"text":" \n"'))),
    ("a function call", gemini_answer(part('"functionCall":{"name":"end","args":{"a":1.0}}'))),
    ("a function call without arguments", gemini_answer(part('"functionCall":{"name":"end"}'))),
    ("a function call with an id", gemini_answer(part('"functionCall":{"name":"end","args":{},"id":"c"}'))),
    ("a function call in snake case", gemini_answer(part('"function_call":{"name":"end","args":{}}'))),
    ("arguments as text", gemini_answer(part('"functionCall":{"name":"end","args":"{}"}'))),
    ("a function call without a name", gemini_answer(part('"functionCall":{"args":{}}'))),
    (
        "integer enums",
        gemini_answer('data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":1}]}\n\n'),
    ),
    ("a finish reason in small letters", gemini_answer('data: {"candidates":[{"finishReason":"stop"}]}\n\n')),
    ("a new finish reason", gemini_answer('data: {"candidates":[{"finishReason":"NEW"}]}\n\n')),
    ("a finish reason in snake case", gemini_answer('data: {"candidates":[{"finish_reason":"STOP"}]}\n\n')),
    ("tokens in words", gemini_answer(HI[:-1] + ',"usageMetadata":{"totalTokenCount":"many"}}\n\n')),
    ("tokens as text", gemini_answer(HI[:-1] + ',"usageMetadata":{"totalTokenCount":"5"}}\n\n')),
    (
        "two candidates",
        gemini_answer(HI.replace('[{"content', '[{"content":{"parts":[{"text":"A"}]}},{"content') + "\n\n"),
    ),
    ("an error event", gemini_answer(HI_STOP + f"data: {UNAVAILABLE}\r\n\r\n")),
    ("bare lines of an error", gemini_answer(HI_STOP, UNAVAILABLE.replace(",", ",\n ") + "\n")),
    ("an error in a read of its own", gemini_answer(HI_STOP, UNAVAILABLE)),
    ("an error of no code", gemini_answer('data: {"error":{"message":"no"}}\n\n')),
    ("an error of text", gemini_answer('data: {"error":"no"}\n\n')),
    ("an error behind another key", gemini_answer('data: {"a":1,"error":{"code":500}}\n\n')),
    ("an error of another code", gemini_answer('data: {"error":{"code":200}}\n\n')),
    (
        "a JSON array, as without alt=sse",
        gemini_answer("[" + HI.removeprefix("data: ") + "\n,\r\n" + STOP.removeprefix("data: ") + "]", headers=JSON),
    ),
    ("one JSON document for a stream", gemini_answer(HI.removeprefix("data: "), headers=JSON)),
    ("braces in a string of a bare line", gemini_answer('{"a":"}\\"{",\n"b":1}\n')),
    ("a web page", gemini_answer("<html>\n<body>\n\nHi</body></html>")),
    ("a whole answer", whole(HI.removeprefix("data: "))),
    ("an empty whole answer", whole("")),
    ("a whole answer of null", whole("null")),
    ("a whole answer of a number", whole("5")),
    ("a whole answer of text", whole('"x"')),
    ("a stream for a whole answer", whole(HI_STOP)),
    ("a whole answer, blocked", whole('{"promptFeedback":{"blockReason":"SAFETY"}}')),
    ("a refusal", whole('{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}', status=400)),
    (
        "a refusal in an array",
        gemini_answer(
            '[{"error":{"code":429,"message":"no","status":"RESOURCE_EXHAUSTED"}}]', status=429, headers=JSON
        ),
    ),
    ("a refusal in plain text", whole("no", status=503, headers=(("Content-Type", "text/plain"),))),
    ("a refusal that is no JSON", whole("<html>", status=502)),
    ("a refusal without a body", whole("", status=401)),
    ("a refusal of text in JSON", whole('"no"', status=403)),
    ("created", whole(HI.removeprefix("data: "), status=201)),
    ("no content", gemini_answer(status=204)),
    ("not modified", gemini_answer(status=304)),
    ("reset in the middle", gemini_answer(HI + "\n\n", HI[:20], end=End.RESET)),
    ("cut off in the middle", gemini_answer(HI + "\n\n", HI[:20], end=End.TRUNCATED)),
    (
        "cut off before Content-Length",
        gemini_answer(HI + "\n\n", headers=(("Content-Length", "1000"),), end=End.TRUNCATED),
    ),
    ("silence without an end", gemini_answer(HI + "\n\n", end=End.TIMED_OUT)),
    ("a coding that is broken", gemini_answer(HI, headers=(("Content-Encoding", "gzip"),))),
    ("a coding that nobody knows", gemini_answer(HI_STOP, headers=(("Content-Encoding", "rot13"),))),
)

# For each what is heard with Python, and what with Node.
EXPECTED = {
    "a sound stream": ("spoken Hi [STOP]",) * 2,
    "LF line ends": ("spoken Hi [STOP]",) * 2,
    "CR line ends": ("spoken Hi [STOP]",) * 2,
    "no blank after data:": (
        'failed ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: data:{"',
        "spoken Hi [STOP]",
    ),
    "two blanks after data:": ("spoken Hi [STOP]",) * 2,
    "a comment block": (
        "failed ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: : ping",
        "spoken Hi [STOP]",
    ),
    "a comment in the event": (
        "failed ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: : ping",
        "silence [STOP]",
    ),
    "event: before data": (
        "failed ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: event: ",
        "silence [STOP]",
    ),
    "id: before data": (
        "failed ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: id: 1",
        "silence [STOP]",
    ),
    "event: behind data": (
        "failed ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: event: ",
        "failed ! SyntaxError: Unexpected non-whitespace character after JSON at position 70",
    ),
    "[DONE]": (
        "failed Hi [STOP] ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: [DONE]",
        "failed Hi [STOP] ! SyntaxError: Unexpected token 'D', \"[DONE]\" is not valid JSON",
    ),
    "bare [DONE]": (
        "failed Hi [STOP] ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: [DONE]",
        "spoken Hi [STOP]",
    ),
    "last event without its empty line": (
        "spoken Hi [STOP]",
        "failed Hi ! Error: Incomplete JSON segment at the end",
    ),
    "last event with one line end": (
        "spoken Hi [STOP]",
        "failed Hi ! Error: Incomplete JSON segment at the end",
    ),
    "single line ends between events": (
        'failed ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: {"candi',
        "failed ! SyntaxError: Unexpected non-whitespace character after JSON at position 70",
    ),
    "data of two lines": (
        "spoken Hi",
        'failed ! SyntaxError: Unexpected token \'d\', ..."didates":\ndata: [{"c"... is not valid JSO',
    ),
    "data of two lines, cut in a string": (
        'failed ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: {"candi',
        "failed ! SyntaxError: Bad control character in string literal in JSON at position 46",
    ),
    "a byte order mark": (
        "failed ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: \ufeffdata: ",
        "spoken Hi [STOP]",
    ),
    "wrong bytes": ("spoken H� [STOP]",) * 2,
    "an empty body": ("silence",) * 2,
    "empty lines only": ("silence",) * 2,
    "empty data": (
        "failed ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: ",
        "failed ! SyntaxError: Unexpected end of JSON input",
    ),
    "a document without candidates": ("silence",) * 2,
    "null": ("silence",) * 2,
    "a number": (
        "failed ! TypeError: argument of type 'int' is not iterable",
        "silence",
    ),
    "an array": ("silence",) * 2,
    "a string": (
        "failed ! TypeError: string indices must be integers, not 'str'",
        "silence",
    ),
    "an object for candidates": (
        "silence",
        "spoken Hi",
    ),
    "a number for candidates": (
        "failed ! TypeError: 'int' object is not iterable",
        "silence",
    ),
    "a null candidate": ("silence",) * 2,
    "content without parts": ("silence [SAFETY]",) * 2,
    "null parts": ("silence",) * 2,
    "a number for parts": (
        "failed ! ValidationError: 1 validation error for GenerateContentResponse (candidates.0.co",
        "failed ! TypeError: number 5 is not iterable (cannot read property Symbol(Symbol.iterator",
    ),
    "an object for parts": (
        "failed ! ValidationError: 1 validation error for GenerateContentResponse (candidates.0.co",
        "failed ! TypeError: object is not iterable (cannot read property Symbol(Symbol.iterator))",
    ),
    "text of a number": (
        "failed ! ValidationError: 1 validation error for GenerateContentResponse (candidates.0.co",
        "silence [STOP]",
    ),
    "a null text": ("silence [STOP]",) * 2,
    "a thought": ("silence [STOP]",) * 2,
    "a thought of 1": ("silence [STOP]",) * 2,
    "a thought of false in words": (
        "spoken hm [STOP]",
        "silence [STOP]",
    ),
    "a signature that is no base64": (
        "failed ! ValidationError: 1 validation error for GenerateContentResponse (candidates.0.co",
        "spoken Hi [STOP]",
    ),
    "an unknown field": ("spoken Hi [STOP]",) * 2,
    "half a surrogate pair": ("spoken \ud83d [STOP]",) * 2,
    "white space": ("silence  \n [STOP]",) * 2,
    "a function call": (
        'tool-call end({"a":1.0}) [STOP]',
        'tool-call end({"a":1}) [STOP]',
    ),
    "a function call without arguments": ("tool-call end() [STOP]",) * 2,
    "a function call with an id": ("tool-call end({}) [STOP]",) * 2,
    "a function call in snake case": (
        "tool-call end({}) [STOP]",
        "silence [STOP]",
    ),
    "arguments as text": (
        "failed ! ValidationError: 1 validation error for GenerateContentResponse (candidates.0.co",
        'tool-call end("{}") [STOP]',
    ),
    "a function call without a name": ("silence None({}) [STOP]",) * 2,
    "integer enums": (
        "failed ! AttributeError: 'int' object has no attribute 'upper'",
        "spoken Hi",
    ),
    "a finish reason in small letters": (
        "silence [STOP]",
        "silence [stop]",
    ),
    "a new finish reason": ("silence [NEW]",) * 2,
    "a finish reason in snake case": ("silence",) * 2,
    "tokens in words": (
        "failed ! ValidationError: 1 validation error for GenerateContentResponse (usage_metadata.",
        "spoken Hi",
    ),
    "tokens as text": ("spoken Hi",) * 2,
    "two candidates": ("spoken A",) * 2,
    "an error event": (
        "failed Hi [STOP] ! ServerError: 503 UNAVAILABLE. {'error': {'code': 503, 'message': 'no', 'status':",
        'failed Hi [STOP] ! ApiError: got status: UNAVAILABLE. {"error":{"code":503,"message":"no","status":',
    ),
    "bare lines of an error": (
        "failed Hi [STOP] ! ServerError: 503 UNAVAILABLE. {'error': {'code': 503, 'message': 'no', 'status':",
        'failed Hi [STOP] ! ApiError: got status: UNAVAILABLE. {"error":{"code":503,"message":"no","status":',
    ),
    "an error in a read of its own": (
        "failed Hi [STOP] ! ServerError: 503 UNAVAILABLE. {'error': {'code': 503, 'message': 'no', 'status':",
        'failed Hi [STOP] ! ApiError: got status: UNAVAILABLE. {"error":{"code":503,"message":"no","status":',
    ),
    "an error of no code": (
        "failed ! TypeError: '<=' not supported between instances of 'int' and 'NoneType'",
        "silence",
    ),
    "an error of text": (
        "failed ! AttributeError: 'str' object has no attribute 'get'",
        "silence",
    ),
    "an error behind another key": (
        "silence",
        'failed ! ApiError: got status: undefined. {"a":1,"error":{"code":500}}',
    ),
    "an error of another code": (
        "failed ! APIError: 200 None. {'error': {'code': 200}}",
        "silence",
    ),
    "a JSON array, as without alt=sse": (
        'failed ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: [{"cand',
        "failed ! Error: Incomplete JSON segment at the end",
    ),
    "one JSON document for a stream": (
        "spoken Hi",
        "failed ! Error: Incomplete JSON segment at the end",
    ),
    "braces in a string of a bare line": (
        "silence",
        "failed ! Error: Incomplete JSON segment at the end",
    ),
    "a web page": (
        "failed ! UnknownApiResponseError: Failed to parse response as JSON. Raw response: <html>",
        "failed ! Error: Incomplete JSON segment at the end",
    ),
    "a whole answer": ("spoken Hi",) * 2,
    "an empty whole answer": (
        "silence",
        "failed ! SyntaxError: Unexpected end of JSON input",
    ),
    "a whole answer of null": (
        "silence",
        "failed ! TypeError: Cannot set properties of null (setting 'sdkHttpResponse')",
    ),
    "a whole answer of a number": (
        "failed ! TypeError: argument of type 'int' is not iterable",
        "failed ! TypeError: Cannot create property 'sdkHttpResponse' on number '5'",
    ),
    "a whole answer of text": (
        "silence",
        "failed ! TypeError: Cannot create property 'sdkHttpResponse' on string 'x'",
    ),
    "a stream for a whole answer": (
        "failed ! JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
        'failed ! SyntaxError: Unexpected token \'d\', "data: {"ca"... is not valid JSON',
    ),
    "a whole answer, blocked": ("silence",) * 2,
    "a refusal": (
        "failed ! ClientError: 400 INVALID_ARGUMENT. {'error': {'code': 400, 'message': 'no', 'sta",
        'failed ! ApiError: {"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}',
    ),
    "a refusal in an array": (
        "failed ! ClientError: 429 RESOURCE_EXHAUSTED. {'error': {'code': 429, 'message': 'no', 's",
        'failed ! ApiError: [{"error":{"code":429,"message":"no","status":"RESOURCE_EXHAUSTED"}}]',
    ),
    "a refusal in plain text": (
        "failed ! ServerError: 503 Service Unavailable. {'message': 'no', 'status': 'Service Unava",
        'failed ! ApiError: {"error":{"message":"no","code":503,"status":"Service Unavailable"}}',
    ),
    "a refusal that is no JSON": (
        "failed ! ServerError: 502 Bad Gateway. {'message': '<html>', 'status': 'Bad Gateway'}",
        "failed ! SyntaxError: Unexpected token '<', \"<html>\" is not valid JSON",
    ),
    "a refusal without a body": (
        "failed ! ClientError: 401 Unauthorized. {'message': '', 'status': 'Unauthorized'}",
        "failed ! SyntaxError: Unexpected end of JSON input",
    ),
    "a refusal of text in JSON": (
        "failed ! ClientError: 403 None. no",
        'failed ! ApiError: "no"',
    ),
    "created": (
        "failed ! APIError: 201 None. {'candidates': [{'content': {'parts': [{'text': 'Hi'}], 'rol",
        "spoken Hi",
    ),
    "no content": (
        "failed ! APIError: 204 No Content. {'message': '', 'status': 'No Content'}",
        "failed ! Error: Response body is empty",
    ),
    "not modified": (
        "failed ! APIError: 304 Not Modified. {'message': '', 'status': 'Not Modified'}",
        'failed ! Error: {"error":{"message":"","code":304,"status":"Not Modified"}}',
    ),
    "reset in the middle": (
        "failed Hi ! ReadError: [Errno 104] Connection reset by peer",
        "failed Hi ! TypeError: terminated",
    ),
    "cut off in the middle": (
        "failed Hi ! RemoteProtocolError: peer closed connection without sending complete message bod",
        "failed Hi ! TypeError: terminated",
    ),
    "cut off before Content-Length": (
        "failed Hi ! RemoteProtocolError: peer closed connection without sending complete message bod",
        "failed Hi ! TypeError: terminated",
    ),
    "silence without an end": ("failed Hi ! (nothing more came, and the library waits for ever)",) * 2,
    "a coding that is broken": (
        "failed ! DecodingError: Error -3 while decompressing data: incorrect header check",
        "failed ! TypeError: terminated",
    ),
    "a coding that nobody knows": ("spoken Hi [STOP]",) * 2,
}

VECTORS = tuple(
    Vector(name=name, exchange=exchange, python=EXPECTED[name][0], node=EXPECTED[name][1])
    for name, exchange in EXCHANGES
)
