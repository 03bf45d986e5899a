"""Secret, bearer token and signature; and how a user's files say which."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from vapi_conformance.platforms.config_file import ConfigError
from vapi_conformance.platforms.vapi.webhooks import (
    Bearer,
    Hmac,
    Secret,
    WebhookAuth,
    load_webhook_assistant,
    load_webhook_credential,
)

BODY = b'{"message":{}}'
KEY = "a-key-that-nobody-guesses"


def headers(auth: WebhookAuth, body: bytes = BODY) -> dict[str, str]:
    return dict(auth.headers(body, url="https://b.example/hook?x=1", at_s=1_767_603_600))


class TestHeaders:
    def test_a_secret_is_sent_as_it_is(self) -> None:
        assert {"X-Vapi-Secret": KEY} == headers(Secret(KEY))

    def test_a_token_has_its_prefix_unless_it_is_switched_off(self) -> None:
        assert {"Authorization": f"Bearer {KEY}"} == headers(Bearer(token=KEY))
        assert {"X-Key": KEY} == headers(Bearer(token=KEY, header="X-Key", has_prefix=False))

    def test_a_signature_is_over_the_time_and_the_body(self) -> None:
        expected = hmac.new(KEY.encode(), b"1767603600." + BODY, hashlib.sha256).hexdigest()
        assert {"x-signature": expected, "x-timestamp": "1767603600"} == headers(Hmac(key=KEY))

    @pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
    def test_algorithm_prefix_and_encoding_are_as_configured(self, algorithm: str) -> None:
        auth = Hmac(key=KEY, algorithm=algorithm, prefix=f"{algorithm}=", encoding="base64", includes_timestamp=False)  # type: ignore[arg-type]  # parametrized
        digest = hmac.new(KEY.encode(), BODY, algorithm).digest()
        assert {"x-signature": f"{algorithm}={base64.b64encode(digest).decode()}"} == headers(auth)

    def test_the_payload_may_be_any_text(self) -> None:
        auth = Hmac(key=KEY, payload_format="{method} {url} {svix-id} {rest} {body}", message_id_header="svix-id")
        found = headers(auth)
        payload = f"POST https://b.example/hook?x=1 {found['svix-id']} {{rest}} ".encode() + BODY
        assert hmac.new(KEY.encode(), payload, "sha256").hexdigest() == found["x-signature"]

    def test_a_body_that_holds_a_place_is_not_filled(self) -> None:
        body = b'{"text": "{timestamp}"}'
        expected = hmac.new(KEY.encode(), b"1767603600." + body, "sha256").hexdigest()
        assert expected == headers(Hmac(key=KEY), body)["x-signature"]

    def test_a_key_may_be_base64(self) -> None:
        auth = Hmac(key=base64.b64encode(KEY.encode()).decode(), key_is_base64=True)
        assert headers(Hmac(key=KEY)) == headers(auth)

    @pytest.mark.parametrize("auth", [Secret(KEY), Bearer(token=KEY), Hmac(key="aGk=", key_is_base64=True)])
    def test_another_key_gives_other_headers(self, auth: WebhookAuth) -> None:
        assert headers(auth) != headers(auth.with_key("another"))

    @pytest.mark.parametrize("auth", [Secret(KEY), Bearer(token=KEY), Hmac(key=KEY)])
    def test_keys_are_named_for_masking_and_not_shown(self, auth: WebhookAuth) -> None:
        assert (KEY,) == auth.secrets
        assert KEY not in repr(auth)


def write(folder: Path, document: object) -> Path:
    path = folder / "file.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def credential(folder: Path, **plan: object) -> WebhookAuth:
    document = {"provider": "webhook", "authenticationPlan": plan}
    return load_webhook_credential(write(folder, document), {"HOOK_KEY": KEY})


class TestCredential:
    def test_bearer_with_every_setting(self, tmp_path: Path) -> None:
        assert Bearer(token=KEY) == credential(tmp_path, type="bearer", token=KEY)
        found = credential(tmp_path, type="bearer", token=KEY, headerName="X-Key", bearerPrefixEnabled=False)
        assert Bearer(token=KEY, header="X-Key", has_prefix=False) == found

    def test_hmac_with_every_setting(self, tmp_path: Path) -> None:
        assert Hmac(key=KEY) == credential(tmp_path, type="hmac", secretKey=KEY, algorithm="sha256")
        found = credential(
            tmp_path,
            type="hmac",
            secretKey="aGk=",
            algorithm="sha512",
            signatureHeader="X-Sig",
            timestampHeader="X-Time",
            signaturePrefix="v1=",
            includeTimestamp=False,
            payloadFormat="{body}",
            messageIdHeader="X-Id",
            signatureEncoding="base64",
            secretIsBase64=True,
        )
        expected = Hmac(
            key="aGk=",
            algorithm="sha512",
            signature_header="X-Sig",
            timestamp_header="X-Time",
            prefix="v1=",
            includes_timestamp=False,
            payload_format="{body}",
            message_id_header="X-Id",
            encoding="base64",
            key_is_base64=True,
        )
        assert expected == found

    @pytest.mark.parametrize("written", ["$HOOK_KEY", "${HOOK_KEY}"])
    def test_a_key_may_stand_in_the_environment(self, tmp_path: Path, written: str) -> None:
        assert Bearer(token=KEY) == credential(tmp_path, type="bearer", token=written)

    @pytest.mark.parametrize(
        ("plan", "told"),
        [
            ({}, "authenticationPlan.type is missing"),
            ({"type": "oauth2"}, "authenticationPlan.type is none of the known values"),
            ({"type": "bearer"}, "authenticationPlan.token is missing"),
            (
                {"type": "bearer", "token": "$NOT_SET"},
                "names the environment variable NOT_SET, which is not set or empty",
            ),
            ({"type": "hmac", "secretKey": KEY}, "authenticationPlan.algorithm is missing"),
            ({"type": "hmac", "secretKey": KEY, "algorithm": "md5"}, "algorithm is none of the known values"),
            (
                {"type": "hmac", "secretKey": "?", "algorithm": "sha256", "secretIsBase64": True},
                "authenticationPlan.secretKey is no base64",
            ),
            ({"type": "bearer", "token": KEY, "headerName": "a b"}, "headerName has characters that are not allowed"),
        ],
    )
    def test_what_cannot_be_used_is_told_without_the_key(
        self, tmp_path: Path, plan: Mapping[str, object], told: str
    ) -> None:
        with pytest.raises(ConfigError) as problem:
            credential(tmp_path, **plan)
        assert told in str(problem.value)
        assert KEY not in str(problem.value)


class TestAssistant:
    def test_any_provider_will_do(self, tmp_path: Path) -> None:
        document = {
            "name": "Desk",
            "model": {"provider": "openai", "model": "gpt-4o", "tools": [{"type": "function"}]},
            "server": {"url": "https://b.example", "secret": KEY, "timeoutSeconds": 9, "headers": {"X-Team": "7"}},
        }
        found = load_webhook_assistant(write(tmp_path, document))
        assert (KEY, 9.0, {"X-Team": "7"}) == (found.secret, found.timeout_s, found.headers)
        assert ("Desk", "gpt-4o", 1) == (
            found.assistant.name,
            found.assistant.model.model,
            len(found.assistant.model.tools),
        )
        assert KEY not in repr(found)

    def test_an_empty_one_has_vapis_defaults(self, tmp_path: Path) -> None:
        found = load_webhook_assistant(write(tmp_path, {}))
        assert (None, 20.0, ()) == (found.secret, found.timeout_s, found.assistant.model.tools)

    def test_the_secret_may_stand_in_the_environment(self, tmp_path: Path) -> None:
        path = write(tmp_path, {"server": {"secret": "$HOOK"}})
        assert KEY == load_webhook_assistant(path, {"HOOK": KEY}).secret

    @pytest.mark.parametrize(
        ("document", "told"),
        [
            ([], "is of the wrong JSON type"),
            ({"server": {"secret": 7}}, "server.secret is of the wrong JSON type"),
            ({"server": {"timeoutSeconds": 400}}, "server.timeoutSeconds is not what Vapi takes"),
            ({"model": {"tools": {}}}, "model.tools is of the wrong JSON type"),
        ],
    )
    def test_what_cannot_be_used_is_told(self, tmp_path: Path, document: object, told: str) -> None:
        with pytest.raises(ConfigError, match=told):
            load_webhook_assistant(write(tmp_path, document))
