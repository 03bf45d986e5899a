"""The list of rules that are known to fail: it keeps a known defect quiet, and speaks up when the defect is gone."""

from collections.abc import Collection, Mapping
from pathlib import Path

from vapi_conformance.problems import UsageError

__all__ = ["load_expected_failures"]


def load_expected_failures(path: Path, rules: Collection[str]) -> Mapping[str, str]:
    """Rule id to the place of its entry: `FILE, line 3`. Raises UsageError for an unknown rule or a repeated one."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # some editors on Windows begin with a BOM
    except OSError as problem:
        raise UsageError(f"--endpoint-expected-failures {path}: {problem.strerror or problem}") from problem
    except UnicodeDecodeError as problem:
        raise UsageError(f"--endpoint-expected-failures {path}: byte {problem.start} is no UTF-8") from problem
    entries: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        rule = line.partition("#")[0].strip()
        if not rule:
            continue
        place = f"{path}, line {number}"
        if rule not in rules:
            raise UsageError(f"{place}: no rule is called {rule!r}; `vapi-conformance rules` lists them")
        if rule in entries:
            raise UsageError(f"{place}: {rule} stands there already ({entries[rule]})")
        entries[rule] = place
    return entries
