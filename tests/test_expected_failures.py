"""The list of known failures: each entry a rule, once, with its place."""

from pathlib import Path

import pytest

from vapi_conformance.expected_failures import load_expected_failures
from vapi_conformance.problems import UsageError

RULES = ("sse.no-comment-only-blocks", "chat-stream.ends-with-done")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "known.txt"


def problem(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        load_expected_failures(path, RULES)
    return str(caught.value)


class TestList:
    def test_rules_by_their_places(self, path: Path) -> None:
        path.write_text(f"# known\n\n{RULES[0]}  # issue 7\n\t{RULES[1]}\r\n", encoding="utf-8")
        assert {RULES[0]: f"{path}, line 3", RULES[1]: f"{path}, line 4"} == load_expected_failures(path, RULES)

    @pytest.mark.parametrize("text", ["", "\n", "# nothing yet", "\ufeff"])
    def test_may_be_empty(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        assert {} == load_expected_failures(path, RULES)

    def test_may_begin_with_a_byte_order_mark(self, path: Path) -> None:
        path.write_text(RULES[0], encoding="utf-8-sig")
        assert [RULES[0]] == list(load_expected_failures(path, RULES))


class TestMistakes:
    @pytest.mark.parametrize("line", ["sse.nothing", "sse.*", "SSE.NO-COMMENT-ONLY-BLOCKS", f"{RULES[0]} {RULES[1]}"])
    def test_unknown_rules_are_named_with_their_line(self, path: Path, line: str) -> None:
        path.write_text(f"\n{line}\n", encoding="utf-8")
        assert f"{path}, line 2: no rule is called {line!r}; `vapi-conformance rules` lists them" == problem(path)

    def test_a_repetition_names_both_lines(self, path: Path) -> None:
        path.write_text(f"{RULES[0]}\n{RULES[0]}\n", encoding="utf-8")
        assert f"{path}, line 2: {RULES[0]} stands there already ({path}, line 1)" == problem(path)

    def test_a_missing_file(self, path: Path) -> None:
        assert f"--endpoint-expected-failures {path}: No such file or directory" == problem(path)

    def test_a_folder(self, tmp_path: Path) -> None:
        assert f"--endpoint-expected-failures {tmp_path}: Is a directory" == problem(tmp_path)

    def test_a_file_that_is_no_text(self, path: Path) -> None:
        path.write_bytes(b"sse.\xff\xfe")
        assert f"--endpoint-expected-failures {path}: byte 4 is no UTF-8" == problem(path)
