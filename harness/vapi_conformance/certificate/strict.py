"""Canonical JSON, read: a document that is hashed or signed is taken in its one spelling, and in no other.

A text that means the same and is spelled otherwise (a blank, an escape, a key that stands twice) is refused: whoever
changed a file has to be noticed, even where no parser would.
"""

from typing import Final

from vapi_conformance.certificate.canonical import canonical_json
from vapi_conformance.narrow import is_deeper_than
from vapi_conformance.payload import parse

__all__ = ["MAX_DEPTH", "NotCanonical", "from_canonical"]

MAX_DEPTH: Final = 100
"""Levels of nesting, as `json_file` has it: what walks through a document recurses."""
_LONGEST_KEY: Final = 100


class NotCanonical(ValueError):  # noqa: N818 - says what the bytes are
    """Bytes are no canonical JSON. The text is a sentence without its subject: `is not UTF-8 text (byte 7)`."""


def from_canonical(content: bytes) -> object:
    """The value. Raises NotCanonical for any spelling but that of `canonical_json`. The caller bounds the size."""
    try:
        text = content.decode()
    except UnicodeDecodeError as problem:
        raise NotCanonical(f"is not UTF-8 text (byte {problem.start})") from None
    payload = parse(text)
    if payload.error is not None:
        raise NotCanonical(f"is not JSON: {payload.error}")
    if payload.repeated_keys:
        raise NotCanonical(f"has the key {payload.repeated_keys[0][:_LONGEST_KEY]!r} more than once in one object")
    if is_deeper_than(payload.value, MAX_DEPTH):
        raise NotCanonical(f"is nested more than {MAX_DEPTH} levels deep")
    try:
        expected = canonical_json(payload.value)
    except ValueError as problem:
        raise NotCanonical(f"holds what is no JSON number: {problem}") from None
    if content != expected:
        at = next((at for at, (one, other) in enumerate(zip(content, expected, strict=False)) if one != other), None)
        where = min(len(content), len(expected)) if at is None else at
        raise NotCanonical(
            f"is not in its canonical form (byte {where}): sorted keys, no blanks, UTF-8, one line feed at the end"
        )
    return payload.value
