"""Bursts: many events that arrive together after a wait, though they were made one after the other.

The tell-tale of a buffer between generator and caller (a proxy, a compressor, a framework that joins its writes). Three
things look similar and are none:

* a fast server makes its events quickly: then nothing was waited for, so a burst needs a wait before it;
* a slow start with a fast rest: the first event ends the wait alone, and the others follow in reads of their own;
  so a burst is counted from the read that ended the wait, not over some span of time;
* a kernel joins a few small writes into one read: so a burst has at least `MIN_EVENTS` events, and most of a long
  answer must have come in such bursts.

A network cuts one big write into many reads. Such a cut falls in the middle of an event nearly always, while a server
that flushes each event ends its writes where events end. So a read belongs to the burst before it when that one stopped
inside an event and the two came together.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from vapi_conformance.evidence import NS_PER_S, Evidence

__all__ = ["MIN_EVENTS", "MIN_LONG_ANSWER_EVENTS", "MIN_WAIT_S", "Burst", "bursts"]

MIN_EVENTS: Final = 8
"""Events in one burst; kernels join two or three of a quick server's, seldom more."""
MIN_LONG_ANSWER_EVENTS: Final = 16
"""Below that, an answer is over so soon that a burst tells nothing."""
MIN_WAIT_S: Final = 0.2
"""The wait before a burst. Eight tokens at 40 tokens a second take so long to make; a quick server never waits so."""
_SAME_WRITE_S: Final = 0.005
"""Reads of one write come closer together than that, short of a loss on the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Events with content that arrived together, after a wait."""

    events: int
    waited_ns: int
    at_ns: int
    first_chunk: int


def bursts(evidence: Evidence) -> tuple[Burst, ...]:
    """The bursts of a timed stream without content coding, in order; fewer events than `MIN_EVENTS` are none."""
    reads = [(read.at_ns, len(read.data)) for read in evidence.decoded.reads if read.data and read.at_ns is not None]
    if evidence.stream is None or len(reads) < len([read for read in evidence.decoded.reads if read.data]):
        return ()
    times = [at_ns for at_ns, _ in reads]
    ends = list(accumulate(size for _, size in reads))
    begun_by = _first_reads(times, ends, {block.end for block in evidence.stream.blocks})
    # An event's `end` is one past the byte that dispatched it; the read that holds that byte completed it.
    arrived = [(begun_by[bisect_left(ends, chunk.end)], chunk.index) for chunk in evidence.token_chunks]
    counts = Counter(read for read, _ in arrived)
    first_chunks = dict(reversed(arrived))
    found = (
        Burst(
            events=events,
            waited_ns=times[read] - (times[read - 1] if read else 0),
            at_ns=times[read],
            first_chunk=first_chunks[read],
        )
        for read, events in sorted(counts.items())
        if events >= MIN_EVENTS
    )
    return tuple(burst for burst in found if burst.waited_ns >= MIN_WAIT_S * NS_PER_S)


def _first_reads(times: Sequence[int], ends: Sequence[int], block_ends: set[int]) -> list[int]:
    """For each read, the number of the read with which its write began."""
    first = [0]
    for at in range(1, len(ends)):
        # Of a CRLF that ends a block, the block counts the CR only.
        ended = ends[at - 1] in block_ends or ends[at - 1] - 1 in block_ends
        together = times[at] - times[at - 1] <= _SAME_WRITE_S * NS_PER_S
        first.append(first[-1] if together and not ended else at)
    return first
