"""How it went over time, as one document (`harness/history-trend`): runs that can be compared stand in one series."""

from collections.abc import Sequence
from typing import Final

from vapi_conformance.history.rows import Series, StoredSummary
from vapi_conformance.report.run_figures import SHOWN

__all__ = ["MOST_EARLIER", "entry", "run_document", "trend_document"]

MOST_EARLIER: Final = 50
"""Earlier runs that a report tells."""


def trend_document(runs: Sequence[StoredSummary], *, figures: Sequence[str] = ()) -> dict[str, object]:
    """runs: the oldest first. figures: those to show; those that are usual for the kind where there are none.

    The series whose newest run is the newest stands first.
    """
    series: dict[Series, list[StoredSummary]] = {}
    for each in reversed(runs):
        series.setdefault(each.series, []).append(each)
    return {
        "format": "vapi-conformance/history-trend",
        "version": 1,
        "series": [
            {
                **_series(same),
                "figures": list(figures or SHOWN[same.kind]),
                "runs": [entry(each) for each in reversed(found)],
            }
            for same, found in series.items()
        ],
    }


def entry(run: StoredSummary) -> dict[str, object]:
    """A run in a trend; a report tells earlier runs in the same words."""
    return {
        "run": run.id,
        "started_at": run.started_at.isoformat(timespec="seconds"),
        "suite_version": run.suite_version,
        "verdict": run.verdict,
        "counts": dict(run.counts),
        "figures": dict(run.figures),
    }


def run_document(run: StoredSummary) -> dict[str, object]:
    """A run in a list (`harness/history-list`)."""
    return {
        **entry(run),
        **_series(run.series),
        "stored_at": run.stored_at.isoformat(timespec="seconds"),
        "duration_s": run.duration_s,
        "exchanges": run.exchanges,
        "document_bytes": run.size_bytes,
    }


def _series(series: Series) -> dict[str, object]:
    return {
        "kind": series.kind,
        "target": series.target,
        "platform": series.platform,
        "dialect": series.dialect,
        "profile": series.profile or None,
        "model": series.model or None,
        "load": series.load or None,
    }
