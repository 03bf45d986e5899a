"""Bytes of a stranger as text that shows what they are: control characters as signs, what is no UTF-8 as numbers."""

from typing import Final

from vapi_conformance.report.printable import printable

__all__ = ["excerpt", "marked", "visible"]

_BEFORE_BYTES: Final = 160
_AFTER_BYTES: Final = 120
_TAIL_BYTES: Final = 200
"""Of a range that is too long to be shown, the end is shown, too: that is where something is missing."""
_LONGEST_CHARACTER_BYTES: Final = 4
_CONTROL_PICTURES: Final = 0x2400
_SPACE: Final = 0x20


def visible(data: bytes) -> str:
    """Line feeds end their line and are seen; an escape in JSON (`\\n`) keeps looking different from the real thing."""
    text = data.decode(errors="backslashreplace")
    return printable(text.translate(_signs()))


def _signs() -> dict[int, str]:
    signs = {code: chr(_CONTROL_PICTURES + code) for code in range(_SPACE)}
    return {**signs, 0x0A: "\u240a\n", 0x7F: "\u2421"}


def excerpt(data: bytes, most_bytes: int) -> dict[str, object]:
    """The beginning, how much there is in all, and how much of that is not shown."""
    cut = len(data) if len(data) <= most_bytes else _between_characters(data, most_bytes)
    return {"text": visible(data[:cut]), "bytes": len(data), "left_out": len(data) - cut}


def marked(body: bytes, start: int | None, end: int | None, *, most_bytes: int) -> dict[str, object] | None:
    """The bytes that are meant between their neighbours; None where no place in the body is named.

    An empty range is a place where something is missing.
    """
    if start is None:
        return None
    start = min(max(start, 0), len(body))
    end = min(max(start, start + 1 if end is None else end), len(body))
    head, tail = end, end
    if end - start > most_bytes:
        head = _between_characters(body, start + max(most_bytes - _TAIL_BYTES, 1))
        tail = _between_characters(body, end - min(_TAIL_BYTES, most_bytes // 2))
    shown = visible(body[start:head])
    if tail < end:
        shown += f"\u2026 {tail - head:,} bytes \u2026" + visible(body[tail:end])
    return {
        "before": visible(body[_between_characters(body, max(0, start - _BEFORE_BYTES)) : start]),
        "marked": shown,
        "after": visible(body[end : _between_characters(body, min(len(body), end + _AFTER_BYTES))]),
        "left_out": tail - head if tail < end else 0,
    }


def _between_characters(data: bytes, at: int) -> int:
    """The nearest place before, or there, that does not cut a character of UTF-8 in two."""
    for back in range(min(_LONGEST_CHARACTER_BYTES, at + 1)):
        if at - back >= len(data) or data[at - back] & 0xC0 != 0x80:  # noqa: PLR2004 - a continuation byte (RFC 3629, 3)
            return at - back
    return at
