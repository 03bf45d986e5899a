"""Sends one request and records what comes back, each read with its time. Knows nothing of right or wrong."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import httpcore
import httpx

from vapi_conformance.body_weight import HOW_WEIGHED, BodyWeight
from vapi_conformance.exchange import End, Exchange, Header, Label, Read, Request, Response, Timing
from vapi_conformance.masking import Secrets, mask_exchange
from vapi_conformance.network import ClockedStream, ClockedTransport, Lines, clocked_stream, deadline

__all__ = ["ON_PURPOSE", "Client", "HangUp", "Limits", "Outgoing", "Renew"]

_NS_PER_S: Final = 1_000_000_000
ON_PURPOSE: Final = "hung up on purpose"
"""`Exchange.error` where `hang_up` or Ctrl-C closed the connection, and no bound of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an endpoint may cost us. Hostile endpoints are the normal case."""

    connect_s: float = 10.0
    idle_s: float = 25.0
    """Longest silence that is waited out; above the platform's own timeout, so that its breach is seen."""
    total_s: float = 120.0
    """Longest exchange, however steadily it drips."""
    max_body_bytes: int = 24 * 1024 * 1024
    """Body bytes taken before we hang up: enough to see a line that is too long for the platforms' clients. Many small
    lines or values count for more (`body_weight`)."""
    max_run_bytes: int = 256 * 1024 * 1024
    """Body bytes of all exchanges of a client. Past it each further one gets `tight_body_bytes`."""
    tight_body_bytes: int = 256 * 1024


HangUp = Callable[[bytes, int], int | None]
"""Says when to hang up, in nanoseconds since the request was written; None: not as things stand.

Called before the request with nothing and 0, then with what each read brought and its time, in order. What it said
last counts; a time that has passed closes the connection at once. Until something has come, it counts from when the
sending began: nobody sees from outside when a request that stays without an answer was written.
"""


Renew = Callable[[tuple[tuple[str, str], ...], int], tuple[tuple[str, str], ...] | None]
"""Given the header fields that were sent and the status that came, the fields to send once more; None: leave it so.

For access tokens, which an endpoint may refuse before their time. Called after every response.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A request to send."""

    url: str
    headers: tuple[tuple[str, str], ...]
    """In wire order; Host and Content-Length are added."""
    body: bytes | None
    method: str = "POST"
    label: Label | None = None
    hang_up: HangUp | None = field(default=None, repr=False)
    """When to close the connection, as Vapi does at a barge-in or when the caller's words change."""
    may_interrupt: Callable[[], AbstractContextManager[object]] | None = field(default=None, repr=False)
    """For somebody at the keyboard: within this context Ctrl-C (KeyboardInterrupt) closes the connection, on purpose.
    Without it the exception goes through."""
    may_retry: bool = True
    """Whether a kept-alive connection that turns out to be dead is replaced by a fresh one, once."""


class _BodyTooLarge(Exception):  # noqa: N818 - a signal between two functions here
    pass


class _HungUp(Exception):  # noqa: N818 - same
    pass


@dataclass(slots=True)
class _Progress:
    """What is known so far of an exchange under way."""

    started_at: str
    request_headers: tuple[Header, ...] = ()
    response: Response | None = None
    stream: ClockedStream | None = None
    reads: list[Read] = field(default_factory=list[Read])
    weight: BodyWeight = field(default_factory=BodyWeight)
    size_bytes: int = 0
    reused: bool | None = None
    hang_up_ns: int | None = None
    """Since the last request byte."""

    def since_request_ns(self, at_ns: int) -> int:
        return max(0, at_ns - self.stream.last_write_ns) if self.stream else 0


