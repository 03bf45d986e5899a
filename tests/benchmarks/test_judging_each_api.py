"""How fast a streamed answer of some 2,000 events is judged in each API, next to parsing its JSON alone, in one run."""

import json
from collections.abc import Iterator, Mapping
from typing import cast

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from vapi_conformance.client import Client, Outgoing
from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.platforms.calling import native_body
from vapi_conformance.platforms.direct import Direct
from vapi_conformance.reference import MODEL, reference_server
from vapi_conformance.rules import Profile, all_rules
from vapi_conformance.verdict import Outcome, judge

WORDS = " ".join(f"word{number}" for number in range(6000))
DIALECTS = sorted(EVERY - {Dialect.OPENAI_COMPATIBLE})


@pytest.fixture(scope="module")
def answers() -> Iterator[Mapping[Dialect, Exchange]]:
    """The same words, streamed by the reference server in each API."""
    with reference_server(["--pace-ms", "0"]) as server, Client() as client:
        found: dict[Dialect, Exchange] = {}
        for dialect in DIALECTS:
            platform = Direct.made(dialect=dialect, base_url=server.url, model=MODEL, api_key=server.key)
            asked = [{"role": "user", "content": f"Say exactly: {WORDS}"}]
            body = native_body(platform, platform.chat_body(asked, tools=[], mode=None), {"max_tokens": 100_000})
            found[dialect] = client.send(
                Outgoing(url=platform.url(), headers=platform.headers(), body=json.dumps(body).encode())
            )
        yield found


def chunks_of(exchange: Exchange, dialect: Dialect) -> list[str]:
    evidence = Evidence(exchange=exchange, dialect=dialect)
    assert WORDS == evidence.transcript.text
    return [chunk.payload.raw for chunk in evidence.transcript.chunks]


def note(benchmark: BenchmarkFixture, chunks: int) -> None:
    median_s = cast("float", benchmark.stats.stats.median) if benchmark.stats else 0.0  # pyright: ignore[reportUnknownMemberType] - untyped
    if median_s:
        cast("dict[str, object]", benchmark.extra_info)["chunks_per_s"] = round(chunks / median_s)  # pyright: ignore[reportUnknownMemberType] - untyped


@pytest.mark.parametrize("dialect", DIALECTS)
class TestEachApi:
    def test_limit_parsing_the_json_alone(
        self, benchmark: BenchmarkFixture, answers: Mapping[Dialect, Exchange], dialect: Dialect
    ) -> None:
        benchmark.group = f"judging {dialect}"
        texts = chunks_of(answers[dialect], dialect)
        benchmark(lambda: [json.loads(each) for each in texts])
        note(benchmark, len(texts))

    def test_every_rule(
        self, benchmark: BenchmarkFixture, answers: Mapping[Dialect, Exchange], dialect: Dialect
    ) -> None:
        benchmark.group = f"judging {dialect}"
        exchange, rules = answers[dialect], list(all_rules().values())
        conditions = Conditions(platform="direct")

        def run() -> list[str]:
            evidence = [Evidence(exchange=exchange, dialect=dialect, conditions=conditions)]
            results = judge(rules, evidence, profile=Profile.STANDARD, dialect=dialect)
            broken = (each.rule.id for each in results if each.outcome in (Outcome.VIOLATED, Outcome.HARNESS_ERROR))
            return [name for name in broken if not name.startswith("timing.")]  # how fast the server is, is its affair

        assert [] == benchmark(run)
        note(benchmark, len(chunks_of(exchange, dialect)))
