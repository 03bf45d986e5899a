"""One JSON text, parsed without trust: what it holds, and what a lenient parser would have hidden.

Python's parser lets NaN, Infinity and repeated keys pass and gives up on deep nesting with an exception of its
own; other parsers decide otherwise. A judge needs all of that as facts (RFC 8259, 4, 6 and 9).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vapi_conformance.narrow import array_or_nothing, object_or_none

__all__ = ["Payload", "parse"]

_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_TEXT_OR_BRACKET: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_MOST_VALUES: Final = 1000
_DEEPEST: Final = 400
"""Levels of nesting that are parsed. A bound of our own, because Python's depends on how deep its caller stands, and
the same bytes are to get the same verdict everywhere. No payload of these APIs comes near."""


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
    """Never raises, and takes linear time. Whatever the text is, the result says what a strict parser would."""
    repeated: list[str] = []
    non_finite: list[str] = []

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        record = dict(items)
        if len(record) != len(items):
            repeated.extend(_repeated(items))
        return record

    def constant(name: str) -> float:
        non_finite.append(name)
        return float(name)

    if _is_too_deep(text):
        return Payload(raw=text, error=f"nested more than {_DEEPEST} levels deep", complete_values=0)
    decoder = json.JSONDecoder(object_pairs_hook=pairs, parse_constant=constant, parse_int=_number)
    try:
        value, end = decoder.raw_decode(text, _past_space(text, 0))
    except json.JSONDecodeError as problem:
        words = problem.msg.rstrip(": ").removesuffix(" at")
        return Payload(raw=text, error=f"{words} at character {problem.pos}", complete_values=0)
    except RecursionError:
        return Payload(raw=text, error="nested too deeply to be parsed", complete_values=0)
    rest = _past_space(text, end)
    if rest < len(text):
        return Payload(
            raw=text,
            error=f"more text after the JSON value at character {rest}",
            complete_values=_count_values(decoder, text, rest),
        )
    return Payload(
        raw=text,
        value=value,
        error=f"{non_finite[0]} is not JSON" if non_finite else None,
        repeated_keys=tuple(repeated),
        non_finite=tuple(non_finite),
        lone_surrogates=_SURROGATE_ESCAPE.search(text) is not None and _has_lone_surrogate(value),
    )


def _repeated(items: list[tuple[str, object]]) -> Iterator[str]:
    """Each key that stands more than once in one object, once, in the order of the repetitions."""
    seen: set[str] = set()
    told: set[str] = set()
    for key, _ in items:
        if key in seen and key not in told:
            told.add(key)
            yield key
        seen.add(key)


def _number(digits: str) -> float:
    """An integer; as a float where Python refuses to convert so many digits, as parsers with floats only do."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _past_space(text: str, at: int) -> int:
    return match.end() if (match := _SPACE.match(text, at)) else at


def _is_too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= _DEEPEST:
        return False
    depth = 0
    for match in _TEXT_OR_BRACKET.finditer(text):
        if (bracket := match[0]) in "[{":
            depth += 1
            if depth > _DEEPEST:
                return True
        elif bracket in "]}":
            depth -= 1
    return False


def _count_values(decoder: json.JSONDecoder, text: str, at: int) -> int:
    """Whole values in a row, with the one before `at`; 0 when anything else stands between them. Counts up to 1000."""
    count = 1
    while at < len(text) and count < _MOST_VALUES:
        try:
            _, end = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            return 0
        at = _past_space(text, end)
        count += 1
    return count


def _has_lone_surrogate(value: object) -> bool:
    """Python joins a proper pair to one character, so every surrogate that is left stands alone."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if _SURROGATE.search(item):
                return True
        elif (record := object_or_none(item)) is not None:
            stack.extend(record.keys())
            stack.extend(record.values())
        else:
            stack.extend(array_or_nothing(item))
    return False