class Client:
    """A pool of clocked connections to one endpoint. Thread-safe; close it, or use it in a `with`."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        secrets: Secrets | Sequence[str] = (),
        connections: int = 16,
        renew: Renew | None = None,
    ) -> None:
        """secrets: credentials that must not appear in any record; connections: most at once."""
        self._limits = limits or Limits()
        self._secrets = secrets if isinstance(secrets, Secrets) else Secrets(secrets)
        self._renew = renew
        self._connections = connections
        self._taken_bytes = 0
        self._lines = Lines(connections)
        self._is_closed = False

    @property
    def secrets(self) -> Secrets:
        """What must not appear in any record, as far as it is known by now."""
        return self._secrets

    @property
    def limits(self) -> Limits:
        """What an endpoint may cost us."""
        return self._limits

    def __enter__(self) -> Self:
        """Nothing is opened before the first request."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes every connection."""
        self.close()

    def close(self) -> None:
        """Closes every connection; nothing can be sent any more."""
        self._is_closed = True
        self._lines.close()

    def send(self, outgoing: Outgoing) -> Exchange:
        """One exchange, whatever happens: an endpoint's failure is a record, never an exception.

        What `renew` raises goes through: without credentials there is nothing to send. Raises RuntimeError after
        `close`.
        """
        if self._is_closed:
            raise RuntimeError("the client is closed")
        exchange = self._send_alive(outgoing)
        if self._renew is not None and exchange.response is not None:
            again = self._renew(outgoing.headers, exchange.response.status)
            if again is not None:
                exchange = self._send_alive(replace(outgoing, headers=again))
                if exchange.response is not None:
                    self._renew(again, exchange.response.status)
        return mask_exchange(exchange, self._secrets.values)

    def _send_alive(self, outgoing: Outgoing) -> Exchange:
        exchange = self._send(outgoing)
        if exchange.end is End.NO_RESPONSE and exchange.connection_reused and outgoing.may_retry:
            exchange = self._send(outgoing)
        return exchange

    def send_all(self, outgoing: Sequence[Outgoing]) -> list[Exchange]:
        """All at once, as far as connections go; results in the order given."""
        with ThreadPoolExecutor(max_workers=min(len(outgoing), self._connections) or 1) as executor:
            return list(executor.map(self.send, outgoing))

    def _send(self, outgoing: Outgoing) -> Exchange:
        with self._lines.taken() as transport:
            return self._send_on(transport, outgoing)

    def _send_on(self, transport: ClockedTransport, outgoing: Outgoing) -> Exchange:
        progress = _Progress(started_at=datetime.now(UTC).isoformat(timespec="milliseconds"))
        over_at_ns = time.monotonic_ns() + round(self._limits.total_s * _NS_PER_S)
        deadline.at_ns = over_at_ns
        if outgoing.hang_up is not None and (due_ns := outgoing.hang_up(b"", 0)) is not None:
            progress.hang_up_ns = due_ns
            deadline.at_ns = min(over_at_ns, time.monotonic_ns() + due_ns)
        end, error = End.CLEAN, None
        try:
            with nullcontext() if outgoing.may_interrupt is None else outgoing.may_interrupt():
                self._exchange(transport, outgoing, progress, over_at_ns)
        except KeyboardInterrupt:
            if outgoing.may_interrupt is None:
                raise
            end, error = End.CLOSED_BY_US, ON_PURPOSE
        except _HungUp:
            end, error = End.CLOSED_BY_US, ON_PURPOSE
        except _BodyTooLarge:
            end, error = (
                End.CLOSED_BY_US,
                f"more than {self._max_body_bytes} body bytes, {HOW_WEIGHED}",
            )
        except (httpcore.TimeoutException, TimeoutError) as problem:
            end, error = End.TIMED_OUT, str(problem) or f"no byte for {self._limits.idle_s:g} s"
            if progress.hang_up_ns is not None and time.monotonic_ns() < over_at_ns:
                end, error = End.CLOSED_BY_US, ON_PURPOSE
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            OSError,
            httpx.InvalidURL,
            httpcore.UnsupportedProtocol,
        ) as problem:
            end, error = _broken_off(problem, progress)
        finally:
            deadline.at_ns = None
        if progress.response is None and end not in (End.TIMED_OUT, End.CLOSED_BY_US):
            end = End.NO_RESPONSE
        return _record(outgoing, progress, end=end, error=error)

    def _exchange(self, transport: ClockedTransport, outgoing: Outgoing, progress: _Progress, over_at_ns: int) -> None:
        limits = self._limits
        timeout = {"connect": limits.connect_s, "read": limits.idle_s, "write": limits.idle_s, "pool": limits.total_s}

        def trace(event: str, _: dict[str, object]) -> None:
            if event == "connection.connect_tcp.started":
                progress.reused = False
            elif event == "http11.send_request_headers.started" and progress.reused is None:
                progress.reused = True

        request = httpx.Request(
            outgoing.method,
            outgoing.url,
            headers=[
                (name.encode("ascii", "replace"), value.encode("latin-1", "replace"))
                for name, value in outgoing.headers
            ],
            content=outgoing.body,
            extensions={"timeout": timeout, "trace": trace},
        )
        progress.request_headers = tuple(request.headers.raw)
        response = transport.handle_request(request)
        try:
            progress.stream = clocked_stream(response)
            progress.response = Response(
                status=response.status_code, http_version=response.http_version, headers=tuple(response.headers.raw)
            )
            for data in response.iter_raw():
                self._take(data, progress)
                if outgoing.hang_up is not None:
                    _heed(outgoing.hang_up, data, progress, over_at_ns)
        finally:
            response.close()

    @property
    def _max_body_bytes(self) -> int:
        """An endpoint that fills every answer to the brim must not fill our memory."""
        limits = self._limits
        return limits.max_body_bytes if self._taken_bytes <= limits.max_run_bytes else limits.tight_body_bytes

    def _take(self, data: bytes, progress: _Progress) -> None:
        at_ns = progress.since_request_ns(progress.stream.last_read_ns) if progress.stream else 0
        weight = progress.weight.of(data)
        progress.size_bytes += weight
        if progress.reads and progress.reads[-1].at_ns == at_ns:
            # Several chunks of the chunked coding came with one socket read.
            progress.reads[-1] = replace(progress.reads[-1], data=progress.reads[-1].data + data)
        else:
            progress.reads.append(Read(at_ns=at_ns, data=data))
        self._taken_bytes += weight
        if progress.size_bytes > self._max_body_bytes:
            raise _BodyTooLarge


