"""Speech: which pieces of an answer the platform hands to text-to-speech, when, and where the caller hears nothing.

Vapi collects content deltas and cuts the text by its chunk plan (`voice.chunkPlan`): a piece ends at the first
punctuation boundary at or after the minimum number of characters, at a flush tag, or at the end of the stream. The
defaults and the tag are documented by Vapi; that length is counted up to and including the boundary, and that a rest
waits for the end, is inferred. The result does not depend on how the text was cut into deltas, only its times do: a
boundary that may be the beginning of a longer one, and a `<` that may begin a tag, wait for the next delta.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from vapi_conformance.narrow import array_or_none, object_or_nothing

__all__ = [
    "DEFAULT_CHARACTERS_PER_SECOND",
    "ChunkPlan",
    "PieceCutter",
    "SpeechMetrics",
    "SpokenPiece",
    "Timed",
    "TimedText",
    "chunk_plan",
    "ends_with_flush",
    "speech_metrics",
    "spoken_pieces",
]

DEFAULT_CHARACTERS_PER_SECOND = 15.0
"""English at about 150 words a minute and six characters a word and blank. Inferred: no platform states its own."""

_NS_PER_S = 1_000_000_000
_MIN_CHARACTERS_RANGE = (1, 80)
# Vapi documents any amount of white space in a tag; the bound keeps the text that has to wait, and the time, small.
_SPACE = r"\s{0,16}"
_FLUSH = "[fF][lL][uU][sS][hH]"  # not IGNORECASE, under which Python also takes the long s for an s
_FLUSH_TAG = rf"<{_SPACE}{_FLUSH}{_SPACE}/?>|<{_SPACE}/{_SPACE}{_FLUSH}{_SPACE}>"
_FLUSH_BEGUN = rf"(?:{_FLUSH}{_SPACE}|[fF](?:[lL](?:[uU][sS]?)?)?)?"
_TAG_BEGUN = rf"<{_SPACE}(?:{_FLUSH}{_SPACE}/|(?:/{_SPACE})?{_FLUSH_BEGUN})"
_MAX_TAG_CHARACTERS = 3 * 16 + len("</flush>")
_ENDING_FLUSH = re.compile(rf"(?:{_FLUSH_TAG}){_SPACE}\Z")
_PUNCTUATION_BOUNDARIES = ("。", "，", ".", "!", "?", ";", ")", "،", "۔", "।", "॥", "|", "||", ",", ":")


class Timed(Protocol):
    """Text with the time at which it was there; `HeardText` of the consumers is one, too."""

    @property
    def text(self) -> str: ...
    @property
    def at_ns(self) -> int | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedText:
    """A content delta."""

    text: str
    at_ns: int | None
    """Nanoseconds since the last request byte; None where no times were recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkPlan:
    """`voice.chunkPlan` of a Vapi assistant; the defaults are Vapi's."""

    enabled: bool = True
    """Without it every delta is handed on as it comes, and the flush tag has no meaning."""
    min_characters: int = 30
    """1 to 80."""
    punctuation_boundaries: tuple[str, ...] = _PUNCTUATION_BOUNDARIES


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenPiece:
    """Text that goes to text-to-speech at once, not white space alone."""

    text: str
    at_ns: int | None
    """When it could go: the delta that completed it came, or the stream ended."""


def chunk_plan(value: object) -> ChunkPlan:
    """The plan in an assistant's `voice.chunkPlan`; what is absent or of a wrong type has its default.

    A number of characters outside of what Vapi accepts is moved to the nearest that it does.
    """
    fields = object_or_nothing(value)
    enabled = fields.get("enabled")
    boundaries = array_or_none(fields.get("punctuationBoundaries"))
    default = ChunkPlan()
    return ChunkPlan(
        enabled=enabled if isinstance(enabled, bool) else default.enabled,
        min_characters=_min_characters(fields.get("minCharacters"), default.min_characters),
        punctuation_boundaries=default.punctuation_boundaries
        if boundaries is None
        else tuple(item for item in boundaries if isinstance(item, str) and item),
    )


