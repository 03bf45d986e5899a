"""Frozen sets: what they hold, that they are not touched, and that the catalogue does not drift from them unseen."""

from dataclasses import replace

import pytest

from freeze_requirements import text_of
from vapi_conformance.certificate.canonical import digest_of
from vapi_conformance.certificate.requirements import (
    RequirementSet,
    current_set,
    drift,
    frozen,
    frozen_rule,
    known_sets,
    requirement_set,
)
from vapi_conformance.data import data_dir
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.json_file import read_json
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.rules import Profile, own_rules
from vapi_conformance.rules.rule import MAY, MUST
from vapi_conformance.schema import errors

RELEASED = {"2026-11": "sha256:741f7dc87e68e16f6a947d891f8e3508b74477ccc2e5e1a6101912014d7aeda4"}
"""Certificates name these; a set that is here is never written again, nor are the scenarios whose digest it names."""
USAGE = "chat-stream.ends-with-done"


def test_a_set_that_certificates_name_was_not_touched() -> None:
    assert RELEASED == {name: each.digest for name, each in known_sets().items() if name in RELEASED}


def test_the_newest_set_is_the_catalogue() -> None:
    """Where it is not: freeze a new one before the release (`tests/freeze_requirements.py`), and tell the changelog."""
    assert [] == list(drift(current_set(), own_rules()))


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("dialect", list(Dialect))
def test_levels_are_those_that_the_rules_have(profile: Profile, dialect: Dialect) -> None:
    expected = {rule.id: level for rule in own_rules().values() if (level := rule.level(profile, dialect)) is not None}
    assert expected == current_set().levels(profile.value, dialect.value)


def test_each_file_is_as_the_script_writes_it_and_follows_its_schema() -> None:
    folder = data_dir("fixtures") / "requirements"
    for schema, paths in {
        "harness/requirements": folder.glob("*.json"),
        "harness/scenario-shapes": (folder / "scenarios").glob("*.json"),
    }.items():
        for path in paths:
            document = read_json(path)
            assert (text_of(object_or_nothing(document)), ()) == (
                path.read_text(encoding="utf-8"),
                tuple(errors(schema, document)),
            )


def test_the_digest_is_that_of_the_values_and_not_of_the_spelling() -> None:
    document = frozen(own_rules().values(), name="2026-11", frozen_at="2026-11-21", suite="0.1.0", shapes={})
    assert digest_of(document) == digest_of(dict(reversed(document.items())))


class TestDrift:
    def test_a_rule_that_is_new_is_told(self) -> None:
        rule = replace(own_rules()[USAGE], id="chat-stream.made-up")
        assert ["chat-stream.made-up is new since 2026-11"] == list(
            drift(current_set(), {**own_rules(), rule.id: rule})
        )

    def test_a_rule_that_is_gone_is_told(self) -> None:
        fewer = {name: rule for name, rule in own_rules().items() if name != USAGE}
        assert [f"{USAGE} is in 2026-11, and no rule any more"] == list(drift(current_set(), fewer))

    def test_a_rule_that_weighs_otherwise_is_told(self) -> None:
        rule = replace(own_rules()[USAGE], vapi=MUST)
        (told,) = drift(current_set(), {**own_rules(), USAGE: rule})
        assert f"{USAGE} has other levels than in 2026-11: standard MUST/SHOULD, vapi MUST" in told

    def test_a_rule_that_is_judged_on_something_else_is_told(self) -> None:
        rule = replace(own_rules()["tools.result-is-answered"], scenarios=("plain",))
        assert ["tools.result-is-answered is judged on other scenarios than in 2026-11"] == list(
            drift(current_set(), {**own_rules(), rule.id: rule})
        )


class TestReferences:
    def test_a_set_is_found_by_name_and_digest(self) -> None:
        assert current_set() == requirement_set(current_set().reference)

    def test_one_of_a_later_release_is_refused_with_what_to_do(self) -> None:
        with pytest.raises(UsageError) as caught:
            requirement_set({"name": "2031-01", "digest": current_set().digest})
        assert (
            "the requirement set 2031-01 is none of this release's (2026-11); take the release that issued the "
            "certificate, or a later one"
        ) == str(caught.value)

    def test_one_with_another_digest_is_refused(self) -> None:
        with pytest.raises(UsageError, match="has another digest here"):
            requirement_set({"name": current_set().name, "digest": "sha256:" + "0" * 64})


class TestFrozenRules:
    def test_a_rule_is_judged_on_its_scenarios_and_on_any_call_where_it_says_so(self) -> None:
        any_call = frozen_rule(own_rules()["call.every-turn-is-answered"])
        one = frozen_rule(own_rules()["tools.result-is-answered"])
        assert (True, False, True, False) == (
            any_call.is_judged_on("calls/greeting"),
            any_call.is_judged_on("greeting"),
            one.is_judged_on("tool-result"),
            one.is_judged_on("calls/greeting"),
        )

    def test_a_dialect_that_does_not_have_it_has_no_level(self) -> None:
        rule = frozen_rule(own_rules()[USAGE])
        assert rule.level("vapi", "anthropic_messages") is None
        assert "chat-stream" == rule.layer

    def test_levels_of_later_do_not_reach_a_set_of_before(self) -> None:
        """The set keeps what was, whatever the catalogue says by now."""
        before = RequirementSet(
            name="2020-01",
            digest="",
            frozen_at="",
            suite="",
            rules=(replace(frozen_rule(own_rules()[USAGE]), levels={"vapi": {"openai_compatible": "MAY"}}),),
        )
        assert {USAGE: MAY} == before.levels("vapi", "openai_compatible")
        assert {} == before.levels("standard", "openai_compatible")
