"""Refusals, in the error shape of the OpenAI API: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vapi_reference_server.json_values import JsonObject


@dataclass(kw_only=True)
class Problem(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """A request that is not answered, with the status and the body that say why."""

    status: int
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def body(self) -> JsonObject:
        """The JSON body; all four keys are always there, as the OpenAI API sends them."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": error}


def bad_value(param: str, wanted: str) -> Problem:
    """400: a field has the wrong type or is out of range."""
    return Problem(status=400, message=f"Invalid value for '{param}': {wanted}.", param=param, code="invalid_value")


def empty_array(param: str) -> Problem:
    """400: a list that must hold something is empty."""
    return Problem(
        status=400,
        message=f"Invalid '{param}': empty array. At least one item is wanted.",
        param=param,
        code="empty_array",
    )


def malformed_json(reason: str) -> Problem:
    """400: the body is not JSON."""
    return Problem(
        status=400,
        message=f"We could not parse the JSON body of your request: {reason}.",
        code="malformed_json",
    )


def unknown_model(model: str) -> Problem:
    """404: the model is not served here."""
    return Problem(
        status=404,
        message=f"The model '{model}' does not exist here. Start the server with --model to serve it.",
        param="model",
        code="model_not_found",
    )


def context_overflow(limit_tokens: int, sent_tokens: int) -> Problem:
    """400: the messages do not fit the context."""
    return Problem(
        status=400,
        message=f"This model's maximum context length is {limit_tokens} tokens, "
        f"but your messages hold {sent_tokens} tokens. Please shorten the messages.",
        param="messages",
        code="context_length_exceeded",
    )


def body_too_large(limit_bytes: int) -> Problem:
    """413: the body is larger than the server reads."""
    return Problem(
        status=413, message=f"The request body is larger than {limit_bytes} bytes.", code="request_too_large"
    )


def missing_key() -> Problem:
    """401: no bearer token. RFC 9110, 15.5.2 wants the scheme named."""
    return Problem(
        status=401,
        message="You did not provide an API key. Send it as 'Authorization: Bearer <key>'.",
        code="missing_api_key",
        headers={"www-authenticate": "Bearer"},
    )


def wrong_key() -> Problem:
    """401: another bearer token. The text never repeats what was sent."""
    return Problem(
        status=401,
        message="Incorrect API key provided.",
        code="invalid_api_key",
        headers={"www-authenticate": "Bearer"},
    )


def expired_token() -> Problem:
    """401: an access token whose time is over, on every API alike (RFC 6750, 3.1)."""
    return Problem(
        status=401,
        message="The access token expired.",
        code="invalid_token",
        headers={"www-authenticate": 'Bearer error="invalid_token", error_description="The access token expired"'},
    )


def wrong_method(allowed: str) -> Problem:
    """405, with the method that works (RFC 9110, 15.5.6)."""
    return Problem(
        status=405,
        message=f"Only {allowed} is allowed here.",
        code="method_not_allowed",
        headers={"allow": allowed},
    )


def unknown_path(path: str) -> Problem:
    """404: nothing is served at this path."""
    return Problem(status=404, message=f"Nothing is served at '{path[:200]}'.", code="unknown_url")


def upstream_unreachable(reason: str) -> Problem:
    """502: the API behind this server gave no answer."""
    return Problem(
        status=502,
        message=f"The upstream API could not be reached ({reason}).",
        type="api_error",
        code="upstream_unreachable",
    )


def server_error(message: str) -> Problem:
    """500, as a fault would answer."""
    return Problem(status=500, message=message, type="server_error")
