"""Endpoints of tests for load: they answer in chunks, at once, and remember what they were asked."""

import json
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from served_apps import serving
from vapi_conformance.narrow import array_or_nothing, object_or_nothing

__all__ = ["ANSWER", "Answering", "endpoint", "refusal", "stream"]

ANSWER = ("Hello, this is ", "the bakery ", "on Mill Street.")


class Answering:
    """Streams `ANSWER`, or what `say` gives for the number of the request, from 1."""

    def __init__(self) -> None:
        self.bodies: list[Mapping[str, object]] = []
        self.headers: list[Mapping[str, str]] = []
        self.say: Callable[[int], Response | None] = lambda number: None

    @property
    def messages(self) -> list[list[Mapping[str, object]]]:
        """Of each request."""
        return [[object_or_nothing(each) for each in array_or_nothing(body["messages"])] for body in self.bodies]

    async def __call__(self, request: Request) -> Response:
        self.bodies.append(object_or_nothing(cast("object", await request.json())))
        self.headers.append(dict(request.headers))
        return self.say(len(self.bodies)) or stream(*ANSWER)


def refusal(status: int, message: str = "no", **headers: str) -> Response:
    """headers: with underscores."""
    error = {"message": message, "type": "error", "param": None, "code": None}
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({"error": error}, status_code=status, headers=fields)


def stream(*texts: str, calls: Mapping[str, object] | None = None) -> Response:
    async def body() -> AsyncIterator[str]:
        yield chunk({"role": "assistant", "content": ""})
        for text in texts:
            yield chunk({"content": text})
        if calls is not None:
            yield chunk({"tool_calls": [calls]})
        yield chunk({}, "stop" if calls is None else "tool_calls")
        yield "data: [DONE]\n\n"

    return StreamingResponse(body(), media_type="text/event-stream")


def chunk(delta: Mapping[str, object], finish_reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(whole)}\n\n"


@contextmanager
def endpoint() -> Generator[tuple[str, Answering]]:
    """Its base URL, and itself."""
    app = Answering()

    async def answer(request: Request) -> Response:
        return await app(request)

    with serving(Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])) as url:
        yield f"{url}/v1", app
