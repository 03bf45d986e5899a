"""The text that a voice platform speaks, with the way back to the chunks that it came in."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from vapi_conformance.dialects.transcript import Chunk, TextDelta
from vapi_conformance.evidence import Evidence

__all__ = ["SpokenText", "spoken_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenText:
    """The content of the first choice."""

    text: str
    deltas: Sequence[TextDelta]
    chunks: Sequence[Chunk]
    ends: Sequence[int]
    """For each delta, the offset in the text one past its last character."""

    def delta_at(self, offset: int) -> int:
        """The number of the delta that brought this character."""
        return bisect_right(self.ends, offset)

    def chunk_at(self, offset: int) -> Chunk:
        """The chunk that brought this character."""
        return self.chunks[self.deltas[self.delta_at(offset)].chunk]


def spoken_text(evidence: Evidence) -> SpokenText:
    """Empty where there is no choice or no content in it."""
    choices = evidence.transcript.choices
    deltas = choices[0].content if choices else ()
    return SpokenText(
        text="".join(delta.text for delta in deltas),
        deltas=deltas,
        chunks=evidence.transcript.chunks,
        ends=tuple(accumulate(len(delta.text) for delta in deltas)),
    )
