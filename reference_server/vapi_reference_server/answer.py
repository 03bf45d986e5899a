"""An answer as it goes onto the wire: a head, timed writes, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from vapi_reference_server.json_values import encode

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from vapi_reference_server.json_values import JsonObject

DONE = b"data: [DONE]\n\n"
JSON_TYPE = "application/json"
STREAM_TYPE = "text/event-stream; charset=utf-8"
# `no-transform` keeps proxies from compressing, the last one keeps nginx from collecting: both
# would hold events back, and the caller would hear silence.
STREAM_HEADERS = {
    "content-type": STREAM_TYPE,
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}


class Ending(Enum):
    """What happens to the connection after the last write."""

    COMPLETE = auto()
    """The body is ended as HTTP wants it."""
    CUT = auto()
    """The connection is closed in the middle of the body."""
    UNANSWERED = auto()
    """The connection is closed before the head: nothing is answered at all."""
    RESET = auto()
    """The connection is reset (RST), as when a process dies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Bytes that are handed to the network in one go, after a pause."""

    data: bytes
    after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Everything that goes back for one request. Header names are lower case."""

    status: int
    headers: dict[str, str]
    writes: Iterable[Write]
    live: AsyncGenerator[bytes] | None = None
    """Bytes that come while they are sent, instead of `writes`; closed when nobody wants them any more."""
    ending: Ending = Ending.COMPLETE
    end_after_s: float = 0.0
    """Pause between the last write and the end of the body."""
    lingers_s: float = 0.0
    """How long the work goes on after the client has hung up."""


def json_answer(status: int, body: object, headers: dict[str, str] | None = None) -> Answer:
    """One JSON document, in one write, with its length."""
    data = encode(body)
    head = {"content-type": JSON_TYPE, "content-length": str(len(data)), **(headers or {})}
    return Answer(status=status, headers=head, writes=[Write(data=data)])


def stream_answer(writes: Iterable[Write], headers: dict[str, str] | None = None) -> Answer:
    """An event stream. Its length is not known beforehand, so no content-length is sent."""
    return Answer(status=200, headers={**STREAM_HEADERS, **(headers or {})}, writes=writes)


def event(payload: object) -> bytes:
    """One server-sent event, ended by an empty line."""
    return b"data: " + encode(payload) + b"\n\n"


def named_event(payload: JsonObject) -> bytes:
    """One server-sent event with a name: the `type` of its payload."""
    return b"event: " + str(payload["type"]).encode() + b"\n" + event(payload)


def crlf_event(payload: JsonObject) -> bytes:
    """One server-sent event whose lines end with CRLF, as Google writes them."""
    return b"data: " + encode(payload) + b"\r\n\r\n"
