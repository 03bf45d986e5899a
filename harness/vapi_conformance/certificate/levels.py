"""The levels of certificates: json, streaming, tools, calls, voice-ready; each asks for all that those before it do.

What a level asks for is published, `schemas/harness/levels/NAME.json`, and stands nowhere in code: layers of rules,
scenarios, the load under which latency is measured, and the gates on it with their sources. A certificate names the
document with its digest, so that what "voice-ready" meant when it was issued can always be looked up.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal

from vapi_conformance.certificate.canonical import digest_of
from vapi_conformance.certificate.published import Published, checked_record, named_by
from vapi_conformance.certificate.requirements import FrozenRule, RequirementSet
from vapi_conformance.certificate.thresholds import GateFinding, gate_findings
from vapi_conformance.data import data_dir
from vapi_conformance.json_file import read_json
from vapi_conformance.latency.gates import GateOutcome
from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.rules.rule import Level
from vapi_conformance.verdict import Outcome

__all__ = [
    "CertificateLevel",
    "LevelResult",
    "LevelsDocument",
    "current_levels",
    "known_levels",
    "level_result",
    "levels_document",
]

_FOLDER: Final = "harness/levels"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateLevel:
    """What a level asks for beyond the one before it; the schema `harness/levels` describes each field."""

    name: str
    about: str
    layers: frozenset[str]
    rules: frozenset[str]
    scenarios: tuple[str, ...]
    shows: tuple[Mapping[str, object], ...]
    load: Mapping[str, object] | None
    gates: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, kw_only=True)
class LevelsDocument(Published):
    """All levels of one edition, in order."""

    levels: tuple[CertificateLevel, ...] = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """From the least to the highest."""
        return tuple(level.name for level in self.levels)

    def up_to(self, name: str) -> tuple[CertificateLevel, ...]:
        """The level with those before it. Raises UsageError for a name that the document does not have."""
        if name not in self.names:
            raise UsageError(f"there is no level {name!r}; the levels are: {', '.join(self.names)}")
        return self.levels[: self.names.index(name) + 1]

    def rules(self, name: str, of: RequirementSet, *, profile: str, dialect: str) -> dict[str, Level]:
        """Rule id to what it weighs, of those that count for the level; in the catalogue's order."""
        counting = {rule.id for rule in of.rules if self.counts(name, rule)}
        return {rule_id: level for rule_id, level in of.levels(profile, dialect).items() if rule_id in counting}

    def counts(self, name: str, rule: FrozenRule) -> bool:
        """Whether the level asks for the rule: by its name or its layer, and by what it is judged on."""
        return self._begins(rule, self.up_to(name)) and self._is_shown(rule, self.scenarios(name))

    def _begins(self, rule: FrozenRule, levels: Sequence[CertificateLevel]) -> bool:
        """A rule that some level names counts from that one on, although its layer may be an earlier one's."""
        is_named = any(rule.id in level.rules for level in self.levels)
        return any(rule.id in level.rules if is_named else rule.layer in level.layers for level in levels)

    def _is_shown(self, rule: FrozenRule, scenarios: Sequence[str]) -> bool:
        return not rule.scenarios or any(rule.is_judged_on(name) for name in scenarios)

    def scenarios(self, name: str) -> tuple[str, ...]:
        """What the level plays, in order, as far as the platform would send it."""
        return tuple(scenario for level in self.up_to(name) for scenario in level.scenarios)

    def shows(self, name: str, profile: str, rules: Collection[str]) -> list[dict[str, object]]:
        """What must have been shown, each with rules of which one at least must have been judged.

        rules: those that count; what none of them is about is not asked for (another dialect has no such thing).
        """
        found: list[dict[str, object]] = []
        for level in self.up_to(name):
            for each in level.shows:
                about = [rule for rule in array_or_nothing(each["rules"]) if rule in rules]
                is_asked = profile in array_or_nothing(each["profiles"]) and (
                    not each["of_itself"] or level.name == name
                )
                if about and is_asked:
                    found.append({"what": each["what"], "rules": about})
        return found

    def load(self, name: str) -> Mapping[str, object] | None:
        """Under which latency is measured; None where the level has no gates on it."""
        return next((level.load for level in reversed(self.up_to(name)) if level.load is not None), None)

    def gates(self, name: str, profile: str) -> list[dict[str, object]]:
        """Conditions that must not hold, with what they weigh in the profile."""
        return [
            {"fail_if": gate["fail_if"], "weighs": weighs[profile]}
            for level in self.up_to(name)
            for gate in level.gates
            if profile in (weighs := object_or_nothing(gate["weighs"]))
        ]


