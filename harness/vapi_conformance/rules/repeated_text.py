"""Text that a stream says twice: its last delta holds all before it, or each delta begins with the one before.

People do repeat themselves ("ha ha ha", "no, no, no", "1111"), and a reply may be asked to say a thing twice. What no
ordinary reply does is to come in several pieces and then, in one piece, once more; or in pieces that each begin with
the whole one before. Both are believed only of text that is long, varied and has no rhythm of its own.
"""

from collections.abc import Sequence
from typing import Final

from vapi_conformance.dialects.transcript import TextDelta

__all__ = ["growing", "replayed"]

_FEWEST_REPEATED_CHARACTERS: Final = 16
_FEWEST_DISTINCT_CHARACTERS: Final = 6
_FEWEST_GROWING_DELTAS: Final = 3
_FEWEST_DELTAS_REPEATED: Final = 3
"""Pieces before the one that repeats them all: where no piece is three times as long as another, none can."""


def replayed(deltas: Sequence[TextDelta]) -> Sequence[TextDelta]:
    """The deltas up to one that says all before it once more; empty where none does. Only blanks may follow it."""
    told = _without_blank_end(deltas)
    return told if len(told) > _FEWEST_DELTAS_REPEATED and _repeats(told) else ()


def growing(deltas: Sequence[TextDelta]) -> Sequence[TextDelta]:
    """The deltas from the first on that each begin with the one before and add to it; empty where that is chance."""
    count = 1
    while count < len(deltas):
        earlier, later = deltas[count - 1].text, deltas[count].text
        if len(later) <= len(earlier) or not later.startswith(earlier):
            break
        count += 1
    return deltas[:count] if count >= _FEWEST_GROWING_DELTAS and _is_telling(deltas[count - 2].text) else ()


def _without_blank_end(deltas: Sequence[TextDelta]) -> Sequence[TextDelta]:
    end = len(deltas)
    while end and not deltas[end - 1].text.strip():
        end -= 1
    return deltas[:end]


def _repeats(deltas: Sequence[TextDelta]) -> bool:
    before = "".join(delta.text for delta in deltas[:-1]).strip()
    return deltas[-1].text.strip() == before and _is_telling(before)


def _is_telling(text: str) -> bool:
    """Whether a repetition of this text can hardly be meant."""
    return (
        len(text) >= _FEWEST_REPEATED_CHARACTERS
        and len(set(text)) >= _FEWEST_DISTINCT_CHARACTERS
        and not _is_rhythmic(text)
    )


def _is_rhythmic(text: str) -> bool:
    """Whether the text is one shorter text twice or more in a row, cut anywhere; Knuth-Morris-Pratt, linear."""
    borders = [0] * len(text)
    length = 0
    for at in range(1, len(text)):
        while length and text[at] != text[length]:
            length = borders[length - 1]
        length += text[at] == text[length]
        borders[at] = length
    return 2 * (len(text) - borders[-1]) <= len(text)
