"""A request as the scripted model sees it, whatever dialect it came in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from vapi_reference_server.json_values import encode
from vapi_reference_server.tokens import count_tokens

if TYPE_CHECKING:
    from vapi_reference_server.json_values import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of the history; `text` holds the text parts of its content, joined."""

    role: str
    """`system` or `developer`, `user`, `assistant`, `tool` (a result), `function` (an old result)."""
    text: str
    call_ids: tuple[str, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function the model may call, with the JSON Schema of its arguments."""

    name: str
    parameters: JsonObject


class Choice(Enum):
    """What the request says about calling tools."""

    NONE = "none"
    AUTO = "auto"
    REQUIRED = "required"
    NAMED = "named"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the model needs to know of a request."""

    model: str
    messages: tuple[Message, ...]
    stream: bool
    include_usage: bool = False
    choices: int = 1
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    response_format: JsonObject | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: Choice = Choice.AUTO
    named_tool: str | None = None
    parallel_tool_calls: bool = True
    opens_the_call: bool = False
    """Whether the caller's counters say that nobody has spoken yet, whatever stands in the messages."""
    thinks_aloud: bool = False
    """Whether the caller wants to see the reasoning. Chat Completions has no way to ask."""

    @property
    def prompt_tokens(self) -> int:
        """What the conversation and the offered tools cost, in tokens."""
        tools = sum(count_tokens(tool.name) + count_tokens(encode(tool.parameters).decode()) for tool in self.tools)
        return tools + sum(count_tokens(message.text) for message in self.messages)
