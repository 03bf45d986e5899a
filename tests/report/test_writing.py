"""Reports as files: each form, whatever the document holds, and one sentence where it cannot be."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from made_runs import PASSED, TARGET, result, run
from vapi_conformance.problems import UsageError
from vapi_conformance.report.document import to_document
from vapi_conformance.report.reading import read_reports
from vapi_conformance.report.run import Target
from vapi_conformance.report.writing import check_report_place, write_report
from vapi_conformance.rules.rule import MUST, Violation
from vapi_conformance.verdict import Outcome

FORMS = (".json", ".html", ".md", ".HTML")
WORDS = "half \ud800, \x1b[2J, \u202e, \x00 and 東京"


def hostile() -> Mapping[str, object]:
    violation = Violation(expected=WORDS, actual=WORDS, start=0, end=4)
    broken = result(Outcome.VIOLATED, MUST, violation, reason=WORDS)
    return to_document(run(broken, target=Target(name=WORDS, url=WORDS, model=WORDS), lints=[WORDS], flavour=WORDS))


@pytest.mark.parametrize("suffix", FORMS)
def test_any_text_can_be_written(tmp_path: Path, suffix: str) -> None:
    write_report(hostile(), tmp_path / f"report{suffix}")
    text = (tmp_path / f"report{suffix}").read_text(encoding="utf-8")
    assert "half" in text
    assert not {"\x1b", "\u202e", "\x00"} & set(text)


def test_json_is_read_again_as_it_was(tmp_path: Path) -> None:
    write_report(hostile(), tmp_path / "report.json")
    assert (hostile(),) == read_reports(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == hostile()


def test_folders_are_made(tmp_path: Path) -> None:
    write_report(to_document(run(PASSED, target=TARGET)), tmp_path / "a" / "b" / "report.md")
    assert (tmp_path / "a" / "b" / "report.md").is_file()


@pytest.mark.parametrize("name", ["report", "report.txt", ".json", "report.json.gz"])
def test_a_name_that_says_no_form_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="a report's name ends with"):
        check_report_place(tmp_path / name)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UsageError, match="is a folder; give the name of a file"):
        check_report_place(tmp_path / "a.json")


@pytest.mark.parametrize("suffix", FORMS)
def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=rf"file/report\{suffix} cannot be written: "):
        write_report(hostile(), tmp_path / "file" / f"report{suffix}")
