"""The slow JSON parser: finds where and why V8 stops, and copes with any nesting.

A table would be shorter than this loop, but V8's words depend on what was expected at each place; the order of its
checks (`src/json/json-parser.cc` in V8 11.3) is therefore kept.
"""

import re
from collections.abc import Callable
from typing import NoReturn

from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.utf16 import well_formed

__all__ = ["parse_slowly"]

_SPACES = frozenset(" \t\n\r")
_SPACE = re.compile(r"[ \t\n\r]*")
_MINUS = re.compile(r"-?")
_SIGN = re.compile(r"[+-]?")
_DIGIT_RUN = re.compile(r"[0-9]*")
_INTEGER = re.compile(r"-?[0-9]+")
_STRING_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_HEX = re.compile(r"[0-9A-Fa-f]{0,4}")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LITERALS: dict[str, tuple[str, object]] = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}
_LAST_LATIN_1 = "\xff"
_DIGITS = "0123456789"
_NUMBER_START = "-" + _DIGITS
_CLOSER = {"[": "]", "{": "}"}
_EXPECTED_AFTER = {
    "[": "Expected ',' or ']' after array element in JSON",
    "{": "Expected ',' or '}' after property value in JSON",
}
_HEX_DIGITS = 4
_KEPT_DEPTH = 5000
"""Containers deeper than this are checked but not kept (they stand there empty), so that a body of nothing but
brackets costs little more memory than its own size. Nothing in Node can write a value out that is so deep."""
_CONTEXT_UNITS = 10
"""UTF-16 code units that V8 quotes on either side of an unexpected token."""
_SPECIAL_TEXTS = frozenset({"[object Object]", "NaN", "Infinity", "undefined"})


class _Frame:
    """A container that is still open."""

    __slots__ = ("key", "value")

    def __init__(self, value: list[object] | dict[str, object]) -> None:
        self.value = value
        self.key = ""

    def put(self, item: object) -> None:
        if isinstance(self.value, list):
            self.value.append(item)
        else:
            self.value[self.key] = item


def parse_slowly(text: str, *, number: Callable[[str], object]) -> object:
    """The value of a JSON text, in linear time and without recursion.

    Raises:
        JsError: a SyntaxError with V8's words; a lone surrogate in them is written as U+FFFD.
    """
    return _Parser(text, number).parse()


