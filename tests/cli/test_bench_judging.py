"""Judging load traffic: what is counted, and that a rule of ours that fails is told as ours."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from latency.samples import answered
from vapi_conformance.cli import bench_judging
from vapi_conformance.cli.bench_judging import judged
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Response
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
        raise ZeroDivisionError

    name, rule = next((name, rule) for name, rule in all_rules().items() if not rule.scenarios)
    broken: dict[str, Rule] = {name: replace(rule, check=fails, applies=bool, needs=frozenset())}
    monkeypatch.setattr(bench_judging, "all_rules", lambda: broken)
    found = judged([SOUND, SOUND], profile=Profile.VAPI, dialect=Dialect.OPENAI_COMPATIBLE)
    assert [f"{name}: ZeroDivisionError:  (on an exchange)"] == list(found.faults)
    assert 0 == found.violations.total()


def test_judging_ends_and_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_judging, "_LONGEST_S", -1.0)
    assert 1 == judged([SOUND] * 9, profile=Profile.VAPI, dialect=Dialect.OPENAI_COMPATIBLE).judged
