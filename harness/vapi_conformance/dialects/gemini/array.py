"""A JSON array that grows while it is read: where its elements are, also when its end never comes."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from vapi_conformance.dialects.body_kind import BOM

__all__ = ["Element", "elements"]

_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{},]', re.DOTALL)
_SPACE: Final = b" \t\r\n"


class Element(NamedTuple):
    """Byte range of one element in the body, white space around it left out."""

    start: int
    end: int


def elements(body: bytes) -> Iterator[Element]:
    """The whole elements of the array that the body begins with, in order; nothing where it begins with none.

    Takes linear time and never raises. An element that the body breaks off in is none; what follows the closing
    bracket is not looked at. Whether an element is JSON, its reader says.
    """
    at = len(body) - len(body.removeprefix(BOM))
    at += len(body[at:]) - len(body[at:].lstrip(_SPACE))
    if body[at : at + 1] != b"[":
        return
    depth, start = 0, at + 1
    for token in _TOKEN.finditer(body, at):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                continue
            case b"]" | b"}":
                depth -= 1
            case b",":
                pass
            case _:
                continue
        if depth == 1 and token[0] == b"}":
            # It can be read from here on, whenever the comma comes.
            yield from _element(body, start, token.end())
            start = token.end()
        elif depth == 0 or (depth == 1 and token[0] == b","):
            yield from _element(body, start, token.start())
            start = token.end()
        if depth <= 0:
            return


def _element(body: bytes, start: int, end: int) -> Iterator[Element]:
    """Nothing between two commas is no element."""
    text = body[start:end]
    begin = start + len(text) - len(text.lstrip(_SPACE))
    finish = end - (len(text) - len(text.rstrip(_SPACE)))
    if begin < finish:
        yield Element(begin, finish)
