"""An assistant as the user configured it at Vapi: the part that shapes the requests to the model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.platforms.config_file import checked_object, read_json

__all__ = [
    "CUSTOM_OPTIONS",
    "DEFAULT_MAX_TOKENS",
    "DEFAULT_MODEL_NAME",
    "DEFAULT_TEMPERATURE",
    "DEFAULT_TIMEOUT_S",
    "PUBLIC_BASE_URLS",
    "Assistant",
    "FirstMessageMode",
    "MetadataSendMode",
    "Model",
    "Provider",
    "load_assistant",
]

Provider = Literal["custom-llm", "openrouter", "anyscale", "together-ai"]
MetadataSendMode = Literal["off", "variable", "destructured"]
FirstMessageMode = Literal[
    "assistant-speaks-first",
    "assistant-speaks-first-with-model-generated-message",
    "assistant-waits-for-user",
]

DEFAULT_TEMPERATURE = 0.5
DEFAULT_MAX_TOKENS = 250
DEFAULT_TIMEOUT_S = 20.0
DEFAULT_MODEL_NAME = "gpt-4o"
"""Sent where no assistant and no model is given. Vapi always sends a name; this one is accepted by most proxies."""

PUBLIC_BASE_URLS: Mapping[Provider, str] = {
    "openrouter": "https://openrouter.ai/api/v1",  # Vapi's OpenAPI uses it as the example of CustomLLMModel.url
    "anyscale": "https://api.endpoints.anyscale.com/v1",  # inferred: the provider's own documentation
    "together-ai": "https://api.together.xyz/v1",  # inferred: the provider's own documentation
}
"""Where Vapi calls the providers whose model object has no url. That it uses their public API is inferred."""

CUSTOM_OPTIONS = ("url", "headers", "metadataSendMode", "timeoutSeconds", "wordLevelConfidenceEnabled")
"""Options that only the model object of provider `custom-llm` has."""

_NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The assistant's `model` object with Vapi's defaults filled in."""

    provider: Provider = "custom-llm"
    model: str = DEFAULT_MODEL_NAME
    url: str | None = None
    """Only `custom-llm` has one; the others are called at `PUBLIC_BASE_URLS`."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    metadata_send_mode: MetadataSendMode = "variable"
    """Only `custom-llm` has it. For the others `off` is inferred: nothing says that they are sent caller data."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    temperature: float = DEFAULT_TEMPERATURE
    """As configured: an integer stays one, since `0` and not `0.0` is sent."""
    max_tokens: int = DEFAULT_MAX_TOKENS
    messages: tuple[Mapping[str, object], ...] = field(default=(), repr=False)
    tools: tuple[Mapping[str, object], ...] = field(default=(), repr=False)
    """Vapi's tool objects, not yet in OpenAI's shape."""
    document: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)
    """The whole `model` object of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assistant:
    """An assistant; `Assistant()` is what Vapi would make of an empty form."""

    model: Model = field(default_factory=Model)
    id: str | None = None
    name: str | None = None
    first_message: str | None = None
    first_message_mode: FirstMessageMode = "assistant-speaks-first"
    metadata: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)
    document: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)
    """The whole file."""


def load_assistant(path: Path) -> Assistant:
    """The assistant in a JSON file with the body of `POST /assistant`. Raises ConfigError."""
    document = checked_object(path, read_json(path), "vapi/assistant", platform="Vapi", is_secret=_is_secret)
    return Assistant(
        model=_model(object_or_nothing(document["model"])),
        id=string_or_none(document.get("id")),
        name=string_or_none(document.get("name")),
        first_message=string_or_none(document.get("firstMessage")),
        first_message_mode=cast(
            "FirstMessageMode", string_or_none(document.get("firstMessageMode")) or "assistant-speaks-first"
        ),
        metadata=object_or_nothing(document.get("metadata")),
        document=document,
    )


def _is_secret(field_path: str) -> bool:
    # The file itself, whose content may be anything, and the places where people keep keys.
    return field_path.startswith(("model.headers", "credentials", "metadata", "model.url"))


def _model(document: Mapping[str, object]) -> Model:
    """From a `model` object that matched its schema."""
    is_custom = document["provider"] == "custom-llm"
    custom = document if is_custom else _NOTHING
    timeout = custom.get("timeoutSeconds", DEFAULT_TIMEOUT_S)
    temperature = document.get("temperature", DEFAULT_TEMPERATURE)
    max_tokens = document.get("maxTokens", DEFAULT_MAX_TOKENS)
    return Model(
        provider=cast("Provider", document["provider"]),
        model=str(document["model"]),
        url=string_or_none(custom.get("url")),
        headers={name: str(value) for name, value in object_or_nothing(custom.get("headers")).items()},
        metadata_send_mode=cast("MetadataSendMode", custom.get("metadataSendMode", "variable" if is_custom else "off")),
        timeout_s=float(cast("float", timeout)),
        temperature=cast("float", temperature),
        max_tokens=int(cast("float", max_tokens)),
        messages=_objects(document.get("messages")),
        tools=_objects(document.get("tools")),
        document=document,
    )


def _objects(value: object) -> tuple[Mapping[str, object], ...]:
    narrowed = (object_or_none(each) for each in array_or_nothing(value))
    return tuple(each for each in narrowed if each is not None)
