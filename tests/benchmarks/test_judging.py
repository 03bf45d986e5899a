"""How fast stored chunks are judged, next to a bare decoder and next to the limit, in one run.

`tox -e bench` prints the three one below the other; the ratio counts, since machines differ. `chunks_per_s` stands
in the extra info of each (`--benchmark-json FILE`). The goal is 2,000 judged chunks per second and core.
"""

import json
from collections.abc import Callable
from io import BytesIO
from typing import cast

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sseclient import SSEClient

from vapi_conformance.consumers.openai_node import hear
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Read, Request, Response
from vapi_conformance.rules import Profile, all_rules
from vapi_conformance.sse import decode
from vapi_conformance.verdict import Outcome, judge

CHUNKS = 2000


def payload(number: int) -> bytes:
    first, last = number == 0, number == CHUNKS - 1
    delta = {"role": "assistant", "content": ""} if first else {} if last else {"content": f" word{number}."}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": "stop" if last else None}
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1785312000, "model": "m", "choices": [choice]}
    return json.dumps(chunk).encode()


PAYLOADS = [payload(number) for number in range(CHUNKS)]
EVENTS = [b"data: " + each + b"\n\n" for each in PAYLOADS] + [b"data: [DONE]\n\n"]
EXCHANGE = Exchange(
    request=Request(
        method="POST",
        url="http://endpoint.example/v1/chat/completions",
        body=b'{"model":"m","stream":true,"messages":[{"role":"user","content":"Tell me a long story."}]}',
    ),
    response=Response(status=200, headers=((b"Content-Type", b"text/event-stream; charset=utf-8"),)),
    reads=tuple(Read(at_ns=1_000_000 * number, data=event) for number, event in enumerate(EVENTS)),
)


def measured(benchmark: BenchmarkFixture, work: Callable[[], object]) -> object:
    result = cast("object", benchmark(work))
    median_s = cast("float", benchmark.stats.stats.median) if benchmark.stats else 0.0  # pyright: ignore[reportUnknownMemberType] - untyped
    if median_s:
        cast("dict[str, object]", benchmark.extra_info)["chunks_per_s"] = round(CHUNKS / median_s)  # pyright: ignore[reportUnknownMemberType] - untyped
    return result


@pytest.mark.benchmark(group="judging 2,000 chunks")
class TestJudging:
    def test_limit_parsing_the_json_alone(self, benchmark: BenchmarkFixture) -> None:
        parsed = measured(benchmark, lambda: [json.loads(each) for each in PAYLOADS])
        assert isinstance(parsed, list)

    def test_peer_sseclient_and_json(self, benchmark: BenchmarkFixture) -> None:
        body = b"".join(EVENTS)

        def read() -> int:
            return sum(
                1 for event in SSEClient(BytesIO(body)).events() if event.data != "[DONE]" and json.loads(event.data)
            )

        assert CHUNKS == measured(benchmark, read)

    def test_decoding_events(self, benchmark: BenchmarkFixture) -> None:
        measured(benchmark, lambda: decode(EXCHANGE.reads))

    def test_hearing_as_openai_node(self, benchmark: BenchmarkFixture) -> None:
        measured(benchmark, lambda: hear(EXCHANGE))

    def test_transcript(self, benchmark: BenchmarkFixture) -> None:
        measured(benchmark, lambda: Evidence(exchange=EXCHANGE).transcript)

    def test_every_rule(self, benchmark: BenchmarkFixture) -> None:
        rules = list(all_rules().values())

        def run() -> set[Outcome]:
            evidence = [Evidence(exchange=EXCHANGE)]
            results = judge(rules, evidence, profile=Profile.STANDARD, dialect=Dialect.OPENAI_CHAT_COMPLETIONS)
            return {each.outcome for each in results}

        outcomes = measured(benchmark, run)
        assert {Outcome.PASSED, Outcome.NOT_APPLICABLE, Outcome.VIOLATED} >= outcomes  # type: ignore[operator]  # a set
