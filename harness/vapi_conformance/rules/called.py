"""The tool calls of an answer, joined from their fragments, as the rules on tools look at them."""

from collections.abc import Iterator

from vapi_conformance.dialects.asked import OfferedTool
from vapi_conformance.dialects.transcript import Choice, Chunk, ToolCall
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_none, object_or_nothing

__all__ = [
    "arguments_of",
    "calls_of",
    "chunk_of",
    "has_calls",
    "is_custom",
    "joins_several",
    "makes_a_call",
    "names_offered",
    "offered",
    "takes_nothing",
]


def calls_of(evidence: Evidence) -> Iterator[ToolCall]:
    """Every tool call of every choice."""
    return (call for choice in evidence.transcript.choices for call in choice.tool_calls)


def has_calls(evidence: Evidence) -> bool:
    """Whether the answer calls a tool."""
    return any(choice.tool_calls for choice in evidence.transcript.choices)


def makes_a_call(choice: Choice) -> bool:
    """Whether the choice calls something, by `tool_calls` or by its predecessor."""
    return bool(choice.tool_calls) or choice.has_function_call


def is_custom(call: ToolCall) -> bool:
    """A tool that takes free text and has neither function name nor arguments."""
    kinds = ("custom", "custom_tool_call")
    return any(fragment.fields.get("type") in kinds or "custom" in fragment.fields for fragment in call.fragments)


def joins_several(call: ToolCall) -> bool:
    """Whether several calls may have run together here because their fragments have no index: a rule of its own."""
    return call.index is None and len(call.fragments) > 1


def arguments_of(call: ToolCall) -> str | None:
    """The joined arguments; None where they cannot be judged: a custom tool, run together, or not sent as strings."""
    holders = [fragment.function or fragment.fields for fragment in call.fragments]
    sent = [holder["arguments"] for holder in holders if "arguments" in holder]
    if is_custom(call) or joins_several(call) or not all(isinstance(each, str) for each in sent):
        return None
    return call.arguments


def chunk_of(evidence: Evidence, call: ToolCall) -> Chunk:
    """Where the call was begun."""
    return evidence.transcript.chunks[call.fragments[0].chunk]


def offered(evidence: Evidence, call: ToolCall) -> OfferedTool | None:
    """The function of this name that the request offers."""
    tools = evidence.request.tools if evidence.request else ()
    return next((tool for tool in tools if tool.name == call.name), None)


def takes_nothing(tool: OfferedTool) -> bool:
    """Whether the function is offered without any parameter."""
    parameters = object_or_nothing(tool.parameters)
    return (
        not parameters.get("properties") and not array_or_none(parameters.get("required")) and "$ref" not in parameters
    )


def names_offered(evidence: Evidence) -> frozenset[str] | None:
    """Names that may be called; None where the request is unknown or offers tools whose names the service makes."""
    return None if evidence.request is None else evidence.request.names_offered
