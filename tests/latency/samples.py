"""Samples for tests: a chat answer whose events come at given times, as the engine would hand it over."""

import json
from dataclasses import replace

from timed_answers import DONE, NS_PER_MS, chunk, streamed, words
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange, Timing
from vapi_conformance.latency.metrics import Sample

__all__ = ["answered", "sample", "with_usage"]


def answered(
    *texts: tuple[float, str],
    end_ms: float | None = None,
    end: End = End.CLEAN,
    headers_ms: float = 5.0,
    timing: Timing | None = None,
) -> Exchange:
    """A stream: the role at 10 ms, these texts, and the finish with the last of them; over at `end_ms`."""
    last_ms = texts[-1][0] if texts else 10.0
    events = [(10.0, chunk({"role": "assistant", "content": ""})), *((at_ms, words(text)) for at_ms, text in texts)]
    if end is End.CLEAN:
        events.append((last_ms, chunk({}, "stop") + DONE))
    exchange = streamed(*events, end=end, end_ms=end_ms)
    given = timing or Timing()
    whole = replace(given, first_header_byte_ns=round(headers_ms * NS_PER_MS), end_ns=exchange.timing.end_ns)
    return replace(exchange, timing=whole)


def with_usage(exchange: Exchange, tokens: object, **delta: object) -> Exchange:
    """With one more event before the last read: usage, and a delta of its own where one is given."""
    usage = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": 2}
    choices = [{"index": 0, "delta": delta, "finish_reason": None}] if delta else []
    event = f"data: {json.dumps({'id': 'chatcmpl-1', 'choices': choices, 'usage': usage})}\n\n".encode()
    *before, last = exchange.reads
    return replace(exchange, reads=(*before, replace(last, data=event), last))


def sample(exchange: Exchange, *, intended_ms: float = 0.0, sent_ms: float | None = 0.0) -> Sample:
    """As load traffic."""
    return Sample(
        evidence=Evidence(exchange=exchange),
        intended_ns=round(intended_ms * NS_PER_MS),
        sent_ns=None if sent_ms is None else round(sent_ms * NS_PER_MS),
    )
