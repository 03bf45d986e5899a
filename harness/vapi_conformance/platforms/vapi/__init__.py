"""Vapi: from an assistant and a credential to the requests Vapi would really send, and what it does with answers."""

from vapi_conformance.platforms.config_file import ConfigError
from vapi_conformance.platforms.lint import Lint
from vapi_conformance.platforms.vapi.assistant import Assistant, load_assistant
from vapi_conformance.platforms.vapi.body import Envelope, TurnCounters
from vapi_conformance.platforms.vapi.callers import Caller, Era
from vapi_conformance.platforms.vapi.consequence import Consequence, EndedReason, consequence, ended_reason
from vapi_conformance.platforms.vapi.credential import Credential, OAuth2Plan, load_credential
from vapi_conformance.platforms.vapi.headers import KEY_WITHOUT_CREDENTIAL
from vapi_conformance.platforms.vapi.history import (
    NO_RESULT,
    NO_RESULT_2024,
    STILL_PENDING,
    SUCCESS,
    Conversation,
    ToolCall,
)
from vapi_conformance.platforms.vapi.platform import Platform

__all__ = [
    "KEY_WITHOUT_CREDENTIAL",
    "NO_RESULT",
    "NO_RESULT_2024",
    "STILL_PENDING",
    "SUCCESS",
    "Assistant",
    "Caller",
    "ConfigError",
    "Consequence",
    "Conversation",
    "Credential",
    "EndedReason",
    "Envelope",
    "Era",
    "Lint",
    "OAuth2Plan",
    "Platform",
    "ToolCall",
    "TurnCounters",
    "consequence",
    "ended_reason",
    "load_assistant",
    "load_credential",
]
