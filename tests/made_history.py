"""Documents for tests of the history."""

import json
from collections.abc import Mapping, Sequence

from made_runs import PASSED, TARGET, UNTESTABLE, VIOLATED, WARNED, run
from vapi_conformance.report.document import to_document
from vapi_conformance.report.run import Target
from vapi_conformance.verdict import RuleResult

__all__ = ["GOOD", "MIXED", "report"]

GOOD = (PASSED,)
MIXED = (PASSED, VIOLATED, WARNED, UNTESTABLE)


def report(
    *results: RuleResult,
    started_at: str | None = "2026-11-21T10:00:00+00:00",
    target: Target = TARGET,
    played: Sequence[Mapping[str, object]] = (),
    duration_s: float = 1.5,
) -> dict[str, object]:
    """As it would be read from a file."""
    made = to_document(run(*(results or GOOD), target=target, duration_s=duration_s), started_at=started_at)
    read: dict[str, object] = json.loads(json.dumps(made))
    return {**read, "played": list(played)} if played else read
