"""The figures of many requests: what a worker keeps while it runs, and what is added up at the end."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from vapi_conformance.latency.histograms import Histogram
from vapi_conformance.latency.metrics import Metric, Sample, error_kind

__all__ = ["GROUPED", "Group", "Tally"]

GROUPED: Final = frozenset({"ttft", "ttfs"})
"""Metrics that are kept by group, too: those that one asks for a curve of."""
_MOST_GROUPS: Final = 100
"""Each has some 600 KiB."""


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """Requests that have something in common, to be looked at apart."""

    by: str
    """`connection`, `messages`, `load`, ...: what is told apart."""
    value: str


class Tally:
    """Histograms and counts. Parts add up exactly, in any order; pickle it to send it."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        """Memory is taken for what is measured, not for what might be."""
        self.metrics = tuple(metrics)
        self.requests = 0
        """Without the warm-up."""
        self.warm_up = 0
        self.ungrouped = 0
        """How often a request was not put into a group, because there were too many groups."""
        self.errors: Counter[str] = Counter()
        """By kind."""
        self.violations: Counter[str] = Counter()
        """Requests that broke a rule, by rule."""
        self.histograms: dict[str, Histogram] = {}
        """By the metric's key; without those of which there is no value."""
        self.groups: dict[Group, dict[str, Histogram]] = {}

    def add_warm_up(self) -> None:
        """A request that was sent to warm the endpoint up: counted, and not measured."""
        self.warm_up += 1

    def add(self, sample: Sample, *, groups: Iterable[Group] = (), broken: Iterable[str] = ()) -> None:
        """One more request. broken: ids of the rules that it breaks."""
        self.requests += 1
        if (kind := error_kind(sample)) is not None:
            self.errors[kind] += 1
        self.violations.update(set(broken))
        places = [self.histograms]
        for group in groups:
            if group not in self.groups and len(self.groups) >= _MOST_GROUPS:
                self.ungrouped += 1
            else:
                places.append(self.groups.setdefault(group, {}))
        for metric in self.metrics:
            if values := metric.values(sample):
                for place in places if metric.name in GROUPED else places[:1]:
                    histogram = _at(place, metric.key)
                    for value in values:
                        histogram.record(value)

    def merge(self, other: "Tally") -> None:
        """Adds all of the other one, as if its requests had been added here. ValueError if it measures other things."""
        if [metric.key for metric in self.metrics] != [metric.key for metric in other.metrics]:
            raise ValueError("these tallies do not measure the same")
        self.requests += other.requests
        self.warm_up += other.warm_up
        self.ungrouped += other.ungrouped
        self.errors.update(other.errors)
        self.violations.update(other.violations)
        _merge(self.histograms, other.histograms)
        for group, histograms in other.groups.items():
            _merge(self.groups.setdefault(group, {}), histograms)

    @property
    def error_count(self) -> int:
        """Requests that went wrong."""
        return self.errors.total()

    @property
    def error_share(self) -> float | None:
        """Of all measured requests; None of none."""
        return self.error_count / self.requests if self.requests else None


def _merge(into: dict[str, Histogram], more: dict[str, Histogram]) -> None:
    for key, histogram in more.items():
        _at(into, key).merge(histogram)


def _at(place: dict[str, Histogram], key: str) -> Histogram:
    """The one that is there, or a new one. Not `setdefault`, which would make a new one each time: they are large."""
    if key not in place:
        place[key] = Histogram()
    return place[key]
