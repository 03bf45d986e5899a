"""The errors of openai-node: which class and which words an answer's status or error object gives (`error.mjs`)."""

import codecs
from types import MappingProxyType
from typing import Final
from urllib.parse import urljoin

from vapi_conformance.consumers import v8_json
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.node_http import Body
from vapi_conformance.consumers.undici_body import UndiciBody
from vapi_conformance.exchange import End, Exchange, header_values
from vapi_conformance.narrow import object_or_nothing

__all__ = ["api_error", "api_error_of_event", "raise_for_status"]

_CLASSES: Final = MappingProxyType(
    {
        400: "BadRequestError",
        401: "AuthenticationError",
        403: "PermissionDeniedError",
        404: "NotFoundError",
        409: "ConflictError",
        422: "UnprocessableEntityError",
        429: "RateLimitError",
    }
)
_LEAST_SERVER_ERROR: Final = 500
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BODY_KEPT: Final = frozenset({307, 308})
_NO_MESSAGE: Final = "(no status code or body)"
_OK: Final = range(200, 300)


def raise_for_status(exchange: Exchange, body: Body | UndiciBody) -> None:
    """Reads the body only when the status is not 2xx. Which body it is tells what the library fetches with.

    Raises:
        JsError: the library's error for an answer that is none, or is no success.
    """
    response = exchange.response
    if response is None:
        if exchange.end is End.CLOSED_BY_US:
            raise JsError("APIUserAbortError", "Request was aborted.")
        if exchange.end is End.TIMED_OUT:
            # After its ten minutes; the user's own timeout is likely to be shorter.
            raise JsError("APIConnectionTimeoutError", "Request timed out.")
        raise JsError("APIConnectionError", "Connection error.")
    if response.status in _OK:
        return
    location = header_values(response.headers, "location")
    if response.status in _REDIRECTS and location:
        raise _redirected(exchange, response.status, location[0])
    text = _body_text(exchange.request.url, body) if isinstance(body, Body) else _native_body_text(body)
    raise _status_error(response.status, text)


def _redirected(exchange: Exchange, status: int, location: str) -> JsError:
    try:
        target = urljoin(exchange.request.url, location)
    except ValueError:
        return JsError("APIConnectionError", "Connection error.")
    if status in _BODY_KEPT:
        return JsError("", f"({status}: the request is sent again to {target})")
    return JsError("", f"({status}: followed with GET and without a body to {target})")


def _body_text(url: str, body: Body) -> str:
    """The error's body as text; when it cannot be read, the library takes the words of that failure for it."""
    try:
        return b"".join(body.pieces()).decode("utf-8", "replace")
    except JsError as broken:
        if not broken.name:
            raise
        return f"Invalid response body while trying to fetch {url}: {broken.message}"


def _native_body_text(body: UndiciBody) -> str:
    try:
        return body.whole().removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    except JsError as broken:
        if not broken.name:
            raise
        return broken.message


def _status_error(status: int, text: str) -> JsError:
    try:
        body = v8_json.parse(text)
    except JsError:
        body = None
    name = _CLASSES.get(status) or ("InternalServerError" if status >= _LEAST_SERVER_ERROR else "APIError")
    message = None if v8_json.is_truthy(body) else text
    said = _said(object_or_nothing(body).get("error"), message)
    return JsError(name, f"{status} {said}" if said else f"{status} status code (no body)")


def api_error(error: object, message: object = None) -> JsError:
    """The error that an `error` object inside the stream becomes."""
    return JsError("APIError", _said(error, message) or _NO_MESSAGE)


def api_error_of_event(payload: object) -> JsError:
    """The error that an event named `error` becomes, whatever its data."""
    if payload is None:
        return JsError("TypeError", "Cannot read properties of null (reading 'error')")
    fields = object_or_nothing(payload)
    return api_error(fields.get("error"), fields.get("message"))


def _said(error: object, message: object) -> str:
    """The error's own message, else the error as JSON, else the message beside it."""
    own = object_or_nothing(error).get("message")
    if v8_json.is_truthy(own):
        return own if isinstance(own, str) else v8_json.stringify(own)
    if v8_json.is_truthy(error):
        return v8_json.stringify(error)
    return v8_json.to_string(message) if v8_json.is_truthy(message) else ""
