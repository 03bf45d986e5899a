"""Rapida's two mapping tables: from model options to keys of the request.

Documented are the keys, their types and what each becomes. Inferred is what the tables leave open:

* of a key written with and without the prefix `model.`, the one with it wins: it is the documented form;
* of several names for one bound on Responses, `max_output_tokens` wins, then `max_completion_tokens`: the API's own
  name first, then in the order of the table;
* an unknown `tool_choice` becomes `none`: so do Rapida's built-in callers of January 2026;
* a key that stands in the other table only is not sent;
* for Anthropic and Gemini, which Rapida does not execute, the table of Chat Completions holds.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from vapi_conformance.dialects.names import Dialect

__all__ = ["BOUNDS", "CHAT_KEYS", "PREFIX", "RESPONSES_KEYS", "TOOL_CHOICES", "direct_keys", "spelled", "table"]

PREFIX: Final = "model."
"""What may stand in front of every key."""

_BOTH: Final = ("temperature", "top_p")
_BEHIND: Final = ("tool_choice", "response_format", "reasoning_effort", "user", "metadata", "top_logprobs")
BOUNDS: Final = ("max_output_tokens", "max_completion_tokens", "max_tokens")
"""The names of one bound on Responses, the strongest first."""
CHAT_KEYS: Final = (
    *_BOTH,
    "max_tokens",
    "max_completion_tokens",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    *_BEHIND,
)
"""The table for `openai_chat_completions` and `openai_compatible`, without `name`; each key keeps its name."""
RESPONSES_KEYS: Final = (*_BOTH, *BOUNDS, "store", "service_tier", *_BEHIND)
"""The table for `openai_responses`, without `name`."""
TOOL_CHOICES: Final = frozenset({"auto", "required", "none"})


def table(dialect: Dialect) -> tuple[str, ...]:
    """The keys that reach a request of that dialect, without prefix."""
    return RESPONSES_KEYS if dialect is Dialect.OPENAI_RESPONSES else CHAT_KEYS


def spelled(keys: Iterable[str]) -> Mapping[str, str]:
    """Each key without its prefix, to the key as it is written; of two spellings the one that wins."""
    found: dict[str, str] = {}
    for key in keys:
        name = key.removeprefix(PREFIX)
        if name not in found or key != name:
            found[name] = key
    return found


def direct_keys(options: Mapping[str, object], dialect: Dialect) -> dict[str, object]:
    """What the direct keys of model options put into a request, in the words of Chat Completions.

    options: with or without prefix, types checked. `store` and `service_tier` are only sent on Responses, where
    `store` is false unless it is given, and the one bound that wins is called `max_completion_tokens` here.
    `tool_choice` is to be dropped where there is no tool.
    """
    written = spelled(options)
    values = {name: options[written[name]] for name in table(dialect) if name in written}
    if "tool_choice" in values and values["tool_choice"] not in TOOL_CHOICES:
        values["tool_choice"] = "none"
    if dialect is Dialect.OPENAI_RESPONSES:
        values.setdefault("store", False)
        bounds = [values.pop(name) for name in BOUNDS if name in values]
        if bounds:
            values["max_completion_tokens"] = bounds[0]
    return values
