"""A caller with a telephone, for the tests: one call with an id of its own, and its history as Vapi keeps it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, cast

from reference_server.talking import Heard, Json, Talk, choice, every, inner, message

if TYPE_CHECKING:
    from collections.abc import Sequence

END_CALL: Json = {"type": "function", "function": {"name": "endCall", "parameters": {"type": "object"}}}
NUMBERS = ["+15550111", "+15550122"]


def transfer(*destinations: str, name: str = "transferCall") -> Json:
    """The tool that passes a call on to one of these places."""
    destination = {"type": "string", "enum": list(destinations)}
    parameters = {"type": "object", "properties": {"destination": destination}, "required": ["destination"]}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def tool(name: str) -> Json:
    """A tool without parameters."""
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def says(text: str) -> Json:
    return {"role": "user", "content": text}


def spoke(text: str, **more: object) -> Json:
    return {"role": "assistant", "content": text, **more}


def system(text: str) -> Json:
    return {"role": "system", "content": text}


def called_again(heard: Heard) -> Json:
    """The calls in an answer, as the history repeats them: without a content key."""
    return {"role": "assistant", "tool_calls": message(heard.json)["tool_calls"]}


class Telephone:
    """One call to one server. Requests are what a test says they are: nothing is added to the history by itself."""

    def __init__(self, talk: Talk, fault: str | None = None, tools: Sequence[Json] = ()) -> None:
        self.call_id = f"call-{uuid.uuid4()}"
        self._talk, self._start = talk, "" if fault is None else f"/faults/{fault}"
        self._tools: Json = {"tools": list(tools)} if tools else {}

    def ask(self, *messages: Json, **more: object) -> Heard:
        """One request."""
        body = {"model": "reference", "messages": list(messages), **self._tools, "call": {"id": self.call_id}, **more}
        return self._talk.post(body, f"{self._start}/chat/completions")

    def words(self, *messages: Json, **more: object) -> str:
        """The words of one answer."""
        return str(message(self.ask(*messages, **more).json)["content"] or "")

    def tools(self, *messages: Json, **more: object) -> list[str]:
        """The names of the tools that one answer calls."""
        return names(self.ask(*messages, **more))


def calls_in(heard: Heard) -> list[Json]:
    answer = message(heard.json)
    return every(answer, "tool_calls") if "tool_calls" in answer else []


def names(heard: Heard) -> list[str]:
    return [str(inner(call, "function")["name"]) for call in calls_in(heard)]


def arguments(heard: Heard) -> list[Json]:
    return [cast("Json", json.loads(str(inner(call, "function")["arguments"]))) for call in calls_in(heard)]


def results(heard: Heard, content: str) -> list[Json]:
    """The same result for each call in an answer."""
    return [{"role": "tool", "tool_call_id": call["id"], "content": content} for call in calls_in(heard)]


def finish(heard: Heard) -> object:
    return choice(heard.json)["finish_reason"]


def runs(heard: Heard) -> str | None:
    """How often the server's own tools have run in the call."""
    return heard.headers.get("x-tool-runs")
