"""Judging load traffic: what is counted, and that a rule of ours that fails is told as ours."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from latency.samples import answered
from vapi_conformance.call_scenario import all_call_scenarios
from vapi_conformance.cli import bench_judging
from vapi_conformance.cli.bench_judging import judged
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Response
from vapi_conformance.latency.played_calls import PlayedCall
from vapi_conformance.latency.traffic import WholeCalls
from vapi_conformance.platforms.vapi import Platform
from vapi_conformance.rules import Profile, Rule, Violation, all_rules

SOUND = Evidence(exchange=answered((100, "A sentence that is long enough.")))
REFUSED = Evidence(exchange=replace(answered((1, "no")), response=Response(status=503)))


def test_each_answer_that_breaks_a_rule_counts_once() -> None:
    found = judged([SOUND, REFUSED, REFUSED], profile=Profile.VAPI, dialect=Dialect.OPENAI_COMPATIBLE)
    assert 3 == found.judged
    assert 2 in found.violations.values()
    assert found.violations.keys() == found.levels.keys()
    assert {"MUST", "SHOULD", "MAY"} >= set(found.levels.values())
    assert (1, 2) == (found.heard["heard"], found.heard["call-ends"])
    assert {} == found.faults


def test_a_rule_that_fails_to_run_is_our_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> Iterable[Violation]:
        raise ZeroDivisionError("no")

    name, rule = next((name, rule) for name, rule in all_rules().items() if not rule.scenarios)
    broken: dict[str, Rule] = {name: replace(rule, check=fails, applies=bool, needs=frozenset())}
    monkeypatch.setattr(bench_judging, "all_rules", lambda: broken)
    found = judged([SOUND, SOUND], profile=Profile.VAPI, dialect=Dialect.OPENAI_COMPATIBLE)
    assert [f"{name}: ZeroDivisionError: no (on an exchange)"] == list(found.faults)
    assert 0 == found.violations.total()


def test_judging_ends_and_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_judging, "_LONGEST_S", -1.0)
    assert 1 == judged([SOUND] * 9, profile=Profile.VAPI, dialect=Dialect.OPENAI_COMPATIBLE).judged


class TestCalls:
    @staticmethod
    def spoken(*words: str) -> PlayedCall:
        """A call of sixteen, with an answer to each of its turns."""
        platform = Platform.from_files(base_url="http://127.0.0.1:1/v1")
        traffic = WholeCalls(platform=platform, scenario=all_call_scenarios()["sixteen-callers"])
        call, _ = traffic.begin(0, is_kept=True)
        for each in words:
            traffic.follow(call, Evidence(exchange=answered((100, each))))
        assert call.played is not None
        return call.played

    def test_rules_over_calls_are_judged_on_those_that_were_kept_whole(self) -> None:
        own, other = self.spoken().words[:2]
        assert own == self.spoken().word
        rule = "call.concurrent-calls-keep-apart"
        calls = [self.spoken(*[f"canary {word}"] * 5) for word in (own, other, other)]
        found = judged([SOUND], calls, profile=Profile.VAPI, dialect=Dialect.OPENAI_COMPATIBLE)
        assert (1, 3, {}) == (found.judged, found.calls, found.faults)
        assert (2, "MUST") == (found.violations[rule], found.levels[rule])

    def test_a_sound_call_breaks_no_rule(self) -> None:
        call = self.spoken(*[f"canary {self.spoken().word}"] * 5)
        found = judged([], [call], profile=Profile.VAPI, dialect=Dialect.OPENAI_COMPATIBLE)
        assert (1, {}, {}) == (found.calls, found.violations, found.faults)

    def test_a_call_that_an_answer_ends_breaks_one(self) -> None:
        call = self.spoken("canary")
        call.answers[0] = REFUSED
        found = judged([], [call], profile=Profile.VAPI, dialect=Dialect.OPENAI_COMPATIBLE)
        assert 1 == found.violations["call.no-answer-ends-the-call"]