@cache
def known_levels() -> Mapping[str, LevelsDocument]:
    """Every edition of this installation, the oldest first. Raises ValueError where the installation is damaged."""
    folder = data_dir("schemas") / _FOLDER
    found = [_document(read_json(path), path.name) for path in sorted(folder.glob("*.json"))]
    return {each.name: each for each in found}


def _document(document: object, file: str) -> LevelsDocument:
    record = checked_record(document, file, schema="harness/levels")
    levels = tuple(_level(object_or_nothing(each)) for each in array_or_nothing(record["levels"]))
    return LevelsDocument(name=str(record["name"]), digest=digest_of(document), levels=levels)


def _level(record: Mapping[str, object]) -> CertificateLevel:
    return CertificateLevel(
        name=str(record["name"]),
        about=str(record["about"]),
        layers=frozenset(str(each) for each in array_or_nothing(record["layers"])),
        rules=frozenset(str(each) for each in array_or_nothing(record["rules"])),
        scenarios=tuple(str(each) for each in array_or_nothing(record["scenarios"])),
        shows=tuple(object_or_nothing(each) for each in array_or_nothing(record["shows"])),
        load=object_or_none(record["load"]),
        gates=tuple(object_or_nothing(each) for each in array_or_nothing(record["gates"])),
    )


def current_levels() -> LevelsDocument:
    """The newest edition: what a certificate of today is issued by."""
    return list(known_levels().values())[-1]


