"""Servers by other hands: what people really put behind Vapi, judged over a real socket.

A harness and a server by the same hand agree on the same mistakes. Here the chunks come from the official `openai`
package, and the samples have the forms that Vapi itself published; how Vapi treats those is in the facts on Vapi,
2.1 and 2.2.
"""

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest
from openai import AsyncOpenAI, AsyncStream
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from served_apps import serving
from vapi_conformance.client import Client, Limits
from vapi_conformance.consumers import Outcome
from vapi_conformance.consumers.openai_node import hear
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.platforms.vapi import Platform
from vapi_conformance.platforms.vapi.consequence import Sureness, What
from vapi_conformance.reference import reference_server
from vapi_conformance.report.effect import effects
from vapi_conformance.rules import Level, Profile, all_rules
from vapi_conformance.scenario import all_scenarios
from vapi_conformance.suite import play
from vapi_conformance.verdict import Outcome as Judged
from vapi_conformance.verdict import RuleResult, judge

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

pytestmark = pytest.mark.slow

STRIPPED = ("call", "metadata", "phoneNumber", "customer", "assistant", "timestamp")
"""What an author strips who has seen one request of Vapi's: the keys of the default metadata mode."""

SAID = "Hello, who is this?"
"""The caller's words in the scenario `plain`; the samples repeat them."""


class Piping:
    """The endpoint of a hundred tutorials: chunks of the official package, each dumped into a `data:` line."""

    def __init__(self, upstream: AsyncOpenAI) -> None:
        self._create = cast("Callable[..., Awaitable[object]]", upstream.chat.completions.create)

    async def with_done(self, request: Request) -> Response:
        asked = await self._asked(request)
        if asked.get("stream") is not True:
            return JSONResponse(cast("ChatCompletion", await self._create(**asked)).model_dump())
        return StreamingResponse(self._events(asked, end="data: [DONE]\n\n"), media_type="text/event-stream")

    async def without_done(self, request: Request) -> Response:
        """As in Vapi's own samples, which forward the chunks and stop."""
        return StreamingResponse(self._events(await self._asked(request)), media_type="text/event-stream")

    async def named_events(self, request: Request) -> Response:
        """As sse-starlette writes `{"event": "message", "data": ...}`."""
        events = self._events(await self._asked(request), begin="event: message\n", end="data: [DONE]\n\n")
        return StreamingResponse(events, media_type="text/event-stream")

    async def _asked(self, request: Request) -> dict[str, object]:
        body = cast("dict[str, object]", await request.json())
        return {key: value for key, value in body.items() if key not in STRIPPED}

    async def _events(self, asked: Mapping[str, object], *, begin: str = "", end: str = "") -> AsyncIterator[str]:
        # Asked for inside the generator, as in the tutorials: by then the status 200 has been sent.
        async for chunk in cast("AsyncStream[ChatCompletionChunk]", await self._create(**asked)):
            yield f"{begin}data: {chunk.model_dump_json()}\n\n"
        yield end


def completion(**choice: object) -> dict[str, object]:
    """A whole answer with this in its only choice."""
    return {
        "id": "chatcmpl-sample",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "gpt-3.5-turbo-0613",
        "system_fingerprint": None,
        "choices": [{"index": 0, **choice, "logprobs": None, "finish_reason": "stop"}],
    }


async def delta_in_json(_: Request) -> Response:
    """Vapi's sample `/basic`: one JSON document with the text in `delta`."""
    return JSONResponse(completion(delta={"content": SAID}))


async def message_in_json(_: Request) -> Response:
    """What an API without streaming answers."""
    return JSONResponse(completion(message={"role": "assistant", "content": SAID, "refusal": None}))


async def delta_in_one_event(_: Request) -> Response:
    """Vapi's serverless sample: the same document as the only event of a stream."""
    document = json.dumps(completion(delta={"content": SAID}))
    return Response(f"data: {document}\n\n", media_type="text/event-stream")


async def bare_function_call(_: Request) -> Response:
    """As the documentation prints a transfer: no choices at all."""
    call = {"function_call": {"name": "transferCall", "arguments": {"destination": "+15550100"}}}
    return Response(f"data: {json.dumps(call)}\n\ndata: [DONE]\n\n", media_type="text/event-stream")


def application(upstream: AsyncOpenAI) -> Starlette:
    piping = Piping(upstream)
    endpoints: Mapping[str, Callable[[Request], Awaitable[Response]]] = {
        "piping": piping.with_done,
        "openai-sse": piping.without_done,
        "named-events": piping.named_events,
        "basic": delta_in_json,
        "message": message_in_json,
        "serverless": delta_in_one_event,
        "transfer": bare_function_call,
    }

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with upstream:
            yield

    routes = [Route(f"/{name}/chat/completions", each, methods=["POST"]) for name, each in endpoints.items()]
    return Starlette(routes=routes, lifespan=lifespan)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with reference_server(["--model", "*", "--pace-ms", "1"]) as reference:
        upstream = AsyncOpenAI(base_url=f"{reference.url}/v1", api_key=reference.key, max_retries=0)
        with serving(application(upstream)) as served:
            yield served


def played(base_url: str, *names: str) -> list[Evidence]:
    """These scenarios against this endpoint; all that need no key where none is named."""
    known = all_scenarios()
    scenarios = [known[name] for name in names] or [each for each in known.values() if not each.requires_key]
    platform = Platform.from_files(base_url=base_url, model="gpt-4o")
    with Client(limits=Limits(idle_s=10, total_s=20)) as client:
        return [Evidence(exchange=each) for each in play(scenarios, platform=platform, client=client)]


