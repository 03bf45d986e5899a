"""Runs made up for tests of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.report.run import Run, Target
from vapi_conformance.rules.rule import MAY, MUST, SHOULD, Level, Profile, Rule, Violation, rule
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Finding, Outcome, RuleResult

(SOUND,) = base("text-stream")
TARGET = Target(name="http://endpoint.example/v1", url="http://endpoint.example/v1/chat/completions", model="m")


def made_rule(rule_id: str = "sse.holds") -> Rule:
    @rule(rule_id, standard=MUST, vapi=MUST, source="A standard, 1.2", remedy="Mend it.", applies=lambda _: True)
    def holds(_: Evidence) -> Sequence[Violation]:
        """What is required holds."""
        return ()

    return holds


def result(
    outcome: Outcome,
    level: Level = MUST,
    *violations: Violation,
    rule_id: str = "sse.holds",
    exchange: Exchange = SOUND,
    reason: str = "",
) -> RuleResult:
    if outcome is Outcome.VIOLATED and not violations:
        violations = (Violation(expected="this", actual="that"),)
    evidence = Evidence(exchange=replace(exchange, source="plain/stream"))
    judged = int(outcome in (Outcome.PASSED, Outcome.VIOLATED))
    return RuleResult(
        rule=made_rule(rule_id),
        level=level,
        outcome=outcome,
        judged=judged,
        broken=int(bool(violations)),
        findings=tuple(Finding(violation=each, evidence=evidence) for each in violations),
        reason=reason,
    )


def run(
    *results: RuleResult,
    exchanges: int = 3,
    target: Target = TARGET,
    duration_s: float | None = None,
    heard: Mapping[str, int] | None = None,
    lints: Sequence[str] = (),
    unreachable: str | None = None,
    flavour: str | None = None,
) -> Run:
    return Run(
        target=target,
        profile=Profile.VAPI,
        dialect=Dialect.OPENAI_COMPATIBLE,
        results=results,
        exchanges=exchanges,
        duration_s=duration_s,
        heard=heard or {},
        lints=lints,
        unreachable=unreachable,
        flavour=flavour,
    )


PASSED = result(Outcome.PASSED, rule_id="sse.passes")
VIOLATED = result(Outcome.VIOLATED, MUST, rule_id="sse.must-break")
WARNED = result(Outcome.VIOLATED, SHOULD, rule_id="sse.should-break")
INFORMED = result(Outcome.VIOLATED, MAY, rule_id="sse.may-break")
UNTESTABLE = result(Outcome.UNTESTABLE, rule_id="sse.unseen", reason="no attempt at plain showed it")
UNREACHABLE = result(Outcome.UNREACHABLE, rule_id="sse.out-of-reach", reason="no response came: refused")
OURS = result(Outcome.HARNESS_ERROR, SHOULD, rule_id="sse.ours", reason="ZeroDivisionError: oops (on plain/stream)")
NOT_APPLICABLE = result(Outcome.NOT_APPLICABLE, rule_id="sse.elsewhere", reason="no exchange shows it")
