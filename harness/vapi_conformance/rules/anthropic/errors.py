"""Messages: refusals in the API's own form, and the id by which its support finds a request."""

from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_none, object_or_nothing, string_or_none
from vapi_conformance.rules.anthropic.view import DOCS, MESSAGES, TYPES
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe, quote
from vapi_conformance.rules.reported_error import error_payload, sent_error
from vapi_conformance.rules.rule import MUST, SHOULD, Need, Violation, rule
from vapi_conformance.schema import errors as schema_errors

__all__ = [
    "error_has_a_message",
    "error_has_a_type",
    "error_is_an_object",
    "error_says_its_type",
    "error_type_fits_the_status",
    "refusal_names_the_request",
    "request_id_is_sent",
]

_ERRORS: Final = f"{DOCS}, errors"
_TYPES_BY_STATUS: Final[Mapping[int, tuple[str, ...]]] = {
    400: ("invalid_request_error",),
    401: ("authentication_error",),
    402: ("billing_error",),
    403: ("permission_error",),
    404: ("not_found_error",),
    413: ("request_too_large",),
    429: ("rate_limit_error",),
    500: ("api_error",),
    504: ("timeout_error",),
    529: ("overloaded_error",),
}
_OUR_CLIENT: Final = "vapi-conformance"
_BESIDE_THE_API: Final = frozenset({"unknown-path", "full-url", "wrong-method"})
"""Probes of what the router answers and not the API."""


_NO_TOKEN: Final = 401
"""That its body has an error with a message is judged by auth.refusal-has-an-error-body."""
_OF_A_ROUTER: Final = frozenset({_NO_TOKEN, 405, 413})
"""405 and 413 come from a router or a proxy as well, which know nothing of this API."""


def _is_a_refusal(evidence: Evidence) -> bool:
    label = evidence.exchange.label
    return evidence.is_refusal and (label is None or label.scenario not in _BESIDE_THE_API)


def _has_json(evidence: Evidence) -> bool:
    """A body that is no JSON breaks errors.body-is-json."""
    return _is_a_refusal(evidence) and error_payload(evidence).error is None


def _error(evidence: Evidence) -> Mapping[str, object] | None:
    """The error object of a refusal."""
    return object_or_none(sent_error(evidence)) if _is_a_refusal(evidence) else None


def _claimed(evidence: Evidence, rule_id: str, expected: str) -> Iterator[Violation]:
    """What the schema of errors says against the body in the name of this rule."""
    yield from at_most(
        Violation(expected=expected, actual=f"{each.pointer or 'the body'}: {each.message}")
        for each in schema_errors("anthropic/error", error_payload(evidence).value)
        if each.rule == rule_id
    )


@rule(
    "anthropic.error-is-an-object",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_ERRORS}, error shapes",
    catalogue=["ANTH-13", "ERR-01"],
    remedy='Send {"type": "error", "error": {"type": "...", "message": "..."}}.',
    applies=lambda evidence: _has_json(evidence) and evidence.status not in _OF_A_ROUTER,
)
def error_is_an_object(evidence: Evidence) -> Iterator[Violation]:
    """The body of a refusal is an object with an object `error`."""
    return _claimed(evidence, "anthropic.error-is-an-object", 'an object with the key "error", an object')


@rule(
    "anthropic.error-has-a-message",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{TYPES}/shared/error_object.py, message",
    catalogue=["ANTH-13"],
    remedy="Say in error.message, in a sentence for people, what is wrong.",
    applies=lambda evidence: _error(evidence) is not None and evidence.status != _NO_TOKEN,
)
def error_has_a_message(evidence: Evidence) -> Iterator[Violation]:
    """The error of a refusal has a `message`, a string that is not empty."""
    return _claimed(evidence, "anthropic.error-has-a-message", "a message, as a string that is not empty")


@rule(
    "anthropic.error-has-a-type",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{TYPES}/shared/error_object.py, type",
    catalogue=["ANTH-13"],
    remedy="Name the kind of error in error.type; programs tell errors apart by it.",
    applies=lambda evidence: _error(evidence) is not None,
)
def error_has_a_type(evidence: Evidence) -> Iterator[Violation]:
    """The error of a refusal has a `type`, a string that is not empty."""
    return _claimed(evidence, "anthropic.error-has-a-type", "a type, as a string that is not empty")


@rule(
    "anthropic.error-says-its-type",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_ERRORS}, error shapes; {TYPES}/shared/error_response.py, type",
    catalogue=["ANTH-13"],
    remedy='Send {"type": "error", "error": {"type": "...", "message": "..."}}.',
    applies=lambda evidence: _error(evidence) is not None,
)
def error_says_its_type(evidence: Evidence) -> Iterator[Violation]:
    """The body of a refusal has the `type` error beside the error."""
    kind = object_or_nothing(error_payload(evidence).value).get("type")
    if kind != "error":
        yield Violation(expected='"type": "error" beside the error', actual=describe(kind))


@rule(
    "anthropic.error-type-fits-the-status",
    dialects=MESSAGES,
    standard=MUST,
    source=f"{_ERRORS}, HTTP errors",
    catalogue=["ANTH-13"],
    remedy="Send the type that belongs to the status, such as rate_limit_error with 429.",
    applies=lambda evidence: (
        evidence.status in _TYPES_BY_STATUS and bool(string_or_none((_error(evidence) or {}).get("type")))
    ),
)
def error_type_fits_the_status(evidence: Evidence) -> Iterator[Violation]:
    """The type of an error is the one that belongs to the status."""
    kind = string_or_none((_error(evidence) or {}).get("type")) or ""
    expected = _TYPES_BY_STATUS[evidence.status or 0]
    if kind not in expected:
        yield Violation(
            expected=f"{' or '.join(expected)} with status {evidence.status}", actual=f"error.type {quote(kind)}"
        )


@rule(
    "anthropic.refusal-names-the-request",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{_ERRORS}, error shapes: request_id; observed: absent in older answers",
    catalogue=["ANTH-13"],
    remedy="Send request_id in the body too; logs keep bodies where they lose headers.",
    applies=lambda evidence: _error(evidence) is not None,
)
def refusal_names_the_request(evidence: Evidence) -> Iterator[Violation]:
    """The body of a refusal names the request in `request_id`."""
    name = object_or_nothing(error_payload(evidence).value).get("request_id")
    if not isinstance(name, str) or not name:
        yield Violation(expected="request_id, as a string that is not empty", actual=describe(name))


def _kept_headers(evidence: Evidence) -> bool:
    """Some recorders keep a handful of fields. An answer without Date, which servers have to send (RFC 9110, 6.6.1),
    was recorded by one of them; our own client keeps all there are.
    """
    return evidence.exchange.capture.recorder == _OUR_CLIENT or bool(evidence.header("date"))


@rule(
    "anthropic.request-id-is-sent",
    dialects=MESSAGES,
    standard=SHOULD,
    source=f"{_ERRORS}, request id: every response has the header request-id",
    catalogue=["ANTH-14"],
    remedy="Send a request-id with every answer, and write it to your log.",
    needs=[Need.HEADERS],
    applies=lambda evidence: _kept_headers(evidence) and (evidence.is_success or _error(evidence) is not None),
)
def request_id_is_sent(evidence: Evidence) -> Iterator[Violation]:
    """Every answer has the header `request-id`."""
    if not any(value.strip() for value in evidence.header("request-id")):
        yield Violation(expected="the header request-id", actual="none")
