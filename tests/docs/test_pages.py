"""The documents as pages: built strictly, whole where they are made from the program, and loading nothing."""

import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import click
import html5lib
import pytest

from vapi_conformance.cli import main
from vapi_conformance.data import data_dir
from vapi_conformance.options import OPTIONS
from vapi_conformance.rules import all_rules

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return folder


def page(site: Path, name: str) -> str:
    return (site / name).read_text(encoding="utf-8")


def test_each_rule_has_an_address_of_its_own(site: Path) -> None:
    addresses = set(re.findall(r'<h3 id="([^"]+)"', page(site, "reference/rules.html")))
    assert set(all_rules()) == addresses


def test_each_command_shows_its_help(site: Path) -> None:
    found = set(re.findall(r"Usage: vapi-conformance ([a-z-]+)", page(site, "reference/commands.html")))
    assert [] == [name for name in main.list_commands(click.Context(main)) if name not in found]


def test_each_option_and_schema_is_there(site: Path) -> None:
    options, schemas = unescape(page(site, "reference/options.html")), page(site, "reference/schemas.html")
    assert [] == [each.flag for each in OPTIONS if f"{each.flag} {each.metavar}" not in options]
    names = [path.name for path in (data_dir("schemas") / "harness").glob("*.json")]
    assert [] == [name for name in names if name not in schemas or not (site / "schemas" / name).exists()]


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded: list[str] = []
    for path in site.rglob("*.html"):
        parser = html5lib.HTMLParser(namespaceHTMLElements=False)
        tree = cast("Element", parser.parse(path.read_text(encoding="utf-8")))  # pyright: ignore[reportUnknownMemberType] - untyped
        for tag, name in LOADS.items():
            loaded += [each.get(name, "") for each in tree.iter(tag) if each.get("rel") != "canonical"]
    assert [] == [address for address in loaded if urlsplit(address).netloc]
