"""The pytest plugin as a user meets it: what it collects, how it ends, what it prints, and that it is quiet."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from raw_server import chunked, head, playing, saying
from vapi_conformance.reference import ReferenceServer, reference_server
from vapi_conformance.schema import errors

pytest_plugins = ["pytester"]

ONE = ("--endpoint-rule", "sse.last-event-is-terminated")
SOUND = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1785312000,"model":"m","choices":[{"index":0,'
    b'"delta":{"role":"assistant","content":"Hello there."},"finish_reason":null}]}\n\n'
)
UNTERMINATED = SOUND + b"data: [DONE]\n"
SSE = head(Content_Type="text/event-stream", Transfer_Encoding="chunked")


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    with reference_server(["--pace-ms", "0"]) as running:
        yield running


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, server: ReferenceServer) -> None:
    monkeypatch.setenv("REFERENCE_KEY", server.key)


def endpoint(server: ReferenceServer, *more: str) -> list[str]:
    return ["--endpoint", server.url, "--endpoint-api-key-env", "REFERENCE_KEY", "--endpoint-model", "reference", *more]


class TestQuiet:
    def test_does_nothing_without_an_endpoint(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile("def test_mine(): pass")
        result = pytester.runpytest()
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("vapi-conformance*")

    def test_importing_it_loads_pytest_and_the_standard_library_only(self) -> None:
        code = (
            "import sys, pytest; before = set(sys.modules); import vapi_conformance.plugin; "
            "new = {name.split('.')[0] for name in set(sys.modules) - before}; "
            "print(sorted(name for name in new if name not in sys.stdlib_module_names))"
        )
        printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert "['vapi_conformance']" == printed.strip()


class TestCollection:
    def test_rules_stand_beside_the_users_own_tests(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        pytester.makepyfile("def test_mine(): pass")
        result = pytester.runpytest(*endpoint(server, "--collect-only", "-q", "--endpoint-rule", "sse.no-*"))
        result.stdout.fnmatch_lines(["*::test_mine", "vapi-conformance::sse.no-byte-order-mark"])

    def test_keyword_and_deselect_choose_rules(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        more = ["-k", "terminated or utf", "--deselect", "vapi-conformance::sse.utf-8-is-valid", "--collect-only", "-q"]
        result = pytester.runpytest(*endpoint(server, *more))
        result.stdout.fnmatch_lines(["vapi-conformance::sse.last-event-is-terminated"])
        result.stdout.no_fnmatch_line("*utf-8-is-valid*")

    def test_an_unknown_rule_is_a_usage_error(self, pytester: pytest.Pytester) -> None:
        result = pytester.runpytest("--endpoint", "reference", "--endpoint-rule", "sse.nothing")
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        result.stderr.fnmatch_lines(["ERROR: no rule is called 'sse.nothing'; `vapi-conformance rules` lists them"])


class TestConformant:
    def test_ends_with_0_and_says_so(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        result = pytester.runpytest(*endpoint(server, *ONE))
        assert pytest.ExitCode.OK == result.ret
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(
            ["conformant: every rule that was shown holds", "1 rule over * exchanges: 1 passed *"]
        )

    def test_writes_a_report_after_its_schema(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        pytester.runpytest(*endpoint(server, "--endpoint-rule", "sse.*", "--endpoint-report", "out/report.json"))
        report = json.loads((pytester.path / "out" / "report.json").read_text(encoding="utf-8"))
        assert () == errors("harness/report", report)
        assert ("conformant", "vapi") == (report["verdict"], report["profile"])
        assert server.key not in json.dumps(report)

    def test_saves_exchanges_that_check_judges_alike(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        pytester.runpytest(*endpoint(server, *ONE, "--endpoint-save-exchanges", "kept"))
        files = sorted((pytester.path / "kept").glob("*.exchange.json"))
        assert "001-plain.stream.1.exchange.json" == files[0].name
        assert not any(server.key in path.read_text(encoding="utf-8") for path in files)
        command = [sys.executable, "-m", "vapi_conformance", "check", "--json", *map(str, files)]
        checked = pytester.run(*command, "--rule", ONE[1])
        assert {"conformant"} == {
            each["verdict"] for each in json.loads(str(checked.stdout))["results"] if each["counts"]["passed"]
        }


class TestViolated:
    def test_ends_with_1_and_tells_all(self, pytester: pytest.Pytester) -> None:
        with playing(saying([SSE + chunked(UNTERMINATED)])) as url:
            result = pytester.runpytest("--endpoint", url, *ONE)
        assert pytest.ExitCode.TESTS_FAILED == result.ret
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            [
                "MUST violated: the body ends inside an event, which a client then discards",
                "sse.last-event-is-terminated  MUST  HTML Living Standard, 9.2.6",
                "  requires  The last event is closed by an empty line.",
                "  expected  an empty line after the last event",
                "  actual    the body ends inside an event, which a client then discards",
                "  at        plain/stream, byte *, * ms after the request was written",
                "  effect    Vapi, of this answer as a whole: The answer is spoken. (observed)",
                "  mend      End every event with an empty line, the last one too.",
                "  repeat    pytest --endpoint http://127.0.0.1:* --endpoint-rule sse.last-event-is-terminated",
                "violated: 1 MUST broken or not shown",
            ]
        )

    def test_the_saved_exchanges_are_checked_again_by_the_same_measure(self, pytester: pytest.Pytester) -> None:
        measure = ["--endpoint-profile", "standard", "--endpoint-dialect", "openai_chat_completions"]
        with playing(saying([SSE + chunked(UNTERMINATED)])) as url:
            result = pytester.runpytest("--endpoint", url, *ONE, *measure, "--endpoint-save-exchanges", "kept")
        measured = "--profile standard --dialect openai_chat_completions"
        result.stdout.fnmatch_lines(
            [f"  repeat    vapi-conformance check kept {measured} --rule sse.last-event-is-terminated"]
        )

    def test_junit_has_the_investigation_and_the_properties(self, pytester: pytest.Pytester) -> None:
        with playing(saying([SSE + chunked(UNTERMINATED)])) as url:
            pytester.runpytest("--endpoint", url, *ONE, "--junitxml", "junit.xml")
        case = ET.parse(pytester.path / "junit.xml").getroot().find(".//testcase")
        assert case is not None
        assert ("vapi-conformance", ONE[1]) == (case.get("classname"), case.get("name"))
        assert "the body ends inside an event" in str(ET.tostring(case))
        assert {"rule", "level", "profile", "source", "outcome"} <= {each.get("name") for each in case.iter("property")}

    def test_a_should_warns_and_does_not_fail(self, pytester: pytest.Pytester) -> None:
        with playing(saying([SSE + chunked(SOUND + b"data: [DONE]\n\n")])) as url:
            result = pytester.runpytest("--endpoint", url, "--endpoint-rule", "chat-stream.finish-reason-is-sent")
        assert pytest.ExitCode.OK == result.ret
        result.stdout.fnmatch_lines(["chat-stream.finish-reason-is-sent  SHOULD *", "*1 warned*"])

    def test_last_failed_runs_it_again(self, pytester: pytest.Pytester) -> None:
        with playing(saying([SSE + chunked(UNTERMINATED)])) as url:
            pytester.runpytest("--endpoint", url, "--endpoint-rule", "sse.*")
            result = pytester.runpytest("--endpoint", url, "--endpoint-rule", "sse.*", "--lf", "--collect-only", "-q")
        result.stdout.fnmatch_lines(["vapi-conformance::sse.last-event-is-terminated"])
        result.stdout.no_fnmatch_line("*no-byte-order-mark*")


class TestExpectedFailures:
    def test_a_listed_failure_is_expected(self, pytester: pytest.Pytester) -> None:
        pytester.maketxtfile(known="# ours\nsse.last-event-is-terminated  # ticket 7\n")
        with playing(saying([SSE + chunked(UNTERMINATED)])) as url:
            result = pytester.runpytest("--endpoint", url, *ONE, "--endpoint-expected-failures", "known.txt")
        assert pytest.ExitCode.OK == result.ret
        result.assert_outcomes(xfailed=1)
        result.stdout.fnmatch_lines([f"known to fail, as listed: {ONE[1]}; nothing else fails the run"])

    def test_one_that_passes_again_fails_the_run(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        pytester.maketxtfile(known=ONE[1])
        result = pytester.runpytest(*endpoint(server, *ONE, "--endpoint-expected-failures", "known.txt"))
        assert pytest.ExitCode.TESTS_FAILED == result.ret
        result.stdout.fnmatch_lines(["*passes, though known.txt, line 1 lists it as failing: take the entry out*"])

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("no.such-rule\n", "*known.txt, line 1: no rule is called 'no.such-rule'*"),
            (f"{ONE[1]}\n{ONE[1]}\n", "*known.txt, line 2: * stands there already (known.txt, line 1)*"),
        ],
    )
    def test_a_wrong_list_is_a_usage_error(self, pytester: pytest.Pytester, text: str, words: str) -> None:
        pytester.maketxtfile(known=text)
        result = pytester.runpytest("--endpoint", "reference", "--endpoint-expected-failures", "known.txt")
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        result.stderr.fnmatch_lines([words])


class TestOneClearSentence:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["localhost:8000"], "ERROR: --endpoint needs http:// or https://, got 'localhost:8000'"),
            (["http://"], "ERROR: --endpoint has no host: 'http://'"),
            (["http://u:p@a.example"], "ERROR: --endpoint must not hold a password; *"),
            (
                ["reference", "--endpoint-profile", "loose"],
                "ERROR: --endpoint-profile: 'loose' is none of: standard, vapi, rapida",
            ),
            (["reference", "--endpoint-dialect", "x"], "ERROR: --endpoint-dialect: 'x' is none of: *"),
            (
                ["reference", "--endpoint-platform", "x"],
                "ERROR: --endpoint-platform: 'x' is none of: vapi, rapida, direct",
            ),
            (["reference", "--endpoint-timeout", "-1"], "ERROR: --endpoint-timeout wants seconds above 0 *"),
            (["reference", "--endpoint-header", "nocolon"], "ERROR: --endpoint-header wants 'Name: value', *"),
            (
                ["reference", "--endpoint-api-key-env", "NOT_SET"],
                "ERROR: the environment variable NOT_SET is not set or empty",
            ),
            (["reference", "--endpoint-assistant", "none.json"], "ERROR: none.json does not exist"),
        ],
    )
    def test_for_a_wrong_option(self, pytester: pytest.Pytester, options: list[str], words: str) -> None:
        result = pytester.runpytest("--endpoint", *options)
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        result.stderr.fnmatch_lines([words])

    def test_for_a_missing_key(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        result = pytester.runpytest("--endpoint", server.url)
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        result.stderr.fnmatch_lines(
            ["ERROR: * wants a key (status 401): name the environment variable that holds it *"]
        )

    def test_for_a_wrong_path(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        result = pytester.runpytest("--endpoint", f"{server.url}/nowhere", *endpoint(server)[2:])
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        result.stderr.fnmatch_lines(["ERROR: POST * gives status 404: --endpoint takes the base URL, *"])

    def test_for_an_unreachable_host(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile("def test_mine(): pass")
        result = pytester.runpytest("--endpoint", "http://127.0.0.1:9", "--endpoint-report", "report.json")
        assert pytest.ExitCode.TESTS_FAILED == result.ret
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["http://127.0.0.1:9/chat/completions cannot be reached: *"])
        report = json.loads((pytester.path / "report.json").read_text(encoding="utf-8"))
        assert "incomplete" == report["verdict"]
        assert () == errors("harness/report", report)


class TestPrecedence:
    def test_option_beats_environment_beats_ini(
        self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytester.makeini("[pytest]\nendpoint = ini:1\n")
        assert "got 'ini:1'" in str(pytester.runpytest().stderr)
        monkeypatch.setenv("VAPI_CONFORMANCE_ENDPOINT", "environment:1")
        assert "got 'environment:1'" in str(pytester.runpytest().stderr)
        assert "got 'option:1'" in str(pytester.runpytest("--endpoint", "option:1").stderr)


class TestDistributed:
    @pytest.mark.slow
    def test_workers_judge_what_was_played_once(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        result = pytester.runpytest_subprocess(*endpoint(server, "--endpoint-rule", "sse.no-*", "-n", "2"))
        assert pytest.ExitCode.OK == result.ret
        result.stdout.fnmatch_lines(["conformant: every rule that was shown holds"])


def test_terminal_output_disarms_hostile_text(pytester: pytest.Pytester) -> None:
    bad = SOUND.replace(b'"object":"chat.completion.chunk"', b'"object":"\\u001b[2Jgone\\u202e"')
    with playing(saying([SSE + chunked(bad + b"data: [DONE]\n\n")])) as url:
        rule = ("--endpoint-rule", "chat-stream.object-is-chunk", "--endpoint-profile", "standard")
        dialect = ("--endpoint-dialect", "openai_chat_completions")
        result = pytester.runpytest("--endpoint", url, *rule, *dialect)
    assert pytest.ExitCode.TESTS_FAILED == result.ret
    assert "\x1b[2J" not in str(result.stdout)
    assert "\u202e" not in str(result.stdout)


def test_help_names_every_option_with_its_ini_key_and_variable(pytester: pytest.Pytester) -> None:
    text = " ".join(str(pytester.runpytest("--help").stdout).split())
    for name in ("dialect", "assistant", "expected-failures"):
        assert f"--endpoint-{name}" in text
        assert f"VAPI_CONFORMANCE_{name.replace('-', '_').upper()}" in text


def test_nothing_is_written_where_nothing_was_asked_for(pytester: pytest.Pytester, server: ReferenceServer) -> None:
    pytester.runpytest(*endpoint(server, *ONE), "-p", "no:cacheprovider")
    assert [] == [path for path in Path(pytester.path).iterdir() if path.suffix == ".json"]
