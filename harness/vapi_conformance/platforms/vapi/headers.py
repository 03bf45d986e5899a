"""The request's header fields, as openai-node 4.91.1 sends them.

Vapi's own header set was never published whole. Live requests carry `x-stainless-*` with `retry-count: 0` and
`timeout: 600000`; only openai-node 4.83.0 to 4.91.1 sends that value. So the set and its order are those of
4.91.1, run against a local server (tested, not documented; platform and runtime version are of that machine).
"""

from collections.abc import Iterator, Mapping

from vapi_conformance.platforms.header_fields import MADE_BY_THE_CONNECTION
from vapi_conformance.platforms.lint import Lint

__all__ = ["KEY_WITHOUT_CREDENTIAL", "header_lints", "request_headers"]

KEY_WITHOUT_CREDENTIAL = "no-credential"
"""Sent as Bearer token where no credential is configured. What Vapi sends then is unknown; that it sends something
follows from the SDK, which does not start without a key."""

_SDK_VERSION = "4.91.1"
_BEFORE_MODEL_HEADERS: Mapping[str, str] = {
    "accept": "application/json",  # also with stream: true
    "content-type": "application/json",
    "user-agent": f"OpenAI/JS {_SDK_VERSION}",
    "x-stainless-lang": "js",
    "x-stainless-package-version": _SDK_VERSION,
    "x-stainless-os": "Linux",
    "x-stainless-arch": "x64",
    "x-stainless-runtime": "node",
    "x-stainless-runtime-version": "v20.0.0",
    "authorization": "",
}
_AFTER_MODEL_HEADERS: Mapping[str, str] = {
    "x-stainless-retry-count": "0",  # SDK retries are off at Vapi: 0 on every request seen
    "x-stainless-timeout": "600000",  # the SDK's default in milliseconds; timeoutSeconds is enforced around it
    "accept-encoding": "gzip,deflate",
    "connection": "keep-alive",
}


def request_headers(bearer: str, model_headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """All fields in wire order but Host and Content-Length, which the connection adds.

    `model.headers` comes behind the SDK's own; a name the SDK has, in whatever case, replaces the value at its
    place. `Authorization` cannot be replaced (Vapi's OpenAPI description, CustomLLMModel.headers).
    """
    merged = {name: (name, value) for name, value in _BEFORE_MODEL_HEADERS.items()}
    merged["authorization"] = ("authorization", f"Bearer {bearer}")
    ours = {**_BEFORE_MODEL_HEADERS, **_AFTER_MODEL_HEADERS}
    replaced: dict[str, str] = {}
    for name, value in model_headers.items():
        lower = name.lower()
        if lower in MADE_BY_THE_CONNECTION or lower == "authorization":
            continue
        if lower in ours:
            replaced[lower] = value
        else:
            merged[lower] = (name, value)
    merged |= {name: (name, value) for name, value in _AFTER_MODEL_HEADERS.items()}
    merged |= {name: (name, value) for name, value in replaced.items()}
    return tuple(merged.values())


def header_lints(model_headers: Mapping[str, str]) -> Iterator[Lint]:
    """Fields that are configured and yet not sent."""
    for name in model_headers:
        field = f"model.headers.{name}"
        if name.lower() == "authorization":
            yield Lint(field, "is not sent: Vapi takes Authorization from the credential only", "warning")
        elif name.lower() in MADE_BY_THE_CONNECTION:
            yield Lint(field, "is not sent: the connection sets it", "warning")
        elif name.lower() == "accept-encoding":
            yield Lint(field, "changes what the SDK decodes; anything but gzip and deflate arrives as noise", "warning")
