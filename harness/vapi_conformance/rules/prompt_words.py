"""What the messages of a request ask to be said, and whether an answer says it.

Scenarios prompt in fixed phrases (`Say exactly: ...`, `My code word is ...`), so a rule can read from the request
alone what a sound answer holds. A model is no parrot: letter case, punctuation and white space may differ.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from vapi_conformance.dialects.asked import Asked, TurnRole

__all__ = ["code_word", "folded", "house_word", "message_texts", "says", "stands_in", "stands_within", "told_to_say"]

_SAY_EXACTLY: Final = re.compile(r"\bsay exactly: ?(.*)", re.IGNORECASE | re.DOTALL)
_CODE_WORD: Final = re.compile(r"\bmy code word is (\w+)", re.IGNORECASE)
_HOUSE_WORD: Final = re.compile(r"\bthe house word is (\w+)", re.IGNORECASE)


def message_texts(request: Asked, *roles: TurnRole) -> Iterator[str]:
    """The texts of messages with these roles (of all messages where none is named), in order."""
    return (turn.text for turn in request.turns if not roles or turn.role in roles)


def told_to_say(request: Asked | None) -> str | None:
    """X, where the last user message says `Say exactly: X`."""
    texts = tuple(message_texts(request, "user")) if request else ()
    match = _SAY_EXACTLY.search(texts[-1]) if texts else None
    return match[1] if match else None


def code_word(request: Asked | None) -> str | None:
    """The code word that the user stated last."""
    return _last_word(_CODE_WORD, message_texts(request, "user")) if request else None


def house_word(request: Asked | None) -> str | None:
    """The house word of the system prompt."""
    return _last_word(_HOUSE_WORD, message_texts(request, "system")) if request else None


def _last_word(pattern: re.Pattern[str], texts: Iterator[str]) -> str | None:
    words = [word for text in texts for word in pattern.findall(text)]
    return words[-1] if words else None


def folded(text: str) -> str:
    """Words in lower case with single spaces between them; punctuation separates, symbols and marks stay."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return " ".join("".join(" " if unicodedata.category(each)[0] in "PZC" else each for each in plain).split())


def says(answer: str, words: str) -> bool:
    """Whether the answer has these words in this order and nothing between them; true of no words at all."""
    return stands_within(folded(answer), folded(words))


def stands_within(folded_text: str, folded_words: str) -> bool:
    """As `says`, of texts that are folded already."""
    return f" {folded_words} ".replace("  ", " ") in f" {folded_text} "


def stands_in(request: Asked | None, text: str) -> bool:
    """Whether the caller's side used this very text, so that an answer may quote it. Letter case does not matter."""
    return request is not None and any(text.casefold() in each.casefold() for each in message_texts(request))
