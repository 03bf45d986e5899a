"""The access tokens that the server has given out, and which of them are still in force."""

from __future__ import annotations

import hashlib
import secrets
import time
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MOST_TOKENS", "IssuedTokens", "Standing"]

MOST_TOKENS = 10_000


class Standing(Enum):
    """What a bearer token is to this server."""

    UNKNOWN = auto()
    IN_FORCE = auto()
    EXPIRED = auto()


class IssuedTokens:
    """Tokens by their digests: whoever reads this memory learns none. The oldest of too many are forgotten."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._ends_s: dict[bytes, float] = {}
        self._first_of: dict[bytes, bytes] = {}

    def issue(self, seconds: float) -> str:
        """A new token, in force for so long."""
        token = secrets.token_urlsafe(32)
        while len(self._ends_s) >= MOST_TOKENS:
            del self._ends_s[next(iter(self._ends_s))]
        self._ends_s[_digest(token)] = self._clock_s() + seconds
        return token

    def standing(self, token: str | None) -> Standing:
        """Of what a request carries as its bearer token."""
        ends_s = None if token is None else self._ends_s.get(_digest(token))
        if ends_s is None:
            return Standing.UNKNOWN
        return Standing.IN_FORCE if self._clock_s() < ends_s else Standing.EXPIRED

    def is_first_of(self, call_id: str, token: str) -> bool:
        """Whether the call has come with no other token before; for the fault that keeps a call to its first one."""
        key = _digest(call_id)
        while len(self._first_of) >= MOST_TOKENS:
            del self._first_of[next(iter(self._first_of))]
        return self._first_of.setdefault(key, _digest(token)) == _digest(token)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
