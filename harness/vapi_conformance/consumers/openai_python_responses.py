"""The Python package openai 3.x, as a consumer of the Responses API: what its user hears of an answer.

Three ways to ask, each with the loop of `openai_responses_loop`:

* `raw`: `for event in client.responses.create(..., stream=True)`
* `helper`: `with client.responses.stream(...) as stream: for event in stream`, then `stream.get_final_response()`,
  which fails when no `response.completed` has come
* `whole`: `client.responses.create(...)`; heard is `response.output_text`, then each function call of its `output`

Retries are off. Errors are in the words of the package and of the Python that runs this. Behaviour taken from
`_streaming.py`, `_base_client.py`, `_models.py`, `_response.py` and `lib/streaming/responses/` of openai 3.54;
`tests/consumers` compares with the package. Not modelled: an integer sent as a string or as 1.0, which the package
turns into one when everything else of the event is sound; keys that Python or pydantic give a meaning of their own.
"""

from typing import Final, Literal

from vapi_conformance.consumers import httpx_body, py_json
from vapi_conformance.consumers.heard import Heard
from vapi_conformance.consumers.listening import Listening
from vapi_conformance.consumers.openai_python_responses_state import StreamState, attribute, whole_text
from vapi_conformance.consumers.openai_responses_loop import ResponsesLoop
from vapi_conformance.consumers.py_error import PyError
from vapi_conformance.consumers.stainless_python_http import (
    connection_error,
    is_of_httpx,
    raise_for_no_answer,
)
from vapi_conformance.consumers.stainless_python_sse import PythonEventDecoder, PythonSseEvent
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing

__all__ = ["Way", "hear"]

Way = Literal["raw", "helper", "whole"]
"""How the answer is asked for."""

_DONE: Final = "[DONE]"
_OK: Final = range(200, 300)
_LEAST_SERVER_ERROR: Final = 500
_CLASSES: Final = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}


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
    loop = ResponsesLoop(listening, index_of=_index)
    error: PyError | None = None
    try:
        raise_for_no_answer(exchange)
        _raise_for_status(exchange, body)
        if way == "whole":
            _hear_whole(exchange, body, listening, loop)
        else:
            _hear_stream(exchange, body, _Ear(listening, loop, way=way, max_event_bytes=max_event_bytes))
    except PyError as raised:
        # Only the body of a failed answer is read outside of what the package guards.
        guarded = way == "whole" or not _fails(exchange)
        error = connection_error(raised) if guarded and is_of_httpx(raised) else raised
    # When the package's patience ends is not in the record.
    ended = error is None or error.name not in ("APITimeoutError", "ReadTimeout")
    return listening.heard(None if error is None else str(error), ended=ended, at_ns=body.at_ns)


class _Ear:
    """What iterates: the decoder, the package's checks, and the loop."""

    def __init__(self, listening: Listening, loop: ResponsesLoop, *, way: Way, max_event_bytes: int) -> None:
        self.decoder = PythonEventDecoder(cut="lines")
        self.state = StreamState() if way == "helper" else None
        self._listening = listening
        self._loop = loop
        self._max_event_bytes = max_event_bytes

    def hears(self, event: PythonSseEvent, at_ns: int | None) -> bool:
        """Whether the package goes on reading."""
        if event.data.startswith(_DONE):
            return False
        if len(event.data) > self._max_event_bytes:
            raise PyError("", f"(an event of more than {self._max_event_bytes} characters was not followed)")
        data = py_json.loads(event.data)
        if event.event is not None and event.event.startswith("thread."):
            # It reaches the loop as an object with `event` and `data`, and no type.
            data = {"event": event.event, "data": data}
        elif error := object_or_nothing(data).get("error"):
            said = object_or_nothing(error).get("message")
            raise PyError("APIError", said if isinstance(said, str) and said else "An error occurred during streaming")
        if self.state is None or self.state.passes(data):
            self._listening.at_ns = at_ns
            self._loop.event(data)
        return True


def _hear_stream(exchange: Exchange, body: httpx_body.Body, ear: _Ear) -> None:
    for piece in body.pieces():
        for event in ear.decoder.feed(piece):
            if not ear.hears(event, body.at_ns):
                _finish(ear)
                return
    if exchange.end is End.CLOSED_BY_US:
        return
    for event in ear.decoder.end():
        if not ear.hears(event, body.at_ns):
            break
    _finish(ear)


def _finish(ear: _Ear) -> None:
    if ear.state is not None and not ear.state.is_completed:
        raise PyError("RuntimeError", "Didn't receive a `response.completed` event.")


def _hear_whole(exchange: Exchange, body: httpx_body.Body, listening: Listening, loop: ResponsesLoop) -> None:
    content = body.whole()
    if exchange.end is End.CLOSED_BY_US:
        return
    headers = exchange.response.headers if exchange.response is not None else ()
    media_type = (b", ".join(_raw_values(headers, b"content-type")).decode("latin-1") or "*").split(";")[0]
    try:
        response = py_json.loads(content)
    except PyError:
        if media_type.endswith("json"):
            raise
        response = httpx_body.text_of(exchange, content)
    listening.at_ns = body.at_ns
    loop.text(whole_text(response))
    loop.items(array_or_nothing(attribute(response, "output")))
    loop.finished(object_or_nothing(response))


def _raw_values(headers: tuple[tuple[bytes, bytes], ...], name: bytes) -> list[bytes]:
    return [value for own, value in headers if own.lower() == name]


def _fails(exchange: Exchange) -> bool:
    return exchange.response is not None and exchange.response.status not in _OK


def _raise_for_status(exchange: Exchange, body: httpx_body.Body) -> None:
    """Reads the body only when the status is not 2xx.

    Raises:
        PyError: the package's error for an answer that is no success.
    """
    if exchange.response is None or exchange.response.status in _OK:
        return
    status = exchange.response.status
    content = body.whole()
    said = f"Error code: {status}"
    try:
        document = py_json.loads(httpx_body.text_of(exchange, content).strip())
    except PyError:
        document = None
    fields = object_or_none(document)
    if fields is not None:
        message = object_or_nothing(fields.get("error", fields)).get("message")
        if isinstance(message, str) and message:
            said += f" - {message}"
    name = _CLASSES.get(status) or ("InternalServerError" if status >= _LEAST_SERVER_ERROR else "APIStatusError")
    raise PyError(name, said)


def _index(value: object) -> int | None:
    """A whole number; `True` is 1 to Python."""
    if isinstance(value, int):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else None
