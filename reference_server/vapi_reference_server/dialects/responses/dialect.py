"""The Responses API as a dialect of this server."""

from __future__ import annotations

import copy
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.answer import named_event
from vapi_reference_server.dialects.dialect import Dialect, bearer_token, check_bearer
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.dialects.responses.rendering import Stamp, finished
from vapi_reference_server.dialects.responses.request import parse_request
from vapi_reference_server.dialects.responses.stored import StoredAnswer
from vapi_reference_server.dialects.responses.stream import events
from vapi_reference_server.problems import Problem
from vapi_reference_server.request import Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.request import Request
    from vapi_reference_server.work import Work

_BAD_REQUEST = 400


class ResponsesDialect(Dialect):
    """`POST /responses` and `GET /responses/ID`: typed events, no end marker."""

    name = DialectName.RESPONSES

    def sent_key(self, work: Work) -> str | None:
        """A bearer token."""
        return bearer_token(work.headers.get("authorization"))

    def check_key(self, key: str, work: Work) -> None:
        """Refusals name the scheme."""
        check_bearer(key, self.sent_key(work))

    def read(self, work: Work) -> Request:
        """The request, with the conversation it goes on from."""
        return parse_request(work.body, work.memory.answers)

    def document(self, work: Work) -> JsonObject:
        """One `response`; remembered, unless the request said no."""
        return _finished(work, _stamp())

    def objects(self, work: Work) -> Iterable[JsonObject]:
        """The events; the last holds the whole response, which is remembered."""
        stamp = _stamp()
        return events(work.body, stamp, _finished(work, stamp))

    def error_body(self, problem: Problem, work: Work) -> object:
        """The body that `problems` describes."""
        del work
        return problem.body()

    def event(self, payload: JsonObject) -> bytes:
        """One event, named by its type."""
        return named_event(payload)

    def headers(self, work: Work) -> dict[str, str]:
        """The request's id."""
        return {"x-request-id": work.id}

    def stored(self, work: Work) -> JsonObject:
        """An answer that was remembered."""
        wanted = "" if work.route is None else work.route.stored_id
        found = work.memory.answers.find(wanted)
        if found is None:
            raise Problem(status=404, message=f"Response with id '{wanted[:80]}' not found.", param="id")
        return found.response

    def unknown_model(self, model: str) -> Problem:
        """Status 400 here, where Chat Completions says 404."""
        return replace(problems.unknown_model(model), status=_BAD_REQUEST)


def _stamp() -> Stamp:
    return Stamp(suffix=uuid.uuid4().hex, created_s=int(time.time()))


def _finished(work: Work, stamp: Stamp) -> JsonObject:
    request = work.asked
    reply = work.replies[0]
    response = finished(work.body, stamp, request, reply)
    if response["store"]:
        said = request.messages if work.body.get("instructions") is None else request.messages[1:]
        answer = Message(role="assistant", text=reply.text, call_ids=tuple(call.id for call in reply.calls))
        # A copy: what becomes of this answer on its way must not change what was remembered.
        work.memory.answers.keep(StoredAnswer(response=copy.deepcopy(response), messages=(*said, answer)))
    return response
