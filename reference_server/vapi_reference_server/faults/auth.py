"""Faults of the API key; they show on a server that asks for one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.faults.editing import Shelf, with_answer, with_body
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.problems import Problem
from vapi_reference_server.tokens_issued import Standing

if TYPE_CHECKING:
    from vapi_reference_server.answer import Answer
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_arrival = Shelf(SeenOn.KEY, Stage.ARRIVED, everywhere=True).fault
_problem = Shelf(SeenOn.KEY, Stage.PROBLEM, everywhere=True).fault
_refusal = Shelf(SeenOn.KEY, Stage.REFUSAL, everywhere=True).fault

_token = Shelf(SeenOn.EXPIRY, Stage.ARRIVED).fault
_token_of_call = Shelf(SeenOn.EXPIRY, Stage.BODY).fault

_UNAUTHORIZED = 401
# What any client may send; the names of client libraries and of our own switches start as below.
_ORDINARY_HEADERS = frozenset(
    (
        *("host", "accept", "accept-encoding", "accept-language", "user-agent", "connection", "authorization"),
        *("content-type", "content-length", "transfer-encoding", "x-api-key"),
    )
)
_ORDINARY_STARTS = ("x-stainless-", "x-fault", "openai-", "anthropic-", "x-goog-")


def auth_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (
        _arrival("no-auth-check", "auth.missing-key-is-401", "A request without a key is answered.", _unchecked),
        _arrival("any-key", "auth.wrong-key-is-401", "Any key will do, if there is one.", _any_key),
        _arrival("bearer-refused", "auth.bearer-is-accepted", "The right key is refused.", _refuse_bearer),
        _problem("403-for-no-key", "auth.missing-key-is-401", "A missing key gets status 403.", _forbidden),
        _refusal(
            "no-auth-scheme",
            "auth.refusal-names-its-scheme",
            "Status 401 comes without WWW-Authenticate.",
            with_answer(_without_scheme),
        ),
        _problem("key-echoed", "auth.key-is-not-echoed", "The refusal repeats the key that was sent.", _echo),
        _refusal(
            "401-without-body",
            "auth.refusal-has-an-error-body",
            "Status 401 has no body.",
            with_answer(_without_body),
        ),
        _arrival(
            "custom-headers-refused",
            "auth.custom-headers-are-accepted",
            "A header that the server does not know gets status 400.",
            _refuse_unknown_headers,
        ),
        _token(
            "token-never-expires",
            "auth.expired-token-is-401",
            "An access token is taken after its time.",
            _whenever_issued,
        ),
        _token_of_call(
            "token-kept-for-the-call",
            "auth.refreshed-token-is-accepted",
            "A call keeps to its first access token: one that was fetched later is refused.",
            _first_of_the_call,
        ),
    )


def _unchecked(work: Work) -> None:
    work.checks_key = bool(work.dialect.sent_key(work))


def _any_key(work: Work) -> None:
    work.checks_key = not work.dialect.sent_key(work)


def _refuse_bearer(work: Work) -> None:
    key = work.settings.api_key
    if key is not None and work.headers.get("authorization") == f"Bearer {key}":
        raise problems.wrong_key()


def _whenever_issued(work: Work) -> None:
    if work.memory.tokens.standing(work.dialect.sent_key(work)) is not Standing.UNKNOWN:
        work.checks_key = False


def _first_of_the_call(work: Work) -> None:
    token, call_id = work.dialect.sent_key(work), work.call_id
    tokens = work.memory.tokens
    if call_id is None or token is None or tokens.standing(token) is not Standing.IN_FORCE:
        return
    if not tokens.is_first_of(call_id, token):
        raise problems.wrong_key()


def _is_unauthorized(problem: Problem | None) -> bool:
    return problem is not None and problem.status == _UNAUTHORIZED


def _forbidden(work: Work) -> None:
    if work.problem is not None and work.problem.code == "missing_api_key":
        work.problem = Problem(status=403, message=work.problem.message, code="forbidden")


def _echo(work: Work) -> None:
    if work.problem is not None and work.problem.code == "invalid_api_key":
        work.problem.message = f"Incorrect API key provided: {work.dialect.sent_key(work)}."


def _without_scheme(answer: Answer, _work: Work) -> Answer:
    kept = {key: value for key, value in answer.headers.items() if key != "www-authenticate"}
    return replace(answer, headers=kept)


def _without_body(answer: Answer, work: Work) -> Answer:
    return with_body(answer, b"") if _is_unauthorized(work.problem) else answer


def _refuse_unknown_headers(work: Work) -> None:
    for name in work.headers:
        if name not in _ORDINARY_HEADERS and not name.startswith(_ORDINARY_STARTS):
            raise Problem(status=400, message="Unknown request header.", code="unknown_header")
