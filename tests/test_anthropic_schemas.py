"""The schemas of Messages against the standard of schemas, what the first party sent, and what it accepted."""

import json
from collections.abc import Iterator, Mapping

import jsonschema
import pytest

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.data import data_dir
from vapi_conformance.dialects.anthropic.putting import put
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.recordings import load_wire
from vapi_conformance.rules import all_rules
from vapi_conformance.scenario import all_scenarios
from vapi_conformance.schema import errors, schema
from vapi_conformance.specimens import all_exchanges

NAMES = sorted(path.stem for path in (data_dir("schemas") / "anthropic").glob("*.json"))
RECORDINGS = wire_recordings("anthropic_messages__")
REQUEST = "anthropic/messages-request"


def subschemas(node: object) -> Iterator[Mapping[str, object]]:
    record = object_or_nothing(node)
    if record:
        yield record
    for below in (*record.values(), *array_or_nothing(node)):
        yield from subschemas(below)


@pytest.mark.parametrize("name", NAMES)
class TestSchemas:
    def test_follow_the_metaschema(self, name: str) -> None:
        jsonschema.Draft202012Validator.check_schema(dict(schema(f"anthropic/{name}")))

    def test_say_their_dialect_title_and_source(self, name: str) -> None:
        path = data_dir("schemas") / "anthropic" / f"{name}.json"
        document = object_or_nothing(json.loads(path.read_text(encoding="utf-8")))
        assert "https://json-schema.org/draft/2020-12/schema" == document.get("$schema")
        assert document.get("title")
        assert "Source: " in str(document.get("description"))

    def test_name_rules_that_exist(self, name: str) -> None:
        named = {
            str(node[key])
            for node in subschemas(schema(f"anthropic/{name}"))
            for key in ("x-rule", "x-rule-missing")
            if isinstance(node.get(key), str)
        }
        assert set() == named - all_rules().keys()


@needs_shared
class TestFirstParty:
    @pytest.mark.parametrize("recording", RECORDINGS, ids=lambda each: each.name)
    def test_answers_and_refusals_are_valid(self, recording: Recording) -> None:
        evidence = Evidence(exchange=load_wire(recording.path), dialect=Dialect.ANTHROPIC_MESSAGES)
        assert () == evidence.shape_errors
        if evidence.is_refusal:
            assert () == errors("anthropic/error", json.loads(evidence.body))

    @pytest.mark.parametrize("recording", RECORDINGS, ids=lambda each: each.name)
    def test_requests_that_were_accepted_are_valid(self, recording: Recording) -> None:
        body = load_wire(recording.path).request.body
        if body is not None:
            assert () == errors(REQUEST, json.loads(body))


ASKED: dict[str, object] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"name": "f", "input_schema": {"type": "object"}}


class TestRequest:
    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"system": "Be brief."},
            {"system": [{"type": "text", "text": "Be brief."}]},
            {"tools": [TOOL, {"type": "web_search_20250305", "name": "web_search"}]},
            {"tool_choice": {"type": "tool", "name": "f"}},
            {"stop_sequences": ["a"], "temperature": 1, "top_k": 5, "x_unknown": 1},
        ],
    )
    def test_accepts_what_is_described(self, changes: dict[str, object]) -> None:
        assert () == errors(REQUEST, ASKED | changes)

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"max_tokens": 0}, "/max_tokens"),
            ({"messages": []}, "/messages"),
            ({"messages": {"role": "user"}}, "/messages"),
            ({"messages": [{"role": "tool", "content": "17"}]}, "/messages/0/role"),
            ({"messages": [{"role": "user"}]}, "/messages/0"),
            ({"temperature": 1.5}, "/temperature"),
            ({"stop_sequences": "a"}, "/stop_sequences"),
            ({"tools": [{"name": "f"}]}, "/tools/0"),
            ({"tools": [{"type": "function", "function": {"name": "f"}}]}, ""),
            ({"tool_choice": "auto"}, "/tool_choice"),
            ({"tool_choice": {"type": "tool"}}, "/tool_choice"),
        ],
    )
    def test_refuses_what_the_first_party_refuses(self, changes: dict[str, object], pointer: str) -> None:
        found = [each.pointer for each in errors(REQUEST, ASKED | changes)]
        # A tool of an unknown type is a tool of Anthropic's, about which nothing is said here.
        assert ([pointer] if pointer else []) == found

    def test_specimens_ask_validly(self) -> None:
        asked = [
            (name, json.loads(exchange.request.body or b""))
            for name, exchange in all_exchanges({Dialect.ANTHROPIC_MESSAGES})
            if not name.startswith("anthropic.max-tokens-is-required")
        ]
        assert len(asked) > 100
        assert [] == [(name, each.message) for name, body in asked for each in errors(REQUEST, body)]

    def test_scenarios_ask_validly_where_an_answer_is_expected(self) -> None:
        asked = [
            (
                scenario.name,
                put({"model": "m", "messages": list(step.messages), "tools": list(step.tools), **step.body}),
            )
            for scenario in all_scenarios().values()
            if scenario.fits("direct", Dialect.ANTHROPIC_MESSAGES)
            for step in scenario.steps
            if step.expects == "answer" and step.raw_body is None
        ]
        assert len(asked) > 30
        assert [] == [(name, each.message) for name, body in asked for each in errors(REQUEST, body)]
