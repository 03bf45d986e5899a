"""The Node package @anthropic-ai/sdk 1.x, as a consumer: what its user hears of an answer of the Messages API.

Three ways to ask, each with the loop of `anthropic_loop`, in JavaScript that of `tests/consumers/node/
driver_anthropic.mjs`:

* `raw`: `for await (const event of await client.messages.create({..., stream: true}))`
* `helper`: `for await (const event of client.messages.stream({...}))`, then `await stream.finalMessage()`, which fails
  when no `message_stop` has come
* `whole`: `await client.messages.create({...})`, with the input of a tool_use block as `JSON.stringify(block.input)`

Retries are off. Behaviour taken from version 1.12, which runs on Node 20 and takes its fetch: `core/streaming.mjs`,
`client.mjs`, `core/error.mjs`, `internal/parse.mjs`, `lib/MessageStream.mjs`.

Habits: an event without an `event:` line is dropped, and so is `ping`; any other name will do, since only `type` in
the data counts. `error` throws. `[DONE]` is dropped with its missing name. The helper turns every error that is not
its own into an AnthropicError with the same words.
"""

import codecs
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from vapi_conformance.consumers import v8_json
from vapi_conformance.consumers.anthropic_loop import MessagesLoop
from vapi_conformance.consumers.anthropic_node_state import StreamState
from vapi_conformance.consumers.heard import Heard
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.listening import Listening
from vapi_conformance.consumers.openai_node_sse import NodeSseEvent
from vapi_conformance.consumers.stainless_node_sse import anthropic_1_decoder
from vapi_conformance.consumers.undici_body import UndiciBody, raise_for_redirect
from vapi_conformance.exchange import End, Exchange, Response, header_values
from vapi_conformance.narrow import object_or_nothing

__all__ = ["Way", "hear"]

Way = Literal["raw", "helper", "whole"]
"""How the answer is asked for."""

_OK: Final = range(200, 300)
_NO_CONTENT: Final = 204
_RESET_CONTENT: Final = 205
_LEAST_SERVER_ERROR: Final = 500
_CLASSES: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "BadRequestError",
        401: "AuthenticationError",
        402: "PaymentRequiredError",
        403: "PermissionDeniedError",
        404: "NotFoundError",
        408: "RequestTimeoutError",
        409: "ConflictError",
        412: "PreconditionFailedError",
        413: "ContentTooLargeError",
        422: "UnprocessableEntityError",
        429: "RateLimitError",
        431: "RequestHeaderFieldsTooLargeError",
        499: "ClientClosedRequestError",
        501: "HTTPNotImplementedError",
        503: "ServiceUnavailableError",
        504: "GatewayTimeoutError",
        529: "OverloadedError",
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
    loop = MessagesLoop(listening, dumps=v8_json.stringify)
    thrown: JsError | None = None
    try:
        response = _head(exchange)
        _throw_if_not_ok(response, body)
        if way == "whole":
            _hear_whole(response, body, listening, loop)
        else:
            _Stream(exchange, listening, loop, way=way, max_event_bytes=max_event_bytes).hear(response, body)
    except JsError as error:
        thrown = _wrapped(error) if way == "helper" else error
    # When fetch's patience ends is not in the record.
    ended = thrown is None or exchange.end is not End.TIMED_OUT
    return listening.heard(None if thrown is None else str(thrown), ended=ended, at_ns=body.at_ns)


def _wrapped(error: JsError) -> JsError:
    """As the helper passes errors on: those of JavaScript lose their class."""
    is_foreign = error.name in ("TypeError", "SyntaxError", "RangeError")
    return JsError("AnthropicError", error.message) if is_foreign else error


def _head(exchange: Exchange) -> Response:
    raise_for_redirect(exchange)
    if exchange.response is not None:
        return exchange.response
    if exchange.end is End.CLOSED_BY_US:
        raise JsError("APIUserAbortError", "Request was aborted.")
    if exchange.end is End.TIMED_OUT:
        raise JsError("APIConnectionTimeoutError", "Request timed out.")
    raise JsError("APIConnectionError", "Connection error.")


def _throw_if_not_ok(response: Response, body: UndiciBody) -> None:
    if response.status in _OK:
        return
    try:
        text = _text(body.whole())
    except JsError as broken:
        if not broken.name:
            raise
        text = broken.message
    try:
        error = v8_json.parse(text)
    except JsError:
        error = None
    said = _said(error) or (text if not v8_json.is_truthy(error) else "")
    usual = "InternalServerError" if response.status >= _LEAST_SERVER_ERROR else "APIError"
    name = _CLASSES.get(response.status, usual)
    raise JsError(name, f"{response.status} {said}" if said else f"{response.status} status code (no body)")


def _said(error: object) -> str:
    """The error's own message, else the error as JSON; nothing of what is nothing."""
    message = object_or_nothing(error).get("message")
    if v8_json.is_truthy(message):
        return message if isinstance(message, str) else v8_json.stringify(message)
    return v8_json.stringify(error) if v8_json.is_truthy(error) else ""


def _text(content: bytes) -> str:
    """`Response.text()`, and what `Response.json()` parses."""
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def _hear_whole(response: Response, body: UndiciBody, listening: Listening, loop: MessagesLoop) -> None:
    if response.status == _NO_CONTENT:
        return
    media_type = ", ".join(header_values(response.headers, "content-type")).split(";")[0].strip()
    is_json = "application/json" in media_type or media_type.endswith("+json")
    if is_json and header_values(response.headers, "content-length") == ("0",):
        return
    text = _text(body.whole())
    listening.at_ns = body.at_ns
    if is_json:
        loop.message(v8_json.parse(text))


class _Stream:
    """What iterates: the decoder, the package's checks, and the loop."""

    def __init__(
        self, exchange: Exchange, listening: Listening, loop: MessagesLoop, *, way: Way, max_event_bytes: int
    ) -> None:
        self._exchange = exchange
        self._decoder = anthropic_1_decoder()
        self._state = StreamState() if way == "helper" else None
        self._listening = listening
        self._loop = loop
        self._max_event_bytes = max_event_bytes
        self._is_deaf = False

    def hear(self, response: Response, body: UndiciBody) -> None:
        if response.status in (_NO_CONTENT, _RESET_CONTENT):
            raise JsError("AnthropicError", "Attempted to iterate over a response with no body")
        for piece in body.pieces():
            self._listening.at_ns = body.at_ns
            for event in self._decoder.feed(piece):
                self._event(event)
        self._listening.at_ns = body.at_ns
        if self._exchange.end is End.CLOSED_BY_US:
            return
        for event in self._decoder.end():
            self._event(event)
        if self._state is not None:
            self._state.finish()

    def _event(self, event: NodeSseEvent) -> None:
        if event.event is None or event.event == "ping":
            return
        if len(event.data) > self._max_event_bytes:
            raise JsError("", f"(an event of more than {self._max_event_bytes} characters was not followed)")
        if event.event == "error":
            raise JsError("APIError", _said(_json_or_text(event.data)) or "(no status code or body)")
        if not event.data:
            return
        data = v8_json.parse(event.data)
        if self._state is None:
            self._loop.event(data)
            return
        self._state.take(data)
        # Its iterator takes an event of 0, false or "" for the end; the package itself reads on.
        self._is_deaf = self._is_deaf or not v8_json.is_truthy(data)
        if not self._is_deaf:
            self._loop.event(data)
        self._state.look_again(data)


def _json_or_text(text: str) -> object:
    try:
        value = v8_json.parse(text)
    except JsError:
        return text
    return text if value is None else value
