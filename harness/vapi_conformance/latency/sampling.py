"""A fair sample of what came back, for the judges: to judge every answer of a long run would cost more than to ask.

Answers that are sound on their face and those that are not are drawn apart, so that a few errors among many thousand
answers are not lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Final, Generic, TypeVar

from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.latency.metrics import Sample, error_kind
from vapi_conformance.latency.played_calls import PlayedCall, weight_of

__all__ = ["MOST_KEPT", "Keeper", "fair_union"]

MOST_KEPT: Final = 200
"""Of each of the two kinds, unless somebody asks for more."""
_MOST_BYTES: Final = 64 * 1024 * 1024
"""Of the answers, and again of the calls."""
_ANSWERS_PER_CALL: Final = 10
"""About; so many fewer calls are kept."""
_Item = TypeVar("_Item")


class _Drawn(Generic[_Item]):
    """At most so many of each of two kinds, each of those that came with the same probability."""

    def __init__(self, most: int, random: Random, weigh: Callable[[_Item], int]) -> None:
        self.most = most
        self._random = random
        self._weigh = weigh
        self._seen = {True: 0, False: 0}
        self._kept: dict[bool, list[_Item]] = {True: [], False: []}
        self._bytes = 0
        self.is_full = False

    def offer(self, item: _Item, *, is_sound: bool) -> None:
        """Algorithm R (Vitter, 1985)."""
        if not self.most:
            return
        self._seen[is_sound] += 1
        kept = self._kept[is_sound]
        at = len(kept) if len(kept) < self.most else self._random.randrange(self._seen[is_sound])
        if at >= self.most:
            return
        weight = self._weigh(item)
        freed = self._weigh(kept[at]) if at < len(kept) else 0
        if self._bytes - freed + weight > _MOST_BYTES:
            self.is_full = True
            return
        self._bytes += weight - freed
        kept[at : at + 1] = [item]

    def merge(self, other: "_Drawn[_Item]") -> None:
        """All that was offered to the other one, as if it had been offered here; within the bounds of this one."""
        self.is_full |= other.is_full
        self._bytes = 0
        for kind, mine in self._kept.items():
            seen = (self._seen[kind], other._seen[kind])  # noqa: SLF001 - of the same class
            theirs = other._kept[kind]  # noqa: SLF001 - of the same class
            chosen = fair_union((mine, theirs), seen, most=self.most, random=self._random)
            self._seen[kind] = sum(seen)
            self._kept[kind] = [each for each in chosen if self._has_room(each)]

    def _has_room(self, item: _Item) -> bool:
        """Then it is counted."""
        weight = self._weigh(item)
        if self._bytes + weight > _MOST_BYTES:
            self.is_full = True
            return False
        self._bytes += weight
        return True

    @property
    def seen(self) -> int:
        return sum(self._seen.values())

    @property
    def kept(self) -> tuple[_Item, ...]:
        return (*self._kept[True], *self._kept[False])


class Keeper:
    """Answers, and whole calls: of each a fair sample of the sound ones and of the others."""

    def __init__(self, most: int = MOST_KEPT, *, seed: int = 0) -> None:
        """most: answers of each kind; 0 keeps none. seed: the same draw of the same run."""
        random = Random(seed)  # noqa: S311 - reproducible, not secret
        self._answers = _Drawn[Evidence](most, random, weight_of)
        self._calls = _Drawn[PlayedCall](-(-most // _ANSWERS_PER_CALL), random, _weight_of_call)

    @property
    def is_full(self) -> bool:
        """Whether some were too large to be kept beside the others."""
        return self._answers.is_full or self._calls.is_full

    def offer(self, sample: Sample) -> None:
        """What got no response at all shows no rule anything."""
        exchange = sample.evidence.exchange
        if exchange.response is None:
            return
        is_sound = error_kind(sample) is None and exchange.end is End.CLEAN
        # Without what was worked out of it, which is larger than itself.
        self._answers.offer(replace(sample.evidence), is_sound=is_sound)

    def offer_call(self, call: PlayedCall) -> None:
        """One that is over."""
        self._calls.offer(call, is_sound=not call.has_failed)

    def merge(self, other: "Keeper") -> None:
        """All that was offered to the other one, as if it had been offered here; within the bounds of this one."""
        self._answers.merge(other._answers)  # noqa: SLF001 - of the same class
        self._calls.merge(other._calls)  # noqa: SLF001 - of the same class

    @property
    def keeps_calls(self) -> bool:
        """Whether any."""
        return self._calls.most > 0

    @property
    def seen(self) -> int:
        """Answers that were offered."""
        return self._answers.seen

    @property
    def kept(self) -> tuple[Evidence, ...]:
        """Answers, in no order."""
        return self._answers.kept

    @property
    def calls(self) -> tuple[PlayedCall, ...]:
        """In no order."""
        return self._calls.kept


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


def _weight_of_call(call: PlayedCall) -> int:
    return call.size_bytes
