"""Gemini's enums as the wire has them: names, or numbers where `enum-encoding=int` asked for those."""

from collections.abc import Mapping
from typing import Final

from vapi_conformance.dialects.transcript import FinishMeaning
from vapi_conformance.narrow import integer_or_none

__all__ = ["BLOCKED", "FINISH_REASONS", "meaning_of"]

FINISH_REASONS: Final[Mapping[str, FinishMeaning]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "failed",
    "OTHER": "failed",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MALFORMED_FUNCTION_CALL": "failed",
    "UNEXPECTED_TOOL_CALL": "failed",
    "TOO_MANY_TOOL_CALLS": "failed",
    "MISSING_THOUGHT_SIGNATURE": "failed",
    "MALFORMED_RESPONSE": "failed",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_OTHER": "failed",
    "NO_IMAGE": "failed",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "CONTINUATION": "paused",
}
"""python-genai 3.4, types.FinishReason. Calls finish STOP too: there is no value for them."""

BLOCKED: Final = frozenset(name for name, meaning in FINISH_REASONS.items() if meaning == "content_filter")
"""Finish reasons of an answer that a filter held back."""

_NUMBERS: Final[Mapping[int, FinishMeaning]] = {
    1: "stop",
    2: "length",
    3: "content_filter",
    4: "content_filter",
    5: "failed",
    6: "content_filter",
    7: "content_filter",
    8: "content_filter",
}
"""The first five are the same everywhere; the services number the rest differently, but 6 to 8 are filters at all."""


def meaning_of(reason: object) -> FinishMeaning | None:
    """Of a finish reason as sent; None for one that the API does not have."""
    if isinstance(reason, str):
        return FINISH_REASONS.get(reason)
    number = integer_or_none(reason)
    if number is None or number < 1:
        return None
    return _NUMBERS.get(number, "failed")
