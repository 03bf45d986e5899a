"""Faults of what a Gemini endpoint refuses, and what it accepts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.answer import json_answer
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.faults.editing import Edit, Shelf, drop, put
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.json_values import JsonObject, as_list, as_object
from vapi_reference_server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_MINE = DialectName.GEMINI
_replies = Shelf(SeenOn.SPECIAL, Stage.REPLIES, dialect=_MINE).fault
_misread = Shelf(SeenOn.SPECIAL, Stage.BODY, dialect=_MINE).fault
_refusal = Shelf(SeenOn.REFUSED, Stage.REFUSAL, dialect=_MINE).fault
_key = Shelf(SeenOn.KEY, Stage.ARRIVED, dialect=_MINE).fault
_key_refusal = Shelf(SeenOn.KEY, Stage.REFUSAL, dialect=_MINE).fault
_key_problem = Shelf(SeenOn.KEY, Stage.PROBLEM, dialect=_MINE).fault


def gemini_request_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_requests(), *_refusals(), *_keys())


def _requests() -> tuple[Fault, ...]:
    return (
        _replies(
            "gemini-json-prose",
            "gemini.json-answer-parses",
            "An answer that must be JSON starts with a sentence.",
            _prose,
        ),
        _misread(
            "gemini-allowed-names-ignored",
            "gemini.allowed-function-names-are-honoured",
            "Functions are called that allowedFunctionNames leaves out.",
            _allow_all,
        ),
    )


def _refusals() -> tuple[Fault, ...]:
    return (
        _refusal(
            "gemini-error-of-openai",
            "gemini.error-code-is-an-integer",
            "Refusals have the body of the OpenAI API.",
            _openai_refusal,
        ),
        _refusal(
            "gemini-error-code-differs",
            "gemini.error-code-equals-the-status",
            "The code of a refusal is 500, whatever its status.",
            _error_with(put("code", 500)),
        ),
        _refusal(
            "gemini-error-code-text",
            "gemini.error-code-is-an-integer",
            "The code of a refusal is a string.",
            _error_with(put("code", "404")),
        ),
        _refusal(
            "gemini-error-status-unknown",
            "gemini.error-status-is-a-name",
            "The status of a refusal is a number.",
            _error_with(put("status", 5)),
        ),
        _refusal(
            "gemini-error-details-untyped",
            "gemini.error-details-are-typed",
            "Details of a refusal do not say their type.",
            _error_with(put("details", [{"reason": "UNKNOWN_MODEL"}])),
        ),
        _refusal(
            "gemini-error-in-array",
            "gemini.error-is-wrapped-only-in-streams",
            "Every refusal stands in an array.",
            _in_array,
        ),
        _refusal(
            "gemini-error-text",
            "gemini.error-is-an-object",
            "In refusals `error` is a string.",
            _error_is("Not found."),
        ),
        _refusal(
            "gemini-error-wordless",
            "gemini.error-has-a-message",
            "Refusals have no message.",
            _error_with(drop("message")),
        ),
        _refusal(
            "gemini-error-status-differs",
            "gemini.error-status-fits-the-code",
            "The status of every refusal is INTERNAL.",
            _error_with(put("status", "INTERNAL")),
        ),
        _refusal(
            "gemini-refused-as-blocked",
            "gemini.blocked-prompt-is-a-success",
            "A refusal says that the prompt was blocked.",
            _blocked,
        ),
    )


def _keys() -> tuple[Fault, ...]:
    return (
        _key(
            "gemini-header-key-refused",
            "gemini.key-header-is-accepted",
            "A key in x-goog-api-key is refused.",
            _refuse_header_key,
        ),
        _key(
            "gemini-query-key-refused",
            "gemini.query-key-is-accepted",
            "A key in the query is refused.",
            _refuse_query_key,
        ),
        _key_problem(
            "gemini-bad-key-unexplained",
            "gemini.wrong-key-is-refused",
            "A wrong key gets status 500.",
            _fails_on("invalid_api_key"),
        ),
        _key_problem(
            "gemini-no-key-500",
            "gemini.missing-key-is-refused",
            "A missing key gets status 500.",
            _fails_on("missing_api_key"),
        ),
        _key_refusal(
            "gemini-bad-key-unnamed",
            "gemini.wrong-key-is-named",
            "The refusal of a wrong key does not say that it was the key.",
            _error_with(drop("details")),
        ),
        _key_problem(
            "gemini-no-key-401",
            "gemini.missing-key-is-permission-denied",
            "A missing key gets status 401.",
            _unauthenticated,
        ),
    )


def _prose(work: Work) -> None:
    if work.asked.response_format is not None:
        work.replies = [replace(reply, text=f"Certainly! {reply.text}") for reply in work.replies]


def _openai_refusal(work: Work) -> None:
    if work.problem is not None and work.answer is not None:
        work.answer = json_answer(work.answer.status, work.problem.body())


def _error_with(change: Callable[[JsonObject], None]) -> Edit:
    def edit(work: Work) -> None:
        if work.problem is not None and work.answer is not None:
            body = work.dialect.error_body(work.problem, work)
            for owner in as_list(body) or [body]:
                change(as_object((as_object(owner) or {}).get("error")) or {})
            work.answer = json_answer(work.answer.status, body)

    return edit


def _in_array(work: Work) -> None:
    if work.problem is not None and work.answer is not None:
        body = work.dialect.error_body(work.problem, work)
        work.answer = json_answer(work.answer.status, body if as_list(body) is not None else [body])


def _refuse_header_key(work: Work) -> None:
    if "x-goog-api-key" in work.headers:
        raise _bad_key()


def _refuse_query_key(work: Work) -> None:
    if "key" in work.query:
        raise _bad_key()


def _bad_key() -> Problem:
    return Problem(status=400, message="API key not valid. Please pass a valid API key.", code="invalid_api_key")


def _fails_on(code: str) -> Edit:
    def edit(work: Work) -> None:
        if work.problem is not None and work.problem.code == code:
            work.problem = problems.server_error("Internal error encountered.")

    return edit


def _error_is(error: object) -> Edit:
    def edit(work: Work) -> None:
        if work.answer is not None:
            work.answer = json_answer(work.answer.status, {"error": error})

    return edit


def _blocked(work: Work) -> None:
    if work.problem is not None and work.answer is not None:
        body = as_object(work.dialect.error_body(work.problem, work)) or {}
        work.answer = json_answer(work.answer.status, {**body, "promptFeedback": {"blockReason": "OTHER"}})


def _unauthenticated(work: Work) -> None:
    if work.problem is not None and work.problem.code == "missing_api_key":
        work.problem.status = 401


def _allow_all(work: Work) -> None:
    config = as_object(work.body.get("toolConfig")) or {}
    (as_object(config.get("functionCallingConfig")) or {}).pop("allowedFunctionNames", None)
