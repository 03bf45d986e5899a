"""What a run leaves behind for people and for CI: reports in each form, and JUnit's file."""

import json
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

import pytest

from raw_server import chunked, head, playing, saying
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.reference import ReferenceServer, reference_server
from vapi_conformance.rules import all_rules
from vapi_conformance.schema import errors

pytest_plugins = ["pytester"]

SSE = head(Content_Type="text/event-stream", Transfer_Encoding="chunked")
UNTERMINATED = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1785312000,"model":"m","choices":[{"index":0,'
    b'"delta":{"role":"assistant","content":"Hello there."},"finish_reason":"stop"}]}\n\ndata: [DONE]\n'
)
RULE = "sse.last-event-is-terminated"
ONE = ("--endpoint-rule", RULE)
FEW = ("--endpoint-rule", "speech.*-survive*")
"""Of one scenario each, so that not all are played."""


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    with reference_server(["--pace-ms", "0"]) as running:
        yield running


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch, server: ReferenceServer) -> None:
    monkeypatch.setenv("REFERENCE_KEY", server.key)


def endpoint(server: ReferenceServer, *more: str) -> list[str]:
    return ["--endpoint", server.url, "--endpoint-api-key-env", "REFERENCE_KEY", "--endpoint-model", "reference", *more]


