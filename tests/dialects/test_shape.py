"""Where chunks break their schema: each place told, each distinct defect explained once."""

import json
import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.dialects import shape
from vapi_conformance.dialects.chat.api import API, CHUNK_SCHEMA, DOCUMENT_SCHEMA
from vapi_conformance.dialects.shape import ShapeError, shape_errors
from vapi_conformance.dialects.transcript import Chunk
from vapi_conformance.payload import parse
from vapi_conformance.schema import SchemaError, errors

SOUND: Mapping[str, object] = {
    "id": "c",
    "object": "chat.completion.chunk",
    "created": 1785312000,
    "model": "m",
    "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}],
}


def chunks(*payloads: object) -> list[Chunk]:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in payloads]
    return [
        Chunk(index=index, payload=parse(text), event_type="message", start=0, end=0, at_ns=None)
        for index, text in enumerate(texts)
    ]


def told(*payloads: object) -> list[tuple[int, str, str | None]]:
    return [
        (each.chunk.index, each.error.pointer, each.error.rule)
        for each in shape_errors(chunks(*payloads), lambda _: CHUNK_SCHEMA, API.words)
    ]


def saying(content: object, **fields: object) -> dict[str, object]:
    return {**SOUND, "choices": [{"index": 0, "delta": {"content": content, **fields}, "finish_reason": None}]}


class TestErrors:
    def test_sound_chunks_have_none(self) -> None:
        assert [] == told(SOUND, saying("more"))

    def test_each_chunk_that_breaks_the_schema_is_told(self) -> None:
        broken = {**SOUND, "object": "chunk"}
        assert [(0, "/object", "chat-stream.object-is-chunk"), (2, "/object", "chat-stream.object-is-chunk")] == told(
            broken, SOUND, broken
        )

    def test_a_document_has_its_own_schema(self) -> None:
        (error, *_) = shape_errors(chunks({"object": "x"}), lambda _: DOCUMENT_SCHEMA, API.words)
        assert DOCUMENT_SCHEMA == error.schema

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({**saying("a"), "model": ""}, {**saying("b"), "model": 1}),
            (saying(1), saying(2.5)),
            (saying("a", role=1), saying("a", role="user")),
            (saying("a", tool_calls=[{"index": "0"}]), saying("a", tool_calls=[{"index": 0, "id": 1}])),
        ],
    )
    def test_what_differs_in_more_than_words_is_explained_apart(self, one: object, other: object) -> None:
        together = shape_errors(chunks(one, other), lambda _: CHUNK_SCHEMA, API.words)
        assert [each.error for each in together] == [
            each.error
            for payload in (one, other)
            for each in shape_errors(chunks(payload), lambda _: CHUNK_SCHEMA, API.words)
        ]

    @given(
        payloads=st.lists(
            st.recursive(
                st.none() | st.integers() | st.text("ab", max_size=2),
                lambda inner: (
                    st.dictionaries(st.sampled_from(["choices", "delta", "index", "id"]), inner) | st.lists(inner)
                ),
                max_leaves=8,
            ),
            max_size=3,
        )
    )
    def test_are_those_of_each_chunk_for_itself(self, payloads: list[object]) -> None:
        made = chunks(*payloads)
        expected = [
            ShapeError(chunk=chunk, schema=CHUNK_SCHEMA, error=error)
            for chunk in made
            for error in errors(CHUNK_SCHEMA, chunk.payload.value)
        ]
        assert expected == list(shape_errors(made, lambda _: CHUNK_SCHEMA, API.words))

    @pytest.mark.parametrize(
        "text",
        [
            '{"choices": [{"delta": {"content": "\\ud800"}}], "id": "\\udfff"}',
            '{"choices": ' + "[" * 300 + "]" * 300 + "}",
            '{"created": 1e999, "choices": []}',
            '{"created": ' + "9" * 4000 + "}",
            '{"id": NaN}',
            "null",
            "no json",
        ],
    )
    def test_hostile_payloads_are_told_and_raise_nothing(self, text: str) -> None:
        assert shape_errors(chunks(text), lambda _: CHUNK_SCHEMA, API.words)


class TestCost:
    def test_chunks_that_differ_in_their_words_share_one_explanation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        explained: list[object] = []

        def counting(name: str, instance: object) -> tuple[SchemaError, ...]:
            explained.append(instance)
            return errors(name, instance)

        monkeypatch.setattr(shape, "errors", counting)
        call = {"index": 0, "function": {"arguments": ""}}
        payloads: list[object] = [
            {**saying(f"word {number}", reasoning=str(number)), "model": "", "obfuscation": "x" * number}
            for number in range(50)
        ]
        payloads += [
            {**saying(None, tool_calls=[{**call, "function": {"arguments": str(number)}}]), "model": ""}
            for number in range(50)
        ]
        assert 100 <= len(shape_errors(chunks(*payloads), lambda _: CHUNK_SCHEMA, API.words))
        assert 2 == len(explained)

    def test_a_stream_of_distinct_defects_is_told_by_the_first_ones(self) -> None:
        payloads = [{**SOUND, "object": f"chunk {number}"} for number in range(1000)]
        started = time.process_time()
        assert 200 == len(shape_errors(chunks(*payloads), lambda _: CHUNK_SCHEMA, API.words))
        assert time.process_time() - started < 5
