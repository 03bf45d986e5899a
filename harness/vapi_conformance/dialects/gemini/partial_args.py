"""Arguments of a call that come in pieces (Vertex, only when asked), put together as the paths say."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final, cast

from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none

__all__ = ["assembled"]

_STEP: Final = re.compile(r"""\.([^.\[\]'"]+)|\[(\d{1,6})\]|\['([^']*)'\]|\["([^"]*)"\]""")
_VALUES: Final = ("numberValue", "boolValue")
_MOST_STEPS: Final = 32
"""Levels of a path; deeper ones are left out."""


def assembled(calls: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """From `functionCall` objects in order, whose `args` and `partialArgs` add up, to the whole arguments.

    A string that comes in several pieces is joined. Paths beyond plain names and places in an array (RFC 9535, 2.3.1
    and 2.3.3), or with a place that leaves a gap, are left out.
    """
    whole: dict[str, object] = {}
    texts: dict[str, list[str]] = {}
    values: dict[str, object] = {}
    for call in calls:
        if "args" in call:
            # A copy through and through: what was sent stays as it was sent.
            whole.update(object_or_nothing(json.loads(json.dumps(call["args"]))))
        for piece in map(object_or_nothing, array_or_nothing(call.get("partialArgs"))):
            path = string_or_none(piece.get("jsonPath"))
            if path is None:
                continue
            text = string_or_none(piece.get("stringValue"))
            if text is not None:
                texts.setdefault(path, []).append(text)
                values[path] = None
            elif (value := next((piece[key] for key in _VALUES if piece.get(key) is not None), None)) is not None:
                values[path] = value
            elif "nullValue" in piece:
                values[path] = None
    for path, value in values.items():
        _put(whole, path, "".join(texts[path]) if path in texts else value)
    return whole


def _put(whole: dict[str, object], path: str, value: object) -> None:
    steps = _steps(path)
    if steps is None:
        return
    holder: object = whole
    for step, following in zip(steps, (*steps[1:], None), strict=True):
        empty: object = value if following is None else ([] if isinstance(following, int) else {})
        if isinstance(step, int):
            if not isinstance(holder, list):
                return
            items = cast("list[object]", holder)
            if step > len(items):
                return
            if step == len(items):
                items.append(empty)
            elif following is None:
                items[step] = value
            holder = items[step]
        else:
            if not isinstance(holder, dict):
                return
            record = cast("dict[str, object]", cast("object", holder))
            if following is None:
                record[step] = value
            holder = record.setdefault(step, empty)


def _steps(path: str) -> list[str | int] | None:
    """None for a path that is no list of names and places from the root."""
    if not path.startswith("$"):
        return None
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or len(steps) >= _MOST_STEPS:
            return None
        name, place, *quoted = match.groups()
        steps.append(int(place) if place is not None else next(each for each in (name, *quoted) if each is not None))
        at = match.end()
    return steps or None
