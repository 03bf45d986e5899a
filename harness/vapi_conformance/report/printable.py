"""Hostile text without its power over a terminal."""

__all__ = ["printable"]

_ONE_BYTE = 0x100


def printable(text: str) -> str:
    """Control characters, bidirectional overrides and lone surrogates are shown, not obeyed; line feeds stay."""
    if text.isprintable():
        return text
    return "".join(each if each == "\n" or each.isprintable() else _escaped(ord(each)) for each in text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < _ONE_BYTE else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - Python's own forms
