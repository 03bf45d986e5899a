"""What a Chat Completions request asked for, as far as rules need it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from vapi_conformance.narrow import (
    array_or_nothing,
    integer_or_none,
    object_or_none,
    object_or_nothing,
    string_or_none,
)
from vapi_conformance.payload import parse

__all__ = ["ChatRequest", "OfferedTool", "read_request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTool:
    """A function that the model may call."""

    name: str
    parameters: Mapping[str, object] | None
    strict: bool


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """A view on the body; every property is None or empty where the body does not say."""

    body: Mapping[str, object]

    @property
    def model(self) -> str | None:
        """The model by name."""
        return string_or_none(self.body.get("model"))

    @property
    def stream(self) -> bool:
        """Whether a stream was asked for."""
        return self.body.get("stream") is True

    @property
    def include_usage(self) -> bool:
        """Whether usage was asked for on the stream."""
        return object_or_nothing(self.body.get("stream_options")).get("include_usage") is True

    @property
    def messages(self) -> Sequence[Mapping[str, object]]:
        """The messages that are objects."""
        return [
            each for item in array_or_nothing(self.body.get("messages")) if (each := object_or_none(item)) is not None
        ]

    @property
    def n(self) -> int:
        """How many choices were asked for."""
        return integer_or_none(self.body.get("n")) or 1

    @property
    def max_tokens(self) -> int | None:
        """The bound on generated tokens, by its new or its old name."""
        newer = integer_or_none(self.body.get("max_completion_tokens"))
        return newer if newer is not None else integer_or_none(self.body.get("max_tokens"))

    @property
    def stops(self) -> tuple[str, ...]:
        """Stop sequences."""
        stop = self.body.get("stop")
        if isinstance(stop, str):
            return (stop,)
        return tuple(each for each in array_or_nothing(stop) if isinstance(each, str))

    @cached_property
    def tools(self) -> tuple[OfferedTool, ...]:
        """Functions offered, by `tools` or by the older `functions`."""
        functions = [object_or_nothing(tool).get("function") for tool in array_or_nothing(self.body.get("tools"))]
        functions += array_or_nothing(self.body.get("functions"))
        return tuple(
            OfferedTool(
                name=name,
                parameters=object_or_none(each.get("parameters")),
                strict=each.get("strict") is True,
            )
            for each in map(object_or_nothing, functions)
            if (name := string_or_none(each.get("name"))) is not None
        )

    @property
    def tool_choice(self) -> object:
        """`none`, `auto`, `required`, an object, or None."""
        return self.body.get("tool_choice")

    @property
    def named_tool(self) -> str | None:
        """The function that a named `tool_choice` demands."""
        return string_or_none(object_or_nothing(object_or_nothing(self.tool_choice).get("function")).get("name"))

    @property
    def response_format(self) -> Mapping[str, object]:
        """The format asked for."""
        return object_or_nothing(self.body.get("response_format"))


def read_request(body: bytes | None) -> ChatRequest | None:
    """None where the body is unknown or is no JSON object (a probe, or a recorder that kept answers only)."""
    if body is None:
        return None
    record = object_or_none(parse(body.decode(errors="replace")).value)
    return None if record is None else ChatRequest(body=record)
