"""From the errors of a JSON Schema to the rules that claim them: `x-rule` in the schemas names the rule.

Chunks and documents are checked once per exchange (`Evidence.shape_errors`), however many rules ask.
"""

from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.shape import ShapeError
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_none, object_or_nothing
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.quoting import describe
from vapi_conformance.rules.rule import Violation

__all__ = ["shape_violations", "unclaimed"]

_CATCH_ALL: Final = "-matches-the-schema"
"""How the ids of rules end that take what no other rule claims: two for each API."""


def shape_violations(evidence: Evidence, rule_id: str, *, expected: str | None = None) -> Iterator[Violation]:
    """What this rule claims of the schema errors of a successful answer, streamed or whole.

    `expected` is what people read; without it, the place in the schema.
    """
    return at_most(_violation(each, expected) for each in _errors(evidence) if each.error.rule == rule_id)


def unclaimed(evidence: Evidence) -> Iterator[Violation]:
    """Schema errors that no named rule claims: for the rules that catch the rest."""
    return at_most(
        _violation(each, None)
        for each in _errors(evidence)
        if each.error.rule is None or each.error.rule.endswith(_CATCH_ALL)
    )


def _errors(evidence: Evidence) -> tuple[ShapeError, ...]:
    return evidence.shape_errors if evidence.is_success else ()


def _violation(each: ShapeError, expected: str | None) -> Violation:
    return Violation.at(
        each.chunk,
        expected=expected or f"what {each.schema}.json says at #{each.error.schema_pointer}",
        actual=f"{each.error.pointer}: {_fault(each)}" if each.error.pointer else _fault(each),
    )


def _fault(each: ShapeError) -> str:
    """jsonschema's sentence; for a fixed value it says only what was expected, so we say what was sent."""
    if not each.error.schema_pointer.endswith(("/const", "/enum")):
        return each.error.message
    value = each.chunk.payload.value
    for part in each.error.pointer.split("/")[1:]:
        items = array_or_none(value)
        key = part.replace("~1", "/").replace("~0", "~")
        value = object_or_nothing(value).get(key) if items is None else items[int(part)]
    return describe(value)
