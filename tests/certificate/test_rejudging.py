"""One way to a verdict: by the bundle's own set, the same each time; what was learned since is told apart."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from made_certificates import exchange, small_plan
from vapi_conformance.certificate import planning, rejudging
from vapi_conformance.certificate.bundle import Bundle, BundleError, BundleWriter, read_bundle
from vapi_conformance.certificate.canonical import canonical_json
from vapi_conformance.certificate.conditions import Circumstances
from vapi_conformance.certificate.levels import current_levels, level_result
from vapi_conformance.certificate.rejudging import differences, newer, not_played, rejudged
from vapi_conformance.certificate.requirements import current_set
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.rules import own_rules
from vapi_conformance.rules.rule import MAY, MUST, Rule, Violation
from vapi_conformance.schema import errors
from vapi_conformance.specimens import base, load_specimen

REFUSALS = ("malformed-json", "wrong-method", "unknown-path")


def bundled(folder: Path, plan: Mapping[str, object], exchanges: Sequence[Exchange]) -> Bundle:
    writer = BundleWriter(folder=folder)
    writer.put("plan.json", plan)
    for each in exchanges:
        writer.put_exchange(each)
    writer.put("conditions.json", Circumstances(conditions=Conditions(), lints=["a remark"]).to_document())
    writer.finish()
    return read_bundle(folder, is_judged=False)


def _whatever_is_there(_: Bundle) -> None:
    """In place of the check that would refuse reasons made up for a test."""


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """One whole answer, and a run that ended there."""
    return bundled(tmp_path, small_plan(), [exchange()])


def outcomes(report: Mapping[str, object]) -> dict[str, str]:
    rules = map(object_or_nothing, array_or_nothing(report["rules"]))
    return {str(each["id"]): str(each["outcome"]) for each in rules}


def reasons(report: Mapping[str, object]) -> dict[str, str]:
    rules = map(object_or_nothing, array_or_nothing(report["rules"]))
    return {str(each["id"]): str(each["reason"]) for each in rules}


class TestRejudged:
    def test_is_a_report_that_names_its_requirements(self, bundle: Bundle) -> None:
        report = rejudged(bundle)
        assert () == tuple(errors("harness/report", json.loads(canonical_json(report))))
        assert bundle.plan["requirements"] == object_or_nothing(report["suite"])["requirements"]
        assert ["a remark"] == report["lints"]
        assert {"level": "json", "gates": []} == report["certificate"]

    def test_tells_the_thresholds_of_the_level(self, tmp_path: Path) -> None:
        levels = current_levels()
        plan = plan_of("voice-ready", "standard", "anthropic_messages")
        plan |= {"gates": levels.gates("voice-ready", "standard"), "load": levels.load("voice-ready")}
        told = object_or_nothing(rejudged(bundled(tmp_path, plan, [exchange()]))["certificate"])
        gates = [object_or_nothing(each) for each in array_or_nothing(told["gates"])]
        assert [("ttfs.p95 > 1000ms", "MUST"), ("ttfs.p50 > 500ms", "SHOULD")] == [
            (each["text"], each["weighs"]) for each in gates[:2]
        ]
        assert {"cannot be said"} == {each["outcome"] for each in gates}

    def test_has_the_rules_of_the_plan_and_no_others(self, bundle: Bundle) -> None:
        assert set(object_or_nothing(bundle.plan["rules"])) == set(outcomes(rejudged(bundle)))

    def test_gives_the_same_each_time(self, bundle: Bundle) -> None:
        assert canonical_json(rejudged(bundle)) == canonical_json(rejudged(bundle))

    def test_a_broken_answer_is_seen_in_the_bundle(self, tmp_path: Path) -> None:
        broken = load_specimen("anthropic.role-is-assistant").broken[0]
        report = rejudged(bundled(tmp_path, small_plan(), [replace(broken, label=exchange().label)]))
        assert ("violated", "violated") == (report["verdict"], outcomes(report)["anthropic.role-is-assistant"])

    def test_a_planned_scenario_that_never_came_is_no_pass(self, bundle: Bundle) -> None:
        report = rejudged(bundle)
        assert ("untestable", "malformed-json was planned and not played") == (
            outcomes(report)["http.malformed-json-is-400"],
            reasons(report)["http.malformed-json-is-400"],
        )
        assert len(array_or_nothing(bundle.plan["scenarios"])) - 1 == len(not_played(bundle))
        assert "incomplete" == report["verdict"]

    def test_even_where_every_rule_that_counts_was_shown(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """`oversized` is the scenario of a SHOULD: all that a MUST needs was played, and the run is cut short."""
        monkeypatch.setattr(rejudging, "check_as_planned", _whatever_is_there)
        levels = current_levels()
        left_out = {name: "no need" for name in levels.scenarios("json") if name not in ("plain-json", "oversized")}
        plan = small_plan(scenarios=["plain-json", "oversized"], left_out=left_out)
        report = rejudged(bundled(tmp_path, plan, [exchange()]))
        assert (["oversized"], "incomplete") == (report["not_played"], report["verdict"])

    def test_what_was_left_out_does_not_apply_for_the_reason_given(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rejudging, "check_as_planned", _whatever_is_there)
        levels = current_levels()
        left_out = {name: "nobody had a key" for name in levels.scenarios("json") if name != "plain-json"}
        report = rejudged(bundled(tmp_path, small_plan(scenarios=["plain-json"], left_out=left_out), [exchange()]))
        assert "conformant" == report["verdict"]
        assert ("not applicable", "auth was not played: nobody had a key") == (
            outcomes(report)["anthropic.api-key-is-accepted"],
            reasons(report)["anthropic.api-key-is-accepted"],
        )

    def test_an_empty_bundle_says_that_it_is_empty(self, tmp_path: Path) -> None:
        report = rejudged(bundled(tmp_path, small_plan(), []))
        assert ("incomplete", "the bundle holds no exchange") == (report["verdict"], report["unreachable"])

    def test_calls_are_judged_as_calls(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rejudging, "check_as_planned", _whatever_is_there)
        specimen = load_specimen("call.every-turn-is-answered")
        assert specimen.broken_call is not None
        plan = plan_of("calls", "vapi", "openai_compatible")
        writer = BundleWriter(folder=tmp_path)
        writer.put("plan.json", plan)
        writer.put("conditions.json", Circumstances(conditions=Conditions()).to_document())
        writer.put_call(specimen.broken_call)
        writer.finish()
        report = rejudged(read_bundle(tmp_path, is_judged=False))
        assert "violated" == outcomes(report)["call.every-turn-is-answered"]
        assert specimen.broken_call.scenario["call"] not in array_or_nothing(report["not_played"])


def plan_of(level: str, profile: str, dialect: str) -> dict[str, object]:
    levels, requirements = current_levels(), current_set()
    rules = levels.rules(level, requirements, profile=profile, dialect=dialect)
    target = {**object_or_nothing(small_plan()["target"]), "dialect": dialect, "platform": "vapi"}
    return small_plan(
        level=level,
        profile=profile,
        dialect=dialect,
        target=target,
        rules={name: weight.name for name, weight in rules.items()},
        shows=levels.shows(level, profile, rules),
        scenarios=list(levels.scenarios(level)),
    )


class TestPlansThatAreNotWhatTheyName:
    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"rules": {}}, "plan.json: its rules are not those of the level json in the requirements 2026-11"),
            ({"level": "tools"}, "plan.json: its rules are not those of the level tools"),
            ({"profile": "vapi"}, "plan.json: the profile vapi is about Chat Completions"),
            ({"level": "excellent"}, "plan.json: there is no level 'excellent'"),
            ({"gates": [{"fail_if": "ttfs.p95 > 9s", "weighs": "MUST"}]}, "plan.json: its gates are not those"),
            ({"scenarios": ["plain-json"]}, "plan.json: its scenarios, with those left out, are not those"),
            ({"left_out": {"made-up": "so"}}, "plan.json: its scenarios, with those left out, are not those"),
            (
                {"requirements": {"name": "2019-01", "digest": "sha256:" + "0" * 64}},
                "plan.json: the requirement set 2019-01 is none of this release's",
            ),
            (
                {"levels": {"name": "2026-11", "digest": "sha256:" + "0" * 64}},
                "plan.json: the levels 2026-11 have another digest here",
            ),
        ],
    )
    def test_are_refused(self, tmp_path: Path, changes: Mapping[str, object], says: str) -> None:
        with pytest.raises(BundleError) as caught:
            rejudged(bundled(tmp_path, small_plan(**changes), [exchange()]))
        assert says == str(caught.value)[: len(says)]

    def test_a_target_of_another_dialect_is_refused(self, tmp_path: Path) -> None:
        target = {**object_or_nothing(small_plan()["target"]), "dialect": "openai_responses"}
        with pytest.raises(BundleError, match="the target has another dialect than the plan"):
            rejudged(bundled(tmp_path, small_plan(target=target), [exchange()]))

    def test_a_rule_that_this_release_no_longer_has_is_told_and_nothing_is_judged_by_half(
        self, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fewer = {name: rule for name, rule in own_rules().items() if name != "anthropic.role-is-assistant"}
        monkeypatch.setattr(planning, "own_rules", lambda: fewer)
        with pytest.raises(BundleError) as caught:
            rejudged(bundle)
        assert (
            "plan.json: this release no longer has anthropic.role-is-assistant of the requirement set 2026-11; "
            "the suite 0.1.0 had"
        ) == str(caught.value)


class TestDifferences:
    def test_are_none_between_a_report_and_itself(self, bundle: Bundle) -> None:
        assert [] == differences(rejudged(bundle), rejudged(bundle))

    def test_are_told_by_rule(self, bundle: Bundle) -> None:
        report = rejudged(bundle)
        rules = [dict(object_or_nothing(each)) for each in array_or_nothing(report["rules"])]
        first, second = str(rules[0]["id"]), str(rules[1]["id"])
        other = {
            **report,
            "verdict": "conformant",
            "rules": [{**rules[0], "outcome": "violated", "judged": 3, "broken": 2}, *rules[2:]],
        }
        told = differences(report, other)
        assert "verdict: incomplete, now conformant" == told[0]
        assert f"{first}: MUST passed, now MUST violated (2 of 3)" == told[1]
        assert told[2].startswith(f"{second}: ")
        assert told[2].endswith("now not judged")

    def test_scenarios_that_somebody_added_are_told(self, bundle: Bundle) -> None:
        report = rejudged(bundle)
        assert ["the scenarios that were not played are others"] == differences(report, {**report, "not_played": []})


def _never(evidence: Sequence[Evidence]) -> Iterator[Violation]:
    yield Violation(expected="something else", actual="what came", step=len(evidence) - 1)


def grown(*rules: Rule) -> dict[str, Rule]:
    return {**own_rules(), **{rule.id: rule for rule in rules}}


class TestNewer:
    """The catalogue goes on; the certificate stays what it was."""

    def test_nothing_where_nothing_changed(self, bundle: Bundle) -> None:
        assert [] == newer(bundle)

    def test_a_rule_that_came_later_does_not_grade_an_older_certificate(
        self, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = rejudged(bundle)
        later = replace(own_rules()["anthropic.role-is-assistant"], id="anthropic.came-later", check=_never)
        for module in (rejudging, planning):
            monkeypatch.setattr(module, "own_rules", lambda: grown(later))
        assert canonical_json(before) == canonical_json(rejudged(bundle))
        assert ["anthropic.came-later (MUST) is new since 2026-11: it would be violated, in 1 of 1"] == newer(bundle)

    def test_a_level_that_changed_later_is_told_and_not_applied(
        self, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        softer = replace(own_rules()["anthropic.role-is-assistant"], standard=MAY)
        monkeypatch.setattr(rejudging, "own_rules", lambda: grown(softer))
        rules = map(object_or_nothing, array_or_nothing(rejudged(bundle)["rules"]))
        assert ["MUST"] == [each["level"] for each in rules if each["id"] == softer.id]
        assert [f"{softer.id} is a MAY today and was a MUST in 2026-11: it would pass"] == newer(bundle)

    def test_a_rule_that_no_longer_counts_is_told(self, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
        gone = replace(own_rules()["anthropic.role-is-assistant"], standard=None)
        monkeypatch.setattr(rejudging, "own_rules", lambda: grown(gone))
        assert [f"{gone.id} (MUST) no longer counts"] == newer(bundle)

    def test_a_new_rule_whose_scenario_was_not_played_then_says_so(
        self, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        later = replace(own_rules()["http.malformed-json-is-400"], id="http.came-later", standard=MUST)
        monkeypatch.setattr(rejudging, "own_rules", lambda: grown(later))
        (told,) = newer(bundle)
        assert told.startswith("http.came-later (MUST) is new since 2026-11: it would be not applicable (needs the")


def test_the_result_follows_from_the_bundle_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused properly, and one answer: all that a level of three scenarios needs."""
    monkeypatch.setattr(rejudging, "check_as_planned", _whatever_is_there)
    refused = [each for name in REFUSALS for each in base(name)]
    levels = current_levels()
    kept = ("plain-json", *REFUSALS)
    left_out = {name: "not for this test" for name in levels.scenarios("json") if name not in kept}
    plan = plan_of("json", "standard", "openai_chat_completions")
    plan |= {"scenarios": [name for name in levels.scenarios("json") if name in kept], "left_out": left_out}
    (answer,) = base("text-json")
    bundle = bundled(tmp_path, plan, [replace(answer, label=exchange().label), *refused])
    result = level_result(bundle.plan, rejudged(bundle), bundle.bench)
    assert ("PASSED", ()) == (result.result, result.reasons)
    assert {"http.malformed-json-is-400", "http.wrong-method-is-refused"} <= set(result.passed)
    assert "not for this test" == result.skipped["auth"]
