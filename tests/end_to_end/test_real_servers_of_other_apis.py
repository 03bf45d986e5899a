"""Servers by other hands in the other APIs: what the official client libraries dump when somebody pipes them through.

The reference server answers behind them, but every byte that is judged was written by the types of the `openai`,
`anthropic` and `google-genai` packages, as their users would write a gateway.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

import pytest
from anthropic import APIStatusError as AnthropicStatusError
from anthropic import AsyncAnthropic
from google import genai
from google.genai import errors as genai_errors
from google.genai.types import HttpOptions
from openai import APIStatusError as OpenAIStatusError
from openai import AsyncOpenAI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from served_apps import serving
from vapi_conformance.client import Client, Limits
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.platforms.direct import Direct
from vapi_conformance.reference import MODEL, reference_server
from vapi_conformance.report.effect import effects
from vapi_conformance.rules import Level, Profile, all_rules
from vapi_conformance.scenario import all_scenarios
from vapi_conformance.suite import play
from vapi_conformance.verdict import Outcome, RuleResult, judge

if TYPE_CHECKING:
    from vapi_conformance.reference import ReferenceServer

pytestmark = pytest.mark.slow

HEADERS = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}
Create = Callable[..., Awaitable[object]]


class Dumped(Protocol):
    """What the packages' types have in common."""

    def model_dump_json(self, *, by_alias: bool = False, exclude_none: bool = False) -> str: ...


def document(answer: object, **how: bool) -> Response:
    return Response(cast("Dumped", answer).model_dump_json(**how), media_type="application/json")


async def asked(request: Request) -> dict[str, object] | None:
    """The body, None where it is no JSON object."""
    try:
        body: object = await request.json()
    except ValueError:
        return None
    return cast("dict[str, object]", body) if isinstance(body, dict) else None


async def named(events: AsyncIterator[object]) -> AsyncIterator[str]:
    """Server-sent events named by their type."""
    async for event in events:
        kind = str(getattr(event, "type", ""))
        yield f"event: {kind}\ndata: {cast('Dumped', event).model_dump_json()}\n\n"


async def bare(first: object, chunks: AsyncIterator[object]) -> AsyncIterator[str]:
    """Server-sent events that are data alone."""
    yield f"data: {cast('Dumped', first).model_dump_json(by_alias=True, exclude_none=True)}\r\n\r\n"
    async for chunk in chunks:
        yield f"data: {cast('Dumped', chunk).model_dump_json(by_alias=True, exclude_none=True)}\r\n\r\n"


class Gateway:
    """One route for each API; a refusal from behind is handed on as it is."""

    def __init__(self, reference: "ReferenceServer") -> None:
        self._openai = AsyncOpenAI(base_url=f"{reference.url}/v1", api_key=reference.key, max_retries=0)
        self._anthropic = AsyncAnthropic(base_url=reference.url, api_key=reference.key, max_retries=0)
        self._genai = genai.Client(api_key=reference.key, http_options=HttpOptions(base_url=reference.url))
        self._responses = cast("Create", self._openai.responses.create)
        self._messages = cast("Create", self._anthropic.messages.create)
        # The package leaves parts of its types open; a gateway hands JSON through.
        self._gemini = cast("object", self._genai.aio.models)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        async with self._openai, self._anthropic, self._genai.aio:
            yield
        self._genai.close()

    async def responses(self, request: Request) -> Response:
        body = await asked(request)
        if body is None:
            return JSONResponse({"error": {"message": "no JSON", "type": "x", "param": None, "code": None}}, 400)
        try:
            answer = await self._responses(**known(body, RESPONSES))
        except OpenAIStatusError as refused:
            return JSONResponse({"error": refused.body}, refused.status_code)
        if body.get("stream") is not True:
            return document(answer)
        events = named(cast("AsyncIterator[object]", answer))
        return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)

    async def messages(self, request: Request) -> Response:
        body = await asked(request)
        if body is None or "max_tokens" not in body:
            error = {"type": "invalid_request_error", "message": "max_tokens, in JSON, is needed"}
            return JSONResponse({"type": "error", "error": error}, 400)
        try:
            typed = {key: body[key] for key in ("model", "messages", "max_tokens", "stream") if key in body}
            rest = {key: value for key, value in body.items() if key not in typed}
            answer = await self._messages(**typed, extra_body=rest)
        except AnthropicStatusError as refused:
            return JSONResponse(refused.body, refused.status_code)
        if body.get("stream") is not True:
            return document(answer)
        events = named(cast("AsyncIterator[object]", answer))
        return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)

    async def gemini(self, request: Request) -> Response:
        body = await asked(request)
        model, _, method = str(request.path_params["method"]).partition(":")
        streams = method.startswith("stream")
        if body is None:
            return JSONResponse({"error": {"code": 400, "message": "no JSON", "status": "INVALID_ARGUMENT"}}, 400)
        settings = cast("dict[str, object]", body.get("generationConfig", {}))
        config = settings | {key: body[key] for key in ("systemInstruction", "tools", "toolConfig") if key in body}
        create = getattr(self._gemini, "generate_content_stream" if streams else "generate_content")
        try:
            answer = await cast("Create", create)(model=model, contents=body.get("contents"), config=config)
            if not streams:
                return document(answer, by_alias=True, exclude_none=True)
            # The package asks when the first chunk is wanted: only then a refusal can still have its status.
            chunks = cast("AsyncIterator[object]", answer)
            first = await anext(chunks)
        except genai_errors.APIError as refused:
            return JSONResponse(cast("object", refused.details), refused.code)  # pyright: ignore[reportUnknownMemberType] - untyped
        except ValueError as wrong:  # the package's own types do not take it
            error = {"code": 400, "message": type(wrong).__name__, "status": "INVALID_ARGUMENT"}
            return JSONResponse({"error": error}, 400)
        return StreamingResponse(bare(first, chunks), media_type="text/event-stream", headers=HEADERS)


