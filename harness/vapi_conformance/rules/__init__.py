"""The catalogue: one module per layer, each rule an id, levels, a source and a pure function."""

from functools import cache
from importlib import import_module

from vapi_conformance.rules.rule import Level, Need, Profile, Rule, Violation

__all__ = ["Level", "Need", "Profile", "Rule", "Violation", "all_rules"]

_MODULES = (
    "http",
    "http_headers",
    "robustness",
    "auth",
    "sse_encoding",
    "sse",
    "sse_payload",
    "sse_decoders",
    "chat",
    "chat_message",
    "sampling",
    "usage",
    "usage_stream",
    "chat_stream",
    "chat_stream_order",
    "chat_stream_text",
    "gemini",
    "gemini_names",
    "gemini_blocks",
    "gemini_parts",
    "gemini_calls",
    "gemini_usage",
    "gemini_stream_lines",
    "gemini_stream",
    "gemini_errors",
    "gemini_keys",
    "gemini_rapida",
    "anthropic",
    "anthropic_meaning",
    "anthropic_errors",
    "anthropic_requests",
    "anthropic_stream",
    "anthropic_stream_order",
    "anthropic_stream_blocks",
    "responses",
    "responses_status",
    "responses_items",
    "responses_usage",
    "responses_echo",
    "responses_probes",
    "responses_stream",
    "responses_stream_order",
    "responses_stream_items",
    "responses_stream_parts",
    "responses_stream_errors",
    "responses_tools",
    "tools",
    "tool_calls",
    "tool_choice",
    "tool_results",
    "errors",
    "error_status",
    "timing",
    "speech",
    "spoken_markup",
    "turns",
    "histories",
    "rapida",
)


@cache
def all_rules() -> dict[str, Rule]:
    """Every rule by id, in the order of the modules and, within each, as written. Raises ValueError on a used id."""
    rules: dict[str, Rule] = {}
    for name in _MODULES:
        for value in vars(import_module(f"{__name__}.{name}")).values():
            if isinstance(value, Rule) and rules.setdefault(value.id, value) is not value:
                raise ValueError(f"two rules are called {value.id}")
    return rules