class _Parser:
    def __init__(self, text: str, number: Callable[[str], object]) -> None:
        self._text = text
        self._number = number
        self._at = 0
        self._kinds: list[str] = []
        """`[` or `{` for every open container: all that is remembered of the deep ones."""
        self._frames: list[_Frame] = []
        self._result: object = None

    def parse(self) -> object:
        complete = self._value()
        while self._kinds:
            complete = self._after_value() if complete else self._value()
        if self._skip_space():
            self._fail("Unexpected non-whitespace character after JSON")
        return self._result

    def _value(self) -> bool:
        """Reads a scalar, or enters a container. True when the value is complete, False when one must follow."""
        char = self._skip_space()
        if not char:
            self._unexpected()
        if char in "[{":
            return self._enter(char)
        if char == '"':
            self._put(self._string())
        elif char in _LITERALS:
            self._put(self._literal(*_LITERALS[char]))
        elif char in _NUMBER_START:
            self._put(self._number_here())
        else:
            self._unexpected()
        return True

    def _after_value(self) -> bool:
        kind = self._kinds[-1]
        char = self._skip_space()
        if char == _CLOSER[kind]:
            return self._leave()
        if char != ",":
            self._fail(_EXPECTED_AFTER[kind])
        self._at += 1
        if kind == "{":
            self._key("Expected double-quoted property name in JSON", colon_complaint=None)
        return False

    def _enter(self, kind: str) -> bool:
        self._at += 1
        container: list[object] | dict[str, object] = [] if kind == "[" else {}
        self._put(container)
        self._kinds.append(kind)
        if len(self._kinds) <= _KEPT_DEPTH:
            self._frames.append(_Frame(container))
        if self._skip_space() == _CLOSER[kind]:
            return self._leave()
        if kind == "{":
            self._key("Expected property name or '}' in JSON", "Expected ':' after property name in JSON")
        return False

    def _leave(self) -> bool:
        self._at += 1
        if len(self._kinds) <= _KEPT_DEPTH:
            self._frames.pop()
        self._kinds.pop()
        return True

    def _put(self, item: object) -> None:
        if not self._kinds:
            self._result = item
        elif len(self._kinds) <= _KEPT_DEPTH:
            self._frames[-1].put(item)

    def _key(self, complaint: str, colon_complaint: str | None) -> None:
        if self._skip_space() != '"':
            self._fail(complaint)
        key = self._string()
        if len(self._kinds) <= _KEPT_DEPTH:
            self._frames[-1].key = key
        if self._skip_space() != ":":
            # V8 has words of its own for the first property's colon only.
            self._fail(colon_complaint) if colon_complaint else self._unexpected()
        self._at += 1

    def _skip_space(self) -> str:
        """The next character that is no white space, not consumed; empty at the end."""
        char = self._text[self._at : self._at + 1]
        if char not in _SPACES:  # as good as always, and this is asked for every token
            return char
        self._at = _end(_SPACE, self._text, self._at)
        return self._here()

    def _here(self) -> str:
        return self._text[self._at : self._at + 1]

    def _literal(self, word: str, value: object) -> object:
        for char in word:
            if self._here() != char:
                self._unexpected()
            self._at += 1
        return value

    def _number_here(self) -> object:
        start = self._at
        self._at = _end(_MINUS, self._text, start)
        if not self._here() or self._here() not in _DIGITS:
            self._fail("No number after minus sign in JSON")
        if self._here() == "0":
            self._at += 1
            if self._here() and self._here() in _DIGITS:
                self._fail("Unexpected number in JSON")
        self._at = _end(_DIGIT_RUN, self._text, self._at)
        if self._here() == ".":
            self._at += 1
            self._digits("Unterminated fractional number in JSON")
        if self._here() in ("e", "E"):
            self._at = _end(_SIGN, self._text, self._at + 1)
            self._digits("Exponent part is missing a number in JSON")
        return self._number_value(self._text[start : self._at])

    def _number_value(self, text: str) -> object:
        return self._number(text) if _INTEGER.fullmatch(text) else float(text)

    def _digits(self, complaint: str) -> None:
        end = _end(_DIGIT_RUN, self._text, self._at)
        if end == self._at:
            self._fail(complaint)
        self._at = end

    def _string(self) -> str:
        self._at += 1
        parts: list[str] = []
        while True:
            end = _end(_STRING_PLAIN, self._text, self._at)
            parts.append(self._text[self._at : end])
            self._at = end
            char = self._here()
            if char == '"':
                self._at += 1
                return well_formed("".join(parts), errors="surrogatepass")
            if not char:
                self._fail("Unterminated string in JSON")
            if char != "\\":
                self._fail("Bad control character in string literal in JSON")
            self._at += 1
            parts.append(self._escape())

    def _escape(self) -> str:
        char = self._here()
        if not char:
            self._unexpected()
        if char == "u":
            start = self._at + 1
            end = _end(_HEX, self._text, start)
            self._at = end
            if end - start < _HEX_DIGITS:
                self._fail("Bad Unicode escape in JSON")
            return chr(int(self._text[start:end], 16))
        if char > _LAST_LATIN_1:
            self._unexpected()
        if char not in _ESCAPES:
            self._fail("Bad escaped character in JSON")
        self._at += 1
        return _ESCAPES[char]

    def _fail(self, complaint: str) -> NoReturn:
        raise JsError("SyntaxError", f"{complaint} at position {self._units_before()}")

    def _unexpected(self) -> NoReturn:
        char = self._here()
        if not char:
            raise JsError("SyntaxError", "Unexpected end of JSON input")
        if char in _NUMBER_START:
            self._fail("Unexpected number in JSON")
        if char == '"':
            self._fail("Unexpected string in JSON")
        if self._text in _SPECIAL_TEXTS:
            raise JsError("SyntaxError", f'"{self._text}" is not valid JSON')
        units = self._text.encode("utf-16-le", "surrogatepass")
        at = self._units_before()
        token = _between(units, at, at + 1)
        raise JsError("SyntaxError", f"Unexpected token '{token}', {_context(units, at)} is not valid JSON")

    def _units_before(self) -> int:
        return len(self._text[: self._at].encode("utf-16-le", "surrogatepass")) // 2


def _between(units: bytes, start: int, end: int) -> str:
    """UTF-16 code units, which is how V8 counts and cuts, as text."""
    return units[2 * start : 2 * end].decode("utf-16-le", "replace")


def _context(units: bytes, at: int) -> str:
    count = len(units) // 2
    if count <= 2 * _CONTEXT_UNITS:
        return f'"{_between(units, 0, count)}"'
    start, end = at - _CONTEXT_UNITS, at + _CONTEXT_UNITS
    before = "..." if start >= 0 else ""
    after = "..." if end < count else ""
    return f'{before}"{_between(units, max(0, start), end)}"{after}'


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a pattern that may match nothing ends."""
    match = pattern.match(text, at)
    return match.end() if match is not None else at
