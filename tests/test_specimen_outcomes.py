"""A verdict that changes without a word is a broken promise: changes since the last release stand in the changelog."""

import json
from pathlib import Path
from typing import cast

import pytest

from specimen_outcomes import FILE, Outcomes, changed_rules, outcomes_now, text_of, untold

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"

BEFORE: Outcomes = {
    "sse.a": {"sound": {"sse.a": "passed"}, "broken": {"sse.a": "violated", "sse.b": "violated"}},
    "sse.b": {"sound": {"sse.b": "passed"}, "broken": {"sse.b": "violated"}},
}
TOLD = """# Changelog

## Unreleased

### Verdict changes

* `sse.a` no longer minds a blank.

## 1.0

### Verdict changes

* `sse.b` was stricter once.
"""


def stored() -> Outcomes:
    return cast("Outcomes", json.loads(FILE.read_text(encoding="utf-8")))


def test_every_outcome_that_changed_since_the_last_release_is_told_in_the_changelog() -> None:
    """Tell it under `### Verdict changes` with the rule's id; the snapshot is written anew when a release is made."""
    changed = changed_rules(stored(), outcomes_now())
    untold_now = list(untold(changed, CHANGELOG.read_text(encoding="utf-8")))
    assert [] == [f"{rule_id}: {'; '.join(changed[rule_id])}" for rule_id in untold_now]


def test_the_file_is_as_the_script_writes_it() -> None:
    assert FILE.read_text(encoding="utf-8") == text_of(stored())


def test_the_same_outcomes_are_no_change() -> None:
    assert {} == changed_rules(BEFORE, BEFORE)


def test_a_new_specimen_is_no_change() -> None:
    assert {} == changed_rules(BEFORE, {**BEFORE, "sse.c": {"sound": {}, "broken": {"sse.c": "violated"}}})


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        ({**BEFORE, "sse.b": {"sound": {"sse.b": "violated"}, "broken": {"sse.b": "violated"}}}, ["sse.b"]),
        ({**BEFORE, "sse.b": {"sound": {"sse.b": "passed"}, "broken": {"sse.b": "not applicable"}}}, ["sse.b"]),
        ({**BEFORE, "sse.a": {"sound": {"sse.a": "passed"}, "broken": {"sse.a": "violated"}}}, ["sse.b"]),
        ({"sse.a": BEFORE["sse.a"]}, ["sse.b"]),
    ],
    ids=["a sound one is broken now", "a broken one is no longer seen", "another rule says otherwise", "it is gone"],
)
def test_a_change_is_that_of_the_rule_which_says_otherwise(now: Outcomes, changed: list[str]) -> None:
    assert changed == list(changed_rules(BEFORE, now))


def test_only_the_newest_part_of_the_changelog_counts() -> None:
    assert ["sse.b", "sse.c"] == list(untold(["sse.a", "sse.b", "sse.c"], TOLD))


def test_a_changelog_without_the_section_tells_nothing() -> None:
    assert ["sse.a"] == list(untold(["sse.a"], "# Changelog\n\n## Unreleased\n\nThe rule `sse.a` was changed.\n"))
