"""The catalogue: one module per layer, each rule an id, levels, a source and a pure function.

Layers that mean every API stand here; what means one of them alone, in its folder.
"""

from functools import cache
from importlib import import_module

from vapi_conformance.additions import AdditionError
from vapi_conformance.rules.rule import Level, Need, Profile, Rule, Violation
from vapi_conformance.rules.third_party import ThirdParty, read_third_party

__all__ = ["Level", "Need", "Profile", "Rule", "Violation", "all_rules", "broken_rules", "own_rules"]

_MODULES = (
    "http",
    "http_headers",
    "robustness",
    "auth",
    "sse_encoding",
    "sse",
    "sse_payload",
    "sse_decoders",
    "chat.completion",
    "chat.message",
    "chat.usage",
    "chat.usage_stream",
    "chat.stream",
    "chat.stream_order",
    "chat.stream_text",
    "chat.tools",
    "responses.response",
    "responses.status",
    "responses.items",
    "responses.usage",
    "responses.echo",
    "responses.tools",
    "responses.probes",
    "responses.stream",
    "responses.stream_order",
    "responses.stream_items",
    "responses.stream_parts",
    "responses.stream_errors",
    "anthropic.message",
    "anthropic.meaning",
    "anthropic.errors",
    "anthropic.requests",
    "anthropic.stream",
    "anthropic.stream_order",
    "anthropic.stream_blocks",
    "gemini.answer",
    "gemini.names",
    "gemini.blocks",
    "gemini.parts",
    "gemini.calls",
    "gemini.usage",
    "gemini.stream_lines",
    "gemini.stream",
    "gemini.errors",
    "gemini.keys",
    "gemini.rapida",
    "stream",
    "sampling",
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
    "call_turns",
    "call_interruptions",
    "call_company",
    "call_tools",
    "call_own_tools",
    "call_endings",
    "webhook.delivery",
    "webhook.results",
    "webhook.tools",
    "webhook.choices",
    "webhook.others",
    "webhook.notices",
    "webhook.keys",
)


@cache
def own_rules() -> dict[str, Rule]:
    """Every rule of ours by id, in the order of the modules and, within each, as written.

    Raises ValueError on a used id.
    """
    rules: dict[str, Rule] = {}
    for name in _MODULES:
        for value in vars(import_module(f"{__name__}.{name}")).values():
            if isinstance(value, Rule) and rules.setdefault(value.id, value) is not value:
                raise ValueError(f"two rules are called {value.id}")
    return rules


@cache
def _third_party() -> ThirdParty:
    return read_third_party(own_rules())


@cache
def all_rules() -> dict[str, Rule]:
    """Ours by id, and behind them those that other distributions add, as far as those can be used."""
    return own_rules() | {rule.id: rule for rule in _third_party().rules}


def broken_rules() -> tuple[AdditionError, ...]:
    """Why rules of other distributions are missing from `all_rules`. Who gives a verdict has to say so, or to stop."""
    return _third_party().broken
