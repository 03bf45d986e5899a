"""Reports as files: the suffix says which form."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from vapi_conformance.problems import UsageError

__all__ = ["check_report_place", "rendered", "write_report"]

_Documents = Sequence[Mapping[str, object]]


def _json(documents: _Documents) -> str:
    (document,) = documents
    return json.dumps(document, indent=1) + "\n"


def _html(documents: _Documents) -> str:
    from vapi_conformance.report.page import render_page

    return render_page(documents)


def _markdown(documents: _Documents) -> str:
    from vapi_conformance.report.markdown import render_markdown

    return render_markdown(documents)


_FORMS: Final[Mapping[str, Callable[[_Documents], str]]] = {".json": _json, ".html": _html, ".md": _markdown}


def check_report_place(path: Path) -> None:
    """Raises UsageError for a name that says no form, and for a folder: before the work that would be lost."""
    if path.suffix.lower() not in _FORMS:
        raise UsageError(f"{path}: a report's name ends with {', '.join(_FORMS)}, which says its form")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file")


def rendered(documents: _Documents, suffix: str) -> str:
    """Documents after `harness/report` in one text; JSON takes one document."""
    return _FORMS[suffix.lower()](documents)


def write_report(document: Mapping[str, object], path: Path) -> None:
    """Folders are made. Raises UsageError that names the file."""
    text = rendered([document], path.suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"{path} cannot be written: {problem.strerror or problem}") from problem
