"""@google/genai for Node, as a consumer: what a loop over a streamed or whole answer of Gemini's API hears.

The loop that is modelled, character for character the one in `tests/consumers/node/driver_genai.mjs`:

```js
for await (const chunk of await ai.models.generateContentStream({ model, contents, config })) hear(chunk);
// or, for generateContent: hear(await ai.models.generateContent({ model, contents, config }));

function hear(response) {
  const candidate = response.candidates?.[0];
  for (const part of candidate?.content?.parts ?? []) {
    if (typeof part?.text === 'string' && part.text && !part.thought) heardText(part.text);
    if (part?.functionCall) heardCall(part.functionCall);  // arguments are JSON.stringify(args), '' without args
  }
  const reason = candidate?.finishReason;
  if (typeof reason === 'string' && reason) finishReason = reason;
}
```

`config` turns automatic continuation off, and retries are off as they are without being asked for. There is no timeout:
where nothing more comes, the loop waits for ever. Behaviour taken from @google/genai 2.32, the last release for Node
20, and its `ApiClient.processStreamResponse`.

Habits: the body is cut at LF LF, CR CR and CRLF CRLF. A piece that does not begin with `data:` is dropped, and with it
a `data:` line that stands behind an `event:` or `id:` line or a comment. The piece is taken as one JSON text, so that
an event of several data lines is none. What is left at the end but white space is an error. Nothing is validated. A
read that is, as a whole, an error document with a code from 400 to 599 fails even outside of an event.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final

from vapi_conformance.consumers import js_loop, v8_json
from vapi_conformance.consumers.heard import Heard
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.listening import Listening
from vapi_conformance.consumers.node_http import NeverEndsError
from vapi_conformance.consumers.undici_body import UndiciBody, raise_for_redirect
from vapi_conformance.exchange import End, Exchange, Response, header_values
from vapi_conformance.narrow import object_or_none, object_or_nothing, string_or_none

__all__ = ["hear"]

_STREAMING_METHOD: Final = ":streamGenerateContent"
_DATA: Final = "data:"
_WINDOW_CHARACTERS: Final = 64 << 10
"""A read of any size is looked at in windows, so that what is made of it stays small."""
_EVENT_END: Final = re.compile(r"\n\n|\r\r|\r\n\r\n")
_LONGEST_EVENT_END: Final = 4
_SPACE: Final = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What `String.prototype.trim` takes away (ECMA-262, 22.1.3.32)."""
_OK: Final = range(200, 300)
_ERRORS: Final = range(400, 600)


def hear(exchange: Exchange, *, max_body_bytes: int = 64 << 20, max_event_bytes: int = 16 << 20) -> Heard:
    """What the loop above hears of this answer, and how it ends; the request's URL says which method was called.

    Never raises on what a server sent. `max_body_bytes` (content coding undone) and `max_event_bytes` (one event) bound
    memory and time; beyond them the outcome is `FAILED`, with our words in round brackets.
    """
    body = UndiciBody(exchange, max_body_bytes=max_body_bytes, gives_up=False)
    listening = Listening()
    thrown: JsError | None = None
    try:
        response = _head(exchange)
        _throw_if_not_ok(response, body)
        if _STREAMING_METHOD in exchange.request.url:
            _stream(exchange, response, body, listening, max_event_bytes)
        else:
            text = _text(body.whole())
            listening.at_ns = body.at_ns
            document = v8_json.parse(text)
            _throw_if_primitive(document)
            _hear(document, listening)
    except JsError as error:
        thrown = error
    ended = not isinstance(thrown, NeverEndsError)
    return listening.heard(None if thrown is None else str(thrown), ended=ended, at_ns=body.at_ns)


def _head(exchange: Exchange) -> Response:
    raise_for_redirect(exchange)
    if exchange.response is not None:
        return exchange.response
    if exchange.end is End.TIMED_OUT:
        raise NeverEndsError("no response came")
    if exchange.end is End.CLOSED_BY_US:
        raise JsError("", "(hung up before a response came)")
    raise JsError("TypeError", "fetch failed")


def _throw_if_not_ok(response: Response, body: UndiciBody) -> None:
    if response.status in _OK:
        return
    text = _text(body.whole())
    if "application/json" in ", ".join(header_values(response.headers, "content-type")):
        document = v8_json.parse(text)
    else:
        # The exchange does not keep the reason phrase; servers send the usual one.
        phrase = HTTPStatus(response.status).phrase if response.status in list(HTTPStatus) else ""
        document = {"error": {"message": text, "code": response.status, "status": phrase}}
    raise JsError("ApiError" if response.status in _ERRORS else "Error", v8_json.stringify(document))


