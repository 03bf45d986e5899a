"""A server that knows the truth: each chunk carries the time at which it was handed to the kernel.

On one machine all processes share the monotonic clock, so what a client says minus what a chunk says is the client's
error. Runs in a process of its own and on loopback only. The query of a request says what is wanted:
`?chunks=50&first_us=100000&gap_us=20000`. Behind TLS a chunk is stamped before it is encrypted.
"""

import heapq
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

from vapi_conformance.latency.engine.clocks import ANCILLARY_BYTES, arrived_ns, ask_for_stamps, offset_ns
from vapi_conformance.latency.engine.poller import READABLE, make_poller
from vapi_conformance.problems import TransportError

__all__ = ["Pace", "Stamp", "StampingServer", "main", "stamps_in"]

_US: Final = 1000
_IDLE_NS: Final = 500_000_000
_READ_BYTES: Final = 64 * 1024
_MAX_REQUEST_BYTES: Final = 16 * 1024 * 1024
_AT_ONCE: Final = 64
"""Chunks sent before the sockets are looked at again."""
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_EVENT: Final = (
    b'data: {"id":"chatcmpl-stamped","object":"chat.completion.chunk","created":1700000000,"model":"stamped",'
    b'"choices":[{"index":0,"delta":{%s},"logprobs":null,"finish_reason":%s}]}\n\n'
)
_STAMPED: Final = b'%s"content":"t%d %d "'
_STAMP: Final = re.compile(rb'"content":"t(\d{1,19}) (\d{1,19}) "')
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})\r\n", re.IGNORECASE)
_END: Final = _EVENT % (b"", b'"stop"') + b"data: [DONE]\n\n"
_BLANK_LINE: Final = b"\r\n\r\n"
_GOODBYE_S: Final = 5.0
_MOST: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When the chunks of one answer are sent."""

    chunks: int = 50
    first_ns: int = 100_000_000
    """From the arrival of the request's last byte to the first chunk."""
    gap_ns: int = 20_000_000
    """From each chunk's due time to the next one's."""

    @property
    def query(self) -> str:
        """To be put behind the URL."""
        return f"chunks={self.chunks}&first_us={self.first_ns // _US}&gap_us={self.gap_ns // _US}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a chunk says of itself, in monotonic nanoseconds of this machine."""

    sent_ns: int
    request_ns: int
    """When the request's last byte had arrived."""


def stamps_in(data: bytes) -> tuple[Stamp, ...]:
    """Of all whole chunks in the bytes, in order."""
    return tuple(Stamp(sent_ns=int(sent), request_ns=int(request)) for sent, request in _STAMP.findall(data))


