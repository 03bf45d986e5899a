"""httpx as a naive engine, in a process of its own: what most scripts that measure a time to first token do.

    python benchmarks/httpx_peer.py PORT STREAMS ROUNDS

Prints one JSON object: `ttft_errors_us`, `lags_us`, `cpu_us`, `answered`. A round that is not counted opens the
connections, as the clients that it is compared with open theirs beforehand.
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass, field

import httpx

__all__ = ["main"]

BODY = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}'
HEADERS = {"content-type": "application/json"}
TIMEOUT_S = 60
STAMP = re.compile(r"t(\d+) (\d+) ")
"""When the chunk was sent, and when its request had arrived."""


@dataclass(slots=True)
class Seen:
    """Of all streams."""

    ttft_errors_us: list[float] = field(default_factory=list[float])
    lags_us: list[float] = field(default_factory=list[float])
    answered: int = 0


async def one_answer(client: httpx.AsyncClient, url: str) -> tuple[int, list[tuple[int, str]], bool]:
    """When it was asked for, when each content was seen, and whether it came to its end."""
    contents: list[tuple[int, str]] = []
    began_ns = time.monotonic_ns()
    async with client.stream("POST", url, content=BODY, headers=HEADERS, timeout=TIMEOUT_S) as response:
        async for line in response.aiter_lines():
            if not line.startswith("data: "):
                continue
            if line == "data: [DONE]":
                return began_ns, contents, True
            content = json.loads(line[6:])["choices"][0]["delta"].get("content")
            if content:
                contents.append((time.monotonic_ns(), content))
    return began_ns, contents, False


async def one_stream(client: httpx.AsyncClient, url: str, rounds: int, seen: Seen) -> None:
    """One answer after the other."""
    for _ in range(rounds):
        try:
            began_ns, contents, is_whole = await one_answer(client, url)
        except httpx.HTTPError:
            continue
        seen.answered += is_whole
        for number, (at_ns, content) in enumerate(contents):
            stamp = STAMP.match(content)
            if stamp is None:
                continue
            sent_ns, request_ns = int(stamp[1]), int(stamp[2])
            seen.lags_us.append((at_ns - sent_ns) / 1000)
            if number == 0:
                seen.ttft_errors_us.append(((at_ns - began_ns) - (sent_ns - request_ns)) / 1000)


async def measured(port: int, streams: int, rounds: int) -> dict[str, object]:
    """JSON-ready."""
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    # Without limits the pool would keep 20 connections of 100, and measure its own queue.
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=streams), trust_env=False) as client:
        await asyncio.gather(*(one_stream(client, url, 1, Seen()) for _ in range(streams)))
        seen = Seen()
        before_ns = time.process_time_ns()
        await asyncio.gather(*(one_stream(client, url, rounds, seen) for _ in range(streams)))
        cpu_us = (time.process_time_ns() - before_ns) / 1000
    return {
        "ttft_errors_us": seen.ttft_errors_us,
        "lags_us": seen.lags_us,
        "cpu_us": cpu_us,
        "answered": seen.answered,
    }


def main() -> None:
    """Reads three numbers, measures, prints."""
    port, streams, rounds = (int(each) for each in sys.argv[1:4])
    sys.stdout.write(json.dumps(asyncio.run(measured(port, streams, rounds))))


if __name__ == "__main__":
    main()
