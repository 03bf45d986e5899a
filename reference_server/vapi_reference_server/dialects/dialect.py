"""What a dialect has to know: whom it lets in, what a request says, and how answers and refusals look."""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.answer import Answer, Write, json_answer, stream_answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vapi_reference_server.dialects.names import DialectName
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.problems import Problem
    from vapi_reference_server.request import Request
    from vapi_reference_server.work import Work


class Dialect(ABC):
    """One API. Dialects hold no state: what belongs to a request is in its Work, what outlives it in the Memory."""

    name: DialectName

    @abstractmethod
    def sent_key(self, work: Work) -> str | None:
        """The key that the request carries, where this API looks for it; None where there is none."""

    @abstractmethod
    def check_key(self, key: str, work: Work) -> None:
        """Raise Problem unless the request carries this key, where this API wants it."""

    @abstractmethod
    def read(self, work: Work) -> Request:
        """The request in `work.body`, its head and its path. Raises Problem where a sound endpoint refuses."""

    @abstractmethod
    def document(self, work: Work) -> JsonObject:
        """`work.replies` as the one JSON document of an answer."""

    @abstractmethod
    def objects(self, work: Work) -> Iterable[JsonObject]:
        """`work.replies` as the objects of a stream, in their order."""

    @abstractmethod
    def error_body(self, problem: Problem, work: Work) -> object:
        """The JSON body of a refusal."""

    @abstractmethod
    def event(self, payload: JsonObject) -> bytes:
        """One object of a stream as it goes onto the wire."""

    def writes(self, work: Work) -> list[Write]:
        """`work.chunks` as they go onto the wire: one write each, and what ends the stream."""
        pace_s = work.settings.pace_ms / 1000
        return [Write(data=self.event(chunk), after_s=pace_s) for chunk in work.chunks]

    def headers(self, work: Work) -> dict[str, str]:
        """What every answer says in its head, beside what HTTP needs."""
        del work
        return {}

    def stream(self, work: Work) -> Answer:
        """`work.writes` as an answer."""
        return stream_answer(work.writes, self.headers(work))

    def refusal(self, problem: Problem, work: Work) -> Answer:
        """A refusal; it is JSON with its own status even where a stream was asked for."""
        headers = {**self.headers(work), **problem.headers}
        return json_answer(problem.status, self.error_body(problem, work), headers)

    def stored(self, work: Work) -> JsonObject:
        """An answer given earlier, as the path names it. Raises Problem, status 404."""
        raise problems.unknown_path(work.path)

    def unknown_model(self, model: str) -> Problem:
        """The refusal of a model that is not served."""
        return problems.unknown_model(model)


def is_key(sent: str, key: str) -> bool:
    """Whether this is the key. Constant time: how long it takes must not tell how much of a guess was right."""
    return hmac.compare_digest(sent.encode(), key.encode())


def bearer_token(authorization: str | None) -> str | None:
    """The token of an Authorization header with the scheme Bearer, None where there is none."""
    scheme, _, sent = (authorization or "").partition(" ")
    return sent.strip() if scheme.lower() == "bearer" and sent else None


def check_bearer(key: str, sent: str | None) -> None:
    """The check of both OpenAI dialects. Raises Problem, status 401."""
    if sent is None:
        raise problems.missing_key()
    if not is_key(sent, key):
        raise problems.wrong_key()
