"""The schemas of Responses against the standard of schemas, what the first party sent, and what it accepted."""

import json
from collections.abc import Iterator, Mapping
from typing import cast

import jsonschema
import pytest

from responses_answers import MESSAGE
from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.data import data_dir
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.responses.put import put
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.recordings import load_wire
from vapi_conformance.rules import all_rules
from vapi_conformance.schema import errors, schema
from vapi_conformance.specimens import all_exchanges, base

FOLDER = data_dir("schemas") / "openai" / "responses"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
RECORDINGS = wire_recordings("openai_responses__")
REQUEST = "openai/responses/request"
ANYTHING: Mapping[str, object] = {}


def subschemas(node: object) -> Iterator[Mapping[str, object]]:
    record = object_or_nothing(node)
    if record:
        yield record
    for below in (*record.values(), *array_or_nothing(node)):
        yield from subschemas(below)


@pytest.mark.parametrize("name", NAMES)
class TestSchemas:
    def test_follow_the_metaschema(self, name: str) -> None:
        jsonschema.Draft202012Validator.check_schema(dict(schema(f"openai/responses/{name}")))

    def test_say_their_dialect_title_and_source(self, name: str) -> None:
        document = object_or_nothing(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))
        assert "https://json-schema.org/draft/2020-12/schema" == document.get("$schema")
        assert document.get("title")
        assert "Source: openai-openapi" in str(document.get("description"))

    def test_name_rules_that_exist(self, name: str) -> None:
        named = {
            str(node[key])
            for node in subschemas(schema(f"openai/responses/{name}"))
            for key in ("x-rule", "x-rule-missing")
            if isinstance(node.get(key), str)
        }
        assert set() == named - all_rules().keys()


@needs_shared
class TestFirstParty:
    @pytest.mark.parametrize("recording", RECORDINGS, ids=lambda each: each.name)
    def test_answers_and_refusals_are_valid_but_for_the_name_that_nobody_sends(self, recording: Recording) -> None:
        evidence = Evidence(exchange=load_wire(recording.path), dialect=Dialect.OPENAI_RESPONSES)
        assert {each.error.rule for each in evidence.shape_errors} <= {"responses-tools.arguments-done-has-name"}
        if evidence.is_refusal:
            assert () == errors("openai/error", json.loads(evidence.body))

    @pytest.mark.parametrize("recording", wire_recordings("openai_responses__openai__"), ids=lambda each: each.name)
    def test_requests_that_were_accepted_are_valid(self, recording: Recording) -> None:
        exchange = load_wire(recording.path)
        if exchange.request.body is not None and exchange.response is not None and exchange.response.status == 200:
            assert () == errors(REQUEST, json.loads(exchange.request.body))


def item(**fields: object) -> dict[str, object]:
    return {**MESSAGE, **fields}


class TestItems:
    """What claims the errors of an item is its own rule, whatever carries it."""

    @pytest.mark.parametrize(
        ("broken", "rule"),
        [
            ({"id": "x"}, "responses.item-has-type"),
            (item(id=7), "responses.item-has-id"),
            (item(status="done"), "responses.item-status-is-known"),
            (item(role="model"), "responses.message-role-is-assistant"),
            (item(content="Hello"), "responses.message-content-is-an-array"),
            (item(content=[{"type": "text", "text": "Hello"}]), "responses.part-type-is-known"),
            ({"type": "function_call", "id": "x", "name": "f", "arguments": "", "status": "completed"}, "call_id"),
            ({"type": "reasoning", "id": "x"}, "responses.reasoning-is-well-formed"),
        ],
    )
    def test_are_claimed_alike_in_an_event_and_in_a_response(self, broken: dict[str, object], rule: str) -> None:
        event = {"type": "response.output_item.added", "output_index": 0, "item": broken}
        (in_event,) = errors("openai/responses/item-event", event)
        (exchange,) = base("responses-text-json")
        document = {**object_or_nothing(json.loads(exchange.body)), "output": [broken]}
        (in_response,) = errors("openai/responses/response", document)
        expected = "responses-tools.call-has-call-id" if rule == "call_id" else rule
        assert [expected, expected] == [in_event.rule, in_response.rule]

    @pytest.mark.parametrize(
        "sound",
        [
            item(phase="commentary"),
            {"type": "web_search_call", "id": "x", "status": "searching", "action": {}},
            {"type": "of_tomorrow", "id": "x"},
            {"type": "reasoning", "id": "x", "summary": [], "status": "completed", "encrypted_content": None},
        ],
    )
    def test_may_hold_more_and_be_of_other_types(self, sound: dict[str, object]) -> None:
        assert () == errors("openai/responses/item", sound)


class TestRequest:
    @pytest.mark.parametrize(
        "changes",
        [
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}]},
            {"tools": [{"type": "function", "name": "f", "parameters": ANYTHING}, {"type": "web_search"}]},
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": ANYTHING}}},
            {"reasoning": {"effort": "low"}, "store": False, "stream": True},
        ],
    )
    def test_accepts_what_is_described(self, changes: dict[str, object]) -> None:
        assert () == errors(REQUEST, {"model": "m", "input": "Hello", **changes})

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"input": {"role": "user"}}, "/input"),
            ({"temperature": "hot"}, "/temperature"),
            ({"max_output_tokens": 8}, "/max_output_tokens"),
            ({"messages": "Hello"}, ""),
            ({"stream_options": {"include_usage": True}}, "/stream_options"),
            ({"input": [{"role": "caller", "content": "Hello"}]}, "/input/0/role"),
            ({"input": [{"type": "function_call_output", "output": "x"}]}, "/input/0"),
            ({"tools": [{"type": "function", "name": "f", "function": ANYTHING}]}, "/tools/0/function"),
            ({"text": {"format": "json"}}, "/text/format"),
        ],
    )
    def test_refuses_what_the_api_refuses(self, changes: dict[str, object], pointer: str) -> None:
        assert pointer in [each.pointer for each in errors(REQUEST, {"model": "m", "input": "Hello", **changes})]


class TestWhatWeSend:
    def test_specimens_ask_what_the_api_takes(self) -> None:
        for name, exchange in all_exchanges({Dialect.OPENAI_RESPONSES}):
            assert () == errors(REQUEST, json.loads(exchange.request.body or b"{}")), name

    def test_what_chat_asks_is_put_into_a_sound_request(self) -> None:
        chat = json.loads(base("tool-result")[0].request.body or b"{}")
        assert () == errors(REQUEST, put(cast("dict[str, object]", chat)))
