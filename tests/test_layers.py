"""Imports point down, read from the syntax tree; and what `__all__` says is what there is."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import vapi_conformance
import vapi_reference_server

HARNESS = Path(vapi_conformance.__file__).parent
SERVER = Path(vapi_reference_server.__file__).parent

# Every module or package of the first floor, from the ground up. Those of one row do not import each other.
ROWS = (
    ("data", "narrow", "problems", "options", "body_weight", "json_writing", "units"),
    ("schema", "exchange", "payload", "additions"),
    ("json_file", "content_coding", "sse", "foreign_schema"),
    ("dialects", "speech", "masking", "exchange_file", "call_record"),
    ("consumers", "call_file", "network", "platforms", "live_events"),
    ("recordings", "call_scenario", "evidence", "client", "scenario", "webhook_scenario"),
    ("auth", "call", "specimen_calls"),
    ("rules", "reference"),
    ("verdict", "specimens", "custom_platforms", "suite", "webhook_suite", "expected_failures", "latency"),
    ("report",),
    ("endpoint", "history", "extending", "testing"),
    ("certificate",),
    ("pytest_plugin", "cli"),
    ("plugin", "__main__"),
)
LAYER = {name: number for number, row in enumerate(ROWS) for name in row}
MODULES = sorted(
    path for path in HARNESS.rglob("*.py") if path != HARNESS / "__init__.py" and "_data" not in path.parts
)


def imported(path: Path) -> Iterator[str]:
    """First-party modules, whole names, wherever in the file they are imported."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def floor(path: Path) -> str:
    return path.relative_to(HARNESS).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(HARNESS)))
def test_imports_point_down(path: Path) -> None:
    own = floor(path)
    for module in imported(path):
        package, _, rest = module.partition(".")
        assert package != "vapi_reference_server", f"{own} imports the reference server"
        target = rest.split(".")[0]
        if package == "vapi_conformance" and target and target != own:
            assert LAYER[target] < LAYER[own], f"{own} imports {target}"


@pytest.mark.parametrize("path", sorted(SERVER.rglob("*.py")), ids=lambda path: str(path.relative_to(SERVER)))
def test_the_reference_server_imports_nothing_of_the_harness(path: Path) -> None:
    assert [] == [module for module in imported(path) if module.startswith("vapi_conformance")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(HARNESS)))
def test_all_names_what_is_there_and_public(path: Path) -> None:
    if path.name == "__main__.py":
        return
    name = ".".join(("vapi_conformance", *path.relative_to(HARNESS).with_suffix("").parts)).removesuffix(".__init__")
    module = import_module(name)
    exported = list[str](module.__all__)
    assert exported == sorted(set(exported), key=lambda each: (not each.isupper(), not each[0].isupper(), each))
    assert [] == [each for each in exported if not hasattr(module, each) or each.startswith("_")]


def test_importing_reads_no_file_of_ours_and_starts_nothing() -> None:
    """Every module level is definitions: no call of our own functions, no open, no environment."""
    offenders = [
        f"{path.relative_to(HARNESS)}:{node.lineno}"
        for path in MODULES
        if path.name != "__main__.py"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    assert [] == offenders
