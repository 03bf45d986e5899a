"""The Gemini API as a dialect of this server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.answer import Answer, Write, crlf_event, json_answer
from vapi_reference_server.dialects.dialect import Dialect, bearer_token, is_key
from vapi_reference_server.dialects.gemini.rendering import chunks, whole, with_integer_enums
from vapi_reference_server.dialects.gemini.request import parse_request
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.json_values import as_object, encode
from vapi_reference_server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.request import Request
    from vapi_reference_server.work import Work

# Google answers with one status where others have several.
_STATUSES: Mapping[int, int] = {405: 404, 413: 400}
_NAMES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_BAD_REQUEST = 400
_RPC = "type.googleapis.com/google.rpc."
_BETWEEN, _END = b",\r\n", b"]"


class GeminiDialect(Dialect):
    """`POST /v1beta/models/MODEL:generateContent` and `:streamGenerateContent`.

    A stream is an event stream only where `alt=sse` asks for it; otherwise it is one JSON array that grows.
    """

    name = DialectName.GEMINI

    def sent_key(self, work: Work) -> str | None:
        """What stands in `x-goog-api-key` or in the query, or a bearer token, as Vertex has it."""
        return _api_key(work) or bearer_token(work.headers.get("authorization"))

    def check_key(self, key: str, work: Work) -> None:
        """Without a key 403, with a wrong one 400, with a wrong token 401."""
        sent = self.sent_key(work)
        if not sent:
            raise Problem(
                status=403,
                message="Method doesn't allow unregistered callers. Please use an API key.",
                code="missing_api_key",
            )
        if is_key(sent, key):
            return
        if _api_key(work):
            raise Problem(status=400, message="API key not valid. Please pass a valid API key.", code="invalid_api_key")
        raise Problem(
            status=401,
            message="Request had invalid authentication credentials.",
            code="invalid_api_key",
            headers={"www-authenticate": "Bearer"},
        )

    def read(self, work: Work) -> Request:
        """The request; its path names the model, and whether to stream."""
        route = work.route
        if route is None:
            raise LookupError("only a route leads here")
        return parse_request(work.body, route.model, stream=bool(route.stream))

    def document(self, work: Work) -> JsonObject:
        """One GenerateContentResponse."""
        return _as_asked(whole(work.asked, work.replies), work)

    def objects(self, work: Work) -> Iterable[JsonObject]:
        """The partial GenerateContentResponses."""
        return (_as_asked(chunk, work) for chunk in chunks(work.asked, work.replies))

    def error_body(self, problem: Problem, work: Work) -> object:
        """The error with its code; in an array where the answer would have been one."""
        code = _STATUSES.get(problem.status, problem.status)
        error: JsonObject = {
            "code": code,
            "message": problem.message,
            "status": _NAMES.get(code, "UNKNOWN"),
        }
        if details := _details(problem):
            error["details"] = details
        return [{"error": error}] if _is_array(work) else {"error": error}

    def refusal(self, problem: Problem, work: Work) -> Answer:
        """A refusal with the status that its body names."""
        status = _STATUSES.get(problem.status, problem.status)
        return json_answer(status, self.error_body(problem, work), problem.headers)

    def event(self, payload: JsonObject) -> bytes:
        """One `data` line; lines end with CRLF."""
        return crlf_event(payload)

    def writes(self, work: Work) -> list[Write]:
        """The chunks as events, or as the items of an array."""
        if not _is_array(work):
            return super().writes(work)
        pace_s = work.settings.pace_ms / 1000
        pieces = [(_BETWEEN if at else b"[") + encode(chunk) for at, chunk in enumerate(work.chunks)]
        return [*(Write(data=piece, after_s=pace_s) for piece in pieces), Write(data=_END)]

    def stream(self, work: Work) -> Answer:
        """The stream as it was asked for."""
        if not _is_array(work):
            return super().stream(work)
        return Answer(status=200, headers={"content-type": "application/json; charset=UTF-8"}, writes=work.writes)


def _api_key(work: Work) -> str | None:
    return work.headers.get("x-goog-api-key") or work.query.get("key")


def _is_array(work: Work) -> bool:
    return work.route is not None and bool(work.route.stream) and work.query.get("alt") != "sse"


def _as_asked(response: JsonObject, work: Work) -> JsonObject:
    """The response, with numbers for enums where the caller wants them."""
    if "enum-encoding=int" not in work.query.get("$alt", "").split(";"):
        return response
    return as_object(with_integer_enums(response)) or {}


def _details(problem: Problem) -> list[JsonObject]:
    if problem.code == "invalid_api_key" and problem.status == _BAD_REQUEST:
        return [{"@type": f"{_RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]
    if problem.param is not None:
        violation = {"field": problem.param, "description": problem.message}
        return [{"@type": f"{_RPC}BadRequest", "fieldViolations": [violation]}]
    return []
