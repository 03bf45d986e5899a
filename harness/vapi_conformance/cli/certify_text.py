"""What `certify` says when it is done: for people, and as one document for scripts (`harness/certify`)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from vapi_conformance.certificate.conditions import unusual
from vapi_conformance.certificate.issuing import Issued
from vapi_conformance.certificate.levels import LevelResult
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.report.text import Line, Style

__all__ = ["certified_document", "certified_lines"]

_MOST_REASONS: Final = 20
_MOST_NAMES: Final = 3
_STYLES: Final[Mapping[str, Style]] = {"PASSED": "good", "WARNED": "warning", "FAILED": "bad"}


def certified_document(issued: Issued, *, out: Path, plan_digest: str, expires_at: datetime) -> dict[str, object]:
    """After the schema `harness/certify`."""
    bundle, result = issued.bundle, issued.result
    plan = bundle.plan
    return {
        "format": "vapi-conformance/certify",
        "version": 1,
        "result": result.result,
        "level": plan["level"],
        "profile": plan["profile"],
        "target": plan["target"],
        "conditions": plan["conditions"],
        "verdict": bundle.report["verdict"],
        "reasons": list(result.reasons),
        "passed": len(result.passed),
        "warned": list(result.warned),
        "failed": list(result.failed),
        "noted": list(result.noted),
        "not_shown": dict(result.not_shown),
        "skipped": dict(result.skipped),
        "requirements": plan["requirements"],
        "levels": plan["levels"],
        "plan_digest": plan_digest,
        "bundle_digest": f"sha256:{bundle.digest}",
        "certificate": str(out / "certificate.json"),
        "bundle": str(out / "bundle"),
        "expires_at": expires_at.isoformat(timespec="seconds"),
    }


def certified_lines(issued: Issued, document: Mapping[str, object]) -> Iterator[Line]:
    """The result first, then why, then what was not shown, then where it lies."""
    result, plan = issued.result, issued.bundle.plan
    target = object_or_nothing(plan["target"])
    reached = "reached" if result.is_reached else "not reached"
    yield Line(f"{result.result}  level {plan['level']} {reached} by {target['name']}", _STYLES[result.result])
    yield Line(
        f"profile {plan['profile']}, dialect {plan['dialect']}, platform {target['platform']}, "
        f"requirements {object_or_nothing(plan['requirements'])['name']}"
    )
    for each in unusual(object_or_nothing(plan["conditions"]), platform=str(target["platform"])):
        yield Line(f"judged {each}", "warning")
    for reason in result.reasons[:_MOST_REASONS]:
        yield Line(f"  {reason}")
    if (left := len(result.reasons) - _MOST_REASONS) > 0:
        yield Line(f"  and {left} more: see report.html")
    yield Line(_counts(result))
    yield from _skipped(result)
    yield Line(f"certificate  {document['certificate']}  (until {document['expires_at']})")
    yield Line(f"bundle       {document['bundle']}  ({document['bundle_digest']})")


def _counts(result: LevelResult) -> str:
    counts = {
        "passed": len(result.passed),
        "warned": len(result.warned),
        "failed": len(result.failed),
        "noted": len(result.noted),
        "not shown": len(result.not_shown),
        "skipped": len(result.skipped),
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count or name in ("passed", "failed"))


def _skipped(result: LevelResult) -> Iterator[Line]:
    """By reason; every name stands in the certificate."""
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for name, reason in result.skipped.items():
        by_reason[reason].append(name)
    for reason, names in by_reason.items():
        shown = ", ".join(names[:_MOST_NAMES]) + (f" and {len(names) - _MOST_NAMES} more" * (len(names) > _MOST_NAMES))
        yield Line(f"  skipped: {shown}: {reason}", "faint")
