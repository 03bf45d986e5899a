"""What every specimen came to at the last release: `tests/specimen_outcomes.json`.

Written by `python tests/specimen_outcomes.py` when a release is made, and only then. Between releases
`test_specimen_outcomes` compares: an outcome that changed has to be told in the changelog, by the id of the rule.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from vapi_conformance.evidence import Evidence
from vapi_conformance.rules import own_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.specimens import all_specimens
from vapi_conformance.verdict import Outcome, judge_rule

__all__ = ["FILE", "Outcomes", "changed_rules", "outcomes_now", "text_of", "untold"]

FILE = Path(__file__).with_name("specimen_outcomes.json")
QUIET = (Outcome.PASSED, Outcome.NOT_APPLICABLE)
SECTION = "### Verdict changes"

Outcomes = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Specimen to its two sides, `sound` and `broken`, to rule id to outcome."""


def outcomes_now() -> Outcomes:
    """Of the specimen's own rule, and of every other that does not pass; what a rule weighs plays no part."""
    return {
        specimen.rule: {
            "sound": _side(specimen.rule, specimen.sound_evidence()),
            "broken": _side(specimen.rule, specimen.broken_evidence()),
        }
        for specimen in all_specimens()
        if specimen.rule in own_rules()
    }


def _side(own: str, evidence: Sequence[Evidence]) -> dict[str, str]:
    dialect = evidence[0].dialect
    results = (judge_rule(rule, MUST, evidence) for rule in own_rules().values() if dialect in rule.dialects)
    return {
        result.rule.id: result.outcome.value
        for result in results
        if result.rule.id == own or result.outcome not in QUIET
    }


def text_of(outcomes: Outcomes) -> str:
    """One specimen a line, so that a difference reads."""
    lines = (f" {json.dumps(name)}: {json.dumps(sides)}" for name, sides in sorted(outcomes.items()))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def changed_rules(before: Outcomes, now: Outcomes) -> dict[str, list[str]]:
    """Rule id to what it says differently, a sentence each. A specimen that is new says nothing of the past."""
    found: dict[str, list[str]] = {}
    for name, sides in before.items():
        if name not in now:
            found.setdefault(name, []).append("has no specimen any more")
            continue
        for side, old in sides.items():
            new = now[name].get(side, {})
            for rule_id in sorted({*old, *new}):
                was, is_now = old.get(rule_id, "passed or not applicable"), new.get(rule_id, "passed or not applicable")
                if was != is_now:
                    found.setdefault(rule_id, []).append(f"{side} specimen of {name}: was {was}, is {is_now}")
    return found


def untold(changed: Iterable[str], changelog: str) -> Iterator[str]:
    """Rules of these that the newest part of the changelog does not name where verdict changes are told."""
    newest = "\n## ".join(changelog.split("\n## ")[:2])
    _, _, section = newest.partition(SECTION)
    told = section.split("\n## ")[0].split("\n### ")[0]
    yield from (rule_id for rule_id in changed if f"`{rule_id}`" not in told)


if __name__ == "__main__":
    FILE.write_text(text_of(outcomes_now()), encoding="utf-8")
