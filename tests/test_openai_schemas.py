"""The schemas of Chat Completions against the standard of schemas, what the first party sent, and what it accepted."""

import json
from collections.abc import Iterator, Mapping

import jsonschema
import pytest

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.data import data_dir
from vapi_conformance.narrow import array_or_nothing, integer_or_none, object_or_nothing
from vapi_conformance.rules import all_rules
from vapi_conformance.schema import errors, schema
from vapi_conformance.specimens import base

NAMES = sorted(path.stem for path in (data_dir("schemas") / "openai").glob("*.json"))
FIRST_PARTY = "openai_chat_completions__openai__"


def subschemas(node: object) -> Iterator[Mapping[str, object]]:
    record = object_or_nothing(node)
    if record:
        yield record
    for below in (*record.values(), *array_or_nothing(node)):
        yield from subschemas(below)


def response_body(recording: Recording) -> object:
    return json.loads(str(object_or_nothing(recording.load()["response"])["body_text"]))


def request_of(recording: Recording) -> Mapping[str, object]:
    return object_or_nothing(recording.load()["request"])


def status_of(recording: Recording) -> int | None:
    return integer_or_none(object_or_nothing(recording.load()["response"])["status"])


@pytest.mark.parametrize("name", NAMES)
class TestSchemas:
    def test_follow_the_metaschema(self, name: str) -> None:
        jsonschema.Draft202012Validator.check_schema(dict(schema(f"openai/{name}")))

    def test_say_their_dialect_title_and_source(self, name: str) -> None:
        path = data_dir("schemas") / "openai" / f"{name}.json"
        document = object_or_nothing(json.loads(path.read_text(encoding="utf-8")))
        assert "https://json-schema.org/draft/2020-12/schema" == document.get("$schema")
        assert document.get("title")
        assert "Source: openai-openapi" in str(document.get("description"))

    def test_name_rules_that_exist(self, name: str) -> None:
        named = {
            str(node[key])
            for node in subschemas(schema(f"openai/{name}"))
            for key in ("x-rule", "x-rule-missing")
            if isinstance(node.get(key), str)
        }
        assert set() == named - all_rules().keys()


@needs_shared
class TestFirstPartyAnswers:
    @pytest.mark.parametrize("recording", wire_recordings(f"{FIRST_PARTY}json"), ids=lambda each: each.name)
    def test_whole_answers_are_valid(self, recording: Recording) -> None:
        assert () == errors("openai/chat-completion", response_body(recording))

    @pytest.mark.parametrize("recording", wire_recordings(f"{FIRST_PARTY}error"), ids=lambda each: each.name)
    def test_errors_are_valid(self, recording: Recording) -> None:
        assert () == errors("openai/error", response_body(recording))


@needs_shared
class TestAcceptedRequests:
    @pytest.mark.parametrize(
        "recording",
        [
            each
            for each in wire_recordings(FIRST_PARTY)
            if status_of(each) == 200
            and str(request_of(each)["url"]).startswith("https://api.openai.com/")
            and request_of(each).get("body") is not None
        ],
        ids=lambda each: each.name,
    )
    def test_are_valid(self, recording: Recording) -> None:
        assert () == errors("openai/chat-request", request_of(recording)["body"])


def asked(**body: object) -> dict[str, object]:
    return {"model": "m", "messages": [{"role": "user", "content": "Hello"}], **body}


class TestRequest:
    NAME = "openai/chat-request"

    @pytest.mark.parametrize(
        "body",
        [
            asked(stream=True, stream_options={"include_usage": True}),
            asked(stream_options=None),
            asked(stop="green"),
            asked(stop=["a", "b", "c", "d"]),
            asked(tool_choice={"type": "function", "function": {"name": "endCall"}}),
            asked(response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": {}}}),
            asked(
                messages=[
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                    }
                ]
            ),
            asked(messages=[{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]),
            asked(logit_bias={"50256": -100}),
        ],
    )
    def test_accepts_what_is_described(self, body: object) -> None:
        assert () == errors(self.NAME, body)

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            (asked(call={"id": "c"}), ""),
            (asked(temperature="hot"), "/temperature"),
            (asked(temperature=2.5), "/temperature"),
            (asked(n=0), "/n"),
            (asked(stop=["a", "b", "c", "d", "e"]), "/stop"),
            (asked(stream_options={"include_usage": True}), ""),
            (asked(messages=[]), "/messages"),
            (asked(messages={"role": "user"}), "/messages"),
            (asked(messages=[{"role": "caller", "content": "Hello"}]), "/messages/0/role"),
            (asked(messages=[{"role": "assistant"}]), "/messages/0"),
            (asked(messages=[{"role": "tool", "content": "ok"}]), "/messages/0"),
            (asked(messages=[{"role": "system", "content": None}]), "/messages/0/content"),
            (asked(tools=[{"type": "function", "function": {"name": "get weather"}}]), "/tools/0/function/name"),
            (asked(tool_choice="always"), "/tool_choice"),
            (asked(top_logprobs=21), "/top_logprobs"),
            ({"model": "m"}, ""),
        ],
    )
    def test_refuses_what_the_first_party_refuses(self, body: object, pointer: str) -> None:
        assert pointer in [each.pointer for each in errors(self.NAME, body)]

    def test_specimens_ask_validly(self) -> None:
        for name in ("text-json", "tool-stream", "choices-json", "json-mode", "logprobs-json"):
            assert () == errors(self.NAME, json.loads(base(name)[0].request.body or b""))
