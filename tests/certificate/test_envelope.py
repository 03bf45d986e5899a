"""The envelope: signed by a library, checked by another, and taken in one spelling only."""

import base64
import json
import subprocess
from pathlib import Path
from shutil import which
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vapi_conformance.certificate.envelope import (
    MAX_ENVELOPE_BYTES,
    PAYLOAD_TYPE,
    EnvelopeError,
    SignatureError,
    encoded,
    envelope_in,
    key_id,
    opened,
    signed,
    taken_apart,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
STATEMENT = b'{"a":1}\n'

GONE = "(taken away)"


def envelope() -> dict[str, object]:
    return cast("dict[str, object]", json.loads(encoded(signed(STATEMENT, KEY))))


def signature_of(document: dict[str, object]) -> dict[str, object]:
    return cast("list[dict[str, object]]", document["signatures"])[0]


def refusal(document: object) -> str:
    with pytest.raises(EnvelopeError) as caught:
        opened(document, KEY.public_key())
    return str(caught.value)


class TestOpened:
    def test_gives_what_was_signed(self) -> None:
        assert STATEMENT == opened(envelope_in(encoded(signed(STATEMENT, KEY))), KEY.public_key())

    def test_form_is_that_of_dsse(self) -> None:
        document = envelope()
        assert ["payload", "payloadType", "signatures"] == list(document)
        assert ("application/vnd.in-toto+json", STATEMENT) == (
            document["payloadType"],
            base64.b64decode(str(document["payload"])),
        )
        assert key_id(KEY.public_key()) == signature_of(document)["keyid"]

    def test_another_key_is_told_by_its_id(self) -> None:
        with pytest.raises(SignatureError) as caught:
            opened(envelope(), OTHER.public_key())
        own, other = key_id(KEY.public_key())[:16], key_id(OTHER.public_key())[:16]
        assert f"the signature is of another key: it names {own}…, the key given is {other}…" == str(caught.value)

    def test_a_signature_of_another_key_under_this_name_is_refused(self) -> None:
        document = signed(STATEMENT, OTHER)
        signature_of(document)["keyid"] = key_id(KEY.public_key())
        assert "the signature does not match: the statement or the signature was changed" == refusal(document)

    def test_a_signature_of_the_bare_payload_is_refused(self) -> None:
        """What is signed is the payload with its type and lengths (PAE), so that it is taken for nothing else."""
        document = envelope()
        signature_of(document)["sig"] = base64.b64encode(KEY.sign(STATEMENT)).decode()
        assert refusal(document).startswith("the signature does not match")


class TestForm:
    @pytest.mark.parametrize(
        ("place", "value", "says"),
        [
            ("extra", 1, "the envelope is no DSSE envelope"),
            ("payload", GONE, "the envelope is no DSSE envelope"),
            ("payloadType", "text/plain", "the envelope holds no in-toto statement"),
            ("payloadType", None, "the envelope holds no in-toto statement"),
            ("signatures", {}, "the envelope has not exactly one signature"),
            ("signatures", [], "the envelope has not exactly one signature"),
            ("signatures", [1, 2], "the envelope has not exactly one signature"),
            ("signatures", [7], "the envelope's signature has other keys"),
            ("sig.more", 1, "the envelope's signature has other keys"),
            ("sig.keyid", GONE, "the envelope's signature has other keys"),
            ("sig.keyid", "", "the envelope's signature names no key"),
            ("sig.keyid", 7, "the envelope's signature names no key"),
            ("sig.sig", "AAAA", "the envelope's signature has 3 bytes"),
            ("sig.sig", "", "the envelope's signature has 0 bytes"),
            ("sig.sig", None, "the envelope's sig is no text"),
            ("payload", "e30", "the envelope's payload is not base64"),
            ("payload", "e30=\n", "the envelope's payload is not base64"),
            ("payload", "e3 0=", "the envelope's payload is not base64"),
            ("payload", "_-8=", "the envelope's payload is not base64"),
            ("payload", "é30=", "the envelope's payload is not base64"),
            ("payload", "e31=", "the envelope's payload is not base64 in its one form"),
        ],
    )
    def test_any_other_is_refused_with_its_place(self, place: str, value: object, says: str) -> None:
        document = envelope()
        name = place.removeprefix("sig.")
        record = document if name == place else signature_of(document)
        if value == GONE:
            del record[name]
        else:
            record[name] = value
        assert refusal(document).startswith(says)

    def test_two_signatures_are_one_too_many_even_where_both_hold(self) -> None:
        document = envelope()
        document["signatures"] = [signature_of(document)] * 2
        assert "the envelope has not exactly one signature: `signatures` has 2" == refusal(document)

    @pytest.mark.parametrize("document", [None, [], "x", 7])
    def test_what_is_no_object_is_refused(self, document: object) -> None:
        assert refusal(document).startswith("the envelope is no DSSE envelope")

    def test_nothing_is_verified_without_a_key(self) -> None:
        parts = taken_apart(signed(STATEMENT, OTHER))
        assert (STATEMENT, key_id(OTHER.public_key()), 64) == (parts.payload, parts.key_id, len(parts.signature))

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b'{"payload":"","payload":""}\n', "the envelope has the key 'payload' more than once in one object"),
            (json.dumps({"a": 1}).encode(), "the envelope is not in its canonical form (byte 5)"),
            (b"\x1b]0;owned\x07", "the envelope is not JSON"),
            (b"[" * 1_000_000, "the envelope is not JSON: nested more than 400 levels deep"),
            (b" " * (MAX_ENVELOPE_BYTES + 1), "the envelope is larger than 4 MiB"),
        ],
        ids=["twice", "blanks", "control", "deep", "large"],
    )
    def test_bytes_in_another_spelling_are_refused(self, content: bytes, says: str) -> None:
        with pytest.raises(EnvelopeError) as caught:
            envelope_in(content)
        assert str(caught.value).startswith(says)


class TestEveryBit:
    def test_of_the_file_counts(self) -> None:
        """One flipped bit anywhere: none is opened, and each has its sentence."""
        content = encoded(signed(STATEMENT, KEY))
        said: set[str] = set()
        for at in range(len(content) * 8):
            changed = bytearray(content)
            changed[at // 8] ^= 1 << at % 8
            with pytest.raises(EnvelopeError) as caught:
                opened(envelope_in(bytes(changed)), KEY.public_key())
            said.add(str(caught.value).split(":")[0].split(" (")[0])
        assert {"the signature does not match", "the signature is of another key"} < said
        assert all(each.startswith(("the envelope", "the signature")) for each in said)


class TestIndependently:
    @pytest.mark.skipif(which("openssl") is None, reason="the program openssl is not installed")
    def test_openssl_verifies_the_signature_of_the_bytes_that_dsse_prescribes(self, tmp_path: Path) -> None:
        """DSSE's protocol, written out: `DSSEv1 SP LEN(type) SP type SP LEN(body) SP body`; the rest is OpenSSL's."""
        document = envelope()
        kind = PAYLOAD_TYPE.encode()
        body = base64.b64decode(str(document["payload"]))
        (tmp_path / "pae").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body))
        (tmp_path / "sig").write_bytes(base64.b64decode(str(signature_of(document)["sig"])))
        (tmp_path / "pub").write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        command = [
            "openssl",
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            "pub",
            "-rawin",
            "-in",
            "pae",
            "-sigfile",
            "sig",
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert (0, b"Signature Verified Successfully\n") == (done.returncode, done.stdout)
        (tmp_path / "pae").write_bytes((tmp_path / "pae").read_bytes() + b" ")
        assert 0 != subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode
