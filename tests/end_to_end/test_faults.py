"""Each fault of the reference server is caught by the rule it was made for, over a real socket.

The server names the rule in its own table and shares no code with the harness. Scenarios are played until the rule
speaks, so most faults take one request.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat

import httpx
import pytest

from reference_server.triggers import trigger
from vapi_conformance.auth import TokenSource
from vapi_conformance.call_scenario import CALLS
from vapi_conformance.client import Client, Limits, Outgoing
from vapi_conformance.dialects.apis import api_of
from vapi_conformance.dialects.names import CHAT, EVERY, Dialect
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.masking import Secrets
from vapi_conformance.platforms.calling import Calling
from vapi_conformance.platforms.direct import Direct
from vapi_conformance.platforms.vapi import Platform
from vapi_conformance.reference import MODEL, ReferenceServer, reference_server
from vapi_conformance.rules import Level, Profile, all_rules
from vapi_conformance.scenario import Scenario, all_scenarios
from vapi_conformance.suite import WRONG_KEY, play
from vapi_conformance.verdict import Outcome, judge_rule
from vapi_reference_server.faults import all_faults

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
# Played before anything else, because the fault shows there: silence inside speech where there is some, a broken
# promise where it was asked for. Otherwise dozens of scenarios would be played in vain before the one that shows it.
FIRST: Mapping[str, str] = {
    "anthropic-limit-hidden": "max-tokens",
    "anthropic-stop-sequence-another": "stop",
    "anthropic-stop-sequence-hidden": "stop",
    "args-empty": "tool-no-arguments",
    "burst": "story",
    "choice-named-ignored": "tool-named",
    "choice-none-ignored": "tool-none",
    "choice-required-ignored": "tool-required",
    "dead-air": "story",
    "gemini-allowed-names-ignored": "gemini-allowed-names",
    "gemini-array-as-events": "gemini-array",
    "gemini-array-of-arrays": "gemini-array",
    "gemini-array-open": "gemini-array",
    "gemini-sse-for-array": "gemini-array",
    "gzip-unasked": "identity",
    "one-choice-unfinished": "choices",
    "parallel-despite-false": "tool-not-parallel",
    "responses-format-lost": "json-mode",
    "responses-incomplete-without-reason": "max-tokens",
    "responses-limit-hidden": "max-tokens",
    "responses-tool-choice-differs": "tool-named",
}

CONDITIONS: Mapping[str, Conditions] = {
    "first-token-after-timeout": Conditions(timeout_s=1.0),
    "token-gap": Conditions(timeout_s=1.0),
    "slow-first-token": Conditions(hang_s=1.0),
}


# Faults that change nothing in an API of another form.
_UNSEEN = {
    ("choice-named-ignored", Dialect.GEMINI_GENERATE_CONTENT),  # one allowed name is no named choice to the server
    ("python-literals", Dialect.GEMINI_GENERATE_CONTENT),  # its answers hold neither null nor true nor false
}

# What the scripted model never does: search, run a tool of the service's own, cite, refuse, call a custom tool.
_HOSTED = {
    *("responses-stream.hosted-call-begins", "responses-stream.hosted-call-ends"),
    *("responses-stream.annotations-are-numbered", "responses-stream.refusal-done-equals-deltas"),
    *("responses-tools.custom-call-has-input", "responses-tools.input-done-equals-deltas"),
    *("anthropic-stream.result-blocks-come-whole", "anthropic-stream.server-tool-input-is-json"),
}


@dataclass(frozen=True)
class Fault:
    name: str
    breaks: str
    dialect: Dialect


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
    asked = (each for each in listed["faults"] if each["dialect"] != Dialect.VAPI_SERVER_MESSAGES)
    return [Fault(each["name"], each["breaks"], Dialect(each["dialect"])) for each in asked]


def is_of_calls(fault: Fault) -> bool:
    """Those are played in `test_call_faults`."""
    return any(name.startswith(CALLS) for name in all_rules()[fault.breaks].scenarios)


def scenarios_for(fault: Fault) -> tuple[list[Scenario], list[Scenario]]:
    """Those that show most faults, and all the others."""
    scenarios = all_scenarios()
    if named := all_rules()[fault.breaks].scenarios:
        return [scenarios[name] for name in named], []
    first = dict.fromkeys((FIRST.get(fault.name, COMMON[0]), *COMMON))
    return [scenarios[name] for name in first], [each for name, each in scenarios.items() if name not in first]


def tokens_for(server: ReferenceServer, fault: Fault, secrets: Secrets) -> TokenSource | None:
    """Where the fault is about access tokens."""
    if server.oauth2 is None or "expired-token" not in all_rules()[fault.breaks].scenarios:
        return None
    return TokenSource(server.oauth2, secrets=secrets)


def calling(server: ReferenceServer, fault: Fault, tokens: TokenSource | None = None) -> Calling:
    """As Vapi calls, where it does; as the API's own client, where Vapi does not."""
    headers = {"X-Fault": fault.name}
    if fault.name in SECONDS:
        headers["X-Fault-Seconds"] = str(SECONDS[fault.name])
    if fault.dialect in CHAT:
        platform = Platform.from_files(base_url=server.url, model=MODEL, headers=headers, api_key=server.key)
        return replace(platform, tokens=tokens)
    return Direct.made(dialect=fault.dialect, base_url=server.url, model=MODEL, headers=headers, api_key=server.key)


