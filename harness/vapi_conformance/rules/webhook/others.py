"""Answers to the rarer questions: documents, how long to wait for the caller, whether to dial."""

from collections.abc import Iterator

from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.rule import MUST, SHOULD, Violation
from vapi_conformance.rules.webhook.question import answers, claimed, document, webhook_rule

__all__ = [
    "documents_have_content_and_similarity",
    "eligibility_is_a_boolean",
    "endpointing_timeout_is_in_range",
    "knowledge_is_given",
    "spoken_message_is_an_object",
]

_knowledge = answers("knowledge-base-request")
_may_speak = answers("tool-calls", "transfer-destination-request", "knowledge-base-request")


@webhook_rule(
    "webhook.knowledge-is-given",
    level=MUST,
    source="Vapi OpenAPI of 2026-08-20, ServerMessageResponseKnowledgeBaseRequest; Vapi, custom knowledge base",
    remedy="Answer with a list `documents`, which may be empty, or with a `message` that is spoken in its place.",
    applies=_knowledge,
)
def knowledge_is_given(evidence: Evidence) -> Iterator[Violation]:
    """`knowledge-base-request` is answered by a list of `documents`, or by a `message`."""
    record = document(evidence) or {}
    yield from claimed(evidence, "webhook.knowledge-is-given", "a list `documents`")
    if record.get("documents") is None and record.get("message") is None:
        keys = ", ".join(sorted(record)[:8]) or "none"
        yield Violation(expected="documents or message", actual=f"other keys: {keys[:200]}")


@webhook_rule(
    "webhook.documents-have-content-and-similarity",
    level=MUST,
    source="Vapi OpenAPI of 2026-08-20, KnowledgeBaseResponseDocument",
    remedy="Give each document its text in `content` and a number in `similarity`.",
    applies=_knowledge,
)
def documents_have_content_and_similarity(evidence: Evidence) -> Iterator[Violation]:
    """Each document has `content`, a string, and `similarity`, a number."""
    yield from claimed(evidence, "webhook.documents-have-content-and-similarity", "content and similarity")


@webhook_rule(
    "webhook.endpointing-timeout-is-in-range",
    level=MUST,
    source="Vapi OpenAPI of 2026-08-20, ServerMessageResponseCallEndpointingRequest: 0 to 15",
    remedy="Answer {timeoutSeconds} with a number from 0 to 15.",
    applies=answers("call.endpointing.request"),
)
def endpointing_timeout_is_in_range(evidence: Evidence) -> Iterator[Violation]:
    """`call.endpointing.request` is answered by `timeoutSeconds`, a number from 0 to 15."""
    yield from claimed(evidence, "webhook.endpointing-timeout-is-in-range", "timeoutSeconds from 0 to 15")


@webhook_rule(
    "webhook.eligibility-is-a-boolean",
    level=MUST,
    source="Vapi, campaign webhooks: the pre-dial webhook is answered by {eligible}",
    remedy="Answer {eligible: true} or {eligible: false}.",
    applies=answers("campaign.predial"),
)
def eligibility_is_a_boolean(evidence: Evidence) -> Iterator[Violation]:
    """`campaign.predial` is answered by `eligible`, true or false."""
    yield from claimed(evidence, "webhook.eligibility-is-a-boolean", "eligible, true or false")


@webhook_rule(
    "webhook.spoken-message-is-an-object",
    level=SHOULD,
    source="Vapi OpenAPI of 2026-08-20, ToolCallResult.message, CustomMessage: an object, not the words alone",
    remedy='Send words to speak as an object, such as {"type": "request-complete", "content": "…"}.',
    applies=_may_speak,
)
def spoken_message_is_an_object(evidence: Evidence) -> Iterator[Violation]:
    """A `message` to be spoken is an object."""
    yield from claimed(evidence, "webhook.spoken-message-is-an-object", "an object")
