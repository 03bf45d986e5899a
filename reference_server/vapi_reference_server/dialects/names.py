"""The names of the dialects, as Rapida's `apiCompatibility` spells them."""

from __future__ import annotations

from enum import Enum


class DialectName(Enum):
    """One API that the server speaks. `openai_compatible` is answered as Chat Completions."""

    CHAT = "openai_chat_completions"
    RESPONSES = "openai_responses"
    ANTHROPIC = "anthropic_messages"
    GEMINI = "gemini_generate_content"
    SERVER_MESSAGES = "vapi_server_messages"
    """What Vapi tells and asks a backend during a call; no model is asked."""