def _heed(hang_up: HangUp, data: bytes, progress: _Progress, over_at_ns: int) -> None:
    """Asks when to hang up after this read; the next one waits no longer than that."""
    at_ns = progress.reads[-1].at_ns or 0
    progress.hang_up_ns = hang_up(data, at_ns)
    if progress.hang_up_ns is None or progress.stream is None:
        deadline.at_ns = over_at_ns
        return
    if progress.hang_up_ns <= at_ns:
        raise _HungUp
    deadline.at_ns = min(over_at_ns, progress.stream.last_write_ns + progress.hang_up_ns)


def _broken_off(problem: Exception, progress: _Progress) -> tuple[End, str]:
    """httpcore says what happened in its own words; a close inside the message is not a reset."""
    words = str(problem) or type(problem).__name__
    if progress.response is None:
        return End.NO_RESPONSE, words
    closed_early = isinstance(problem, httpcore.RemoteProtocolError) and "closed" in words
    return (End.TRUNCATED if closed_early else End.RESET), words


def _place(label: Label) -> str:
    """Scenario and step, and which attempt where it is not the first."""
    again = f" (attempt {label.attempt})" if label.attempt > 1 else ""
    return f"{label.scenario}/{label.step}{again}"


def _record(outgoing: Outgoing, progress: _Progress, *, end: End, error: str | None) -> Exchange:
    stream = progress.stream
    connecting = stream.connecting if stream is not None and not progress.reused else None
    label = outgoing.label
    return Exchange(
        request=Request(
            method=outgoing.method, url=outgoing.url, headers=progress.request_headers, body=outgoing.body or b""
        ),
        response=progress.response,
        reads=tuple(progress.reads),
        end=end,
        error=error,
        timing=Timing(
            dns_ns=connecting.dns_ns if connecting else None,
            connect_ns=connecting.connect_ns if connecting else None,
            tls_ns=connecting.tls_ns if connecting else None,
            first_header_byte_ns=None
            if stream is None or stream.first_read_ns is None
            else progress.since_request_ns(stream.first_read_ns),
            end_ns=None if stream is None else progress.since_request_ns(time.monotonic_ns()),
            started_at=progress.started_at,
        ),
        connection_reused=progress.reused,
        label=label,
        source="" if label is None else _place(label),
    )
