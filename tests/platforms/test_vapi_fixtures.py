"""The files in fixtures/vapi."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from platforms.structure import differences
from platforms.vapi_envelopes import Envelope, envelopes
from vapi_conformance.data import data_dir
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.schema import errors

ENVELOPES = {each.name: each for each in envelopes()}
FICTIONAL_NUMBER = re.compile(r"\+1(212|312|415|617|713)55501\d\d|\+447700900\d{3}|\+3363998\d{4}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def stored(name: str) -> Path:
    return data_dir("fixtures") / "vapi" / f"{name}.json"


def test_every_file_has_its_recipe() -> None:
    found = {path.stem for path in (data_dir("fixtures") / "vapi").glob("*.json")}
    assert set(ENVELOPES) == found


def test_every_recorded_request_has_its_fixture() -> None:
    numbers = sorted(each.recording for each in ENVELOPES.values() if each.recording)
    assert [*(f"{number:02}" for number in range(1, 16)), "35"] == numbers


@pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES)
class TestEveryFile:
    def test_is_what_its_recipe_makes(self, envelope: Envelope) -> None:
        """To the letter with the faker that wrote it; another version may draw another name, not another shape."""
        document = json.loads(stored(envelope.name).read_text(encoding="utf-8"))
        made = json.loads(json.dumps(envelope.document()))
        assert [] == list(differences(document, made))
        if f"faker {version('faker')}" in document["provenance"]["values"]:
            assert document == made

    def test_follows_the_schema_of_requests(self, envelope: Envelope) -> None:
        document = json.loads(stored(envelope.name).read_text(encoding="utf-8"))
        assert () == errors("vapi/chat-request", document["body"])

    def test_says_whose_shape_it_follows(self, envelope: Envelope) -> None:
        document = object_or_nothing(json.loads(stored(envelope.name).read_text(encoding="utf-8")))
        provenance = object_or_nothing(document["provenance"])
        assert {"shape", "values"} <= set(provenance)
        assert "made up" in str(provenance["values"])

    def test_holds_nothing_that_exists(self, envelope: Envelope) -> None:
        text = stored(envelope.name).read_text(encoding="utf-8")
        hosts = re.findall(r'(?:https?|wss)://([^/"]+)', text)
        linked = {"docs.vapi.ai"}  # in a sentence that Vapi puts into tool results
        assert set() == {host for host in hosts if not host.endswith(".example")} - linked
        numbers = re.findall(r"\+\d{6,}", text)
        assert [] == [number for number in numbers if not FICTIONAL_NUMBER.fullmatch(number)]
        assert set() == {each for each in re.findall(r"[\w.]+@([\w.]+)", text) if not each.endswith(".example")}