def results(evidence: Sequence[Evidence]) -> list[RuleResult]:
    """All rules but those on time: a busy machine is slow through no fault of the server's."""
    rules = [rule for rule in all_rules().values() if not rule.id.startswith("timing.")]
    return judge(rules, evidence, profile=Profile.VAPI, dialect=Dialect.OPENAI_COMPATIBLE)


def broken(judged: Sequence[RuleResult]) -> dict[str, Level]:
    return {each.rule.id: each.level for each in judged if each.outcome is Judged.VIOLATED}


@pytest.fixture(scope="module")
def judged(url: str) -> list[RuleResult]:
    """The whole suite against the piping endpoint."""
    return results(played(f"{url}/piping"))


class TestThePythonPackagePipedThrough:
    """Everything that such an endpoint breaks, and nothing that it does not."""

    BREAKS: Mapping[Level, Mapping[str, str]] = {
        Level.MUST: {
            "http.body-is-complete": "upstream refuses when the 200 is out, so the connection breaks instead",
            "http.unknown-keys-are-ignored": "create() takes no argument of that name, again after the 200",
            "http.metadata-modes-are-accepted": "destructured metadata are such names",
        },
        Level.SHOULD: {
            "http.malformed-json-is-400": "request.json() raises: 500",
            "errors.body-is-json": "Starlette's 500 is the text Internal Server Error",
            "errors.wrong-type-is-400": "the refusal comes from upstream, after the 200",
        },
        Level.MAY: {
            "http.stream-is-not-cached": "no Cache-Control",
            "http.proxies-are-told-not-to-buffer": "no X-Accel-Buffering",
            "http.full-url-is-served": "one route only",
            "tools.no-empty-call-list": "the package dumps tool_calls: null on every delta",
            "tools.unknown-result-is-refused": "the refusal comes after the 200",
            "errors.unknown-model-is-refused": "upstream serves every name",
            "errors.empty-messages-is-400": "the refusal comes after the 200",
        },
    }

    def test_breaks_exactly_what_it_is_known_to_break(self, judged: list[RuleResult]) -> None:
        expected = {rule: level for level, reasons in self.BREAKS.items() for rule in reasons}
        assert expected == broken(judged)

    def test_shows_all_that_is_needed(self, judged: list[RuleResult]) -> None:
        unshown = (Judged.UNTESTABLE, Judged.UNREACHABLE, Judged.HARNESS_ERROR)
        assert [] == [(each.rule.id, each.reason) for each in judged if each.outcome in unshown]

    def test_the_request_that_vapi_may_send_is_named(self, judged: list[RuleResult]) -> None:
        (found,) = [each for each in judged if each.rule.id == "http.metadata-modes-are-accepted"]
        assert ["destructured"] == [
            label.step for each in found.findings if (label := each.evidence.exchange.label) is not None
        ]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What Vapi makes of a plain turn that is answered in this form."""

    path: str
    heard: Outcome
    effect: What
    sureness: Sureness
    error: str | None = None
    breaks: frozenset[str]
    """What the plain turn breaks at MUST or SHOULD."""


SAMPLES = (
    Sample(
        path="basic",
        heard=Outcome.SILENCE,
        effect="silence",
        sureness="inferred",
        breaks=frozenset({"http.delta-document-is-a-stream", "chat.choice-has-message"}),
    ),
    Sample(
        path="message",
        heard=Outcome.SILENCE,
        effect="silence",
        sureness="observed",
        breaks=frozenset({"http.stream-request-gets-stream"}),
    ),
    Sample(
        path="serverless",
        heard=Outcome.SPOKEN,
        effect="heard",
        sureness="observed",
        breaks=frozenset({"http.stream-has-no-content-length", "chat-stream.ends-with-done"}),
    ),
    Sample(
        path="openai-sse",
        heard=Outcome.SPOKEN,
        effect="heard",
        sureness="observed",
        breaks=frozenset({"chat-stream.ends-with-done"}),
    ),
    Sample(
        path="named-events",
        heard=Outcome.FAILED,
        effect="call-ends",
        sureness="observed",
        error="TypeError: chunk.choices is not iterable",
        breaks=frozenset({"sse.no-event-names"}),
    ),
    Sample(
        path="transfer",
        heard=Outcome.FAILED,
        effect="call-ends",
        sureness="observed",
        error="TypeError: chunk.choices is not iterable",
        breaks=frozenset({"http.stream-has-no-content-length", "chat-stream.choices-is-an-array"}),
    ),
)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.path)
class TestForms:
    @pytest.fixture
    def plain(self, url: str, sample: Sample) -> Evidence:
        (evidence,) = played(f"{url}/{sample.path}", "plain")
        return evidence

    def test_is_heard_as_vapi_hears_it(self, plain: Evidence, sample: Sample) -> None:
        heard = hear(plain.exchange)
        assert (sample.heard, sample.error) == (heard.outcome, heard.error)
        assert (SAID in heard.text) is (sample.heard is Outcome.SPOKEN)

    def test_has_the_effect_that_was_seen(self, plain: Evidence, sample: Sample) -> None:
        (effect,) = effects(plain)
        assert (sample.effect, sample.sureness) == (effect.what, effect.sureness)

    def test_breaks_exactly_what_it_is_known_to_break(self, plain: Evidence, sample: Sample) -> None:
        found = {rule for rule, level in broken(results([plain])).items() if level is not Level.MAY}
        assert sample.breaks == found
