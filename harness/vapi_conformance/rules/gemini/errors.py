"""Gemini's refusals: an error object with the status once more, as number and name; in an array only where one is due.

What else is asked of refusals in all APIs is said in `errors`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from vapi_conformance.dialects.gemini.request import wants_sse
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_none, array_or_nothing, integer_or_none, object_or_none, object_or_nothing
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.gemini.view import GEMINI
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.reported_error import error_payload
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule
from vapi_conformance.schema import errors as schema_errors

__all__ = [
    "error_code_equals_the_status",
    "error_code_is_an_integer",
    "error_details_are_typed",
    "error_has_a_message",
    "error_is_an_object",
    "error_is_wrapped_only_in_streams",
    "error_status_fits_the_code",
    "error_status_is_a_name",
]

_STATUS: Final = "google.rpc.Status as JSON, AIP-193"
_CODES: Final[Mapping[str, int]] = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
}
"""google.rpc.Code: the HTTP status of each."""


_OF_A_ROUTER: Final = frozenset({405, 413})
"""They come from a router or a proxy as well, which know nothing of this API."""
_BESIDE_THE_API: Final = frozenset({"unknown-path", "full-url", "wrong-method"})
"""Probes of what the router answers and not the API."""
_JUDGED_BY_AUTH: Final = 401
"""That its body has an error with a message is judged by auth.refusal-has-an-error-body."""


def _document(evidence: Evidence) -> object:
    """The body of a refusal as JSON, or the one element of an array."""
    value = error_payload(evidence).value
    items = array_or_nothing(value)
    return items[0] if len(items) == 1 else value


def _error(evidence: Evidence) -> Mapping[str, object] | None:
    """The error object of a refusal, in an array or not; None where there is none."""
    return object_or_none(object_or_nothing(_document(evidence)).get("error"))


def _owes_an_error(evidence: Evidence) -> bool:
    """A body that is no JSON breaks errors.body-is-json."""
    label = evidence.exchange.label
    return (
        evidence.is_refusal
        and evidence.status not in _OF_A_ROUTER
        and (label is None or label.scenario not in _BESIDE_THE_API)
        and error_payload(evidence).error is None
    )


def _has_error(evidence: Evidence) -> bool:
    return _owes_an_error(evidence) and _error(evidence) is not None


def _claimed(evidence: Evidence, rule_id: str) -> Iterator[Violation]:
    """What the schema of errors says against the body in the name of this rule."""
    return at_most(
        Violation(expected=each.expected or "an object with an error", actual=f"{each.pointer}: {each.message}")
        for each in schema_errors("gemini/error", _document(evidence))
        if each.rule == rule_id
    )


@rule(
    "gemini.error-is-an-object",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_STATUS}; python-genai 3.4, errors.APIError",
    catalogue=["GEM-20", "ERR-01"],
    remedy='Send {"error": {"code": 400, "message": "...", "status": "INVALID_ARGUMENT"}} with each refusal.',
    applies=lambda evidence: _owes_an_error(evidence) and evidence.status != _JUDGED_BY_AUTH,
)
def error_is_an_object(evidence: Evidence) -> Iterator[Violation]:
    """The body of a refusal is an object with an object `error`."""
    return _claimed(evidence, "gemini.error-is-an-object")


@rule(
    "gemini.error-has-a-message",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_STATUS}; python-genai 3.4, errors.APIError.message",
    catalogue=["GEM-20", "ERR-01"],
    remedy="Say in error.message, in a sentence for people, what is wrong.",
    applies=lambda evidence: _has_error(evidence) and evidence.status != _JUDGED_BY_AUTH,
)
def error_has_a_message(evidence: Evidence) -> Iterator[Violation]:
    """`error.message` is a string and not empty."""
    return _claimed(evidence, "gemini.error-has-a-message")


@rule(
    "gemini.error-code-is-an-integer",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_STATUS}; python-genai 3.4, errors.APIError.code",
    catalogue=["GEM-20", "ERR-01"],
    remedy="Send the HTTP status in error.code, as an integer.",
    applies=_has_error,
)
def error_code_is_an_integer(evidence: Evidence) -> Iterator[Violation]:
    """`error.code` is there, and an integer."""
    return _claimed(evidence, "gemini.error-code-is-an-integer")


@rule(
    "gemini.error-code-equals-the-status",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_STATUS}; observed on every refusal",
    catalogue=["GEM-20"],
    remedy="Send the HTTP status of the response in error.code.",
    applies=lambda evidence: _has_error(evidence) and _code(evidence) is not None,
)
def error_code_equals_the_status(evidence: Evidence) -> Iterator[Violation]:
    """`error.code` is the HTTP status."""
    code = _code(evidence)
    if code != evidence.status:
        yield Violation(expected=f"error.code {evidence.status}", actual=str(code))


def _code(evidence: Evidence) -> int | None:
    code = integer_or_none((_error(evidence) or {}).get("code"))
    return code if code is not None and 100 <= code <= 599 else None  # noqa: PLR2004 - RFC 9110, 15; others are no codes


@rule(
    "gemini.error-status-is-a-name",
    dialects=GEMINI,
    standard=MUST,
    source=f"{_STATUS}; python-genai 3.4, errors.APIError.status",
    catalogue=["GEM-20", "ERR-01"],
    remedy='Send in error.status the name of the code, such as "INVALID_ARGUMENT".',
    applies=_has_error,
)
def error_status_is_a_name(evidence: Evidence) -> Iterator[Violation]:
    """`error.status` is there, and a name in capitals."""
    return _claimed(evidence, "gemini.error-status-is-a-name")


@rule(
    "gemini.error-status-fits-the-code",
    dialects=GEMINI,
    standard=SHOULD,
    source="google.rpc.Code: each value is mapped to one HTTP status",
    catalogue=["GEM-20"],
    remedy="Send the pair that belongs together: 400 INVALID_ARGUMENT, 404 NOT_FOUND, 429 RESOURCE_EXHAUSTED.",
    applies=lambda evidence: _has_error(evidence) and isinstance((_error(evidence) or {}).get("status"), str),
)
def error_status_fits_the_code(evidence: Evidence) -> Iterator[Violation]:
    """`error.status` is the name of a status like the one of the response."""
    name = (_error(evidence) or {}).get("status")
    if isinstance(name, str) and name in _CODES and _CODES[name] != evidence.status:
        yield Violation(expected=f"the name of a status {evidence.status}", actual=f"{name}, which is {_CODES[name]}")


@rule(
    "gemini.error-details-are-typed",
    dialects=GEMINI,
    standard=MAY,
    source=f"{_STATUS}: each detail is a google.protobuf.Any, and says its type",
    catalogue=["GEM-20"],
    remedy='Send details as an array of objects, each with its "@type", or leave them out.',
    applies=lambda evidence: _has_error(evidence) and "details" in (_error(evidence) or {}),
)
def error_details_are_typed(evidence: Evidence) -> Iterator[Violation]:
    """`error.details` is an array of objects, each of which says its `@type`."""
    return _claimed(evidence, "gemini.error-details-are-typed")


@rule(
    "gemini.error-is-wrapped-only-in-streams",
    dialects=GEMINI,
    standard=SHOULD,
    source="observed: a refusal comes in an array where a stream was asked for without alt=sse, and nowhere else",
    catalogue=["ERR-14"],
    remedy="Send the error as an object; an array is for streamGenerateContent without alt=sse.",
    needs=[Need.REQUEST],
    applies=_has_error,
)
def error_is_wrapped_only_in_streams(evidence: Evidence) -> Iterator[Violation]:
    """A refusal is an array only where an array was due: for a stream without `alt=sse`."""
    items = array_or_none(error_payload(evidence).value)
    asked = evidence.request is not None and evidence.request.stream and not wants_sse(evidence.exchange.request.url)
    if items is not None and not asked:
        text = evidence.body[:60].decode(errors="replace")
        yield Violation(expected="an object with an error", actual=f"an array with one: {quote(text)}")
