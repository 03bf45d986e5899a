"""What is published is read as it was published, or not at all."""

import json

import pytest

from vapi_conformance.certificate.published import checked_record
from vapi_conformance.data import data_dir

LEVELS = data_dir("schemas") / "harness" / "levels" / "2026-11.json"


def document() -> dict[str, object]:
    found: dict[str, object] = json.loads(LEVELS.read_text(encoding="utf-8"))
    return found


def test_a_file_that_is_as_it_was_is_its_own_record() -> None:
    assert document() == checked_record(document(), LEVELS.name, schema="harness/levels")


def test_a_file_under_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2031-01\.json: is called 2026-11 inside"):
        checked_record(document(), "2031-01.json", schema="harness/levels")


def test_a_file_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2026-11\.json: /"):
        checked_record(document() | {"levels": "all"}, LEVELS.name, schema="harness/levels")
