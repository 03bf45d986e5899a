"""Keys at Gemini: taken from a header and from the URL, and refused in its own way where they are wrong or missing."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.rules.gemini.view import GEMINI
from vapi_conformance.rules.reported_error import error_payload
from vapi_conformance.rules.rule import MAY, MUST, Violation, scenario_rule
from vapi_conformance.rules.steps import by_step

__all__ = [
    "key_header_is_accepted",
    "missing_key_is_permission_denied",
    "missing_key_is_refused",
    "query_key_is_accepted",
    "wrong_key_is_named",
    "wrong_key_is_refused",
]

_CLIENT: Final = "python-genai 3.4, _api_client.py"
_REFUSALS: Final = frozenset({400, 401, 403})
"""400 is Google's answer to a wrong key, 403 to none; 401 is Vertex's to both, and everybody else's."""


def _has_step(step: str) -> Callable[[Sequence[Evidence]], bool]:
    return lambda group: step in by_step(group)


def _sent_in_header(group: Sequence[Evidence]) -> bool:
    """Whether the right key was sent as the official client does; some platforms know no header but their own."""
    found = by_step(group).get("right")
    headers = found[1].exchange.request.headers if found else ()
    return any(name.lower() == b"x-goog-api-key" for name, _ in headers)


def _sent_in_url(group: Sequence[Evidence]) -> bool:
    found = by_step(group).get("query")
    url = found[1].exchange.request.url if found else ""
    return "?key=" in url or "&key=" in url


def _refused(group: Sequence[Evidence], step: str) -> Iterator[Violation]:
    place, evidence = by_step(group)[step]
    if evidence.is_refusal:
        yield Violation(expected="an answer to the right key", actual=f"status {evidence.status}", step=place)


@scenario_rule(
    "gemini.key-header-is-accepted",
    dialects=GEMINI,
    scenarios=("auth",),
    standard=MUST,
    source=f"{_CLIENT}: the key is sent in x-goog-api-key",
    catalogue=["AUTH-07"],
    remedy="Take the key from the header x-goog-api-key.",
    optional=True,
    applies=_sent_in_header,
)
def key_header_is_accepted(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request with the right key in `x-goog-api-key` is answered."""
    return _refused(group, "right")


@scenario_rule(
    "gemini.query-key-is-accepted",
    dialects=GEMINI,
    scenarios=("gemini-query-key",),
    standard=MUST,
    source="ai.google.dev/api: the key may be the parameter key of the URL",
    catalogue=["AUTH-07"],
    remedy="Take the key from the parameter key of the URL too: plain HTTP clients send it there.",
    optional=True,
    applies=_sent_in_url,
)
def query_key_is_accepted(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request with the right key in `?key=` is answered."""
    return _refused(group, "query")


def _not_refused(group: Sequence[Evidence], step: str, what: str) -> Iterator[Violation]:
    place, evidence = by_step(group)[step]
    if evidence.status not in _REFUSALS:
        yield Violation(expected=f"status 400, 401 or 403 for {what}", actual=f"status {evidence.status}", step=place)


@scenario_rule(
    "gemini.missing-key-is-refused",
    dialects=GEMINI,
    scenarios=("auth",),
    standard=MUST,
    source="observed: Google refuses a request without a key with 403",
    catalogue=["AUTH-02", "AUTH-08"],
    remedy="Refuse a request without a key: whoever finds the address could use the model otherwise.",
    applies=_has_step("missing"),
)
def missing_key_is_refused(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request without a key is refused with 400, 401 or 403."""
    return _not_refused(group, "missing", "a request without a key")


@scenario_rule(
    "gemini.wrong-key-is-refused",
    dialects=GEMINI,
    scenarios=("auth",),
    standard=MUST,
    source="observed: Google refuses a wrong key with 400",
    catalogue=["AUTH-02", "AUTH-08"],
    remedy="Compare the key, and refuse a wrong one.",
    applies=_has_step("wrong"),
)
def wrong_key_is_refused(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request with a wrong key is refused with 400, 401 or 403."""
    return _not_refused(group, "wrong", "a wrong key")


def _is_refused(step: str) -> Callable[[Sequence[Evidence]], bool]:
    """Not where the key is ignored: that is told by its own rule."""
    return lambda group: (found := by_step(group).get(step)) is not None and found[1].status in _REFUSALS


def _told(evidence: Evidence) -> tuple[object, frozenset[str]]:
    """The name of the status, and the reasons among the details."""
    error = object_or_nothing(object_or_nothing(error_payload(evidence).value).get("error"))
    details = map(object_or_nothing, array_or_nothing(error.get("details")))
    return error.get("status"), frozenset(str(each["reason"]) for each in details if "reason" in each)


@scenario_rule(
    "gemini.wrong-key-is-named",
    dialects=GEMINI,
    scenarios=("auth",),
    standard=MAY,
    source="observed: Google sends 400 INVALID_ARGUMENT with an ErrorInfo of the reason API_KEY_INVALID",
    catalogue=["AUTH-08"],
    remedy="Refuse a wrong key with 400 and the reason API_KEY_INVALID: clients tell it from a bad request by that.",
    applies=_is_refused("wrong"),
)
def wrong_key_is_named(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A wrong key is refused with 400 and the reason API_KEY_INVALID."""
    place, evidence = by_step(group)["wrong"]
    _, reasons = _told(evidence)
    if evidence.status != 400 or "API_KEY_INVALID" not in reasons:  # noqa: PLR2004 - RFC 9110, 15.5.1
        yield Violation(
            expected="status 400 with the reason API_KEY_INVALID",
            actual=f"status {evidence.status} {'with another' if reasons else 'without a'} reason",
            step=place,
        )


@scenario_rule(
    "gemini.missing-key-is-permission-denied",
    dialects=GEMINI,
    scenarios=("auth",),
    standard=MAY,
    source="observed: Google sends 403 PERMISSION_DENIED",
    catalogue=["AUTH-08"],
    remedy="Refuse a request without a key with 403 and the status PERMISSION_DENIED.",
    applies=_is_refused("missing"),
)
def missing_key_is_permission_denied(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request without a key is refused with 403 PERMISSION_DENIED."""
    place, evidence = by_step(group)["missing"]
    name, _ = _told(evidence)
    if evidence.status != 403 or name != "PERMISSION_DENIED":  # noqa: PLR2004 - RFC 9110, 15.5.4
        yield Violation(
            expected="status 403 with PERMISSION_DENIED",
            actual=f"status {evidence.status}" + (f" with {name[:40]}" if isinstance(name, str) else ""),
            step=place,
        )
