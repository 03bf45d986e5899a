"""The body and the headers of a refusal, and what must not be in them. Its status is judged in `error_status`.

The body of a 401 is judged by `auth.refusal-has-an-error-body` alone.
"""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.names import OPENAI, Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.indiscretion import indiscretions
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.reported_error import error_payload, sent_error
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule
from vapi_conformance.schema import errors as schema_errors

__all__ = [
    "body_is_json",
    "error_is_an_object",
    "fields_are_typed",
    "media_type_is_json",
    "message_is_a_string",
    "no_retry_hint_on_4xx",
    "retry_after_is_sent",
    "text_is_discreet",
]

_ERROR: Final = "openai-openapi 2.3.0, ErrorResponse"
_SCHEMA: Final = "openai/error"

_JUDGED_BY_AUTH: Final = 401
_WITHOUT_ERROR_BODY: Final = frozenset({_JUDGED_BY_AUTH, 405, 413})
"""405 and 413 come from the router or a proxy before the API is reached; the API description has no body for them."""
_BESIDE_THE_API: Final = frozenset({"unknown-path", "full-url"})
"""Probes of paths that need not exist: the 404 is the router's, and says nothing about the refusals of the API."""
_SERVER_ERRORS: Final = 500


def _owes_error_body(evidence: Evidence) -> bool:
    label = evidence.exchange.label
    if label is not None and label.scenario in _BESIDE_THE_API:
        return False
    return evidence.is_refusal and evidence.status not in _WITHOUT_ERROR_BODY


def _has_json(evidence: Evidence) -> bool:
    return _owes_error_body(evidence) and error_payload(evidence).error is None


def _has_error_object(evidence: Evidence) -> bool:
    return _has_json(evidence) and object_or_none(sent_error(evidence)) is not None


def _claimed(evidence: Evidence, rule_id: str, expected: str) -> Iterator[Violation]:
    """What the schema of errors says against the body in the name of this rule."""
    yield from at_most(
        Violation(expected=expected, actual=f"{each.pointer or 'the body'}: {each.message}")
        for each in schema_errors(_SCHEMA, error_payload(evidence).value)
        if each.rule == rule_id
    )


@rule(
    "errors.body-is-json",
    standard=MUST,
    vapi=SHOULD,
    source=_ERROR,
    catalogue=["ERR-01"],
    remedy="Send a JSON body with each refusal, the server's own 500 included.",
    applies=_owes_error_body,
)
def body_is_json(evidence: Evidence) -> Iterator[Violation]:
    """A refusal has a body, and it is JSON."""
    if not evidence.body.strip():
        yield Violation(expected="a JSON body", actual="no body")
    elif (problem := error_payload(evidence).error) is not None:
        text = evidence.body[:200].decode(errors="replace").strip()
        # Of "404 Not Found" a parser takes the number and stumbles over the rest; where the stumbling is tells nothing.
        reason = f" ({problem})" if text.startswith(("{", "[")) else ", which is no JSON"
        yield Violation(
            expected="a JSON body", actual=f"{quote(text, limit=60)}{reason}", start=0, end=len(evidence.body)
        )


@rule(
    "errors.error-is-an-object",
    dialects=OPENAI,
    standard=MUST,
    vapi=SHOULD,
    source=_ERROR,
    catalogue=["ERR-02"],
    remedy='Send {"error": {"message": "...", "type": "...", "param": null, "code": null}}.',
    applies=_has_json,
)
def error_is_an_object(evidence: Evidence) -> Iterator[Violation]:
    """The body of a refusal is an object with an object `error`."""
    yield from _claimed(evidence, "errors.error-is-an-object", 'an object with the key "error", an object')


@rule(
    "errors.message-is-a-string",
    dialects=OPENAI,
    standard=MUST,
    vapi=SHOULD,
    source=f"{_ERROR}, Error.message",
    catalogue=["ERR-03"],
    remedy="Say in error.message, in a sentence for people, what is wrong.",
    applies=_has_error_object,
)
def message_is_a_string(evidence: Evidence) -> Iterator[Violation]:
    """`error.message` is a string and not empty."""
    yield from _claimed(evidence, "errors.message-is-a-string", "a message, as a string that is not empty")


@rule(
    "errors.fields-are-typed",
    dialects=OPENAI,
    standard=SHOULD,
    vapi=MAY,
    source=f"{_ERROR}, Error: type, param and code are required, the latter two nullable",
    catalogue=["ERR-03"],
    remedy="Send type as a string, and param and code as strings or null; numbers belong into the status.",
    applies=_has_error_object,
)
def fields_are_typed(evidence: Evidence) -> Iterator[Violation]:
    """`error` has `type`, a string, and `param` and `code`, each a string or null."""
    yield from _claimed(evidence, "errors.fields-are-typed", "type a string; param and code strings or null")


def _kept_headers(evidence: Evidence) -> bool:
    """No response is without headers; a record without any comes from a recorder that dropped them."""
    return evidence.exchange.response is not None and bool(evidence.exchange.response.headers)


