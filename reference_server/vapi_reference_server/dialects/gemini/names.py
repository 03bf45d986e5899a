"""Names as proto3 writes them in JSON: camelCase or snake_case, enums by name or by number."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

from vapi_reference_server.problems import bad_value

if TYPE_CHECKING:
    from vapi_reference_server.json_values import JsonObject

_UNDERSCORE = re.compile(r"_([a-z0-9])")


class Mode(IntEnum):
    """FunctionCallingConfig.Mode."""

    MODE_UNSPECIFIED = 0
    AUTO = 1
    ANY = 2
    NONE = 3
    VALIDATED = 4


class SchemaType(IntEnum):
    """Schema.Type."""

    TYPE_UNSPECIFIED = 0
    STRING = 1
    NUMBER = 2
    INTEGER = 3
    BOOLEAN = 4
    ARRAY = 5
    OBJECT = 6
    NULL = 7


class FinishReason(IntEnum):
    """Candidate.FinishReason, as far as this server ends for one."""

    STOP = 1
    MAX_TOKENS = 2
    SAFETY = 3


class Modality(IntEnum):
    """Modality of what is counted."""

    TEXT = 1


def camel_keys(owner: JsonObject) -> JsonObject:
    """The object with its own keys in camelCase; what is below them stays as it is."""
    return {_UNDERSCORE.sub(lambda found: found[1].upper(), key): value for key, value in owner.items()}


def enum_in(owner: JsonObject, field: str, kind: type[IntEnum], at: str) -> str | None:
    """The name of an enum value, however it is written; None where there is none."""
    value = owner.get(field)
    if value is None:
        return None
    names = {member.name: member.name for member in kind}
    numbers = {member.value: member.name for member in kind}
    found = None
    if isinstance(value, str):
        # Lower case is what JSON Schema writes for types, and clients that convert tools forget it.
        found = names.get(value.upper() if kind is SchemaType else value)
    elif isinstance(value, int) and not isinstance(value, bool):
        found = numbers.get(value)
    if found is None:
        raise bad_value(at + field, f"one of {', '.join(names)} is wanted")
    return found
