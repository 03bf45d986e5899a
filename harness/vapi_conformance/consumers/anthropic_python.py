"""The Python package anthropic 2.x, as a consumer: what its user hears of an answer of the Messages API.

Three ways to ask, each with the loop of `anthropic_loop`:

* `raw`: `for event in client.messages.create(..., stream=True)`
* `helper`: `with client.messages.stream(...) as stream: for event in stream`, then `stream.get_final_message()`, which
  fails when no `message_start` has come
* `whole`: `client.messages.create(...)`, with the input of a tool_use block as `json.dumps(block.input)`

Retries are off. Errors are in the words of the package and of the Python that runs this. Behaviour taken from
`_streaming.py`, `_base_client.py`, `_response.py`, `_models.py` and `lib/streaming/_messages.py` of anthropic 2.12;
`tests/consumers` compares with the package.

Habits: an event without an `event:` line is dropped, and so is `ping`; any other name will do, since only `type` in
the data counts. `error` raises. `[DONE]` is dropped with its missing name. Nothing is validated for a raw loop. A
connection that breaks while a stream is read shows as httpx's own error.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from vapi_conformance.consumers import httpx_body, py_json
from vapi_conformance.consumers.anthropic_loop import MessagesLoop
from vapi_conformance.consumers.anthropic_python_state import StreamState
from vapi_conformance.consumers.heard import Heard
from vapi_conformance.consumers.listening import Listening
from vapi_conformance.consumers.py_error import PyError
from vapi_conformance.consumers.stainless_python_http import is_of_httpx, raise_for_no_answer
from vapi_conformance.consumers.stainless_python_sse import PythonEventDecoder, PythonSseEvent
from vapi_conformance.exchange import End, Exchange, header_values

__all__ = ["Way", "hear"]

Way = Literal["raw", "helper", "whole"]
"""How the answer is asked for."""

_MAX_WORDS: Final = 500
_OK: Final = range(200, 300)
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
"""An error body with a `details.error_code` that the package knows gives a subclass of these, which is not modelled."""
_TIMED_OUT: Final = (
    "Request timed out or interrupted. This could be due to a network timeout, dropped connection, or request "
    "cancellation. See https://docs.anthropic.com/en/api/errors#long-requests for more details."
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
    body = httpx_body.Body(exchange, max_body_bytes=max_body_bytes, read_timeout=True)
    listening = Listening(join="".join)
    loop = MessagesLoop(listening, dumps=py_json.dumps)
    error: PyError | None = None
    try:
        raise_for_no_answer(exchange)
        _raise_for_status(exchange, body)
        if way == "whole":
            _hear_whole(exchange, body, listening, loop)
        else:
            _Stream(exchange, listening, loop, way=way, max_event_bytes=max_event_bytes).hear(body)
    except PyError as raised:
        # What is not read as a stream is read where the package turns every error into one of its own.
        error = _of_package(raised) if way == "whole" or exchange.response is None else raised
    # When the package's patience ends is not in the record.
    ended = error is None or error.name not in ("APITimeoutError", "ReadTimeout")
    return listening.heard(None if error is None else _words(error), ended=ended, at_ns=body.at_ns)


def _words(error: PyError) -> str:
    """What repeats the server's own words may be long; no more than can be read is kept."""
    words = str(error)
    return words if len(words) <= _MAX_WORDS else words[:_MAX_WORDS] + "..."


def _of_package(error: PyError) -> PyError:
    if error.name in ("ReadTimeout", "APITimeoutError"):
        return PyError("APITimeoutError", _TIMED_OUT)
    return PyError("APIConnectionError", "Connection error.") if is_of_httpx(error) else error


def _raise_for_status(exchange: Exchange, body: httpx_body.Body) -> None:
    response = exchange.response
    if response is None or response.status in _OK:
        return
    text = httpx_body.text_of(exchange, body.whole()).strip()
    try:
        said = f"Error code: {response.status} - {py_json.loads(text)}"
    except (PyError, RecursionError):
        said = text or f"Error code: {response.status}"
    usual = "InternalServerError" if response.status >= _LEAST_SERVER_ERROR else "APIStatusError"
    raise PyError(_CLASSES.get(response.status, usual), said)


def _hear_whole(exchange: Exchange, body: httpx_body.Body, listening: Listening, loop: MessagesLoop) -> None:
    content = body.whole()
    listening.at_ns = body.at_ns
    headers = exchange.response.headers if exchange.response is not None else ()
    media_type = (", ".join(header_values(headers, "content-type")) or "*").split(";")[0].lower()
    try:
        message = py_json.loads(content)
    except PyError:
        if media_type.endswith("json"):
            raise
        return  # the user gets the text of the body, which has no content blocks
    loop.message(message)


class _Stream:
    """What iterates: the decoder, the package's checks, and the loop."""

    def __init__(
        self, exchange: Exchange, listening: Listening, loop: MessagesLoop, *, way: Way, max_event_bytes: int
    ) -> None:
        self._exchange = exchange
        self._decoder = PythonEventDecoder(cut="blocks")
        self._state = StreamState() if way == "helper" else None
        self._listening = listening
        self._loop = loop
        self._max_event_bytes = max_event_bytes

    def hear(self, body: httpx_body.Body) -> None:
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

    def _event(self, event: PythonSseEvent) -> None:
        if event.event is None or event.event == "ping":
            return
        if len(event.data) > self._max_event_bytes:
            raise PyError("", f"(an event of more than {self._max_event_bytes} characters was not followed)")
        if event.event == "error":
            raise self._error(event.data)
        if not event.data:
            return
        data = py_json.loads(event.data)
        if self._state is not None:
            self._state.take(data)
        self._loop.event(data)

    def _error(self, data: str) -> PyError:
        status = self._exchange.response.status if self._exchange.response is not None else 0
        try:
            said = str(py_json.loads(data))
        except (PyError, RecursionError):
            said = data or f"Error code: {status}"
        return PyError("APIStatusError", said)
