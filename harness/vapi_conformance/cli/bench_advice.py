"""One sentence on what to change, where an endpoint turns requests away: what a count of errors does not say."""

from typing import Final

from vapi_conformance.endpoint import Opened
from vapi_conformance.exchange import End
from vapi_conformance.latency.rate_limits import RateLimits
from vapi_conformance.latency.running import Course
from vapi_conformance.problems import Problem
from vapi_conformance.suite import be_sure_of

__all__ = ["advice"]

_LESS: Final = "send less with a lower --rate or --concurrency, or ask its owner for a higher limit"


def advice(course: Course, live: Opened) -> str | None:
    """None where nothing is known that would help."""
    return _wrong_set_up(course, live) or _rate_limit(course.rate_limits)


def _wrong_set_up(course: Course, live: Opened) -> str | None:
    """Where the first failure shows that it is."""
    failure = course.first_failure
    was_answered = course.tally.requests > course.tally.error_count
    if failure is None or (failure.exchange.response is None and was_answered):
        return None
    try:
        be_sure_of(failure.exchange, has_key=live.has_key)
    except Problem as problem:
        longer_s = live.client.limits.idle_s - live.conditions.timeout_s
        is_silence = failure.exchange.end is End.TIMED_OUT and (failure.exchange.error or "").startswith("no byte")
        more = f" (--timeout and {longer_s:g} s more, so that its breach is seen)" if is_silence else ""
        return f"{problem}{more}"
    return None


def _rate_limit(limits: RateLimits) -> str | None:
    if not limits.refused:
        return None
    asked = "said nothing of how long to wait (no Retry-After)"
    if limits.longest_wait_s is not None:
        asked = f"asked to wait for up to {limits.longest_wait_s:,} s before the next (Retry-After)"
    times = "once" if limits.refused == 1 else f"{limits.refused:,} times"
    return f"the endpoint limits its rate: it refused {times} with status 429 and {asked}; {_LESS}"
