"""An endpoint in a thread that answers as it is told, and remembers what it was asked."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from served_apps import serving
from timed_answers import DONE, chunk, words

__all__ = ["Telephone", "answering", "calling"]

Body = Mapping[str, object]


def calling(name: str, arguments: str = "{}") -> str:
    """An answer that calls a tool."""
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return chunk({"role": "assistant", "tool_calls": [call]}) + chunk({}, "tool_calls") + DONE


@dataclass
class Telephone:
    """Answers in order, the last one for all further. {key} stands for what came as Authorization."""

    answers: Sequence[str | int | None]
    """Events, or words to stream; a status to refuse with; None: no answer ever."""
    url: str = ""
    bodies: list[Body] = field(default_factory=list[Body])
    hooks: list[tuple[Mapping[str, str], Body]] = field(default_factory=list[tuple[Mapping[str, str], Body]])

    async def chat(self, request: Request) -> Response:
        """`/chat/completions`."""
        self.bodies.append(cast("Body", await request.json()))
        answer = self.answers[min(len(self.bodies), len(self.answers)) - 1]
        if isinstance(answer, int):
            return JSONResponse({"error": {"message": "No.\x1b[31m", "type": "x"}}, answer)
        if answer is None:
            await asyncio.sleep(60)
        text = (answer or "").replace("{key}", request.headers.get("authorization", ""))
        return StreamingResponse(self.stream(text), media_type="text/event-stream")

    async def stream(self, text: str) -> AsyncGenerator[str]:
        """Word by word."""
        if text.startswith("data:"):
            yield text
            return
        yield chunk({"role": "assistant", "content": ""})
        for word in text.split(" "):
            yield words(word + " ")
        yield chunk({}, "stop") + DONE

    async def hook(self, request: Request) -> Response:
        """Where tools are posted to."""
        body = cast("Body", await request.json())
        self.hooks.append((dict(request.headers), body))
        calls = cast("dict[str, list[dict[str, str]]]", body["message"])["toolCallList"]
        return JSONResponse({"results": [{"toolCallId": each["id"], "result": "From the server."} for each in calls]})

    def wait_for(self, count: int) -> None:
        """Until so many requests have come."""
        until = time.monotonic() + 60
        while len(self.bodies) < count:
            assert time.monotonic() < until, f"{len(self.bodies)} requests of {count}"
            time.sleep(0.01)

    def said(self, number: int = -1) -> list[tuple[str, str]]:
        """Role and content of each message of a request, but for the prompt."""
        messages = cast("list[dict[str, object]]", self.bodies[number]["messages"])
        return [
            (str(each["role"]), str(each.get("content", json.dumps(each.get("tool_calls"))))) for each in messages[1:]
        ]


@contextmanager
def answering(*answers: str | int | None) -> Generator[Telephone]:
    """Until the block is over."""
    telephone = Telephone(answers)
    routes = [
        Route("/chat/completions", telephone.chat, methods=["POST"]),
        Route("/hook", telephone.hook, methods=["POST"]),
    ]
    with serving(Starlette(routes=routes)) as telephone.url:
        yield telephone
