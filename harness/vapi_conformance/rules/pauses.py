"""Pauses inside an answer: stretches of time in which nothing came, or nothing that can be heard.

One pause is reported by one rule, so that a single stall does not look like three faults: silence on the line
first, then tokens that stay away while something else is sent, then the pause after a flush tag; dead air is what
is left.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from vapi_conformance.evidence import NS_PER_S, Evidence
from vapi_conformance.exchange import End
from vapi_conformance.rules.spoken_text import spoken_text

__all__ = [
    "MAX_FLUSH_PAUSE_S",
    "MAX_SILENCE_S",
    "Pause",
    "dead_airs",
    "flush_pauses",
    "has_flush",
    "in_seconds",
    "silences",
    "token_pauses",
]

MAX_SILENCE_S: Final = 15.0
"""Proxies cut idle connections, some after a minute, some much sooner; hence pings every 10 to 15 s (observed)."""

MAX_FLUSH_PAUSE_S: Final = 2.0
"""A pause after a flush tag past which the flushed words may stay unspoken (facts on Vapi, 7, row 14)."""

_FLUSH_TAG: Final = re.compile(r"<\s*(?:flush\s*/?|/\s*flush\s*)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A stretch of time, in nanoseconds since the last request byte."""

    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        """How long it lasted."""
        return self.end_ns - self.start_ns

    def overlaps(self, other: "Pause") -> bool:
        """Whether they share more than a moment."""
        return self.start_ns < other.end_ns and other.start_ns < self.end_ns


def in_seconds(length_ns: int) -> str:
    """A duration for people."""
    return f"{length_ns / NS_PER_S:.2f} s"


def _whole_by_ns(evidence: Evidence) -> int | None:
    """Until when something of the answer could be missed. A finish without an end marker does not close a stream."""
    if evidence.transcript.markers:
        return evidence.answered_at_ns
    return evidence.exchange.timing.end_ns


def silences(evidence: Evidence) -> Iterator[Pause]:
    """Longer than `MAX_SILENCE_S`, without a byte, after the first token and before the answer was whole.

    The wait for the first token is not among them: it has rules of its own. Comments count as signs of life.
    """
    first_ns, last_ns = _first_token_ns(evidence), _whole_by_ns(evidence)
    if first_ns is None:
        return
    times = [read.at_ns for read in evidence.exchange.reads if read.at_ns is not None and read.data]
    yield from _pauses(times, first_ns, last_ns, MAX_SILENCE_S)


def token_pauses(evidence: Evidence) -> Iterator[Pause]:
    """Longer than the platform's timeout, without a token though not without a byte."""
    first_ns, last_ns = _first_token_ns(evidence), _whole_by_ns(evidence)
    if first_ns is None:
        return
    times = [chunk.at_ns for chunk in evidence.token_chunks if chunk.at_ns is not None]
    silent = tuple(silences(evidence))
    for pause in _pauses(times, first_ns, last_ns, evidence.conditions.timeout_s):
        if not any(pause.overlaps(each) for each in silent):
            yield pause


def has_flush(evidence: Evidence) -> bool:
    """Whether the spoken text holds Vapi's flush tag."""
    return _FLUSH_TAG.search(spoken_text(evidence).text) is not None


def flush_pauses(evidence: Evidence) -> Iterator[Pause]:
    """Longer than `MAX_FLUSH_PAUSE_S`, from a flush tag to the next token or to the end of the answer.

    Comments and empty deltas do not count: the flushed words were seen to stay unspoken until text moved on or the
    stream ended. A tag with words behind it in the same delta has been followed.
    """
    spoken = spoken_text(evidence)
    times = [(chunk.index, chunk.at_ns) for chunk in evidence.token_chunks if chunk.at_ns is not None]
    at = 0
    for match in _FLUSH_TAG.finditer(spoken.text):
        delta = spoken.delta_at(match.end() - 1)
        start_ns = spoken.deltas[delta].at_ns
        if start_ns is None or spoken.text[match.end() : spoken.ends[delta]].strip():
            continue
        while at < len(times) and times[at][0] <= spoken.deltas[delta].chunk:
            at += 1
        end_ns = times[at][1] if at < len(times) else evidence.answered_at_ns
        if end_ns is not None and end_ns - start_ns > MAX_FLUSH_PAUSE_S * NS_PER_S:
            yield Pause(start_ns=start_ns, end_ns=end_ns)


def dead_airs(evidence: Evidence) -> Iterator[Pause]:
    """Longer than the conditions allow, inside the spoken answer, and not one of the pauses above.

    What we cut off ourselves has no dead air: nobody knows when its next piece would have come.
    """
    if evidence.exchange.end is not End.CLEAN:
        return
    reported = (*silences(evidence), *token_pauses(evidence), *flush_pauses(evidence))
    for start_ns, length_ns in evidence.speech.dead_airs:
        pause = Pause(start_ns=start_ns, end_ns=start_ns + length_ns)
        if length_ns > evidence.conditions.dead_air_s * NS_PER_S and not any(map(pause.overlaps, reported)):
            yield pause


def _first_token_ns(evidence: Evidence) -> int | None:
    return evidence.token_chunks[0].at_ns if evidence.token_chunks else None


def _pauses(times_ns: list[int], first_ns: int, last_ns: int | None, longer_than_s: float) -> Iterator[Pause]:
    within = [first_ns, *(at_ns for at_ns in times_ns if at_ns >= first_ns and (last_ns is None or at_ns <= last_ns))]
    if last_ns is not None and last_ns > within[-1]:
        within.append(last_ns)
    for start_ns, end_ns in pairwise(within):
        if end_ns - start_ns > longer_than_s * NS_PER_S:
            yield Pause(start_ns=start_ns, end_ns=end_ns)
