"""The APIs that the server speaks. One scripted model answers them all: each dialect reads its requests into a
neutral one, and renders the replies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.dialects.anthropic.dialect import AnthropicDialect
from vapi_reference_server.dialects.chat.dialect import ChatDialect
from vapi_reference_server.dialects.gemini.dialect import GeminiDialect
from vapi_reference_server.dialects.names import DialectName
from vapi_reference_server.dialects.responses.dialect import ResponsesDialect
from vapi_reference_server.webhooks.dialect import WebhookDialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vapi_reference_server.dialects.dialect import Dialect

__all__ = ["DialectName", "all_dialects"]


def all_dialects() -> Mapping[DialectName, Dialect]:
    """Every dialect, by its name."""
    dialects = (ChatDialect(), ResponsesDialect(), AnthropicDialect(), GeminiDialect(), WebhookDialect())
    return {dialect.name: dialect for dialect in dialects}
