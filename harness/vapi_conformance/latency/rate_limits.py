"""Refusals because requests came too fast (RFC 6585, 4), and how long the endpoint asks to wait (RFC 9110, 10.2.3).

Nobody waits here: a load that slows down by itself would measure something that nobody asked for.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from vapi_conformance.exchange import Exchange, Response, header_values

__all__ = ["RateLimits", "retry_after_s"]

_SECONDS: Final = re.compile(r"[0-9]{1,9}")


@dataclass(slots=True, kw_only=True)
class RateLimits:
    """Of a load. Parts add up in any order."""

    refused: int = 0
    longest_wait_s: int | None = None
    """That was asked for; None where no refusal said how long."""

    def take(self, exchange: Exchange) -> None:
        """One more answer, whatever it is."""
        response = exchange.response
        if response is None or response.status != HTTPStatus.TOO_MANY_REQUESTS:
            return
        self.absorb(RateLimits(refused=1, longest_wait_s=retry_after_s(response)))

    def absorb(self, other: "RateLimits") -> None:
        """All of the other one."""
        self.refused += other.refused
        known = [each for each in (self.longest_wait_s, other.longest_wait_s) if each is not None]
        self.longest_wait_s = max(known, default=None)


def retry_after_s(response: Response) -> int | None:
    """Seconds to wait, as the response asks; None where it does not, or in no form that the standard has.

    A time of day counts from the response's own Date: what clock there is here does not matter then.
    """
    asked = next(iter(header_values(response.headers, "Retry-After")), "")
    if _SECONDS.fullmatch(asked):
        return int(asked)
    then, now = _time(asked), _time(next(iter(header_values(response.headers, "Date")), ""))
    return None if then is None or now is None else max(0, round((then - now).total_seconds()))


def _time(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
