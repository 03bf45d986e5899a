"""What is to be sent and when, and what came of it: the data between a command and the engine."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote, urlsplit

from vapi_conformance.exchange import Exchange, Header, Label
from vapi_conformance.latency.engine.clocks import Clock
from vapi_conformance.problems import UsageError

__all__ = ["Bounds", "Measured", "OriginKey", "Prepared", "Settings", "Shot", "prepared"]

_PORTS: Final = {"http": 80, "https": 443}
_NO_TOKEN: Final = re.compile(rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
_IN_PATH: Final = "!$&'()*+,;=:@/%~-._"
_IN_QUERY: Final = _IN_PATH + "?"

OriginKey = tuple[Literal["http", "https"], str, int]
"""Scheme, host, port: what a connection can be reused for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one stream may cost. Hostile endpoints are the normal case, and there are many streams."""

    connect_s: float = 10.0
    """Longest wait for a connection, its TLS handshake included."""
    first_byte_s: float = 25.0
    """Longest silence before an answer begins."""
    idle_s: float = 25.0
    """Longest silence inside an answer."""
    total_s: float = 120.0
    """Longest exchange, however steadily it drips."""
    max_body_bytes: int = 4 * 1024 * 1024
    """Taken of one answer, weighed as the client does (`body_weight`)."""
    max_held_bytes: int = 256 * 1024 * 1024
    """Held by all streams of a worker at once, and by results that nobody takes. Above it each stream gets
    `tight_body_bytes`, and results wait in the worker."""
    tight_body_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the engine works, for all its runs."""

    bounds: Bounds = field(default_factory=Bounds)
    processes: int = 1
    keeps_alive: bool = True
    """Whether connections are used again. False: each request pays for one of its own."""
    most_streams: int = 10_000
    """At once, over all processes. An open loop has no other bound, and a stalled endpoint would take every socket."""
    ca_file: str | None = None
    """Certificates to trust in place of the usual ones."""

    def __post_init__(self) -> None:
        """Raises UsageError for what cannot be done."""
        if self.processes < 1:
            raise UsageError(f"the engine needs at least one process, not {self.processes}")
        if self.most_streams < self.processes:
            raise UsageError(
                f"each of the {self.processes} processes needs a stream, and {self.most_streams} are allowed"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request as bytes. Made once by `prepared`, sent as often as you like."""

    url: str
    method: str
    headers: tuple[Header, ...] = field(repr=False)
    """As on the wire, Host and Content-Length included."""
    body: bytes = field(repr=False)
    wire: bytes = field(repr=False)
    origin: OriginKey
    label: Label | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One request at one time."""

    at_ns: int
    """When it is meant to start, from the start of the run. In a closed loop: not before."""
    request: Prepared
    tag: str = ""
    """Of the caller's: comes back with the result."""
    until_ns: int | None = None
    """Not sent when it could start only after that time: a closed loop is over then, although shots are in store.
    Such a shot has a result, too: `Measured.was_too_late`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of a shot. All times count from the start of the run, those inside `exchange` from its own request."""

    shot: Shot
    number: int
    """Of the shot in its run, from 0, in the order given."""
    exchange: Exchange
    """As the client records it. `connection_reused` tells warm from cold; `timing` says what the cold one cost."""
    intended_ns: int
    """When it was meant to start: `shot.at_ns`, or in a closed loop when its stream became free."""
    sent_ns: int | None
    """When its last byte was handed to the kernel; None where that never happened."""
    ended_ns: int
    worker: int
    clock: Clock
    """Who stamped the reads."""
    longest_take_ns: int
    """Longest time that bytes lay in the kernel before we took them. In no figure where the clock is the kernel's;
    elsewhere it cannot be seen, and is 0."""
    was_too_late: bool = False
    """Its time was over before a stream was free, so it was not sent: nothing that anybody is to blame for."""
    was_sent_again: bool = False
    """A kept-alive connection turned out to be dead, and the request went over a fresh one."""


def prepared(
    *,
    url: str,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes | None,
    method: str = "POST",
    label: Label | None = None,
) -> Prepared:
    """The same bytes as the client would send. Raises UsageError for a URL or a header that cannot be sent."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError as problem:
        raise UsageError(f"no URL: {problem}") from problem
    known: Literal["http", "https"] | None = "http" if scheme == "http" else "https" if scheme == "https" else None
    if known is None or not host:
        raise UsageError(f"a URL needs http:// or https:// and a host, got {url!r}")
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as problem:
        raise UsageError(f"no host name: {host!r}") from problem
    bracketed = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    netloc = bracketed if port in {None, _PORTS[scheme]} else f"{bracketed}:{port}"
    target = quote(parts.path, safe=_IN_PATH) or "/"
    if parts.query:
        target += "?" + quote(parts.query, safe=_IN_QUERY)
    fields = _fields(headers, netloc=netloc, body=body, method=method)
    lines = [
        f"{method} {target} HTTP/1.1".encode("ascii", "replace"),
        *(name + b": " + value for name, value in fields),
    ]
    return Prepared(
        url=url,
        method=method,
        headers=fields,
        body=body or b"",
        wire=b"\r\n".join(lines) + b"\r\n\r\n" + (body or b""),
        origin=(known, ascii_host, port or _PORTS[known]),
        label=label,
    )


def _fields(
    headers: tuple[tuple[str, str], ...], *, netloc: str, body: bytes | None, method: str
) -> tuple[Header, ...]:
    """In wire order, with what was left to us added."""
    given = tuple((name.encode("ascii", "replace"), value.encode("latin-1", "replace")) for name, value in headers)
    for name, value in ((method.encode("ascii", "replace"), b""), *given):
        if not name or _NO_TOKEN.search(name) or b"\r" in value or b"\n" in value or b"\0" in value:
            raise UsageError(f"a header cannot be sent: {name.decode('ascii', 'replace')!r}")
    names = {name.lower() for name, _ in given}
    host: tuple[Header, ...] = () if b"host" in names else ((b"Host", netloc.encode("ascii")),)
    if b"content-length" in names or b"transfer-encoding" in names:
        return (*host, *given)
    if body:
        return (*host, *given, (b"Content-Length", str(len(body)).encode("ascii")))
    return (*host, *(((b"Content-Length", b"0"),) if method in {"POST", "PUT", "PATCH"} else ()), *given)
