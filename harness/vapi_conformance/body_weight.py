"""What a body costs to judge: more than its bytes, where it is cut into many small pieces.

A line of a stream becomes a field, an event and a parsed payload; a comma of a JSON document is one more value. Each
takes hundreds of bytes and some work, however short it was on the wire.
"""

from typing import Final

__all__ = ["HOW_WEIGHED", "BodyBound", "BodyWeight"]

_LINE_BYTES: Final = 500
_COMMA_BYTES: Final = 200
HOW_WEIGHED: Final = f"a line counting for {_LINE_BYTES}, a comma in JSON for {_COMMA_BYTES}"
"""For people, behind a bound."""
_MOST_WEIGHT_BYTES: Final = 64 << 20
_BOM: Final = b"\xef\xbb\xbf"


class BodyWeight:
    """One body under way, content coding undone."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._is_json: bool | None = None
        self._after_cr = False

    def of(self, data: bytes) -> int:
        """What the next bytes add. Takes linear time, and is the same however the body is cut up to a few bytes."""
        if self._is_json is None and (start := data.lstrip(_BOM + b" \t\r\n")):
            self._is_json = start[:1] in (b"[", b"{")
        if not data:
            return 0
        lines = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
        lines -= self._after_cr and data.startswith(b"\n")
        self._after_cr = data.endswith(b"\r")
        commas = data.count(b",") if self._is_json else 0
        return len(data) + _LINE_BYTES * lines + _COMMA_BYTES * commas


class BodyBound:
    """Up to where a model of a client follows a body, content coding undone: so many bytes, and not too heavy ones."""

    def __init__(self, max_bytes: int) -> None:
        """max_bytes: plain bytes; for their weight the bound is fixed."""
        self._max_bytes = max_bytes
        self._bytes = self._weight_bytes = 0
        self._weight = BodyWeight()

    def passed_by(self, data: bytes) -> str:
        """Why the body is not followed into these next bytes; empty where it is."""
        self._bytes += len(data)
        self._weight_bytes += self._weight.of(data)
        if self._bytes > self._max_bytes:
            return f"(not followed beyond {self._max_bytes} bytes)"
        if self._weight_bytes > _MOST_WEIGHT_BYTES:
            return f"(not followed beyond {_MOST_WEIGHT_BYTES} bytes, {HOW_WEIGHED})"
        return ""
