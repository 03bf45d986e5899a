"""What the official clients make of an answer, told for each API."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from vapi_conformance.dialects.names import CHAT, EVERY, Dialect
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import Exchange, Read, Request, Response
from vapi_conformance.report import effect
from vapi_conformance.report.clients import VAPI, Client, Told, clients_of, listener, told
from vapi_conformance.report.effect import effects, heard_of, hearer
from vapi_conformance.report.text import violation_lines
from vapi_conformance.rules import Level, Violation, all_rules
from vapi_conformance.verdict import Finding, Outcome, RuleResult

STREAM = ((b"Content-Type", b"text/event-stream"),)


def answered(url: str, body: str) -> Exchange:
    return Exchange(
        request=Request(method="POST", url=f"http://endpoint.example{url}", body=b'{"stream":true}'),
        response=Response(status=200, headers=STREAM),
        reads=(Read(at_ns=1_000_000, data=body.encode()),),
    )


def named(*events: Mapping[str, object]) -> str:
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


MESSAGES = named(
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello."}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 2},
    },
    {"type": "message_stop"},
)
GEMINI = (
    'data: {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello."}]}, "finishReason": "STOP"}]}\n\n'
)
CHAT_STREAM = "".join(
    f"data: {json.dumps({'id': 'c', 'choices': [{'index': 0, 'delta': delta, 'finish_reason': finish}]})}\n\n"
    for delta, finish in (({"content": "Hi"}, None), ({}, "stop"))
)
SOUND: Mapping[Dialect, Exchange] = {
    Dialect.ANTHROPIC_MESSAGES: answered("/v1/messages", MESSAGES),
    Dialect.GEMINI_GENERATE_CONTENT: answered("/v1beta/models/m:streamGenerateContent?alt=sse", GEMINI),
}


def evidence(dialect: Dialect, exchange: Exchange) -> Evidence:
    return Evidence(exchange=exchange, dialect=dialect, conditions=Conditions(platform="direct"))


class TestClients:
    def test_every_api_has_some(self) -> None:
        assert [] == [dialect for dialect in EVERY if not clients_of(dialect)]

    def test_a_call_is_heard_as_vapi_hears_it(self) -> None:
        assert {VAPI} == {listener(dialect) for dialect in CHAT}

    def test_rapidas_own_is_inferred_and_says_so(self) -> None:
        (client,) = clients_of(Dialect.OPENAI_COMPATIBLE, "rapida")
        (effect,) = effects(
            Evidence(exchange=answered("/v1/chat/completions", CHAT_STREAM), conditions=Conditions(platform="rapida"))
        )
        assert ("rapida", "heard", "inferred") == (effect.consumer, effect.what, effect.sureness)
        assert effect.sentence.startswith(f"{client.library}: 2 characters, then the end (inferred from the public")

    @pytest.mark.parametrize("dialect", SOUND, ids=str)
    def test_a_sound_answer_is_heard_by_all(self, dialect: Dialect) -> None:
        found = effects(evidence(dialect, SOUND[dialect]))
        assert {"heard"} == {each.what for each in found}
        assert {client.name for client in clients_of(dialect)} == {each.consumer for each in found}
        assert all(
            each.sentence.endswith("6 characters, then the end (measured against the package)") for each in found
        )

    def test_names_are_told_apart(self) -> None:
        for dialect in EVERY:
            names = [client.name for client in clients_of(dialect)]
            assert sorted(set(names)) == sorted(names)


class TestWords:
    def of(self, body: str) -> str:
        client = listener(Dialect.ANTHROPIC_MESSAGES)
        found = told(client, answered("/v1/messages", body), stream=True)
        assert found is not None
        return found.text

    def test_an_error_is_told_with_what_came_before_it(self) -> None:
        error = named({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
        words = self.of(MESSAGES[: MESSAGES.index("event: content_block_stop")] + error)
        assert words.startswith("raises ")
        assert words.endswith(" after 6 characters")

    def test_events_without_their_names_are_silence(self) -> None:
        nameless = "".join(line for line in MESSAGES.splitlines(keepends=True) if not line.startswith("event:"))
        assert "neither text nor a tool call, and no error" == self.of(nameless)

    def test_a_whole_answer_is_read_by_who_reads_whole_answers(self) -> None:
        body = (
            '{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hi"}],'
            '"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}'
        )
        whole = answered("/v1/messages", body)
        labelled = Response(status=200, headers=((b"Content-Type", b"application/json"),))
        asked = replace(whole, request=replace(whole.request, body=b'{"stream":false}'), response=labelled)
        found = effects(evidence(Dialect.ANTHROPIC_MESSAGES, asked))
        assert [("anthropic-python", "heard"), ("anthropic-node", "heard")] == [
            (each.consumer, each.what) for each in found
        ]


class TestLines:
    def test_who_makes_the_same_of_it_stands_in_one_line(self) -> None:
        sound = SOUND[Dialect.ANTHROPIC_MESSAGES]
        finding = Finding(
            violation=Violation(expected="a", actual="b"), evidence=evidence(Dialect.ANTHROPIC_MESSAGES, sound)
        )
        rule = all_rules()["http.body-is-complete"]
        result = RuleResult(rule=rule, level=Level.MUST, outcome=Outcome.VIOLATED, findings=(finding,))
        lines = [line.text for line in violation_lines(result, repeat="{rule}") if "effect" in line.text]
        who = ", ".join(client.library for client in clients_of(Dialect.ANTHROPIC_MESSAGES))
        assert [f"  effect    {who}: 6 characters, then the end (measured against the package)"] == lines


class TestCounting:
    def test_the_first_client_counts(self) -> None:
        sound = evidence(Dialect.GEMINI_GENERATE_CONTENT, SOUND[Dialect.GEMINI_GENERATE_CONTENT])
        assert {"heard": 1} == heard_of([sound])
        assert "google-genai for Python" == hearer(sound)

    def test_vapi_counts_for_chat(self) -> None:
        assert "Vapi" == hearer(Evidence(exchange=answered("/v1/chat/completions", "")))


class TestHearing:
    def test_happens_once_for_an_answer_however_many_rules_it_breaks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        heard: list[str] = []

        def counting(client: Client, exchange: Exchange, *, stream: bool) -> Told | None:
            heard.append(client.name)
            return told(client, exchange, stream=stream)

        monkeypatch.setattr(effect, "told", counting)
        sound = evidence(Dialect.GEMINI_GENERATE_CONTENT, SOUND[Dialect.GEMINI_GENERATE_CONTENT])
        assert effects(sound) == effects(sound)
        assert [client.name for client in clients_of(Dialect.GEMINI_GENERATE_CONTENT)] == heard
