"""What happened in a call: every request with its place in it, what was said, run and heard, and how it ended.

A record is made by the player (`call`) and read by rules and reports. Times are nanoseconds of call time, from the
moment the line was open; a player with a virtual clock leaves waiting out, so call time and wall time differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vapi_conformance.exchange import Exchange

__all__ = [
    "CallEvent",
    "CallRecord",
    "CallRequest",
    "Closed",
    "Ended",
    "EndedBy",
    "EventKind",
    "HowSure",
    "ToolRun",
    "Why",
]

Why = Literal["greeting", "heard", "heard-again", "tool-results", "hand-off"]
"""`heard-again`: the transcript of the turn grew or changed. `greeting`: the model makes the first message."""
Closed = Literal["superseded", "barge-in", "timeout"]
"""Why we hung up: the caller's words changed, the caller spoke into the answer, or no token came for too long."""
EventKind = Literal[
    "transcript",
    "edit",
    "keypad",
    "request",
    "closed",
    "answer",
    "speech",
    "cut",
    "silence",
    "hang",
    "idle",
    "tool",
    "tool-result",
    "hand-off",
    "ended",
]
"""What a `CallEvent` tells:

transcript: the caller's words as transcribed (`text`). edit: an earlier turn's text changed. keypad: digits.
request: the model is asked (`text` says why). closed: we hung up (`text` says why). answer: an answer was over.
speech: a piece is spoken, from `at_ns` to `until_ns`. cut: the caller interrupts; `text` is what had been spoken.
silence: nothing was heard of an answer. hang: no speech for five seconds. idle: the platform speaks into a silence.
tool: a tool starts. tool-result: what the model will read of it. hand-off: another assistant takes over.
ended: the call is over; `text` is the reason.
"""
EndedBy = Literal["caller", "assistant", "endpoint", "platform"]
HowSure = Literal["documented", "observed", "inferred"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """One request to the model, in its place in the call; the n-th belongs to the n-th exchange."""

    at_ns: int
    """Call time when it was sent."""
    turn: int
    """Turns of the caller so far; 0 before they said anything."""
    number: int
    """From 0: how many requests were made for this turn before."""
    why: Why
    closed: Closed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """One thing that happened, for the timeline."""

    at_ns: int
    kind: EventKind
    text: str = ""
    until_ns: int | None = None
    exchange: int | None = None
    """Position of the exchange it belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRun:
    """One tool call that the model asked for, and what came of it."""

    id: str
    name: str
    arguments: str
    """JSON text as the model produced it."""
    result: str | None
    """What the model reads of it; None where the call was over before."""
    started_ns: int
    ended_ns: int | None
    exchange: int
    """Position of the exchange that asked for it."""
    superseded: bool = False
    """The words that led to it were changed later; it stays executed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Why the call ended."""

    at_ns: int
    by: EndedBy
    reasons: tuple[str, ...]
    """`endedReason` in the spellings that may occur, the most likely first."""
    sureness: HowSure
    text: str
    """One or two sentences for people."""


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """One call, whole."""

    name: str
    call_id: str
    """`call.id`, as sent."""
    clock: Literal["virtual", "real"]
    scenario: Mapping[str, object] = field(repr=False)
    """The document that was played, with its placeholders."""
    word: str | None = None
    """This caller's own word, where several call at once."""
    words: tuple[str, ...] = ()
    """The words of all who call at once."""
    requests: tuple[CallRequest, ...]
    exchanges: tuple[Exchange, ...] = field(repr=False)
    """In the order of `requests`."""
    webhooks: tuple[Exchange, ...] = field(default=(), repr=False)
    """Tool calls that were posted to the endpoint."""
    tools: tuple[ToolRun, ...] = ()
    events: tuple[CallEvent, ...] = field(default=(), repr=False)
    """In the order of call time."""
    ended: Ended
    expects_ended: tuple[str, ...]
    expects_tools: tuple[str, ...] = ()
    caller_data: tuple[str, ...] = field(default=(), repr=False)
    """What Vapi told about the caller and nobody should hear: number, ids."""
