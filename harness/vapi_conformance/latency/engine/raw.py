"""What a worker hands over: the bytes as they came and their times, not yet understood."""

from typing import Final, Literal, NamedTuple

__all__ = ["NOT_SENT", "TOO_LATE", "Ending", "Raw", "RawRead", "Ticket"]

NOT_SENT: Final = "not sent: "
"""How the error of a shot begins that was kept back by the client itself."""
TOO_LATE: Final = NOT_SENT + "its time was over"
"""The error of a shot that nobody had time for."""

Ending = Literal["complete", "closed", "failed", "no http", "timed out", "bound"]
"""complete: the last byte of the message came. closed: the endpoint closed before. failed: the connection broke, or
was never made. no http: what came is not. timed out, bound: we closed."""

RawRead = tuple[int, int, bytes | None, bytes]
"""Just after the socket read; when the socket was last known to be empty; the kernel's stamp; the bytes."""


class Ticket(NamedTuple):
    """A shot as a worker sees it: no more than it needs."""

    at_ns: int
    number: int
    origin: int
    """Index among the origins that the worker was told."""
    wire: bytes
    until_ns: int | None = None
    """Later than that it is not sent at all. None: however late."""


class Raw(NamedTuple):
    """One shot, over. A tuple, because thousands of them go through a pipe each second. Times are monotonic."""

    number: int
    intended_ns: int
    sent_ns: int | None
    ended_ns: int
    ending: Ending
    error: str | None
    reads: list[RawRead]
    dns_ns: int | None
    connect_ns: int | None
    tls_ns: int | None
    is_reused: bool
    was_sent_again: bool
    started_at_s: float
    offset_ns: int
    """Realtime minus monotonic clock."""
