"""What the model answers, before a dialect gives it a form."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from vapi_reference_server.json_values import JsonObject, encode
from vapi_reference_server.tokens import count_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a tool; `arguments` is a string of JSON, as the API carries it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One choice of the answer: words, calls, or words and then calls, and why it ended."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    finish_reason: str = "stop"
    reasoning: str = ""
    stopped_by: str | None = None
    """The stop sequence that ended the words, if one did."""

    @property
    def reasoning_tokens(self) -> int:
        """What the reasoning costs."""
        return count_tokens(self.reasoning)

    @property
    def tokens(self) -> int:
        """What this choice costs, in completion tokens, beside its reasoning."""
        calls = sum(count_tokens(call.name) + count_tokens(call.arguments) for call in self.calls)
        return count_tokens(self.text) + calls


def new_call(name: str, arguments: JsonObject) -> Call:
    """A call with an id that no other has."""
    return Call(id=f"call_{uuid.uuid4().hex[:24]}", name=name, arguments=encode(arguments).decode())
