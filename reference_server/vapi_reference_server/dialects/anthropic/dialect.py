"""The Anthropic Messages API as a dialect of this server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vapi_reference_server.answer import named_event
from vapi_reference_server.dialects.anthropic.rendering import events, message
from vapi_reference_server.dialects.anthropic.request import parse_request
from vapi_reference_server.dialects.dialect import Dialect, bearer_token, is_key
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.request import Request
    from vapi_reference_server.work import Work

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")
_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_FIRST_SERVER_ERROR = 500


class AnthropicDialect(Dialect):
    """`POST /v1/messages`: events whose name is their type, from message_start to message_stop."""

    name = DialectName.ANTHROPIC

    def sent_key(self, work: Work) -> str | None:
        """What stands in `x-api-key`, or a bearer token."""
        return work.headers.get("x-api-key") or bearer_token(work.headers.get("authorization"))

    def check_key(self, key: str, work: Work) -> None:
        """Refusals have status 401."""
        sent = self.sent_key(work)
        if not sent:
            raise _unauthorized("x-api-key header is required", "missing_api_key")
        if not is_key(sent, key):
            raise _unauthorized("invalid x-api-key", "invalid_api_key")

    def read(self, work: Work) -> Request:
        """The request. The header `anthropic-version` has to name a version."""
        if not _VERSION.fullmatch(work.headers.get("anthropic-version", "")):
            raise Problem(
                status=400,
                message="anthropic-version: header is required, and has to be a valid version",
                code="missing_version",
            )
        return parse_request(work.body)

    def document(self, work: Work) -> JsonObject:
        """One `message`."""
        return message(work.asked, work.replies[0])

    def objects(self, work: Work) -> Iterable[JsonObject]:
        """The events."""
        return events(message(work.asked, work.replies[0]))

    def error_body(self, problem: Problem, work: Work) -> object:
        """The error, its type by its status, and the id of the request."""
        default = "api_error" if problem.status >= _FIRST_SERVER_ERROR else "invalid_request_error"
        error = {"type": _TYPES.get(problem.status, default), "message": problem.message}
        return {"type": "error", "error": error, "request_id": work.id}

    def event(self, payload: JsonObject) -> bytes:
        """One event, named by its type."""
        return named_event(payload)

    def headers(self, work: Work) -> dict[str, str]:
        """The request's id."""
        return {"request-id": work.id}


def _unauthorized(message: str, code: str) -> Problem:
    # Anthropic does not name a scheme; RFC 9110, 15.5.2 wants it, and Bearer is one that works.
    return Problem(status=401, message=message, code=code, headers={"www-authenticate": "Bearer"})