def level_of(fault: Fault) -> Level:
    profile, dialect = (
        (Profile.VAPI, Dialect.OPENAI_COMPATIBLE) if fault.dialect in CHAT else (Profile.STANDARD, fault.dialect)
    )
    level = all_rules()[fault.breaks].level(profile, dialect)
    assert level is not None, fault
    return level


def caught(server: ReferenceServer, fault: Fault) -> bool:
    """Plays until the rule speaks: scenarios, what was made to show the fault, and all the other scenarios."""
    secrets = Secrets([server.key, WRONG_KEY])
    tokens = tokens_for(server, fault, secrets)
    renew = None if tokens is None else tokens.renewed
    platform = calling(server, fault, tokens)
    conditions = CONDITIONS.get(fault.name, Conditions())
    rule, level = all_rules()[fault.breaks], level_of(fault)
    with Client(limits=Limits(idle_s=25, total_s=40), secrets=secrets, renew=renew) as client:
        evidence: list[Evidence] = []

        def speaks(exchanges: Iterable[Exchange]) -> bool:
            evidence.extend(
                Evidence(exchange=each, conditions=conditions, dialect=platform.dialect) for each in exchanges
            )
            return judge_rule(rule, level, evidence).outcome is Outcome.VIOLATED

        def shows(scenario: Scenario) -> bool:
            return scenario.fits(platform.name, platform.dialect) and speaks(
                play([scenario], platform=platform, client=client)
            )

        first, others = scenarios_for(fault)
        return any(map(shows, first)) or speaks(shown(server, fault, client)) or any(map(shows, others))


def shown(server: ReferenceServer, fault: Fault, client: Client) -> list[Exchange]:
    """Some faults show where no scenario looks: in thoughts, in several candidates, in what is repeated."""
    if all_faults()[fault.name].dialect.value != fault.dialect.value or fault.dialect in CHAT:
        return []
    head = dict(api_of(fault.dialect).headers(server.key))
    return [
        client.send(
            Outgoing(
                url=server.url + sent.path,
                headers=tuple({**head, **dict(sent.headers), "X-Fault": fault.name}.items()),
                body=json.dumps(sent.body).encode(),
            )
        )
        for sent in trigger(all_faults()[fault.name])
    ]


def test_each_fault_is_caught_by_name(server: ReferenceServer, unhurried: ReferenceServer, faults: list[Fault]) -> None:
    played = [fault for fault in faults if not is_of_calls(fault)]
    servers = [unhurried if "disconnect" in all_rules()[fault.breaks].scenarios else server for fault in played]
    with ThreadPoolExecutor(max_workers=8) as executor:
        results = list(executor.map(caught, servers, played))
    missed = [f"{fault.name} -> {fault.breaks}" for fault, found in zip(played, results, strict=True) if not found]
    assert [] == missed
    assert len(played) >= 60


def test_faults_of_any_api_are_caught_in_each(server: ReferenceServer, unhurried: ReferenceServer) -> None:
    played = [
        Fault(fault.name, fault.breaks, dialect)
        for fault in all_faults().values()
        for dialect in sorted(EVERY - CHAT)
        if fault.everywhere
        and all_rules()[fault.breaks].level(Profile.STANDARD, dialect) is not None
        and (fault.name, dialect) not in _UNSEEN
    ]
    # Who hung up is remembered by the server and not by the caller: those are played one after the other.
    hung_up = [fault for fault in played if "disconnect" in all_rules()[fault.breaks].scenarios]
    others = [fault for fault in played if fault not in hung_up]
    with ThreadPoolExecutor(max_workers=8) as executor:
        found = list(executor.map(caught, repeat(server), others))
    assert [] == [fault for fault, seen in zip(others, found, strict=True) if not seen]
    # A busy machine may notice too late that somebody hung up; then there was nothing to see, and it is tried again.
    assert [] == [fault for fault in hung_up if not any(caught(unhurried, fault) for _ in range(3))]
    assert len(played) >= 250


def test_each_rule_has_a_fault(faults: list[Fault]) -> None:
    """But for what only one platform asks of an answer that is sound everywhere else."""
    general = {
        name
        for name, rule in all_rules().items()
        if any(rule.level(Profile.STANDARD, each) is not None for each in EVERY)
    }
    assert _HOSTED == general - {fault.breaks for fault in faults}
