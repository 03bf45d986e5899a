"""The structure of a JSON value: keys, their order, types. Where two differ, pointer by pointer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vapi_conformance.narrow import array_or_none, object_or_none

Kind = Literal["only there", "only here", "type", "order", "length"]


@dataclass(frozen=True, order=True)
class Difference:
    pointer: str
    kind: Kind


def differences(there: object, here: object, pointer: str = "") -> Iterator[Difference]:
    """How `here` departs from `there`; values are not compared, true and false are one type."""
    if _type(there) != _type(here):
        yield Difference(pointer, "type")
        return
    objects = object_or_none(there), object_or_none(here)
    if objects[0] is not None and objects[1] is not None:
        yield from _object_differences(objects[0], objects[1], pointer)
    arrays = array_or_none(there), array_or_none(here)
    if arrays[0] is not None and arrays[1] is not None:
        yield from _array_differences(arrays[0], arrays[1], pointer)


def _object_differences(there: Mapping[str, object], here: Mapping[str, object], pointer: str) -> Iterator[Difference]:
    yield from (Difference(f"{pointer}/{key}", "only there") for key in there if key not in here)
    yield from (Difference(f"{pointer}/{key}", "only here") for key in here if key not in there)
    if [key for key in there if key in here] != [key for key in here if key in there]:
        yield Difference(pointer, "order")
    for key in there:
        if key in here:
            yield from differences(there[key], here[key], f"{pointer}/{key}")


def _array_differences(there: Sequence[object], here: Sequence[object], pointer: str) -> Iterator[Difference]:
    if len(there) != len(here):
        yield Difference(pointer, "length")
    for index, (one, other) in enumerate(zip(there, here, strict=False)):
        yield from differences(one, other, f"{pointer}/{index}")


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__
