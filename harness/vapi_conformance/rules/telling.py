"""Which words of a text show that an answer has read it."""

from typing import Final

from vapi_conformance.rules.prompt_words import folded

__all__ = ["telling_words"]

_TELLING_LETTERS: Final = 4


def telling_words(result: str) -> set[str]:
    """Numbers, and words that are long enough not to be in any answer; all words where none is."""
    words = set(folded(result).split())
    return {each for each in words if len(each) >= _TELLING_LETTERS or each.isdecimal()} or words
