"""Numbers with the word for what is counted."""

__all__ = ["counted", "grouped"]


def counted(number: int, what: str) -> str:
    """`1 rule`, `2 rules`, `1200 rules`: in text, where a number is copied and searched for."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def grouped(number: int, what: str, several: str | None = None) -> str:
    """`1 rule`, `2 rules`, `1,200 rules`: where it is read only. several: the plural, where it has no -s."""
    return f"{number:,} {what if number == 1 else several or f'{what}s'}"
