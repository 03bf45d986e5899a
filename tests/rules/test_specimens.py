"""Each rule is proved to catch: its specimen breaks exactly it, and the sound neighbour breaks nothing."""

from collections.abc import Sequence

import pytest

from vapi_conformance.data import data_dir
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.rules import Rule, all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.specimens import load_specimen
from vapi_conformance.verdict import Outcome, judge_rule

RULES = sorted(all_rules())


def is_rapidas_alone(rule: Rule) -> bool:
    """What breaks nothing but an old client library is sound for everybody else."""
    return rule.standard is None and rule.vapi is None


def violated(evidence: Sequence[Evidence], dialect: Dialect, rule_id: str) -> set[str]:
    """Every rule that the dialect has, at MUST; those of Rapida alone only in its own specimens."""
    rapida = is_rapidas_alone(all_rules()[rule_id])
    rules = [
        rule for rule in all_rules().values() if dialect in rule.dialects and (rapida or not is_rapidas_alone(rule))
    ]
    results = [judge_rule(rule, MUST, evidence) for rule in rules]
    broken = [f"{result.rule.id}: {result.reason}" for result in results if result.outcome is Outcome.HARNESS_ERROR]
    assert broken == []
    return {result.rule.id for result in results if result.outcome is Outcome.VIOLATED}


@pytest.mark.parametrize("rule_id", RULES)
class TestSpecimens:
    def test_breaks_exactly_its_rule(self, rule_id: str) -> None:
        specimen = load_specimen(rule_id)
        assert {rule_id, *specimen.also} == violated(specimen.broken_evidence(), specimen.dialect, rule_id)

    def test_sound_neighbour_breaks_nothing_and_is_judged(self, rule_id: str) -> None:
        specimen = load_specimen(rule_id)
        assert violated(specimen.sound_evidence(), specimen.dialect, rule_id) == set()
        result = judge_rule(all_rules()[rule_id], MUST, specimen.sound_evidence())
        assert result.outcome is Outcome.PASSED


def test_every_specimen_belongs_to_a_rule() -> None:
    names = {path.stem for path in (data_dir("fixtures") / "specimens").glob("*.json")}
    assert set(RULES) == names
