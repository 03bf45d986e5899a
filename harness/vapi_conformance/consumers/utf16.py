"""Strings as JavaScript has them: sequences of UTF-16 code units, in which half a surrogate pair can stand alone."""

__all__ = ["joined", "well_formed"]


def well_formed(text: str, *, errors: str = "replace") -> str:
    """The text with the two halves of each surrogate pair joined.

    A lone half becomes U+FFFD, as when JavaScript prints it, or stays as it is with `surrogatepass`.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", errors)


def joined(parts: list[str]) -> str:
    """Concatenation: `\\ud83d` at the end of one part and its other half at the start of the next are one character."""
    return well_formed("".join(parts), errors="surrogatepass")
