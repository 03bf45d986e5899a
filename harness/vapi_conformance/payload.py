"""One JSON text, parsed without trust: what it holds, and what a lenient parser would have hidden.

Python's parser lets NaN, Infinity and repeated keys pass and gives up on deep nesting with an exception of its
own; other parsers decide otherwise. A judge needs all of that as facts (RFC 8259, 4, 6 and 9).
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from vapi_conformance.narrow import array_or_nothing, object_or_none

__all__ = ["Payload", "parse"]

_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_JSON_SPACE: Final = " \t\n\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A parsed JSON text. `value` is None when `error` says why there is none (and when the text is `null`)."""

    raw: str
    value: object = None
    error: str | None = None
    """The parser's words with the position, or None."""
    complete_values: int = 1
    """How many whole JSON values stand in the text one after the other: 2 when two events were run together."""
    repeated_keys: tuple[str, ...] = ()
    non_finite: tuple[str, ...] = ()
    """`NaN`, `Infinity`, `-Infinity`: no JSON, though many writers produce them."""
    lone_surrogates: bool = False
    """A string holds half of a surrogate pair, which no UTF-8 text can carry on."""


def parse(text: str) -> Payload:
    """Never raises. Whatever the text is, the result says what a strict parser would."""
    repeated: list[str] = []
    non_finite: list[str] = []

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        record = dict(items)
        if len(record) != len(items):
            repeated.extend(key for key, count in Counter(key for key, _ in items).items() if count > 1)
        return record

    def constant(name: str) -> float:
        non_finite.append(name)
        return float(name)

    decoder = json.JSONDecoder(object_pairs_hook=pairs, parse_constant=constant)
    body = text.strip(_JSON_SPACE)
    try:
        value, end = decoder.raw_decode(body)
    except json.JSONDecodeError as problem:
        return Payload(raw=text, error=f"{problem.msg} at character {problem.pos}", complete_values=0)
    except RecursionError:
        return Payload(raw=text, error="nested too deeply to be parsed", complete_values=0)
    except ValueError as problem:  # an integer of thousands of digits
        return Payload(raw=text, error=str(problem).split(";")[0], complete_values=0)
    if end < len(body):
        return Payload(
            raw=text,
            error=f"more text after the JSON value at character {end}",
            complete_values=_count_values(decoder, body, end),
        )
    return Payload(
        raw=text,
        value=value,
        error=f"{non_finite[0]} is not JSON" if non_finite else None,
        repeated_keys=tuple(repeated),
        non_finite=tuple(non_finite),
        lone_surrogates=_SURROGATE_ESCAPE.search(body) is not None and _has_lone_surrogate(value),
    )


def _count_values(decoder: json.JSONDecoder, body: str, end: int) -> int:
    """Whole values in a row, 0 when anything else stands between them; at most 1000 are looked at."""
    count = 1
    while end < len(body) and count < 1000:  # noqa: PLR2004 - the bound of the docstring
        rest = len(body) - len(body[end:].lstrip(_JSON_SPACE))
        try:
            _, end = decoder.raw_decode(body, rest)
        except (ValueError, RecursionError):
            return 0
        count += 1
    return count


def _has_lone_surrogate(value: object) -> bool:
    """Python joins a proper pair to one character, so every surrogate that is left stands alone."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if any("\ud800" <= character <= "\udfff" for character in item):
                return True
        elif (record := object_or_none(item)) is not None:
            stack.extend(record.keys())
            stack.extend(record.values())
        else:
            stack.extend(array_or_nothing(item))
    return False
