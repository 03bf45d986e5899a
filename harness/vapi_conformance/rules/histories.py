"""Histories as Vapi sends them: legal messages in an order, or of a form, that no chat window would produce.

Each was seen in recorded requests of real calls. A sound endpoint answers all of them.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MUST, SHOULD, Rule, Violation, scenario_rule

__all__ = [
    "filler_beside_calls_is_accepted",
    "greeting_needs_no_user_message",
    "merged_answer_is_accepted",
    "message_without_content_is_accepted",
    "user_after_tool_is_accepted",
]


_NOT_ABOUT_THE_HISTORY: Final = frozenset({401, 403, 408, 429})
"""Who asks, or how often, was refused; nobody looked at the messages."""


def _responded(group: Sequence[Evidence]) -> bool:
    """An answer or a refusal came, whole; a broken transfer says nothing about the history."""
    status = group[0].status
    return status is not None and status not in _NOT_ABOUT_THE_HISTORY and group[0].exchange.end is End.CLEAN


def _not_answered(group: Sequence[Evidence]) -> Iterator[Violation]:
    evidence = group[0]
    transcript = evidence.transcript
    if not evidence.is_success:
        body = evidence.body[:400].decode(errors="replace")
        yield Violation(expected="an answer", actual=f"HTTP status {evidence.status}, {quote(body)}")
    elif transcript.errors:
        error = transcript.chunks[transcript.errors[0]]
        yield Violation.at(error, expected="an answer", actual=f"an error, {quote(error.payload.raw)}")
    elif not transcript.text.strip() and not any(choice.tool_calls for choice in transcript.choices):
        yield Violation(expected="an answer", actual="no words and no tool call")


def _acceptance(rule_id: str, *, about: str, scenario: str, row: int, remedy: str) -> Rule:
    def check(group: Sequence[Evidence]) -> Iterator[Violation]:
        yield from _not_answered(group)

    check.__doc__ = about
    return scenario_rule(
        rule_id,
        scenarios=[scenario],
        standard=SHOULD,
        vapi=MUST,
        source="openai-openapi 2.3.0, CreateChatCompletionRequest.messages; observed in requests of Vapi",
        catalogue=[f"VAPI-{row}"],
        remedy=remedy,
        applies=_responded,
    )(check)


message_without_content_is_accepted = _acceptance(
    "turns.message-without-content-is-accepted",
    about="An assistant message that holds tool calls needs no `content` key.",
    scenario="message-without-content",
    row=7,
    remedy="Read `content` as optional: absent and null are the same beside `tool_calls`.",
)
filler_beside_calls_is_accepted = _acceptance(
    "turns.filler-beside-calls-is-accepted",
    about="An assistant message may hold text and tool calls: Vapi merges the filler it spoke into the message.",
    scenario="filler-beside-calls",
    row=7,
    remedy="Do not insist on `content` being null beside `tool_calls`.",
)
user_after_tool_is_accepted = _acceptance(
    "turns.user-after-tool-is-accepted",
    about="A tool message may be followed by a user message at once: the caller spoke before the answer did.",
    scenario="user-after-tool",
    row=7,
    remedy="Do not insist on an assistant message between a tool's result and the caller's next words.",
)
merged_answer_is_accepted = _acceptance(
    "turns.merged-answer-is-accepted",
    about="The first sentence of an answer may stand before the tool's result: Vapi merges what it has spoken so far.",
    scenario="merged-answer",
    row=7,
    remedy="Take the history as it comes; its order is the order of speech, not that of your answers.",
)
greeting_needs_no_user_message = _acceptance(
    "turns.greeting-needs-no-user-message",
    about="A request without any user message gets a greeting: the assistant speaks first.",
    scenario="greeting",
    row=9,
    remedy="Do not insist on a user message; greet the caller as the system prompt says.",
)
