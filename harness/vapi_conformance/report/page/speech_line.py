"""What the caller hears of one answer, as a line: words where there is speech, room where there is silence.

Speech runs at a steady rate, so the length of the words is their time. A silence takes the room of the words that
could have been said in it, and the line is read as it would have been heard.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.platforms.vapi.consequence import HANG_S
from vapi_conformance.report.counting import grouped
from vapi_conformance.report.page.values import duration, number, objects, shortened, string

__all__ = ["Ending", "Segment", "SpeechLine", "Tone", "speech_line", "tone_of"]

Tone = Literal["good", "plain", "warn", "bad"]

_CELL_TENTHS: Final = 5
"""A silence is drawn in pieces of half a second, so that a long one runs over the end of a line as words do."""
_MOST_TENTHS: Final = 80
"""A longer silence is broken off; its length is written there."""
_SMALLEST_MS: Final = 150
"""A shorter silence is a pause between words; nobody hears it as one."""
_MS_PER_TENTH: Final = 100
_LONGEST_TEXT: Final = 1200

_TONES: Final[Mapping[str, Tone]] = {
    "heard": "good",
    "tool-call": "good",
    "silence": "warn",
    "tool-lost": "bad",
    "call-ends": "bad",
    "raises": "bad",
    "unknown": "warn",
}
_ENDINGS: Final[Mapping[str, str]] = {
    "heard": "the caller’s turn",
    "tool-call": "a tool is called",
    "silence": "nothing is said",
    "tool-lost": "the tool is not called",
    "call-ends": "the call ends",
    "raises": "the client fails",
    "unknown": "what is heard is not known",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of the line: words, or a silence."""

    kind: Literal["words", "wait", "silence"]
    """wait: until the first word; silence: dead air inside the answer, or a wait that is one."""
    text: str
    """The words, or how long the silence is."""
    told: str
    """What a screen reader says of a silence."""
    cells: tuple[int, ...] = ()
    """Widths of a silence's pieces in tenths of a second."""
    is_broken_off: bool = False
    """It lasts longer than is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What follows the line."""

    text: str
    tone: Tone


_CLOSED: Final[Mapping[str, Ending]] = {
    "barge-in": Ending(text="the caller interrupts", tone="plain"),
    "superseded": Ending(text="never heard: a newer request replaces it", tone="plain"),
    "timeout": Ending(text="the caller waits no longer", tone="bad"),
}
"""Where we hung up, as Vapi would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechLine:
    """An answer as the caller hears it."""

    segments: tuple[Segment, ...]
    ending: Ending
    says: str
    """The same in a sentence, with its figures."""
    dead_air_ms: float

    @property
    def has_words(self) -> bool:
        """Whether anything is heard."""
        return any(each.kind == "words" for each in self.segments)


def tone_of(what: str) -> Tone:
    """How grave it is."""
    return _TONES.get(what, "plain")


def speech_line(played: Mapping[str, object]) -> SpeechLine | None:
    """For one of the report's exchanges; None where nothing is known of what was heard."""
    consumers = objects(played.get("consumers"))
    pieces = objects(played.get("pieces"))
    if not consumers and not pieces:
        return None
    end_ms = number(object_or_nothing(played.get("timing")).get("end_ms"))
    segments = tuple(_segments(pieces, end_ms, string(played.get("end"))))
    dead_air_ms = sum(number(each.get("ms")) or 0 for each in objects(played.get("dead_air")))
    what = string(consumers[0].get("what")) if consumers else ""
    closed = string(object_or_nothing(played.get("call")).get("closed"))
    ending = Ending(text=_ENDINGS.get(what, "the answer is over"), tone=tone_of(what))
    ending = _CLOSED.get(closed, ending)
    return SpeechLine(
        segments=segments, ending=ending, says=_says(pieces, played, end_ms, dead_air_ms), dead_air_ms=dead_air_ms
    )


def _segments(pieces: Sequence[Mapping[str, object]], end_ms: float | None, end: str) -> Iterator[Segment]:
    until: float | None = 0.0
    waiting = True
    words: list[str] = []
    for piece in pieces:
        starts = number(piece.get("from_ms"))
        starts = number(piece.get("at_ms")) if starts is None else starts
        if starts is not None and until is not None and starts - until >= _SMALLEST_MS:
            yield from _words(words)
            yield _silence(starts - until, is_wait=waiting)
        waiting = False
        words.append(string(piece.get("text")))
        until = number(piece.get("until_ms"))
    yield from _words(words)
    if end_ms is not None and until is not None and end != "closed by us" and end_ms - until >= _MS_PER_TENTH * 10:
        yield _silence(end_ms - until, is_wait=waiting)


def _words(words: list[str]) -> Iterator[Segment]:
    """What was said since the last silence, in one."""
    if text := shortened(" ".join("".join(words).split()), _LONGEST_TEXT):
        yield Segment(kind="words", text=text, told="")
    words.clear()


def _silence(ms: float, *, is_wait: bool) -> Segment:
    tenths = max(1, round(ms / _MS_PER_TENTH))
    drawn = min(tenths, _MOST_TENTHS)
    whole, rest = divmod(drawn, _CELL_TENTHS)
    is_harmless = is_wait and ms < HANG_S * 1000
    return Segment(
        kind="wait" if is_harmless else "silence",
        text=duration(ms),
        told=f"{'after' if is_wait else 'silence of'} {duration(ms)}",
        cells=(*(_CELL_TENTHS for _ in range(whole)), *([rest] if rest else [])),
        is_broken_off=tenths > drawn,
    )


def _says(
    pieces: Sequence[Mapping[str, object]],
    played: Mapping[str, object],
    end_ms: float | None,
    dead_air_ms: float,
) -> str:
    told: list[str] = []
    if pieces and (first := number(pieces[0].get("at_ms"))) is not None:
        told.append(f"first words after {duration(first)}")
    elif not pieces:
        told.append("no word")
    if silences := objects(played.get("dead_air")):
        told.append(f"{grouped(len(silences), 'silence')} inside the answer, {duration(dead_air_ms)} together")
    elif pieces:
        told.append("no silence inside the answer")
    if end_ms is not None:
        told.append(f"answer complete after {duration(end_ms)}")
    return "; ".join(told)
