"""Keys: the right one is accepted, every other refused with 401, and none is ever shown."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from vapi_conformance.auth import MOST_WAITED_S
from vapi_conformance.dialects.names import BUT_GEMINI, CHAT, OPENAI
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import MASK
from vapi_conformance.narrow import object_or_none, string_or_none
from vapi_conformance.rules.reported_error import error_payload
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Need, Violation, rule, scenario_rule
from vapi_conformance.rules.steps import by_step

__all__ = [
    "bearer_is_accepted",
    "custom_headers_are_accepted",
    "expired_token_is_401",
    "key_is_not_echoed",
    "missing_key_is_401",
    "refreshed_token_is_accepted",
    "refusal_has_an_error_body",
    "refusal_names_its_scheme",
    "wrong_key_is_401",
]

_UNAUTHORIZED: Final = 401
_SHORTEST_MASK: Final = 8
"""Below that, a run of masked bytes says nothing: people draw lines of asterisks."""
_MASKED: Final = re.compile(re.escape(MASK) + rb"+")


def _has_step(step: str) -> Callable[[Sequence[Evidence]], bool]:
    return lambda group: step in by_step(group)


def _not_401(group: Sequence[Evidence], step: str, what: str) -> Iterator[Violation]:
    place, evidence = by_step(group)[step]
    if evidence.status != _UNAUTHORIZED:
        yield Violation(expected=f"status 401 for {what}", actual=f"status {evidence.status}", step=place)


@scenario_rule(
    "auth.bearer-is-accepted",
    dialects=OPENAI,
    scenarios=("auth",),
    standard=MUST,
    vapi=MUST,
    both=True,
    source="openai-openapi 2.3.0, securitySchemes.ApiKeyAuth; RFC 6750, 2.1",
    catalogue=["AUTH-01"],
    remedy="Take the key from Authorization: Bearer; letter case matters in neither name, only in the key.",
    applies=_has_step("right"),
)
def bearer_is_accepted(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request with the right key in `Authorization: Bearer` is answered."""
    step, evidence = by_step(group)["right"]
    if evidence.is_refusal:
        yield Violation(expected="an answer to the right key", actual=f"status {evidence.status}", step=step)


