"""A document for a file of the user's, and its place, checked before the work that would be lost."""

import json
from collections.abc import Mapping
from pathlib import Path

from vapi_conformance.problems import UsageError

__all__ = ["check_place", "write_json", "write_text"]


def check_place(path: Path) -> None:
    """Raises UsageError where nothing can be written there, as far as that can be seen."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise UsageError(f"the folder {path.parent} does not exist")


def write_json(document: Mapping[str, object], path: Path) -> None:
    """Raises UsageError that names the file."""
    write_text(json.dumps(document, indent=1) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Raises UsageError that names the file."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"{path} cannot be written: {problem.strerror or problem}") from problem
