"""The loop of one process: starts each shot on time, hands reads to connections, and watches itself."""

import contextlib
import gc
import heapq
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from vapi_conformance.latency.engine.clocks import offset_ns
from vapi_conformance.latency.engine.connection import Connection, Stream
from vapi_conformance.latency.engine.health import BEAT_NS, Health, Pulse
from vapi_conformance.latency.engine.origin import Origin
from vapi_conformance.latency.engine.poller import READABLE, WRITABLE, make_poller
from vapi_conformance.latency.engine.raw import NOT_SENT, TOO_LATE, Ending, Raw, Ticket
from vapi_conformance.latency.engine.shots import Settings
from vapi_conformance.latency.engine.tls import TlsConnection

__all__ = ["Loop"]

_NS_PER_S: Final = 1_000_000_000
_BEATS_PER_SWEEP: Final = 3
_BEATS_PER_SAMPLE: Final = 25
_STARTS_AT_ONCE: Final = 32
"""Then the sockets are looked at again, so that a burst does not keep answers waiting."""
_FREE_NS: Final = 15 * _NS_PER_S
"""A connection that nobody used for so long is closed, as the client does."""
_NEVER_NS: Final = 1 << 62


class Loop:
    """Single-threaded, but for `call`. `run` it once; several runs of shots may follow each other in it."""

    def __init__(self, settings: Settings, done: Callable[[Raw], None], *, most_streams: int) -> None:
        """done: takes each result, at once and without raising. most_streams: of this process."""
        self.empty_ns = time.monotonic_ns()
        self._settings = settings
        self._bounds = settings.bounds
        self.max_stream_bytes = self._bounds.max_body_bytes
        self._done = done
        self._most_streams = most_streams
        self._poller = make_poller()
        self._connections: dict[int, Connection] = {}
        self._readers: dict[int, Callable[[], None]] = {}
        self._free: dict[int, list[Connection]] = {}
        self._origins: list[Origin] = []
        self._due: list[Ticket] = []
        self._begin_ns = _NEVER_NS
        self._lanes: int | None = None
        self._streams = 0
        self._is_over = False
        self._is_stamped = True
        self._beats = 0
        self._has_collected = False
        self._offset_ns = offset_ns()
        self.pulse = Pulse()
        self._calls: deque[Callable[[], None]] = deque()
        self._waker, self._wakened = socket.socketpair()
        self._waker.setblocking(False)
        self._wakened.setblocking(False)
        self._lock = threading.Lock()
        self._poller.add(self._wakened.fileno(), READABLE)
        self._readers[self._wakened.fileno()] = self._awake

    # From outside

    def call(self, what: Callable[[], None]) -> None:
        """Lets the loop do it soon. From any thread; after the end nothing happens."""
        with self._lock:
            if self._is_over:
                return
            self._calls.append(what)
            with contextlib.suppress(BlockingIOError):  # then it is awake enough
                self._waker.send(b"!")

    def know(self, origins: Iterable[Origin]) -> None:
        """More origins, in the order in which tickets count them."""
        self._origins.extend(origins)

    def begin(self, begin_ns: int, lanes: int | None) -> None:
        """A run starts at that monotonic time. lanes: of a closed loop, streams at once; None: an open one."""
        self._begin_ns, self._lanes = begin_ns, lanes
        self._is_stamped = True
        self.pulse.start()

    def add(self, tickets: Iterable[Ticket]) -> None:
        """More shots of this run."""
        for ticket in tickets:
            heapq.heappush(self._due, ticket)

    def warm(self, origin: int, count: int) -> None:
        """Opens connections before anybody needs them."""
        for _ in range(count):
            self._connect(origin, None)

    def cancel(self) -> None:
        """No further shot starts, and what is under way is dropped without a result. The run is over."""
        self._due.clear()
        for connection in list(self._connections.values()):
            if connection.stream is not None:
                connection.stream = None
                connection.close()
        self._streams = 0
        self._begin_ns = _NEVER_NS

    def health(self, worker: int) -> Health:
        """Since `begin`."""
        return self.pulse.taken(worker=worker, clock="kernel" if self._is_stamped else "process")

    def stop(self) -> None:
        """`run` returns."""
        self._is_over = True

    # The loop

    def run(self) -> None:
        """Until `stop`. Garbage is collected only between streams: a pause would be in somebody's figure."""
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            self._run()
        finally:
            gc.enable()
            gc.unfreeze()
            self._close()

    def _run(self) -> None:
        next_beat_ns = time.monotonic_ns() + BEAT_NS
        poller, readers = self._poller, self._readers
        while not self._is_over:
            next_start_ns = self._start_due()
            # What is read now was not there when the list before this one was made.
            self.empty_ns = poller.looked_ns
            events = poller.wait(min(next_beat_ns, next_start_ns))
            for descriptor, mask in events:
                if mask == READABLE:
                    reader = readers.get(descriptor)
                    if reader is not None:
                        reader()
                else:
                    self._on_event(descriptor, mask)
            now_ns = time.monotonic_ns()
            if now_ns >= next_beat_ns:
                self._beat(now_ns, now_ns - next_beat_ns)
                next_beat_ns = time.monotonic_ns() + BEAT_NS

    def _on_event(self, descriptor: int, mask: int) -> None:
        connection = self._connections.get(descriptor)
        if connection is None:
            return
        if mask & WRITABLE:
            connection.on_writable()
        if mask & ~WRITABLE and connection.descriptor == descriptor and connection.connect_ns is not None:
            connection.on_readable()

    def _awake(self) -> None:
        try:
            self._wakened.recv(4096)
        except BlockingIOError:
            return
        while self._calls:
            self._calls.popleft()()

    def _start_due(self) -> int:
        """Starts what is due. Says when to look again."""
        due, lanes = self._due, self._lanes
        for _ in range(_STARTS_AT_ONCE):
            if not due:
                return _NEVER_NS
            at_ns = self._begin_ns + due[0].at_ns
            now_ns = time.monotonic_ns()
            if at_ns > now_ns:
                return at_ns
            if lanes is not None:
                if self._streams >= lanes:
                    return _NEVER_NS
                at_ns = now_ns
            self._start(Stream(heapq.heappop(due), at_ns))
        return 0

    def _start(self, stream: Stream) -> None:
        self._streams += 1
        until_ns = stream.ticket.until_ns
        if until_ns is not None and stream.intended_ns > self._begin_ns + until_ns:
            self._over(stream, "failed", TOO_LATE, connection=None)
            return
        if self._streams > self._most_streams:
            words = f"{NOT_SENT}{self._most_streams} streams of this process are under way"
            self._over(stream, "failed", words, connection=None)
            return
        free = self._free.get(stream.ticket.origin)
        if free:
            free.pop().send(stream)
        else:
            self._connect(stream.ticket.origin, stream)

    def _connect(self, number: int, stream: Stream | None) -> None:
        origin = self._origins[number]
        made = (TlsConnection if origin.context is not None else Connection)(self, origin, number, stream)
        made.open()

    # What connections say

    def watch(self, connection: Connection, mask: int) -> None:
        """As `Owner` says."""
        descriptor = connection.descriptor
        if descriptor in self._connections:
            self._poller.change(descriptor, mask)
        else:
            self._connections[descriptor] = connection
            self._poller.add(descriptor, mask)
        self._readers[descriptor] = connection.on_readable

    def forget(self, connection: Connection) -> None:
        """As `Owner` says."""
        if self._connections.pop(connection.descriptor, None) is not None:
            self._poller.remove(connection.descriptor)
            del self._readers[connection.descriptor]
        free = self._free.get(connection.number)
        if free and connection in free:
            free.remove(connection)

    def opened(self, connection: Connection) -> None:
        """As `Owner` says."""
        self._free.setdefault(connection.number, []).append(connection)

    def finished(self, connection: Connection, stream: Stream, ending: Ending, error: str | None) -> None:
        """As `Owner` says."""
        if stream.reads:  # a connection on which nothing came has read no clock
            self._is_stamped = self._is_stamped and connection.is_stamped
        if connection.is_open:
            if self._settings.keeps_alive:
                connection.free_since_ns = time.monotonic_ns()
                self.opened(connection)
            else:
                connection.close()
        self._over(stream, ending, error, connection=connection)

    def send_again(self, stream: Stream) -> None:
        """As `Owner` says."""
        stream.clear()
        stream.was_sent_again = True
        self._connect(stream.ticket.origin, stream)

    def _over(self, stream: Stream, ending: Ending, error: str | None, *, connection: Connection | None) -> None:
        self._streams -= 1
        is_reused = connection is not None and connection.answers > 1
        is_ours = connection is not None and not is_reused
        self._done(
            Raw(
                number=stream.ticket.number,
                intended_ns=stream.intended_ns,
                sent_ns=stream.sent_ns,
                ended_ns=time.monotonic_ns(),
                ending=ending,
                error=error,
                reads=stream.reads,
                dns_ns=connection.dns_ns if connection is not None and is_ours else None,
                connect_ns=connection.connect_ns if connection is not None and is_ours else None,
                tls_ns=connection.tls_ns if connection is not None and is_ours else None,
                is_reused=is_reused,
                was_sent_again=stream.was_sent_again,
                started_at_s=stream.started_at_s,
                offset_ns=self._offset_ns,
            )
        )

    # What comes back now and then

    def _beat(self, now_ns: int, late_ns: int) -> None:
        self.pulse.beat(late_ns)
        self._beats += 1
        if self._beats % _BEATS_PER_SWEEP == 0:
            self._sweep(now_ns)
        if self._beats % _BEATS_PER_SAMPLE == 0:
            self._offset_ns = offset_ns()
        if self._streams:
            self._has_collected = False
        elif not self._has_collected and (not self._due or self._begin_ns + self._due[0].at_ns > now_ns + _NS_PER_S):
            gc.collect()
            self._has_collected = True

    def _sweep(self, now_ns: int) -> None:
        """Ends what takes too long; a timer for each read would cost more than the read."""
        held_bytes = 0
        for connection in list(self._connections.values()):
            stream = connection.stream
            if stream is None:
                if now_ns - connection.free_since_ns > _FREE_NS:
                    connection.close()
                continue
            held_bytes += stream.size_bytes
            words = self._too_long(connection, stream, now_ns)
            if words is not None:
                connection.give_up(words)
        bounds = self._bounds
        is_tight = held_bytes > bounds.max_held_bytes
        self.max_stream_bytes = bounds.tight_body_bytes if is_tight else bounds.max_body_bytes

    def _too_long(self, connection: Connection, stream: Stream, now_ns: int) -> str | None:
        bounds = self._bounds
        if now_ns - stream.begun_ns > bounds.total_s * _NS_PER_S:
            return "the exchange took longer than its bound in total"
        if not connection.is_open:
            is_late = now_ns - stream.begun_ns > bounds.connect_s * _NS_PER_S
            return f"no connection within {bounds.connect_s:g} s" if is_late else None
        count = len(stream.reads)
        if count != stream.seen_reads:
            stream.seen_reads, stream.quiet_since_ns = count, now_ns
            return None
        allowed_s = bounds.idle_s if count else bounds.first_byte_s
        if stream.quiet_since_ns and now_ns - stream.quiet_since_ns > allowed_s * _NS_PER_S:
            return f"no byte for {allowed_s:g} s"
        return None

    def _close(self) -> None:
        with self._lock:
            self._is_over = True
            self._calls.clear()
        for connection in list(self._connections.values()):
            connection.stream = None
            connection.close()
        self._poller.close()
        self._waker.close()
        self._wakened.close()
