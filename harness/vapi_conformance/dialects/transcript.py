"""The typed reply: what an answer says, delta by delta, whatever API shape it came in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vapi_conformance.narrow import object_or_none
from vapi_conformance.payload import Payload

__all__ = [
    "BodyKind",
    "Choice",
    "Chunk",
    "Finish",
    "FinishMeaning",
    "Marker",
    "OutOfOrder",
    "Role",
    "TextDelta",
    "ToolCall",
    "ToolFragment",
    "Transcript",
    "UsageReport",
]

BodyKind = Literal["stream", "json", "array", "ndjson", "other", "nothing"]
"""`array`: a JSON array of chunks, as Gemini streams without `alt=sse`."""

FinishMeaning = Literal["stop", "length", "tool_calls", "content_filter", "failed", "paused"]
"""What a finish reason says, in one vocabulary for all APIs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The payload of one event, or the one document of a JSON answer (index 0)."""

    index: int
    payload: Payload
    event_type: str
    start: int
    end: int
    """Byte range in the decoded body."""
    at_ns: int | None

    @property
    def record(self) -> Mapping[str, object] | None:
        """The payload when it is a JSON object."""
        return object_or_none(self.payload.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """An end marker (`[DONE]`) or something that wants to be one."""

    text: str
    exact: bool
    position: int
    """Number of chunks before it."""
    start: int
    end: int
    at_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """An increment of content, refusal or reasoning; never empty."""

    chunk: int
    text: str
    at_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role that was sent."""

    chunk: int
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """A finish reason that was sent; null is not one."""

    chunk: int
    value: object
    """As sent, in the API's own words."""
    meaning: FinishMeaning | None
    """None for a value that the API does not know."""
    at_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFragment:
    """A piece of a call as sent; `fields` is that JSON object, untouched (in chat an item of `tool_calls`)."""

    chunk: int
    at_ns: int | None
    fields: Mapping[str, object]
    function: Mapping[str, object]
    """`fields["function"]`, empty where it is no object, and where the API has no such key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """Fragments of one index joined as the standard means it; id and name from the first that has them."""

    index: int | None
    """None where no fragment had an integer index."""
    id: str | None
    name: str | None
    arguments: str
    """JSON text. Where the API sends an object, that object written out."""
    fragments: tuple[ToolFragment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One choice of the answer."""

    index: int
    content: tuple[TextDelta, ...] = ()
    refusal: tuple[TextDelta, ...] = ()
    reasoning: tuple[TextDelta, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    roles: tuple[Role, ...] = ()
    finishes: tuple[Finish, ...] = ()
    has_function_call: bool = False
    """The predecessor of tool_calls was used."""

    @property
    def text(self) -> str:
        """All content."""
        return "".join(delta.text for delta in self.content)

    @property
    def finish_reason(self) -> object:
        """The first one sent, or None."""
        return self.finishes[0].value if self.finishes else None

    @property
    def finish_meaning(self) -> FinishMeaning | None:
        """What the first one says; None where none was sent, or none that the API knows."""
        return self.finishes[0].meaning if self.finishes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """A usage object that was sent."""

    chunk: int
    counts: Mapping[str, object]
    """As sent."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    """Of the whole answer, reasoning included."""
    total_tokens: int | None = None
    """None where the API has no total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfOrder:
    """A signal that the dialect's order has no place for."""

    chunk: int
    choice: int
    state: str
    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The reply. `chunks` are in wire order; every other field refers to them by index."""

    kind: BodyKind
    chunks: tuple[Chunk, ...] = ()
    markers: tuple[Marker, ...] = ()
    choices: tuple[Choice, ...] = ()
    """By index, ascending."""
    usages: tuple[UsageReport, ...] = ()
    errors: tuple[int, ...] = ()
    """Chunks that report an error."""
    out_of_order: tuple[OutOfOrder, ...] = ()

    @property
    def document(self) -> Chunk | None:
        """The document of a JSON answer."""
        return self.chunks[0] if self.kind == "json" else None

    @property
    def text(self) -> str:
        """The content of the first choice: what a voice platform speaks."""
        return self.choices[0].text if self.choices else ""
