"""An assistant and a credential, as far as they shape server messages, out of a user's files."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, cast

from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing, string_or_none
from vapi_conformance.platforms.config_file import ConfigError, checked_object, read_json
from vapi_conformance.platforms.header_fields import checked_headers
from vapi_conformance.platforms.vapi.assistant import DEFAULT_TIMEOUT_S, Assistant, Model
from vapi_conformance.platforms.vapi.webhooks.authentication import Bearer, Hmac, WebhookAuth

__all__ = ["ServerSettings", "load_webhook_assistant", "load_webhook_credential"]

_VARIABLE: Final = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """An assistant, and what its `server` object says."""

    assistant: Assistant = field(default_factory=Assistant)
    timeout_s: float = DEFAULT_TIMEOUT_S
    secret: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


def load_webhook_assistant(path: Path, environment: Mapping[str, str] | None = None) -> ServerSettings:
    """From a JSON file with the body of `POST /assistant`, whoever is the model's provider. Raises ConfigError.

    `server.secret` may be `$VARIABLE`.
    """
    document = checked_object(path, read_json(path), "vapi/webhook-assistant", platform="Vapi", is_secret=_is_secret)
    model, server = object_or_nothing(document.get("model")), object_or_nothing(document.get("server"))
    secret = string_or_none(server.get("secret"))
    headers = {name: str(value) for name, value in object_or_nothing(server.get("headers")).items()}
    return ServerSettings(
        assistant=Assistant(
            model=Model(
                model=string_or_none(model.get("model")) or Model().model,
                messages=_objects(model.get("messages")),
                tools=_objects(model.get("tools")),
                document=model,
            ),
            id=string_or_none(document.get("id")),
            name=string_or_none(document.get("name")),
            first_message=string_or_none(document.get("firstMessage")),
            document=document,
        ),
        timeout_s=float(cast("float", server.get("timeoutSeconds", DEFAULT_TIMEOUT_S))),
        secret=None if secret is None else _resolved(path, "server.secret", secret, environment),
        headers=checked_headers(headers),
    )


def load_webhook_credential(path: Path, environment: Mapping[str, str] | None = None) -> WebhookAuth:
    """From a JSON file with an `authenticationPlan` of type bearer or hmac. Raises ConfigError.

    `token` and `secretKey` may be `$VARIABLE`.
    """
    document = checked_object(path, read_json(path), "vapi/webhook-credential", platform="Vapi", is_secret=_is_secret)
    plan = object_or_nothing(document["authenticationPlan"])
    if plan["type"] == "bearer":
        token = _resolved(path, "authenticationPlan.token", str(plan["token"]), environment)
        plain = Bearer(token=token, has_prefix=plan.get("bearerPrefixEnabled") is not False)
        name = string_or_none(plan.get("headerName"))
        return plain if name is None else replace(plain, header=name)
    return _hmac(path, plan, environment)


def _hmac(path: Path, plan: Mapping[str, object], environment: Mapping[str, str] | None) -> Hmac:
    known = Hmac(key=_resolved(path, "authenticationPlan.secretKey", str(plan["secretKey"]), environment))
    found = Hmac(
        key=known.key,
        algorithm=cast("Literal['sha256', 'sha512', 'sha1']", plan["algorithm"]),
        signature_header=string_or_none(plan.get("signatureHeader")) or known.signature_header,
        timestamp_header=string_or_none(plan.get("timestampHeader")) or known.timestamp_header,
        prefix=string_or_none(plan.get("signaturePrefix")) or "",
        includes_timestamp=plan.get("includeTimestamp") is not False,
        payload_format=string_or_none(plan.get("payloadFormat")) or known.payload_format,
        message_id_header=string_or_none(plan.get("messageIdHeader")),
        encoding=cast("Literal['hex', 'base64']", plan.get("signatureEncoding", "hex")),
        key_is_base64=plan.get("secretIsBase64") is True,
    )
    try:
        found.headers(b"", url="", at_s=0)
    except ValueError:
        raise ConfigError(path, "is no base64", field="authenticationPlan.secretKey") from None
    return found


def _resolved(path: Path, place: str, value: str, environment: Mapping[str, str] | None) -> str:
    """The value, or that of the variable that it names. Raises ConfigError where that is not set or cannot be sent."""
    match = _VARIABLE.fullmatch(value)
    if match is None:
        return value
    found = (os.environ if environment is None else environment).get(match[1])
    if not found:
        raise ConfigError(path, f"names the environment variable {match[1]}, which is not set or empty", field=place)
    return found


def _is_secret(field_path: str) -> bool:
    # The places where people keep keys; of the file itself the content may be anything.
    return field_path.startswith(("model", "server", "credentials", "authenticationPlan"))


def _objects(value: object) -> tuple[Mapping[str, object], ...]:
    narrowed = (object_or_none(each) for each in array_or_nothing(value))
    return tuple(each for each in narrowed if each is not None)
