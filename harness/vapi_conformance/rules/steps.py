"""The exchanges of a scenario by the names of their steps."""

from collections.abc import Mapping, Sequence

from vapi_conformance.evidence import Evidence

__all__ = ["by_step"]


def by_step(group: Sequence[Evidence]) -> Mapping[str, tuple[int, Evidence]]:
    """Those that got a response, each with its place in the group, which a violation names as its step."""
    return {
        each.exchange.label.step: (place, each)
        for place, each in enumerate(group)
        if each.exchange.label is not None and each.status is not None
    }
