"""A credential as it is stored at Vapi: the key, and the plan to fetch tokens where there is one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.platforms.config_file import checked_object, read_json
from vapi_conformance.platforms.vapi.assistant import Assistant, Provider
from vapi_conformance.schema import is_valid

__all__ = ["Credential", "OAuth2Plan", "inline_credential", "load_credential"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2Plan:
    """OAuth2AuthenticationPlan: client credentials (RFC 6749, 4.4), fetched and renewed by Vapi."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One credential of a provider."""

    provider: Provider
    api_key: str = field(repr=False)
    """Required by Vapi's schema even beside an OAuth2 plan, where it is not what is sent."""
    name: str | None = None
    oauth2: OAuth2Plan | None = None


def load_credential(path: Path) -> Credential:
    """The credential in a JSON file with the body of `POST /credential`. Raises ConfigError, which quotes no value."""
    return _credential(
        checked_object(path, read_json(path), "vapi/credential", platform="Vapi", is_secret=_all_is_secret)
    )


def inline_credential(assistant: Assistant) -> Credential | None:
    """The first credential inside the assistant that is complete and of its model's provider."""
    for value in array_or_nothing(assistant.document.get("credentials")):
        document = object_or_none(value)
        if (
            document is not None
            and document.get("provider") == assistant.model.provider
            and is_valid("vapi/credential", document)
        ):
            return _credential(document)
    return None


def _all_is_secret(_field_path: str) -> bool:
    return True


def _credential(document: Mapping[str, object]) -> Credential:
    """From a document that matched its schema."""
    plan = object_or_nothing(document.get("authenticationPlan"))
    return Credential(
        provider=cast("Provider", document["provider"]),
        api_key=str(document["apiKey"]),
        name=string_or_none(document.get("name")),
        oauth2=OAuth2Plan(
            token_url=str(plan["url"]),
            client_id=str(plan["clientId"]),
            client_secret=str(plan["clientSecret"]),
            scope=string_or_none(plan.get("scope")),
        )
        if plan
        else None,
    )
