"""One way to write a JSON value as bytes, so that the same value always has the same digest."""

import hashlib
import json

__all__ = ["canonical_json", "digest_of", "sha256_hex"]


def canonical_json(value: object) -> bytes:
    """Keys sorted, no blanks, UTF-8, one line break at the end.

    Half of a surrogate pair, which UTF-8 cannot carry, is written as JSON's escape for it. Raises ValueError for NaN
    and the infinite numbers, which JSON does not have.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode(errors="backslashreplace") + b"\n"


def sha256_hex(content: bytes) -> str:
    """Sixty-four digits."""
    return hashlib.sha256(content).hexdigest()


def digest_of(value: object) -> str:
    """Of the canonical JSON, as documents spell it: `sha256:` and the digits."""
    return f"sha256:{sha256_hex(canonical_json(value))}"
