"""All remarks on a configuration, in the order of its fields."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from vapi_conformance.narrow import array_or_nothing
from vapi_conformance.platforms.lint import Lint
from vapi_conformance.platforms.vapi.assistant import CUSTOM_OPTIONS, Assistant, Model
from vapi_conformance.platforms.vapi.body import RESERVED_KEYS
from vapi_conformance.platforms.vapi.tools import tool_lints

__all__ = ["assistant_lints", "credential_lints"]

_LOW_MAX_TOKENS = 100
_HOT = 1.0
_ASSISTANT_RANGE_S = (0, 300)
_OTHER_RANGE_S = (20, 600)


def assistant_lints(assistant: Assistant, base_url: str) -> Iterator[Lint]:
    """Remarks on the model and its neighbours; URL, headers and credential have their own."""
    model = assistant.model
    if model.metadata_send_mode != "off" and urlsplit(base_url).hostname == "api.openai.com":
        yield Lint(
            "model.metadataSendMode",
            "must be off for api.openai.com, which answers 400 to keys it does not know, such as call",
            "error",
        )
    if model.provider != "custom-llm":
        for option in CUSTOM_OPTIONS:
            if option in model.document:
                yield Lint(f"model.{option}", f"is no option of provider {model.provider} and not used", "warning")
    yield from _number_lints(model)
    yield from tool_lints(model.document)
    for option in ("emotionRecognitionEnabled", "numFastTurns"):
        if model.document.get(option):
            yield Lint(f"model.{option}", "has no known effect on a custom LLM", "info")
    if model.metadata_send_mode == "destructured":
        yield from _metadata_lints(assistant)


def _number_lints(model: Model) -> Iterator[Lint]:
    if model.temperature > _HOT:
        yield Lint(
            "model.temperature", f"{model.temperature} lets most models ramble; voice agents use 0 to 0.7", "warning"
        )
    if model.max_tokens < _LOW_MAX_TOKENS:
        yield Lint(
            "model.maxTokens",
            f"{model.max_tokens} cuts longer sentences and tool arguments off; Vapi's default is 250",
            "warning",
        )
    low, high = _ASSISTANT_RANGE_S
    if model.timeout_s == 0:
        yield Lint("model.timeoutSeconds", "0 leaves no time for a first token", "warning")
    if not low <= model.timeout_s <= high:
        yield Lint(
            "model.timeoutSeconds",
            f"{model.timeout_s:g} is above {high}, the limit of an assistant's model in Vapi's reference; "
            "its workflow model and a changelog of 2025 allow 20 to 600",
            "warning",
        )
    low, high = _OTHER_RANGE_S
    if 0 < model.timeout_s < low:
        yield Lint(
            "model.timeoutSeconds",
            f"{model.timeout_s:g} is below {low}, the least that Vapi's workflow model and a changelog of 2025 allow; "
            "the reference of an assistant's model says 0 to 300",
            "warning",
        )


def _metadata_lints(assistant: Assistant) -> Iterator[Lint]:
    """With `destructured`, metadata keys move to the top of the body, where some names are taken."""
    for key in assistant.metadata:
        if key in RESERVED_KEYS:
            yield Lint(
                f"metadata.{key}",
                "has the name of a key of the request; which of the two destructured metadata sends is not known, "
                "and it is left out here",
                "warning",
            )


def credential_lints(assistant: Assistant, *, has_key: bool) -> Iterator[Lint]:
    """Remarks when there is no key."""
    if has_key:
        return
    if array_or_nothing(assistant.document.get("credentialIds")):
        yield Lint(
            "credentialIds", "cannot be looked up without Vapi; give the credential as a file or its key", "warning"
        )
    else:
        yield Lint("credential", "is not given; what Vapi sends as Authorization then is unknown", "info")
