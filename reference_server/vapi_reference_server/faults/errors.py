"""Faults of refusals: of their status, their body, their hints, and of the API key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server import problems
from vapi_reference_server.answer import Answer, json_answer
from vapi_reference_server.faults.editing import Shelf, body_of, head, with_answer, with_body
from vapi_reference_server.faults.fault import SeenOn, Stage
from vapi_reference_server.faults.requests import fails_on
from vapi_reference_server.json_values import as_object
from vapi_reference_server.problems import Problem
from vapi_reference_server.routes import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from vapi_reference_server.faults.editing import Edit
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.work import Work

_refused = Shelf(SeenOn.REFUSED, Stage.REFUSAL, everywhere=True).fault
_problem = Shelf(SeenOn.REFUSED, Stage.PROBLEM, everywhere=True).fault
_special = Shelf(SeenOn.SPECIAL, Stage.PROBLEM, everywhere=True).fault
_arrival = Shelf(SeenOn.ANY, Stage.ARRIVED, everywhere=True).fault
_body = Shelf(SeenOn.SPECIAL, Stage.BODY).fault

_CLIENT_ERRORS = range(400, 500)
_HTML_PAGE = b"<!doctype html><title>Error</title><h1>Something went wrong</h1>\n"
_TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/app/server/handlers.py", line 88, in chat\n'
    "    model = MODELS[request.model]\n"
    "KeyError: model"
)


def error_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_shapes(), *_statuses(), *_accepted(), *_hidden())


def _shapes() -> tuple[Fault, ...]:
    return (
        _refused("error-html", "errors.body-is-json", "Refusals are HTML pages.", with_answer(_html)),
        _refused(
            "error-string-body",
            "errors.error-is-an-object",
            "In refusals `error` is a string.",
            _error_becomes(lambda error: error["message"]),
            everywhere=False,
        ),
        _refused(
            "error-without-message",
            "errors.message-is-a-string",
            "Refusals have no message.",
            _error_becomes(lambda error: {**error, "message": None}),
        ),
        _refused(
            "error-code-number",
            "errors.fields-are-typed",
            "The code of a refusal is a number.",
            _error_becomes(lambda error: {**error, "code": 4001}),
            everywhere=False,
        ),
        _refused(
            "error-as-text-plain",
            "errors.media-type-is-json",
            "Refusals say they are text/plain.",
            head(content_type="text/plain; charset=utf-8"),
        ),
        _refused(
            "error-as-event-stream",
            "http.error-is-not-an-event-stream",
            "Refusals are event streams.",
            with_answer(_as_event),
        ),
        _problem(
            "stack-trace-in-error",
            "errors.text-is-discreet",
            "The message of a refusal is a stack trace.",
            _trace,
        ),
        _refused(
            "retry-hint-on-4xx",
            "errors.no-retry-hint-on-4xx",
            "Refusals that no repetition can mend ask to be repeated.",
            with_answer(_retry_hint),
        ),
    )


def _statuses() -> tuple[Fault, ...]:
    return (
        _special(
            "500-on-wrong-types",
            "errors.wrong-type-is-400",
            "A field of the wrong type gets status 500.",
            fails_on("invalid_value"),
        ),
        _special(
            "500-on-context-overflow",
            "errors.context-overflow-is-400",
            "A prompt that is too long gets status 500.",
            fails_on("context_length_exceeded"),
        ),
        _arrival(
            "429-without-retry-after",
            "errors.retry-after-is-sent",
            "Every request gets status 429, and not when to come back.",
            _refuse_chat(Problem(status=429, message="Too many requests.", code="rate_limit_exceeded")),
        ),
        _arrival(
            "402-always",
            "errors.status-has-its-own-reason",
            "Every request gets status 402, which Vapi reports as it reports everything unknown.",
            _refuse_chat(Problem(status=402, message="Payment required.", code="insufficient_quota")),
        ),
        _arrival(
            "503-always",
            "errors.well-formed-request-is-answered",
            "Every request gets status 503.",
            _refuse_chat(Problem(status=503, message="Overloaded.", type="server_error", headers={"retry-after": "1"})),
        ),
    )


def _accepted() -> tuple[Fault, ...]:
    return (
        _body(
            "unknown-model-200",
            "errors.unknown-model-is-refused",
            "A model that nobody knows is answered for.",
            _known_model,
        ),
        _body(
            "empty-messages-200",
            "errors.empty-messages-is-400",
            "An empty list of messages is answered.",
            _fill_messages,
        ),
    )


def _hidden() -> tuple[Fault, ...]:
    return (
        Shelf(SeenOn.JSON, Stage.COMPLETION, everywhere=True).fault(
            "error-in-200",
            "errors.no-error-in-200",
            "Status 200 carries an error object and nothing else.",
            _only_error,
        ),
    )


def _error_becomes(change: Callable[[JsonObject], object]) -> Edit:
    def edit(work: Work) -> None:
        if work.problem is None or work.answer is None:
            return
        body = as_object(work.dialect.error_body(work.problem, work)) or {}
        error = as_object(body.get("error")) or {}
        headers = {**work.dialect.headers(work), **work.problem.headers}
        work.answer = json_answer(work.answer.status, {**body, "error": change(error)}, headers)

    return edit


def _html(answer: Answer, _work: Work) -> Answer:
    page = with_body(answer, _HTML_PAGE)
    return replace(page, headers={**page.headers, "content-type": "text/html; charset=utf-8"})


def _as_event(answer: Answer, _work: Work) -> Answer:
    stream = with_body(answer, b"data: " + body_of(answer) + b"\n\n")
    return replace(stream, headers={**stream.headers, "content-type": "text/event-stream; charset=utf-8"})


def _trace(work: Work) -> None:
    if work.problem is not None:
        work.problem.message = _TRACE


def _retry_hint(answer: Answer, _work: Work) -> Answer:
    hint = {"retry-after": "1", "x-should-retry": "true"} if answer.status in _CLIENT_ERRORS else {}
    return replace(answer, headers={**answer.headers, **hint})


def _refuse_chat(problem: Problem) -> Edit:
    def edit(work: Work) -> None:
        if work.method == "POST" and work.route is not None and work.route.kind is Kind.ANSWER:
            # A copy: raised exceptions collect tracebacks, and this one serves every request.
            raise replace(problem)

    return edit


def _known_model(work: Work) -> None:
    work.body["model"] = work.settings.models[0]


def _fill_messages(work: Work) -> None:
    if work.body.get("messages") == []:
        work.body["messages"] = [{"role": "user", "content": "Hello"}]


def _only_error(work: Work) -> None:
    failure = work.dialect.error_body(problems.server_error("The model failed."), work)
    work.completion = as_object(failure) or {}
