"""Options of `bench` that would change nothing as given: refused, because whoever types one expects a change."""

from collections.abc import Mapping
from typing import Final

import click
from click.core import ParameterSource

from vapi_conformance.problems import UsageError

__all__ = ["refuse_idle_options"]

_GOES_WITH: Final[Mapping[str, tuple[str, str]]] = {
    "seed": ("poisson", "--seed is about arrivals at random: it goes with --poisson"),
    "real_time": ("scenario", "--real-time is about the turns of calls: it goes with --scenario"),
    "most": ("knee", "--most is about a search: it goes with --knee"),
}
"""By what click calls an option: the one without which it is idle, and what to say then."""

_SAID: Final = "--say and --scenario are different words of the caller; give one of them"
_SEARCHED: Final = "--knee looks for a load itself: it goes with one --concurrency or --rate, where it begins"
_GOES_NOT_WITH: Final = (
    ("words", "scenario", _SAID),
    ("ramp", "knee", _SEARCHED),
    ("steps", "knee", _SEARCHED),
    ("trace", "knee", _SEARCHED),
)


def refuse_idle_options(context: click.Context) -> None:
    """Raises UsageError for the first option that was given and would have no effect."""
    for option, (needed, words) in _GOES_WITH.items():
        if _is_given(context, option) and not _is_given(context, needed):
            raise UsageError(words)
    for option, other, words in _GOES_NOT_WITH:
        if _is_given(context, option) and _is_given(context, other):
            raise UsageError(words)


def _is_given(context: click.Context, option: str) -> bool:
    """By the user, whatever its value: a default is nobody's wish."""
    return context.get_parameter_source(option) not in (None, ParameterSource.DEFAULT)
