"""Which server or service an answer in the shape of Chat Completions comes from, and by what sign that is known.

One row of `SIGNS` is one sign. A sign is something that one vendor sends and nobody else is known to send: what has
been seen from two is no sign, and stands in a comment where somebody would look for it. Nothing is judged here; a
flavour is said beside a verdict so that a user knows whose habits are being talked about.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vapi_conformance.dialects.glance import glance
from vapi_conformance.dialects.recognition import host_of, port_of
from vapi_conformance.exchange import Exchange, Header
from vapi_conformance.narrow import array_or_nothing, object_or_nothing, string_or_none

__all__ = ["SIGNS", "Flavour", "Place", "Sign", "Sureness", "Vendor", "flavour_of"]


class Vendor(StrEnum):
    """Who answers in the shape of Chat Completions, as users name them."""

    ANTHROPIC = "Anthropic"
    AVIAN = "Avian"
    AZURE = "Azure OpenAI"
    BEDROCK = "Amazon Bedrock"
    CEREBRAS = "Cerebras"
    DEEPSEEK = "DeepSeek"
    GEMINI = "Gemini"
    GPUSTACK = "GPUStack"
    GROQ = "Groq"
    HUGGING_FACE = "Hugging Face router"
    LITELLM = "LiteLLM"
    LLAMA_CPP = "llama.cpp"
    LM_STUDIO = "LM Studio"
    MISTRAL = "Mistral"
    OLLAMA = "Ollama"
    OPENAI = "OpenAI"
    OPENROUTER = "OpenRouter"
    PERPLEXITY = "Perplexity"
    PYDANTIC = "Pydantic AI Gateway"
    SNOWFLAKE = "Snowflake Cortex"
    TGI = "TGI"
    TOGETHER = "Together"
    VERCEL = "Vercel AI Gateway"
    VLLM = "vLLM"
    XAI = "xAI"
    ZAI = "Z.ai"


class Sureness(StrEnum):
    """How far a sign can be trusted."""

    SURE = "sure"
    """It was asked at its own address, or a gateway put its own name into the answer."""
    LIKELY = "likely"
    """What only this vendor is known to send. A gateway in front of it, or a copy of its habits, shows the same."""


class Place(StrEnum):
    """Where a sign stands. The values are the words for it, with the key in `{}`."""

    HOST = "its host is {}"
    PORT = "it listens on port {}"
    HEADER = "the answer has headers named {}…"
    COMMENT = "its stream has comments that say {}"
    TOP = "`{}` in the answer"
    CHOICE = "`{}` in its choices"
    MESSAGE = "`{}` in its messages"
    """A message or a delta."""
    USAGE = "`{}` in its usage"
    TIMINGS = "`{}` in its timings"
    REFUSAL = "`{}` beside its error"
    ERROR = "`{}` in its error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing by which one vendor is known."""

    vendor: Vendor
    place: Place
    key: str
    """A domain (it or one below it), a port, how a header's name or a comment begins, or a key in the JSON."""
    value: re.Pattern[str] | None = None
    """What a string under the key looks like from its first character; None where the key alone says it."""
    sureness: Sureness = Sureness.LIKELY
    words: str = ""
    """What is said where the words of the place do not do."""

    @property
    def because(self) -> str:
        """The sign in words."""
        return self.words or self.place.value.format(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """Who answers, and how that is known."""

    name: Vendor
    because: str
    sureness: Sureness

    @property
    def sentence(self) -> str:
        """For people: ``looks like vLLM: `stop_reason` in its choices``."""
        return f"{'is' if self.sureness is Sureness.SURE else 'looks like'} {self.name.value}: {self.because}"


def _sure(vendor: Vendor, place: Place, *keys: str) -> Iterator[Sign]:
    yield from (Sign(vendor=vendor, place=place, key=key, sureness=Sureness.SURE) for key in keys)


def _likely(vendor: Vendor, place: Place, *keys: str) -> Iterator[Sign]:
    yield from (Sign(vendor=vendor, place=place, key=key) for key in keys)


def _valued(vendor: Vendor, place: Place, key: str, value: str, words: str) -> Sign:
    return Sign(vendor=vendor, place=place, key=key, value=re.compile(value), words=words)


SIGNS: Final[tuple[Sign, ...]] = (
    # Who was asked, answers: also where an upstream's habits show through.
    *_sure(Vendor.OPENAI, Place.HOST, "api.openai.com"),
    *_sure(
        Vendor.AZURE,
        Place.HOST,
        "openai.azure.com",
        "services.ai.azure.com",
        "cognitiveservices.azure.com",
        "inference.ai.azure.com",
    ),
    *_sure(Vendor.ANTHROPIC, Place.HOST, "api.anthropic.com"),
    *_sure(Vendor.AVIAN, Place.HOST, "avian.io"),
    # Not all of amazonaws.com: half the world's own servers are there.
    _valued(Vendor.BEDROCK, Place.HOST, "amazonaws.com", r"bedrock", "its host is Bedrock's"),
    _valued(Vendor.BEDROCK, Place.HOST, "api.aws", r"bedrock", "its host is Bedrock's"),
    *_sure(Vendor.CEREBRAS, Place.HOST, "cerebras.ai"),
    *_sure(Vendor.DEEPSEEK, Place.HOST, "deepseek.com"),
    # Not aiplatform.googleapis.com: Vertex serves models of many.
    *_sure(Vendor.GEMINI, Place.HOST, "generativelanguage.googleapis.com"),
    *_sure(Vendor.GROQ, Place.HOST, "groq.com"),
    *_sure(Vendor.HUGGING_FACE, Place.HOST, "router.huggingface.co"),
    *_sure(Vendor.MISTRAL, Place.HOST, "mistral.ai"),
    *_sure(Vendor.OLLAMA, Place.HOST, "ollama.com"),
    *_sure(Vendor.OPENROUTER, Place.HOST, "openrouter.ai"),
    *_sure(Vendor.PERPLEXITY, Place.HOST, "perplexity.ai"),
    *_sure(Vendor.PYDANTIC, Place.HOST, "gateway.pydantic.dev"),
    *_sure(Vendor.SNOWFLAKE, Place.HOST, "snowflakecomputing.com"),
    *_sure(Vendor.TOGETHER, Place.HOST, "together.ai", "together.xyz"),
    *_sure(Vendor.VERCEL, Place.HOST, "ai-gateway.vercel.sh"),
    *_sure(Vendor.XAI, Place.HOST, "x.ai"),
    *_sure(Vendor.ZAI, Place.HOST, "z.ai", "bigmodel.cn"),
    # Gateways before those whose headers they hand on. No sign: x-vercel-id (all that runs at Vercel), apim-request-id
    # (all behind Azure's API management), x-envoy-…, x-kong-…, cf-ray, server: uvicorn, x-request-id.
    *_sure(Vendor.LITELLM, Place.HEADER, "x-litellm-", "llm_provider-"),
    *_sure(Vendor.PYDANTIC, Place.HEADER, "pydantic-ai-gateway-"),
    *_likely(Vendor.OPENROUTER, Place.HEADER, "x-generation-id"),
    *_likely(Vendor.AZURE, Place.HEADER, "azureml-", "azureai-", "x-ms-deployment-name", "x-ms-rai-"),
    *_likely(Vendor.BEDROCK, Place.HEADER, "x-amzn-bedrock-"),
    *_likely(Vendor.GROQ, Place.HEADER, "x-groq-"),
    *_likely(Vendor.MISTRAL, Place.HEADER, "mistral-"),
    *_likely(Vendor.DEEPSEEK, Place.HEADER, "x-ds-"),
    *_likely(Vendor.PERPLEXITY, Place.HEADER, "x-ppl-"),
    *_likely(Vendor.TGI, Place.HEADER, "x-compute-characters"),
    _valued(Vendor.LLAMA_CPP, Place.HEADER, "server", r"llama\.cpp", "the answer's header server says llama.cpp"),
    *_likely(Vendor.OPENAI, Place.HEADER, "openai-"),
    # What a gateway adds, before what it hands on. No sign: is_byok, cost and cost_details in the usage (OpenRouter
    # and Vercel), reasoning and reasoning_content (a dozen vendors).
    *_sure(Vendor.PYDANTIC, Place.USAGE, "pydantic_ai_gateway"),
    *_likely(Vendor.VERCEL, Place.TOP, "generationId"),
    *_likely(Vendor.VERCEL, Place.MESSAGE, "provider_metadata"),
    *_sure(Vendor.OPENROUTER, Place.COMMENT, "OPENROUTER PROCESSING"),
    *_likely(Vendor.OPENROUTER, Place.CHOICE, "native_finish_reason"),
    # Azure serves models of xAI and others, and OpenAI's padding: its filters tell.
    *_likely(Vendor.AZURE, Place.TOP, "prompt_filter_results"),
    *_likely(Vendor.AZURE, Place.CHOICE, "content_filter_results"),
    # Those who make the answer. No sign: num_sources_used (xAI, and Azure with its models), citations (Perplexity and
    # xAI), a system_fingerprint that begins fp_ (ten vendors), 9-character ids of calls (Mistral, and vLLM with its
    # models), id "" (TGI, Azure, Snowflake), request_id and search_results (people's own servers).
    *_likely(Vendor.GROQ, Place.TOP, "x_groq"),
    *_likely(Vendor.GROQ, Place.USAGE, "queue_time"),
    *_likely(Vendor.GROQ, Place.ERROR, "failed_generation"),
    _valued(Vendor.OLLAMA, Place.TOP, "system_fingerprint", r"fp_ollama\Z", "its system_fingerprint is fp_ollama"),
    *_likely(Vendor.LLAMA_CPP, Place.TIMINGS, "predicted_per_second"),
    *_likely(Vendor.LLAMA_CPP, Place.TOP, "__verbose", "prompt_progress"),
    _valued(
        Vendor.LLAMA_CPP,
        Place.TOP,
        "system_fingerprint",
        r"b[0-9]{1,6}-[0-9a-f]{7,40}\Z",
        "its system_fingerprint is a build of llama.cpp",
    ),
    _valued(
        Vendor.TGI,
        Place.TOP,
        "system_fingerprint",
        r"[0-9]+\.[0-9]+\.[0-9]+(?:-dev[0-9]*)?-(?:native|sha-[0-9a-f]+)",
        "its system_fingerprint is a version of TGI",
    ),
    _valued(
        Vendor.TGI,
        Place.REFUSAL,
        "error_type",
        r"(?:validation|generation|overloaded|incomplete_generation|template_error|tool_error)",
        "`error_type` beside its error, with a word of TGI",
    ),
    *_likely(Vendor.GPUSTACK, Place.USAGE, "draft_tokens_acceptance", "time_per_output_token_ms"),
    *_likely(Vendor.VLLM, Place.CHOICE, "stop_reason", "token_ids", "routed_experts"),
    *_likely(Vendor.VLLM, Place.TOP, "kv_transfer_params", "prompt_token_ids", "prompt_logprobs"),
    *_likely(Vendor.CEREBRAS, Place.TOP, "time_info"),
    *_likely(Vendor.DEEPSEEK, Place.USAGE, "prompt_cache_hit_tokens"),
    *_likely(Vendor.XAI, Place.USAGE, "cost_in_usd_ticks"),
    *_likely(Vendor.TOGETHER, Place.CHOICE, "seed"),
    *_likely(Vendor.TOGETHER, Place.MESSAGE, "token_id"),
    *_likely(Vendor.PERPLEXITY, Place.USAGE, "search_context_size"),
    _valued(Vendor.PERPLEXITY, Place.TOP, "object", r"chat\.completion\.done\Z", "its object is chat.completion.done"),
    *_likely(Vendor.GEMINI, Place.MESSAGE, "extra_content"),
    _valued(Vendor.ANTHROPIC, Place.TOP, "id", r"msg_01[A-Za-z0-9]{20,}\Z", "its id is one of Anthropic's"),
    _valued(Vendor.MISTRAL, Place.TOP, "p", "", "it is padded under the key `p`"),
    _valued(Vendor.ZAI, Place.TOP, "id", r"20[0-9]{12}[0-9a-f]{16}\Z", "its id is a date and 16 hexadecimal digits"),
    *_likely(Vendor.LM_STUDIO, Place.TOP, "stats"),
    *_likely(Vendor.LITELLM, Place.TOP, "stream_options"),
    *_likely(Vendor.OPENAI, Place.TOP, "obfuscation"),
    # The ports of their installers, where nothing better is known.
    *_likely(Vendor.OLLAMA, Place.PORT, "11434"),
    *_likely(Vendor.LM_STUDIO, Place.PORT, "1234"),
)
"""In the order in which they are asked; the first that is there decides."""

_MOST_CHOICES: Final = 16
_MOST_VALUES: Final = 8
"""Strings that are kept of one key: an id may be another one on each of thousands of chunks."""
_TELLING_BYTES: Final = 200

_Traces = Mapping[tuple[Place, str], list[str]]
"""What stands where, with the first few strings that stood under it."""


def flavour_of(exchange: Exchange) -> Flavour | None:
    """Whose answer it is; None where nothing tells. Never raises; looks at the beginning of the body (`glance`)."""
    traces = _traces(exchange)
    for sign in SIGNS:
        if _holds(sign, exchange, traces):
            return Flavour(name=sign.vendor, because=sign.because, sureness=sign.sureness)
    return None


def _holds(sign: Sign, exchange: Exchange, traces: _Traces) -> bool:
    match sign.place:
        case Place.HOST:
            host = host_of(exchange.request.url)
            return f".{host}".endswith(f".{sign.key}") and _is_like(sign, host)
        case Place.PORT:
            return port_of(exchange.request.url) == sign.key
        case Place.HEADER:
            headers: tuple[Header, ...] = () if exchange.response is None else exchange.response.headers
            start = sign.key.encode("ascii")
            return any(
                name.lower().startswith(start) and _is_like(sign, value[:_TELLING_BYTES].decode("latin-1"))
                for name, value in headers
            )
        case Place.COMMENT:
            return any(comment.startswith(sign.key) for comment in traces.get((Place.COMMENT, ""), ()))
        case _:
            values = traces.get((sign.place, sign.key))
            return values is not None and (sign.value is None or any(_is_like(sign, value) for value in values))


def _is_like(sign: Sign, text: str) -> bool:
    return sign.value is None or sign.value.match(text) is not None


def _traces(exchange: Exchange) -> _Traces:
    seen = glance(exchange)
    traces: dict[tuple[Place, str], list[str]] = {}
    for comment in seen.comments:
        _leave(traces, Place.COMMENT, "", comment)
    for record in seen.objects:
        for place, part in _parts(record):
            for key, value in part.items():
                _leave(traces, place, key, value)
    return traces


def _leave(traces: dict[tuple[Place, str], list[str]], place: Place, key: str, value: object) -> None:
    values = traces.setdefault((place, key), [])
    text = string_or_none(value)
    if text is not None and len(values) < _MOST_VALUES and text not in values:
        values.append(text)


def _parts(record: Mapping[str, object]) -> Iterator[tuple[Place, Mapping[str, object]]]:
    """The objects of a chat answer, or of a refusal; of anything else none: other APIs use the same words."""
    if "choices" in record:
        yield Place.TOP, record
        yield Place.USAGE, object_or_nothing(record.get("usage"))
        yield Place.TIMINGS, object_or_nothing(record.get("timings"))
        for each in array_or_nothing(record["choices"])[:_MOST_CHOICES]:
            choice = object_or_nothing(each)
            yield Place.CHOICE, choice
            for name in ("message", "delta"):
                yield Place.MESSAGE, object_or_nothing(choice.get(name))
    if "error" in record and record.get("type") != "error":
        yield Place.REFUSAL, record
        yield Place.ERROR, object_or_nothing(record["error"])
