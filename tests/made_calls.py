"""Whole calls made up on the spot, and what one rule says about them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from timed_answers import DONE, ask, chunk, said, streamed, user
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange, Label, Response
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.specimen_calls import made_call
from vapi_conformance.verdict import RuleResult, judge_rule

Messages = Sequence[Mapping[str, object]]
HUNG_UP = "hung up on purpose"


def in_call(
    name: str,
    exchanges: Mapping[str, Exchange],
    story: Mapping[str, object] | None = None,
    *,
    webhooks: Sequence[Exchange] = (),
    attempt: int = 1,
) -> list[Evidence]:
    """Exchanges by step (`turn-1.2`), as one call; the story is a specimen's short form of what happened in it."""
    label = Label(scenario=f"calls/{name}", step="", attempt=attempt)
    labelled = tuple(replace(each, label=replace(label, step=step)) for step, each in exchanges.items())
    call = made_call(story or {}, labelled, tuple(webhooks))
    return [Evidence(exchange=each, call=call) for each in labelled]


def judged(rule_id: str, *calls: Sequence[Evidence]) -> RuleResult:
    """What a verdict says of all these calls."""
    return judge_rule(all_rules()[rule_id], MUST, [each for call in calls for each in call])


def told(rule_id: str, *calls: Sequence[Evidence]) -> list[tuple[str, str]]:
    """Step and fault of each violation."""
    found = judged(rule_id, *calls).findings
    labels = [each.evidence.exchange.label for each in found]
    return [(label.step if label else "", each.violation.actual) for label, each in zip(labels, found, strict=True)]


def answer(text: str, heard: str, *before: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Exchange:
    """An answer with this text to a caller who says that, after those messages."""
    return with_headers(said(text, request=ask(*before, user(heard))), headers or {})


def to_results(text: str, heard: str, results: Mapping[str, str], *, name: str = "get_weather") -> Exchange:
    """An answer with this text to the results of tools, by the ids of their calls."""
    return said(text, request=after_tools(heard, results, name=name))


def after_tools(heard: str, results: Mapping[str, str], *, name: str = "get_weather") -> Mapping[str, object]:
    """A request that ends with results of tools."""
    calls = [{"id": each, "type": "function", "function": {"name": name, "arguments": "{}"}} for each in results]
    tools = [{"role": "tool", "tool_call_id": each, "content": text} for each, text in results.items()]
    return ask(user(heard), {"role": "assistant", "tool_calls": calls}, *tools)


def calling(
    name: str, arguments: str = "{}", *, call_id: str = "call_1", request: Mapping[str, object] | None = None
) -> Exchange:
    """An answer that calls one tool."""
    call = {"index": 0, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return streamed((100, chunk({"tool_calls": [call]})), (110, chunk({}, "tool_calls")), (120, DONE), request=request)


def refused(heard: str, status: int = 500) -> Exchange:
    """A refusal of what the caller says."""
    body = '{"error": {"message": "Something is wrong."}}'
    return streamed((100, body), status=status, request=ask(user(heard)))


def cut_off(exchange: Exchange) -> Exchange:
    """The connection was closed by us before the end."""
    return replace(exchange, end=End.CLOSED_BY_US, error=HUNG_UP, reads=exchange.reads[:-2])


def with_headers(exchange: Exchange, headers: Mapping[str, str]) -> Exchange:
    """More response headers."""
    more = tuple((name.encode(), value.encode()) for name, value in headers.items())
    head = exchange.response or Response(status=200)
    return replace(exchange, response=replace(head, headers=(*head.headers, *more)))
