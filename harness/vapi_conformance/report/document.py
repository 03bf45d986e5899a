"""A run as one JSON document; the contract is the schema `harness/report`."""

from collections.abc import Collection
from typing import Final

from vapi_conformance import __version__
from vapi_conformance.report.effect import effects
from vapi_conformance.report.run import Run
from vapi_conformance.verdict import Finding, RuleResult

__all__ = ["to_document"]

_NS_PER_MS: Final = 1_000_000
_VIOLATIONS_PER_RULE: Final = 50


def to_document(
    run: Run, *, expected_failures: Collection[str] = (), started_at: str | None = None
) -> dict[str, object]:
    """JSON-ready. At most 50 violations per rule; `broken` counts them all."""
    return {
        "format": "vapi-conformance/report",
        "version": 1,
        "verdict": run.verdict.value,
        "profile": run.profile.value,
        "dialect": run.dialect.value,
        "target": {
            "name": run.target.name,
            "url": run.target.url,
            "platform": run.target.platform,
            "model": run.target.model,
        },
        "suite": {"version": __version__, "started_at": started_at, "duration_s": run.duration_s},
        "exchanges": run.exchanges,
        "counts": run.counts,
        "heard": dict(run.heard),
        "hearer": run.hearer,
        "lints": list(run.lints),
        "unreachable": run.unreachable,
        "recognised": run.recognised,
        "flavour": run.flavour,
        "rules": [_rule(each, expected=each.rule.id in expected_failures) for each in run.results],
    }


def _rule(result: RuleResult, *, expected: bool) -> dict[str, object]:
    return {
        "id": result.rule.id,
        "level": result.level.name,
        "outcome": result.outcome.value,
        "statement": result.rule.statement,
        "source": result.rule.source,
        "remedy": result.rule.remedy,
        "judged": result.judged,
        "broken": result.broken,
        "reason": result.reason,
        "expected_failure": expected,
        "violations": [_violation(each) for each in result.findings[:_VIOLATIONS_PER_RULE]],
    }


def _violation(finding: Finding) -> dict[str, object]:
    violation = finding.violation
    return {
        "expected": violation.expected,
        "actual": violation.actual,
        "exchange": finding.evidence.exchange.source,
        "chunk": violation.chunk,
        "start_byte": violation.start,
        "end_byte": violation.end,
        "at_ms": None if violation.at_ns is None else round(violation.at_ns / _NS_PER_MS, 3),
        "effects": [
            {
                "consumer": effect.consumer,
                "what": effect.what,
                "sentence": effect.sentence,
                "ended_reasons": list(effect.ended_reasons),
                "sureness": effect.sureness,
            }
            for effect in effects(finding.evidence)
        ],
    }
