"""One connection, and the stream on it. Reads are stamped before anything else is done with them.

The hot path is `on_readable`: one read, one look at the clock, one append, and httptools to know whether the answer is
over. What the bytes mean is found out in another process.
"""

import errno
import os
import socket
import time
from time import monotonic_ns
from typing import Final, Protocol

from vapi_conformance.latency.broken_http import endless_head
from vapi_conformance.latency.engine.clocks import ANCILLARY_BYTES, ask_for_stamps
from vapi_conformance.latency.engine.framing import Framing
from vapi_conformance.latency.engine.origin import Origin
from vapi_conformance.latency.engine.poller import READABLE, WRITABLE
from vapi_conformance.latency.engine.raw import Ending, RawRead, Ticket

__all__ = ["READ_BYTES", "Connection", "Owner", "Stream"]

READ_BYTES: Final = 32 * 1024
_READ_COST_BYTES: Final = 200
"""What a read takes in memory besides its bytes: an endpoint may send them one by one."""
_MAX_HEAD_BYTES: Final = 100 * 1024
"""As httpcore bounds it."""
_UNDER_WAY: Final = {0, errno.EINPROGRESS, errno.EWOULDBLOCK}


class Stream:
    """A shot under way."""

    __slots__ = (
        "begun_ns", "error", "intended_ns", "quiet_since_ns", "reads", "seen_reads", "sent_ns", "size_bytes",
        "started_at_s", "ticket", "was_sent_again",
    )  # fmt: skip

    def __init__(self, ticket: Ticket, intended_ns: int) -> None:
        """Not yet on a connection."""
        self.ticket = ticket
        self.intended_ns = intended_ns
        self.started_at_s = time.time()
        self.begun_ns = monotonic_ns()
        self.was_sent_again = False
        self.clear()

    def clear(self) -> None:
        """Nothing was sent."""
        self.sent_ns: int | None = None
        self.reads: list[RawRead] = []
        self.size_bytes = 0
        self.seen_reads = 0
        self.quiet_since_ns = 0


class Owner(Protocol):
    """What a connection needs of the loop it lives in."""

    empty_ns: int
    """When every socket without bytes was last known to have none."""
    max_stream_bytes: int

    def watch(self, connection: "Connection", mask: int) -> None:
        """Watch its socket, for what the mask says."""
        ...

    def forget(self, connection: "Connection") -> None:
        """Its socket is about to be closed."""
        ...

    def finished(self, connection: "Connection", stream: Stream, ending: Ending, error: str | None) -> None:
        """The stream is over; the connection is closed or free. Starts nothing on it before it returns."""
        ...

    def send_again(self, stream: Stream) -> None:
        """The kept-alive connection was dead before a byte came."""
        ...

    def opened(self, connection: "Connection") -> None:
        """It stands, and has no stream to send."""
        ...