@scenario_rule(
    "auth.missing-key-is-401",
    dialects=BUT_GEMINI,
    scenarios=("auth",),
    standard=MUST,
    vapi=MUST,
    both=True,
    source="RFC 9110, 15.5.2; Vapi, call ended reasons: 401 has one of its own",
    catalogue=["AUTH-02", "VAPI-11"],
    remedy="Refuse a request without a key with 401: whoever finds the address could use the model otherwise.",
    applies=_has_step("missing"),
)
def missing_key_is_401(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request without a key is refused with 401."""
    yield from _not_401(group, "missing", "a request without a key")


@scenario_rule(
    "auth.wrong-key-is-401",
    dialects=BUT_GEMINI,
    scenarios=("auth",),
    standard=MUST,
    vapi=MUST,
    both=True,
    source="RFC 9110, 15.5.2; Vapi, call ended reasons: 401 has one of its own",
    catalogue=["AUTH-02", "VAPI-11"],
    remedy="Compare the key, and refuse a wrong one with 401.",
    applies=_has_step("wrong"),
)
def wrong_key_is_401(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request with a wrong key is refused with 401."""
    yield from _not_401(group, "wrong", "a wrong key")


def _saw_a_token_expire(step: str) -> Callable[[Sequence[Evidence]], bool]:
    """Whether a token that was accepted in its time was tried after it, and this step played."""

    def applies(group: Sequence[Evidence]) -> bool:
        steps = by_step(group)
        return "fresh" in steps and steps["fresh"][1].is_success and "expired" in steps and step in steps

    return applies


def _why_none_expired(group: Sequence[Evidence]) -> str:
    steps = by_step(group)
    if "fresh" in steps and not steps["fresh"][1].is_success:
        return f"a token in force was not accepted (status {steps['fresh'][1].status})"
    lifetime_s = group[0].conditions.token_lifetime_s
    if lifetime_s is None:
        return "the token endpoint does not say how long its tokens live, so none was waited out"
    return f"access tokens live {lifetime_s:g} s here; one is waited out where that is {MOST_WAITED_S:g} s at most"


@scenario_rule(
    "auth.expired-token-is-401",
    dialects=CHAT,
    scenarios=("expired-token",),
    standard=SHOULD,
    vapi=SHOULD,
    both=True,
    source="RFC 6750, 3.1: invalid_token, with status 401",
    remedy="Look at the token's time with each request, and refuse it with 401 when that is over.",
    optional=True,
    applies=_saw_a_token_expire("expired"),
    why_unjudged=_why_none_expired,
)
def expired_token_is_401(group: Sequence[Evidence]) -> Iterator[Violation]:
    """An access token whose time is over is refused with 401.

    Its time is over by a second more than its endpoint said. Whoever allows for clocks that differ by more than that
    does so on purpose; therefore no MUST.
    """
    yield from _not_401(group, "expired", "an access token whose time is over")


@scenario_rule(
    "auth.refreshed-token-is-accepted",
    dialects=CHAT,
    scenarios=("expired-token",),
    standard=MUST,
    vapi=MUST,
    both=True,
    source="RFC 6750, 3.1: the client may request a new access token and retry; Vapi, Using your server: it renews",
    remedy="Judge each token by itself: one fetched later, also in the same call, counts as much as the first.",
    optional=True,
    applies=_saw_a_token_expire("refreshed"),
    why_unjudged=_why_none_expired,
)
def refreshed_token_is_accepted(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request with an access token that was fetched after an earlier one had expired is answered."""
    step, evidence = by_step(group)["refreshed"]
    if evidence.is_refusal:
        yield Violation(expected="an answer to the new token", actual=f"status {evidence.status}", step=step)


def _is_unauthorized(evidence: Evidence) -> bool:
    return evidence.status == _UNAUTHORIZED


@rule(
    "auth.refusal-names-its-scheme",
    dialects=OPENAI,
    standard=SHOULD,
    vapi=MAY,
    source="RFC 9110, 15.5.2 and 11.6.1",
    catalogue=["AUTH-03"],
    remedy="Send WWW-Authenticate: Bearer with each 401.",
    needs=[Need.HEADERS],
    applies=_is_unauthorized,
)
def refusal_names_its_scheme(evidence: Evidence) -> Iterator[Violation]:
    """A 401 says in `WWW-Authenticate` that it wants a bearer token."""
    challenges = evidence.header("www-authenticate")
    if not any("bearer" in challenge.lower() for challenge in challenges):
        actual = f"WWW-Authenticate: {', '.join(challenges)[:80]}" if challenges else "no such header"
        yield Violation(expected="WWW-Authenticate: Bearer", actual=actual)


@rule(
    "auth.refusal-has-an-error-body",
    dialects=BUT_GEMINI,
    standard=MUST,
    vapi=SHOULD,
    source="openai-openapi 2.3.0, ErrorResponse",
    catalogue=["AUTH-02", "ERR-01"],
    remedy='Send {"error": {"message", "type", "param", "code"}} with 401, as with every other refusal.',
    applies=_is_unauthorized,
)
def refusal_has_an_error_body(evidence: Evidence) -> Iterator[Violation]:
    """A 401 says in the error object of the API what is wrong with the key."""
    expected = "a JSON object with an error object with a message"
    payload = error_payload(evidence)
    record = object_or_none(payload.value)
    if not evidence.body.strip():
        yield Violation(expected=expected, actual="no body")
    elif payload.error is not None or record is None:
        yield Violation(expected=expected, actual=payload.error or "JSON, but no object")
    elif (error := object_or_none(record.get("error"))) is None:
        yield Violation(expected=expected, actual="an object without an error object")
    elif not string_or_none(error.get("message")):
        yield Violation(expected=expected, actual="an error object without a message")


def _mask_length(evidence: Evidence) -> int | None:
    """How long a mask our client wrote over the key in the request; the shortest where it masked several."""
    if evidence.exchange.capture.recorder != "vapi-conformance":
        return None  # other recorders mask requests only, or by fixed words
    runs = [len(run) for _, value in evidence.exchange.request.headers for run in _MASKED.findall(value)]
    return min((length for length in runs if length >= _SHORTEST_MASK), default=None)


@rule(
    "auth.key-is-not-echoed",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="RFC 6750, 5.3: bearer tokens are kept from unintended parties",
    catalogue=["AUTH-04", "VAPI-13"],
    remedy="Never put the key into an answer or a header; show its first and last letters at most.",
    applies=lambda evidence: _mask_length(evidence) is not None,
)
def key_is_not_echoed(evidence: Evidence) -> Iterator[Violation]:
    """The key that the request carries does not come back in the answer.

    Our client writes a mask over each appearance of the key, in what it sent and in what it got, byte for byte. So a
    run of asterisks as long as the mask in the request is the key, come back. A server's own mask that shows some
    letters of it is shorter.
    """
    length = _mask_length(evidence)
    if length is None or evidence.exchange.response is None:
        return
    for name, value in evidence.exchange.response.headers:
        if any(len(run) >= length for run in _MASKED.findall(value)):
            shown = name.decode("latin-1")[:40]
            yield Violation(expected="no key in the answer", actual=f"the whole key in the header {shown}")
    found = next((run for run in _MASKED.finditer(evidence.body) if len(run[0]) >= length), None)
    if found is not None:
        actual = f"the whole key in the body, at byte {found.start()}"
        yield Violation(expected="no key in the answer", actual=actual, start=found.start(), end=found.end())
    elif any(
        len(run) >= length
        for each in evidence.transcript.choices
        for run in _MASKED.findall(each.text.encode(errors="replace"))
    ):
        yield Violation(expected="no key in the answer", actual="the whole key in the words of the answer, in pieces")


@scenario_rule(
    "auth.custom-headers-are-accepted",
    scenarios=("custom-headers",),
    standard=SHOULD,
    vapi=SHOULD,
    source="Vapi OpenAPI, CustomLLMModel.headers; RFC 9110, 5.1: unknown fields are ignored",
    catalogue=["AUTH-09"],
    remedy="Ignore header fields that you do not know.",
    applies=_has_step("stream"),
)
def custom_headers_are_accepted(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A request with header fields of the user's own, such as Vapi adds from `model.headers`, is answered."""
    step, evidence = by_step(group)["stream"]
    if evidence.is_refusal:
        yield Violation(expected="an answer", actual=f"status {evidence.status}", step=step)
