"""google-genai for Python, as a consumer: what a loop over a streamed or whole answer of Gemini's API hears.

The loop that is modelled; `tests/consumers` runs it on the real package:

```python
for chunk in client.models.generate_content_stream(model=..., contents=..., config=config):
    hear(chunk)
# or, for generateContent: hear(client.models.generate_content(...))

def hear(response):
    candidate = response.candidates[0] if response.candidates else None
    content = candidate.content if candidate else None
    for part in (content.parts if content else None) or ():
        if part.text and not part.thought:
            heard_text(part.text)
        if part.function_call is not None:
            heard_call(part.function_call)  # arguments are json.dumps(args), or "" without args
    if candidate and candidate.finish_reason:
        finish_reason = candidate.finish_reason.value
```

`config` turns automatic continuation off, and retries are off as they are without being asked for. There is no timeout:
where nothing more comes, the loop waits for ever. Behaviour taken from google-genai 3.4 (`_api_client.py`,
`models.py`), which takes httpx2 for its connections.

Habits: only a line that begins with `data: `, blank and all, is data. Every other line that is not empty, be it a
comment or an event's name, is taken for JSON text, line by line until its braces balance. Data lines of one event are
joined by LF; the last event needs no empty line. `[DONE]` is no JSON. Everything is validated, so that a value of a
wrong type anywhere ends the answer; enums that are integers do so with an AttributeError.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from vapi_conformance.consumers import google_genai_errors as errors
from vapi_conformance.consumers import httpx_body, py_json
from vapi_conformance.consumers.google_genai_types import FINISH_REASONS, camel, field, validate
from vapi_conformance.consumers.heard import Heard
from vapi_conformance.consumers.listening import Listening
from vapi_conformance.consumers.py_error import PyError
from vapi_conformance.consumers.pydantic_lax import truth
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.narrow import array_or_none, array_or_nothing, object_or_none, object_or_nothing, string_or_none

__all__ = ["hear"]

_STREAMING_METHOD: Final = ":streamGenerateContent"
_DATA: Final = "data: "
_WINDOW_BYTES: Final = 64 << 10
"""A read of any size is looked at in windows, so that what is made of it stays small."""
_JSON_BRACE: Final = re.compile(r'["\\{}]')
_COPIED: Final = (
    "sdk_http_response",
    "model_version",
    "prompt_feedback",
    "response_id",
    "usage_metadata",
    "model_status",
)
_COPIED_OF_CANDIDATE: Final = (
    "content",
    "token_count",
    "finish_reason",
    "grounding_metadata",
    "avg_logprobs",
    "index",
    "logprobs_result",
    "url_context_metadata",
    "continuation_token",
)


def hear(exchange: Exchange, *, max_body_bytes: int = 64 << 20, max_event_bytes: int = 16 << 20) -> Heard:
    """What the loop above hears of this answer, and how it ends; the request's URL says which method was called.

    Never raises on what a server sent. `max_body_bytes` (content coding undone) and `max_event_bytes` (the text of one
    JSON document) bound memory and time; beyond them the outcome is `FAILED`, with our words in round brackets.
    """
    body = httpx_body.Body(exchange, max_body_bytes=max_body_bytes, read_timeout=False)
    listening = Listening(join="".join)
    raised: PyError | None = None
    try:
        httpx_body.raise_for_missing_head(exchange)
        errors.raise_for_status(exchange, body)
        if _STREAMING_METHOD in exchange.request.url:
            _stream(exchange, body, listening, max_event_bytes)
        else:
            whole = body.whole()
            listening.at_ns = body.at_ns
            text = httpx_body.text_of(exchange, whole)
            _hear(py_json.loads(text) if text else {}, listening)
    except PyError as error:
        raised = error
    ended = not isinstance(raised, httpx_body.NeverEndsError)
    return listening.heard(None if raised is None else str(raised), ended=ended, at_ns=body.at_ns)


def _stream(exchange: Exchange, body: httpx_body.Body, listening: Listening, max_event_bytes: int) -> None:
    documents = _Documents(max_event_bytes)
    for piece in body.pieces():
        listening.at_ns = body.at_ns
        for text in documents.feed(piece):
            _hear_document(text, listening)
    listening.at_ns = body.at_ns
    if exchange.end is End.CLEAN:
        for text in documents.end():
            _hear_document(text, listening)


def _hear_document(text: str, listening: Listening) -> None:
    try:
        document = py_json.loads(text)
    except PyError as error:
        if error.name != "JSONDecodeError":
            raise
        shown = errors.cut(f"Failed to parse response as JSON. Raw response: {text}")
        raise PyError("UnknownApiResponseError", shown) from None
    errors.raise_for_error_document(document)
    _hear(document, listening)


def _hear(document: object, listening: Listening) -> None:
    response = _converted(document)
    validate("GenerateContentResponse", response)
    candidates = array_or_nothing(response.get("candidates"))
    candidate = object_or_nothing(candidates[0] if candidates else None)
    content = object_or_nothing(candidate.get("content"))
    for item in array_or_nothing(content.get("parts")):
        _hear_part(object_or_nothing(item), listening)
    reason = string_or_none(candidate.get("finish_reason"))
    if reason:
        listening.finish_reason = reason.upper() if reason.upper() in FINISH_REASONS else reason


def _hear_part(part: Mapping[str, object], listening: Listening) -> None:
    text = string_or_none(part.get("text"))
    if text and not truth(part.get("thought")):
        listening.text(text)
    function_call = object_or_none(field(part, "function_call"))
    if function_call is None:
        return
    call = listening.call(object())
    call.id = string_or_none(function_call.get("id"))
    call.name = string_or_none(function_call.get("name"))
    arguments = function_call.get("args")
    if arguments is not None:
        call.arguments.append(py_json.dumps(arguments))


def _converted(document: object) -> Mapping[str, object]:
    """`_GenerateContentResponse_from_mldev`: what of the document reaches the types.

    Raises:
        PyError: TypeErrors, for what is no object.
    """
    response: dict[str, object] = {}
    for name in _COPIED:
        value = _value(document, camel(name))
        if value is not None:
            response[name] = value
    candidates = _value(document, "candidates")
    if candidates is not None:
        response["candidates"] = [_candidate(item) for item in _listed(candidates)]
    return response


def _candidate(document: object) -> Mapping[str, object]:
    candidate: dict[str, object] = {}
    for name in _COPIED_OF_CANDIDATE:
        value = _value(document, camel(name))
        if value is not None:
            candidate[name] = value
    citations = _value(document, "citationMetadata")
    if citations is not None:
        sources = _value(citations, "citationSources")
        candidate["citation_metadata"] = {} if sources is None else {"citations": _listed(sources)}
    ratings = _value(document, "safetyRatings")
    if ratings is not None:
        candidate["safety_ratings"] = _listed(ratings)
    return candidate


def _value(document: object, name: str) -> object:
    """`get_value_by_path(document, [name])`: nothing of what is empty or nought."""
    if not document:
        return None
    fields = object_or_none(document)
    if fields is not None:
        return fields.get(name)
    if isinstance(document, str):
        if name in document:
            raise PyError("TypeError", "string indices must be integers, not 'str'")
        return None
    items = array_or_none(document)
    if items is not None:
        if name in items:
            raise PyError("TypeError", "list indices must be integers or slices, not str")
        return None
    raise PyError("TypeError", f"argument of type '{py_json.type_name(document)}' is not iterable")


def _listed(value: object) -> list[object]:
    """`[item for item in value]`: the keys of an object, the characters of a string."""
    if isinstance(value, int | float):
        raise PyError("TypeError", f"'{py_json.type_name(value)}' object is not iterable")
    if isinstance(value, str):
        return list(value)
    items = array_or_none(value)
    return list(items if items is not None else object_or_nothing(value))


class _Documents:
    """Bytes in, JSON texts out, at the moments at which the library would parse them. No I/O; time is linear."""

    def __init__(self, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        self._rest = bytearray()
        self._held_cr = False
        self._data: list[str] = []
        self._data_size = 0
        self._raw = _RawLines()

    def feed(self, data: bytes) -> Iterator[str]:
        """The texts that this read completes. Exhaust the iterator before the next call."""
        for start in range(0, len(data), _WINDOW_BYTES):
            yield from self._texts(self._lines(data[start : start + _WINDOW_BYTES]))

    def end(self) -> Iterator[str]:
        """The texts that come out only because the body has ended."""
        if self._rest or self._held_cr:
            yield from self._texts([bytes(self._rest)])
        raw = self._raw.flush()
        if raw:
            yield raw
        if self._data:
            yield "\n".join(self._data)

    def _lines(self, data: bytes) -> Iterable[bytes]:
        if self._held_cr:
            data = b"\r" + data
        # A CR at the very end may be the first half of CRLF and waits for the next read.
        self._held_cr = data.endswith(b"\r")
        if self._held_cr:
            data = data[:-1]
        lines = data.splitlines()
        rest = lines.pop() if lines and not data.endswith((b"\r", b"\n")) else b""
        if lines:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        self._rest += rest
        return lines

    def _texts(self, lines: Iterable[bytes]) -> Iterator[str]:
        for raw_line in lines:
            if self._data_size + self._raw.size + len(raw_line) > self._max_event_bytes:
                raise PyError("", f"(a document of more than {self._max_event_bytes} bytes was not followed)")
            line = raw_line.decode("utf-8", "replace")
            if line.startswith(_DATA):
                self._data.append(line.removeprefix(_DATA))
                self._data_size += len(line)
            elif line:
                raw = self._raw.add(line)
                if raw is not None:
                    yield raw
            elif self._data:
                yield "\n".join(self._data)
                self._data = []
                self._data_size = 0


class _RawLines:
    """Lines without `data: `, held until their braces balance."""

    def __init__(self) -> None:
        self.size = 0
        self._lines: list[str] = []
        self._depth = 0
        self._in_string = False
        self._escaped_end = False

    def add(self, line: str) -> str | None:
        self._scan(line)
        self._lines.append(line)
        self.size += len(line)
        return self.flush() if self._depth == 0 else None

    def flush(self) -> str:
        text = "".join(self._lines)
        self.size = 0
        self._lines.clear()
        self._depth = 0
        self._in_string = False
        self._escaped_end = False
        return text

    def _scan(self, line: str) -> None:
        position = 1 if self._in_string and self._escaped_end else 0
        self._escaped_end = False
        while (match := _JSON_BRACE.search(line, position)) is not None:
            position = match.end()
            mark = match[0]
            if mark == '"':
                self._in_string = not self._in_string
            elif self._in_string:
                if mark == "\\":
                    position += 1
                    self._escaped_end = position > len(line)
            elif mark != "\\":
                self._depth += 1 if mark == "{" else -1