def _min_characters(value: object, default: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return default
    least, most = _MIN_CHARACTERS_RANGE
    return int(min(max(value, least), most))


def spoken_pieces(texts: Sequence[Timed], plan: ChunkPlan, ended_at_ns: int | None) -> tuple[SpokenPiece, ...]:
    """The pieces in which an answer is spoken.

    `ended_at_ns` is when the stream ended; whatever no boundary released is spoken then.
    """
    if not plan.enabled:
        return tuple(SpokenPiece(text=part.text, at_ns=part.at_ns) for part in texts if _speakable(part.text))
    cutter = PieceCutter(plan)
    pieces = [
        SpokenPiece(text=piece, at_ns=part.at_ns)
        for part in texts
        for piece in cutter.feed(part.text)
        if _speakable(piece)
    ]
    pieces += [SpokenPiece(text=piece, at_ns=ended_at_ns) for piece in cutter.end() if _speakable(piece)]
    return tuple(pieces)


def ends_with_flush(text: str) -> bool:
    """Whether the last thing in it is a flush tag, white space aside."""
    return _ENDING_FLUSH.search(text[-2 * _MAX_TAG_CHARACTERS :]) is not None


def _speakable(text: str) -> bool:
    return bool(text) and not text.isspace()


class PieceCutter:
    """Text in, pieces out, by an enabled plan. What is returned, joined, is the text without its flush tags."""

    def __init__(self, plan: ChunkPlan) -> None:
        """Nothing was said yet."""
        boundaries = sorted(plan.punctuation_boundaries, key=len, reverse=True)
        begun = {text[:length] for text in boundaries for length in range(1, len(text))}
        self._cut = re.compile("|".join([f"(?P<tag>{_FLUSH_TAG})", *map(re.escape, boundaries)]))
        self._begun = re.compile(rf"(?:{'|'.join([_TAG_BEGUN, *map(re.escape, begun)])})\Z")
        self._max_begun = max([_MAX_TAG_CHARACTERS, *map(len, boundaries)])
        self._min_characters = plan.min_characters
        self._settled: list[str] = []
        """The beginning of the next piece: looked at, and without an end."""
        self._settled_characters = 0
        self._rest = ""
        """What follows it, and may yet mean something else with more text."""

    def feed(self, text: str) -> list[str]:
        """The pieces that this text completes."""
        self._rest += text
        begun = self._begun.search(self._rest, max(0, len(self._rest) - self._max_begun))
        return self._pieces(len(self._rest) if begun is None else begun.start())

    def end(self) -> list[str]:
        """What is left when the answer is over."""
        pieces = self._pieces(len(self._rest))
        return [*pieces, self._take(self._rest)]

    def _pieces(self, end: int) -> list[str]:
        """Cuts off what is complete before `end`; from there on, the next delta may change the meaning."""
        pieces: list[str] = []
        start = at = 0
        while (match := self._cut.search(self._rest, at)) is not None and match.start() < end:
            at = match.end()
            if match["tag"] or self._settled_characters + at - start >= self._min_characters:
                pieces.append(self._take(self._rest[start : match.start() if match["tag"] else at]))
                start = at
        settled = max(end, at)
        self._settled.append(self._rest[start:settled])
        self._settled_characters += settled - start
        self._rest = self._rest[settled:]
        return pieces

    def _take(self, text: str) -> str:
        piece = "".join((*self._settled, text))
        self._settled.clear()
        self._settled_characters = 0
        return piece


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechMetrics:
    """When an answer is heard. Times are nanoseconds since the last request byte; None is not known, or none such."""

    ttft_ns: int | None
    """Time to the first content delta that is not empty."""
    ttfs_ns: int | None
    """Time to the first spoken piece. Synthesis and transport come on top of it."""
    pieces: int
    """Spoken pieces, a count."""
    longest_gap_ns: int | None
    """The longest time from one piece being ready to the next; None with fewer than two pieces."""
    dead_air_ns: int | None
    """All dead air together; None when a piece's time is not known, or when there is no piece."""
    dead_airs: tuple[tuple[int, int], ...] = ()
    """Start and duration of each silence inside the answer: earlier pieces are spoken, the next is not ready."""


def speech_metrics(
    texts: Sequence[Timed],
    plan: ChunkPlan,
    ended_at_ns: int | None,
    *,
    characters_per_second: float = DEFAULT_CHARACTERS_PER_SECOND,
) -> SpeechMetrics:
    """What the caller's ear gets of an answer, if speech runs at a steady rate and starts when a piece is ready."""
    pieces = spoken_pieces(texts, plan, ended_at_ns)
    first_text = next((part for part in texts if part.text), None)
    times = [piece.at_ns for piece in pieces if piece.at_ns is not None]
    known = len(times) == len(pieces) > 0
    dead_airs = _dead_airs(pieces, characters_per_second) if known else ()
    return SpeechMetrics(
        ttft_ns=first_text.at_ns if first_text is not None else None,
        ttfs_ns=pieces[0].at_ns if pieces else None,
        pieces=len(pieces),
        longest_gap_ns=max((later - earlier for earlier, later in pairwise(times)), default=None) if known else None,
        dead_air_ns=sum(duration for _, duration in dead_airs) if known else None,
        dead_airs=dead_airs,
    )


def _dead_airs(pieces: Sequence[SpokenPiece], characters_per_second: float) -> tuple[tuple[int, int], ...]:
    dead_airs: list[tuple[int, int]] = []
    spoken_until_ns: int | None = None
    for piece in pieces:
        ready_ns = piece.at_ns if piece.at_ns is not None else 0
        if spoken_until_ns is not None and ready_ns > spoken_until_ns:
            dead_airs.append((spoken_until_ns, ready_ns - spoken_until_ns))
        starts_ns = ready_ns if spoken_until_ns is None else max(ready_ns, spoken_until_ns)
        spoken_until_ns = starts_ns + round(len(piece.text.strip()) / characters_per_second * _NS_PER_S)
    return tuple(dead_airs)
