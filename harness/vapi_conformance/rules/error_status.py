"""The status of a refusal or failure: whether it is there, in time, and the right one.

Scenarios that have a rule of their own about being accepted are left to it by
`errors.well-formed-request-is-answered`, because its level is another: to refuse unknown keys is the first party's
right, and at Vapi it ends every call.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.dialects.names import CHAT, Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.reported_error import reported_error, sent_error
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Violation, rule, scenario_rule
from vapi_conformance.rules.steps import by_step

__all__ = [
    "context_overflow_is_400",
    "empty_messages_is_400",
    "no_error_in_200",
    "status_has_its_own_reason",
    "status_precedes_the_stream",
    "unknown_model_is_refused",
    "well_formed_request_is_answered",
    "wrong_type_is_400",
]

_BAD_VALUE: Final = frozenset({400, 422})
_BAD_REQUEST: Final = 400
_NOT_FOUND: Final = 404
_NOT_ABOUT_THE_REQUEST: Final = frozenset({401, 403, 408, 429})
"""Refused before the body was looked at: nothing is known about how it would have been judged."""


def _is_judged(group: Sequence[Evidence]) -> bool:
    return any(evidence.status not in _NOT_ABOUT_THE_REQUEST for _, evidence in by_step(group).values())


@rule(
    "errors.no-error-in-200",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="openai-openapi 2.3.0, ErrorResponse; observed: official clients make an answer without choices of it",
    catalogue=["ERR-09"],
    remedy="Send an error with a status that says so; a 200 is an answer.",
    applies=lambda evidence: evidence.is_success and evidence.transcript.kind == "json",
)
def no_error_in_200(evidence: Evidence) -> Iterator[Violation]:
    """A successful whole answer is no error in disguise."""
    document = evidence.transcript.document
    record = (document.record if document else None) or {}
    if document is not None and record.get("error") and not array_or_nothing(record.get("choices")):
        actual = f"status {evidence.status} with an error: {reported_error(record['error'])}"
        yield Violation.at(document, expected="an answer, or an error status", actual=actual)


@rule(
    "errors.status-precedes-the-stream",
    standard=MUST,
    vapi=MUST,
    source="observed: the first party answers by status and JSON as long as no event is sent, for streams too",
    catalogue=["ERR-10"],
    remedy="Hold the response head back until the model has begun; then a failure can still have its status.",
    applies=lambda evidence: (
        evidence.is_success and evidence.transcript.kind == "stream" and bool(evidence.transcript.chunks)
    ),
)
def status_precedes_the_stream(evidence: Evidence) -> Iterator[Violation]:
    """What fails before the first event fails by its status: the first event of a stream is no error."""
    first = evidence.transcript.chunks[0]
    if 0 in evidence.transcript.errors:
        error = reported_error((first.record or {}).get("error"))
        actual = f"status {evidence.status}, and the first event is an error: {error}"
        yield Violation.at(first, expected="an error status with a JSON body", actual=actual)


@scenario_rule(
    "errors.unknown-model-is-refused",
    scenarios=("unknown-model",),
    standard=MUST,
    vapi=MAY,
    source="observed: OpenAI's chat, Anthropic and Gemini send 404, OpenAI's Responses 400 with the code "
    "model_not_found; official clients map them",
    catalogue=["ERR-05"],
    remedy="Refuse a model that you do not serve with 404 (Responses: 400) and the error of the API.",
    applies=_is_judged,
)
def unknown_model_is_refused(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request for a model that does not exist is refused with 404, by Responses with 400."""
    for step, evidence in by_step(group).values():
        as_a_bad_value = evidence.dialect is Dialect.OPENAI_RESPONSES and evidence.status == _BAD_REQUEST
        if evidence.status not in (_NOT_FOUND, *_NOT_ABOUT_THE_REQUEST) and not as_a_bad_value:
            expected = "status 400 or 404" if evidence.dialect is Dialect.OPENAI_RESPONSES else "status 404"
            yield Violation(expected=expected, actual=f"status {evidence.status}", step=step)


_SAYS_LENGTH: Final = ("context", "length", "token", "long", "large", "exceed", "maximum", "limit")


def _says_what_is_too_long(evidence: Evidence) -> bool:
    error = sent_error(evidence)
    fields = object_or_nothing(error)
    texts = (string_or_none(error), string_or_none(fields.get("message")), string_or_none(fields.get("code")))
    said = " ".join(text for text in texts if text).lower()
    return any(word in said for word in _SAYS_LENGTH)


@scenario_rule(
    "errors.context-overflow-is-400",
    scenarios=("context-overflow",),
    standard=SHOULD,
    vapi=MAY,
    source="observed: the first party sends 400 with the code context_length_exceeded",
    catalogue=["ERR-06"],
    remedy="Refuse with 400 what does not fit, and say that it is too long; the code is context_length_exceeded.",
    applies=_is_judged,
)
def context_overflow_is_400(group: Sequence[Evidence]) -> Iterator[Violation]:
    """Messages beyond the model's context are answered, or refused with 400 and words that say why."""
    for step, evidence in by_step(group).values():
        if evidence.is_success or evidence.status in _NOT_ABOUT_THE_REQUEST:
            continue
        if evidence.status != _BAD_REQUEST:
            yield Violation(expected="an answer, or status 400", actual=f"status {evidence.status}", step=step)
        elif not _says_what_is_too_long(evidence):
            actual = quote(evidence.body[:200].decode(errors="replace"))
            yield Violation(expected="an error that says that the messages are too long", actual=actual, step=step)


