"""The errors of google-genai (Python): which class and which words a status or an error document gives.

Taken from `errors.py` of google-genai 3.4.
"""

from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin

from vapi_conformance.consumers import py_json
from vapi_conformance.consumers.httpx_body import Body, text_of
from vapi_conformance.consumers.py_error import PyError
from vapi_conformance.exchange import Exchange, header_values
from vapi_conformance.narrow import array_or_none, object_or_none

__all__ = ["cut", "raise_for_error_document", "raise_for_status"]

_MAX_WORDS: Final = 500
_OK: Final = 200
_CLIENT_ERRORS: Final = range(400, 500)
_SERVER_ERRORS: Final = range(500, 600)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_BODY_KEPT: Final = frozenset({307, 308})


def cut(words: str) -> str:
    """Words of an error that repeats what the server sent: no more than can be read."""
    return words if len(words) <= _MAX_WORDS else words[:_MAX_WORDS] + "..."


def raise_for_status(exchange: Exchange, body: Body) -> None:
    """Reads the body only when the status is not 200; another 2xx is an error here, too.

    Raises:
        PyError: the library's error, or httpx's.
    """
    response = exchange.response
    if response is None or response.status == _OK:
        return
    location = header_values(response.headers, "location")
    if response.status in _REDIRECTS and location:
        raise _redirected(exchange.request.url, response.status, location[0])
    content = body.whole()
    try:
        document = py_json.loads(content)
    except PyError as error:
        if error.name != "JSONDecodeError":
            raise
        document = {"message": text_of(exchange, content), "status": _phrase(response.status)}
    raise _api_error(response.status, document)


def raise_for_error_document(document: object) -> None:
    """A document of a stream whose first key is `error`.

    Raises:
        PyError: the API's error; or what Python says of an error that has no fit code.
    """
    fields = object_or_none(document)
    if not fields or next(iter(fields)) != "error":
        return
    error = object_or_none(fields["error"])
    if error is None:
        raise PyError("AttributeError", f"'{py_json.type_name(fields['error'])}' object has no attribute 'get'")
    code = error.get("code")
    if not isinstance(code, int | float):
        words = f"'<=' not supported between instances of 'int' and '{py_json.type_name(code)}'"
        raise PyError("TypeError", words)
    raise _api_error(code, document)


def _api_error(code: float, document: object) -> PyError:
    items = array_or_none(document)
    details = items[0] if items is not None and len(items) == 1 else document
    name = "APIError"
    if _CLIENT_ERRORS.start <= code < _CLIENT_ERRORS.stop:
        name = "ClientError"
    elif _SERVER_ERRORS.start <= code < _SERVER_ERRORS.stop:
        name = "ServerError"
    shown = code or _field(details, "code")
    try:
        return PyError(name, cut(f"{shown} {_field(details, 'status')}. {details}"))
    except RecursionError as error:
        return PyError("RecursionError", str(error))


def _field(details: object, name: str) -> object:
    """The document's own field, else its error's; nothing of an error that is no object."""
    fields = object_or_none(details)
    if fields is None:
        return None
    error = object_or_none(fields.get("error", {}))
    if error is None:
        return None
    return fields.get(name, error.get(name))


def _phrase(status: int) -> str:
    """The exchange does not keep the reason phrase; servers send the usual one."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _redirected(url: str, status: int, location: str) -> PyError:
    try:
        target = urljoin(url, location)
    except ValueError:
        return PyError("RemoteProtocolError", "Invalid URL in location header.")
    if status in _BODY_KEPT:
        return PyError("", f"({status}: the request is sent again to {target})")
    return PyError("", f"({status}: followed with GET and without a body to {target})")
