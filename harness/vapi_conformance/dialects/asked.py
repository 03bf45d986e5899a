"""What a request asked for, whatever API it was put in: the view that rules share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing
from vapi_conformance.payload import parse

__all__ = ["Asked", "OfferedTool", "ToolChoice", "Turn", "TurnRole", "sent_object", "text_of"]

ToolChoice = Literal["none", "auto", "required", "named"]
TurnRole = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTool:
    """A function that the model may call."""

    name: str
    parameters: Mapping[str, object] | None
    """Its JSON Schema."""
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One entry of the history; `text` is all of its text, or the result where the role is tool."""

    role: TurnRole
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """None, empty or the API's default where the request does not say."""

    body: Mapping[str, object]
    """As sent, in the API's own words."""
    model: str | None = None
    stream: bool = False
    include_usage: bool = False
    """Usage on a stream was asked for; where the API always sends it, a stream is enough."""
    turns: tuple[Turn, ...] = ()
    """The system prompt first where the API has a place of its own for it."""
    n: int = 1
    """How many alternative answers."""
    max_tokens: int | None = None
    """The bound on generated tokens."""
    stops: tuple[str, ...] = ()
    tools: tuple[OfferedTool, ...] = ()
    other_tool_names: frozenset[str] | None = frozenset()
    """Names beside those of functions that may be called; None where the service makes such names."""
    tool_choice: ToolChoice | None = None
    named_tool: str | None = None
    """The function that must be called."""
    parallel_tool_calls: bool | None = None
    response_format: Mapping[str, object] = field(default_factory=dict[str, object])
    """As Chat Completions puts it: `{"type": "json_object"}`, or `json_schema` with the schema."""

    @property
    def names_offered(self) -> frozenset[str] | None:
        """Names that may be called; None where the service makes such names."""
        if self.other_tool_names is None:
            return None
        return self.other_tool_names | {tool.name for tool in self.tools}


def sent_object(body: bytes | None) -> Mapping[str, object] | None:
    """None where the body is unknown or is no JSON object (a probe, or a recorder that kept answers only)."""
    return None if body is None else object_or_none(parse(body.decode(errors="replace")).value)


def text_of(content: object) -> str:
    """A string, or the texts of an array of parts; empty for everything else."""
    if isinstance(content, str):
        return content
    texts = (object_or_nothing(part).get("text") for part in array_or_nothing(content))
    return "\n".join(text for text in texts if isinstance(text, str))
