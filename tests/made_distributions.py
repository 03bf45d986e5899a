"""Distributions of strangers, as an installer would leave them: metadata with entry points, and modules."""

import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

import vapi_conformance.rules as catalogue
from vapi_conformance import additions
from vapi_conformance.report import custom_clients

__all__ = ["RULES", "installed", "with_distribution"]

RULES = '''
from vapi_conformance.rules.rule import MUST, Violation, rule


@rule("acme.greets", standard=MUST, vapi=MUST, source="ACME 1", remedy="Greet.", applies=lambda evidence: True)
def greets(evidence):
    """An answer says hello."""
    if b"ello" not in evidence.body:
        yield Violation(expected="hello", actual="none")
'''
"""The source of a module with one rule."""


def installed(
    folder: Path,
    *,
    name: str = "acme-conformance",
    version: str = "1.2",
    points: Mapping[str, Mapping[str, str]],
    modules: Mapping[str, str] | None = None,
) -> Path:
    """points: group without our name, then entry point, then what it names. modules: path to source."""
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    lines: list[str] = []
    for group, named in points.items():
        lines += [f"[vapi_conformance.{group}]", *(f"{each} = {value}" for each, value in named.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for path, source in (modules or {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(source, encoding="utf-8")
    return folder


@contextmanager
def with_distribution(*folders: Path) -> Generator[None]:
    """While they are on the path; nothing of them is remembered afterwards."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        for folder in folders:
            patch.syspath_prepend(folder)  # pyright: ignore[reportUnknownMemberType] - untyped in pytest
        _forget()
        try:
            yield
        finally:
            for module in set(sys.modules) - before:
                if str(getattr(sys.modules[module], "__file__", None) or "").startswith(tuple(map(str, folders))):
                    del sys.modules[module]
    _forget()


def _forget() -> None:
    """What is kept for the length of a process."""
    for module, name in (
        (additions, "_all"),
        (catalogue, "_third_party"),
        (catalogue, "all_rules"),
        (custom_clients, "_read"),
    ):
        vars(module)[name].cache_clear()
