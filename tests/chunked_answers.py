"""Streamed answers made of chunks, for tests of the rules on chat streams and tools."""

import json
from collections.abc import Mapping, Sequence

from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange, Label, Read, Request, Response
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST, Violation
from vapi_conformance.verdict import Outcome, judge_rule

JsonObject = Mapping[str, object]

RULES = [rule for rule in all_rules().values() if rule.id.startswith(("chat-stream.", "stream.", "tools."))]
DONE = "[DONE]"
STREAM_TYPE = ((b"Content-Type", b"text/event-stream"),)
JSON_TYPE = ((b"Content-Type", b"application/json"),)


def choice(delta: object, finish: object = None, *, index: object = 0) -> dict[str, object]:
    """What a chunk says about a choice."""
    return {"index": index, "delta": delta, "finish_reason": finish}


def record(*choices: object, **top: object) -> dict[str, object]:
    """A chunk with these choices; `top` adds keys, or replaces them."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1785312000,
        "model": "reference",
        "choices": list(choices),
        **top,
    }


def delta(fields: object, finish: object = None, *, index: object = 0, **top: object) -> dict[str, object]:
    """A chunk with one choice."""
    return record(choice(fields, finish, index=index), **top)


ROLE = delta({"role": "assistant", "content": ""})
FINISH = delta({}, "stop")


def words(*pieces: str) -> list[JsonObject]:
    """A chunk for each piece of text."""
    return [delta({"content": piece}) for piece in pieces]


def said(*pieces: str) -> Exchange:
    """A sound stream with this text in these pieces."""
    return stream(ROLE, *words(*pieces), FINISH, DONE)


def stream(
    *payloads: object,
    request: JsonObject | None = None,
    end: End = End.CLEAN,
    raw_end: str = "",
    label: Label | None = None,
    status: int = 200,
) -> Exchange:
    """One event for each payload; texts stand as they are, everything else becomes JSON. `raw_end` follows them."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in payloads]
    body = "".join(f"data: {text}\n\n" for text in texts) + raw_end
    return Exchange(
        request=Request(
            method="POST",
            url="http://endpoint.example/v1/chat/completions",
            body=json.dumps({"model": "reference", "messages": [], "stream": True, **(request or {})}).encode(),
        ),
        response=Response(status=status, headers=STREAM_TYPE),
        reads=(Read(at_ns=1_000_000, data=body.encode(errors="surrogatepass")),),
        end=end,
        label=label,
    )


def whole(
    message: JsonObject,
    finish: object = "stop",
    *,
    request: JsonObject | None = None,
    label: Label | None = None,
    status: int = 200,
) -> Exchange:
    """A JSON answer with this message."""
    document = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1785312000,
        "model": "reference",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish}
        ],
    }
    return Exchange(
        request=Request(
            method="POST",
            url="http://endpoint.example/v1/chat/completions",
            body=json.dumps({"model": "reference", "messages": [], **(request or {})}).encode(),
        ),
        response=Response(status=status, headers=JSON_TYPE),
        reads=(Read(at_ns=1_000_000, data=json.dumps(document).encode()),),
        label=label,
    )


def broken_by(*exchanges: Exchange) -> set[str]:
    """Of the rules on chat streams and tools, those that these exchanges break; each must be able to run."""
    evidence = [Evidence(exchange=each) for each in exchanges]
    results = [judge_rule(rule, MUST, evidence) for rule in RULES]
    assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
    return {each.rule.id for each in results if each.outcome is Outcome.VIOLATED}


def violations(rule_id: str, *exchanges: Exchange) -> Sequence[Violation]:
    """What the rule finds; fails where it was not judged."""
    result = judge_rule(all_rules()[rule_id], MUST, [Evidence(exchange=each) for each in exchanges])
    assert result.outcome in (Outcome.PASSED, Outcome.VIOLATED), result.reason
    return [finding.violation for finding in result.findings]


def is_judged(rule_id: str, *exchanges: Exchange) -> bool:
    """Whether the exchanges show what the rule is about."""
    result = judge_rule(all_rules()[rule_id], MUST, [Evidence(exchange=each) for each in exchanges])
    assert result.outcome is not Outcome.HARNESS_ERROR, result.reason
    return result.judged > 0
