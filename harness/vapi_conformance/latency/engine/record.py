"""Makes of raw reads what the client makes of the same bytes: an exchange. Away from the process that measures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import httptools

from vapi_conformance.body_weight import HOW_WEIGHED, BodyWeight
from vapi_conformance.exchange import End, Exchange, Header, Label, Read, Request, Response, Timing
from vapi_conformance.latency.engine.clocks import arrived_ns
from vapi_conformance.latency.engine.framing import SWITCHED, is_interim, make_parser
from vapi_conformance.latency.engine.raw import Ending, Raw
from vapi_conformance.latency.engine.shots import Prepared
from vapi_conformance.masking import mask_exchange

__all__ = ["Recorded", "recorded"]

_BEFORE_HEAD: Final = "the endpoint closed the connection without a response"
_INSIDE: Final = "the endpoint closed the connection inside the message"
_BROKEN_ENDS: Final[dict[Ending, End]] = {
    "closed": End.TRUNCATED,
    "failed": End.RESET,
    "no http": End.RESET,
    "timed out": End.TIMED_OUT,
    "bound": End.CLOSED_BY_US,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An exchange, and what only the engine knows of it."""

    exchange: Exchange
    ended_ns: int
    """Monotonic: the last read where the message was complete, else when the engine noticed."""
    longest_take_ns: int
    is_stamped: bool


@dataclass(slots=True)
class _Answer:
    """A response as httptools tells it."""

    headers: list[Header] = field(default_factory=list[Header])
    pieces: list[bytes] = field(default_factory=list[bytes])
    response: Response | None = None
    is_over: bool = False
    parser: httptools.HttpResponseParser | None = None

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.response is None:
            self.headers.append((name, value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        if self.parser is None or self.response is not None:
            return
        status = self.parser.get_status_code()
        if is_interim(status):
            self.headers.clear()
            return
        self.response = Response(
            status=status, http_version=f"HTTP/{self.parser.get_http_version()}", headers=tuple(self.headers)
        )

    def on_body(self, data: bytes) -> None:
        if not self.is_over:
            self.pieces.append(data)

    def on_message_complete(self) -> None:
        self.is_over = self.response is not None

    def lasts_until_close(self) -> bool:
        """Whether the end of the connection is the end of the message (RFC 9112, 6.3)."""
        names = {name.lower() for name, _ in self.headers}
        return self.response is not None and names.isdisjoint((b"transfer-encoding", b"content-length"))


def recorded(raw: Raw, request: Prepared, *, secrets: Sequence[bytes], max_body_bytes: int) -> Recorded:
    """Never raises on what an endpoint sent. secrets: masked."""
    answer = _Answer()
    answer.parser = make_parser(answer)
    sent_ns = raw.sent_ns if raw.sent_ns is not None else raw.intended_ns
    reads: list[Read] = []
    weight = None if _is_light(raw, max_body_bytes) else BodyWeight()
    size_bytes = 0
    first_ns: int | None = None
    last_ns = longest_take_ns = 0
    is_stamped = bool(raw.reads)
    ending, error = raw.ending, raw.error
    for read_ns, empty_ns, stamp, data in raw.reads:
        at_ns = arrived_ns(read_ns=read_ns, empty_ns=empty_ns, stamp=stamp, offset_ns=raw.offset_ns)
        at_ns = max(at_ns, last_ns, sent_ns)
        last_ns = at_ns
        first_ns = at_ns if first_ns is None else first_ns
        is_stamped = is_stamped and stamp is not None
        longest_take_ns = max(longest_take_ns, read_ns - at_ns)
        problem = _fed(answer, data)
        if answer.pieces:
            body = b"".join(answer.pieces)
            answer.pieces.clear()
            reads.append(Read(at_ns=at_ns - sent_ns, data=body))
            size_bytes += 0 if weight is None else weight.of(body)
            if size_bytes > max_body_bytes:
                ending, error = "bound", f"more than {max_body_bytes} body bytes, {HOW_WEIGHED}"
                break
        if answer.is_over or problem is not None:
            break
    answer.parser = None
    end, error = _end(ending, error, answer)
    ended_ns = last_ns if end is End.CLEAN and ending == "complete" and last_ns else raw.ended_ns
    exchange = Exchange(
        request=Request(method=request.method, url=request.url, headers=request.headers, body=request.body),
        response=answer.response,
        reads=tuple(reads),
        end=end,
        error=error,
        timing=Timing(
            dns_ns=raw.dns_ns,
            connect_ns=raw.connect_ns,
            tls_ns=raw.tls_ns,
            first_header_byte_ns=None if first_ns is None else first_ns - sent_ns,
            end_ns=None if raw.sent_ns is None else max(0, ended_ns - sent_ns),
            started_at=datetime.fromtimestamp(raw.started_at_s, UTC).isoformat(timespec="milliseconds"),
        ),
        connection_reused=raw.is_reused,
        label=request.label,
        source="" if request.label is None else _place(request.label),
    )
    return Recorded(
        exchange=mask_exchange(exchange, secrets),
        ended_ns=ended_ns,
        longest_take_ns=longest_take_ns,
        is_stamped=is_stamped,
    )


def _is_light(raw: Raw, max_body_bytes: int) -> bool:
    """Whether the body cannot weigh too much, however it is framed; then nobody has to weigh it read by read."""
    wire = b"".join(read[3] for read in raw.reads)
    lines = wire.replace(b"\r", b"\n") if b"\r" in wire else wire
    return BodyWeight().of(b"[" + lines) <= max_body_bytes


def _fed(answer: _Answer, data: bytes) -> str | None:
    if answer.parser is None:
        return None
    try:
        answer.parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        return SWITCHED
    except httptools.HttpParserError as problem:
        return str(problem) or type(problem).__name__
    return None


def _end(ending: Ending, error: str | None, answer: _Answer) -> tuple[End, str | None]:
    if ending == "complete":
        return End.CLEAN, None
    if ending == "closed" and answer.lasts_until_close():
        return End.CLEAN, None
    if ending in {"closed", "failed", "no http"} and answer.response is None:
        return End.NO_RESPONSE, _BEFORE_HEAD if ending == "closed" else error
    return _BROKEN_ENDS[ending], _INSIDE if ending == "closed" else error


def _place(label: Label) -> str:
    """Scenario and step, and which attempt where it is not the first, as the client writes it."""
    again = f" (attempt {label.attempt})" if label.attempt > 1 else ""
    return f"{label.scenario}/{label.step}{again}"
