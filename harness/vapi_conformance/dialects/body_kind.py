"""Whether a body is an event stream, JSON, or something else."""

import re
from typing import Final

from vapi_conformance.dialects.transcript import BodyKind

__all__ = ["BOM", "sniff"]

BOM: Final = b"\xef\xbb\xbf"
"""Of UTF-8."""

_SSE_START: Final = re.compile(rb"(?:data|event|id|retry)?\s?:|data[ \t]*(?:[\r\n{\[]|\Z)", re.IGNORECASE)
"""A field or a comment, also misspelled: rules tell what is wrong with it. But no sentence that begins with Data."""
_SSE_LATER: Final = re.compile(rb"^data:", re.MULTILINE)


def sniff(body: bytes, media_type: str) -> BodyKind:
    """Bytes outrank the media type: official clients look at neither, and servers get the type wrong."""
    start = body.removeprefix(BOM).lstrip()
    if not start:
        return "nothing"
    if _SSE_START.match(start):
        return "stream"
    # No line of a JSON text begins so: a string holds no bare line break.
    if _SSE_LATER.search(start):
        return "stream"
    if start[:1] in b"{[":
        return "ndjson" if _is_ndjson(start) else "json"
    return "stream" if media_type == "text/event-stream" else "other"


def _is_ndjson(start: bytes) -> bool:
    """An object on each of several lines; the last one may be cut off."""
    *whole, last = (line.strip() for line in start.splitlines() if line.strip())
    return bool(whole) and last[:1] == b"{" and all(line[:1] == b"{" and line[-1:] == b"}" for line in whole)
