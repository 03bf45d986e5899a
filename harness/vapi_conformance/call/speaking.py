"""When an answer is spoken, and when the caller who cuts it short is heard by the endpoint: the connection closes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from vapi_conformance.call_record import Closed
from vapi_conformance.live_events import LiveEvents
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none
from vapi_conformance.payload import parse
from vapi_conformance.speech import ChunkPlan, PieceCutter, SpokenPiece, Timed, ends_with_flush

__all__ = ["Interruption", "Listener", "Utterance", "held_back", "speech_ns", "spoken_until", "utterances"]

_NS_PER_S: Final = 1_000_000_000
_LONGEST_TAIL: Final = 256
_MOST_LIVE_CHARACTERS: Final = 1 << 20
"""Past so much text nothing is shown live any more; it is still recorded and judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A piece of speech in call time."""

    text: str
    at_ns: int
    until_ns: int


def held_back(
    pieces: Sequence[SpokenPiece], texts: Sequence[Timed], ended_at_ns: int | None
) -> tuple[SpokenPiece, ...]:
    """Pieces that a flush tag let go wait until the stream moves on or ends.

    Observed at Vapi (2026-08): such pieces were reported at once and yet not spoken while the stream stood still.
    """
    released: list[SpokenPiece] = []
    position, tail = 0, ""
    for piece in pieces:
        while position < len(texts) and not _is_later(texts[position], piece):
            tail = (tail + texts[position].text)[-_LONGEST_TAIL:]
            position += 1
        if ends_with_flush(tail):
            moved_ns = next((each.at_ns for each in texts[position:] if each.text), ended_at_ns)
            released.append(replace(piece, at_ns=piece.at_ns if moved_ns is None else moved_ns))
        else:
            released.append(piece)
    return tuple(released)


def _is_later(text: Timed, piece: SpokenPiece) -> bool:
    return text.at_ns is None or piece.at_ns is None or text.at_ns > piece.at_ns


def utterances(
    pieces: Sequence[SpokenPiece], *, requested_ns: int, free_ns: int, characters_per_second: float
) -> list[Utterance]:
    """One after the other: each begins when it is ready and the line is free.

    requested_ns: call time of the request; the pieces' times count from there. free_ns: when earlier speech is over.
    """
    spoken: list[Utterance] = []
    for piece in pieces:
        at_ns = max(requested_ns + (piece.at_ns or 0), free_ns)
        free_ns = at_ns + speech_ns(piece.text, characters_per_second)
        spoken.append(Utterance(text=piece.text.strip(), at_ns=at_ns, until_ns=free_ns))
    return spoken


def speech_ns(text: str, characters_per_second: float) -> int:
    """How long it takes to say it."""
    return round(len(text.strip()) / characters_per_second * _NS_PER_S)


def spoken_until(spoken: Sequence[Utterance], at_ns: int) -> str:
    """What had been said by then, in whole words."""
    said: list[str] = []
    for each in spoken:
        if each.until_ns <= at_ns:
            said.append(each.text)
            continue
        if each.at_ns < at_ns:
            share = (at_ns - each.at_ns) / max(1, each.until_ns - each.at_ns)
            begun = each.text[: round(len(each.text) * share)]
            said.append(begun.rpartition(" ")[0])
        break
    return " ".join(filter(None, said))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """The caller will speak into the answer."""

    after_ns: int
    """Since its speech began."""


class Listener:
    """Hears an answer while it comes, and says when to hang up (`client.HangUp`)."""

    def __init__(
        self,
        plan: ChunkPlan,
        *,
        timeout_ns: int,
        superseded_ns: int | None = None,
        interruption: Interruption | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """timeout_ns: the platform gives up after so long without a token, counted anew from each (inferred).

        superseded_ns: when the caller's words change, since the request. tell: is given each piece when ready.
        """
        self._events = LiveEvents()
        self._cutter = PieceCutter(plan) if plan.enabled else None
        self._superseded_ns = superseded_ns
        self._interruption = interruption
        self._tell = tell
        self._characters = 0
        self._timeout_ns = timeout_ns
        self._token_ns = 0
        """When the last token came; a comment, a role or an empty delta is none."""
        self.barge_in_ns: int | None = None
        """When the caller interrupts, since the request; None before speech has begun."""

    def __call__(self, new: bytes, at_ns: int) -> int | None:
        """See `client.HangUp`."""
        for event in self._events.feed(new):
            self._take(event.data, at_ns)
        return self.due[0]

    @property
    def due(self) -> tuple[int, Closed]:
        """When to hang up as things stand, since the request, and why."""
        due: list[tuple[int, Closed]] = [(self._token_ns + self._timeout_ns, "timeout")]
        if self.barge_in_ns is not None:
            due.append((self.barge_in_ns, "barge-in"))
        if self._superseded_ns is not None:
            due.append((self._superseded_ns, "superseded"))
        return min(due)

    def _take(self, data: str, at_ns: int) -> None:
        if self._characters > _MOST_LIVE_CHARACTERS:
            self._token_ns = at_ns
            return
        choices = array_or_nothing(object_or_nothing(parse(data).value).get("choices"))
        delta = object_or_nothing(object_or_nothing(choices[0] if choices else None).get("delta"))
        text = string_or_none(delta.get("content")) or ""
        self._characters += len(text)
        if text or array_or_nothing(delta.get("tool_calls")):
            self._token_ns = at_ns
        for piece in self._cutter.feed(text) if self._cutter is not None else [text]:
            if piece.strip():
                self._speak(piece, at_ns)

    def _speak(self, piece: str, at_ns: int) -> None:
        if self._interruption is not None and self.barge_in_ns is None:
            self.barge_in_ns = at_ns + self._interruption.after_ns
        if self._tell is not None:
            self._tell(piece)
