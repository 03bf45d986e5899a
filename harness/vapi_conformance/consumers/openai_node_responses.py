"""The Node package openai 6.x, as a consumer of the Responses API: what its user hears of an answer.

Three ways to ask, each with the loop of `openai_responses_loop` (in `tests/consumers/node/driver_responses.mjs` it
stands in JavaScript):

* `raw`: `for await (const event of await client.responses.create({..., stream: true}))`
* `helper`: `const stream = client.responses.stream({...}); for await (const event of stream)`, then
  `await stream.finalResponse()`; it is content with a stream that lacks its end, and throws an `error` event as it is
* `whole`: `await client.responses.create({...})`; heard is `output_text`, then each function call of `output`

Retries are off. Behaviour taken from `core/streaming.mjs`, `internal/parse.mjs`, `lib/responses/` and
`lib/EventStream.mjs` of openai 6.49 over the fetch of Node 20; `tests/consumers` compares with the package.
"""

import codecs
from typing import Final, Literal

from vapi_conformance.consumers import node_http, openai_node_errors, v8_json
from vapi_conformance.consumers.heard import Heard
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.listening import Listening
from vapi_conformance.consumers.openai_node_responses_state import Snapshot, add_output_text
from vapi_conformance.consumers.openai_node_sse import NodeSseEvent
from vapi_conformance.consumers.openai_responses_loop import ResponsesLoop
from vapi_conformance.consumers.stainless_node_sse import openai_6_decoder
from vapi_conformance.consumers.stainless_node_values import text_of
from vapi_conformance.consumers.undici_body import UndiciBody
from vapi_conformance.exchange import End, Exchange, header_values
from vapi_conformance.narrow import array_or_none, array_or_nothing, integer_or_none, object_or_none, object_or_nothing

__all__ = ["Way", "hear"]

Way = Literal["raw", "helper", "whole"]
"""How the answer is asked for."""

_DONE: Final = "[DONE]"
_NO_BODY: Final = frozenset({101, 103, 204, 205, 304})
"""Statuses whose response has no body at all, not even an empty one (Fetch Standard, 2.2.3)."""
_NO_CONTENT: Final = 204
_OWN_ERRORS: Final = frozenset(
    {
        "Object",
        "OpenAIError",
        "APIError",
        "APIUserAbortError",
        "APIConnectionError",
        "APIConnectionTimeoutError",
        "BadRequestError",
        "AuthenticationError",
        "PermissionDeniedError",
        "NotFoundError",
        "ConflictError",
        "UnprocessableEntityError",
        "RateLimitError",
        "InternalServerError",
    }
)


def hear(
    exchange: Exchange,
    *,
    way: Way = "raw",
    max_body_bytes: int = 64 << 20,
    max_event_bytes: int = 16 << 20,
) -> Heard:
    """What the loop hears of this answer, and how it ends.

    Never raises on what a server sent. `max_body_bytes` (content coding undone) and `max_event_bytes` (one event's
    data) bound memory and time; beyond them the outcome is `FAILED`, with our words in round brackets.
    """
    body = UndiciBody(exchange, max_body_bytes=max_body_bytes, gives_up=True)
    listening = Listening()
    loop = ResponsesLoop(listening, index_of=_index)
    thrown: JsError | None = None
    try:
        openai_node_errors.raise_for_status(exchange, body)
        if way == "whole":
            _hear_whole(exchange, body, listening, loop)
        else:
            ear = _Ear(listening, loop, way=way, max_event_bytes=max_event_bytes)
            ear.hear(exchange, body)
    except JsError as error:
        thrown = _as_thrown(error) if way == "helper" else error
    # When fetch's patience ends is not in the record.
    ended = thrown is None or (exchange.end is not End.TIMED_OUT and not isinstance(thrown, node_http.NeverEndsError))
    return listening.heard(None if thrown is None else str(thrown), ended=ended, at_ns=body.at_ns)


def _as_thrown(error: JsError) -> JsError:
    """The helper makes what is not its own an OpenAIError with the same message."""
    if not error.name or error.name in _OWN_ERRORS:
        return error
    return JsError("OpenAIError", error.message)


class _Ear:
    """What iterates: the decoder, the package's checks, and the loop."""

    def __init__(self, listening: Listening, loop: ResponsesLoop, *, way: Way, max_event_bytes: int) -> None:
        self._decoder = openai_6_decoder()
        self._snapshot = Snapshot() if way == "helper" else None
        self._listening = listening
        self._loop = loop
        self._max_event_bytes = max_event_bytes
        self._done = False

    def hear(self, exchange: Exchange, body: UndiciBody) -> None:
        if exchange.response is not None and exchange.response.status in _NO_BODY:
            raise JsError("OpenAIError", "Attempted to iterate over a response with no body")
        for piece in body.pieces():
            for event in self._decoder.feed(piece):
                self._event(event, body.at_ns)
        if exchange.end is End.CLOSED_BY_US:
            if self._snapshot is not None:
                raise JsError("APIUserAbortError", "Request was aborted.")
            return
        for event in self._decoder.end():
            self._event(event, body.at_ns)
        if self._snapshot is not None:
            self._snapshot.finish()

    def _event(self, event: NodeSseEvent, at_ns: int | None) -> None:
        if self._done:
            return  # the package reads on until the body closes and looks at nothing any more
        if event.data.startswith(_DONE):
            self._done = True
            return
        if len(event.data) > self._max_event_bytes:
            raise JsError("", f"(an event of more than {self._max_event_bytes} characters was not followed)")
        data = v8_json.parse(event.data)
        if event.event is not None and event.event.startswith("thread."):
            data = {"event": event.event, "data": data}
        elif v8_json.is_truthy(error := object_or_nothing(data).get("error")):
            raise openai_node_errors.api_error(error)
        if self._snapshot is not None:
            self._snapshot.add(data)
        self._listening.at_ns = at_ns
        self._loop.event(data)


def _hear_whole(exchange: Exchange, body: UndiciBody, listening: Listening, loop: ResponsesLoop) -> None:
    content = body.whole()
    if exchange.end is End.CLOSED_BY_US:
        raise JsError("DOMException", "This operation was aborted")
    response = _whole(exchange, content)
    fields = object_or_none(response)
    if fields is None and array_or_none(response) is None:
        said = "undefined" if isinstance(response, _Nothing) else text_of(response)
        raise JsError("TypeError", f"Cannot use 'in' operator to search for 'object' in {said}")
    said_text = object_or_nothing(response).get("output_text")
    if fields is not None and fields.get("object") == "response":
        said_text = add_output_text(fields)
    listening.at_ns = body.at_ns
    loop.text(said_text)
    loop.items(array_or_nothing(object_or_nothing(response).get("output")))
    loop.finished(object_or_nothing(response))


class _Nothing:
    """What the package gives for an answer without content."""


def _whole(exchange: Exchange, content: bytes) -> object:
    if exchange.response is None or exchange.response.status == _NO_CONTENT:
        return None
    if exchange.response.status in _NO_BODY:
        content = b""
    text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    headers = exchange.response.headers
    media_type = ", ".join(header_values(headers, "content-type")).split(";")[0].strip()
    if "application/json" not in media_type and not media_type.endswith("+json"):
        return text
    if header_values(headers, "content-length") == ("0",):
        return _Nothing()
    return v8_json.parse(text)


def _index(value: object) -> int | None:
    """A whole number, as `Number.isInteger` finds it."""
    return int(value) if isinstance(value, float) and value.is_integer() else integer_or_none(value)
