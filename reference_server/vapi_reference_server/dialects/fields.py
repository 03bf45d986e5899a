"""Fields of a request body, typed. Each reader raises Problem, status 400, that names the field at fault.

`at` is the path of the object that holds the field, with its last dot: `generationConfig.`.
A field that is null counts as absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.json_values import as_list, as_object
from vapi_reference_server.problems import bad_value, empty_array

if TYPE_CHECKING:
    from collections.abc import Collection

    from vapi_reference_server.json_values import JsonObject


def object_in(owner: JsonObject, field: str, at: str = "") -> JsonObject | None:
    """An object, None where there is none."""
    value = owner.get(field)
    found = as_object(value)
    if value is not None and found is None:
        raise bad_value(at + field, "an object is wanted")
    return found


def list_in(owner: JsonObject, field: str, at: str = "") -> list[object]:
    """An array, empty where there is none."""
    value = owner.get(field)
    found = as_list(value)
    if value is not None and found is None:
        raise bad_value(at + field, "an array is wanted")
    return found or []


def filled_list_in(owner: JsonObject, field: str) -> list[object]:
    """An array that must be there and hold something."""
    found = as_list(owner.get(field))
    if found is None:
        raise bad_value(field, "an array is wanted")
    if not found:
        raise empty_array(field)
    return found


def objects_in(owner: JsonObject, field: str, at: str = "") -> list[JsonObject]:
    """The objects of an array; none where there is no array."""
    objects: list[JsonObject] = []
    for position, item in enumerate(list_in(owner, field, at)):
        found = as_object(item)
        if found is None:
            raise bad_value(f"{at}{field}[{position}]", "an object is wanted")
        objects.append(found)
    return objects


def boolean_in(owner: JsonObject, field: str, *, default: bool, at: str = "") -> bool:
    """True or false."""
    value = owner.get(field)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise bad_value(at + field, "true or false is wanted")
    return value


def integer_in(
    owner: JsonObject, field: str, *, low: int | None = None, high: int | None = None, at: str = ""
) -> int | None:
    """An integer within bounds, None where there is none."""
    value = owner.get(field)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_value(at + field, "an integer is wanted")
    if (low is not None and value < low) or (high is not None and value > high):
        raise bad_value(at + field, f"at least {low}" + ("" if high is None else f" and at most {high}"))
    return value


def number_in(owner: JsonObject, field: str, top: float, at: str = "") -> float | None:
    """A number from zero to the top, None where there is none."""
    value = owner.get(field)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= top:
        raise bad_value(at + field, f"a number from 0 to {top:g} is wanted")
    return value


def string_in(owner: JsonObject, field: str, at: str = "") -> str | None:
    """A string of whole characters, None where there is none."""
    value = owner.get(field)
    return None if value is None else text_of(value, at + field)


def name_in(owner: JsonObject, field: str, at: str = "") -> str:
    """A string that must be there and hold something."""
    value = string_in(owner, field, at)
    if not value:
        raise bad_value(at + field, "a non-empty string is wanted")
    return value


def word_in(owner: JsonObject, field: str, words: Collection[str], at: str = "") -> str | None:
    """One of these words, None where there is none."""
    value = owner.get(field)
    if value is not None and (not isinstance(value, str) or value not in words):
        raise bad_value(at + field, f"one of {', '.join(words)} is wanted")
    return value


def model_in(body: JsonObject) -> str:
    """The model that is asked for."""
    value = body.get("model")
    if not isinstance(value, str) or not value:
        raise bad_value("model", "you must name a model")
    return value


def stops_in(owner: JsonObject, field: str, most: int | None = None, at: str = "") -> tuple[str, ...]:
    """An array of non-empty strings that end an answer."""
    items = list_in(owner, field, at)
    if most is not None and len(items) > most:
        raise bad_value(at + field, f"at most {most} strings are wanted")
    stops = tuple(item for item in items if isinstance(item, str) and item)
    if len(stops) != len(items):
        raise bad_value(at + field, "each stop sequence must be a non-empty string")
    return stops


def text_of(value: object, where: str) -> str:
    """The value, if it is a string of whole characters."""
    if not isinstance(value, str):
        raise bad_value(where, "a string is wanted")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise bad_value(where, "half of a surrogate pair is no character") from error
    return value
