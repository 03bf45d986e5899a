"""Documents as compressed bytes. What is stored was ours once and is not believed: unpacking is bounded and checked."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from vapi_conformance.narrow import object_or_none

__all__ = ["MOST_BYTES", "DamagedError", "Packed", "pack", "unpack"]

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of a document. A report of a default run has some 6 MB at most."""


class DamagedError(Exception):
    """The bytes are not what was stored. The text is the second half of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A document, ready to be stored."""

    data: bytes
    digest: str
    """SHA-256 of the document's JSON, in hexadecimal figures."""
    size_bytes: int
    """Before it was compressed."""


def pack(document: Mapping[str, object]) -> Packed:
    """zlib: in the standard library of every Python, and a tenth of the size is good enough."""
    text = json.dumps(document, separators=(",", ":")).encode("ascii")
    return Packed(data=zlib.compress(text, 6), digest=sha256(text).hexdigest(), size_bytes=len(text))


def unpack(data: bytes, *, digest: str) -> Mapping[str, object]:
    """Raises DamagedError for what `pack` did not make, or made of another document."""
    opened = zlib.decompressobj()
    try:
        text = opened.decompress(data, MOST_BYTES)
    except zlib.error:
        raise DamagedError("cannot be decompressed") from None
    if opened.unconsumed_tail:
        raise DamagedError(f"is larger than {MOST_BYTES // 1024 // 1024} MiB")
    if sha256(text).hexdigest() != digest:
        raise DamagedError("is not what was stored: its digest differs")
    try:
        document = object_or_none(json.loads(text))
    except (ValueError, RecursionError):
        raise DamagedError("is no JSON document") from None
    if document is None:
        raise DamagedError("is no JSON object")
    return document
