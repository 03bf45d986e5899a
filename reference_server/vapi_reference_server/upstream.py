"""Passes requests on to any OpenAI-compatible API, and its answers back, byte by byte as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from vapi_reference_server.answer import STREAM_HEADERS, Answer, Write
from vapi_reference_server.dialects.chat.dialect import rewritten
from vapi_reference_server.json_values import JsonObject, as_list, as_object, encode
from vapi_reference_server.pipeline import read_object
from vapi_reference_server.problems import upstream_unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from vapi_reference_server.routes import Route
    from vapi_reference_server.settings import Settings

# Strict APIs refuse keys they do not know, and Vapi sends many (`call`, `customer`, `metadata`, ...), so
# only these are passed on. That also keeps callers' numbers away from the API. Vapi's `metadata` is an
# object of its own making, not the API's map of strings: it stays here.
FORWARDED_KEYS = frozenset(
    (
        *("model", "messages", "stream", "stream_options", "temperature", "top_p", "n", "stop", "seed", "user"),
        *("max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty", "logit_bias"),
        *("logprobs", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls", "response_format"),
        *("functions", "function_call", "reasoning_effort", "verbosity", "service_tier"),
    )
)
_RETURNED_HEADERS = ("content-type", "content-encoding", "retry-after", "www-authenticate", "x-request-id")
_FIRST_ERROR = 400
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class Upstream:
    """The API behind this server. Close it when the server stops."""

    def __init__(self, settings: Settings) -> None:
        base_url = (settings.upstream_base_url or "").rstrip("/")
        self._url = f"{base_url}/chat/completions"
        self._key = settings.upstream_api_key
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        if self._key is not None:
            headers["authorization"] = f"Bearer {self._key}"
        self._client = httpx.AsyncClient(headers=headers, timeout=_TIMEOUT)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def answer(self, raw: bytes, route: Route) -> Answer:
        """What the API answers, refusals included. Raises Problem, status 502, when it does not answer."""
        body = _forwarded(read_object(raw), route)
        request = self._client.build_request("POST", self._url, content=encode(body))
        try:
            response = await self._client.send(request, stream=True)
            if response.status_code >= _FIRST_ERROR:
                return await self._refusal(response)
        except httpx.HTTPError as error:
            # The name of the error only: its text may hold the address, which is nobody's business.
            raise upstream_unreachable(type(error).__name__) from error
        headers = _returned(response)
        if headers.get("content-type", "").startswith("text/event-stream"):
            headers = {**STREAM_HEADERS, **headers}
        return Answer(status=response.status_code, headers=headers, writes=(), live=_bytes_of(response))

    async def _refusal(self, response: httpx.Response) -> Answer:
        data = await response.aread()
        if self._key is not None:
            # Some APIs repeat the key they refuse; whoever calls this server must never see it.
            data = data.replace(self._key.encode(), b"***")
        headers = {key: value for key, value in _returned(response).items() if key != "content-encoding"}
        return Answer(
            status=response.status_code,
            headers={**headers, "content-length": str(len(data))},
            writes=[Write(data=data)],
        )


def _returned(response: httpx.Response) -> dict[str, str]:
    return {name: response.headers[name] for name in _RETURNED_HEADERS if name in response.headers}


async def _bytes_of(response: httpx.Response) -> AsyncGenerator[bytes]:
    try:
        async for data in response.aiter_raw():
            yield data
    finally:
        # Also when the caller has hung up: the API stops generating, and billing, with the connection.
        await response.aclose()


def _forwarded(body: JsonObject, route: Route) -> JsonObject:
    kept = {key: value for key, value in body.items() if key in FORWARDED_KEYS}
    if route.stream is not None:
        kept["stream"] = route.stream
    if not kept.get("stream"):
        # An error at the API without `stream`.
        kept.pop("stream_options", None)
    if route.rewrites_prompt:
        _rewrite_prompt(as_list(kept.get("messages")) or [])
    return kept


def _rewrite_prompt(messages: list[object]) -> None:
    for item in reversed(messages):
        message = as_object(item) or {}
        content = message.get("content")
        if message.get("role") == "user" and isinstance(content, str):
            message["content"] = rewritten(content)
            return