class Connection:
    """Without TLS. Whatever an endpoint does ends in `Owner.finished` or `Owner.send_again`, never in an exception."""

    __slots__ = (
        "_address", "_framing", "_opened_ns", "_out", "_owner", "_socket", "answers", "connect_ns", "descriptor",
        "dns_ns", "free_since_ns", "is_open", "is_stamped", "number", "origin", "stream", "tls_ns",
    )  # fmt: skip

    def __init__(self, owner: Owner, origin: Origin, number: int, stream: Stream | None) -> None:
        """number: of the origin. stream: sent as soon as the connection stands. Nothing is opened before `open`."""
        self._owner = owner
        self.origin = origin
        self.number = number
        self.stream = stream
        self.is_stamped = False
        self.is_open = False
        self.answers = 0
        self.descriptor = -1
        self.dns_ns: int | None = None
        self.connect_ns: int | None = None
        self.tls_ns: int | None = None
        self.free_since_ns = 0
        self._socket: socket.socket | None = None
        self._address = 0
        self._opened_ns = 0
        self._out = memoryview(b"")
        self._framing = Framing()

    # Opening

    def open(self) -> None:
        """Tries the addresses of the origin in the resolver's order."""
        if self.origin.problem is not None:
            self._end("failed", self.origin.problem)
            return
        self.dns_ns = self.origin.take_dns_ns()
        self._try_address()

    def _try_address(self) -> None:
        family, address = self.origin.addresses[self._address]
        self._opened_ns = monotonic_ns()
        try:
            self._socket = socket.socket(family, socket.SOCK_STREAM)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.is_stamped = ask_for_stamps(self._socket)
            self.descriptor = self._socket.fileno()
            state = self._socket.connect_ex(address)
        except OSError as problem:
            self._not_connected(str(problem))
            return
        if state not in _UNDER_WAY and state != getattr(errno, "WSAEWOULDBLOCK", errno.EINPROGRESS):
            self._not_connected(f"[Errno {state}] {os.strerror(state)}")
            return
        self._owner.watch(self, WRITABLE)

    def _not_connected(self, words: str) -> None:
        self._address += 1
        if self._address < len(self.origin.addresses):
            self._close_socket()
            self._try_address()
        else:
            self._end("failed", words)

    def _connected(self, opened: socket.socket) -> None:
        state = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if state:
            self._not_connected(f"[Errno {state}] {os.strerror(state)}")
            return
        self.connect_ns = monotonic_ns() - self._opened_ns
        self._owner.watch(self, READABLE)
        self._greet()

    def _greet(self) -> None:
        """With TLS there is more to say before."""
        self._ready()

    def _ready(self) -> None:
        self.is_open = True
        self.free_since_ns = monotonic_ns()
        if self.stream is None:
            self._owner.opened(self)
        else:
            self._put(self.stream.ticket.wire)

    # Sending

    def send(self, stream: Stream) -> None:
        """On an open connection that has no stream."""
        self.stream = stream
        self._framing.renew()
        self._put(stream.ticket.wire)

    def _put(self, wire: bytes) -> None:
        self._out = memoryview(wire)
        self._push()

    def _push(self) -> None:
        """As much as the kernel takes. The clock is read before the call: what delays us in it is on our account."""
        if self._socket is None:
            return
        stream = self.stream
        while len(self._out):
            now_ns = monotonic_ns()
            try:
                taken = self._socket.send(self._out)
            except (BlockingIOError, InterruptedError):
                self._owner.watch(self, READABLE | WRITABLE)
                return
            except OSError as problem:
                self._broken(str(problem))
                return
            self._out = self._out[taken:]
            if stream is not None and self.is_open:
                stream.sent_ns = stream.quiet_since_ns = now_ns

    def on_writable(self) -> None:
        """The connection stands, or there is room for more."""
        if self._socket is None:
            return
        if self.connect_ns is None:
            self._connected(self._socket)
            return
        self._owner.watch(self, READABLE)
        self._push()

    # Reading

    def on_readable(self) -> None:
        """One socket read."""
        read = self._read()
        if read is None:
            return
        if read[3]:
            self._take(read)
        else:
            self._closed_by_peer()

    def _read(self) -> RawRead | None:
        """None where there is nothing, and where what happened has been dealt with."""
        if self._socket is None:
            return None
        try:
            if self.is_stamped:
                data, ancillary, _, _ = self._socket.recvmsg(READ_BYTES, ANCILLARY_BYTES)
                now_ns = monotonic_ns()
                return (now_ns, self._owner.empty_ns, ancillary[0][2] if ancillary else None, data)
            data = self._socket.recv(READ_BYTES)
            now_ns = monotonic_ns()
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as problem:
            if self.connect_ns is None:
                self._not_connected(str(problem))
            else:
                self._broken(str(problem))
            return None
        return (now_ns, self._owner.empty_ns, None, data)

    def _take(self, read: RawRead) -> None:
        stream = self.stream
        if stream is None:
            # Nobody asked for anything.
            self.close()
            return
        stream.reads.append(read)
        size_bytes = stream.size_bytes = stream.size_bytes + len(read[3]) + _READ_COST_BYTES
        framing = self._framing
        problem = framing.feed(read[3])
        if framing.is_over:
            self._end("complete", None)
        elif problem is not None:
            self._end("no http", problem)
        elif not framing.has_head:
            if size_bytes > _MAX_HEAD_BYTES:
                self._end("no http", endless_head(_MAX_HEAD_BYTES, interim=framing.interim))
        elif size_bytes > self._owner.max_stream_bytes:
            self._end("bound", f"more than {self._owner.max_stream_bytes} bytes in one answer, its framing included")

    # Ending

    def _closed_by_peer(self) -> None:
        self._gone("closed", "the endpoint closed the connection")

    def _broken(self, words: str) -> None:
        self._gone("failed", words)

    def _gone(self, ending: Ending, words: str) -> None:
        """As Node's agent does, a request is sent again when a kept-alive connection turns out to be dead."""
        stream = self.stream
        if stream is not None and self.answers and not stream.reads and not stream.was_sent_again:
            self.stream = None
            self.close()
            self._owner.send_again(stream)
        else:
            self._end(ending, words)

    def give_up(self, words: str) -> None:
        """The stream took too long."""
        self._end("timed out", words)

    def _end(self, ending: Ending, error: str | None) -> None:
        stream, self.stream = self.stream, None
        framing = self._framing
        stays = ending == "complete" and framing.keeps_alive and not framing.has_more and not len(self._out)
        self.answers += 1
        if not stays:
            self.close()
        if stream is not None:
            self._owner.finished(self, stream, ending, error)

    def close(self) -> None:
        """Closes the socket; a stream on it is nobody's any more."""
        self.is_open = False
        self._close_socket()
        self._framing.release()

    def _close_socket(self) -> None:
        if self._socket is not None:
            if self.descriptor >= 0:
                self._owner.forget(self)
            self._socket.close()
            self._socket = None
            self.descriptor = -1