@rule(
    "errors.media-type-is-json",
    standard=MUST,
    vapi=SHOULD,
    source=f"{_ERROR}; RFC 8259, 11",
    catalogue=["ERR-04"],
    remedy="Send Content-Type: application/json with a refusal.",
    needs=[Need.HEADERS],
    applies=lambda evidence: (
        evidence.is_refusal
        and _kept_headers(evidence)
        and bool(evidence.body.strip())
        and error_payload(evidence).error is None
        and evidence.media_type != "text/event-stream"  # that is http.error-is-not-an-event-stream
    ),
)
def media_type_is_json(evidence: Evidence) -> Iterator[Violation]:
    """A refusal that is JSON is labelled `application/json`."""
    if evidence.media_type != "application/json":
        actual = quote(evidence.media_type) if evidence.media_type else "no Content-Type"
        yield Violation(expected="Content-Type application/json", actual=actual)


def _told(evidence: Evidence) -> Iterator[tuple[str, int]]:
    """Texts that report an error, each with the byte at which it starts."""
    if evidence.is_refusal:
        yield evidence.body.decode(errors="replace"), 0
        return
    for index in evidence.transcript.errors:
        chunk = evidence.transcript.chunks[index]
        yield chunk.payload.raw, chunk.start


@rule(
    "errors.text-is-discreet",
    standard=SHOULD,
    vapi=SHOULD,
    source="CWE-209: error messages with sensitive information",
    catalogue=["ERR-13"],
    remedy="Keep stack traces, file paths and keys in your own log; send the caller a sentence and a request id.",
    applies=lambda evidence: any(text.strip() for text, _ in _told(evidence)),
)
def text_is_discreet(evidence: Evidence) -> Iterator[Violation]:
    """An error shows no stack trace, no path of the server's files and no key."""
    yield from at_most(
        Violation(expected="an error without inner workings", actual=f"{what}: {quote(text)}", start=start, end=None)
        for told, start in _told(evidence)
        for what, text in indiscretions(told)
    )


_BUSY: Final = frozenset({429, 503})
_MAY_BE_RETRIED: Final = frozenset({408, 409, 413, 425, 429})
"""408, 409 and 429: official clients try again. 413 and 425: RFC 9110, 15.5.14, and RFC 8470, 5.2, invite it."""


def _is_out_of_quota(evidence: Evidence) -> bool:
    """No wait helps who has no money left."""
    error = object_or_nothing(sent_error(evidence))
    return "insufficient_quota" in (error.get("code"), error.get("type"))


def _has_retry_info(evidence: Evidence) -> bool:
    """Google says in the body when to come back."""
    details = array_or_nothing(object_or_nothing(sent_error(evidence)).get("details"))
    return any(
        (string_or_none(each.get("@type")) or "").endswith("/google.rpc.RetryInfo")
        and bool(string_or_none(each.get("retryDelay")))
        for each in map(object_or_nothing, details)
    )


@rule(
    "errors.retry-after-is-sent",
    standard=SHOULD,
    vapi=MAY,
    source="RFC 9110, 10.2.3; RFC 6585, 4; Gemini, google.rpc.RetryInfo among error.details",
    catalogue=["ERR-07"],
    remedy="Send Retry-After in seconds with 429 and 503.",
    needs=[Need.HEADERS],
    applies=lambda evidence: evidence.status in _BUSY and not _is_out_of_quota(evidence),
)
def retry_after_is_sent(evidence: Evidence) -> Iterator[Violation]:
    """A 429 or 503 says when to come back."""
    if evidence.header("retry-after") or evidence.header("retry-after-ms"):
        return
    if evidence.dialect is not Dialect.GEMINI_GENERATE_CONTENT or not _has_retry_info(evidence):
        yield Violation(expected="Retry-After", actual=f"status {evidence.status} without it")


@rule(
    "errors.no-retry-hint-on-4xx",
    standard=SHOULD,
    vapi=MAY,
    source="observed: openai-python retries on x-should-retry: true, whatever the status is",
    catalogue=["ERR-08"],
    remedy="Send no Retry-After and no x-should-retry: true where the same request will fail again.",
    needs=[Need.HEADERS],
    applies=lambda evidence: (
        evidence.is_refusal and (evidence.status or 0) < _SERVER_ERRORS and evidence.status not in _MAY_BE_RETRIED
    ),
)
def no_retry_hint_on_4xx(evidence: Evidence) -> Iterator[Violation]:
    """A refusal that will be repeated as often as the request is, does not invite to try again."""
    hints = [name for name in ("Retry-After", "retry-after-ms") if evidence.header(name)]
    if "true" in [value.lower() for value in evidence.header("x-should-retry")]:
        hints.append("x-should-retry: true")
    if hints:
        yield Violation(expected="no hint to try again", actual=f"status {evidence.status} with {', '.join(hints)}")
