"""Rules by id or by pattern."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from vapi_conformance.additions import AdditionError
from vapi_conformance.problems import UsageError
from vapi_conformance.rules import all_rules, broken_rules
from vapi_conformance.rules.rule import Rule

__all__ = ["broken_among", "refuse_broken", "select"]


def select(patterns: Sequence[str]) -> list[Rule]:
    """In the catalogue's order; all where no pattern is given. Raises UsageError for a pattern that fits none."""
    rules = all_rules()
    for pattern in patterns:
        if not any(fnmatchcase(each, pattern) for each in rules):
            refuse_broken([pattern])
            raise UsageError(f"no rule is called {pattern!r}; `vapi-conformance rules` lists them")
    return [rule for name, rule in rules.items() if not patterns or any(fnmatchcase(name, each) for each in patterns)]


def broken_among(patterns: Sequence[str]) -> list[AdditionError]:
    """Rules of other distributions that are meant by the patterns, and cannot be used; by their prefix alone."""
    layers = [each.partition(".")[0] for each in patterns]
    return [each for each in broken_rules() if not layers or any(fnmatchcase(each.name, layer) for layer in layers)]


def refuse_broken(patterns: Sequence[str]) -> None:
    """Raises UsageError where some are: a verdict that passes over rules which were asked for would read as a pass."""
    if broken := broken_among(patterns):
        raise UsageError(f"{broken[0]}. Mend or uninstall it, or choose rules without {broken[0].name}.*")
