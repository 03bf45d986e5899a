"""The API shapes; where a model is asked, named as Rapida's `apiCompatibility` names them."""

from enum import StrEnum
from typing import Final

__all__ = ["BUT_GEMINI", "CHAT", "EVERY", "OPENAI", "Dialect"]


class Dialect(StrEnum):
    """The API shape that a target speaks."""

    OPENAI_CHAT_COMPLETIONS = "openai_chat_completions"
    """Chat Completions to the letter of its owner."""
    OPENAI_COMPATIBLE = "openai_compatible"
    """The same shape with the looser duties of everybody else."""
    OPENAI_RESPONSES = "openai_responses"
    """OpenAI's Responses API."""
    ANTHROPIC_MESSAGES = "anthropic_messages"
    """Anthropic's Messages API."""
    GEMINI_GENERATE_CONTENT = "gemini_generate_content"
    """Gemini's generateContent and streamGenerateContent, at Google or Vertex."""
    VAPI_SERVER_MESSAGES = "vapi_server_messages"
    """How a backend answers the messages that Vapi posts to it: no model is asked, so it is none of `EVERY`."""


EVERY: Final = frozenset(Dialect) - {Dialect.VAPI_SERVER_MESSAGES}
"""Those in which a model is asked."""
CHAT: Final = frozenset({Dialect.OPENAI_CHAT_COMPLETIONS, Dialect.OPENAI_COMPATIBLE})
"""The two that share the shape of Chat Completions."""
OPENAI: Final = CHAT | {Dialect.OPENAI_RESPONSES}
"""Those whose owner is OpenAI: one way to send a key, one form of error."""
BUT_GEMINI: Final = EVERY - {Dialect.GEMINI_GENERATE_CONTENT}
"""Gemini sends arguments as an object, and its clients read `data: ` lines only: it has rules of its own on both,
and refuses keys with 400 and 403."""
