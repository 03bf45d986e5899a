"""Which JSON texts `jiter.from_json(text, partial_mode=True)` takes while they grow; anthropic for Python asks it.

A text may end anywhere inside of an array or object; a wrong character behind a complete item ends the container
without an error, and what follows the outermost value is not looked at. Behaviour taken from jiter 0.19.
"""

import re
from typing import Final

__all__ = ["PartialJson"]

_MAX_DEPTH: Final = 201
_SPACE: Final = " \t\n\r"
_WORDS: Final = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f]+')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_NUMBER_PREFIX: Final = re.compile(
    r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|(?:0|[1-9][0-9]*)(?:\.[0-9]+)?[eE][+-]?[0-9]*)?\Z"
)
_KEPT_DIGITS: Final = 40
"""Of a longer run of digits no more is kept: it says nothing new, and is not to be looked at again and again."""
_MAX_INTEGER_DIGITS: Final = 4300
"""Give or take those that are kept."""
_DIGITS: Final = frozenset("0123456789")
_HEX: Final = frozenset("0123456789abcdefABCDEF")


class PartialJson:
    """A text that grows; time is linear, unlike the library's own, which parses it anew each time."""

    def __init__(self) -> None:
        self.is_broken = False
        """No continuation mends it."""
        self._open: list[str] = []
        self._expects = "value"
        self._token = ""
        self._dropped_digits = 0
        self._escape = ""
        self._high_surrogate = False
        self._is_key = False
        self._started = False

    @property
    def is_accepted(self) -> bool:
        """Whether the text so far is parsed without an error."""
        if self.is_broken:
            return False
        if self._expects == "done" or self._open:
            return True
        # A scalar at the top has no container that could forgive its end.
        return self._expects == "word" and _is_complete(self._token)

    def feed(self, text: str) -> None:
        """More of the text."""
        position = 0
        while position < len(text) and not self.is_broken and self._expects != "done":
            step = self._in_string if self._expects == "string" else self._outside
            position = step(text, position)

    def _in_string(self, text: str, position: int) -> int:
        if self._escape:
            self._escaped(text[position])
            return position + 1
        if self._high_surrogate and text[position] != "\\":
            self.is_broken = True
            return position
        plain = _PLAIN.match(text, position)
        if plain is not None:
            return plain.end()
        if text[position] == '"':
            self._expects = "colon" if self._is_key else "after"
            self._close_top()
        elif text[position] == "\\":
            self._escape = "\\"
        else:
            self.is_broken = True
        return position + 1

    def _escaped(self, char: str) -> None:
        self._escape += char
        if len(self._escape) == 2:  # noqa: PLR2004  # the character behind the backslash
            known = char == "u" or (char in '"\\/bfnrt' and not self._high_surrogate)
            self.is_broken = not known
            if char != "u":
                self._escape = ""
        elif len(self._escape.encode("utf-8", "surrogatepass")) >= len("\\u0000"):
            # Four bytes are waited for before any of them is looked at.
            digits = self._escape[2:]
            if len(digits) == len("0000") and _HEX.issuperset(digits):
                self._code_unit(int(digits, 16))
            else:
                self.is_broken = True
            self._escape = ""

    def _code_unit(self, unit: int) -> None:
        is_low = 0xDC00 <= unit <= 0xDFFF  # noqa: PLR2004  # Unicode 16, 3.9, table 3-5
        if is_low != self._high_surrogate:
            self.is_broken = True
        self._high_surrogate = 0xD800 <= unit <= 0xDBFF  # noqa: PLR2004

    def _outside(self, text: str, position: int) -> int:
        char = text[position]
        if self._expects == "word":
            return self._in_word(char, position)
        if char in _SPACE:
            return position + 1
        match self._expects:
            case "value" | "item":
                self._value(char)
            case "key" | "next key":
                self._key(char)
            case "colon":
                self.is_broken = char != ":"
                self._expects = "value"
            case _:
                return position + self._after(char)
        return position + 1

    def _in_word(self, char: str, position: int) -> int:
        if char in _DIGITS and len(self._token) > _KEPT_DIGITS and self._token[-1] in _DIGITS:
            self._dropped_digits += 1
            self.is_broken = self._dropped_digits > _MAX_INTEGER_DIGITS and self._token.lstrip("-").isdigit()
            return position + 1
        longer = self._token + char
        if _is_prefix(longer):
            self._token = longer
            return position + 1
        if not _is_complete(self._token) or (char in _DIGITS and self._token not in _WORDS):
            self.is_broken = True  # a digit that does not continue the number stands behind a leading zero
            return position
        self._token = ""
        self._expects = "after"
        self._close_top()
        return position

    def _value(self, char: str) -> None:
        if char == "]" and self._expects == "item":
            self._pop()
        elif char in "[{":
            self._open.append(char)
            self._expects = "item" if char == "[" else "key"
            self.is_broken = len(self._open) > _MAX_DEPTH
        elif char == '"':
            self._expects, self._is_key = "string", False
        elif _is_prefix(char):
            self._expects, self._token, self._dropped_digits = "word", char, 0
        else:
            self.is_broken = True

    def _key(self, char: str) -> None:
        if char == "}" and self._expects == "key":
            self._pop()
        elif char == '"':
            self._expects, self._is_key = "string", True
        else:
            self.is_broken = True

    def _after(self, char: str) -> int:
        """How many characters are used up: none where the container ends without its bracket."""
        opener = self._open[-1]
        if char == ",":
            self._expects = "value" if opener == "[" else "next key"
            return 1
        closes = char == ("]" if opener == "[" else "}")
        self._pop()
        return 1 if closes else 0

    def _pop(self) -> None:
        self._open.pop()
        self._expects = "after"
        self._close_top()

    def _close_top(self) -> None:
        if not self._open and self._expects == "after":
            self._expects = "done"


def _is_prefix(token: str) -> bool:
    if token[0] in "tfnNI" or token.startswith("-I"):
        return any(word.startswith(token) for word in _WORDS)
    return _NUMBER_PREFIX.match(token) is not None


def _is_complete(token: str) -> bool:
    if token in _WORDS:
        return True
    return _NUMBER.match(token) is not None
