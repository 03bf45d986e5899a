"""That only Vapi is let in: the right secret, token or signature, and no other."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from vapi_conformance.evidence import Evidence
from vapi_conformance.rules import auth
from vapi_conformance.rules.rule import MUST, Violation
from vapi_conformance.rules.steps import by_step
from vapi_conformance.rules.webhook.question import webhook_rule, webhook_scenario_rule

__all__ = [
    "missing_secret_is_refused",
    "right_secret_is_accepted",
    "secret_is_not_echoed",
    "wrong_secret_is_refused",
]

_REFUSED: Final = (401, 403)
_PAGE: Final = "Vapi, server authentication; RFC 9110, 15.5.2 and 15.5.4"


def _has_step(step: str) -> Callable[[Sequence[Evidence]], bool]:
    return lambda group: step in by_step(group)


def _not_refused(group: Sequence[Evidence], step: str, what: str) -> Iterator[Violation]:
    place, evidence = by_step(group)[step]
    if evidence.status not in _REFUSED:
        yield Violation(expected=f"status 401 or 403 for {what}", actual=f"status {evidence.status}", step=place)


@webhook_scenario_rule(
    "webhook.missing-secret-is-refused",
    scenarios=["auth"],
    level=MUST,
    source=_PAGE,
    remedy="Refuse a message without the secret, token or signature with 401, before anything is done.",
    applies=_has_step("missing"),
)
def missing_secret_is_refused(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A message that does not show that it is Vapi's is refused with 401 or 403."""
    yield from _not_refused(group, "missing", "a message without a secret")


@webhook_scenario_rule(
    "webhook.wrong-secret-is-refused",
    scenarios=["auth"],
    level=MUST,
    source=_PAGE,
    remedy="Compare the secret or work the signature out, over the bytes as they came, and refuse others with 401.",
    applies=_has_step("wrong"),
)
def wrong_secret_is_refused(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A message with a wrong secret, token or signature is refused with 401 or 403."""
    yield from _not_refused(group, "wrong", "a message with a wrong secret")


@webhook_scenario_rule(
    "webhook.right-secret-is-accepted",
    scenarios=["auth"],
    level=MUST,
    source=_PAGE,
    remedy="Let the right secret in whatever came before it: lock nobody out for the failures of others.",
    applies=_has_step("right"),
)
def right_secret_is_accepted(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A message with the right secret is let in, also after others were refused."""
    place, evidence = by_step(group)["right"]
    if evidence.is_refusal:
        yield Violation(expected="an answer to the right secret", actual=f"status {evidence.status}", step=place)


@webhook_rule(
    "webhook.secret-is-not-echoed",
    level=MUST,
    source="RFC 6750, 5.3: bearer tokens are kept from unintended parties",
    remedy="Never put the secret into an answer or a header.",
    applies=lambda evidence: auth.key_is_not_echoed.applies([evidence]),
)
def secret_is_not_echoed(evidence: Evidence) -> Iterator[Violation]:
    """The secret that the message carries does not come back in the answer."""
    yield from auth.key_is_not_echoed.check([evidence])
