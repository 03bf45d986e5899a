"""A fair sample of what came back, for the judges: to judge every answer of a long run would cost more than to ask.

Answers that are sound on their face and those that are not are drawn apart, so that a few errors among many thousand
answers are not lost.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Final, TypeVar

from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.latency.metrics import Sample, error_kind

__all__ = ["MOST_KEPT", "Keeper", "fair_union"]

MOST_KEPT: Final = 200
"""Of each of the two kinds, unless somebody asks for more."""
_MOST_BYTES: Final = 64 * 1024 * 1024
_BYTES_PER_READ: Final = 200
"""That Python takes beside what was read."""
_Item = TypeVar("_Item")


class Keeper:
    """Keeps at most so many answers of each kind, each of those that came with the same probability."""

    def __init__(self, most: int = MOST_KEPT, *, seed: int = 0) -> None:
        """most: of each kind; 0 keeps none. seed: the same draw of the same run."""
        self._most = most
        self._random = Random(seed)  # noqa: S311 - reproducible, not secret
        self._seen = {True: 0, False: 0}
        self._kept: dict[bool, list[Evidence]] = {True: [], False: []}
        self._bytes = 0
        self.is_full = False
        """Whether some were too large to be kept beside the others."""

    def offer(self, sample: Sample) -> None:
        """Algorithm R (Vitter, 1985). What got no response at all shows no rule anything."""
        exchange = sample.evidence.exchange
        if exchange.response is None or not self._most:
            return
        kind = error_kind(sample) is None and exchange.end is End.CLEAN
        self._seen[kind] += 1
        kept = self._kept[kind]
        at = len(kept) if len(kept) < self._most else self._random.randrange(self._seen[kind])
        if at >= self._most:
            return
        evidence = replace(sample.evidence)  # without what was worked out of it, which is larger than itself
        freed = _weight(kept[at]) if at < len(kept) else 0
        if self._bytes - freed + _weight(evidence) > _MOST_BYTES:
            self.is_full = True
            return
        self._bytes += _weight(evidence) - freed
        kept[at : at + 1] = [evidence]

    def merge(self, other: "Keeper") -> None:
        """All that was offered to the other one, as if it had been offered here; within the bounds of this one."""
        self.is_full |= other.is_full
        self._bytes = 0
        for kind, mine in self._kept.items():
            seen = (self._seen[kind], other._seen[kind])  # noqa: SLF001 - of the same class
            theirs = other._kept[kind]  # noqa: SLF001 - of the same class
            chosen = fair_union((mine, theirs), seen, most=self._most, random=self._random)
            self._seen[kind] = sum(seen)
            self._kept[kind] = [each for each in chosen if self._has_room(each)]

    def _has_room(self, evidence: Evidence) -> bool:
        """Then it is counted."""
        weight = _weight(evidence)
        if self._bytes + weight > _MOST_BYTES:
            self.is_full = True
            return False
        self._bytes += weight
        return True

    @property
    def seen(self) -> int:
        """Answers that were offered."""
        return sum(self._seen.values())

    @property
    def kept(self) -> tuple[Evidence, ...]:
        """What was kept, in no order."""
        return (*self._kept[True], *self._kept[False])


def fair_union(
    samples: tuple[Sequence[_Item], Sequence[_Item]], seen: tuple[int, int], *, most: int, random: Random
) -> list[_Item]:
    """A fair sample of what two fair samples were drawn from, at most so many. seen: how many each was drawn from.

    Draws from the two without replacement, each time in proportion to what is left of it.
    """
    pools = [random.sample(sample, len(sample)) for sample in samples]
    left = list(seen)
    chosen: list[_Item] = []
    for _ in range(min(most, sum(left))):
        pick = 0 if random.randrange(sum(left)) < left[0] else 1
        left[pick] -= 1
        if pools[pick]:  # it may have kept fewer than it saw, where they were large
            chosen.append(pools[pick].pop())
    return chosen


def _weight(evidence: Evidence) -> int:
    exchange = evidence.exchange
    sent = exchange.request.body or b""
    return len(sent) + sum(len(read.data) + _BYTES_PER_READ for read in exchange.reads)