def _text(content: bytes) -> str:
    """`Response.text()`, and what `Response.json()` parses."""
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def _throw_if_primitive(document: object) -> None:
    """The library writes the headers into the answer."""
    if document is None:
        raise JsError("TypeError", "Cannot set properties of null (setting 'sdkHttpResponse')")
    if isinstance(document, str):
        raise JsError("TypeError", f"Cannot create property 'sdkHttpResponse' on string '{document}'")
    if not isinstance(document, dict | list):
        kind = v8_json.type_and_value(document).replace(" ", " '", 1)
        raise JsError("TypeError", f"Cannot create property 'sdkHttpResponse' on {kind}'")


def _stream(
    exchange: Exchange, response: Response, body: UndiciBody, listening: Listening, max_event_bytes: int
) -> None:
    if response.status in (204, 205):
        raise JsError("Error", "Response body is empty")
    events = _Events(max_event_bytes)
    for piece in body.pieces():
        listening.at_ns = body.at_ns
        for text in events.feed(piece):
            document = v8_json.parse(text)
            _throw_if_error(document)
            _hear(document, listening)
    listening.at_ns = body.at_ns
    if exchange.end is not End.CLOSED_BY_US:
        events.end()


def _parsed(text: str) -> object:
    """None where it is no JSON."""
    try:
        return v8_json.parse(text)
    except JsError:
        return None


def _throw_if_error(document: object) -> None:
    """`throwIfStreamErrorChunk`; whatever else goes wrong in it is swallowed."""
    try:
        error = object_or_nothing(object_or_nothing(document).get("error"))
        code = error.get("code")
        if not isinstance(code, int | float) or isinstance(code, bool):
            return
        status = v8_json.to_string(error["status"]) if "status" in error else "undefined"
        words = f"got status: {status}. {v8_json.stringify(document)}"
    except JsError:
        return
    if _ERRORS.start <= code < _ERRORS.stop:
        raise JsError("ApiError", words)


def _hear(document: object, listening: Listening) -> None:
    candidates = object_or_nothing(document).get("candidates")
    candidate = object_or_nothing(js_loop.first(candidates))
    content = object_or_nothing(candidate.get("content"))
    for item in js_loop.iterated(content.get("parts")):
        _hear_part(object_or_nothing(item), listening)
    listening.finish_reason = string_or_none(candidate.get("finishReason")) or listening.finish_reason


def _hear_part(part: Mapping[str, object], listening: Listening) -> None:
    text = string_or_none(part.get("text"))
    if text and not v8_json.is_truthy(part.get("thought")):
        listening.text(text)
    function_call = part.get("functionCall")
    if not v8_json.is_truthy(function_call):
        return
    fields = object_or_none(function_call) or {}
    call = listening.call(object())
    call.id = string_or_none(fields.get("id"))
    call.name = string_or_none(fields.get("name"))
    arguments = fields.get("args")
    if arguments is not None:
        call.arguments.append(v8_json.stringify(arguments))


class _Events:
    """Bytes in, JSON texts out, at the moments at which the library would parse them. No I/O.

    Time is linear, unlike the library's own, which scans all that it holds for every event.
    """

    def __init__(self, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._is_first = True
        self._waiting: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[str]:
        """The texts that this read completes. Exhaust the iterator before the next call.

        Raises:
            JsError: an ApiError, the read is an error document; or an event is too large, in our words.
        """
        text = self._utf8.decode(data)
        if self._is_first and text:
            self._is_first = False
            text = text.removeprefix("\ufeff")
        if text.lstrip(_SPACE).startswith("{"):
            _throw_if_error(_parsed(text))
        for start in range(0, len(text), _WINDOW_CHARACTERS):
            for event in self._cut(text[start : start + _WINDOW_CHARACTERS]):
                trimmed = event.strip(_SPACE)
                if trimmed.startswith(_DATA):
                    yield trimmed.removeprefix(_DATA).strip(_SPACE)

    def end(self) -> None:
        """The body has ended; half a character at its end is dropped without a word.

        Raises:
            JsError: an Error; something is left.
        """
        if any(part.strip(_SPACE) for part in self._waiting):
            raise JsError("Error", "Incomplete JSON segment at the end")

    def _cut(self, text: str) -> Iterator[str]:
        held = self._waiting.pop() if self._waiting else ""
        text = held + text
        start = 0
        for match in _EVENT_END.finditer(text):
            yield "".join([*self._waiting, text[start : match.start()]])
            self._waiting.clear()
            self._size = 0
            start = match.end()
        rest = text[start:]
        # The last characters may begin an event's end: they are looked at again, and no others.
        kept = max(0, len(rest) - _LONGEST_EVENT_END)
        if kept:
            self._waiting.append(rest[:kept])
            self._size += kept
        self._waiting.append(rest[kept:])
        if self._size > self._max_event_bytes:
            raise JsError("", f"(an event of more than {self._max_event_bytes} characters was not followed)")
