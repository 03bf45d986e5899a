"""Server messages as they are read, and how a saved answer to one is recognised."""

import json
from pathlib import Path

import pytest

import hars
from vapi_conformance.dialects.apis import api_of
from vapi_conformance.dialects.names import BUT_GEMINI, CHAT, EVERY, OPENAI, Dialect
from vapi_conformance.dialects.recognition import recognise
from vapi_conformance.dialects.server_messages.kinds import KINDS, UNKNOWN
from vapi_conformance.dialects.server_messages.request import AskedCall, calls_of, has_message, kind_of, read_request
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Read, Request, Response
from vapi_conformance.platforms.vapi import Assistant, Caller, Conversation, ToolCall
from vapi_conformance.platforms.vapi.webhooks import LISTS, Lists, tool_calls_message
from vapi_conformance.recordings import load_exchanges
from vapi_conformance.rules import all_rules
from vapi_conformance.schema import schema

DIALECT = Dialect.VAPI_SERVER_MESSAGES
CALLS = (ToolCall(id="a", name="f"), ToolCall(id="b", name="g"))


def exchange(body: object, url: str = "https://b.example/hook", answer: bytes = b"{}") -> Exchange:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Exchange(
        request=Request(method="POST", url=url, body=data),
        response=Response(status=200, headers=((b"Content-Type", b"application/json"),)),
        reads=(Read(at_ns=1, data=answer),),
    )


class TestTheDialect:
    def test_is_none_in_which_a_model_is_asked(self) -> None:
        assert [] == [group for group in (EVERY, CHAT, OPENAI, BUT_GEMINI) if DIALECT in group]
        assert set(Dialect) == EVERY | {DIALECT}

    def test_has_rules_of_its_own_and_no_others(self) -> None:
        own = {name for name, rule in all_rules().items() if DIALECT in rule.dialects}
        assert own == {name for name in all_rules() if name.startswith("webhook.")}
        assert [] == [name for name in own if all_rules()[name].dialects != {DIALECT}]

    def test_every_kind_that_asks_has_a_schema(self) -> None:
        assert [] == [kind.name for kind in KINDS.values() if kind.answer is not None and not schema(kind.answer)]

    def test_its_record_does_what_the_others_do(self) -> None:
        api = api_of(DIALECT)
        assert "https://b.example/hook" == api.url("https://b.example/hook", "", False)
        assert ((("X-Vapi-Secret", "k"),), ()) == (api.headers("k"), api.headers(None))
        assert {"a": 1} == api.put({"a": 1})
        evidence = Evidence(exchange=exchange({}), dialect=DIALECT)
        assert ("json", ()) == (evidence.transcript.kind, evidence.shape_errors)


class TestReading:
    @pytest.mark.parametrize("lists", LISTS)
    def test_the_calls_of_every_form(self, lists: Lists) -> None:
        body = tool_calls_message(Caller.from_seed(1), Assistant(), CALLS, Conversation().user("Hi."), lists=lists)
        assert (AskedCall(id="a", name="f"), AskedCall(id="b", name="g")) == calls_of(body)

    def test_calls_of_one_list_are_enough(self) -> None:
        call = {"id": "a", "function": {"name": "f"}}
        for message in ({"toolCalls": [call]}, {"toolWithToolCallList": [{"toolCall": call}]}):
            assert (AskedCall(id="a", name="f"),) == calls_of({"message": message})

    @pytest.mark.parametrize("lists", [None, {}, [None], [1], [{}], [{"id": 1}], "x"])
    def test_what_is_no_call_is_none(self, lists: object) -> None:
        assert () == calls_of({"message": {"toolCallList": lists, "toolWithToolCallList": lists}})

    def test_the_kind_is_the_type_that_is_known(self) -> None:
        assert KINDS["hang"] == kind_of({"message": {"type": "hang"}})
        for body in ({}, {"message": 1}, {"message": {"type": 1}}, {"message": {"type": "of-tomorrow"}}):
            assert kind_of(body) is UNKNOWN
        assert (True, False) == (has_message({"message": {"type": "x"}}), has_message({"message": {"type": 1}}))

    @pytest.mark.parametrize("body", [None, b"", b"[]", b"\xff", b"[" * 5000])
    def test_no_object_is_no_request(self, body: bytes | None) -> None:
        assert read_request(body) is None


class TestRecordings:
    def test_a_har_of_a_backend_is_read(self, tmp_path: Path) -> None:
        message = {"message": {"type": "assistant-request", "call": {"id": "c"}}}
        asked = hars.entry(
            hars.request("https://b.example/hook", body=message),
            hars.response('{"assistantId": "a"}', mime="application/json"),
        )
        path = tmp_path / "backend.har"
        hars.save(
            path, hars.har(asked, hars.entry(hars.request("https://b.example/other", body={"a": 1}), hars.response()))
        )
        (found, *_) = load_exchanges(path)
        assert isinstance(found, Exchange)
        assert DIALECT is recognise(found).dialect


class TestRecognition:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("url", ["https://b.example/hook", "https://b.example/v1/chat/completions", ""])
    def test_by_the_message_wherever_it_went(self, kind: str, url: str) -> None:
        found = recognise(exchange({"message": {"type": kind}}, url))
        assert (DIALECT, f"the request is a server message of Vapi's, {kind}") == (found.dialect, found.because)

    def test_an_unknown_type_needs_a_call(self) -> None:
        assert recognise(exchange({"message": {"type": "of-tomorrow", "call": {"id": "c"}}})).dialect is DIALECT
        assert recognise(exchange({"message": {"type": "of-tomorrow"}})).dialect is not DIALECT

    def test_one_that_is_longer_than_what_is_looked_at(self) -> None:
        body = {"message": {"type": "end-of-call-report", "transcript": "word " * 100_000}}
        assert recognise(exchange(body)).dialect is DIALECT

    @pytest.mark.parametrize("message", [None, "hi", {}, {"role": "user", "content": "hi"}, {"type": 7}])
    def test_another_message_is_none(self, message: object) -> None:
        assert recognise(exchange({"message": message, "model": "m"})).dialect is not DIALECT
