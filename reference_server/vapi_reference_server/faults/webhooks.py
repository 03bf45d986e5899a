"""Faults of a backend that Vapi sends messages to: how its answers come, what it takes, and whom it lets in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vapi_reference_server.answer import Ending, Write
from vapi_reference_server.faults.editing import body_of, head, with_answer, with_body
from vapi_reference_server.faults.fault import Stage
from vapi_reference_server.faults.webhook_editing import CALLS, at_stage, kind_of, on, wait, whole
from vapi_reference_server.problems import Problem

if TYPE_CHECKING:
    from vapi_reference_server.answer import Answer
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.work import Work

_edit = at_stage(Stage.COMPLETION).fault
_answer = at_stage(Stage.ANSWER).fault
_body = at_stage(Stage.BODY).fault
_arrival = at_stage(Stage.ARRIVED).fault

_ASSISTANT = "assistant-request"
_KNOWLEDGE = "knowledge-base-request"
_NOTICE = "status-update"
_KNOWN = frozenset(
    (
        *(
            CALLS,
            _ASSISTANT,
            _KNOWLEDGE,
            "transfer-destination-request",
            "handoff-destination-request",
            "function-call",
            "call.endpointing.request",
        ),
        *("campaign.predial", "status-update", "speech-update", "transcript", "conversation-update", "hang"),
        *("end-of-call-report", "model-output", "voice-input", "user-interrupted", "assistant.started"),
    )
)


def webhook_faults() -> tuple[Fault, ...]:
    """The faults of this module."""
    return (*_delivery(), *_notices(), *_keys())


def _delivery() -> tuple[Fault, ...]:
    return (
        _answer(
            "webhook-unanswered",
            "webhook.every-message-is-answered",
            "The connection is closed before anything is answered.",
            with_answer(lambda answer, _: replace(answer, ending=Ending.UNANSWERED)),
        ),
        _answer(
            "webhook-201",
            "webhook.status-is-200",
            "Questions are answered with status 201.",
            on(CALLS, with_answer(lambda answer, _: replace(answer, status=201))),
        ),
        _answer(
            "webhook-prose",
            "webhook.answer-is-json",
            "The answer to tool-calls is a sentence.",
            on(CALLS, with_answer(lambda answer, _: with_body(answer, b"It is done."))),
        ),
        _answer(
            "webhook-text-plain",
            "webhook.content-type-is-json",
            "JSON goes by the name of text/plain.",
            on(CALLS, head(content_type="text/plain")),
        ),
        _answer(
            "webhook-cut",
            "webhook.answer-is-whole",
            "The connection is closed in the middle of the answer.",
            on(CALLS, with_answer(_cut)),
        ),
        _answer(
            "webhook-late",
            "webhook.answers-in-time",
            "Tools take longer than Vapi waits for them.",
            on(CALLS, wait),
            seconds=21.0,
        ),
        _answer(
            "webhook-assistant-slow",
            "webhook.answers-with-margin",
            "An assistant is chosen in the last moment.",
            on(_ASSISTANT, wait),
            seconds=6.3,
        ),
        _answer(
            "webhook-documents-slow",
            "webhook.knowledge-comes-at-once",
            "Documents take their time.",
            on(_KNOWLEDGE, wait),
            seconds=1.5,
        ),
    )


def _notices() -> tuple[Fault, ...]:
    return (
        _body("webhook-notice-404", "webhook.notice-is-accepted", "A status-update gets status 404.", _no_handler),
        _answer(
            "webhook-notice-slow",
            "webhook.notice-is-answered-at-once",
            "A status-update is worked on before it is answered.",
            on(_NOTICE, wait),
            seconds=3.3,
        ),
        _edit(
            "webhook-notice-error",
            "webhook.notice-answer-is-no-error",
            "A status-update is answered by an error with status 200.",
            whole(_NOTICE, lambda _: {"error": "unhandled message"}),
        ),
        _body(
            "webhook-unknown-500",
            "webhook.unknown-message-is-accepted",
            "A message of an unknown type gets status 500.",
            _stumble,
        ),
    )


def _keys() -> tuple[Fault, ...]:
    return (
        _arrival(
            "webhook-open", "webhook.missing-secret-is-refused", "A message without a secret is let in.", _unchecked
        ),
        _arrival(
            "webhook-any-secret", "webhook.wrong-secret-is-refused", "Any secret will do, if there is one.", _any_secret
        ),
        _arrival(
            "webhook-locks-out",
            "webhook.right-secret-is-accepted",
            "After a wrong secret the right one is refused, too.",
            _lock_out,
        ),
        _answer(
            "webhook-secret-echoed",
            "webhook.secret-is-not-echoed",
            "The answer repeats the secret in a header.",
            with_answer(_echo),
        ),
    )


def _cut(answer: Answer, _work: Work) -> Answer:
    data = body_of(answer)
    return replace(answer, writes=[Write(data=data[: len(data) // 2])], ending=Ending.CUT)


def _no_handler(work: Work) -> None:
    if kind_of(work) == _NOTICE:
        raise Problem(status=404, message="There is no handler for this message.", code="no_handler")


def _stumble(work: Work) -> None:
    if kind_of(work) not in _KNOWN:
        raise Problem(status=500, message="KeyError", type="server_error")


def _unchecked(work: Work) -> None:
    work.checks_key = bool(work.dialect.sent_key(work))


def _any_secret(work: Work) -> None:
    work.checks_key = not work.dialect.sent_key(work)


def _lock_out(work: Work) -> None:
    key, sent = work.settings.api_key, work.dialect.sent_key(work)
    if key is None or sent is None:
        return
    if sent != key:
        work.memory.requests_of[work.fault.name if work.fault else ""] = 1
    elif work.fault is not None and work.memory.requests_of.get(work.fault.name):
        raise Problem(status=429, message="Too many wrong secrets.", code="locked_out")


def _echo(answer: Answer, work: Work) -> Answer:
    sent = work.dialect.sent_key(work)
    return answer if sent is None else replace(answer, headers={**answer.headers, "x-debug": f"secret {sent}"})
