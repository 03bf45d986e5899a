"""What an endpoint sent, put into a sentence of ours: short, and safe to print."""

__all__ = ["describe", "quote"]


def quote(text: str, limit: int = 80) -> str:
    """The text in quotation marks, escaped like a Python string; past `limit` characters it is cut."""
    return repr(text) if len(text) <= limit else f"{text[: limit - 1]!r}…"


def describe(value: object) -> str:
    """A JSON value in a few words: scalars as they are, texts quoted, containers by kind (they may be deep)."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return quote(value)
        case int() | float():
            return quote(str(value)).strip("'")
        case list():
            return "an array"
        case _:
            return "an object"
