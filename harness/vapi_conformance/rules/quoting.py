"""What an endpoint sent, put into a sentence of ours: short, and safe to print."""

__all__ = ["quote"]


def quote(text: str, limit: int = 80) -> str:
    """The text in quotation marks, escaped like a Python string; past `limit` characters it is cut."""
    return repr(text) if len(text) <= limit else f"{text[: limit - 1]!r}…"