def judged_unterminated(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    with playing(saying([SSE + chunked(UNTERMINATED)])) as url:
        return pytester.runpytest("--endpoint", url, *ONE, *options)


class TestReports:
    def test_the_suffix_says_the_form_and_the_option_repeats(
        self, pytester: pytest.Pytester, server: ReferenceServer
    ) -> None:
        options = [part for form in ("md", "json", "html") for part in ("--endpoint-report", f"out/report.{form}")]
        result = pytester.runpytest(*endpoint(server, *FEW, *options))
        assert pytest.ExitCode.OK == result.ret
        read = {form: (pytester.path / f"out/report.{form}").read_text(encoding="utf-8") for form in ("md", "html")}
        assert "**conformant**: every MUST that was shown holds" in read["md"]
        assert read["html"].lower().startswith("<!doctype html>")
        result.stdout.fnmatch_lines([f"report: out/report.{form}" for form in ("json", "md", "html")])

    def test_each_played_exchange_is_told_and_no_key(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        pytester.runpytest(*endpoint(server, *FEW, "--endpoint-report", "report.json"))
        text = (pytester.path / "report.json").read_text(encoding="utf-8")
        report = json.loads(text)
        assert () == errors("harness/report", report)
        assert report["exchanges"] == len(report["played"]) == len({each["id"] for each in report["played"]})
        assert server.key not in text

    def test_a_violation_shows_its_bytes_and_names_its_exchange(self, pytester: pytest.Pytester) -> None:
        judged_unterminated(pytester, "--endpoint-report", "report.json")
        report = json.loads((pytester.path / "report.json").read_text(encoding="utf-8"))
        (rule,) = report["rules"]
        violation = rule["violations"][0]
        assert "data: [DONE]\u240a\n" == violation["bytes"]["marked"]
        assert violation["bytes"]["before"].endswith("}\u240a\n\u240a\n")
        assert violation["repeat"].endswith(f"--endpoint-rule {RULE}")
        (exchange,) = (each for each in report["played"] if each["id"] == violation["exchange"])
        assert exchange["curl"].startswith("curl -sSN http://127.0.0.1:")

    def test_expected_failures_are_listed(self, pytester: pytest.Pytester) -> None:
        known = pytester.path / "known.txt"
        known.write_text(f"{RULE}\n", encoding="utf-8")
        options = ("--endpoint-report", "report.json", "--endpoint-expected-failures", str(known))
        judged_unterminated(pytester, *options)
        report = json.loads((pytester.path / "report.json").read_text(encoding="utf-8"))
        assert [RULE] == report["expected_failures"]
        assert True is report["rules"][0]["expected_failure"]

    def test_under_xdist_too(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        options = (
            "-n",
            "2",
            *FEW,
            "--endpoint-report",
            "a.json",
            "--endpoint-report",
            "a.md",
            "--junitxml",
            "junit.xml",
        )
        pytester.runpytest_subprocess(*endpoint(server, *options))
        report = json.loads((pytester.path / "a.json").read_text(encoding="utf-8"))
        assert report["exchanges"] == len(report["played"]) > 0
        assert (pytester.path / "a.md").is_file()
        told = {properties(case)["rule"]: properties(case)["level"] for case in cases(pytester)}
        assert told == {each["id"]: each["level"] for each in report["rules"]}

    @pytest.mark.parametrize("name", ["report.txt", "report", "report.sarif"])
    def test_a_name_without_a_known_form_is_refused_before_anything_is_sent(
        self, pytester: pytest.Pytester, name: str
    ) -> None:
        result = pytester.runpytest("--endpoint", "http://127.0.0.1:9", "--endpoint-report", name)
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        result.stderr.fnmatch_lines([f"ERROR: {name}: a report's name ends with .json, .html, .md, *"])

    def test_a_folder_is_refused_too(self, pytester: pytest.Pytester) -> None:
        pytester.mkdir("report.json")
        result = pytester.runpytest("--endpoint", "http://127.0.0.1:9", "--endpoint-report", "report.json")
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        result.stderr.fnmatch_lines(["ERROR: report.json is a folder; give the name of a file"])

    def test_one_that_cannot_be_written_costs_neither_the_summary_nor_the_others(
        self, pytester: pytest.Pytester, server: ReferenceServer
    ) -> None:
        (pytester.path / "file").write_text("", encoding="utf-8")
        options = ("--endpoint-report", "file/report.json", "--endpoint-report", "report.md")
        result = pytester.runpytest(*endpoint(server, *FEW, *options))
        assert pytest.ExitCode.USAGE_ERROR == result.ret
        result.stdout.fnmatch_lines(
            [
                "conformant: every rule that was shown holds",
                "file/report.json cannot be written: *",
                "report: report.md",
            ]
        )
        assert (pytester.path / "report.md").is_file()

    def test_several_stand_on_lines_of_the_environment_variable(
        self, pytester: pytest.Pytester, server: ReferenceServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VAPI_CONFORMANCE_REPORT", "a.json\nb.md\n")
        pytester.runpytest(*endpoint(server, *FEW))
        assert [True, True] == [(pytester.path / name).is_file() for name in ("a.json", "b.md")]


def cases(pytester: pytest.Pytester) -> Sequence[ET.Element]:
    return ET.parse(pytester.path / "junit.xml").getroot().findall(".//testcase")


def properties(case: ET.Element) -> dict[str, str]:
    return {each.attrib["name"]: each.attrib["value"] for each in case.findall("properties/property")}


class TestJUnit:
    def test_each_case_names_rule_level_profile_source_and_outcome(
        self, pytester: pytest.Pytester, server: ReferenceServer
    ) -> None:
        pytester.runpytest(*endpoint(server, *FEW, "--junitxml", "junit.xml"))
        found = {case.attrib["name"]: properties(case) for case in cases(pytester)}
        assert {name for name in all_rules() if name.startswith("speech.")} >= found.keys() > set()
        for name, told in found.items():
            assert {"rule", "level", "profile", "source", "outcome"} <= told.keys()
            assert (name, "vapi", all_rules()[name].source) == (told["rule"], told["profile"], told["source"])
            assert told["level"] in ("MUST", "SHOULD", "MAY")

    def test_a_broken_rule_is_told_in_full(self, pytester: pytest.Pytester) -> None:
        judged_unterminated(pytester, "--junitxml", "junit.xml")
        (case,) = cases(pytester)
        (failure,) = case.findall("failure")
        assert ("MUST", "violated") == tuple(properties(case)[each] for each in ("level", "outcome"))
        assert "an empty line after the last event" in (failure.text or "")

    def test_and_the_report_says_the_same(self, pytester: pytest.Pytester, server: ReferenceServer) -> None:
        options = (*FEW, "--junitxml", "junit.xml", "--endpoint-report", "report.json")
        pytester.runpytest(*endpoint(server, *options))
        report = json.loads((pytester.path / "report.json").read_text(encoding="utf-8"))
        rules = [object_or_nothing(each) for each in array_or_nothing(report["rules"])]
        assert {str(each["id"]): (each["level"], each["outcome"]) for each in rules} == {
            told["rule"]: (told["level"], told["outcome"]) for told in map(properties, cases(pytester))
        }
