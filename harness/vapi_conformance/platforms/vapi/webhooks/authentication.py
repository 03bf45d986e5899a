"""How Vapi says that a server message is its own (its page on server authentication; OpenAPI of 2026-08-20).

* `server.secret`: sent as it is in `X-Vapi-Secret` (seen live in 26 of 26 messages, with no signature beside it);
* bearer: a token in a header of any name, with or without `Bearer ` before it;
* HMAC: a signature over a text of the body and, unless switched off, a time.

Inferred, because no document says it: that the time is in whole seconds since 1970, that a prefix stands directly
before the signature, and that `{url}` is the whole URL.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from uuid import UUID

__all__ = ["Bearer", "Hmac", "Secret", "WebhookAuth"]

_SECRET_HEADER: Final = "X-Vapi-Secret"  # noqa: S105 - a header's name
_PLACE: Final = re.compile(r"\{(body|timestamp|method|url|svix-id)\}")

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Secret:
    """`server.secret`."""

    secret: str = field(repr=False)

    def headers(self, body: bytes, *, url: str, at_s: int) -> Fields:  # noqa: ARG002 - as Hmac's
        """The header fields of one message."""
        return ((_SECRET_HEADER, self.secret),)

    def with_key(self, key: str) -> "Secret":
        """The same with another key."""
        return Secret(key)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any record."""
        return (self.secret,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """A bearer credential."""

    token: str = field(repr=False)
    header: str = "Authorization"
    has_prefix: bool = True

    def headers(self, body: bytes, *, url: str, at_s: int) -> Fields:  # noqa: ARG002 - as Hmac's
        """The header fields of one message."""
        return ((self.header, f"Bearer {self.token}" if self.has_prefix else self.token),)

    def with_key(self, key: str) -> "Bearer":
        """The same with another key."""
        return replace(self, token=key)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any record."""
        return (self.token,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hmac:
    """An HMAC credential; the defaults are those of Vapi's OpenAPI."""

    key: str = field(repr=False)
    algorithm: Literal["sha256", "sha512", "sha1"] = "sha256"
    signature_header: str = "x-signature"
    timestamp_header: str = "x-timestamp"
    prefix: str = ""
    includes_timestamp: bool = True
    payload_format: str = "{timestamp}.{body}"
    message_id_header: str | None = None
    encoding: Literal["hex", "base64"] = "hex"
    key_is_base64: bool = False

    def headers(self, body: bytes, *, url: str, at_s: int) -> Fields:
        """The header fields of one message. at_s: seconds since 1970."""
        message_id = f"msg_{UUID(bytes=hmac.digest(b'id', body, 'sha256')[:16]).hex}"
        values = {
            "body": body,
            "timestamp": str(at_s).encode(),
            "method": b"POST",
            "url": url.encode(),
            "svix-id": message_id.encode(),
        }
        digest = hmac.digest(self._key, self._payload(values), self.algorithm)
        signature = digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode()
        fields = [(self.signature_header, self.prefix + signature)]
        if self.includes_timestamp:
            fields.append((self.timestamp_header, str(at_s)))
        if self.message_id_header is not None:
            fields.append((self.message_id_header, message_id))
        return tuple(fields)

    def with_key(self, key: str) -> "Hmac":
        """The same with another key."""
        return replace(self, key=key, key_is_base64=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any record. It is never sent: only a signature is."""
        return (self.key,)

    @property
    def _key(self) -> bytes:
        """Raises ValueError for a key that is said to be base64 and is none."""
        if not self.key_is_base64:
            return self.key.encode()
        try:
            return base64.b64decode(self.key, validate=True)
        except binascii.Error as problem:
            raise ValueError("the HMAC key is no base64") from problem

    def _payload(self, values: Mapping[str, bytes]) -> bytes:
        """The format with each place filled; without a timestamp, the body alone where nobody says otherwise."""
        text = self.payload_format
        if not self.includes_timestamp and text == "{timestamp}.{body}":
            text = "{body}"
        parts: Sequence[str] = _PLACE.split(text)
        return b"".join(values[part] if number % 2 else part.encode() for number, part in enumerate(parts))


WebhookAuth = Secret | Bearer | Hmac
