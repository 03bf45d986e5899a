"""The work on one request: filled stage by stage, so that a fault can spoil exactly one of them."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vapi_reference_server.call_memory import remembered_calls
from vapi_reference_server.dialects.responses.stored import StoredAnswers
from vapi_reference_server.faults.fault import Stage
from vapi_reference_server.json_values import JsonObject, as_object
from vapi_reference_server.tokens_issued import IssuedTokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vapi_reference_server.answer import Answer, Write
    from vapi_reference_server.call_memory import CallMemory, Recent
    from vapi_reference_server.dialects.dialect import Dialect
    from vapi_reference_server.faults.fault import Fault
    from vapi_reference_server.problems import Problem
    from vapi_reference_server.reply import Reply
    from vapi_reference_server.request import Request
    from vapi_reference_server.routes import Route
    from vapi_reference_server.settings import Settings

__all__ = ["Memory", "Stage", "Work"]


@dataclass(slots=True)
class Memory:
    """What a server keeps between requests. Sound answers depend on `generations`, in the evidence header, on
    the `tokens` given out, on the `answers` that a request refers to, and on the tools of the server's own that ran in
    the same of the `calls`; the rest is for faults that confuse callers with each other.
    """

    generations: int = 0
    """Answers that are being made or sent."""
    cancelled: int = 0
    """Answers that were given up so far because their caller had hung up."""
    hung_up: bool = False
    requests_of: dict[str, int] = field(default_factory=dict[str, int])
    calls: Recent[tuple[str, str], CallMemory] = field(default_factory=remembered_calls)
    tokens: IssuedTokens = field(default_factory=IssuedTokens)
    answers: StoredAnswers = field(default_factory=StoredAnswers)
    latest: tuple[float, str] | None = None
    latest_in_call: tuple[float, str, str] | None = None
    answered: int = 0


@dataclass(slots=True, kw_only=True)
class Work:
    """One request on its way to an answer. Later fields are set when their stage is reached."""

    settings: Settings
    memory: Memory
    method: str
    path: str
    headers: Mapping[str, str]
    dialect: Dialect
    """The API of the path; where nothing is served, the one whose path comes nearest."""
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    client: str
    """Address and port of the caller: the connection."""
    id: str = field(default_factory=lambda: f"req_{uuid.uuid4().hex[:24]}")
    """What the answer calls this request, in the dialects that do so."""
    raw_head: bytes = b""
    """The request head as it came, where the server keeps it: `headers` are in lower case already."""
    fault: Fault | None = None
    seconds: float = 0.0
    """How long a fault of time takes."""
    route: Route | None = None
    checks_key: bool = True
    raw_body: bytes = b""
    """The body as it came: what a signature is over."""
    body: JsonObject = field(default_factory=dict[str, object])
    request: Request | None = None
    replies: list[Reply] = field(default_factory=list["Reply"])
    completion: JsonObject = field(default_factory=dict[str, object])
    chunks: list[JsonObject] = field(default_factory=list[JsonObject])
    writes: list[Write] = field(default_factory=list["Write"])
    answer: Answer | None = None
    problem: Problem | None = None

    @property
    def asked(self) -> Request:
        """The request, once it is read."""
        if self.request is None:
            raise LookupError("the request has not been read yet")
        return self.request

    @property
    def call_id(self) -> str | None:
        """The id of the telephone call that this request is part of, if it says so."""
        # A server message has everything one level below.
        owner = as_object(self.body.get("message")) or self.body
        call_id = (as_object(owner.get("call")) or {}).get("id")
        return call_id if isinstance(call_id, str) and call_id else None

    @property
    def call(self) -> CallMemory | None:
        """What is remembered of this call, under this fault: one fault must not see what another has left."""
        if self.call_id is None:
            return None
        # An id may be as long as a body; what is kept of it is not.
        key = hashlib.sha256(self.call_id.encode(errors="surrogatepass")).hexdigest()
        return self.memory.calls.of(("" if self.fault is None else self.fault.name, key))

    def reach(self, stage: Stage) -> None:
        """Let the fault of this request, if it belongs to this stage, do its harm."""
        if self.fault is not None and stage in self.fault.at:
            self.fault.do(self)
