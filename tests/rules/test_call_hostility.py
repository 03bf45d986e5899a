"""No rule over calls fails on what an endpoint sent, or on what a stored call says."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from vapi_conformance.call_record import CallRecord
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange, Read
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.specimens import Specimen, all_specimens
from vapi_conformance.verdict import Outcome, judge_rule

RULES = [rule for rule in all_rules().values() if rule.id.startswith("call.")]
SPECIMENS = [each for each in all_specimens() if each.rule.startswith("call.")]
BODIES = [
    b"",
    b"\xff\xfe\x00",
    b"data: {\n\n",
    b"data: [" * 2000,
    b'data: {"choices": {"delta": 5}}\n\n',
    b'data: {"choices": [5, null, {"delta": {"content": 7, "tool_calls": {"a": 1}}}]}\n\n',
    b'data: {"choices": [{"delta": {"tool_calls": [{"function": {"name": "transferCall", "arguments": 5}}]}}]}\n\n',
    b'data: {"choices": [{"delta": {"tool_calls": [{"function": {"name": "transferCall", "arguments": "["}}]}}]}\n\n',
    b'data: {"choices": [{"delta": {"content": "\\ud800 1 2 3 4 5 6 7 8 9"}}]}\n\ndata: [DONE]\n\n',
    b'{"choices": [{"message": {"content": "Success."}}]}',
]


CHANGES: Sequence[Callable[[CallRecord], CallRecord]] = [
    lambda call: replace(call, requests=()),
    lambda call: replace(call, requests=tuple(reversed(call.requests))),
    lambda call: replace(call, tools=tuple(replace(each, exchange=99, arguments="[") for each in call.tools)),
    lambda call: replace(call, tools=tuple(replace(each, exchange=0, result=None) for each in call.tools)),
    lambda call: replace(call, events=tuple(replace(each, exchange=99) for each in call.events)),
    lambda call: replace(call, scenario={"tools": [5, {"name": 7, "destinations": {"a": 1}}], "tries": "x"}),
    lambda call: replace(call, word="", words=("", "a b"), caller_data=("", "+", "1234567", "\ud800" * 9)),
    lambda call: replace(call, expects_ended=(), ended=replace(call.ended, reasons=("",), by="endpoint")),
]


def judged_without_a_mistake(evidence: Sequence[Evidence]) -> None:
    results = [judge_rule(rule, MUST, evidence) for rule in RULES]
    assert [] == [(each.rule.id, each.reason) for each in results if each.outcome is Outcome.HARNESS_ERROR]


def with_exchanges(specimen: Specimen, change: Callable[[Exchange], Exchange]) -> list[Evidence]:
    call = specimen.broken_call
    assert call is not None
    changed = tuple(map(change, specimen.broken))
    return [Evidence(exchange=each, call=replace(call, exchanges=changed)) for each in changed]


def with_call(specimen: Specimen, change: Callable[[CallRecord], CallRecord]) -> list[Evidence]:
    call = specimen.broken_call
    assert call is not None
    return [Evidence(exchange=each, call=change(call)) for each in specimen.broken]


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.rule)
class TestHostility:
    @pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
    def test_of_an_endpoint_is_judged(self, specimen: Specimen, body: bytes) -> None:
        judged_without_a_mistake(
            with_exchanges(specimen, lambda each: replace(each, reads=(Read(at_ns=5, data=body),)))
        )

    @pytest.mark.parametrize("end", End)
    def test_of_a_connection_is_judged(self, specimen: Specimen, end: End) -> None:
        judged_without_a_mistake(with_exchanges(specimen, lambda each: replace(each, end=end)))
        judged_without_a_mistake(with_exchanges(specimen, lambda each: replace(each, end=end, response=None, reads=())))

    @pytest.mark.parametrize("body", [None, b"", b"[]", b'{"messages": 5, "tools": 5}', b'{"messages": [5, {}]}'])
    def test_of_a_request_is_judged(self, specimen: Specimen, body: bytes | None) -> None:
        judged_without_a_mistake(
            with_exchanges(specimen, lambda each: replace(each, request=replace(each.request, body=body)))
        )

    def test_of_times_that_were_not_kept_is_judged(self, specimen: Specimen) -> None:
        def untimed(exchange: Exchange) -> Exchange:
            reads = tuple(replace(each, at_ns=None) for each in exchange.reads)
            return replace(exchange, reads=reads, timing=replace(exchange.timing, end_ns=None))

        judged_without_a_mistake(with_exchanges(specimen, untimed))

    @pytest.mark.parametrize("change", CHANGES, ids=range(len(CHANGES)))
    def test_of_a_stored_call_is_judged(self, specimen: Specimen, change: Callable[[CallRecord], CallRecord]) -> None:
        judged_without_a_mistake(with_call(specimen, change))
