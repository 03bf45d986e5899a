"""Rules by id or by pattern."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from vapi_conformance.problems import UsageError
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import Rule

__all__ = ["select"]


def select(patterns: Sequence[str]) -> list[Rule]:
    """In the catalogue's order; all where no pattern is given. Raises UsageError for a pattern that fits none."""
    rules = all_rules()
    for pattern in patterns:
        if not any(fnmatchcase(each, pattern) for each in rules):
            raise UsageError(f"no rule is called {pattern!r}; `vapi-conformance rules` lists them")
    return [rule for name, rule in rules.items() if not patterns or any(fnmatchcase(name, each) for each in patterns)]
