"""How wrong the instrument was when a stored result was measured, as its document says."""

from collections.abc import Mapping
from typing import Final

from vapi_conformance.latency.calibration import errors_by_metric
from vapi_conformance.latency.result import StoredResult, with_own_delay
from vapi_conformance.narrow import object_or_nothing

__all__ = ["known_errors_ns"]

_NS_PER_MS: Final = 1_000_000
_MOST_MS: Final = 24 * 3600 * 1000
"""What claims more is no error of an instrument."""


def known_errors_ns(result: StoredResult) -> Mapping[str, int]:
    """By a metric's name, the error by which figures were flagged; without those of which it is not known."""
    level = object_or_nothing(result.document.get("calibration"))
    known = errors_by_metric(ttft_ns=_bound_ns(level.get("ttft_error_ms")), gap_ns=_bound_ns(level.get("gap_error_ms")))
    late = result.histograms.get("own_delay")
    found = {metric.name: with_own_delay(metric, known.get(metric.name), late) for metric in result.metrics}
    return {name: error_ns for name, error_ns in found.items() if error_ns is not None}


def _bound_ns(errors: object) -> int | None:
    """As `Errors.bound_ns`: p99, or the greatest where so few were measured."""
    record = object_or_nothing(errors)
    bound = record.get("max") if record.get("p99") is None else record.get("p99")
    if not isinstance(bound, int | float) or isinstance(bound, bool) or not 0 <= bound <= _MOST_MS:
        return None
    return round(bound * _NS_PER_MS)
