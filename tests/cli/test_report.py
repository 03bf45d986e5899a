"""`report render`: from stored reports to a page or Markdown, the same as the run itself would have written."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from made_runs import PASSED, SOUND, VIOLATED, run
from vapi_conformance.cli import main
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange_file import save
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.report.document import to_document
from vapi_conformance.report.writing import rendered, write_report
from vapi_conformance.schema import errors

DOCUMENT = to_document(run(PASSED, VIOLATED), evidence=[Evidence(exchange=SOUND)], started_at="2026-11-21T03:00:00Z")


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["report", "render", *map(str, arguments)])


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    write_report(DOCUMENT, tmp_path / "report.json")
    return tmp_path / "report.json"


class TestRender:
    @pytest.mark.parametrize("suffix", [".html", ".md"])
    def test_gives_what_the_run_would_have_written(self, stored: Path, suffix: str) -> None:
        out = stored.with_name(f"out{suffix}")
        result = invoke(stored, "--out", out)
        assert (0, "", f"written: {out}\n") == (result.exit_code, result.stdout, result.stderr)
        assert rendered([DOCUMENT], suffix) == out.read_text(encoding="utf-8")

    def test_without_a_name_the_page_stands_beside_the_first_file(self, stored: Path) -> None:
        assert 0 == invoke(stored).exit_code
        assert stored.with_suffix(".html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")

    @pytest.mark.parametrize("suffix", [".html", ".md"])
    def test_of_several_is_one(self, stored: Path, suffix: str) -> None:
        other = to_document(run(PASSED))
        write_report(other, stored.with_name("b.json"))
        out = stored.with_name(f"all{suffix}")
        assert 0 == invoke(stored, stored.with_name("b.json"), "--out", out).exit_code
        assert rendered([DOCUMENT, other], suffix) == out.read_text(encoding="utf-8")

    def test_of_what_check_printed(self, tmp_path: Path) -> None:
        (tmp_path / "exchanges").mkdir()
        for name in ("a", "b"):
            save(SOUND, tmp_path / "exchanges" / f"{name}.exchange.json")
        printed = CliRunner().invoke(main, ["check", str(tmp_path / "exchanges"), "--rule", "sse.*", "--json"]).stdout
        (tmp_path / "check.json").write_text(printed, encoding="utf-8")
        results = [
            object_or_nothing(each) for each in array_or_nothing(object_or_nothing(json.loads(printed))["results"])
        ]
        assert [()] * 2 == [errors("harness/report", each) for each in results]
        assert [1, 1] == [len(array_or_nothing(each["played"])) for each in results]
        assert 0 == invoke(tmp_path / "check.json", "--out", tmp_path / "check.md").exit_code
        assert rendered(results, ".md") == (tmp_path / "check.md").read_text(encoding="utf-8")

    def test_of_a_report_that_a_later_release_added_to(self, stored: Path) -> None:
        stored.write_text(json.dumps({**DOCUMENT, "added": {"later": 1}}), encoding="utf-8")
        assert 0 == invoke(stored).exit_code

    def test_of_the_first_version_without_what_came_since(self, stored: Path) -> None:
        since = ("machine", "expected_failures", "played", "hearer", "recognised", "flavour")
        old = {key: value for key, value in DOCUMENT.items() if key not in since}
        stored.write_text(json.dumps(old), encoding="utf-8")
        for suffix in (".html", ".md"):
            assert 0 == invoke(stored, "--out", stored.with_name(f"old{suffix}")).exit_code


GOOD = json.dumps(DOCUMENT)
WRONG = {
    "an array": ("[1, 2]", "out.md", 'is no report: no "format": "vapi-conformance/report"'),
    "a bench": ('{"format": "vapi-conformance/bench", "version": 1}', "out.md", "is no report"),
    "a later version": (
        '{"format": "vapi-conformance/report", "version": 2}',
        "out.md",
        "is a report of version 2; this release reads up to 1",
    ),
    "no version": ('{"format": "vapi-conformance/report", "version": true}', "out.md", "is a report of version True"),
    "no results": ('{"results": []}', "out.md", "holds no report"),
    "other results": ('{"results": [3]}', "out.md", "is no report"),
    "half a file": ("{", "out.md", "is cut off"),
    "another form": (GOOD, "out.pdf", "the name of a page ends with .html, that of a Markdown text with .md"),
    "no folder": (GOOD, "nowhere/out.md", "does not exist"),
}


class TestRefuses:
    @pytest.mark.parametrize("case", WRONG)
    def test_in_one_sentence(self, tmp_path: Path, case: str) -> None:
        content, out, sentence = WRONG[case]
        (tmp_path / "a.json").write_text(content, encoding="utf-8")
        result = invoke(tmp_path / "a.json", "--out", tmp_path / out)
        assert 2 == result.exit_code
        assert sentence in result.stderr
        assert 1 == len(result.stderr.splitlines())
        assert not (tmp_path / out).exists()

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        result = invoke(tmp_path / "none.json")
        assert (2, True) == (result.exit_code, "does not exist" in result.stderr)


def test_help_teaches_by_an_example() -> None:
    result = CliRunner().invoke(main, ["report", "render", "--help"])
    assert "vapi-conformance report render vllm.json ollama.json mine.json --out all.html" in result.stdout
