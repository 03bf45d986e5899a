"""The few figures of a report or a bench whose way over time is looked at, taken out of its document."""

from collections.abc import Iterator, Mapping
from math import isfinite
from statistics import median
from typing import Final

from vapi_conformance.narrow import array_or_nothing, object_or_nothing

__all__ = ["SHOWN", "figures_of"]

SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "report": ("first_speech_ms.p50", "first_speech_ms.max", "dead_air_ms.max"),
    "bench": ("ttft_ms.p95", "ttfs_ms.p95", "dead_air_ms.p95", "errors.share"),
}
"""By kind of run: what a trend shows unless it is told otherwise."""
_KEPT: Final = ("p50", "p95", "p99", "max")
_STREAM: Final = "text/event-stream"
"""A whole answer is spoken when it is complete: that says how long it is, and not how soon somebody speaks."""
_MOST_NAMES: Final = 200
"""Of a document, which may be a stranger's file."""


def figures_of(document: Mapping[str, object]) -> dict[str, float]:
    """By name. Of a bench the percentiles that it tells; of a report what callers heard in its exchanges."""
    found = _bench(document) if "ttft_ms" in document else _report(document)
    return dict([(name[:100], value) for name, value in found][:_MOST_NAMES])


def _bench(document: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    share = _number(object_or_nothing(document.get("errors")).get("share"))
    if share is not None:
        yield "errors.share", share
    for name, metric in document.items():
        for figure in _KEPT:
            value = _number(object_or_nothing(metric).get(figure))
            if value is not None:
                yield f"{name}.{figure}", value


def _report(document: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    """One exchange after the other, without load. So few tell no 95th percentile: the median and the worst do."""
    exchanges = (object_or_nothing(each) for each in array_or_nothing(document.get("played")))
    played = [each for each in exchanges if each.get("content_type") == _STREAM]
    firsts = [value for each in played if (value := _first_speech_ms(each)) is not None]
    if firsts:
        yield "first_speech_ms.p50", median(firsts)
        yield "first_speech_ms.max", max(firsts)
        silences = [value for each in played for value in _silences_ms(each)]
        yield "dead_air_ms.max", max(silences, default=0.0)


def _first_speech_ms(exchange: Mapping[str, object]) -> float | None:
    pieces = array_or_nothing(exchange.get("pieces"))
    return _number(object_or_nothing(pieces[0]).get("at_ms")) if pieces else None


def _silences_ms(exchange: Mapping[str, object]) -> Iterator[float]:
    for each in array_or_nothing(exchange.get("dead_air")):
        value = _number(object_or_nothing(each).get("ms"))
        if value is not None:
            yield value


def _number(value: object) -> float | None:
    """None for what is no number, or one that nobody can draw."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:  # JSON may hold integers that no float can
        return None
