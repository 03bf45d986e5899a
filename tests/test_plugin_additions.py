"""What other distributions add, in a run of the pytest plugin: what gates, what stops it, what it goes on without."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from made_distributions import RULES, installed, with_distribution
from vapi_conformance.reference import ReferenceServer, reference_server

pytest_plugins = ["pytester"]

ORIGIN = "acme-conformance 1.2"
RULES_OF_ACME = f"the rules acme of {ORIGIN} cannot be used:"
LATE = '''
from dataclasses import dataclass

from vapi_conformance.extending import CustomPlatform, Dialect, Direct


@dataclass(frozen=True, kw_only=True)
class Late(Direct):
    """Fails as soon as tools are offered, and not before."""

    def chat_body(self, messages, *, tools, mode):
        if tools:
            raise KeyError(self.api_key)
        return super().chat_body(messages, tools=tools, mode=mode)


PLATFORM = CustomPlatform(
    make=lambda run: Late.made(dialect=run.dialect, base_url=run.base_url, model=run.model, api_key=run.api_key),
    dialects=[Dialect.OPENAI_COMPATIBLE],
)
'''


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    with reference_server(["--pace-ms", "0"]) as running:
        yield running


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, server: ReferenceServer) -> None:
    monkeypatch.setenv("REFERENCE_KEY", server.key)


def endpoint(server: ReferenceServer, *more: str) -> list[str]:
    return ["--endpoint", server.url, "--endpoint-api-key-env", "REFERENCE_KEY", "--endpoint-model", "reference", *more]


class TestRules:
    def test_gate_and_say_whose_they_are(
        self, pytester: pytest.Pytester, server: ReferenceServer, tmp_path: Path
    ) -> None:
        strict = RULES.replace('if b"ello" not in evidence.body', "if True")
        with with_distribution(
            installed(tmp_path, points={"rules": {"acme": "acme_one"}}, modules={"acme_one.py": strict})
        ):
            result = pytester.runpytest(*endpoint(server, "--endpoint-rule", "acme.*", "--junitxml", "j.xml"))
        assert pytest.ExitCode.TESTS_FAILED == result.ret
        result.stdout.fnmatch_lines(
            [
                f"vapi-conformance * 1 rules, 1 of them added by {ORIGIN}",
                "acme.greets  MUST  ACME 1",
                f"  added by  {ORIGIN}",
            ]
        )
        found = ET.parse(pytester.path / "j.xml").iter("property")
        assert ORIGIN in [each.get("value") for each in found if each.get("name") == "origin"]

    def test_that_fail_to_run_are_a_bug_of_theirs(
        self, pytester: pytest.Pytester, server: ReferenceServer, tmp_path: Path
    ) -> None:
        failing = RULES.partition("    if b")[0] + "    return [evidence.nothing]\n"
        modules = {"acme_two.py": failing}
        with with_distribution(installed(tmp_path, points={"rules": {"acme": "acme_two"}}, modules=modules)):
            result = pytester.runpytest(*endpoint(server, "--endpoint-rule", "acme.*"))
        assert pytest.ExitCode.TESTS_FAILED == result.ret
        result.stdout.fnmatch_lines([f"incomplete: *1 rule failed to run, which is a bug of {ORIGIN}"])

    def test_that_cannot_be_used_stop_the_run_before_anything_is_sent(
        self, pytester: pytest.Pytester, tmp_path: Path
    ) -> None:
        with with_distribution(installed(tmp_path, points={"rules": {"acme": "nowhere"}})):
            result = pytester.runpytest("--endpoint", "http://127.0.0.1:9/v1")
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        result.stderr.fnmatch_lines(
            [f"ERROR: {RULES_OF_ACME} ModuleNotFoundError: No module named 'nowhere'. Mend or uninstall it, *"]
        )

    def test_are_no_matter_where_others_are_chosen(
        self, pytester: pytest.Pytester, server: ReferenceServer, tmp_path: Path
    ) -> None:
        with with_distribution(installed(tmp_path, points={"rules": {"acme": "nowhere"}})):
            result = pytester.runpytest(*endpoint(server, "--endpoint-rule", "sse.last-event-is-terminated"))
        assert pytest.ExitCode.OK == result.ret

    def test_without_an_endpoint_nothing_of_it_is_looked_at(self, pytester: pytest.Pytester, tmp_path: Path) -> None:
        pytester.makepyfile("def test_mine(): pass")
        with with_distribution(installed(tmp_path, points={"rules": {"acme": "nowhere"}})):
            assert pytest.ExitCode.OK == pytester.runpytest().ret


def test_a_consumer_that_cannot_be_used_is_told_and_left_out(
    pytester: pytest.Pytester, server: ReferenceServer, tmp_path: Path
) -> None:
    with with_distribution(installed(tmp_path, points={"consumers": {"acme": "nowhere"}})):
        result = pytester.runpytest(*endpoint(server, "--endpoint-rule", "sse.last-event-is-terminated"))
    assert pytest.ExitCode.OK == result.ret
    result.stdout.fnmatch_lines([f"configuration: the consumer acme of {ORIGIN} cannot be used: *"])


def test_a_platform_that_fails_half_way_ends_the_run_with_a_sentence_that_hides_the_key(
    pytester: pytest.Pytester, server: ReferenceServer, tmp_path: Path
) -> None:
    folder = installed(tmp_path, points={"platforms": {"acme": "acme_late:PLATFORM"}}, modules={"acme_late.py": LATE})
    with with_distribution(folder):
        result = pytester.runpytest(*endpoint(server, "--endpoint-platform", "acme"))
    assert pytest.ExitCode.USAGE_ERROR == result.ret
    result.stderr.fnmatch_lines([f"ERROR: the platform acme of {ORIGIN} cannot be used: chat_body fails *"])
    assert server.key not in str(result.stderr) + str(result.stdout)
