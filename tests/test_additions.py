"""What other distributions add: found without importing it, loaded on demand, told in one sentence when broken."""

import subprocess
import sys
from pathlib import Path

import pytest

from made_distributions import installed, with_distribution
from vapi_conformance.additions import AdditionError, additions


class TestFinding:
    def test_nothing_is_found_where_nothing_is_installed(self) -> None:
        assert [] == [each for each in additions("rules") if each.distribution == "acme-conformance"]

    def test_names_the_distribution_and_imports_nothing(self, tmp_path: Path) -> None:
        folder = installed(
            tmp_path, points={"rules": {"acme": "nowhere.at_all"}, "consumers": {"acme": "nowhere:CONSUMER"}}
        )
        with with_distribution(folder):
            (found,) = additions("rules")
            assert ("acme", "acme-conformance", "1.2", "acme-conformance 1.2") == (
                found.name,
                found.distribution,
                found.version,
                str(found),
            )
            assert "nowhere" not in sys.modules

    def test_is_in_the_same_order_on_every_machine(self, tmp_path: Path) -> None:
        folders = [
            installed(tmp_path / name, name=name, points={"rules": {point: "nowhere"}})
            for name, point in (("zeta", "a"), ("beta", "c"), ("alpha", "c"))
        ]
        for order in (folders, folders[::-1]):
            with with_distribution(*order):
                assert ["zeta", "alpha", "beta"] == [each.distribution for each in additions("rules")]


class TestLoading:
    @pytest.mark.parametrize(
        ("source", "why"),
        [
            ("import nothing_of_the_kind", "ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
            ("raise ValueError('two\\n  lines')", "ValueError: two lines"),
            ("raise SystemExit(3)", "SystemExit: 3"),
            ("raise OSError", "OSError"),
            ("def (", "SyntaxError: "),
            ("raise ValueError('long ' * 1000)", f"ValueError: {'long ' * 57}lo…"),
        ],
    )
    def test_a_module_that_fails_is_one_sentence(self, tmp_path: Path, source: str, why: str) -> None:
        folder = installed(tmp_path, points={"platforms": {"acme": "acme_broken"}}, modules={"acme_broken.py": source})
        with with_distribution(folder):
            (found,) = additions("platforms")
            with pytest.raises(AdditionError) as caught:
                found.load()
        told = str(caught.value)
        assert told.startswith(f"the platform acme of acme-conformance 1.2 cannot be used: {why}")
        assert "\n" not in told

    def test_knows_the_package_where_files_lie(self, tmp_path: Path) -> None:
        folder = installed(
            tmp_path,
            points={"rules": {"deep": "acme_deep.rules:LIST", "whole": "acme_deep"}},
            modules={"acme_deep/__init__.py": "", "acme_deep/rules.py": "LIST = [1]"},
        )
        with with_distribution(folder):
            deep, whole = additions("rules")
            assert [1] == deep.load()
            assert ("acme_deep", "acme_deep") == (deep.origin().package, whole.origin().package)
            assert "acme-conformance 1.2" == str(deep.origin())


def test_the_plugin_without_an_endpoint_looks_for_nothing() -> None:
    """Every pytest run in the environment would pay for it."""
    code = "import sys, vapi_conformance.plugin; print('vapi_conformance.additions' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "False" == printed.strip()
