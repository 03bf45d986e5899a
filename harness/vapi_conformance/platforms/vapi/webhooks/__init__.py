"""The server messages that Vapi posts to a backend during a call, and how it reads the answers."""

from vapi_conformance.platforms.vapi.webhooks.artifact import Said
from vapi_conformance.platforms.vapi.webhooks.authentication import Bearer, Hmac, Secret, WebhookAuth
from vapi_conformance.platforms.vapi.webhooks.configuration import (
    ServerSettings,
    load_webhook_assistant,
    load_webhook_credential,
)
from vapi_conformance.platforms.vapi.webhooks.consequence import webhook_consequence
from vapi_conformance.platforms.vapi.webhooks.envelope import Moment, server_message
from vapi_conformance.platforms.vapi.webhooks.notices import notice, notice_names
from vapi_conformance.platforms.vapi.webhooks.questions import QUESTIONS, question
from vapi_conformance.platforms.vapi.webhooks.sampling import sample_arguments
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
    "QUESTIONS",
    "Bearer",
    "Hmac",
    "Lists",
    "Moment",
    "Said",
    "Secret",
    "ServerSettings",
    "ToolResult",
    "WebhookAuth",
    "arguments_of",
    "function_call_message",
    "load_webhook_assistant",
    "load_webhook_credential",
    "notice",
    "notice_names",
    "question",
    "sample_arguments",
    "server_message",
    "tool_calls_message",
    "tool_results",
    "webhook_consequence",
]
