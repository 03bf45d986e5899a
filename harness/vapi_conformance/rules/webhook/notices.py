"""Messages that only tell: taken, at once, whatever they are."""

from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.evidence import NS_PER_S, Evidence
from vapi_conformance.rules.rule import MAY, SHOULD, Need, Violation
from vapi_conformance.rules.steps import by_step
from vapi_conformance.rules.webhook.question import document, is_notice, webhook_rule, webhook_scenario_rule

__all__ = [
    "notice_answer_is_no_error",
    "notice_is_accepted",
    "notice_is_answered_at_once",
    "unknown_message_is_accepted",
]

_AT_ONCE_S: Final = 3.0
_PAGE: Final = "Vapi, server events: only a few messages want an answer; for the others 200 is enough"


@webhook_rule(
    "webhook.notice-is-accepted",
    level=SHOULD,
    source=f"{_PAGE}; OpenAPI, BackoffPlan: what is not 2xx is sent again where retries are configured",
    remedy="Answer messages that you have no use for with 200.",
    applies=is_notice,
)
def notice_is_accepted(evidence: Evidence) -> Iterator[Violation]:
    """A message that only tells something is answered with 2xx."""
    if not evidence.is_success:
        yield Violation(expected="status 2xx", actual=f"status {evidence.status}")


@webhook_rule(
    "webhook.notice-is-answered-at-once",
    level=MAY,
    source="Inferred: such messages come several times a second, and one that waits holds a connection",
    remedy="Put the message aside, answer, and work on it afterwards.",
    needs=[Need.TIMES],
    applies=is_notice,
)
def notice_is_answered_at_once(evidence: Evidence) -> Iterator[Violation]:
    """A message that only tells something is answered within 3 s."""
    end_ns = evidence.exchange.timing.end_ns or 0
    if end_ns > _AT_ONCE_S * NS_PER_S:
        yield Violation(
            expected=f"an answer within {_AT_ONCE_S:g} s", actual=f"{end_ns / NS_PER_S:.1f} s", at_ns=end_ns
        )


@webhook_rule(
    "webhook.notice-answer-is-no-error",
    level=MAY,
    source=f"{_PAGE}; an error under status 200 reaches nobody",
    remedy="Answer with an empty object, and log what went wrong.",
    applies=lambda evidence: is_notice(evidence) and document(evidence) is not None,
)
def notice_answer_is_no_error(evidence: Evidence) -> Iterator[Violation]:
    """A message that only tells something is not answered with an `error`."""
    if (document(evidence) or {}).get("error"):
        yield Violation(expected="no error", actual="status 200 with an error in the body")


@webhook_scenario_rule(
    "webhook.unknown-message-is-accepted",
    scenarios=["unknown-message"],
    level=SHOULD,
    source="Vapi, changelog: kinds of messages are added without notice, and a backend gets what it is set to get",
    remedy="Answer messages of a type that you do not know with 200.",
    applies=lambda group: "unknown" in by_step(group),
)
def unknown_message_is_accepted(group: Sequence[Evidence]) -> Iterator[Violation]:
    """A message of a type that nobody has heard of is answered with 2xx."""
    step, evidence = by_step(group)["unknown"]
    if not evidence.is_success:
        yield Violation(expected="status 2xx", actual=f"status {evidence.status}", step=step)
