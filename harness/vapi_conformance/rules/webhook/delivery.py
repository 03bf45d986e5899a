"""That an answer comes at all: in time, whole, with the one status that counts, as JSON."""

from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.evidence import NS_PER_S, Evidence
from vapi_conformance.exchange import End
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation
from vapi_conformance.rules.webhook.question import (
    asked_kind,
    document,
    is_answer_due,
    webhook_rule,
    webhook_scenario_rule,
)

__all__ = [
    "answer_is_json",
    "answer_is_whole",
    "answers_in_time",
    "answers_with_margin",
    "content_type_is_json",
    "every_message_is_answered",
    "knowledge_comes_at_once",
    "status_is_200",
]

_OK: Final = 200
_EVERY: Final = (
    "tool-calls",
    "tool-call-forms",
    "tool-unknown",
    "tool-calls-again",
    "function-call",
    "assistant-request",
    "transfer-destination",
    "handoff-destination",
    "knowledge-base",
    "endpointing",
    "campaign-predial",
    "notices",
    "unknown-message",
    "auth",
)


@webhook_scenario_rule(
    "webhook.every-message-is-answered",
    scenarios=_EVERY,
    level=MUST,
    source="Vapi OpenAPI of 2026-08-20, Server.timeoutSeconds; RFC 9110, 15: each request has a response",
    remedy="Answer every POST, also those whose message is of no use to you, with 200 and within the time limit.",
    applies=bool,
)
def every_message_is_answered(group: Sequence[Evidence]) -> Iterator[Violation]:
    """Every message gets an HTTP response."""
    for step, evidence in enumerate(group):
        if evidence.exchange.response is None:
            actual = evidence.exchange.error or evidence.exchange.end.value
            yield Violation(expected="a response", actual=f"none: {actual}", step=step)


@webhook_rule(
    "webhook.status-is-200",
    level=MUST,
    source="Vapi, custom tools troubleshooting: always return HTTP 200, any other status is ignored completely (notes "
    "of its staff say that the body may be read all the same)",
    remedy="Answer with status 200 also where something went wrong, and say what in `error`.",
    applies=is_answer_due,
)
def status_is_200(evidence: Evidence) -> Iterator[Violation]:
    """A message that wants an answer is answered with status 200, not with another, not even 201."""
    if evidence.status != _OK:
        yield Violation(expected="status 200", actual=f"status {evidence.status}")


@webhook_rule(
    "webhook.answer-is-json",
    level=MUST,
    source="Vapi, server events: each answer is a JSON object",
    remedy="Answer with one JSON object, and nothing before or behind it.",
    applies=lambda evidence: is_answer_due(evidence) and evidence.status == _OK and _is_whole(evidence),
)
def answer_is_json(evidence: Evidence) -> Iterator[Violation]:
    """The answer is one JSON object."""
    if document(evidence) is not None:
        return
    chunk = evidence.transcript.document
    if not evidence.body.strip():
        actual = "no body"
    elif chunk is None:
        actual = f"no JSON: {quote(evidence.body[:200].decode(errors='replace'))}"
    else:
        actual = chunk.payload.error or "JSON, but no object"
    yield Violation(expected="one JSON object", actual=actual)


@webhook_rule(
    "webhook.content-type-is-json",
    level=SHOULD,
    source="RFC 9110, 8.3; that Vapi reads JSON under another type is not known",
    remedy="Send Content-Type: application/json with each answer.",
    needs=[Need.HEADERS],
    applies=lambda evidence: is_answer_due(evidence) and document(evidence) is not None,
)
def content_type_is_json(evidence: Evidence) -> Iterator[Violation]:
    """A JSON answer says so in `Content-Type`."""
    if evidence.media_type != "application/json":
        actual = f"Content-Type: {evidence.media_type}" if evidence.media_type else "no Content-Type"
        yield Violation(expected="Content-Type: application/json", actual=actual)


def _is_whole(evidence: Evidence) -> bool:
    return evidence.exchange.end is End.CLEAN


