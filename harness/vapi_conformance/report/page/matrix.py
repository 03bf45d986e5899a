"""Several runs side by side: rules down, endpoints across; and what changes from any one of them to any other."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vapi_conformance.report.counting import grouped
from vapi_conformance.report.page.rules import STATES, Rule, State
from vapi_conformance.report.page.run_view import View
from vapi_conformance.report.page.speech_line import Tone

__all__ = ["Cell", "Difference", "Matrix", "MatrixRow", "matrix_of"]

_MOST_COMPARED: Final = 16
"""Runs of which any two can be compared; the pairs grow as the square."""
_WORSE: Final[Mapping[State, int]] = {"passed": 0, "absent": 0, "unshown": 1, "broken": 2}
_ENDINGS: Final[Mapping[Tone, str]] = {
    "bad": "the call, the tool or the client is lost",
    "warn": "nothing is heard",
    "good": "it is heard or acted on all the same",
    "plain": "nobody’s hearing is known",
}
_GRAVE: Final[tuple[Tone, ...]] = ("bad", "warn", "good", "plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One rule at one endpoint: whether what was sent keeps it, and what the answers that break it end in."""

    state: State | None
    """Of the body; None where that run has no such rule."""
    ending: Tone | None
    """None where nothing is broken."""
    href: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One rule."""

    anchor: str
    id: str
    level: str
    statement: str
    cells: tuple[Cell, ...]
    differs: str
    """Pairs of runs that fare differently: `p0-1`, the names of classes."""

    @property
    def is_alike(self) -> bool:
        """The same everywhere."""
        return len({each.state for each in self.cells}) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """From one run to another."""

    start: int
    end: int
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """All rules of all runs."""

    names: tuple[str, ...]
    sentence: str
    """What all runs come to."""
    rows: tuple[MatrixRow, ...]
    differences: tuple[Difference, ...]
    alike: int
    """How many rules fare the same everywhere."""
    compared: int
    """How many runs, from the first, can be compared."""


def matrix_of(views: Sequence[View]) -> Matrix:
    """Rules in the order in which they first occur."""
    by_run = [{rule.id: rule for layer in view.layers for rule in layer.rules} for view in views]
    order = dict.fromkeys(identity for rules in by_run for identity in rules)
    compared = min(len(views), _MOST_COMPARED)
    rows = tuple(_row(identity, by_run, compared) for identity in order)
    return Matrix(
        names=_names(views),
        sentence=_sentence(views),
        rows=tuple(sorted(rows, key=lambda row: row.is_alike)),
        differences=tuple(_differences(rows, _names(views), compared)),
        alike=sum(1 for row in rows if row.is_alike),
        compared=compared,
    )


def _sentence(views: Sequence[View]) -> str:
    verdicts = [each.verdict for each in views]
    told = (("violated", "not conformant"), ("incomplete", "incomplete"), ("conformant", "conformant"))
    parts = [f"{verdicts.count(verdict)} {words}" for verdict, words in told if verdict in verdicts]
    return (
        f"Of {grouped(len(views), 'run')}, {', '.join(parts[:-1])}{' and ' if parts[1:] else ''}{''.join(parts[-1:])}."
    )


def _names(views: Sequence[View]) -> tuple[str, ...]:
    """Two runs of one endpoint are told apart by their number."""
    names = [each.name for each in views]
    return tuple(
        f"{name} ({names[: at + 1].count(name)})" if names.count(name) > 1 else name for at, name in enumerate(names)
    )


def _row(identity: str, by_run: Sequence[Mapping[str, Rule]], compared: int) -> MatrixRow:
    rules = [each.get(identity) for each in by_run]
    first = next(each for each in rules if each is not None)
    cells = tuple(_cell(each) for each in rules)
    pairs = (
        f"p{start}-{end}"
        for start in range(compared)
        for end in range(compared)
        if start != end and cells[start].state != cells[end].state
    )
    return MatrixRow(
        anchor=first.anchor[first.anchor.index(":") + 1 :],
        id=identity,
        level=first.level,
        statement=first.statement,
        cells=cells,
        differs=" ".join(pairs),
    )


def _cell(rule: Rule | None) -> Cell:
    if rule is None:
        return Cell(state=None, ending=None, href="", says="not among the rules of this run")
    told = STATES[rule.state].lower()
    if rule.state != "broken":
        return Cell(state=rule.state, ending=None, href=rule.anchor, says=told)
    tones = {effect.tone for each in rule.in_full for effect in each.effects[:1]}
    ending = _gravest(tones)
    return Cell(state=rule.state, ending=ending, href=rule.anchor, says=f"{told} ({rule.tried}); {_ENDINGS[ending]}")


def _gravest(tones: Collection[str]) -> Tone:
    for tone in _GRAVE:
        if tone in tones:
            return tone
    return "plain"


def _differences(rows: Sequence[MatrixRow], names: Sequence[str], compared: int) -> Iterator[Difference]:
    for start in range(compared):
        for end in range(compared):
            if start != end:
                worse, better, other = _moved(rows, start, end)
                told = [
                    *([f"{grouped(worse, 'rule')} worse"] if worse else []),
                    *([f"{grouped(better, 'rule')} better"] if better else []),
                    *([f"{other} otherwise different"] if other else []),
                ]
                says = f"{', '.join(told) or 'no rule differs'}, from {names[start]} to {names[end]}."
                yield Difference(start=start, end=end, says=says[:1].upper() + says[1:])


def _moved(rows: Sequence[MatrixRow], start: int, end: int) -> tuple[int, int, int]:
    worse = better = other = 0
    for row in rows:
        here, there = row.cells[start].state, row.cells[end].state
        if here == there:
            continue
        before, after = (_WORSE[each] if each else 0 for each in (here, there))
        worse += after > before
        better += after < before
        other += after == before
    return worse, better, other
