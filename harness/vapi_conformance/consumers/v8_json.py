"""`JSON.parse`, `JSON.stringify` and string conversion as V8 does them, down to the words of its errors.

Node's library reports a broken payload in V8's words, and people search for those words. They are those of V8 11.3
(Node 20); newer ones only add `(line n column n)`. Numbers become int or float, the value of a repeated key is the
last one, and `__proto__` is a key like any other.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.v8_json_syntax import parse_slowly

__all__ = ["is_truthy", "number_text", "parse", "stringify", "to_string", "type_and_value"]

_SAFE_INTEGER_DIGITS = 15
_MAX_ARRAY_INDEX = 2**32 - 2
_ARRAY_INDEX = re.compile(r"(?:0|[1-9][0-9]{0,9})\Z")
_MAX_STRINGIFIED_DEPTH = 4100
_MAX_JOINED_DEPTH = 3150
"""Where Node 20 runs out of stack, measured with its default size; nobody should rely on the last digits."""
_LEAST_PLAIN_POINT = -5
_MOST_PLAIN_POINT = 21
"""Positions of the decimal point between which a number is written without an exponent."""


def _number(text: str) -> int | float:
    # All numbers are doubles there. Short integers stay integers, which is the same and easier to look at.
    return int(text) if len(text) <= _SAFE_INTEGER_DIGITS else float(text)


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_int=_number, parse_constant=_refuse_constant)


def parse(text: str) -> object:
    """The value of a JSON text.

    Python's own parser accepts what V8 does once NaN and Infinity are refused; where it gives up, also for too deep
    a nesting, the slow parser takes over.

    Raises:
        JsError: a SyntaxError with V8's words.
    """
    try:
        return cast("object", _DECODER.decode(text))
    except (ValueError, RecursionError):
        return parse_slowly(text, number=_number)


def number_text(value: float) -> str:
    """A number as `String(value)` writes it (ECMA-262, 6.1.6.1.20)."""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(digits) - len(fraction) + int(exponent or 0)
    return sign + _placed(digits.rstrip("0"), point) if digits else "0"


def _placed(digits: str, point: int) -> str:
    """Digits with the decimal point behind the first `point` of them."""
    if not _LEAST_PLAIN_POINT <= point <= _MOST_PLAIN_POINT:
        rest = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{digits[0]}{rest}e{point - 1:+d}"
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    if len(digits) <= point:
        return digits.ljust(point, "0")
    return f"{digits[:point]}.{digits[point:]}"


_Steps = Iterator[tuple[str, object]]
"""Items of a container, each with what stands before it."""


def stringify(value: object) -> str:
    """`JSON.stringify(value)` of a parsed value.

    Raises:
        JsError: a RangeError, nested too deeply.
    """
    return _written(value, enter=_json_container, scalar=_json_scalar, max_depth=_MAX_STRINGIFIED_DEPTH)


def _json_container(value: object) -> tuple[str, _Steps, str] | None:
    if isinstance(value, list):
        return "[", _separated(("", item) for item in cast("list[object]", value)), "]"
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return "{", _separated((f"{_quoted(key)}:", members[key]) for key in _key_order(members)), "}"
    return None


def _json_scalar(value: object) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return _scalar_text(value)


def _scalar_text(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(cast("float", value))


def _separated(steps: Iterable[tuple[str, object]]) -> _Steps:
    comma = ""
    for before, item in steps:
        yield comma + before, item
        comma = ","


def _written(
    value: object,
    *,
    enter: Callable[[object], tuple[str, _Steps, str] | None],
    scalar: Callable[[object], str],
    max_depth: int,
) -> str:
    """A value in text. Not by recursion: how deep Python may go depends on who calls, and the answer must not."""
    parts: list[str] = []
    open_steps: list[_Steps] = [iter([("", value)])]
    closers = [""]
    while open_steps:
        step = next(open_steps[-1], None)
        if step is None:
            open_steps.pop()
            parts.append(closers.pop())
            continue
        before, item = step
        container = enter(item)
        if container is None:
            parts.append(before + scalar(item))
            continue
        if len(open_steps) > max_depth:
            raise JsError("RangeError", "Maximum call stack size exceeded")
        opener, steps, closer = container
        parts.append(before + opener)
        open_steps.append(steps)
        closers.append(closer)
    return "".join(parts)


def _key_order(members: dict[str, object]) -> list[str]:
    """Array indexes first, in numeric order, then the others as they came (ECMA-262, 10.1.11.1)."""
    indexes = [key for key in members if _ARRAY_INDEX.match(key) and int(key) <= _MAX_ARRAY_INDEX]
    if not indexes:
        return list(members)
    known = set(indexes)
    return sorted(indexes, key=int) + [key for key in members if key not in known]


_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_TO_ESCAPE = re.compile(r'[\x00-\x1f"\\\ud800-\udfff]')


def _quoted(text: str) -> str:
    return '"' + _TO_ESCAPE.sub(lambda match: _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04x}", text) + '"'


def to_string(value: object) -> str:
    """A parsed value, as `'' + value` writes it.

    Raises:
        JsError: a TypeError; the value is an object that hides `toString` behind a key of its own. Or a RangeError.
    """
    if isinstance(value, str):
        return value
    return _written(value, enter=_joined_array, scalar=_concatenated_scalar, max_depth=_MAX_JOINED_DEPTH)


def _joined_array(value: object) -> tuple[str, _Steps, str] | None:
    if not isinstance(value, list):
        return None
    return "", _separated(("", "" if item is None else item) for item in cast("list[object]", value)), ""


def _concatenated_scalar(value: object) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return _scalar_text(value)
    if "toString" in value:
        raise JsError("TypeError", "Cannot convert object to primitive value")
    return "[object Object]"


def is_truthy(value: object) -> bool:
    """What `if (value)` finds: empty arrays and objects are something."""
    return isinstance(value, dict | list) or bool(value)


def type_and_value(value: object) -> str:
    """A primitive as V8 names it when it was no fit value: `number 5`, `boolean true`."""
    kind = "boolean" if isinstance(value, bool) else "number"
    return f"{kind} {to_string(value)}"
