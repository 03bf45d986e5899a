"""How @anthropic-ai/sdk for Node reads the JSON text of a tool's input when its block stops.

The text is completed before `JSON.parse` sees it: a token that was cut off at its end is dropped, open brackets are
closed. What holds anything but JSON's tokens, or brackets that do not match, is handed on as it is. Behaviour taken
from the parser of version 1.12 (`_vendor/partial-json-parser`).
"""

import re
from typing import Final

from vapi_conformance.consumers import v8_json

__all__ = ["parse"]

_LITERALS: Final = ("true", "false", "null")
_PAIRS: Final = {"{": "}", "[": "]"}
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NUMBER: Final = re.compile(r"-?(?:[0-9.eE]|(?<=[eE])[-+])*")
_WORD: Final = re.compile(r"[A-Za-z]+")
_NUMBER_STARTS: Final = "-.0123456789"
_SPACE: Final = " \t\n\r"
_WHOLE_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")


def parse(text: str) -> object:
    """The value of the completed text.

    Raises:
        JsError: a SyntaxError with V8's words, which speak of the completed text.
    """
    tokens: list[str] = []
    end = _tokenize(text, tokens)
    # A number that runs to the end of the text may have more digits to come.
    completed = None if end is None else _closed(_stripped(tokens, is_cut_off=end == len(text)))
    return v8_json.parse(text if completed is None else completed)


def _tokenize(text: str, tokens: list[str]) -> int | None:
    """Adds the pieces of the text, whose first character tells their kind; gives the end of the last one.

    None for anything that is no JSON.
    """
    position = end = 0
    while position < len(text):
        char = text[position]
        if char in _SPACE:
            position += 1
            continue
        if char == '"':
            match = _STRING.match(text, position)
            if match is None:
                break  # a string that is cut off is dropped, with all behind it
        elif char in "{}[]:,":
            tokens.append(char)
            position = end = position + 1
            continue
        elif char in _NUMBER_STARTS:
            match = _NUMBER.match(text, position)
        else:
            match = _WORD.match(text, position)
        if match is None:
            return None
        position = match.end()
        token = match[0]
        if token.isalpha() and token not in _LITERALS:
            cut_off = any(literal.startswith(token) for literal in _LITERALS) and not text[position:].strip(_SPACE)
            if not cut_off:
                return None
            continue
        tokens.append(token)
        end = position
    return end


def _stripped(tokens: list[str], *, is_cut_off: bool) -> list[str]:
    """Without what a longer text would continue."""
    opened: list[str] = []
    for token in tokens:
        if token in _PAIRS:
            opened.append(token)
        elif token in ("}", "]") and opened:
            opened.pop()
    innermost = opened[-1] if opened else ""
    unterminated = len(tokens) if is_cut_off else 0
    length = len(tokens)
    while length:
        last = tokens[length - 1]
        before = tokens[length - 2] if length > 1 else ""
        cut_number = last[0] in _NUMBER_STARTS and (length == unterminated or not _WHOLE_NUMBER.match(last))
        lone_key = last[0] == '"' and innermost == "{" and before in (",", "{")
        if last != ":" and not cut_number and not lone_key:
            return tokens[: length - 1] if last == "," else tokens[:length]
        length -= 1
    return []


def _closed(tokens: list[str]) -> str | None:
    """The text with its brackets closed; None where they do not match."""
    tail: list[str] = []
    parts: list[str] = []
    was_scalar = False
    for token in tokens:
        if token in _PAIRS:
            tail.append(_PAIRS[token])
        elif token in ("}", "]") and (not tail or tail.pop() != token):
            return None
        is_scalar = token[0] not in "{}[]:,"
        parts.append(f" {token}" if was_scalar and is_scalar else token)
        was_scalar = is_scalar
    return "".join([*parts, *reversed(tail)])
