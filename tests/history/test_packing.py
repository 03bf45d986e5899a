"""Documents as bytes: small, and the same again or not at all."""

import json
import zlib
from hashlib import sha256

import pytest

from vapi_conformance.history.packing import MOST_BYTES, DamagedError, pack, unpack

DOCUMENT: dict[str, object] = {"words": ["\ud800\u202e\x00", 1.5, None, True], "more": "x" * 10_000}


def test_a_document_comes_back() -> None:
    packed = pack(DOCUMENT)
    assert DOCUMENT == unpack(packed.data, digest=packed.digest)


def test_repetition_costs_little() -> None:
    assert len(pack(DOCUMENT).data) * 10 < pack(DOCUMENT).size_bytes


def test_any_flipped_bit_is_found() -> None:
    packed = pack({"a": "b"})
    for at in range(len(packed.data)):
        for bit in range(8):
            broken = bytearray(packed.data)
            broken[at] ^= 1 << bit
            try:
                assert {"a": "b"} == unpack(bytes(broken), digest=packed.digest)  # a bit of the head means nothing
            except DamagedError:
                continue


def test_a_part_is_told() -> None:
    packed = pack(DOCUMENT)
    with pytest.raises(DamagedError, match="digest differs"):
        unpack(packed.data[:-20], digest=packed.digest)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compress(b"0" * (MOST_BYTES + 1))
    with pytest.raises(DamagedError, match="is larger than 64 MiB"):
        unpack(bomb, digest="")


@pytest.mark.parametrize("text", [b"[1]", b"{", b"[" * 100_000, b"\xff"], ids=["array", "cut", "deep", "no text"])
def test_something_else_with_the_right_digest_is_told(text: bytes) -> None:
    with pytest.raises(DamagedError, match="is no JSON"):
        unpack(zlib.compress(text), digest=sha256(text).hexdigest())


def test_the_digest_is_of_the_json() -> None:
    packed = pack({"a": 1})
    assert sha256(json.dumps({"a": 1}, separators=(",", ":")).encode()).hexdigest() == packed.digest
