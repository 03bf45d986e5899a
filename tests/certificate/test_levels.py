"""Published levels: they cover the catalogue, each holds the one before, and a result says why it is what it is."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest

from made_certificates import small_plan
from vapi_conformance.call_scenario import all_call_scenarios
from vapi_conformance.certificate.levels import (
    LevelResult,
    current_levels,
    known_levels,
    level_result,
    levels_document,
)
from vapi_conformance.certificate.requirements import current_set, frozen_rule
from vapi_conformance.data import data_dir
from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.json_file import read_json
from vapi_conformance.latency.gates import parse_gate
from vapi_conformance.latency.metrics import metrics_for
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.problems import UsageError
from vapi_conformance.rules import Profile, own_rules
from vapi_conformance.scenario import all_scenarios
from vapi_conformance.schema import errors

LEVELS = current_levels()
NAMES = ("json", "streaming", "tools", "calls", "voice-ready")
RELEASED = {"2026-11": "sha256:7aa15db1a2e74efccdde80d5740163e3745131f5fd4c793f16702c58d4fef9cc"}
"""Certificates name these; a document that is here is never written again."""


class TestThePublishedDocument:
    def test_one_that_certificates_name_was_not_touched(self) -> None:
        assert RELEASED == {name: each.digest for name, each in known_levels().items() if name in RELEASED}

    def test_each_follows_its_schema(self) -> None:
        for path in (data_dir("schemas") / "harness" / "levels").glob("*.json"):
            assert () == tuple(errors("harness/levels", read_json(path)))

    def test_the_levels_stand_in_their_order(self) -> None:
        assert NAMES == LEVELS.names

    @pytest.mark.parametrize("dialect", sorted(EVERY))
    @pytest.mark.parametrize("profile", list(Profile))
    def test_each_holds_the_one_before_it(self, profile: Profile, dialect: Dialect) -> None:
        rules = [list(LEVELS.rules(name, current_set(), profile=profile, dialect=dialect)) for name in NAMES]
        for lower, higher in pairwise(rules):
            assert set(lower) < set(higher) or set(lower) == set(higher)
        assert list(current_set().levels(profile, dialect)) == rules[-1]

    def test_the_highest_plays_everything_that_there_is(self) -> None:
        calls = {each.label for each in all_call_scenarios().values()}
        assert {*all_scenarios(), *calls} == set(LEVELS.scenarios("voice-ready"))

    def test_no_scenario_is_played_twice(self) -> None:
        names = LEVELS.scenarios("voice-ready")
        assert len(set(names)) == len(names)

    def test_each_layer_begins_at_one_level(self) -> None:
        layers = [layer for level in LEVELS.levels for layer in level.layers]
        catalogue = {rule.id.partition(".")[0] for rule in own_rules().values()}
        assert sorted(catalogue - {"webhook"}) == sorted(layers)

    def test_rules_that_are_named_exist_and_are_later_than_their_layer(self) -> None:
        for level in LEVELS.levels:
            for rule_id in level.rules:
                layer = own_rules()[rule_id].id.partition(".")[0]
                before = LEVELS.levels[: LEVELS.names.index(level.name)]
                assert any(layer in each.layers for each in before), rule_id

    def test_what_needs_a_stream_is_not_asked_of_whole_answers(self) -> None:
        rules = LEVELS.rules("json", current_set(), profile="vapi", dialect="openai_compatible")
        assert [] == [name for name in rules if "stream" in name and name != "http.error-is-not-an-event-stream"]

    def test_latency_is_measured_for_the_highest_only(self) -> None:
        assert [None, None, None, None] == [LEVELS.load(name) for name in NAMES[:-1]]
        assert [] == [gate for name in NAMES[:-1] for gate in LEVELS.gates(name, "vapi")]
        assert {"streams": 4, "requests": 100} == {
            name: value for name, value in (LEVELS.load("voice-ready") or {}).items() if name in ("streams", "requests")
        }

    @pytest.mark.parametrize("profile", list(Profile))
    def test_gates_are_conditions_on_what_a_closed_loop_measures(self, profile: Profile) -> None:
        gates = [
            parse_gate(str(each["fail_if"]), metrics_for("closed")) for each in LEVELS.gates("voice-ready", profile)
        ]
        assert {"ttfs", "dead_air", "errors"} == {gate.name for gate in gates}

    def test_that_five_seconds_make_vapi_report_a_hang_is_vapis_alone(self) -> None:
        having = [profile for profile in Profile if any("5s" in str(gate) for gate in LEVELS.gates(NAMES[-1], profile))]
        assert [Profile.VAPI] == having

    def test_inferred_thresholds_say_so(self) -> None:
        (document,) = [read_json(path) for path in (data_dir("schemas") / "harness" / "levels").glob("2026-11.json")]
        gates = [
            object_or_nothing(gate)
            for level in array_or_nothing(object_or_nothing(document)["levels"])
            for gate in array_or_nothing(object_or_nothing(level)["gates"])
        ]
        assert {"ttfs.max >= 5s": "observed"} == {
            str(gate["fail_if"]): gate["sureness"] for gate in gates if gate["sureness"] != "inferred"
        }

    @pytest.mark.parametrize("profile", list(Profile))
    @pytest.mark.parametrize("name", NAMES)
    def test_each_has_to_be_shown_what_it_is_about(self, name: str, profile: Profile) -> None:
        dialect = Dialect.OPENAI_COMPATIBLE
        rules = LEVELS.rules(name, current_set(), profile=profile, dialect=dialect)
        about = ("JSON", "streamed", "tool", "turns", "turns")[NAMES.index(name)]
        assert about in str(LEVELS.shows(name, profile, rules)[-1]["what"])

    def test_whole_answers_are_not_asked_of_who_is_called_by_vapi_but_for_the_level_of_that_name(self) -> None:
        """Vapi asks for streams only."""
        asked = {
            (name, profile.value): "JSON" in str(LEVELS.shows(name, profile, own_rules())[0]["what"])
            for name in NAMES
            for profile in Profile
        }
        assert {("streaming", "vapi"), ("tools", "vapi"), ("calls", "vapi"), ("voice-ready", "vapi")} == {
            key for key, is_asked in asked.items() if not is_asked
        }

    def test_what_shows_a_level_are_rules_of_every_dialect(self) -> None:
        for dialect in EVERY:
            rules = LEVELS.rules("voice-ready", current_set(), profile="standard", dialect=dialect)
            assert 4 == len(LEVELS.shows("voice-ready", "standard", rules))

    def test_a_scenario_that_is_not_played_asks_nothing(self) -> None:
        rule = frozen_rule(own_rules()["http.keep-alive-serves-two-requests"])
        assert [False, True] == [LEVELS.counts(name, rule) for name in ("json", "streaming")]


class TestReferences:
    def test_a_document_is_found_by_name_and_digest(self) -> None:
        assert LEVELS == levels_document(LEVELS.reference)

    @pytest.mark.parametrize(
        ("reference", "says"),
        [
            ({"name": "2031-01", "digest": LEVELS.digest}, "the levels 2031-01 are none of this release's"),
            ({"name": LEVELS.name, "digest": "sha256:" + "0" * 64}, "the levels 2026-11 have another digest here"),
        ],
    )
    def test_another_is_refused(self, reference: Mapping[str, object], says: str) -> None:
        with pytest.raises(UsageError, match=says):
            levels_document(reference)

    def test_a_level_that_there_is_not_is_told_with_those_that_there_are(self) -> None:
        with pytest.raises(UsageError) as caught:
            LEVELS.up_to("excellent")
        assert "there is no level 'excellent'; the levels are: json, streaming, tools, calls, voice-ready" == str(
            caught.value
        )


RULES = {"a.must": "MUST", "a.should": "SHOULD", "a.may": "MAY"}


def result(
    outcomes: Mapping[str, str] | None = None,
    *,
    not_played: tuple[str, ...] = (),
    unreachable: str | None = None,
    shows: Sequence[Mapping[str, object]] = (),
) -> LevelResult:
    """Of three rules, which pass unless said otherwise."""
    plan = small_plan(
        rules=RULES, shows=list(shows), left_out={"calls/greeting": "whole calls are played as Vapi only"}
    )
    said = {"must": "passed", "should": "passed", "may": "passed", **(outcomes or {})}
    rules = [
        {
            "id": f"a.{name}",
            "outcome": outcome,
            "judged": 3 if outcome in ("passed", "violated") else 0,
            "broken": 2,
            "reason": "so it is",
        }
        for name, outcome in said.items()
        if outcome != "absent"
    ]
    return level_result(plan, {"rules": rules, "not_played": list(not_played), "unreachable": unreachable}, None)


class TestLevelResult:
    def test_everything_kept_and_shown_is_passed(self) -> None:
        found = result()
        assert ("PASSED", (), tuple(RULES)) == (found.result, found.reasons, found.passed)

    def test_what_was_left_out_is_listed_though_it_passes(self) -> None:
        assert {"calls/greeting": "whole calls are played as Vapi only"} == result().skipped

    @pytest.mark.parametrize(
        ("outcomes", "expected", "reasons"),
        [
            ({"must": "violated"}, "FAILED", ["a.must (MUST) is broken, in 2 of 3"]),
            ({"should": "violated"}, "WARNED", ["a.should (SHOULD) is broken, in 2 of 3"]),
            ({"may": "violated"}, "PASSED", []),
            ({"must": "untestable"}, "FAILED", ["a.must (MUST) was not shown to be kept: untestable: so it is"]),
            ({"should": "untestable"}, "WARNED", ["a.should (SHOULD) was not shown to be kept: untestable: so it is"]),
            ({"may": "untestable"}, "WARNED", ["a.may (MAY) was not shown to be kept: untestable: so it is"]),
            ({"must": "unreachable"}, "FAILED", ["a.must (MUST) was not shown to be kept: unreachable: so it is"]),
            ({"may": "harness error"}, "FAILED", ["a.may (MAY) was not shown to be kept: harness error: so it is"]),
            ({"must": "not applicable"}, "PASSED", []),
            (
                {"must": "absent"},
                "FAILED",
                ["a.must (MUST) was not shown to be kept: untestable: the report does not have the rule"],
            ),
        ],
    )
    def test_one_rule_decides(self, outcomes: Mapping[str, str], expected: str, reasons: list[str]) -> None:
        found = result(outcomes)
        assert (expected, reasons, expected != "FAILED") == (found.result, list(found.reasons), found.is_reached)

    def test_what_fails_is_told_before_what_warns(self) -> None:
        found = result({"must": "violated", "should": "violated"})
        assert ["a.must", "a.should"] == [reason.split()[0] for reason in found.reasons]
        assert (("a.must",), ("a.should",)) == (found.failed, found.warned)

    def test_a_may_that_is_broken_is_noted(self) -> None:
        assert ("a.may",) == result({"may": "violated"}).noted

    def test_a_skip_is_listed_with_its_reason(self) -> None:
        assert "so it is" == result({"must": "not applicable"}).skipped["a.must"]

    def test_a_run_that_was_cut_short_does_not_reach_the_level(self) -> None:
        found = result(not_played=("calls/a", "calls/b", "calls/c", "calls/d"))
        assert ("FAILED", "4 planned scenarios were not played: calls/a, calls/b, calls/c, ...") == (
            found.result,
            found.reasons[0],
        )
        assert "planned and not played" == found.not_shown["calls/d"]

    @pytest.mark.parametrize(
        ("outcomes", "expected"),
        [({}, "PASSED"), ({"may": "not applicable"}, "FAILED"), ({"may": "violated"}, "PASSED")],
    )
    def test_what_the_level_is_about_has_to_be_shown(self, outcomes: Mapping[str, str], expected: str) -> None:
        found = result(outcomes, shows=[{"what": "a streamed answer", "rules": ["a.may"]}])
        assert (expected, expected == "FAILED") == (found.result, "a streamed answer" in found.not_shown)
        assert ("a streamed answer was never shown",) * (expected == "FAILED") == found.reasons

    def test_one_rule_of_several_is_enough_to_show_it(self) -> None:
        shows = [{"what": "a streamed answer", "rules": ["a.may", "a.must"]}]
        assert "PASSED" == result({"may": "not applicable"}, shows=shows).result

    def test_nothing_judged_reaches_nothing(self) -> None:
        found = result(dict.fromkeys(("must", "should", "may"), "not applicable"))
        assert ("FAILED", ("no rule was shown to be kept",)) == (found.result, found.reasons)

    def test_an_endpoint_that_was_not_reached_reaches_nothing(self) -> None:
        assert ("nothing could be judged: gone",) == result(unreachable="gone").reasons

    def test_a_gate_that_nobody_measured_fails_or_warns_by_its_weight(self) -> None:
        gates = [{"fail_if": "ttfs.p95 > 1s", "weighs": "MUST"}, {"fail_if": "ttfs.p50 > 1s", "weighs": "SHOULD"}]
        report: dict[str, object] = {
            "rules": [{"id": "a.must", "outcome": "passed", "judged": 1, "broken": 0, "reason": ""}],
            "not_played": [],
            "unreachable": None,
        }
        for kept, expected in ((gates, "FAILED"), (gates[1:], "WARNED")):
            found = level_result(small_plan(rules={"a.must": "MUST"}, shows=[], gates=kept), report, None)
            assert expected == found.result
            assert "ttfs.p50 > 1s: cannot be said, because latency was not measured" == found.reasons[-1]
