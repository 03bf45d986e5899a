"""Rules as a command line names them."""

from collections.abc import Sequence
from difflib import get_close_matches

from vapi_conformance.problems import UsageError
from vapi_conformance.rules import Rule, all_rules
from vapi_conformance.rules.selection import select

__all__ = ["chosen"]


def chosen(patterns: Sequence[str]) -> list[Rule]:
    """In the catalogue's order; all where no pattern is given. Raises UsageError, with the rules that may be meant."""
    for pattern in patterns:
        try:
            select([pattern])
        except UsageError as problem:
            near = _near(pattern)
            raise UsageError(f"{problem}{f'. Did you mean {near}?' if near else ''}") from None
    return select(patterns)


def _near(pattern: str) -> str:
    """A slip of the keyboard, or the name without its layer."""
    names = list(all_rules())
    slugs = [name for name in names if name.partition(".")[2] == pattern]
    return " or ".join(slugs or get_close_matches(pattern, names, n=2, cutoff=0.7))