def levels_document(reference: Mapping[str, object]) -> LevelsDocument:
    """The edition that a plan names. Raises UsageError where this installation has none of that name and digest."""
    return named_by(reference, known_levels(), what="the levels", is_one=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelResult:
    """What a certificate states."""

    result: Literal["PASSED", "WARNED", "FAILED"]
    """WARNED: the level is reached, and a SHOULD is broken, or something was not shown. FAILED: it is not reached."""
    reasons: tuple[str, ...]
    """Why it is not PASSED, one sentence each; what fails comes before what warns."""
    passed: tuple[str, ...] = ()
    """Rule ids, and gates as their conditions."""
    warned: tuple[str, ...] = ()
    """SHOULDs that are broken."""
    failed: tuple[str, ...] = ()
    """MUSTs that are broken."""
    noted: tuple[str, ...] = ()
    """MAYs that are broken: told, and of no weight."""
    not_shown: Mapping[str, str] = field(default_factory=dict[str, str])
    """What was asked for and never shown, or could not be said, with the reason."""
    skipped: Mapping[str, str] = field(default_factory=dict[str, str])
    """What does not apply, or was not played, with the reason."""

    @property
    def is_reached(self) -> bool:
        """Whether the endpoint has the level."""
        return self.result != "FAILED"


def level_result(
    plan: Mapping[str, object], report: Mapping[str, object], bench: Mapping[str, object] | None
) -> LevelResult:
    """What a report and a bench come to for the plan's level. Pure; every rule and gate of the plan is in one list."""
    counted = _Counted()
    rules = {str(each["id"]): each for each in map(object_or_nothing, array_or_nothing(report["rules"]))}
    for rule_id, weight in object_or_nothing(plan["rules"]).items():
        counted.rule(rule_id, Level[str(weight)], rules.get(rule_id))
    judged = {rule_id for rule_id, said in rules.items() if said["judged"]}
    for each in map(object_or_nothing, array_or_nothing(plan["shows"])):
        if judged.isdisjoint(str(rule_id) for rule_id in array_or_nothing(each["rules"])):
            counted.never_shown(str(each["what"]))
    for finding in gate_findings(plan, bench):
        counted.gate(finding)
    if (why := report.get("unreachable")) is not None:
        counted.failing.append(f"nothing could be judged: {why}")
    if missing := array_or_nothing(report.get("not_played")):
        some = ", ".join(str(each) for each in missing[:3]) + (", ..." if len(missing) > 3 else "")  # noqa: PLR2004
        counted.failing.append(f"{len(missing)} planned scenarios were not played: {some}")
        counted.not_shown |= {str(each): "planned and not played" for each in missing}
    if not counted.passed and not counted.failing:
        counted.failing.append("no rule was shown to be kept")
    for name, left_out in object_or_nothing(plan["left_out"]).items():
        counted.skipped[name] = str(left_out)
    return counted.result()


@dataclass(kw_only=True)
class _Counted:
    """Filled rule by rule."""

    failing: list[str] = field(default_factory=list[str])
    warning: list[str] = field(default_factory=list[str])
    passed: list[str] = field(default_factory=list[str])
    warned: list[str] = field(default_factory=list[str])
    failed: list[str] = field(default_factory=list[str])
    noted: list[str] = field(default_factory=list[str])
    not_shown: dict[str, str] = field(default_factory=dict[str, str])
    skipped: dict[str, str] = field(default_factory=dict[str, str])

    def rule(self, rule_id: str, weight: Level, said: Mapping[str, object] | None) -> None:
        """said: the rule's entry in the report; a rule of the plan that is not there was not shown to be kept."""
        outcome = Outcome.UNTESTABLE if said is None else Outcome(str(said["outcome"]))
        reason = "the report does not have the rule" if said is None else str(said["reason"])
        match outcome:
            case Outcome.PASSED:
                self.passed.append(rule_id)
            case Outcome.NOT_APPLICABLE:
                self.skipped[rule_id] = reason
            case Outcome.VIOLATED:
                self._broken(rule_id, weight, "" if said is None else f"{said['broken']} of {said['judged']}")
            case Outcome.UNTESTABLE | Outcome.UNREACHABLE | Outcome.HARNESS_ERROR:
                self._unsaid(rule_id, weight, f"{outcome.value}: {reason}", is_ours=outcome is Outcome.HARNESS_ERROR)

    def _broken(self, name: str, weight: Level, counts: str) -> None:
        sentence = f"{name} ({weight.name}) is broken, in {counts}"
        if weight is Level.MUST:
            self.failed.append(name)
            self.failing.append(sentence)
        elif weight is Level.SHOULD:
            self.warned.append(name)
            self.warning.append(sentence)
        else:
            self.noted.append(name)

    def _unsaid(self, name: str, weight: Level, why: str, *, is_ours: bool = False) -> None:
        self.not_shown[name] = why
        fails = weight is Level.MUST or is_ours
        (self.failing if fails else self.warning).append(f"{name} ({weight.name}) was not shown to be kept: {why}")

    def never_shown(self, what: str) -> None:
        """That which the level is about."""
        self.not_shown[what] = "nothing that the endpoint sent was any"
        self.failing.append(f"{what} was never shown")

    def gate(self, finding: GateFinding) -> None:
        """A threshold, named by its condition."""
        match finding.outcome:
            case GateOutcome.PASSED:
                self.passed.append(finding.text)
            case GateOutcome.CANNOT_BE_SAID:
                self.not_shown[finding.text] = finding.sentence
                (self.failing if finding.weighs is Level.MUST else self.warning).append(finding.sentence)
            case GateOutcome.FAILED:
                is_must = finding.weighs is Level.MUST
                (self.failed if is_must else self.warned).append(finding.text)
                (self.failing if is_must else self.warning).append(finding.sentence)

    def result(self) -> LevelResult:
        """Sealed."""
        return LevelResult(
            result="FAILED" if self.failing else "WARNED" if self.warning else "PASSED",
            reasons=(*self.failing, *self.warning),
            passed=tuple(self.passed),
            warned=tuple(self.warned),
            failed=tuple(self.failed),
            noted=tuple(self.noted),
            not_shown=self.not_shown,
            skipped=self.skipped,
        )
