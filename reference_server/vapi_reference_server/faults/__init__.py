"""All faults the server can show on demand, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vapi_reference_server.faults.anthropic import anthropic_faults
from vapi_reference_server.faults.anthropic_blocks import anthropic_block_faults
from vapi_reference_server.faults.anthropic_stream import anthropic_stream_faults
from vapi_reference_server.faults.auth import auth_faults
from vapi_reference_server.faults.call_tools import call_tool_faults
from vapi_reference_server.faults.calls import call_faults
from vapi_reference_server.faults.completion import completion_faults
from vapi_reference_server.faults.errors import error_faults
from vapi_reference_server.faults.gemini import gemini_faults
from vapi_reference_server.faults.gemini_requests import gemini_request_faults
from vapi_reference_server.faults.gemini_stream import gemini_stream_faults
from vapi_reference_server.faults.http import http_faults
from vapi_reference_server.faults.requests import request_faults
from vapi_reference_server.faults.responses import responses_faults
from vapi_reference_server.faults.responses_items import responses_item_faults
from vapi_reference_server.faults.responses_stream import responses_stream_faults
from vapi_reference_server.faults.responses_stream_items import responses_stream_item_faults
from vapi_reference_server.faults.speech import speech_faults
from vapi_reference_server.faults.sse import sse_faults
from vapi_reference_server.faults.stream import stream_faults
from vapi_reference_server.faults.stream_order import stream_order_faults
from vapi_reference_server.faults.timing import timing_faults
from vapi_reference_server.faults.tool_rounds import tool_round_faults
from vapi_reference_server.faults.tools import tool_faults
from vapi_reference_server.faults.turns import turn_faults
from vapi_reference_server.faults.usage import usage_faults
from vapi_reference_server.faults.webhook_choices import webhook_choice_faults
from vapi_reference_server.faults.webhook_results import webhook_result_faults
from vapi_reference_server.faults.webhooks import webhook_faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vapi_reference_server.faults.fault import Fault

__all__ = ["all_faults", "listed_faults"]


def all_faults() -> Mapping[str, Fault]:
    """The table of faults, in the order of their layers. Each has a name of its own."""
    return {fault.name: fault for fault in listed_faults()}


def listed_faults() -> tuple[Fault, ...]:
    """All faults, one after the other."""
    return (
        *http_faults(),
        *request_faults(),
        *auth_faults(),
        *sse_faults(),
        *completion_faults(),
        *stream_faults(),
        *stream_order_faults(),
        *tool_faults(),
        *tool_round_faults(),
        *usage_faults(),
        *error_faults(),
        *timing_faults(),
        *speech_faults(),
        *turn_faults(),
        *call_faults(),
        *call_tool_faults(),
        *responses_faults(),
        *responses_item_faults(),
        *responses_stream_faults(),
        *responses_stream_item_faults(),
        *anthropic_faults(),
        *anthropic_stream_faults(),
        *anthropic_block_faults(),
        *gemini_faults(),
        *gemini_request_faults(),
        *gemini_stream_faults(),
        *webhook_faults(),
        *webhook_result_faults(),
        *webhook_choice_faults(),
    )
