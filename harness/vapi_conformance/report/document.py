"""A run as one JSON document; the contract is the schema `harness/report`. Whatever people read is made from it."""

import platform
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from typing import Final

from vapi_conformance import __version__
from vapi_conformance.additions import shown_origin
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.report.bytes_shown import marked
from vapi_conformance.report.effect import effects
from vapi_conformance.report.played import Ids, played_documents
from vapi_conformance.report.run import Run
from vapi_conformance.units import milliseconds
from vapi_conformance.verdict import Finding, RuleResult

__all__ = ["to_document"]

_VIOLATIONS_PER_RULE: Final = 50
_AT_LENGTH: Final = 5
"""Violations of one rule whose bytes are shown at length."""
_MOST_MARKED_BYTES: Final = 1500
_FEW_MARKED_BYTES: Final = 240


def to_document(
    run: Run,
    *,
    evidence: Sequence[Evidence] | None = None,
    expected_failures: Collection[str] = (),
    started_at: str | None = None,
    repeat: str | None = None,
) -> dict[str, object]:
    """JSON-ready. At most 50 violations per rule; `broken` counts them all.

    evidence: the exchanges that are told one by one; without it those of the run. repeat: a format string that takes
    `rule`: the command that shows one rule again.
    """
    told = run.evidence if evidence is None else evidence
    ids = Ids(told)
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
        "machine": {
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}".strip(),
        },
        "expected_failures": sorted(expected_failures),
        "exchanges": run.exchanges,
        "counts": run.counts,
        "heard": dict(run.heard),
        "hearer": run.hearer,
        "lints": list(run.lints),
        "unreachable": run.unreachable,
        "recognised": run.recognised,
        "flavour": run.flavour,
        "rules": [_rule(each, ids, expected=each.rule.id in expected_failures, repeat=repeat) for each in run.results],
        "played": played_documents(told, ids, violated=list(_telling(run.results)), breaks=_breaks(run.results)),
    }


def _breaks(results: Sequence[RuleResult]) -> dict[int, dict[str, None]]:
    """All rules that an exchange breaks, by the identity of the exchange: violations are listed up to a bound only."""
    found: dict[int, dict[str, None]] = {}
    for result in results:
        for finding in result.findings:
            found.setdefault(id(finding.evidence.exchange), {})[result.rule.id] = None
    return found


def _telling(results: Sequence[RuleResult]) -> Iterator[Exchange]:
    """The exchanges that show violations: first one for each rule, those that gate before the others."""
    ranked = sorted(results, key=lambda result: -result.level)
    for findings in zip_longest(*(result.findings[:_VIOLATIONS_PER_RULE] for result in ranked)):
        yield from (finding.evidence.exchange for finding in findings if finding is not None)


def _rule(result: RuleResult, ids: Ids, *, expected: bool, repeat: str | None) -> dict[str, object]:
    command = None if repeat is None else repeat.format(rule=result.rule.id)
    return {
        "id": result.rule.id,
        "level": result.level.name,
        "outcome": result.outcome.value,
        "statement": result.rule.statement,
        "source": result.rule.source,
        "remedy": result.rule.remedy,
        "origin": shown_origin(result.rule.origin),
        "judged": result.judged,
        "broken": result.broken,
        "reason": result.reason,
        "expected_failure": expected,
        "violations": [
            _violation(each, ids, command, most_bytes=_MOST_MARKED_BYTES if number < _AT_LENGTH else _FEW_MARKED_BYTES)
            for number, each in enumerate(result.findings[:_VIOLATIONS_PER_RULE])
        ],
    }


def _violation(finding: Finding, ids: Ids, repeat: str | None, *, most_bytes: int) -> dict[str, object]:
    violation, evidence = finding.violation, finding.evidence
    return {
        "expected": violation.expected,
        "actual": violation.actual,
        "exchange": ids.of(evidence.exchange),
        "chunk": violation.chunk,
        "start_byte": violation.start,
        "end_byte": violation.end,
        "at_ms": milliseconds(violation.at_ns),
        "bytes": marked(evidence.body, violation.start, violation.end, most_bytes=most_bytes),
        "repeat": repeat,
        "effects": [
            {
                "consumer": effect.consumer,
                "what": effect.what,
                "sentence": effect.sentence,
                "ended_reasons": list(effect.ended_reasons),
                "sureness": effect.sureness,
                "origin": shown_origin(effect.origin),
            }
            for effect in effects(evidence)
        ],
    }
