"""A document's row: what is asked for over many runs, taken out of it, cut to what a column holds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, cast

from vapi_conformance.history.models import Figure, RuleOutcome, StoredRun
from vapi_conformance.history.packing import Packed
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing, string_or_none
from vapi_conformance.problems import UsageError
from vapi_conformance.report.printable import printable
from vapi_conformance.report.run_figures import figures_of
from vapi_conformance.schema import errors

__all__ = ["Kind", "Series", "StoredSummary", "kind_of", "series_of", "summary_of", "to_row"]

Kind = Literal["report", "bench"]

_MOST_INTEGER: Final = 2**31 - 1
_COUNTS: Final = {
    "passed": "passed",
    "violated": "violated",
    "not applicable": "not_applicable",
    "untestable": "untestable",
    "unreachable": "unreachable",
    "harness error": "harness_error",
}
"""Outcomes as a report names them, and their columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What runs have in common that can be compared with each other."""

    kind: Kind
    target: str
    platform: str
    dialect: str
    profile: str
    model: str
    load: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSummary:
    """A run without its document."""

    id: int
    series: Series
    started_at: datetime
    stored_at: datetime
    suite_version: str
    verdict: str | None
    duration_s: float | None
    exchanges: int
    size_bytes: int
    counts: Mapping[str, int]
    """Rules by outcome; empty for a bench."""
    figures: Mapping[str, float] = field(default_factory=dict[str, float])


def kind_of(document: Mapping[str, object]) -> Kind:
    """Raises UsageError for a document that is neither."""
    match document.get("format"):
        case "vapi-conformance/report":
            kind: Kind = "report"
        case "vapi-conformance/bench":
            kind = "bench"
        case _:
            raise UsageError("is neither a report (--endpoint-report) nor the result of a bench (bench --out)")
    if found := errors(f"harness/{kind}", document):
        raise UsageError(f"is no {kind} after the schema harness/{kind}: {found[0].message}")
    return kind


def series_of(document: Mapping[str, object]) -> Series:
    """Of a document after its schema."""
    target = object_or_nothing(document.get("target"))
    is_bench = document.get("format") == "vapi-conformance/bench"
    return Series(
        kind="bench" if is_bench else "report",
        target=_text(target.get("name"), 500),
        platform=_text(target.get("platform"), 50),
        dialect=_text(target.get("dialect") if is_bench else document.get("dialect"), 100),
        profile="" if is_bench else _text(document.get("profile"), 50),
        model=_text(target.get("model"), 200),
        load=_load(object_or_nothing(document.get("schedule")))[:200] if is_bench else "",
    )


def to_row(document: Mapping[str, object], packed: Packed, *, key: str, now: datetime) -> StoredRun:
    """All columns. now: for a document that does not say when it was made."""
    series = series_of(document)
    suite = object_or_nothing(document.get("suite"))
    counts = object_or_nothing(document.get("counts"))
    requests = document.get("requests") if series.kind == "bench" else document.get("exchanges")
    url = string_or_none(object_or_nothing(document.get("target")).get("url"))
    return StoredRun(
        key=key,
        kind=series.kind,
        started_at=_moment(suite.get("started_at")) or now,
        stored_at=now,
        target=series.target,
        platform=series.platform,
        dialect=series.dialect,
        profile=series.profile,
        model=series.model,
        load=series.load,
        url=None if url is None else _text(url, 2000),
        suite_version=_text(suite.get("version"), 50),
        verdict=_gates(document) if series.kind == "bench" else _text(document.get("verdict"), 20),
        duration_s=_seconds(suite.get("duration_s")),
        exchanges=_count(requests),
        **{column: _count(counts.get(name)) for name, column in _COUNTS.items()},
        digest=packed.digest,
        size_bytes=packed.size_bytes,
        document=packed.data,
        rules=list(_rules(document)),
        figures=[Figure(name=name, value=value) for name, value in figures_of(document).items()],
    )


def summary_of(row: StoredRun, figures: Mapping[str, float]) -> StoredSummary:
    """What is shown of it."""
    kind = cast("Kind", row.kind)
    return StoredSummary(
        id=row.id,
        series=Series(
            kind=kind,
            target=row.target,
            platform=row.platform,
            dialect=row.dialect,
            profile=row.profile,
            model=row.model,
            load=row.load,
        ),
        started_at=row.started_at,
        stored_at=row.stored_at,
        suite_version=row.suite_version,
        verdict=row.verdict,
        duration_s=row.duration_s,
        exchanges=row.exchanges,
        size_bytes=row.size_bytes,
        counts={} if kind == "bench" else {name: getattr(row, column) for name, column in _COUNTS.items()},
        figures=figures,
    )


def _rules(document: Mapping[str, object]) -> Iterator[RuleOutcome]:
    """Each rule once; a file that was added may name one twice."""
    found = {
        _text(rule.get("id"), 200): rule for rule in map(object_or_nothing, array_or_nothing(document.get("rules")))
    }
    for name, rule in found.items():
        yield RuleOutcome(
            rule=name,
            level=_text(rule.get("level"), 10),
            outcome=_text(rule.get("outcome"), 20),
            judged=_count(rule.get("judged")),
            broken=_count(rule.get("broken")),
            is_expected=rule.get("expected_failure") is True,
        )


def _gates(document: Mapping[str, object]) -> str | None:
    """The worst of them."""
    outcomes = {object_or_nothing(each).get("outcome") for each in array_or_nothing(document.get("gates"))}
    return next((each for each in ("failed", "cannot be said", "passed") if each in outcomes), None)


def _load(schedule: Mapping[str, object]) -> str:
    """In words that are the same for benches that can be compared."""
    match schedule.get("kind"):
        case "closed":
            return f"closed loop, {schedule.get('streams')} streams"
        case "open":
            phases = [object_or_nothing(each) for each in array_or_nothing(schedule.get("phases"))]
            rates = ", ".join(dict.fromkeys(_rate(each) for each in phases))
            return f"open loop, {schedule.get('arrivals')}, {rates}"
        case _:
            return f"recorded arrivals {str(schedule.get('arrivals_sha256'))[:12]}"


def _rate(phase: Mapping[str, object]) -> str:
    first, last = phase.get("from_rate"), phase.get("to_rate")
    return f"{first}/s" if first == last else f"{first} to {last}/s"


def _text(value: object, most: int) -> str:
    """Without what a database or a terminal chokes on: NUL, half of a surrogate pair, control characters."""
    shown = printable(value).replace("\n", "\\n") if isinstance(value, str) else ""
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _count(value: object) -> int:
    return min(max(integer_or_none(value) or 0, 0), _MOST_INTEGER)


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and abs(value) < _MOST_INTEGER else None


def _moment(value: object) -> datetime | None:
    """RFC 3339; a time without a zone is meant as UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
