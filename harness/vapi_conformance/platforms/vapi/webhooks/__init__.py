"""The server messages that Vapi posts to a backend during a call, and how it reads the answers."""

from vapi_conformance.platforms.vapi.webhooks.artifact import Said
from vapi_conformance.platforms.vapi.webhooks.envelope import Moment, server_message
from vapi_conformance.platforms.vapi.webhooks.tool_calls import (
    LISTS,
    Lists,
    arguments_of,
    function_call_message,
    tool_calls_message,
)
from vapi_conformance.platforms.vapi.webhooks.tool_results import ToolResult, tool_results

__all__ = [
    "LISTS",
    "Lists",
    "Moment",
    "Said",
    "ToolResult",
    "arguments_of",
    "function_call_message",
    "server_message",
    "tool_calls_message",
    "tool_results",
]
