"""What a report says of the certificate that it was made for: the level, its thresholds, and what was not played."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vapi_conformance.narrow import object_or_none
from vapi_conformance.report.counting import grouped
from vapi_conformance.report.page.rules import State
from vapi_conformance.report.page.values import objects, string, strings

__all__ = ["Gate", "Level", "level_of"]

_STATES: Final[Mapping[str, State]] = {"passed": "passed", "failed": "broken", "cannot be said": "unshown"}
_MOST_NAMES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A threshold."""

    state: State
    weighs: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Of a certificate."""

    name: str
    gates: tuple[Gate, ...]
    sentence: str
    """Whether its thresholds hold; empty where there are none."""
    not_played: str
    """Scenarios that were planned, and why that matters; empty where all were played."""

    @property
    def missed(self) -> str:
        """Why the level is not reached whatever the rules say, in short; empty where nothing of that kind is."""
        if self.not_played:
            return f"The level {self.name} is not reached: not all was played."
        if any(each.weighs == "MUST" and each.state != "passed" for each in self.gates):
            return f"The level {self.name} is not reached: a threshold is not met, or cannot be said to be."
        return ""


def level_of(document: Mapping[str, object]) -> Level | None:
    """None for a report that was made for no certificate."""
    certificate = object_or_none(document.get("certificate"))
    if certificate is None:
        return None
    gates = tuple(
        Gate(
            state=_STATES.get(string(each.get("outcome")), "unshown"),
            weighs=string(each.get("weighs")),
            sentence=string(each.get("sentence"), string(each.get("text"))),
        )
        for each in objects(certificate.get("gates"))
    )
    return Level(
        name=string(certificate.get("level")), gates=gates, sentence=_sentence(gates), not_played=_not_played(document)
    )


def _sentence(gates: tuple[Gate, ...]) -> str:
    missed = sum(1 for each in gates if each.weighs == "MUST" and each.state != "passed")
    if missed:
        return f"The level is not reached: {grouped(missed, 'threshold')} not met, or not to be said."
    warned = sum(1 for each in gates if each.state != "passed")
    if warned:
        return f"Its thresholds are met; {grouped(warned, 'SHOULD')} is not."
    return "Its thresholds are met." if gates else ""


def _not_played(document: Mapping[str, object]) -> str:
    names = [*strings(document.get("not_played"))]
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"Planned and not played, so that the level is not reached: {', '.join(names[:_MOST_NAMES])}{more}."
