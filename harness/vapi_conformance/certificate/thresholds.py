"""Gates on a stored bench: recomputed from its histograms, with the instrument's own error allowed for.

A gate passes when the figure would be within its limit even if the instrument had erred as far as it hardly ever does,
and fails when it would be beyond it all the same. What lies between, and whatever was measured by a client that could
not keep up, cannot be said; and a MUST that nobody can say is none that was kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from vapi_conformance.latency.gates import ERRORS, Figures, Gate, GateOutcome, evaluate, parse_gate
from vapi_conformance.latency.metrics import metrics_for
from vapi_conformance.latency.result import StoredResult, from_document
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.rules.rule import Level

__all__ = ["GateFinding", "gate_findings"]

_NS_PER_MS: Final = 1_000_000
_FROM_SENT: Final = frozenset({"headers", "ttft", "ttfs", "answer", "turn"})
_SILENCES: Final = frozenset({"dead_air"})
"""Sums of silences, of which there are fewer than pieces: each may be wrong by the error of a gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFinding:
    """One gate, held against what was measured."""

    text: str
    """The condition that must not hold."""
    weighs: Level
    outcome: GateOutcome
    sentence: str
    """For people, with the figures and the error that was allowed for."""


def gate_findings(plan: Mapping[str, object], bench: Mapping[str, object] | None) -> list[GateFinding]:
    """One for each gate of the plan, in its order. Without a bench none of them can be said. Pure."""
    gates = [object_or_nothing(each) for each in array_or_nothing(plan["gates"])]
    if not gates:
        return []
    measured = _measured(plan, bench)
    return [_finding(str(each["fail_if"]), Level[str(each["weighs"])], measured) for each in gates]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """A bench, and what speaks against it."""

    stored: StoredResult | None
    strange: str = ""
    """Why it proves nothing at all: something else was measured than was planned."""
    few: str = ""
    """Why errors that it does not have prove nothing: it was cut short. Those that it has do."""
    slow: str = ""
    """Why its times prove nothing: they are the client's, or too few, or nobody knows how wrong they are."""


def _measured(plan: Mapping[str, object], bench: Mapping[str, object] | None) -> _Measured:
    if bench is None:
        return _Measured(stored=None, strange="latency was not measured")
    try:
        stored = from_document(bench)
    except UsageError as problem:
        return _Measured(stored=None, strange=f"bench.json {problem}")
    wanted = object_or_nothing(plan["load"]).get("requests")
    few = "" if stored.requests == wanted else f"{stored.requests} of the {wanted} planned requests were measured"
    return _Measured(
        stored=stored,
        strange="; ".join(_against_all(plan, stored)),
        few=few,
        slow="; ".join(_against_times(stored, few)),
    )


def _against_all(plan: Mapping[str, object], stored: StoredResult) -> Iterator[str]:
    load, document = object_or_nothing(plan["load"]), stored.document
    schedule, settings = object_or_nothing(document["schedule"]), object_or_nothing(document["settings"])
    if _identity(document["target"]) != _identity(plan["target"]):
        yield "another endpoint was measured than was judged"
    if schedule.get("kind") != "closed" or schedule.get("streams") != load.get("streams"):
        yield "another load was played than was planned"
    if settings.get("say") != load.get("say"):
        yield "other words were said than were planned"


def _against_times(stored: StoredResult, few: str) -> Iterator[str]:
    document = stored.document
    if few:
        yield few
    if document["client_was_bottleneck"] is True or document["is_partial"] is True:
        reasons = "; ".join(str(each) for each in array_or_nothing(document["bottleneck_reasons"]))
        yield f"the client was the bottleneck ({reasons or 'a part of it was lost'})"
    if document["stopped"] is not None:
        yield f"the load ended before its time: {document['stopped']}"
    if document["calibration"] is None:
        yield "the instrument's own error is not known"


def _identity(target: object) -> tuple[object, ...]:
    fields = object_or_nothing(target)
    return tuple(fields.get(name) for name in ("name", "platform", "dialect", "model"))


def _finding(text: str, weighs: Level, measured: _Measured) -> GateFinding:
    gate = parse_gate(text, metrics_for("closed"))
    stored = measured.stored
    if stored is None or measured.strange:
        return _unsaid(gate, weighs, measured.strange)
    figures = Figures(histograms=stored.histograms, requests=stored.requests, errors=stored.errors)
    found = evaluate(gate, figures)
    # A slow client makes errors, if anything, and hides none; one that was cut short may not have met them yet.
    is_passed = found.outcome is GateOutcome.PASSED
    why = measured.slow if gate.name != ERRORS else measured.few if is_passed else ""
    if why:
        return _unsaid(gate, weighs, why)
    if gate.name == ERRORS or found.value is None:
        return GateFinding(text=gate.text, weighs=weighs, outcome=found.outcome, sentence=found.sentence)
    error = _error(gate, stored)
    if error is None:
        return _unsaid(gate, weighs, f"the instrument's own error is not known for {gate.name}")
    value = Fraction(found.value) * gate.scale
    least, most = gate.holds(max(Fraction(0), value - error)), gate.holds(value + error)
    sentence = f"{found.sentence}; the instrument may be wrong by {float(error / gate.scale):.3g} {gate.unit}".rstrip()
    if least != most:
        return _unsaid(gate, weighs, f"the limit lies within the instrument's own error ({sentence})")
    outcome = GateOutcome.FAILED if most else GateOutcome.PASSED
    return GateFinding(text=gate.text, weighs=weighs, outcome=outcome, sentence=sentence)


def _unsaid(gate: Gate, weighs: Level, why: str) -> GateFinding:
    sentence = f"{gate.text}: cannot be said, because {why}"
    return GateFinding(text=gate.text, weighs=weighs, outcome=GateOutcome.CANNOT_BE_SAID, sentence=sentence)


def _error(gate: Gate, measured: StoredResult) -> Fraction | None:
    """In the integers of the metric; what the instrument's error hardly ever exceeds. None: not known."""
    calibration = object_or_nothing(measured.document["calibration"])
    if gate.name in _FROM_SENT:
        return _bound(calibration, "ttft_error_ms")
    gap = _bound(calibration, "gap_error_ms")
    if gap is None or gate.name not in _SILENCES:
        return gap
    pieces = measured.histograms.get("pieces")
    most = None if pieces is None else pieces.max
    return gap * max(1, most or 1)


def _bound(calibration: Mapping[str, object], name: str) -> Fraction | None:
    """p99, or the greatest where so few were measured (`calibration.Errors.bound_ns`)."""
    errors = object_or_nothing(calibration.get(name))
    for figure in ("p99", "max"):
        value = errors.get(figure)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Fraction(value) * _NS_PER_MS
    return None
