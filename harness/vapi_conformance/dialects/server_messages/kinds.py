"""The kinds of server messages: which want an answer, in what shape, and how soon (facts on Vapi, 3.2 and 3.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["KINDS", "UNKNOWN", "MessageKind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageKind:
    """What is known of one value of `message.type`."""

    name: str
    answer: str | None = None
    """The schema of its answer; None for a message that only tells."""
    limit_s: float | None = None
    """A limit of its own; elsewhere `server.timeoutSeconds` holds, default 20."""
    goal_s: float | None = None
    """By when the answer had better be there."""

    @property
    def asks(self) -> bool:
        """Whether Vapi waits for an answer."""
        return self.answer is not None


def _asking(name: str, schema: str, *, limit_s: float | None = None, goal_s: float | None = None) -> MessageKind:
    return MessageKind(name=name, answer=f"vapi/answers/{schema}", limit_s=limit_s, goal_s=goal_s)


_QUESTIONS: Final = (
    # Telephony gives up at 15 s; Vapi's page says to aim for less than 6 of the 7.5.
    _asking("assistant-request", "assistant-request", limit_s=7.5, goal_s=6.0),
    _asking("tool-calls", "tool-calls"),
    _asking("function-call", "function-call"),
    _asking("transfer-destination-request", "transfer-destination-request"),
    _asking("handoff-destination-request", "handoff-destination-request"),
    _asking("knowledge-base-request", "knowledge-base-request", limit_s=10.0, goal_s=0.05),
    _asking("call.endpointing.request", "endpointing-request"),
    _asking("campaign.predial", "campaign-predial"),
)
_NOTICES: Final = (
    "assistant.started",
    "conversation-update",
    "end-of-call-report",
    "hang",
    "model-output",
    "speech-update",
    "status-update",
    "transcript",
    "user-interrupted",
    "voice-input",
)

KINDS: Final[Mapping[str, MessageKind]] = {
    **{each.name: each for each in _QUESTIONS},
    **{name: MessageKind(name=name) for name in _NOTICES},
}
"""By `message.type`. `voice-request` is none of them: it wants raw audio, and goes to the voice's server."""

UNKNOWN: Final = MessageKind(name="")
"""A type that Vapi may add: it tells, as far as anybody knows."""
