"""The keys that vendors add to answers in the shape of Chat Completions, beyond those of its owner.

All of them are legal: the shape is open, and a client passes over what it does not know. The table says which key is
whose, so that a user who meets one can look it up, and so that a test can show that no schema here refuses it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vapi_conformance.dialects.flavours import Vendor

__all__ = ["LEGAL_EXTENSIONS", "STANDARD_KEYS", "Keys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keys of an answer, by where they stand."""

    top: tuple[str, ...] = ()
    choice: tuple[str, ...] = ()
    message: tuple[str, ...] = ()
    """Of a message or a delta."""
    usage: tuple[str, ...] = ()


STANDARD_KEYS: Final = Keys(
    top=(
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "system_fingerprint",
        "service_tier",
        "moderation",
        "obfuscation",
        "error",
    ),
    choice=("index", "message", "delta", "finish_reason", "logprobs"),
    message=("role", "content", "refusal", "tool_calls", "function_call", "annotations", "audio"),
    usage=(
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
    ),
)
"""OpenAI's own (openai-openapi 2.3.0, CreateChatCompletionResponse and CreateChatCompletionStreamResponse), and
`error`, by which its clients know a failure in mid-stream."""

_GROQ: Final = Keys(
    top=("x_groq", "usage_breakdown"),
    message=("reasoning", "channel", "executed_tools"),
    usage=("queue_time", "prompt_time", "completion_time", "total_time"),
)
_OPENROUTER: Final = Keys(
    top=("provider",),
    choice=("native_finish_reason",),
    message=("reasoning", "reasoning_details"),
    usage=("cost", "cost_details", "is_byok"),
)
_TOGETHER: Final = Keys(
    top=("prompt",),
    choice=("seed", "text"),
    message=("token_id",),
    usage=("cached_tokens",),
)


def _joined(*parts: Keys) -> Keys:
    """What a gateway shows of those behind it, and its own."""
    return Keys(
        top=tuple(key for part in parts for key in part.top),
        choice=tuple(key for part in parts for key in part.choice),
        message=tuple(dict.fromkeys(key for part in parts for key in part.message)),
        usage=tuple(key for part in parts for key in part.usage),
    )


LEGAL_EXTENSIONS: Final[Mapping[Vendor, Keys]] = {
    Vendor.AVIAN: Keys(
        choice=("native_finish_reason",), message=("reasoning_content", "reasoning_details"), usage=("cost",)
    ),
    Vendor.AZURE: Keys(
        top=("prompt_filter_results", "latency_checkpoint"),
        choice=("content_filter_results",),
        usage=("audio_prompt_tokens", "num_sources_used"),
    ),
    Vendor.BEDROCK: Keys(message=("reasoning",)),
    Vendor.CEREBRAS: Keys(top=("time_info",), message=("reasoning",)),
    Vendor.DEEPSEEK: Keys(
        message=("reasoning_content",), usage=("prompt_cache_hit_tokens", "prompt_cache_miss_tokens")
    ),
    Vendor.GEMINI: Keys(message=("extra_content", "thought_signature")),
    Vendor.GPUSTACK: Keys(
        message=("reasoning_content",),
        usage=(
            "time_to_first_token_ms",
            "time_per_output_token_ms",
            "prompt_tokens_per_second",
            "tokens_per_second",
            "draft_tokens",
            "draft_tokens_acceptance",
        ),
    ),
    Vendor.GROQ: _GROQ,
    Vendor.HUGGING_FACE: _joined(_GROQ, _TOGETHER, Keys(top=("sla_metrics", "metadata"))),
    Vendor.LITELLM: Keys(top=("stream_options",)),
    Vendor.LLAMA_CPP: Keys(top=("timings", "__verbose", "prompt_progress"), message=("reasoning_content",)),
    Vendor.LM_STUDIO: Keys(top=("stats",), message=("reasoning", "reasoning_content")),
    Vendor.MISTRAL: Keys(top=("p",), usage=("service_tier",)),
    Vendor.OLLAMA: Keys(message=("reasoning",)),
    Vendor.OPENROUTER: _OPENROUTER,
    Vendor.PERPLEXITY: Keys(top=("citations", "search_results"), usage=("cost", "search_context_size")),
    Vendor.PYDANTIC: _joined(_GROQ, Keys(usage=("pydantic_ai_gateway",))),
    Vendor.TOGETHER: _TOGETHER,
    Vendor.VERCEL: Keys(
        top=("generationId",),
        message=("provider_metadata", "reasoning", "reasoning_details"),
        usage=("cost", "cost_details", "is_byok", "market_cost", "cache_creation_input_tokens"),
    ),
    Vendor.VLLM: Keys(
        top=("prompt_logprobs", "prompt_token_ids", "kv_transfer_params", "metrics"),
        choice=("stop_reason", "token_ids", "routed_experts"),
        message=("reasoning", "reasoning_content"),
    ),
    Vendor.XAI: Keys(message=("reasoning_content",), usage=("num_sources_used", "cost_in_usd_ticks")),
    Vendor.ZAI: Keys(top=("request_id",), message=("reasoning_content",)),
}
"""What each was seen to send in recorded traffic or says that it sends. Vendors that are not here add nothing known."""
