"""Looks for the knee: plays one load after the other, as `Knee` asks, and says what each came to."""

from collections.abc import Callable
from dataclasses import dataclass, field

from vapi_conformance.latency.gates import ERRORS, Figures, Gate, GateOutcome, evaluate
from vapi_conformance.latency.histograms import bounded_n
from vapi_conformance.latency.knee import Knee, StepOutcome
from vapi_conformance.latency.running import Course
from vapi_conformance.latency.tally import Tally

__all__ = ["Search", "Step", "figures_of", "step_requests"]

_ROUNDS = 5
"""Requests of each stream in a step, at least."""
_SURPLUS = 2
"""So many times the values that an interval of the percentile needs."""


def figures_of(tally: Tally) -> Figures:
    """What a gate is held against."""
    histograms = {
        metric.name: tally.histograms[metric.key] for metric in tally.metrics if metric.key in tally.histograms
    }
    return Figures(histograms=histograms, requests=tally.requests, errors=tally.error_count)


def step_requests(condition: Gate, load: int) -> int:
    """How many a step has where nobody says: so many that it can tell, if the figure is not near the limit."""
    quantile = condition.quantile
    needed = 0 if quantile is None else _SURPLUS * bounded_n(quantile)
    return max(needed, _ROUNDS * load)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One load, played."""

    load: int
    outcome: StepOutcome
    said: str
    """With the figures."""


@dataclass(kw_only=True)
class Search:
    """A knee being looked for."""

    condition: Gate
    knee: Knee
    steps: list[Step] = field(default_factory=list[Step])
    _seen: dict[int, Tally] = field(default_factory=dict[int, Tally])
    """By load, all its steps together: a step that is played again adds to what is known."""

    def run(self, play_at: Callable[[int], Course | None]) -> None:
        """play_at: plays the load; None where it may not be played any more (a cap, the user)."""
        while (load := self.knee.next_load()) is not None:
            course = play_at(load)
            if course is None:
                return
            self._take(load, course)
            if course.is_interrupted:
                return

    def _take(self, load: int, course: Course) -> None:
        seen = self._seen.setdefault(load, Tally(course.tally.metrics))
        seen.merge(course.tally)
        outcome, said = _outcome(self.condition, seen, course)
        self.knee.tell(load, outcome)
        self.steps.append(Step(load=load, outcome=outcome, said=said))

    def to_document(self) -> dict[str, object]:
        """JSON-ready: the bracket, with what each step said."""
        return {
            "condition": self.condition.text,
            **self.knee.bracket().to_document(),
            "steps": [{"load": each.load, "outcome": each.outcome.value, "said": each.said} for each in self.steps],
        }


def _outcome(condition: Gate, tally: Tally, course: Course) -> tuple[StepOutcome, str]:
    if course.bottleneck:
        return StepOutcome.UNDECIDED, f"the client was the bottleneck: {next(iter(course.bottleneck))}"
    if course.stopped is not None and not course.is_interrupted:
        return StepOutcome.OVERLOADED, course.stopped
    figures = figures_of(tally)
    result = evaluate(condition, figures)
    said = result.sentence.removeprefix(f"{condition.text}: ")
    if result.outcome is GateOutcome.CANNOT_BE_SAID:
        return StepOutcome.UNDECIDED, said
    said = said.partition(", ")[2] or said
    if (doubt := _doubt(condition, figures)) is not None:
        return StepOutcome.UNDECIDED, f"{said}, {doubt}"
    return StepOutcome.OVERLOADED if result.outcome is GateOutcome.FAILED else StepOutcome.CARRIED, said


def _doubt(condition: Gate, figures: Figures) -> str | None:
    """Why a percentile's value decides nothing; None where its whole interval is on one side of the limit."""
    quantile = condition.quantile
    if condition.name == ERRORS or quantile is None:
        return None
    percentile = figures.histograms[condition.name].percentile(quantile)
    if percentile is None or percentile.low is None or percentile.high is None:
        return "too few for an interval"
    if condition.holds(percentile.low) == condition.holds(percentile.high):
        return None
    low, high = (float(each / condition.scale) for each in (percentile.low, percentile.high))
    return f"really between {low:.5g} and {high:.5g} {condition.unit}"
