"""Events of an answer as they come in, under a content coding too: for whoever has to decide before it is over.

Judging decodes again, when all is there; this only serves to act in time. Vapi's client accepts gzip and deflate.
"""

import zlib
from typing import Final

from vapi_conformance.sse import Decoder, Event

__all__ = ["LiveEvents"]

_MOST_OUTPUT_BYTES: Final = 1 << 20
_COMPRESSED: Final = (b"\x1f", b"\x78")
"""No event stream begins like either of them (RFC 1952, 2.3.1; RFC 1950, 2.2)."""


class LiveEvents:
    """Bytes in as they are read, events out. Never raises; what cannot be decompressed holds no events."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._decoder = Decoder()
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._first = b""

    def feed(self, new: bytes) -> list[Event]:
        """The events that these bytes complete."""
        self._first = self._first or new[:1]
        try:
            data = self._inflater.decompress(new, _MOST_OUTPUT_BYTES) if self._first in _COMPRESSED else new
        except zlib.error:
            return []
        return [block.event for block in self._decoder.feed(data, None) if block.event is not None]