class StampingServer:
    """The server in another process, for as long as the `with` lasts."""

    def __init__(self, *, certificate: Path | None = None) -> None:
        """Nothing is started yet. certificate: with its key, for 127.0.0.1; None: without TLS."""
        self._certificate = certificate
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        """Returns when it listens. Raises TransportError where it does not come up."""
        certificate = [] if self._certificate is None else [str(self._certificate)]
        self._process = subprocess.Popen(  # noqa: S603 - this program, and a file of the caller's
            [sys.executable, "-P", "-m", "vapi_conformance.latency.stamping_server", *certificate],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.strip().isdigit():
            self.__exit__(None, None, None)
            raise TransportError("the stamping server did not start")
        self._port = int(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return
        process.stdin.close()
        try:
            process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return self._port

    @property
    def process_id(self) -> int | None:
        """None before it is started."""
        return None if self._process is None else self._process.pid

    def url(self, pace: Pace) -> str:
        """Answers any request there by that pace."""
        scheme = "http" if self._certificate is None else "https"
        return f"{scheme}://127.0.0.1:{self._port}/v1/chat/completions?{pace.query}"


class _Tls:
    """Of one connection, in memory."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_open = False

    def opened(self, data: bytes) -> tuple[bytes, bytes]:
        """What was in it, and what TLS itself answers. Raises SSLError."""
        self._incoming.write(data)
        pieces: list[bytes] = []
        try:
            if not self._is_open:
                self._tls.do_handshake()
                self._is_open = True
            while piece := self._tls.read(_READ_BYTES):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        return b"".join(pieces), self._outgoing.read()

    def sealed(self, data: bytes) -> bytes:
        """As it goes out. Raises SSLError."""
        self._tls.write(data)
        return self._outgoing.read()


@dataclass(slots=True, eq=False)
class _Caller:
    """One connection."""

    socket: socket.socket
    is_stamped: bool
    tls: _Tls | None
    received: bytearray = field(default_factory=bytearray)
    needed_bytes: int | None = None
    pace: Pace | None = None
    """None while no answer is under way."""
    request_ns: int = 0
    sent: int = 0


class _Server:
    def __init__(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        self._listener = listener
        self._context = context
        self._poller = make_poller()
        self._callers: dict[int, _Caller] = {}
        self._due: list[tuple[int, int, _Caller]] = []
        self._order = count()
        self._offset_ns = offset_ns()
        self._empty_ns = self._poller.looked_ns
        self._poller.add(listener.fileno(), READABLE)
        self._poller.add(sys.stdin.fileno(), READABLE)

    def run(self) -> None:
        """Until standard input ends."""
        while True:
            until_ns = self._due[0][0] if self._due else time.monotonic_ns() + _IDLE_NS
            self._empty_ns = self._poller.looked_ns
            events = self._poller.wait(until_ns)
            if not events and not self._due:
                self._offset_ns = offset_ns()
            for descriptor, _ in events:
                if descriptor == self._listener.fileno():
                    self._accept()
                elif descriptor == sys.stdin.fileno():
                    if not os.read(descriptor, _READ_BYTES):
                        return
                elif (caller := self._callers.get(descriptor)) is not None:
                    self._read(caller)
            for _ in range(_AT_ONCE):
                if not self._due or self._due[0][0] > time.monotonic_ns():
                    break
                self._say(*self._due[0])

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            tls = None if self._context is None else _Tls(self._context)
            self._callers[accepted.fileno()] = _Caller(accepted, ask_for_stamps(accepted), tls)
            self._poller.add(accepted.fileno(), READABLE)

    def _read(self, caller: _Caller) -> None:
        stamp = None
        try:
            if caller.is_stamped:
                data, ancillary, _, _ = caller.socket.recvmsg(_READ_BYTES, ANCILLARY_BYTES)
                stamp = ancillary[0][2] if ancillary else None
            else:
                data = caller.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        read_ns = time.monotonic_ns()
        if data and caller.tls is not None:
            inside = self._opened(caller, caller.tls, data)
            if inside is None:
                return
            data = inside
        caller.received += data
        if not data or caller.pace is not None or len(caller.received) > _MAX_REQUEST_BYTES:
            self._close(caller)
            return
        if caller.needed_bytes is None and (end := caller.received.find(_BLANK_LINE)) >= 0:
            head_bytes = end + len(_BLANK_LINE)
            length = _LENGTH.search(caller.received, 0, head_bytes)
            caller.needed_bytes = head_bytes + (int(length[1]) if length else 0)
        if caller.needed_bytes is not None and len(caller.received) >= caller.needed_bytes:
            arrived = arrived_ns(read_ns=read_ns, empty_ns=self._empty_ns, stamp=stamp, offset_ns=self._offset_ns)
            self._begin(caller, arrived)

    def _opened(self, caller: _Caller, tls: _Tls, data: bytes) -> bytes | None:
        """What was in it; None where that is nothing yet, and empty where it is no TLS or the end of it."""
        try:
            inside, answer = tls.opened(data)
        except ssl.SSLError:
            return b""
        if answer and not self._send(caller, answer):
            return None
        return inside or None

    def _begin(self, caller: _Caller, request_ns: int) -> None:
        caller.pace = _asked(bytes(caller.received[:_READ_BYTES]))
        caller.request_ns, caller.sent, caller.needed_bytes = request_ns, 0, None
        caller.received.clear()
        if self._put(caller, _HEAD):
            heapq.heappush(self._due, (request_ns + caller.pace.first_ns, next(self._order), caller))

    def _say(self, due_ns: int, order: int, caller: _Caller) -> None:
        pace = caller.pace
        if pace is None:
            heapq.heappop(self._due)
            return
        if caller.sent < pace.chunks:
            caller.sent += 1
            heapq.heapreplace(self._due, (due_ns + pace.gap_ns, order, caller))
            role = b'"role":"assistant",' if caller.sent == 1 else b""
            event = _EVENT % (_STAMPED % (role, time.monotonic_ns(), caller.request_ns), b"null")
            self._put(caller, b"%x\r\n%s\r\n" % (len(event), event))
        else:
            heapq.heappop(self._due)
            caller.pace = None
            self._put(caller, b"%x\r\n%s\r\n0\r\n\r\n" % (len(_END), _END))

    def _put(self, caller: _Caller, data: bytes) -> bool:
        if caller.tls is None:
            return self._send(caller, data)
        try:
            return self._send(caller, caller.tls.sealed(data))
        except ssl.SSLError:
            self._close(caller)
            return False

    def _send(self, caller: _Caller, data: bytes) -> bool:
        """A caller who does not read, so that not all of it fits, gets no more."""
        try:
            taken = caller.socket.send(data)
        except OSError:
            taken = -1
        if taken != len(data):
            self._close(caller)
        return taken == len(data)

    def _close(self, caller: _Caller) -> None:
        caller.pace = None
        descriptor = caller.socket.fileno()
        if self._callers.pop(descriptor, None) is not None:
            self._poller.remove(descriptor)
            caller.socket.close()


def _asked(request: bytes) -> Pace:
    target = request.split(b" ", 2)[1:2]
    try:
        query = parse_qs(urlsplit(target[0].decode("ascii")).query)
        wanted = {name: min(_MOST, int(query[name][0])) for name in ("chunks", "first_us", "gap_us") if name in query}
    except (ValueError, IndexError):
        wanted = {}
    usual = Pace()
    return Pace(
        chunks=max(0, wanted.get("chunks", usual.chunks)),
        first_ns=max(0, wanted.get("first_us", usual.first_ns // _US)) * _US,
        gap_ns=max(0, wanted.get("gap_us", usual.gap_ns // _US)) * _US,
    )


def main() -> None:
    """Prints its port, then serves until standard input ends. Takes the file of a certificate with its key."""
    import gc

    context = None
    if sys.argv[1:]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[1])
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        listener.setblocking(False)
        server = _Server(listener, context)
        gc.freeze()
        gc.disable()  # nothing here makes cycles; a pause would be in every figure
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        server.run()


if __name__ == "__main__":
    main()
