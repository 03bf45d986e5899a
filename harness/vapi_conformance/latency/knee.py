"""The knee: how much load an endpoint carries before a condition begins to hold ("p95 of TTFS above 800 ms").

A state machine without a clock and without a socket: it says which load to try next, is told what came of it, and says
when to stop. It doubles the load until the condition holds, then halves the interval between the greatest load that was
carried and the least that was not.

Measurements are noisy, and near the knee they contradict each other. So a step that cannot tell (too few values, an
interval on both sides of the limit) is repeated, up to a bound; then it counts as undecided, and the search goes on at
the next load beside it, without claiming anything of this one. The answer is always a bracket, never a number.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from vapi_conformance.latency.gates import Figures, Gate, GateOutcome, evaluate
from vapi_conformance.problems import UsageError

__all__ = ["Bracket", "Knee", "StepOutcome", "Tried", "step_outcome"]

_MOST_LOAD: Final = 1_000_000


class StepOutcome(Enum):
    """What a step at some load came to."""

    CARRIED = "carried"
    """The condition did not hold."""
    OVERLOADED = "overloaded"
    """It did."""
    UNDECIDED = "undecided"
    """The measurement cannot tell."""


def step_outcome(condition: Gate, figures: Figures) -> StepOutcome:
    """What a step came to, by its figures. The condition is written as a gate: what is not to happen.

    A percentile decides with its whole interval: undecided when the limit lies in it, or too few values give it no
    bound there (`histograms.bounded_n` says how many do). Every other figure decides as it is.
    """
    quantile, histogram = condition.quantile, figures.histograms.get(condition.name)
    if quantile is not None and histogram is not None:
        found = histogram.percentile(quantile)
        if found is None:
            return StepOutcome.UNDECIDED
        bounds = (0 if found.low is None else found.low, math.inf if found.high is None else found.high)
        held = {condition.holds(bound) for bound in bounds}
        if len(held) > 1:
            return StepOutcome.UNDECIDED
        return StepOutcome.OVERLOADED if True in held else StepOutcome.CARRIED
    outcomes = {
        GateOutcome.PASSED: StepOutcome.CARRIED,
        GateOutcome.FAILED: StepOutcome.OVERLOADED,
        GateOutcome.CANNOT_BE_SAID: StepOutcome.UNDECIDED,
    }
    return outcomes[evaluate(condition, figures).outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One step that was played."""

    load: int
    outcome: StepOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """The answer: the knee lies above the one and at most at the other."""

    carried: int | None
    """The greatest load that was carried; None where none was."""
    overloaded: int | None
    """The least load that was not carried; None where every one was, up to the greatest that was allowed."""
    undecided: tuple[int, ...]
    """Loads between them of which no measurement could tell."""
    steps: tuple[Tried, ...]
    is_complete: bool
    """Whether the bracket is as narrow as was asked for, and not cut short by the number of steps."""

    @property
    def sentence(self) -> str:
        """For people."""
        tail = "" if not self.undecided else f"; at {', '.join(map(str, self.undecided))} the measurements cannot tell"
        if self.carried is None and self.overloaded is None:
            return f"no load could be judged{tail}"
        if self.overloaded is None:
            return f"carried up to {self.carried}, and no load that was tried was too much{tail}"
        if self.carried is None:
            return f"not even {self.overloaded} was carried{tail}"
        cut = "" if self.is_complete else " (the steps ran out before it was narrower)"
        return f"carried {self.carried}, not {self.overloaded}{cut}{tail}"

    def to_document(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "carried": self.carried,
            "overloaded": self.overloaded,
            "undecided": list(self.undecided),
            "is_complete": self.is_complete,
            "steps": [{"load": step.load, "outcome": step.outcome.value} for step in self.steps],
            "sentence": self.sentence,
        }


@dataclass(slots=True, kw_only=True)
class Knee:
    """A search under way. Ask `next_load`, play it, `tell` what came of it; until there is no next one.

    Loads are whole numbers: streams, or requests a second.
    """

    first: int = 1
    most: int = 1024
    """No load above it is tried."""
    most_steps: int = 20
    """Repetitions count."""
    repeats: int = 2
    """How often a step that cannot tell is played again."""
    resolution: float = 0.05
    """It is enough when the bracket is no wider than this share of its upper end."""
    _steps: list[Tried] = field(default_factory=list[Tried], init=False)

    def __post_init__(self) -> None:
        """Raises UsageError for a search that cannot be made."""
        if not 1 <= self.first <= self.most <= _MOST_LOAD:
            raise UsageError(
                f"a search goes from a load of at least 1 up to one of at most {_MOST_LOAD:,}, "
                f"got {self.first} to {self.most}"
            )
        if self.most_steps < 1 or self.repeats < 0 or not 0 <= self.resolution < 1:
            raise UsageError("a search has at least one step, no negative repetitions and a resolution between 0 and 1")

    def next_load(self) -> int | None:
        """The load to try; None when the search is over."""
        return None if len(self._steps) >= self.most_steps else self._wanted()

    def tell(self, load: int, outcome: StepOutcome) -> None:
        """What the step at the load that was asked for came to. ValueError for any other load."""
        if load != self.next_load():
            raise ValueError(f"a step at {load} was not asked for")
        self._steps.append(Tried(load=load, outcome=outcome))

    def bracket(self) -> Bracket:
        """The answer as far as it is known; any time."""
        carried, overloaded = self._bounds()
        judged = self._judged()
        low, high = carried or 0, self.most if overloaded is None else overloaded
        return Bracket(
            carried=carried,
            overloaded=overloaded,
            undecided=tuple(
                load
                for load, outcome in sorted(judged.items())
                if outcome is StepOutcome.UNDECIDED and low <= load <= high
            ),
            steps=tuple(self._steps),
            is_complete=self._wanted() is None,
        )

    def _judged(self) -> Mapping[int, StepOutcome]:
        """What is held of each load: its last outcome. One that cannot tell is played again before anything follows."""
        return {step.load: step.outcome for step in self._steps}

    def _bounds(self) -> tuple[int | None, int | None]:
        """Every load is asked for above all that were carried and below all that were not, so the two never cross."""
        judged = self._judged()
        carried = max((load for load, each in judged.items() if each is StepOutcome.CARRIED), default=None)
        return carried, min((load for load, each in judged.items() if each is StepOutcome.OVERLOADED), default=None)

    def _wanted(self) -> int | None:
        if self._steps and self._steps[-1].outcome is StepOutcome.UNDECIDED:
            load = self._steps[-1].load
            if sum(step.load == load for step in self._steps) <= self.repeats:
                return load
        judged = self._judged()
        carried, overloaded = self._bounds()
        if overloaded is None:
            reached = max(judged, default=None)
            if reached is None:
                return self.first
            return min(2 * reached, self.most) if reached < self.most else None
        low = carried or 0
        if overloaded - low <= max(1, int(self.resolution * overloaded)):
            return None
        return _between(low, overloaded, judged)


def _between(low: int, high: int, judged: Mapping[int, StepOutcome]) -> int | None:
    """The middle of the widest stretch that no judged load, undecided ones among them, divides; None where none is."""
    marks = [low, *sorted(load for load in judged if low < load < high), high]
    widest = max(range(len(marks) - 1), key=lambda at: marks[at + 1] - marks[at])
    return (marks[widest] + marks[widest + 1]) // 2 if marks[widest + 1] - marks[widest] > 1 else None
