"""A GenerateContentResponse without trust: its candidates, their parts, its usage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_none, object_or_nothing

__all__ = ["Candidate", "candidates_of", "count_of", "is_thought", "parts_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One item of `candidates`."""

    index: int
    """Its `index`; its place where it has none, since proto3 JSON leaves out 0."""
    place: int
    fields: Mapping[str, object]


def candidates_of(response: Mapping[str, object]) -> Iterator[Candidate]:
    """Items that are objects."""
    for place, item in enumerate(array_or_nothing(response.get("candidates"))):
        fields = object_or_none(item)
        if fields is not None:
            index = integer_or_none(fields.get("index"))
            yield Candidate(index=place if index is None else index, place=place, fields=fields)


def parts_of(candidate: Mapping[str, object]) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Parts that are objects, each with its place."""
    content = object_or_nothing(candidate.get("content"))
    for place, item in enumerate(array_or_nothing(content.get("parts"))):
        part = object_or_none(item)
        if part is not None:
            yield place, part


def is_thought(part: Mapping[str, object]) -> bool:
    """Marked as the model's reasoning, not the answer."""
    return part.get("thought") is True


def count_of(usage: Mapping[str, object], name: str) -> int:
    """A count that is left out is 0, and so is one that is no integer: a rule of its own speaks about it."""
    return integer_or_none(usage.get(name)) or 0