RESPONSES = frozenset(
    {"model", "input", "instructions", "stream", "max_output_tokens", "temperature", "top_p", "tools", "tool_choice"}
    | {"parallel_tool_calls", "text", "reasoning", "store", "previous_response_id", "metadata", "include", "truncation"}
)


def known(body: Mapping[str, object], keys: frozenset[str]) -> dict[str, object]:
    """What the package takes as arguments."""
    return {key: value for key, value in body.items() if key in keys}


@dataclass(frozen=True, kw_only=True)
class Piped:
    """What such a gateway is known to break, each with its reason, and nothing else."""

    dialect: Dialect
    path: str
    must: Mapping[str, str] = field(default_factory=dict[str, str])
    should: Mapping[str, str] = field(default_factory=dict[str, str])


PIPED = (
    Piped(dialect=Dialect.OPENAI_RESPONSES, path="/v1"),
    Piped(
        dialect=Dialect.ANTHROPIC_MESSAGES,
        path="",
        should={
            "anthropic.refusal-names-the-request": "the gateway's own refusal has no request_id",
            "anthropic.request-id-is-sent": "headers from behind are not handed on",
            "anthropic.version-is-required": "the package sends one of its own behind the gateway",
        },
    ),
    Piped(
        dialect=Dialect.GEMINI_GENERATE_CONTENT,
        path="",
        should={"gemini-stream.no-alt-gets-an-array": "every stream is one of events here"},
    ),
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with reference_server(["--pace-ms", "1"]) as reference:
        gateway = Gateway(reference)
        routes = [
            Route("/v1/responses", gateway.responses, methods=["POST"]),
            Route("/v1/messages", gateway.messages, methods=["POST"]),
            Route("/v1beta/models/{method:path}", gateway.gemini, methods=["POST"]),
        ]
        with serving(Starlette(routes=routes, lifespan=gateway.lifespan)) as served:
            yield served


def results(url: str, piped: Piped) -> list[RuleResult]:
    """All rules but those on time: a busy machine is slow through no fault of the server's."""
    platform = Direct.made(dialect=piped.dialect, base_url=url + piped.path, model=MODEL)
    fitting = [each for each in all_scenarios().values() if each.fits(platform.name, platform.dialect)]
    scenarios = [each for each in fitting if not each.requires_key]
    conditions = Conditions(platform="direct")
    with Client(limits=Limits(idle_s=10, total_s=20)) as client:
        evidence = [
            Evidence(exchange=each, dialect=piped.dialect, conditions=conditions)
            for each in play(scenarios, platform=platform, client=client)
        ]
    rules = [rule for rule in all_rules().values() if not rule.id.startswith("timing.")]
    return judge(rules, evidence, profile=Profile.STANDARD, dialect=piped.dialect)


@pytest.mark.parametrize("piped", PIPED, ids=lambda piped: piped.dialect)
def test_breaks_exactly_what_it_is_known_to_break(url: str, piped: Piped) -> None:
    judged = results(url, piped)
    broken = {
        level: {each.rule.id for each in judged if each.outcome is Outcome.VIOLATED and each.level is level}
        for level in (Level.MUST, Level.SHOULD)
    }
    assert {Level.MUST: set(piped.must), Level.SHOULD: set(piped.should)} == broken, json.dumps(
        {
            each.rule.id: f"{each.findings[0].violation.actual} ({each.findings[0].evidence.exchange.label})"
            for each in judged
            if each.findings
        },
        indent=1,
    )
    assert [] == [(each.rule.id, each.reason) for each in judged if each.outcome is Outcome.HARNESS_ERROR]


@pytest.mark.parametrize("piped", PIPED, ids=lambda piped: piped.dialect)
def test_is_heard_by_every_client(url: str, piped: Piped) -> None:
    platform = Direct.made(dialect=piped.dialect, base_url=url + piped.path, model=MODEL)
    with Client(limits=Limits(idle_s=10, total_s=20)) as client:
        (exchange,) = play([all_scenarios()["plain"]], platform=platform, client=client)
    found = effects(Evidence(exchange=exchange, dialect=piped.dialect, conditions=Conditions(platform="direct")))
    assert {"heard"} == {each.what for each in found}, [each.sentence for each in found]
