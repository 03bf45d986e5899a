"""Every requirement of the catalogue is a rule's, or is left out with a reason; and no reason outlives its need."""

import re

from shared_data import needs_shared, shared_dir
from vapi_conformance.rules import Profile, all_rules
from vapi_conformance.rules.requirements import EXCLUDED, excluded_because

ROW = re.compile(r"^\| ((?:HTTP|AUTH|SSE|CHAT|ERR|TIME|SEM|RAP|RESP|ANTH|GEM)(?:-[A-Z]+)?-\d+) \|", re.MULTILINE)
COVERED = {requirement for rule in all_rules().values() for requirement in rule.catalogue}


def requirements() -> set[str]:
    folder = shared_dir()
    assert folder is not None
    dialects = (folder / "facts" / "dialects.md").read_text(encoding="utf-8")
    vapi = (folder / "facts" / "vapi.md").read_text(encoding="utf-8")
    checklist = vapi[vapi.index("## 7.") : vapi.index("## 8.")]
    numbered = {f"VAPI-{number}" for number in re.findall(r"^\| (\d+) \|", checklist, re.MULTILINE)}
    return set(ROW.findall(dialects[dialects.index("## 11.") :])) | numbered


@needs_shared
class TestRequirements:
    def test_are_read(self) -> None:
        assert len(requirements()) > 290

    def test_each_has_a_rule_or_a_reason(self) -> None:
        assert set() == {each for each in requirements() if each not in COVERED and excluded_because(each) is None}

    def test_rules_name_requirements_that_exist(self) -> None:
        assert set() == COVERED - requirements()

    def test_no_exclusion_hides_a_covered_requirement(self) -> None:
        assert set() == COVERED & EXCLUDED.keys()

    def test_exclusions_exist(self) -> None:
        assert set() == EXCLUDED.keys() - requirements()


class TestCatalogue:
    def test_has_at_least_130_rules(self) -> None:
        assert len(all_rules()) >= 130

    def test_ids_say_what_holds(self) -> None:
        assert [] == [
            each for each in all_rules() if not re.fullmatch(r"[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*", each)
        ]

    def test_each_rule_has_source_remedy_and_statement(self) -> None:
        lacking = [
            rule.id
            for rule in all_rules().values()
            if not rule.source or not rule.remedy.endswith(".") or not rule.statement.endswith(".")
        ]
        assert [] == lacking

    def test_each_rule_is_in_a_profile(self) -> None:
        assert [] == [
            rule.id for rule in all_rules().values() if not any(rule.level_of(profile) for profile in Profile)
        ]
