"""The token endpoint: client credentials (RFC 6749, 4.4), the secret in the form body or by HTTP Basic."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_plus

from vapi_reference_server.answer import json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vapi_reference_server.answer import Answer
    from vapi_reference_server.json_values import JsonObject
    from vapi_reference_server.tokens_issued import IssuedTokens

__all__ = ["SCOPE", "OAuthClient", "answer_token_request"]

SCOPE = "chat"
"""The only scope there is; who asks for none gets it."""

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 50
_NOT_KEPT = {"cache-control": "no-store", "pragma": "no-cache"}  # RFC 6749, 5.1


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """Who may fetch tokens."""

    id: str
    secret: str = field(repr=False)

    def matches(self, client_id: str, secret: str) -> bool:
        """Whether these are its credentials, in constant time for each pair of lengths."""
        return _same(client_id, self.id) & _same(secret, self.secret)


class _RefusedError(Exception):
    """A token request that gets an error (RFC 6749, 5.2). Texts never repeat what was sent."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.description, self.status = error, description, status


def answer_token_request(
    headers: Mapping[str, str], body: bytes, *, client: OAuthClient, tokens: IssuedTokens, seconds: int
) -> Answer:
    """A token that lives for so many seconds, or an error."""
    try:
        form = _form(headers, body)
        _authenticate(headers, form, client)
        _check_grant(form)
    except _RefusedError as refused:
        return _refusal(refused)
    granted: JsonObject = {
        "access_token": tokens.issue(seconds),
        "token_type": "Bearer",
        "expires_in": seconds,
        "scope": SCOPE,
    }
    return json_answer(200, granted, dict(_NOT_KEPT))


def _form(headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
    if headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        raise _RefusedError("invalid_request", f"The body must be {_FORM}.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise _RefusedError("invalid_request", "The form cannot be read.") from error
    repeated = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if repeated:
        raise _RefusedError("invalid_request", "A parameter is given twice.")  # RFC 6749, 3.2
    return dict(pairs)


def _authenticate(headers: Mapping[str, str], form: Mapping[str, str], client: OAuthClient) -> None:
    basic = _basic(headers.get("authorization"))
    if basic is None:
        if not client.matches(form.get("client_id", ""), form.get("client_secret", "")):
            raise _RefusedError("invalid_client", "Client authentication failed.", status=401)
        return
    if "client_secret" in form:  # RFC 6749, 2.3
        raise _RefusedError("invalid_request", "The client must authenticate in one way, not in two.")
    # RFC 6749, 2.3.1 wants both form-encoded before they are joined; many clients leave that out.
    decoded = (unquote_plus(basic[0]), unquote_plus(basic[1]))
    if not (client.matches(*basic) | client.matches(*decoded)):
        raise _RefusedError("invalid_client", "Client authentication failed.", status=401)


def _basic(authorization: str | None) -> tuple[str, str] | None:
    """Id and secret; None where another scheme, or nothing, was sent."""
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        raw = base64.b64decode(value.strip(), validate=True)
    except binascii.Error:
        return "", ""
    try:
        pair = raw.decode()
    except UnicodeDecodeError:
        pair = raw.decode("latin-1")  # what clients used before RFC 7617 named UTF-8
    client_id, _, secret = pair.partition(":")
    return client_id, secret


def _check_grant(form: Mapping[str, str]) -> None:
    grant = form.get("grant_type")
    if not grant:
        raise _RefusedError("invalid_request", "The parameter grant_type is missing.")
    if grant != "client_credentials":
        raise _RefusedError("unsupported_grant_type", "Only client_credentials is served.")
    if set(form.get("scope", "").split()) - {SCOPE}:
        raise _RefusedError("invalid_scope", f"The only scope is {SCOPE}.")


def _refusal(refused: _RefusedError) -> Answer:
    headers = dict(_NOT_KEPT)
    if refused.error == "invalid_client":
        headers["www-authenticate"] = 'Basic realm="token", charset="UTF-8"'
    return json_answer(refused.status, {"error": refused.error, "error_description": refused.description}, headers)


def _same(sent: str, wanted: str) -> bool:
    return hmac.compare_digest(sent.encode(errors="surrogatepass"), wanted.encode(errors="surrogatepass"))
