"""Exchanges made up on the spot, and what one rule says about them."""

from collections.abc import Sequence
from dataclasses import replace

from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Read
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome, RuleResult, judge_rule

CHUNK = b'{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}'


def judged(rule_id: str, *exchanges: Exchange) -> RuleResult:
    """A scenario rule gets all of them as one attempt."""
    return judge_rule(all_rules()[rule_id], MUST, [Evidence(exchange=exchange) for exchange in exchanges])


def outcome(rule_id: str, *exchanges: Exchange) -> Outcome:
    return judged(rule_id, *exchanges).outcome


def told(rule_id: str, *exchanges: Exchange) -> list[str]:
    """What was found instead of what was expected, by violation; fails where the rule was not judged."""
    result = judged(rule_id, *exchanges)
    assert result.outcome in (Outcome.PASSED, Outcome.VIOLATED), result.reason
    return [finding.violation.actual for finding in result.findings]


def streamed(body: bytes | Sequence[bytes], *, at_ms: Sequence[int] = ()) -> Exchange:
    """The sound streamed answer with another body: in one read, or in the reads given, 10 ms apart unless said."""
    (sound,) = base("text-stream")
    pieces = [body] if isinstance(body, bytes) else body
    times = at_ms or [10 * position for position in range(len(pieces))]
    reads = [Read(at_ns=ms * 1_000_000, data=piece) for piece, ms in zip(pieces, times, strict=True)]
    return replace(sound, reads=tuple(reads))


def steps(name: str) -> dict[str, Exchange]:
    """The exchanges of a probe's sound base, by step."""
    return {exchange.label.step: exchange for exchange in base(name) if exchange.label is not None}


def with_status(exchange: Exchange, status: int) -> Exchange:
    assert exchange.response is not None
    return replace(exchange, response=replace(exchange.response, status=status))


def with_header(exchange: Exchange, name: str, value: str | None) -> Exchange:
    """That header set to one value, or taken away."""
    assert exchange.response is not None
    kept = tuple(header for header in exchange.response.headers if header[0].lower() != name.lower().encode())
    added = () if value is None else ((name.encode(), value.encode()),)
    return replace(exchange, response=replace(exchange.response, headers=(*kept, *added)))
