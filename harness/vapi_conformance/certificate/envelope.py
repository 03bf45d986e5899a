"""The envelope around a statement: DSSE, one Ed25519 signature, one spelling.

securesystemslib signs and verifies. What it lets pass, because it serves others, is refused here before it is asked:
base64 in two alphabets or with loose last bits, further signatures, further keys, a signature that names no key or
another one. So whatever bit of the file is changed, something says so.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import (  # the documented place, though the package does not mark what it re-exports
    CryptoSigner,  # pyright: ignore[reportPrivateImportUsage] - see above
    Signature,  # pyright: ignore[reportPrivateImportUsage] - see above
    SSlibKey,  # pyright: ignore[reportPrivateImportUsage] - see above
)

from vapi_conformance.certificate.canonical import canonical_json
from vapi_conformance.certificate.strict import NotCanonical, from_canonical
from vapi_conformance.narrow import array_or_none, object_or_none, string_or_none
from vapi_conformance.problems import UsageError

__all__ = [
    "MAX_ENVELOPE_BYTES",
    "PAYLOAD_TYPE",
    "EnvelopeError",
    "SignatureError",
    "Signed",
    "encoded",
    "envelope_in",
    "key_id",
    "opened",
    "signed",
    "taken_apart",
]

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
"""As in-toto's attestation framework names its statements in a DSSE envelope."""
MAX_ENVELOPE_BYTES: Final = 4 * 1024 * 1024
"""Six hundred rules by name, each with a sentence, take less than a tenth of that."""

_KEYS: Final = ["payload", "payloadType", "signatures"]
_SIGNATURE_KEYS: Final = ["keyid", "sig"]
_KEY_ID: Final = re.compile(r"[0-9a-f]{64}")
_SIGNATURE_BYTES: Final = 64


class EnvelopeError(UsageError):
    """Not the envelope of a certificate. One sentence that names the place."""


class SignatureError(EnvelopeError):
    """Not signed by that key, or not as it stands there. One sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """An envelope of the right form. Nothing in it is known to be true before the signature is verified."""

    payload: bytes
    key_id: str
    """Which key is said to have signed; anybody can write that."""
    signature: bytes


def key_id(key: Ed25519PublicKey) -> str:
    """How a signature names its key: securesystemslib's digest of it, 64 hexadecimal digits."""
    return SSlibKey.from_crypto(key).keyid


def signed(statement: bytes, key: Ed25519PrivateKey) -> dict[str, object]:
    """The envelope as a JSON document; `encoded` makes a file of it."""
    envelope = Envelope(statement, PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key))
    to_dict = cast("Callable[[], dict[str, object]]", envelope.to_dict)  # pyright: ignore[reportUnknownMemberType] - `dict` without its types
    return to_dict()


def encoded(document: Mapping[str, object]) -> bytes:
    """The bytes of `certificate.json`."""
    return canonical_json(document)


def envelope_in(content: bytes) -> object:
    """The document in a certificate's bytes. Raises EnvelopeError for any other spelling of it."""
    if len(content) > MAX_ENVELOPE_BYTES:
        raise EnvelopeError(f"the envelope is larger than {MAX_ENVELOPE_BYTES // 1024 // 1024} MiB")
    try:
        return from_canonical(content)
    except NotCanonical as problem:
        raise EnvelopeError(f"the envelope {problem}") from None


def taken_apart(document: object) -> Signed:
    """Checks the form of an envelope, and no signature. Raises EnvelopeError."""
    record = object_or_none(document)
    if record is None or sorted(record) != _KEYS:
        raise EnvelopeError("the envelope is no DSSE envelope: it has other keys than payload, payloadType, signatures")
    if record["payloadType"] != PAYLOAD_TYPE:
        raise EnvelopeError(f"the envelope holds no in-toto statement: its payloadType is not {PAYLOAD_TYPE}")
    signatures = array_or_none(record["signatures"])
    if signatures is None or len(signatures) != 1:
        told = "is no list" if signatures is None else f"has {len(signatures)}"
        raise EnvelopeError(f"the envelope has not exactly one signature: `signatures` {told}")
    signature = object_or_none(signatures[0])
    if signature is None or sorted(signature) != _SIGNATURE_KEYS:
        raise EnvelopeError("the envelope's signature has other keys than keyid and sig")
    identifier = string_or_none(signature["keyid"])
    if identifier is None or not _KEY_ID.fullmatch(identifier):
        raise EnvelopeError("the envelope's signature names no key: keyid is not 64 hexadecimal digits")
    decoded = _decoded(signature["sig"], "sig")
    if len(decoded) != _SIGNATURE_BYTES:
        raise EnvelopeError(f"the envelope's signature has {len(decoded)} bytes; one of Ed25519 has {_SIGNATURE_BYTES}")
    return Signed(payload=_decoded(record["payload"], "payload"), key_id=identifier, signature=decoded)


def opened(document: object, public_key: Ed25519PublicKey) -> bytes:
    """The statement's bytes, known to be signed by that key. Raises EnvelopeError, or SignatureError."""
    parts = taken_apart(document)
    trusted = SSlibKey.from_crypto(public_key)
    if parts.key_id != trusted.keyid:
        raise SignatureError(
            f"the signature is of another key: it names {parts.key_id[:16]}…, the key given is {trusted.keyid[:16]}…"
        )
    envelope = Envelope(parts.payload, PAYLOAD_TYPE, {parts.key_id: Signature(parts.key_id, parts.signature.hex())})
    try:
        envelope.verify([trusted], threshold=1)
    except (UnverifiedSignatureError, VerificationError):
        raise SignatureError("the signature does not match: the statement or the signature was changed") from None
    return parts.payload


def _decoded(value: object, name: str) -> bytes:
    """Base64 of the standard alphabet, padded, with nothing left over: the one text that stands for these bytes."""
    text = string_or_none(value)
    if text is None:
        raise EnvelopeError(f"the envelope's {name} is no text")
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise EnvelopeError(f"the envelope's {name} is not base64") from None
    if base64.b64encode(content).decode("ascii") != text:
        raise EnvelopeError(f"the envelope's {name} is not base64 in its one form (its last bits are loose)")
    return content
