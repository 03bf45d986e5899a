"""Something in a configuration that works, but not as its author may think."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Lint", "LintLevel"]

LintLevel = Literal["error", "warning", "info"]
"""`error`: calls will fail. `warning`: callers will notice, or sources disagree. `info`: no effect here."""


@dataclass(frozen=True, slots=True)
class Lint:
    """One remark on one field. The text follows the field's name in a sentence and holds no secret."""

    field: str
    message: str
    level: LintLevel

    def __str__(self) -> str:
        return f"{self.level}: {self.field} {self.message}"
