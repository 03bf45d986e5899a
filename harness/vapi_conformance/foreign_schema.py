"""A JSON Schema that a stranger wrote (the parameters of an offered tool), applied to a value that another sent.

Neither is trusted: a schema may be wrong, refer to the network, refer to itself without end, or branch so often that
checking never ends. Then there is no verdict; an endpoint is not to blame for a schema that nobody can apply.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, cast

import jsonschema
import jsonschema_rs
from jsonschema import validators
from jsonschema.exceptions import ValidationError
from referencing import Registry

from vapi_conformance.narrow import array_or_nothing

__all__ = ["Applied", "apply_schema"]

_MOST_STEPS: Final = 5_000
"""Keywords applied before we give up; the schemas of real tools take some hundred."""

_DEEPEST: Final = 100
"""Keywords applied inside each other before we give up. Beyond Python's own bound on recursion the libraries below do
not raise but panic, which nobody may catch; a schema that refers to itself gets there."""

_LONGEST_MESSAGE: Final = 200

_MOST_UNIQUE_ITEMS: Final = 100
"""Items that are compared each with each; more of them are taken for unique."""

# Checked with Python's `re`, whose time has no bound. A pattern that is not checked hides a fault; one that never ends
# hangs the judge. Names under patternProperties are unknown then, so what depends on them is not checked either.
_UNBOUNDED: Final = frozenset({"pattern", "patternProperties"})
_DEPENDS_ON_PATTERNS: Final = frozenset({"additionalProperties", "unevaluatedProperties"})

_Keyword = Callable[[object, object, object, Mapping[str, object]], Iterator[ValidationError] | None]


@dataclass(slots=True)
class _Budget:
    """What is left for one schema and one value."""

    steps: int = _MOST_STEPS
    levels: int = _DEEPEST


class _TooMuch(Exception):  # noqa: N818 - no error of ours or theirs: the work is more than it is worth
    """The budget is spent."""


class _Checker(Protocol):
    """What we use of a jsonschema validator; its stubs are untyped where it matters."""

    def iter_errors(self, instance: object) -> Iterator[ValidationError]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A schema was applied to a value."""

    fault: str | None
    """Where and how the value breaks it, in jsonschema's words, shortened; None when it does not."""


def apply_schema(schema: Mapping[str, object], value: object) -> Applied | None:
    """None when it cannot be told: the schema is wrong, or too much work. Never raises, never asks the network."""
    try:
        if not jsonschema_rs.meta.is_valid(dict(schema)):
            return None
        error = next(_checker(schema).iter_errors(value), None)
    except Exception:  # noqa: BLE001 - whatever a foreign schema makes a library raise, it is no verdict
        return None
    if error is None:
        return Applied(fault=None)
    place = "".join(f"/{part}" for part in error.absolute_path)
    message = f"{place}: {error.message}" if place else error.message
    return Applied(fault=message if len(message) <= _LONGEST_MESSAGE else f"{message[: _LONGEST_MESSAGE - 1]}…")


def _checker(schema: Mapping[str, object]) -> _Checker:
    base = jsonschema.Draft202012Validator
    budget = _Budget()
    keywords = {
        name: _counted(check, budget, skips_patterns=name in _DEPENDS_ON_PATTERNS)
        for name, check in cast("Mapping[str, _Keyword]", base.VALIDATORS).items()
        if name not in _UNBOUNDED
    }
    create = cast("Callable[..., Callable[..., _Checker]]", getattr(validators, "create"))  # noqa: B009 - untyped
    validator = create(meta_schema=base.META_SCHEMA, validators=keywords, type_checker=base.TYPE_CHECKER)
    # A registry of its own: the default one would fetch remote references.
    return validator(schema, registry=cast("Callable[[], object]", Registry)())


def _counted(check: _Keyword, budget: _Budget, *, skips_patterns: bool) -> _Keyword:
    def counted(
        validator: object, value: object, instance: object, schema: Mapping[str, object]
    ) -> Iterator[ValidationError]:
        if budget.steps <= 0 or budget.levels <= 0:
            raise _TooMuch
        budget.steps -= 1
        if skips_patterns and "patternProperties" in schema:
            return
        if value is True and len(array_or_nothing(instance)) > _MOST_UNIQUE_ITEMS:
            return  # uniqueItems: of the keywords that look at arrays the only one to which true means anything
        budget.levels -= 1
        try:
            yield from check(validator, value, instance, schema) or ()
        finally:
            budget.levels += 1

    return counted
