"""Each fault that shows only in whole calls is caught by the rule it was made for, over a real socket.

And which other rules speak then: one mistake is to be told once, where that can be helped. Rules that measure time are
left out of that, because a busy machine is no fault of the server's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import pytest

from vapi_conformance.call import Line, play_calls
from vapi_conformance.call_scenario import ANY_CALL, CALLS, CallScenario, all_call_scenarios, call_scenario
from vapi_conformance.client import Client, Outgoing
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.platforms.vapi import Platform
from vapi_conformance.reference import ReferenceServer, reference_server
from vapi_conformance.rules import Need, Profile, Rule, all_rules
from vapi_conformance.verdict import Outcome, RuleResult, judge
from vapi_reference_server.faults import all_faults

pytestmark = pytest.mark.slow

RULES: Final = [rule for rule in all_rules().values() if rule.id.startswith("call.")]
UNTIMED: Final = [rule for rule in all_rules().values() if Need.TIMES not in rule.needs]
FAULTS: Final[Mapping[str, str]] = {
    fault.name: fault.breaks for fault in all_faults().values() if fault.breaks.startswith("call.")
}
# Faults of rules over any call: a scenario that brings them about.
SHOWN_BY: Final[Mapping[str, str]] = {
    "call-goes-silent": "ten-turns",
    "call-fails-late": "ten-turns",
    "call-reads-caller-data": "caller-from-america",
    "call-asks-twice": "tool-at-vapi",
    "call-tools-without-end": "tool-at-vapi",
}
# Rules that cannot but speak, too: what is wrong with one answer of the call is told of that answer.
ALSO: Final[Mapping[str, frozenset[str]]] = {
    "call-goes-silent": frozenset({"speech.answer-is-not-empty"}),
    "call-fails-late": frozenset({"errors.well-formed-request-is-answered"}),
    "call-invents-destination": frozenset({"tools.arguments-match-the-schema"}),
    "call-bare-transfer": frozenset(
        {
            *("chat-stream.object-is-chunk", "chat-stream.id-is-non-empty", "chat-stream.created-is-integer-seconds"),
            *("chat-stream.model-is-named", "chat-stream.choices-is-an-array"),
        }
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    """A story takes longer at this pace than anybody listens to it."""
    with reference_server(["--model", "*", "--pace-ms", "12"]) as running:
        yield running


def played(
    server: ReferenceServer, scenarios: Sequence[CallScenario], client: Client, *, fault: str | None = None
) -> list[Evidence]:
    headers = {} if fault is None else {"X-Fault": fault}
    platform = Platform.from_files(base_url=server.url, api_key=server.key, headers=headers, seed=5)
    return [
        Evidence(exchange=exchange, call=call, dialect=platform.dialect)
        for scenario in scenarios
        for call in play_calls(scenario, Line(platform=platform, client=client))
        for exchange in call.exchanges
    ]


def judged(rules: Sequence[Rule], evidence: Sequence[Evidence], profile: Profile = Profile.VAPI) -> list[RuleResult]:
    results = judge(rules, evidence, profile=profile, dialect=Dialect.OPENAI_COMPATIBLE)
    assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
    return results


def violated(results: Sequence[RuleResult]) -> set[str]:
    return {each.rule.id for each in results if each.outcome is Outcome.VIOLATED}


def scenarios_of(fault: str) -> list[CallScenario]:
    names = all_rules()[FAULTS[fault]].scenarios
    labels = [CALLS + SHOWN_BY[fault]] if ANY_CALL in names else names
    return [all_call_scenarios()[label.removeprefix(CALLS)] for label in labels]


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_caught_by_name_and_by_no_rule_without_need(server: ReferenceServer, fault: str) -> None:
    with Client(secrets=[server.key]) as client:
        evidence = played(server, scenarios_of(fault), client, fault=fault)
    assert {FAULTS[fault], *ALSO.get(fault, ())} == violated(judged(UNTIMED, evidence))


class TestRulesWithoutAFaultOfTheirOwn:
    def test_are_two(self) -> None:
        names = {rule.id for rule in RULES}
        assert {"call.custom-tool-is-answered", "call.ends-as-expected"} == names - set(FAULTS.values())

    def test_a_custom_tool_that_answers_the_first_call_only_is_caught(self, server: ReferenceServer) -> None:
        scenarios = [each for name, each in all_call_scenarios().items() if name.startswith("webhook-")]
        with FaultyTools(secrets=[server.key]) as client:
            evidence = played(server, scenarios, client)
        results = judged(UNTIMED, evidence)
        assert {"call.custom-tool-is-answered"} == violated(results)
        (found,) = (each for each in results if each.rule.id == "call.custom-tool-is-answered")
        assert (4, 4) == (found.broken, found.judged)

    def test_an_assistant_that_hangs_up_unasked_is_caught(self, server: ReferenceServer) -> None:
        """The server does as the caller says; here nobody expects it to."""
        scenario = call_scenario(
            {
                "call": "hangs-up-unasked",
                "about": "The caller mentions the end of a call and has more to say.",
                "tools": [{"name": "endCall"}],
                "turns": [{"says": "Please end the call now, goodbye."}, {"says": "Say exactly: wait."}],
            }
        )
        with Client(secrets=[server.key]) as client:
            evidence = played(server, [scenario], client)
        assert {"call.ends-as-expected"} == violated(judged(UNTIMED, evidence))


class FaultyTools(Client):
    """Speaks to a sound model, and to custom tools that have a fault."""

    def send(self, outgoing: Outgoing) -> Exchange:
        if not outgoing.url.endswith("/custom-tool"):
            return super().send(outgoing)
        return super().send(replace(outgoing, headers=(*outgoing.headers, ("X-Fault", "webhook-first-call-only"))))


@pytest.fixture(scope="module")
def sound(server: ReferenceServer) -> list[Evidence]:
    """Every stored call with a server that makes no mistake."""
    with Client(secrets=[server.key]) as client:
        return played(server, list(all_call_scenarios().values()), client)


class TestASoundServer:
    @pytest.mark.parametrize("profile", [Profile.VAPI, Profile.STANDARD])
    def test_breaks_no_rule_in_any_call(self, profile: Profile, sound: list[Evidence]) -> None:
        assert set() == violated(judged(UNTIMED, sound, profile))

    def test_shows_what_every_rule_over_calls_is_about(self, sound: list[Evidence]) -> None:
        outcomes = {each.rule.id: each.outcome for each in judged(RULES, sound)}
        assert dict.fromkeys((rule.id for rule in RULES), Outcome.PASSED) == outcomes
