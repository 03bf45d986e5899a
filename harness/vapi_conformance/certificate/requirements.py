"""Frozen sets of requirements: which rules there were on a day, and how much each of them weighed.

The catalogue grows, and levels are corrected. A certificate must not change its meaning with them: it names a set by
name and digest, and whoever judges its bundle again takes the rules and the levels of that set, and no others. Sets are
files, `fixtures/requirements/NAME.json`, each written once by `tests/freeze_requirements.py` and never after a release;
so are the shapes of the scenarios of that day (`shapes`), whose digest the set names.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from vapi_conformance.call_scenario import ANY_CALL, CALLS
from vapi_conformance.certificate.canonical import digest_of
from vapi_conformance.certificate.published import Published, checked_record, named_by
from vapi_conformance.certificate.shapes import Shapes, read_shapes
from vapi_conformance.data import data_dir
from vapi_conformance.json_file import read_json
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.rules.rule import Level, Profile, Rule

__all__ = [
    "FORMAT",
    "FrozenRule",
    "RequirementSet",
    "current_set",
    "drift",
    "frozen",
    "frozen_rule",
    "known_sets",
    "requirement_set",
]

FORMAT: Final = "vapi-conformance/requirements"
_FOLDER: Final = "requirements"
_SHAPES: Final = "scenarios"

Levels = Mapping[str, Mapping[str, str]]
"""By profile, then by dialect: MUST, SHOULD or MAY."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenRule:
    """A rule as it was: what it weighed where, and what it was judged on."""

    id: str
    scenarios: tuple[str, ...]
    """Empty for a rule on single exchanges."""
    levels: Levels

    @property
    def layer(self) -> str:
        """The part of the id before the point."""
        return self.id.partition(".")[0]

    def is_judged_on(self, scenario: str) -> bool:
        """Whether the exchanges of that scenario are a group on which it is judged; calls are `calls/NAME`."""
        return scenario in self.scenarios or (ANY_CALL in self.scenarios and scenario.startswith(CALLS))

    def level(self, profile: str, dialect: str) -> Level | None:
        """None: not part of that profile, or not of that dialect."""
        name = self.levels.get(profile, {}).get(dialect)
        return None if name is None else Level[name]


@dataclass(frozen=True, kw_only=True)
class RequirementSet(Published):
    """A set of one day."""

    frozen_at: str
    suite: str
    """The suite whose catalogue it was."""
    rules: tuple[FrozenRule, ...] = field(repr=False)
    """In the catalogue's order."""
    shapes: Shapes = field(default_factory=Shapes, repr=False)
    """Of the scenarios of that day."""

    def levels(self, profile: str, dialect: str) -> dict[str, Level]:
        """Rule id to level, of those that hold there; in the catalogue's order."""
        found = ((rule.id, rule.level(profile, dialect)) for rule in self.rules)
        return {rule_id: level for rule_id, level in found if level is not None}


def frozen(
    rules: Iterable[Rule], *, name: str, frozen_at: str, suite: str, shapes: Mapping[str, object]
) -> dict[str, object]:
    """The document of a set that holds these rules as they are now.

    shapes: the document of the scenarios, after `shapes.frozen_shapes`.
    """
    return {
        "format": FORMAT,
        "version": 1,
        "name": name,
        "frozen_at": frozen_at,
        "suite": suite,
        "scenarios": digest_of(shapes),
        "rules": [{"id": rule.id, "scenarios": list(rule.scenarios), "levels": _levels(rule)} for rule in rules],
    }


def frozen_rule(rule: Rule) -> FrozenRule:
    """A rule of the catalogue as a set would hold it today."""
    return FrozenRule(id=rule.id, scenarios=rule.scenarios, levels=_levels(rule))


def _levels(rule: Rule) -> dict[str, dict[str, str]]:
    found = {
        profile.value: {
            dialect.value: level.name
            for dialect in sorted(rule.dialects)
            if (level := rule.level(profile, dialect)) is not None
        }
        for profile in Profile
    }
    return {profile: levels for profile, levels in found.items() if levels}


@cache
def known_sets() -> Mapping[str, RequirementSet]:
    """Every set of this installation by name, the oldest first. Raises ValueError where the installation is damaged."""
    folder = data_dir("fixtures") / _FOLDER
    paths = sorted(folder.glob("*.json"))
    found = [_set(read_json(path), path.name, shapes=read_json(folder / _SHAPES / path.name)) for path in paths]
    return {each.name: each for each in found}


def _set(document: object, file: str, *, shapes: object) -> RequirementSet:
    record = checked_record(document, file, schema="harness/requirements")
    rules = tuple(_rule(object_or_nothing(each)) for each in array_or_nothing(record["rules"]))
    if len({rule.id for rule in rules}) != len(rules):
        raise ValueError(f"{file}: a rule is in it twice")
    if digest_of(shapes) != record["scenarios"]:
        raise ValueError(f"{_SHAPES}/{file}: is not what {file} names")
    return RequirementSet(
        name=str(record["name"]),
        digest=digest_of(document),
        frozen_at=str(record["frozen_at"]),
        suite=str(record["suite"]),
        rules=rules,
        shapes=read_shapes(shapes),
    )


def _rule(record: Mapping[str, object]) -> FrozenRule:
    return FrozenRule(
        id=str(record["id"]),
        scenarios=tuple(str(each) for each in array_or_nothing(record["scenarios"])),
        levels={
            profile: {dialect: str(level) for dialect, level in object_or_nothing(levels).items()}
            for profile, levels in object_or_nothing(record["levels"]).items()
        },
    )


def current_set() -> RequirementSet:
    """The newest: what a certificate of today is judged by."""
    return list(known_sets().values())[-1]


def requirement_set(reference: Mapping[str, object]) -> RequirementSet:
    """The set that a document names. Raises UsageError where this installation has none of that name and digest."""
    return named_by(reference, known_sets(), what="the requirement set")


def drift(of: RequirementSet, rules: Mapping[str, Rule]) -> Iterator[str]:
    """How the catalogue differs from the set, one sentence each: rules that are new, gone, or weigh otherwise."""
    known = {rule.id: rule for rule in of.rules}
    for rule_id, rule in rules.items():
        was = known.pop(rule_id, None)
        if was is None:
            yield f"{rule_id} is new since {of.name}"
            continue
        now = _levels(rule)
        if now != was.levels:
            yield f"{rule_id} has other levels than in {of.name}: {_told(now)} and not {_told(was.levels)}"
        if rule.scenarios != was.scenarios:
            yield f"{rule_id} is judged on other scenarios than in {of.name}"
    for rule_id in known:
        yield f"{rule_id} is in {of.name}, and no rule any more"


def _told(levels: Levels) -> str:
    parts: list[str] = []
    for profile, by_dialect in levels.items():
        names = sorted(set(by_dialect.values()))
        parts.append(f"{profile} {'/'.join(names)}")
    return ", ".join(parts) or "none"
