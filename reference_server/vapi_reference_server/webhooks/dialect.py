"""Vapi's server messages as a dialect of this server: no model is asked, the message itself says what is wanted."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.answer import event
from vapi_reference_server.dialects.dialect import Dialect, bearer_token, is_key
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.own_tools import OwnCall
from vapi_reference_server.problems import Problem
from vapi_reference_server.request import Request
from vapi_reference_server.webhooks.answers import answer
from vapi_reference_server.webhooks.message import message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.work import Work

_SECRET = "x-vapi-secret"  # noqa: S105 - a header's name
_SIGNATURE = "x-signature"
_TIMESTAMP = "x-timestamp"


class WebhookDialect(Dialect):
    """`POST /webhook`, and `POST /chat/completions/custom-tool` as in Vapi's guide."""

    name = DialectName.SERVER_MESSAGES

    def sent_key(self, work: Work) -> str | None:
        """`server.secret` as it is, or a bearer token."""
        return work.headers.get(_SECRET) or bearer_token(work.headers.get("authorization"))

    def check_key(self, key: str, work: Work) -> None:
        """A message that is signed in place of that is checked when its bytes are there."""
        sent = self.sent_key(work)
        if sent is None and _SIGNATURE in work.headers:
            return
        if sent is None:
            raise problems.missing_key()
        if not is_key(sent, key):
            raise problems.wrong_key()

    def read(self, work: Work) -> Request:
        """Nothing for a model. Raises Problem for a wrong signature, and where no message is."""
        key = work.settings.api_key
        if key is not None and work.checks_key and self.sent_key(work) is None and not _is_signed(work, key):
            raise problems.wrong_key()
        if message_of(work.body) is None:
            raise Problem(status=400, message="A server message is wanted: {message: {type, ...}}.", code="no_message")
        return Request(model=work.settings.models[0], messages=(), stream=False)

    def document(self, work: Work) -> JsonObject:
        """The answer to the message."""

        def once(call_id: str, run: Callable[[], str]) -> str:
            # Ids of calls are Vapi's; what runs twice under one is a message that came twice.
            return run() if work.call is None else work.call.own_tools.once(OwnCall(name="", argument=call_id), run)

        return answer(message_of(work.body) or {}, once)

    def objects(self, work: Work) -> Iterable[JsonObject]:
        """The one document: nobody streams here."""
        return (self.document(work),)

    def error_body(self, problem: Problem, work: Work) -> object:
        """The same as in Chat Completions; Vapi reads the status only."""
        del work
        return problem.body()

    def event(self, payload: JsonObject) -> bytes:
        """One `data` line."""
        return event(payload)


def _is_signed(work: Work, key: str) -> bool:
    """HMAC-SHA256 over the time, a dot and the body, as Vapi's credential has it where nothing else is set."""
    payload = work.headers.get(_TIMESTAMP, "").encode() + b"." + work.raw_body
    expected = hmac.new(key.encode(), payload, "sha256").hexdigest()
    return hmac.compare_digest(expected.encode(), work.headers.get(_SIGNATURE, "").encode())
