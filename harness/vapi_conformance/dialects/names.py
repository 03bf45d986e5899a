"""The API shapes, named as Rapida's `apiCompatibility` names them."""

from enum import StrEnum

__all__ = ["Dialect"]


class Dialect(StrEnum):
    """The API shape that a target speaks."""

    OPENAI_CHAT_COMPLETIONS = "openai_chat_completions"
    """Chat Completions to the letter of its owner."""
    OPENAI_COMPATIBLE = "openai_compatible"
    """The same shape with the looser duties of everybody else."""
