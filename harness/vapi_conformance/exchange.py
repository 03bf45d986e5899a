"""The record: one request and all that came back for it.

Rules, consumers and reports see an `Exchange` and nothing else; the client, a recording and a test make one.
The stored form (one JSON document, bytes in base64) carries its own version; see `exchange_file`.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

__all__ = [
    "MASK",
    "BodyFidelity",
    "Capture",
    "End",
    "Exchange",
    "Expectation",
    "Header",
    "HeaderFidelity",
    "Label",
    "Read",
    "Request",
    "Response",
    "Timing",
    "header_values",
]

BodyFidelity = Literal["wire", "decoded", "reserialized", "rebuilt"]
"""`decoded`: content coding undone. `reserialized`: parsed and written again. `rebuilt`: the framing is not real."""

HeaderFidelity = Literal["wire", "joined", "assumed"]
"""`joined`: names and values, order and duplicates lost. `assumed`: made up by the converter."""

Expectation = Literal["answer", "refusal", "anything"]
"""What a sound endpoint does: answer (2xx), refuse (4xx), or either."""

Header = tuple[bytes, bytes]
"""Name and value as on the wire: order, case and duplicates are kept."""

MASK = b"*"
"""What the client writes, byte for byte, over every appearance of a credential, so that positions stay true."""


class End(Enum):
    """How the exchange ended, as the client saw it."""

    CLEAN = "clean"
    """The message was complete: last chunk of the chunked coding, or Content-Length reached."""
    TRUNCATED = "truncated"
    """The connection was closed in the middle of the message (RFC 9112, 8)."""
    RESET = "reset"
    """The connection was reset or failed after the response had begun."""
    TIMED_OUT = "timed out"
    """Nothing came for as long as we were willing to wait."""
    CLOSED_BY_US = "closed by us"
    """We hung up on purpose: a barge-in, or a bound of ours; `Exchange.error` says which."""
    NO_RESPONSE = "no response"
    """Connected, or not even that, and no response head came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Body bytes that one socket read completed, after transfer coding, before content coding."""

    at_ns: int | None
    """Nanoseconds since the last request byte was written; None where a recorder kept no times."""
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was sent. Credentials are masked (`MASK`) before a request is recorded."""

    method: str
    url: str
    headers: tuple[Header, ...] = ()
    body: bytes | None = b""
    """None where a recorder kept answers only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The response head."""

    status: int
    http_version: str = "HTTP/1.1"
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Stations on the way, in nanoseconds. The first three are durations, the others count from the last request byte.

    None: did not happen (a reused connection is not connected again), or was not recorded.
    """

    dns_ns: int | None = None
    connect_ns: int | None = None
    tls_ns: int | None = None
    first_header_byte_ns: int | None = None
    end_ns: int | None = None
    started_at: str | None = None
    """Wall clock at the start, RFC 3339, for provenance only; never used for a duration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What of the wire survived the recorder. A rule that needs more than that does not apply."""

    recorder: str = "vapi-conformance"
    body: BodyFidelity = "wire"
    headers: HeaderFidelity = "wire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Why the request was sent."""

    scenario: str
    step: str
    expects: Expectation = "answer"
    attempt: int = 1
    """1-based; behaviour of a model is not reproducible, so some steps are tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and all that came back; rules see this and nothing else."""

    request: Request
    response: Response | None
    """None when no response head came. An error *response* is a response; `error` is for what went wrong below."""
    reads: tuple[Read, ...] = ()
    end: End = End.CLEAN
    error: str | None = None
    """The transport's words when `end` is not clean."""
    timing: Timing = field(default_factory=Timing)
    connection_reused: bool | None = None
    capture: Capture = field(default_factory=Capture)
    label: Label | None = None
    """None for a recording: nobody here knows what it was meant to show."""
    source: str = ""
    """Where it comes from, for people: a file, a position in it, a scenario's step."""

    @property
    def body(self) -> bytes:
        """All body bytes that came, content coding not undone."""
        return b"".join(read.data for read in self.reads)


def header_values(headers: tuple[Header, ...], name: str) -> tuple[str, ...]:
    """Values of every field line with this name, case-insensitively (RFC 9110, 5.1), in wire order."""
    wanted = name.lower().encode("ascii")
    return tuple(value.decode("latin-1").strip() for key, value in headers if key.lower() == wanted)
