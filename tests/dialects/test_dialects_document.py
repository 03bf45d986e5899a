"""What docs/dialects.md says is what the code does."""

import re
from pathlib import Path

from vapi_conformance.dialects.extensions import LEGAL_EXTENSIONS, Keys
from vapi_conformance.dialects.flavours import SIGNS, Place, Vendor
from vapi_conformance.dialects.glance import MAX_GLANCE_BYTES
from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.rules import Level, all_rules

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "dialects.md").read_text(encoding="utf-8")
SOFTENS = DOCUMENT.partition("## What `openai_compatible` softens")[2].partition("\n## ")[0]
SENDS = DOCUMENT.partition("### What each really sends")[2]


def rows(text: str) -> list[list[str]]:
    """Cells of a table's rows, without its head."""
    lines = [line.strip()[1:-1] for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")] for line in lines[2:]]


VENDORS = {row[0]: row for row in rows(SENDS)}


def all_keys(of: Keys) -> set[str]:
    return {*of.top, *of.choice, *of.message, *of.usage}


def test_every_dialect_is_described() -> None:
    described = {row[0].strip("`") for row in rows(DOCUMENT.partition("\n## ")[0])}
    assert {dialect.value for dialect in EVERY} == described


def test_rules_that_stay_are_those_that_are_not_softened() -> None:
    stay = {
        rule.id
        for rule in all_rules().values()
        if rule.both and rule.standard is Level.MUST and Dialect.OPENAI_COMPATIBLE in rule.dialects
    }
    named = re.findall(r"`([a-z0-9-]+\.[a-z0-9-]+)`", SOFTENS)
    assert sorted(stay) == sorted(named)


def test_every_vendor_has_a_row_of_five_cells() -> None:
    assert {vendor.value for vendor in Vendor} == set(VENDORS)
    assert {5} == {len(row) for row in VENDORS.values()}


def test_each_row_names_the_keys_that_its_vendor_adds_and_no_other_s() -> None:
    for vendor, extensions in LEGAL_EXTENSIONS.items():
        cell = VENDORS[vendor.value][3]
        through = {other for other in (Vendor.GROQ, Vendor.TOGETHER) if other is not vendor and other.value in cell}
        keys = all_keys(extensions).difference(*(all_keys(LEGAL_EXTENSIONS[other]) for other in through))
        named = set(re.findall(r"`([A-Za-z_]+)`", cell)) - {"continuous_usage_stats", "model", "object", "created"}
        assert (vendor, keys) == (vendor, named)


def test_each_row_names_a_sign_of_its_vendor() -> None:
    for name, row in VENDORS.items():
        signs = [sign for sign in SIGNS if sign.vendor.value == name]
        keys = {sign.key for sign in signs if sign.place not in (Place.HOST, Place.PORT)}
        said = row[4]
        assert any(key.rstrip("-") in said or key in row[3] for key in keys) or "host" in said, name


def test_the_bound_is_the_code_s() -> None:
    assert f"first {MAX_GLANCE_BYTES // 1024} KiB" in DOCUMENT
