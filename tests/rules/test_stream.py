"""Rules on streamed answers mean every API: the same words, said wrong in the same way, are found in each."""

import json
from collections.abc import Callable, Mapping, Sequence

import pytest

from vapi_conformance.dialects.names import EVERY, Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Read, Request, Response
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.verdict import Outcome, judge_rule

PIECES = ("We open at seven", " in the morning,", " and the first bread", " is out of the oven", " at half past six.")
WHOLE = "".join(PIECES)
RULES = [rule for name, rule in all_rules().items() if name.startswith("stream.")]


def data(payload: Mapping[str, object]) -> str:
    name = f"event: {payload['type']}\n" if "type" in payload else ""
    return f"{name}data: {json.dumps(payload)}\n\n"


def chat(text: str) -> str:
    return data({"id": "c", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})


def responses(text: str) -> str:
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    return data({"type": "response.output_text.delta", **place, "delta": text})


def anthropic(text: str) -> str:
    return data({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


def gemini(text: str) -> str:
    return data({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]})


PLACE: Mapping[str, object] = {"item_id": "m", "output_index": 0}
ITEM: Mapping[str, object] = {"id": "m", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
BEGINNING = {
    Dialect.OPENAI_RESPONSES: data({"type": "response.created", "response": {"id": "r"}})
    + data({"type": "response.output_item.added", "output_index": 0, "item": ITEM})
    + data({"type": "response.content_part.added", **PLACE, "content_index": 0, "part": {"type": "output_text"}}),
    Dialect.ANTHROPIC_MESSAGES: data({"type": "message_start", "message": {"id": "m"}})
    + data({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
}
SAYING: Mapping[Dialect, Callable[[str], str]] = {
    Dialect.OPENAI_CHAT_COMPLETIONS: chat,
    Dialect.OPENAI_COMPATIBLE: chat,
    Dialect.OPENAI_RESPONSES: responses,
    Dialect.ANTHROPIC_MESSAGES: anthropic,
    Dialect.GEMINI_GENERATE_CONTENT: gemini,
}
FAILURE = {
    Dialect.OPENAI_RESPONSES: data({"type": "error", "code": "server_error", "message": "Gone.", "param": None}),
    Dialect.ANTHROPIC_MESSAGES: data({"type": "error", "error": {"type": "api_error", "message": "Gone."}}),
}


def answer(dialect: Dialect, texts: Sequence[str], *, fails: bool = False) -> Exchange:
    body = BEGINNING.get(dialect, "") + "".join(map(SAYING[dialect], texts))
    if fails:
        body += FAILURE.get(dialect, data({"error": {"message": "Gone."}}))
    return Exchange(
        request=Request(method="POST", url="http://endpoint.example/", body=None),
        response=Response(status=200, headers=((b"Content-Type", b"text/event-stream"),)),
        reads=(Read(at_ns=1, data=body.encode()),),
    )


def broken(dialect: Dialect, texts: Sequence[str], *, fails: bool = False) -> dict[str, str]:
    """Rules and what was found."""
    evidence = Evidence(exchange=answer(dialect, texts, fails=fails), dialect=dialect)
    results = [judge_rule(rule, MUST, [evidence]) for rule in RULES]
    assert [] == [each.reason for each in results if each.outcome is Outcome.HARNESS_ERROR]
    return {each.rule.id: each.findings[0].violation.actual for each in results if each.findings}


@pytest.mark.parametrize("dialect", sorted(EVERY))
class TestEveryApi:
    def test_new_words_in_each_piece_are_sound(self, dialect: Dialect) -> None:
        assert {} == broken(dialect, PIECES)

    def test_the_whole_once_more_is_found(self, dialect: Dialect) -> None:
        assert {"stream.text-is-not-replayed"} == broken(dialect, [*PIECES, WHOLE]).keys()

    def test_the_text_so_far_in_each_piece_is_found(self, dialect: Dialect) -> None:
        so_far = ["".join(PIECES[: end + 1]) for end in range(len(PIECES))]
        assert {"stream.text-is-not-cumulative"} == broken(dialect, so_far).keys()

    def test_one_piece_for_a_long_answer_is_found(self, dialect: Dialect) -> None:
        assert {"stream.long-answers-come-in-pieces"} == broken(dialect, [WHOLE * 6]).keys()

    def test_an_error_at_the_end_is_found_with_its_words(self, dialect: Dialect) -> None:
        found = broken(dialect, PIECES, fails=True)
        assert ["stream.answer-does-not-fail"] == list(found)
        assert found["stream.answer-does-not-fail"].endswith(" chunks: 'Gone.'")

    def test_an_error_before_the_answer_is_not_its_end(self, dialect: Dialect) -> None:
        """It is told by errors.status-precedes-the-stream, and Messages has told whose it is by then."""
        expected = {"stream.answer-does-not-fail"} if dialect is Dialect.ANTHROPIC_MESSAGES else set[str]()
        assert expected == broken(dialect, [], fails=True).keys()


def test_an_array_of_chunks_is_a_stream_too() -> None:
    chunks = [{"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]} for text in (*PIECES, WHOLE)]
    array = Exchange(
        request=Request(method="POST", url="http://endpoint.example/v1beta/models/m:streamGenerateContent", body=b"{}"),
        response=Response(status=200, headers=((b"Content-Type", b"application/json"),)),
        reads=(Read(at_ns=1, data=json.dumps(chunks).encode()),),
    )
    rule = all_rules()["stream.text-is-not-replayed"]
    evidence = Evidence(exchange=array, dialect=Dialect.GEMINI_GENERATE_CONTENT)
    assert Outcome.VIOLATED is judge_rule(rule, MUST, [evidence]).outcome
