"""Stored reports out of files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vapi_conformance.json_file import JsonFileError, read_json
from vapi_conformance.narrow import array_or_none, integer_or_none, object_or_none, object_or_nothing

__all__ = ["FORMAT", "VERSION", "read_reports"]

FORMAT: Final = "vapi-conformance/report"
VERSION: Final = 1


def read_reports(path: Path) -> tuple[Mapping[str, object], ...]:
    """The report in a file, or those in what `check --json` printed. Raises JsonFileError that says what is wrong.

    Only format and version are looked at: keys may have been added by a later release, and whoever shows a report
    passes over what is not as it should be.
    """
    document = object_or_none(read_json(path))
    results = array_or_none((document or {}).get("results"))
    found = [document or {}] if results is None else [object_or_nothing(each) for each in results]
    if not found:
        raise JsonFileError(path, "holds no report")
    for each in found:
        if each.get("format") != FORMAT:
            raise JsonFileError(
                path, f'is no report: no "format": "{FORMAT}" (pytest writes one with --endpoint-report)'
            )
        version = integer_or_none(each.get("version"))
        if version is None or not 1 <= version <= VERSION:
            raise JsonFileError(
                path, f"is a report of version {each.get('version')!r}; this release reads up to {VERSION}"
            )
    return tuple(found)
