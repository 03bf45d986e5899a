"""A fault: one way in which an endpoint goes wrong, and the stage of the work where it happens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from vapi_reference_server.dialects.names import DialectName

if TYPE_CHECKING:
    from collections.abc import Callable

    from vapi_reference_server.work import Work


class Stage(Enum):
    """The stages of the work on a request, in their order."""

    ARRIVED = auto()
    """The head is read; `work.answer` may be given at once, `route` or `checks_key` changed."""
    BODY = auto()
    """`work.body` is read, not yet checked; a Problem may be raised."""
    REQUEST = auto()
    """`work.request` is what the model will answer to."""
    REPLIES = auto()
    """`work.replies` holds the words and calls, one reply per choice."""
    COMPLETION = auto()
    """`work.completion` is the JSON answer. Not reached by streams."""
    CHUNKS = auto()
    """`work.chunks` are the objects of the stream. Not reached by JSON answers."""
    WRITES = auto()
    """`work.writes` are the events of the stream, one write each, and last what ends it (`[DONE]` in chat)."""
    ANSWER = auto()
    """`work.answer` is complete: head, writes, ending."""
    PROBLEM = auto()
    """`work.problem` says why the request is refused."""
    REFUSAL = auto()
    """`work.answer` is the complete answer to a refused request."""


class SeenOn(Enum):
    """The kind of request that shows the fault."""

    ANY = "any request"
    STREAM = "a request with stream true"
    JSON = "a request without stream"
    TOOL_STREAM = "a stream that calls a tool"
    TOOL_JSON = "a JSON answer that calls a tool"
    USAGE_STREAM = "a stream with include_usage"
    THOUGHTS = "a request that asks for the reasoning"
    THOUGHT_STREAM = "a stream that shows the reasoning"
    LIMIT = "a JSON answer that ends at its limit of tokens"
    LIMIT_STREAM = "a stream that ends at its limit of tokens"
    REFUSED = "a request that is refused (an unknown model will do)"
    KEY = "a server that asks for an API key"
    EXPIRY = "a server that gives out access tokens, which have to expire"
    SPECIAL = "a request as its sentence says"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One named fault. `breaks` is the id of the rule it is made for."""

    name: str
    sentence: str
    breaks: str
    at: tuple[Stage, ...]
    do: Callable[[Work], None]
    seen_on: SeenOn
    seconds: float = 0.0
    """How long it takes unless the request says otherwise (header X-Fault-Seconds)."""
    dialect: DialectName = DialectName.CHAT
    """The API whose answers it spoils."""
    everywhere: bool = False
    """Whether it spoils those of the other APIs as well: a fault of bytes, heads, keys, times or words."""

    def spoils(self, dialect: DialectName) -> bool:
        """Whether it shows in the answers of this API."""
        return self.everywhere or self.dialect is dialect
