"""`check-webhook` against the reference server over real sockets: sound, and with each of its mistakes by name."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import pytest
from click.testing import CliRunner

from vapi_conformance.cli import main
from vapi_conformance.client import Client, Limits
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.platforms.vapi.webhooks import Secret
from vapi_conformance.reference import ReferenceServer, reference_server
from vapi_conformance.rules import Profile, all_rules
from vapi_conformance.schema import errors
from vapi_conformance.verdict import Outcome, judge_rule
from vapi_conformance.webhook_scenario import WebhookScenario, all_webhook_scenarios
from vapi_conformance.webhook_suite import WRONG_KEY, Backend, CalledTool, play
from vapi_reference_server.dialects import DialectName
from vapi_reference_server.faults import all_faults

pytestmark = pytest.mark.slow

DIALECT = Dialect.VAPI_SERVER_MESSAGES
FAULTS = {name: fault for name, fault in all_faults().items() if fault.dialect is DialectName.SERVER_MESSAGES}
RULES = {name: rule for name, rule in all_rules().items() if DIALECT in rule.dialects}
# Waiting costs time and proves nothing more: this one is shown against a shorter limit.
SECONDS: Mapping[str, str] = {"webhook-late": "1.5"}
TIMEOUT_S: Mapping[str, float] = {"webhook-late": 1.0}


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    with reference_server() as running:
        yield running


def scenarios_for(rule_id: str) -> list[WebhookScenario]:
    every = all_webhook_scenarios()
    return [every[name] for name in RULES[rule_id].scenarios or every]


def backend(server: ReferenceServer, fault: str | None = None) -> Backend:
    headers = {} if fault is None else {"X-Fault": fault}
    if fault is not None and fault in SECONDS:
        headers["X-Fault-Seconds"] = SECONDS[fault]
    return Backend(
        url=f"{server.url}/webhook",
        tools=(CalledTool(name="getWeather", arguments='{"city": "Lyon"}'), CalledTool(name="readClock")),
        auth=Secret(server.key),
        headers=tuple(headers.items()),
        seed=len(fault or ""),
    )


def played(server: ReferenceServer, scenario: WebhookScenario, fault: str | None = None) -> list[Evidence]:
    conditions = Conditions(timeout_s=TIMEOUT_S.get(fault or "", 20.0))
    with Client(limits=Limits(idle_s=25, total_s=40), secrets=[server.key, WRONG_KEY]) as client:
        return [
            Evidence(exchange=each, dialect=DIALECT, conditions=conditions)
            for each in play([scenario], backend=backend(server, fault), client=client)
        ]


def outcome(rule_id: str, evidence: Sequence[Evidence]) -> Outcome:
    level = RULES[rule_id].level(Profile.VAPI, DIALECT)
    assert level is not None
    return judge_rule(RULES[rule_id], level, evidence).outcome


def caught(server: ReferenceServer, name: str) -> bool:
    """Asked after each scenario, until the rule speaks."""
    rule_id, evidence = FAULTS[name].breaks, list[Evidence]()
    for scenario in scenarios_for(rule_id):
        evidence += played(server, scenario, name)
        if outcome(rule_id, evidence) is Outcome.VIOLATED:
            return True
    return False


def test_each_fault_is_caught_by_name(server: ReferenceServer) -> None:
    with ThreadPoolExecutor(max_workers=8) as executor:
        found = executor.map(caught, repeat(server), FAULTS)
        missed = [name for name, is_caught in zip(FAULTS, found, strict=True) if not is_caught]
    assert [] == missed


def test_each_rule_has_a_fault() -> None:
    assert set(RULES) == {fault.breaks for fault in FAULTS.values()}


def test_each_rule_holds_for_the_sound_server(server: ReferenceServer) -> None:
    evidence = [each for scenario in all_webhook_scenarios().values() for each in played(server, scenario)]
    found = {rule_id: outcome(rule_id, evidence) for rule_id in RULES}
    # None of its results has metadata.
    assert {"webhook.result-metadata-is-an-object": Outcome.NOT_APPLICABLE} == {
        rule_id: each for rule_id, each in found.items() if each is not Outcome.PASSED
    }


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["check-webhook", *arguments])
    return result.exit_code, result.stdout, result.stderr


class TestCommand:
    def test_the_reference_server_is_conformant(self) -> None:
        status, output, _ = run("reference")
        assert 0 == status, output
        assert output.startswith("conformant: every rule that was shown holds\n53 rules over 34 exchanges: 52 passed")

    def test_the_report_follows_its_schema(self, tmp_path: Path) -> None:
        report = tmp_path / "made" / "report.json"
        status, output, _ = run("reference", "--json", "--report", str(report), "--message", "hang")
        document = object_or_nothing(json.loads(output))
        assert (0, ()) == (status, errors("harness/report", document))
        assert document == json.loads(report.read_text(encoding="utf-8"))
        assert ("conformant", "vapi", DIALECT.value) == (document["verdict"], document["profile"], document["dialect"])

    @pytest.mark.parametrize("option", ["--secret-env", "--bearer-env", "--hmac-env"])
    def test_each_credential_lets_in_and_leaves_no_trace(
        self, server: ReferenceServer, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOOK_KEY", server.key)
        kept, report = tmp_path / "kept", tmp_path / "report.json"
        status, output, told = run(
            *(f"{server.url}/webhook", option, "HOOK_KEY", "--report", str(report), "--save-exchanges", str(kept))
        )
        assert 0 == status, output
        files = [report, *kept.iterdir()]
        assert len(files) > 30
        assert [] == [path.name for path in files if server.key in path.read_text(encoding="utf-8")]
        assert server.key not in output + told

    def test_saved_exchanges_are_judged_alike(self, tmp_path: Path) -> None:
        status, _, _ = run("reference", "--save-exchanges", str(tmp_path))
        result = CliRunner().invoke(main, ["check", str(tmp_path), "--json"])
        reports = [object_or_nothing(each) for each in array_or_nothing(json.loads(result.stdout)["results"])]
        assert (0, 0) == (status, result.exit_code), result.stdout
        assert {DIALECT.value} == {each["dialect"] for each in reports}
        assert {"vapi"} == {each["profile"] for each in reports}
        assert any("server message of Vapi's, tool-calls" in str(each["recognised"]) for each in reports)
