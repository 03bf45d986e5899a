"""What a client library's user hears of an answer: the result that every consumer gives."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Heard", "HeardText", "HeardToolCall", "Outcome"]


class Outcome(Enum):
    """What became of the answer."""

    SPOKEN = "spoken"
    """Text with something in it to say; tool calls may stand beside it."""
    TOOL_CALL = "tool-call"
    """No text to say, but at least one call of a tool that has a name."""
    SILENCE = "silence"
    """The request succeeded and there is nothing to say or to run. White space is nothing to say."""
    FAILED = "failed"
    """The library raised an error. What was heard before it stays in `Heard`."""
    UNKNOWN = "unknown"
    """The model itself failed, which says nothing about the library. None of ours gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardText:
    """One non-empty content delta."""

    text: str
    """As decoded from JSON: it may hold a lone surrogate, which no encoder of Python's accepts."""
    at_ns: int | None
    """When the read arrived that let the library hand the delta over; None where no times were recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardToolCall:
    """One tool call, put together from its fragments."""

    index: int | None
    """None when the fragments carry no `index`, or one that is no integer."""
    id: str | None
    name: str | None
    arguments: str
    """The argument fragments, joined; nobody promises that they are JSON."""
    at_ns: int | None
    """When the last fragment arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An answer as the library's user gets it. Times count from the last request byte, in nanoseconds."""

    outcome: Outcome
    texts: tuple[HeardText, ...] = ()
    tool_calls: tuple[HeardToolCall, ...] = ()
    """In the order in which each call's first fragment came."""
    finish_reason: str | None = None
    """The last one that was sent."""
    error: str | None = None
    """Class and message, in the library's own words, e.g. `TypeError: chunk.choices is not iterable`.

    Lone surrogates are written as U+FFFD. Where the library says nothing (it waits for ever), the text is ours
    and stands in round brackets.
    """
    error_at_ns: int | None = None
    ended_at_ns: int | None = None
    """When the loop over the answer ended, well or not; None when it was not seen to end, or without times."""

    @property
    def text(self) -> str:
        """All content deltas, joined."""
        return "".join(part.text for part in self.texts)
