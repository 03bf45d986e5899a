"""The order of a Gemini answer, per candidate, as a table."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ["TRANSITIONS", "Signal", "State"]


class Signal(StrEnum):
    """What one chunk says about one candidate; within a chunk they count in this order."""

    PART = "part"
    """A part of the content, be it empty."""
    METADATA = "metadata"
    """The candidate without parts and without a finish reason: ratings, grounding, or just its role."""
    FINISH_REASON = "finishReason"


class State(StrEnum):
    """Where a candidate stands."""

    IDLE = "idle"
    OPEN = "open"
    FINISHED = "finished"


# What is missing here is out of order. The chunk with the finish reason is the candidate's last (facts on dialects,
# 5.3: 194 of 194 streams). There is no row for an end marker, because the API has none; none for usage, which may stand
# on any chunk; and none for thoughts before answers, which is a habit and a rule of its own.
TRANSITIONS: Final[Mapping[State, Mapping[Signal, State]]] = {
    State.IDLE: {
        Signal.PART: State.OPEN,
        Signal.METADATA: State.OPEN,
        Signal.FINISH_REASON: State.FINISHED,
    },
    State.OPEN: {
        Signal.PART: State.OPEN,
        Signal.METADATA: State.OPEN,
        Signal.FINISH_REASON: State.FINISHED,
    },
    State.FINISHED: {},
}
