"""A small client for the tests: sends a request over a real socket and reads the answer in full."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TypeAlias, cast

import httpx

Json: TypeAlias = dict[str, object]

NOTHING: Json = {}

WEATHER: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
        },
    },
}
CLOCK: Json = {"type": "function", "function": {"name": "read_clock", "parameters": {"type": "object"}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came back for one request."""

    status: int
    headers: dict[str, str]
    reads: tuple[bytes, ...]
    complete: bool
    took_s: float

    @property
    def body(self) -> bytes:
        return b"".join(self.reads)

    @property
    def json(self) -> Json:
        return cast("Json", json.loads(self.body))

    @property
    def payloads(self) -> list[str]:
        """The data of all events of a well-formed stream."""
        return [block.removeprefix("data: ") for block in self.body.decode().split("\n\n") if block]

    @property
    def chunks(self) -> list[Json]:
        return [cast("Json", json.loads(payload)) for payload in self.payloads if payload != "[DONE]"]

    @property
    def events(self) -> list[Json]:
        """The payloads of a stream whose events are named. Each name is the payload's type, or this fails."""
        found: list[Json] = []
        for block in self.body.decode().removesuffix("\n\n").split("\n\n"):
            name, data = block.split("\n")
            payload = cast("Json", json.loads(data.removeprefix("data: ")))
            assert name == f"event: {payload['type']}"
            found.append(payload)
        return found


def user(text: str, **more: object) -> Json:
    """A request with one user message."""
    return chat([{"role": "user", "content": text}], **more)


def chat(messages: list[Json], **more: object) -> Json:
    return {"model": "reference", "messages": messages, **more}


def called(call_id: str = "call_1", **more: object) -> Json:
    """An assistant message that calls the weather tool."""
    function = {"name": "get_weather", "arguments": '{"city":"Paris"}'}
    return {
        "role": "assistant",
        "tool_calls": [{"id": call_id, "type": "function", "function": function}],
        **more,
    }


def result(content: str, call_id: str = "call_1") -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def first(owner: Json, key: str) -> Json:
    """The first object of an array."""
    return cast("list[Json]", owner[key])[0]


def every(owner: Json, key: str) -> list[Json]:
    """The objects of an array."""
    return cast("list[Json]", owner[key])


def inner(owner: Json, *keys: str) -> Json:
    """The object at the end of these keys."""
    for key in keys:
        owner = cast("Json", owner[key])
    return owner


def choice(answer: Json) -> Json:
    return first(answer, "choices")


def message(answer: Json) -> Json:
    return cast("Json", choice(answer)["message"])


def delta(chunk: Json) -> Json:
    return cast("Json", choice(chunk)["delta"])


def text_of(chunks: list[Json], index: int = 0) -> str:
    """The text of one choice of a stream."""
    choices = [item for chunk in chunks for item in cast("list[Json]", chunk["choices"])]
    deltas = [cast("Json", item["delta"]) for item in choices if item["index"] == index]
    return "".join(str(item["content"]) for item in deltas if item.get("content"))


class Talk:
    """A connection to one server."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.client = httpx.Client(base_url=base_url, timeout=10.0, verify=False)

    def post(
        self,
        body: Json | bytes,
        path: str = "/chat/completions",
        headers: dict[str, str] | None = None,
        method: str = "POST",
    ) -> Heard:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = {"accept-encoding": "identity", **(headers or {})}
        started = time.perf_counter()
        reads: list[bytes] = []
        complete = True
        with self.client.stream(method, path, content=content, headers=head) as response:
            try:
                reads.extend(response.iter_raw())
            except httpx.TransportError:
                complete = False
        return Heard(
            status=response.status_code,
            headers=dict(response.headers),
            reads=tuple(reads),
            complete=complete,
            took_s=time.perf_counter() - started,
        )

    def say(self, text: str, **more: object) -> str:
        """The words that answer one user message, as JSON."""
        return self.words([{"role": "user", "content": text}], **more)

    def words(self, messages: list[Json], **more: object) -> str:
        return str(message(self.post(chat(messages, **more)).json)["content"])

    def stream(self, body: Json, path: str = "/chat/completions") -> Heard:
        return self.post({**body, "stream": True}, path)
