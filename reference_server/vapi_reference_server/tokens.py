"""Tokens of the scripted model: a word with the white space before it, or a run of punctuation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Sixteen characters at most, so that scripts without spaces are cut too.
_TOKEN = re.compile(r"\s*(?:\w{1,16}|[^\w\s]+)|\s+$")
_MIN_TOKENS_PER_DELTA = 3
_MAX_TOKENS_PER_DELTA = 8


def split_tokens(text: str) -> list[str]:
    """The tokens of a text; joined, they are the text again."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """How many tokens a text costs."""
    return len(_TOKEN.findall(text))


def first_tokens(text: str, limit: int) -> str:
    """The text, cut after so many tokens."""
    return "".join(split_tokens(text)[:limit])


def split_deltas(text: str) -> Iterator[str]:
    """The text in pieces of a few words, as a stream carries it; joined, they are the text again.

    A piece begins at white space where it can, so that a letter stays with its combining marks.
    """
    piece: list[str] = []
    for token in split_tokens(text):
        at_word = token[0].isspace() and len(piece) >= _MIN_TOKENS_PER_DELTA
        if at_word or len(piece) == _MAX_TOKENS_PER_DELTA:
            yield "".join(piece)
            piece = []
        piece.append(token)
    if piece:
        yield "".join(piece)
