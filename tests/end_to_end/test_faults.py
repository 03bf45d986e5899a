"""Each fault of the reference server is caught by the rule it was made for, over a real socket.

The server names the rule in its own table and shares no code with the harness. Scenarios are played until the rule
speaks, so most faults take one request.
"""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from vapi_conformance.client import Client, Limits
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.platforms.vapi import Platform
from vapi_conformance.reference import MODEL, ReferenceServer, reference_server
from vapi_conformance.rules import Profile, all_rules
from vapi_conformance.scenario import Scenario, all_scenarios
from vapi_conformance.suite import WRONG_KEY, play
from vapi_conformance.verdict import Outcome, judge_rule

pytestmark = pytest.mark.slow

# Played first for rules on single exchanges; then all the others, until the rule speaks.
COMMON = ("plain", "plain-json", "stream-and-json", "tool-call", "tool-parallel", "wrong-types", "story")

# Waiting costs time and proves nothing more: these faults are shown against shorter limits.
SECONDS: Mapping[str, float] = {
    "first-token-after-timeout": 1.5,
    "token-gap": 1.5,
    "slow-first-token": 1.5,
    "keeps-generating": 2.0,
}
# Silence inside speech shows where there is some: played before anything else.
FIRST: Mapping[str, str] = {"dead-air": "story", "burst": "story", "args-empty": "tool-no-arguments"}

CONDITIONS: Mapping[str, Conditions] = {
    "first-token-after-timeout": Conditions(timeout_s=1.0),
    "token-gap": Conditions(timeout_s=1.0),
    "slow-first-token": Conditions(hang_s=1.0),
}


@dataclass(frozen=True)
class Fault:
    name: str
    breaks: str


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    with reference_server(["--pace-ms", "5"]) as running:
        yield running


@pytest.fixture(scope="module")
def unhurried() -> Iterator[ReferenceServer]:
    """Speaks so slowly that a client on a busy machine can hang up before the end."""
    with reference_server(["--pace-ms", "40"]) as running:
        yield running


@pytest.fixture(scope="module")
def faults(server: ReferenceServer) -> list[Fault]:
    listed = json.loads(httpx.get(f"{server.url}/faults").text)
    return [Fault(each["name"], each["breaks"]) for each in listed["faults"]]


def scenarios_for(fault: Fault) -> Iterator[Scenario]:
    scenarios = all_scenarios()
    first = FIRST.get(fault.name, COMMON[0])
    names = all_rules()[fault.breaks].scenarios or dict.fromkeys((first, *COMMON, *scenarios))
    yield from (scenarios[name] for name in names)


def caught(server: ReferenceServer, fault: Fault) -> bool:
    """Plays until the rule speaks."""
    headers = {"X-Fault": fault.name}
    if fault.name in SECONDS:
        headers["X-Fault-Seconds"] = str(SECONDS[fault.name])
    platform = Platform.from_files(base_url=server.url, model=MODEL, headers=headers, api_key=server.key)
    conditions = CONDITIONS.get(fault.name, Conditions())
    rule = all_rules()[fault.breaks]
    level = rule.level(Profile.VAPI, Dialect.OPENAI_COMPATIBLE)
    assert level is not None
    with Client(limits=Limits(idle_s=25, total_s=40), secrets=[server.key, WRONG_KEY]) as client:
        evidence: list[Evidence] = []
        for scenario in scenarios_for(fault):
            exchanges = play([scenario], platform=platform, client=client)
            evidence += [Evidence(exchange=each, conditions=conditions) for each in exchanges]
            if judge_rule(rule, level, evidence).outcome is Outcome.VIOLATED:
                return True
    return False


def test_each_fault_is_caught_by_name(server: ReferenceServer, unhurried: ReferenceServer, faults: list[Fault]) -> None:
    servers = [unhurried if "disconnect" in all_rules()[fault.breaks].scenarios else server for fault in faults]
    with ThreadPoolExecutor(max_workers=8) as executor:
        results = list(executor.map(caught, servers, faults))
    missed = [f"{fault.name} -> {fault.breaks}" for fault, found in zip(faults, results, strict=True) if not found]
    assert [] == missed
    assert len(faults) >= 60


def test_each_rule_has_a_fault(faults: list[Fault]) -> None:
    assert set() == all_rules().keys() - {fault.breaks for fault in faults}
