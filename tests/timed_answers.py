"""Exchanges for tests of rules: a request, and an answer whose events come at given times."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import End, Exchange, Label, Read, Request, Response, Timing
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST, Violation
from vapi_conformance.verdict import Outcome, judge_rule

NS_PER_MS = 1_000_000
DONE = "data: [DONE]\n\n"


def chunk(delta: Mapping[str, object], finish: str | None = None, *, answer_id: str = "chatcmpl-1") -> str:
    """One event with one choice."""
    payload = {
        "id": answer_id,
        "object": "chat.completion.chunk",
        "created": 1785312000,
        "model": "reference",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return f"data: {json.dumps(payload)}\n\n"


def words(text: str) -> str:
    """One event with content."""
    return chunk({"content": text})


def ask(*messages: Mapping[str, object], **body: object) -> Mapping[str, object]:
    """A request body with these messages, streamed unless `stream=False`."""
    return {"model": "reference", "messages": list(messages), "stream": True, **body}


def user(text: str) -> Mapping[str, object]:
    """A user message."""
    return {"role": "user", "content": text}


def streamed(
    *writes: tuple[float, str],
    request: Mapping[str, object] | None = None,
    end_ms: float | None = None,
    end: End = End.CLEAN,
    status: int = 200,
    label: Label | None = None,
) -> Exchange:
    """Writes are milliseconds and text; the body ends with the last of them unless `end_ms` says otherwise."""
    last_ms = writes[-1][0] if writes else 0.0
    return Exchange(
        request=Request(
            method="POST",
            url="http://endpoint.example/v1/chat/completions",
            body=json.dumps(request if request is not None else ask(user("Hello."))).encode(),
        ),
        response=Response(status=status, headers=((b"Content-Type", b"text/event-stream"),)),
        reads=tuple(Read(at_ns=round(ms * NS_PER_MS), data=text.encode()) for ms, text in writes),
        timing=Timing(end_ns=round((last_ms if end_ms is None else end_ms) * NS_PER_MS)),
        end=end,
        label=label,
    )


def said(text: str, *, request: Mapping[str, object] | None = None, label: Label | None = None) -> Exchange:
    """A quick whole answer with this text in one delta."""
    texts = (chunk({"role": "assistant", "content": ""}), *([words(text)] if text else []), chunk({}, "stop"), DONE)
    return streamed(*((100.0 + 10 * at, each) for at, each in enumerate(texts)), request=request, label=label)


def whole(message: Mapping[str, object], finish: str = "stop", *, request: Mapping[str, object]) -> Exchange:
    """An answer in one JSON document."""
    document = {"id": "chatcmpl-1", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    exchange = streamed((300, json.dumps(document)), request=request)
    return replace(exchange, response=Response(status=200, headers=((b"Content-Type", b"application/json"),)))


def step(exchange: Exchange, scenario: str, name: str) -> Exchange:
    """The exchange as a step of a scenario."""
    return replace(exchange, label=Label(scenario=scenario, step=name))


def outcome(rule_id: str, *exchanges: Exchange, conditions: Conditions | None = None) -> Outcome:
    """What a verdict says of these exchanges, by one rule."""
    return judge_rule(all_rules()[rule_id], MUST, _evidence(exchanges, conditions)).outcome


def violations(rule_id: str, *exchanges: Exchange, conditions: Conditions | None = None) -> Sequence[Violation]:
    """What the rule finds."""
    result = judge_rule(all_rules()[rule_id], MUST, _evidence(exchanges, conditions))
    assert result.outcome is not Outcome.HARNESS_ERROR, result.reason
    return [finding.violation for finding in result.findings]


def _evidence(exchanges: Iterable[Exchange], conditions: Conditions | None) -> list[Evidence]:
    return [Evidence(exchange=each, conditions=conditions or Conditions()) for each in exchanges]
