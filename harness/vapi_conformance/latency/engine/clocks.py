"""When bytes arrived: the kernel's word where it can be had, bounded on both sides by our own clock.

A process that reads a socket late calls the bytes late. Linux stamps each packet when it enters the stack
(SO_TIMESTAMPNS, socket(7)) and hands the stamp over with the bytes, so our own delay is not in it. For TCP the stamp is
that of the newest packet in the read: bytes that lay there until the next packet came are called as late as that one,
which only happens where we are later than the endpoint's next chunk. Three things could make it wrong, and the two
bounds take care of each:

* the realtime clock, which stamps, is set: then the stamp leaves the interval below;
* a packet that came early waited for a lost one before it: its stamp is older than the moment at which the bytes could
  be read. But they could not be read when the loop last asked, so that moment is a lower bound;
* the interface or the platform gives none: then the moment just after the read stands.

So an arrival is never earlier than the last time the socket was seen empty and never later than the read.
"""

import socket
import struct
import sys
import time
from typing import Final, Literal

__all__ = ["ANCILLARY_BYTES", "Clock", "arrived_ns", "ask_for_stamps", "offset_ns"]

Clock = Literal["kernel", "process"]
"""Who stamped: the kernel as the packet came in, or this process after it had read."""

_SO_TIMESTAMPNS: Final = 35
_STAMP: Final = struct.Struct("=qq")
_NS_PER_S: Final = 1_000_000_000
_TRIES: Final = 5

ANCILLARY_BYTES: Final = 64
"""Room for one stamp and its header."""


def ask_for_stamps(connection: socket.socket) -> bool:
    """Whether the kernel will stamp what this socket reads."""
    if sys.platform != "linux":
        return False
    try:
        connection.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def offset_ns() -> int:
    """Realtime minus monotonic clock. The two are slewed together and differ by a constant until one is set."""
    tries: list[tuple[int, int]] = []
    for _ in range(_TRIES):
        before_ns = time.monotonic_ns()
        realtime_ns = time.time_ns()
        after_ns = time.monotonic_ns()
        tries.append((after_ns - before_ns, realtime_ns - (before_ns + after_ns) // 2))
    return min(tries)[1]


def arrived_ns(*, read_ns: int, empty_ns: int, stamp: bytes | None, offset_ns: int) -> int:
    """Monotonic time at which the bytes of a read were there. stamp: as the kernel wrote it; None where it did not."""
    if stamp is None or len(stamp) != _STAMP.size:
        return read_ns
    seconds, nanoseconds = _STAMP.unpack(stamp)
    stamped_ns: int = seconds * _NS_PER_S + nanoseconds - offset_ns
    return min(max(stamped_ns, empty_ns), read_ns)
