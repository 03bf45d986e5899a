"""What the Python packages openai 3.x and anthropic 2.x do alike around the body that `httpx_body` gives them.

API: `raise_for_no_answer(exchange)` before anything else; `is_of_httpx(error)` for what `httpx_body.Body` raised, which
openai turns into `connection_error(error)` wherever it guards the read.
"""

from urllib.parse import urljoin

from vapi_conformance.consumers.py_error import PyError
from vapi_conformance.exchange import End, Exchange, header_values

__all__ = ["connection_error", "is_of_httpx", "raise_for_no_answer"]

_OF_HTTPX = frozenset({"ReadTimeout", "ReadError", "RemoteProtocolError", "DecodingError"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BODY_KEPT = frozenset({307, 308})


def raise_for_no_answer(exchange: Exchange) -> None:
    """For an exchange without an answer, or with one that sends the client elsewhere.

    Raises:
        PyError: the package's own error, in the names that openai and anthropic share, or a word of ours.
    """
    response = exchange.response
    if response is None:
        if exchange.end is End.CLOSED_BY_US:
            raise PyError("", "(given up before an answer came)")
        # After the library's ten minutes; the user's own timeout is likely to be shorter.
        raise connection_error(PyError("ReadTimeout" if exchange.end is End.TIMED_OUT else "ReadError", ""))
    location = header_values(response.headers, "location")
    if response.status not in _REDIRECTS or not location:
        return
    try:
        target = urljoin(exchange.request.url, location[0])
    except ValueError:
        raise connection_error(PyError("RemoteProtocolError", "")) from None
    how = "the request is sent again" if response.status in _BODY_KEPT else "followed with GET and without a body"
    raise PyError("", f"({response.status}: {how} to {target})")


def is_of_httpx(error: PyError) -> bool:
    """Whether httpx raised it, and not the package or Python."""
    return error.name in _OF_HTTPX


def connection_error(error: PyError) -> PyError:
    """What the package raises in place of an error of httpx's."""
    if error.name == "ReadTimeout":
        return PyError("APITimeoutError", "Request timed out.")
    return PyError("APIConnectionError", "Connection error.")
