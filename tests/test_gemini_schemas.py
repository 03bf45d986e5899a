"""The schemas of Gemini against the standard of schemas, what the first party sent, and what it accepted."""

import json
from collections.abc import Iterator, Mapping

import jsonschema
import pytest

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.content_coding import decode_content
from vapi_conformance.data import data_dir
from vapi_conformance.dialects.gemini.answer import read_answer
from vapi_conformance.dialects.gemini.put import put
from vapi_conformance.dialects.names import EVERY
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing
from vapi_conformance.recordings import load_wire
from vapi_conformance.rules import all_rules
from vapi_conformance.scenario import Scenario, all_scenarios
from vapi_conformance.schema import errors, schema

NAMES = sorted(path.stem for path in (data_dir("schemas") / "gemini").glob("*.json"))
RECORDINGS = wire_recordings("gemini_generate_content__")
WRONG_ON_PURPOSE = {"empty-messages", "message-without-content", "wrong-types"}
"""Scenarios whose requests have to be refused."""


def subschemas(node: object) -> Iterator[Mapping[str, object]]:
    record = object_or_nothing(node)
    if record:
        yield record
    for below in (*record.values(), *array_or_nothing(node)):
        yield from subschemas(below)


def request_of(recording: Recording) -> Mapping[str, object]:
    return object_or_nothing(recording.load()["request"])


def status_of(recording: Recording) -> int | None:
    return integer_or_none(object_or_nothing(recording.load()["response"])["status"])


@pytest.mark.parametrize("name", NAMES)
class TestSchemas:
    def test_follow_the_metaschema(self, name: str) -> None:
        jsonschema.Draft202012Validator.check_schema(dict(schema(f"gemini/{name}")))

    def test_say_their_dialect_title_and_source(self, name: str) -> None:
        path = data_dir("schemas") / "gemini" / f"{name}.json"
        document = object_or_nothing(json.loads(path.read_text(encoding="utf-8")))
        assert "https://json-schema.org/draft/2020-12/schema" == document.get("$schema")
        assert document.get("title")
        assert "Source: " in str(document.get("description"))

    def test_name_rules_that_exist(self, name: str) -> None:
        named = {
            str(node[key])
            for node in subschemas(schema(f"gemini/{name}"))
            for key in ("x-rule", "x-rule-missing")
            if isinstance(node.get(key), str)
        }
        assert set() == named - all_rules().keys()


@needs_shared
class TestRecordings:
    @pytest.mark.parametrize("recording", RECORDINGS, ids=lambda each: each.name)
    def test_answers_and_errors_are_valid(self, recording: Recording) -> None:
        reads = decode_content(load_wire(recording.path)).reads
        name = "gemini/error" if "__error__" in recording.name else "gemini/generate-content-response"
        chunks = read_answer(reads, media_type="").transcript.chunks
        assert chunks
        assert [] == [each for chunk in chunks for each in errors(name, chunk.payload.value)]

    @pytest.mark.parametrize(
        "recording",
        [each for each in RECORDINGS if status_of(each) == 200 and request_of(each).get("body") is not None],
        ids=lambda each: each.name,
    )
    def test_requests_that_were_accepted_are_valid(self, recording: Recording) -> None:
        assert () == errors("gemini/generate-content-request", request_of(recording)["body"])


SOUND = [each for each in all_scenarios().values() if each.name not in WRONG_ON_PURPOSE and each.dialects == EVERY]


@pytest.mark.parametrize("scenario", SOUND, ids=lambda each: each.name)
def test_what_scenarios_ask_is_valid(scenario: Scenario) -> None:
    for step in scenario.steps:
        if step.messages:
            body = put({"messages": list(step.messages), "tools": list(step.tools), **step.body})
            assert () == errors("gemini/generate-content-request", body)
