"""Load is a weapon when it goes to somebody else: what is asked before, and how much is sent without being asked for.

Pure decisions. The command prints the sentence, asks, and stops where it may not go on.
"""

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from vapi_conformance.latency.schedules import ClosedLoop, OpenLoop, Schedule, Trace, capped

__all__ = ["DEFAULT_CAP", "QUIET_REQUESTS", "Consent", "consent_for", "is_loopback", "within_cap"]

DEFAULT_CAP: Final = 10_000
"""Requests of one bench, warm-up included, unless the user names another number. Each may cost money."""
QUIET_REQUESTS: Final = 20
"""Up to so many requests nobody is asked: somebody who tries an endpoint by hand sends as many."""


_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Whether somebody has to agree before the load is sent."""

    sentence: str
    """What will be sent to whom; empty where nobody needs to be told."""
    is_needed: bool
    """Whether to wait for a yes. Without anybody to ask, the command stops then and names `--yes`."""


def is_loopback(url: str) -> bool:
    """Whether the load stays on this machine, as far as the URL says: no name is looked up.

    `localhost` and names below it (RFC 6761, 6.3), and loopback addresses.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def within_cap(schedule: Schedule, cap: int | None) -> tuple[Schedule, str | None]:
    """The schedule with at most `cap` requests (None: `DEFAULT_CAP`), and what to say where that may end it early.

    A number of requests that the user asked for is a cap of its own: then the default does not apply. Raises UsageError
    where the warm-up would take all of them.
    """
    most = cap if cap is not None else DEFAULT_CAP
    if cap is None and schedule.requests is not None:
        return schedule, None
    limited = capped(schedule, most)
    if schedule.total is not None and schedule.total <= most:
        return limited, None
    by = "by default" if cap is None else "as asked for"
    return limited, f"at most {most:,} requests are sent, {by}; the bench ends there if its time is not over before"


def consent_for(url: str, schedule: Schedule, *, yes: bool) -> Consent:
    """What to tell before load goes to that URL, and whether to wait for an answer. yes: `--yes` was given."""
    if is_loopback(url):
        return Consent(sentence="", is_needed=False)
    total = schedule.total
    sentence = (
        f"This sends {_count(total)} to {_host(url)}, {_pace(schedule)}. Each is answered by a model, which may cost "
        "money, and the host may take it for an attack: make sure that its owner agrees."
    )
    is_small = total is not None and total <= QUIET_REQUESTS
    return Consent(sentence=sentence, is_needed=not yes and not is_small)


def _count(total: int | None) -> str:
    if total is None:
        return "requests until the time is over"
    return "1 request" if total == 1 else f"up to {total:,} requests"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "an unknown host"
    except ValueError:
        return "an unknown host"


def _pace(schedule: Schedule) -> str:
    span = "" if schedule.duration_ns is None else f" for {schedule.duration_ns / _NS_PER_S:g} s"
    match schedule:
        case ClosedLoop(streams=streams):
            return f"{streams:,} at once{span}" if streams > 1 else f"one after the other{span}"
        case OpenLoop(phases=phases):
            rate = max(max(phase.from_rate, phase.to_rate) for phase in phases)
            return f"up to {rate:g} a second{span}"
        case Trace():
            return f"at the times of the trace{span}"