def _not_a_bad_value(group: Sequence[Evidence], what: str) -> Iterator[Violation]:
    for name, (step, evidence) in by_step(group).items():
        if evidence.status not in _BAD_VALUE | _NOT_ABOUT_THE_REQUEST:
            actual = f"status {evidence.status} ({name})"
            yield Violation(expected=f"status 400 or 422 for {what}", actual=actual, step=step)


@scenario_rule(
    "errors.wrong-type-is-400",
    scenarios=("wrong-types",),
    standard=MUST,
    vapi=SHOULD,
    source="RFC 9110, 15.5.1; openai-openapi 2.3.0, CreateChatCompletionRequest, and the types of the other APIs",
    catalogue=["ERR-11"],
    remedy="Check the types of a request before using it, and refuse wrong ones with 400.",
    applies=_is_judged,
)
def wrong_type_is_400(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request with a value of the wrong type is refused with 400 or 422: neither answered nor a server error."""
    yield from _not_a_bad_value(group, "a value of the wrong type")


@scenario_rule(
    "errors.empty-messages-is-400",
    scenarios=("empty-messages",),
    standard=SHOULD,
    vapi=MAY,
    source="openai-openapi 2.3.0, CreateChatCompletionRequest.messages: one at least; so in the other APIs",
    catalogue=["ERR-12"],
    remedy="Refuse a request without a message with 400.",
    applies=_is_judged,
)
def empty_messages_is_400(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request without a message is refused with 400 or 422."""
    yield from _not_a_bad_value(group, "a request without a message")


def _is_meant_to_be_answered(evidence: Evidence) -> bool:
    label = evidence.exchange.label
    return label is None or label.expects == "answer"


_WITH_A_REASON: Final = frozenset({400, 401, 403, 429, 500, 503})


@rule(
    "errors.status-has-its-own-reason",
    dialects=CHAT,
    standard=None,
    vapi=MAY,
    source="Vapi, call ended reasons: the values for custom-llm",
    remedy="Refuse with 400, 401, 403, 429, 500 or 503; then the call's ended reason says what went wrong.",
    applies=lambda evidence: evidence.is_refusal and _is_meant_to_be_answered(evidence),
)
def status_has_its_own_reason(evidence: Evidence) -> Iterator[Violation]:
    """A call that ends by a refusal has an ended reason of its own for the status."""
    if evidence.status not in _WITH_A_REASON:
        expected = f"one of {', '.join(map(str, sorted(_WITH_A_REASON)))}"
        yield Violation(expected=expected, actual=f"status {evidence.status}, for which Vapi has llm-failed only")


_ACCEPTANCE_HAS_ITS_OWN_RULE: Final = frozenset(
    {
        "accept",
        "auth",
        "custom-headers",
        "filler-beside-calls",
        "gemini-query-key",
        "greeting",
        "header-case",
        "json-mode",
        "max-tokens",
        "merged-answer",
        "message-without-content",
        "metadata-modes",
        "minimal",
        "responses-input",
        "responses-replay",
        "seed",
        "stop",
        "tool-result",
        "tool-results-parallel",
        "tool-sentinels",
        "user-after-tool",
    }
)
_STEPS_WITH_THEIR_OWN_RULE: Final = frozenset(
    {
        ("disconnect", "follow-up"),
        ("expired-token", "refreshed"),
        ("keep-alive", "second"),
        ("unknown-keys", "extra"),
    }
)
_KEY_HELPS: Final = frozenset({401, 403})


@rule(
    "errors.well-formed-request-is-answered",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="the API's description of its path; Vapi, call ended reasons: a refusal ends the call",
    remedy="Answer what the API describes. If it was 401 or 403: give the tool the key that the endpoint wants.",
    applies=lambda evidence: (
        (label := evidence.exchange.label) is not None
        and label.expects == "answer"
        and label.scenario not in _ACCEPTANCE_HAS_ITS_OWN_RULE
        and (label.scenario, label.step) not in _STEPS_WITH_THEIR_OWN_RULE
    ),
)
def well_formed_request_is_answered(evidence: Evidence) -> Iterator[Violation]:
    """A request that a sound endpoint answers is answered, not refused."""
    if not evidence.is_refusal:
        return
    words = reported_error(error) if (error := sent_error(evidence)) is not None else "no error object"
    sent_key = any(name.lower() == b"authorization" for name, _ in evidence.exchange.request.headers)
    hint = "" if sent_key or evidence.status not in _KEY_HELPS else "; the request carried no key"
    yield Violation(expected="an answer", actual=f"status {evidence.status}, {words}{hint}")
