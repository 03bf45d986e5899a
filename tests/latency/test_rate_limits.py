"""What an endpoint that has enough asks for."""

import pytest

from latency.samples import answered
from vapi_conformance.exchange import Exchange, Header, Response
from vapi_conformance.latency.rate_limits import RateLimits, retry_after_s

NOON = (b"Date", b"Sun, 06 Nov 1994 12:00:00 GMT")


def refused(*headers: Header, status: int = 429) -> Exchange:
    return Exchange(request=answered().request, response=Response(status=status, headers=headers))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([(b"Retry-After", b"7")], 7),
        ([(b"retry-after", b" 0 ")], 0),
        ([(b"Retry-After", b"Sun, 06 Nov 1994 12:01:30 GMT"), NOON], 90),
        ([(b"Retry-After", b"Sun, 06 Nov 1994 11:00:00 GMT"), NOON], 0),
        ([(b"Retry-After", b"Sun, 06 Nov 1994 12:01:30 GMT")], None),
        ([(b"Retry-After", b"soon"), NOON], None),
        ([(b"Retry-After", b"-1")], None),
        ([(b"Retry-After", b"9" * 5000)], None),
        ([(b"Retry-After", "\u0667".encode())], None),
        ([(b"Retry-After", b"Sun, 99 Nov 99999999999999 12:01:30 +99999999"), NOON], None),
        ([], None),
    ],
)
def test_retry_after_is_read_as_the_standard_has_it(headers: list[Header], seconds: int | None) -> None:
    assert seconds == retry_after_s(Response(status=429, headers=tuple(headers)))


def test_the_longest_wait_counts() -> None:
    one, other = RateLimits(), RateLimits()
    for seconds in (b"2", b"20", b"soon"):
        one.take(refused((b"Retry-After", seconds)))
    other.take(refused())
    other.take(refused((b"Retry-After", b"99"), status=503))
    assert RateLimits(refused=1) == other
    other.absorb(one)
    assert RateLimits(refused=4, longest_wait_s=20) == other