@webhook_rule(
    "webhook.answer-is-whole",
    level=MUST,
    source="RFC 9112, 8: a message that is not complete must not be taken for one that is",
    remedy="Write the whole body before the connection is closed; a body that ends early is lost.",
    applies=is_answer_due,
)
def answer_is_whole(evidence: Evidence) -> Iterator[Violation]:
    """The body of an answer comes to its end."""
    if not _is_whole(evidence):
        actual = evidence.exchange.error or evidence.exchange.end.value
        yield Violation(expected="a whole body", actual=f"{evidence.exchange.end.value}: {actual}")


def _took_s(evidence: Evidence) -> float:
    """Until the last byte; 0 where that is not known."""
    return (evidence.exchange.timing.end_ns or 0) / NS_PER_S


@webhook_rule(
    "webhook.answers-in-time",
    level=MUST,
    source="Vapi, server events: 7.5 s for assistant-request, whatever server.timeoutSeconds says; custom knowledge "
    "base: 10 s; OpenAPI, Server.timeoutSeconds: 20 s where nothing else is set",
    remedy="Answer at once, and do what takes long afterwards; a tool may be made asynchronous.",
    needs=[Need.TIMES],
    applies=lambda evidence: is_answer_due(evidence) and _is_whole(evidence),
)
def answers_in_time(evidence: Evidence) -> Iterator[Violation]:
    """The answer is there before Vapi gives up: 7.5 s for assistant-request, else what the server's settings say."""
    limit_s = _limit_s(evidence)
    if _took_s(evidence) > limit_s:
        yield Violation(
            expected=f"the whole answer within {limit_s:g} s",
            actual=f"{_took_s(evidence):.1f} s",
            at_ns=evidence.exchange.timing.end_ns,
        )


def _limit_s(evidence: Evidence) -> float:
    """`assistant-request` and the knowledge base have limits of their own, which no setting makes longer."""
    fixed_s, timeout_s = asked_kind(evidence).limit_s, evidence.conditions.timeout_s
    return timeout_s if fixed_s is None else fixed_s


@webhook_rule(
    "webhook.answers-with-margin",
    level=SHOULD,
    source="Vapi, server events: the caller's line is set up within 15 s; aim for less than 6 s",
    remedy="Choose the assistant from what is at hand, and run in a region near us-west-2.",
    needs=[Need.TIMES],
    applies=lambda evidence: (
        is_answer_due(evidence)
        and _is_whole(evidence)
        and asked_kind(evidence).name == "assistant-request"
        and _took_s(evidence) <= _limit_s(evidence)
    ),
)
def answers_with_margin(evidence: Evidence) -> Iterator[Violation]:
    """An `assistant-request` is answered in less than 6 s, since the way to Vapi and back takes time too."""
    goal_s = asked_kind(evidence).goal_s
    if goal_s is not None and _took_s(evidence) > goal_s:
        yield Violation(
            expected=f"the whole answer within {goal_s:g} s",
            actual=f"{_took_s(evidence):.1f} s",
            at_ns=evidence.exchange.timing.end_ns,
        )


@webhook_rule(
    "webhook.knowledge-comes-at-once",
    level=MAY,
    source="Vapi, bring your own knowledge base: ideally within 50 ms, since the caller waits for it in every turn",
    remedy="Keep the index in memory, near Vapi.",
    needs=[Need.TIMES],
    applies=lambda evidence: (
        is_answer_due(evidence)
        and _is_whole(evidence)
        and asked_kind(evidence).name == "knowledge-base-request"
        and _took_s(evidence) <= _limit_s(evidence)
    ),
)
def knowledge_comes_at_once(evidence: Evidence) -> Iterator[Violation]:
    """A `knowledge-base-request` is answered within a second: every turn of the call waits for it."""
    if _took_s(evidence) > 1.0:
        yield Violation(
            expected="the documents within 1 s, better 50 ms",
            actual=f"{_took_s(evidence):.1f} s",
            at_ns=evidence.exchange.timing.end_ns,
        )
