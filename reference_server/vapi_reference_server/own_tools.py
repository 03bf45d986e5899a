"""Tools that the endpoint runs itself, unseen by whoever calls: Vapi's guide calls them native.

A turn is asked for again and again while the caller is still speaking. A tool that moves something in the world
must not do so each time; so what a tool has answered in a call is kept, and told again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

RUNS_HEADER = "x-tool-runs"
"""How often such tools have run in this call so far: evidence for whoever wants to see that none ran twice."""
LOOK_UP_ORDER = "look_up_order"
_ORDER = re.compile(r"\blook up (?:my |the |an? )?order (?:number )?#?([\w-]{1,32})", re.IGNORECASE)
_MOST_RESULTS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCall:
    """A tool of the endpoint's own, and what it is called with."""

    name: str
    argument: str


Run: TypeAlias = Callable[[OwnCall], str]


def own_call(said: str) -> OwnCall | None:
    """The tool that these words of a caller ask for, if any."""
    order = _ORDER.search(said)
    return None if order is None else OwnCall(name=LOOK_UP_ORDER, argument=order[1].casefold())


def run(call: OwnCall) -> str:
    """What the tool says, in a sentence for the caller. The same order always arrives on the same day."""
    days = 2 + sum(int(digit) for digit in re.findall(r"[0-9]", call.argument)) % 5
    return f"Order {call.argument} was shipped on Monday and arrives in {days} days."


class OwnTools:
    """The tools as one call knows them: each runs once for the same argument."""

    def __init__(self) -> None:
        self.runs = 0
        self._results: dict[OwnCall, str] = {}

    def run(self, call: OwnCall) -> str:
        """What the tool says, from memory where it has run already."""
        return self.once(call, lambda: run(call))

    def once(self, call: OwnCall, do: Callable[[], str]) -> str:
        """The same for a tool that somebody else has: `do` runs it."""
        if call not in self._results:
            self.runs += 1
            self._results[call] = do()
            if len(self._results) > _MOST_RESULTS:
                del self._results[next(iter(self._results))]
        return self._results[call]

    def forget(self) -> None:
        """Drop the results; the count of runs stays."""
        self._results.clear()
