"""Chat Completions as a dialect of this server."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server.answer import DONE, Write, event
from vapi_reference_server.dialects.chat import rendering
from vapi_reference_server.dialects.chat.request import parse_request
from vapi_reference_server.dialects.dialect import Dialect, bearer_token, check_bearer
from vapi_reference_server.dialects.names import DialectName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.problems import Problem
    from vapi_reference_server.request import Message, Request
    from vapi_reference_server.work import Work


class ChatDialect(Dialect):
    """`POST /chat/completions`: chunks, and `[DONE]` at the end."""

    name = DialectName.CHAT

    def sent_key(self, work: Work) -> str | None:
        """A bearer token."""
        return bearer_token(work.headers.get("authorization"))

    def check_key(self, key: str, work: Work) -> None:
        """Refusals name the scheme."""
        check_bearer(key, self.sent_key(work))

    def read(self, work: Work) -> Request:
        """The request; three routes of Vapi's sample server change what it asks for."""
        request = parse_request(work.body)
        route = work.route
        if route is not None and route.stream is not None:
            request = replace(request, stream=route.stream)
        if route is not None and route.rewrites_prompt:
            request = replace(request, messages=_with_rewritten_prompt(request.messages))
        return request

    def document(self, work: Work) -> JsonObject:
        """One `chat.completion`."""
        request = work.asked
        return rendering.completion(request, work.replies, _stamp(request))

    def objects(self, work: Work) -> Iterable[JsonObject]:
        """The chunks."""
        request = work.asked
        return rendering.chunks(request, work.replies, _stamp(request))

    def error_body(self, problem: Problem, work: Work) -> object:
        """The body that `problems` describes."""
        del work
        return problem.body()

    def event(self, payload: JsonObject) -> bytes:
        """One `data` line."""
        return event(payload)

    def writes(self, work: Work) -> list[Write]:
        """The chunks, and the end marker."""
        return [*super().writes(work), Write(data=DONE)]


def rewritten(prompt: str) -> str:
    """The prompt with what the model should know about it put in front."""
    return f"On the phone, the caller said: {prompt}"


def _stamp(request: Request) -> rendering.Stamp:
    return rendering.Stamp(id=f"chatcmpl-{uuid.uuid4().hex}", created_s=int(time.time()), model=request.model)


def _with_rewritten_prompt(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages with the last user prompt rewritten, as Vapi's sample does before it answers."""
    last = max((at for at, message in enumerate(messages) if message.role == "user"), default=None)
    if last is None:
        return messages
    prompt = replace(messages[last], text=rewritten(messages[last].text))
    return (*messages[:last], prompt, *messages[last + 1 :])
