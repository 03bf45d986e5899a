"""Sockets with a clock: an httpcore network backend that stamps each read as it returns, below TLS's caller.

What is stamped is the socket read and not the iterator above it, which would add the time of parsing and of every
other thread. A deadline per thread bounds a whole exchange, however slowly an endpoint drips.
"""

import socket
import ssl
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import httpcore
import httpx

from vapi_conformance.problems import UsageError

__all__ = ["ClockedBackend", "ClockedStream", "ClockedTransport", "Connecting", "Lines", "clocked_stream", "deadline"]

_NS_PER_S: Final = 1_000_000_000


class _Deadline(threading.local):
    """Absolute monotonic time, in nanoseconds, by which this thread's exchange has to be over."""

    at_ns: int | None = None


deadline: Final = _Deadline()


@dataclass(slots=True)
class Connecting:
    """How long it took to get through, in nanoseconds."""

    dns_ns: int | None = None
    connect_ns: int | None = None
    tls_ns: int | None = None


def _allowed_s(timeout_s: float | None, problem: type[Exception]) -> float | None:
    """The smaller of the step's own timeout and what is left of the deadline."""
    if deadline.at_ns is None:
        return timeout_s
    left_s = (deadline.at_ns - time.monotonic_ns()) / _NS_PER_S
    if left_s <= 0:
        raise problem("the exchange took longer than its bound in total")
    return left_s if timeout_s is None else min(timeout_s, left_s)


class ClockedStream(httpcore.NetworkStream):
    """A connection that knows when it last read and wrote. One thread uses it at a time, as httpcore's pool sees to."""

    def __init__(self, stream: httpcore.NetworkStream, connecting: Connecting) -> None:
        """connecting: filled in by the backend, completed here when TLS starts."""
        self._stream = stream
        self.connecting = connecting
        self.last_read_ns = 0
        self.last_write_ns = 0
        self.first_read_ns: int | None = None
        """First read after the newest write: the first header byte."""
        self.requests = 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Raises httpcore.ReadTimeout when the deadline has passed, too."""
        data = self._stream.read(max_bytes, _allowed_s(timeout, httpcore.ReadTimeout))
        self.last_read_ns = time.monotonic_ns()
        if self.first_read_ns is None:
            self.first_read_ns = self.last_read_ns
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """The newest write's return is when the last request byte was written, as far as user space can know."""
        self._stream.write(buffer, _allowed_s(timeout, httpcore.WriteTimeout))
        self.last_write_ns = time.monotonic_ns()
        self.first_read_ns = None

    def close(self) -> None:
        """Closes the socket."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The handshake, timed; reads are stamped above decryption, on the record's last byte."""
        started_ns = time.monotonic_ns()
        stream = self._stream.start_tls(ssl_context, server_hostname, _allowed_s(timeout, httpcore.ConnectTimeout))
        self.connecting.tls_ns = time.monotonic_ns() - started_ns
        return ClockedStream(stream, self.connecting)

    def get_extra_info(self, info: str) -> Any:
        """As httpcore defines it."""
        return self._stream.get_extra_info(info)


class ClockedBackend(httpcore.NetworkBackend):
    """Resolves, connects and clocks both; then hands out `ClockedStream`s."""

    def __init__(self) -> None:
        """No socket yet."""
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Every address of the host in the resolver's order. Raises httpcore.ConnectError or ConnectTimeout."""
        started_ns = time.monotonic_ns()
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as problem:
            raise httpcore.ConnectError(f"the name {host!r} cannot be resolved: {problem}") from problem
        connecting = Connecting(dns_ns=time.monotonic_ns() - started_ns)
        options = [*(socket_options or ()), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        last: Exception = httpcore.ConnectError(f"the name {host!r} has no address")
        for address in dict.fromkeys(str(each[4][0]) for each in found):
            started_ns = time.monotonic_ns()
            try:
                allowed_s = _allowed_s(timeout, httpcore.ConnectTimeout)
                stream = self._backend.connect_tcp(address, port, allowed_s, local_address, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as problem:
                last = problem
                continue
            connecting.connect_ns = time.monotonic_ns() - started_ns
            return ClockedStream(stream, connecting)
        raise last

    def sleep(self, seconds: float) -> None:
        """httpcore waits between its own retries; we ask for none."""
        time.sleep(seconds)


class ClockedTransport(httpx.BaseTransport):
    """httpx on top of clocked connections. Failures stay httpcore's own exceptions, which tell more apart."""

    def __init__(self, *, connections: int) -> None:
        """connections: most at once; each is kept alive as the platforms' clients do.

        Raises UsageError where the environment names certificates that cannot be read.
        """
        try:
            trusted = httpx.create_ssl_context()
        except OSError as problem:
            words = f"the certificates to be trusted (SSL_CERT_FILE, SSL_CERT_DIR) cannot be read: {problem}"
            raise UsageError(words) from None
        self._pool = httpcore.ConnectionPool(
            ssl_context=trusted,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=15.0,
            network_backend=ClockedBackend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Header fields go out as given: order, case and duplicates."""
        url = request.url
        response = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=cast("dict[str, Any]", response.extensions),  # pyright: ignore[reportUnknownMemberType] - bare dict
        )

    def close(self) -> None:
        """Closes every connection."""
        self._pool.close()


class Lines:
    """Transports of one connection each, for one thread at a time; the one used last is used next.

    Not one pool for all threads: httpcore's asks whether a connection that looks idle has been closed by the other
    side, and closes it then, while another thread may have begun to use it (httpcore 1.0; seen as EBADF in the middle
    of answers as soon as the machine was busy). Nor an httpx.Client above them: that reads each Location, also where
    nothing follows it, and raises at a hostile one.
    """

    def __init__(self, most: int) -> None:
        """most: connections at once; whoever wants one more waits."""
        self._free = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: list[ClockedTransport] = []
        self._is_closed = False

    @contextmanager
    def taken(self) -> Generator[ClockedTransport]:
        """One that nobody else uses meanwhile."""
        with self._free:
            with self._lock:
                transport = self._idle.pop() if self._idle else ClockedTransport(connections=1)
            try:
                yield transport
            finally:
                with self._lock:
                    is_closed = self._is_closed
                    if not is_closed:
                        self._idle.append(transport)
                if is_closed:
                    transport.close()

    def close(self) -> None:
        """Closes every connection, those in use as soon as they are given back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for transport in idle:
            transport.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._response.iter_stream())

    def close(self) -> None:
        self._response.close()


def clocked_stream(response: httpx.Response) -> ClockedStream | None:
    """The connection that a response comes over, as long as it is open."""
    stream: object = response.extensions.get("network_stream")
    return stream if isinstance(stream, ClockedStream) else None
