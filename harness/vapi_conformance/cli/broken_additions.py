"""What other distributions add and cannot be used, told on standard error where a command can do without."""

from collections.abc import Sequence

from vapi_conformance.cli.printing import complain
from vapi_conformance.report.custom_clients import broken_consumers
from vapi_conformance.rules.selection import broken_among

__all__ = ["tell_broken", "tell_broken_consumers"]


def tell_broken(patterns: Sequence[str] = ()) -> None:
    """Rules, of those that are meant, and consumers."""
    for each in broken_among(patterns):
        complain(str(each))
    tell_broken_consumers()


def tell_broken_consumers() -> None:
    """Without them nothing is judged otherwise."""
    for each in broken_consumers():
        complain(str(each))
