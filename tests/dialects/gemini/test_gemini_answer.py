"""Gemini's answers: events, arrays and documents to a transcript, whatever the bytes are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.content_coding import decode_content
from vapi_conformance.dialects.gemini.answer import read_answer
from vapi_conformance.dialects.gemini.api import API
from vapi_conformance.dialects.gemini.array import elements
from vapi_conformance.dialects.gemini.enums import meaning_of
from vapi_conformance.dialects.transcript import Transcript
from vapi_conformance.exchange import Read
from vapi_conformance.recordings import load_wire

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "candidates",
                    "content",
                    "parts",
                    "text",
                    "thought",
                    "functionCall",
                    "args",
                    "partialArgs",
                    "jsonPath",
                    "stringValue",
                    "willContinue",
                    "index",
                    "finishReason",
                    "usageMetadata",
                    "promptTokenCount",
                    "thoughtsTokenCount",
                    "error",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def transcript(body: bytes, *, media_type: str = "application/json") -> Transcript:
    return read_answer([Read(at_ns=1, data=body)], media_type=media_type).transcript


def response(*parts: object, **candidate: object) -> dict[str, object]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **candidate}]}


def events(*chunks: object) -> bytes:
    return b"".join(f"data: {json.dumps(chunk)}\r\n\r\n".encode() for chunk in chunks)


def call(name: str | None = None, **fields: object) -> dict[str, object]:
    return {"functionCall": fields if name is None else {"name": name, **fields}}


class TestStream:
    def test_joins_text_and_keeps_thoughts_apart(self) -> None:
        body = events(
            response({"text": "Hm.", "thought": True}),
            response({"text": "Hello"}),
            response({"text": " you"}, {"text": ""}, finishReason="STOP"),
        )
        (choice,) = transcript(body).choices
        assert ("Hello you", "Hm.", "stop") == (
            choice.text,
            "".join(each.text for each in choice.reasoning),
            choice.finish_meaning,
        )

    def test_a_call_is_whole_in_its_part(self) -> None:
        body = events(response(call("a", args={"x": [1]}, id="i"), call("b"), finishReason="STOP"))
        calls = transcript(body).choices[0].tool_calls
        assert [(0, "a", "i", '{"x": [1]}'), (1, "b", None, "{}")] == [
            (each.index, each.name, each.id, each.arguments) for each in calls
        ]

    def test_calls_of_several_chunks_stay_apart_and_in_order(self) -> None:
        body = events(response(call("a", args={})), response(call("b", args={})), response(call("a", args={})))
        assert ["a", "b", "a"] == [each.name for each in transcript(body).choices[0].tool_calls]

    def test_arguments_in_pieces_are_put_together(self) -> None:
        def piece(path: str, **value: object) -> dict[str, object]:
            return {"jsonPath": path, **value}

        body = events(
            response(call("a", willContinue=True)),
            response(call(partialArgs=[piece("$.city", stringValue="Lis", willContinue=True)], willContinue=True)),
            response(call(partialArgs=[piece("$.city", stringValue="bon")], willContinue=True)),
            response(call(partialArgs=[piece("$.days[0].n", numberValue=2)], willContinue=True)),
            response(call(partialArgs=[piece("$.days[1]['ok']", boolValue=True)], willContinue=True)),
            response(call(partialArgs=[piece("$.days[9]", boolValue=True)], willContinue=True)),
            response(call(partialArgs=[piece("$..none", nullValue="NULL_VALUE")], willContinue=True)),
            response(call(partialArgs=[piece("$.none", nullValue="NULL_VALUE")], willContinue=True)),
            response(call()),
            response(call("b", args={})),
        )
        first, second = transcript(body).choices[0].tool_calls
        assert {"city": "Lisbon", "days": [{"n": 2}, {"ok": True}], "none": None} == json.loads(first.arguments)
        assert ("a", 9, "b") == (first.name, len(first.fragments), second.name)

    def test_nulls_beside_it_are_no_pieces_and_no_values(self) -> None:
        (plain,) = transcript(events(response(call("a", args={"n": 1}, partialArgs=None)))).choices[0].tool_calls
        nulls = {"jsonPath": "$.ok", "stringValue": None, "numberValue": None, "boolValue": True}
        (pieced,) = transcript(events(response(call("a", partialArgs=[nulls])))).choices[0].tool_calls
        assert ({"n": 1}, {"ok": True}) == (json.loads(plain.arguments), json.loads(pieced.arguments))

    def test_what_was_sent_is_left_as_it_was(self) -> None:
        whole = call("a", args={"x": {}}, partialArgs=[{"jsonPath": "$.x.y", "stringValue": "z"}])
        read = transcript(events(response(whole)))
        assert {"x": {"y": "z"}} == json.loads(read.choices[0].tool_calls[0].arguments)
        assert response(whole) == read.chunks[0].payload.value

    def test_nothing_may_follow_the_finish_reason(self) -> None:
        late = events(response({"text": "a"}, finishReason="STOP"), response({"text": "b"}), {"usageMetadata": {}})
        twice = events(response({"text": "a"}, finishReason="STOP"), response(finishReason="STOP"))
        assert [("finished", "part")] == [(each.state, each.signal) for each in transcript(late).out_of_order]
        assert ["finishReason"] == [each.signal for each in transcript(twice).out_of_order]

    def test_candidates_are_told_apart_by_index_and_then_by_place(self) -> None:
        body = events(
            {"candidates": [{"content": {"parts": [{"text": "a"}]}}, {"content": {"parts": [{"text": "b"}]}}]},
            {"candidates": [{"index": 1, "content": {"parts": [{"text": "B"}]}}]},
        )
        assert ["a", "bB"] == [each.text for each in transcript(body).choices]

    def test_thoughts_count_as_output_and_results_of_tools_as_input(self) -> None:
        counts = {
            "promptTokenCount": 5,
            "toolUsePromptTokenCount": 2,
            "candidatesTokenCount": 3,
            "thoughtsTokenCount": 4,
            "totalTokenCount": 14,
        }
        (usage,) = transcript(events({"usageMetadata": counts})).usages
        assert (7, 7, 14) == (usage.input_tokens, usage.output_tokens, usage.total_tokens)

    def test_an_absent_count_is_unknown(self) -> None:
        (usage,) = transcript(events({"usageMetadata": {"trafficType": "ON_DEMAND"}})).usages
        assert (None, None, None) == (usage.input_tokens, usage.output_tokens, usage.total_tokens)

    def test_an_error_is_noticed(self) -> None:
        assert (1,) == transcript(events(response({"text": "a"}), {"error": {"code": 500}})).errors


class TestArray:
    def test_each_element_is_a_chunk_with_its_place(self) -> None:
        body = b'[{"a": "]},{"}\n,\r\n{"b": [1, {"c": 2}]}\n]'
        chunks = transcript(body).chunks
        assert ("array", [b'{"a": "]},{"}', b'{"b": [1, {"c": 2}]}']) == (
            transcript(body).kind,
            [body[each.start : each.end] for each in chunks],
        )

    def test_an_element_can_be_read_when_its_brace_has_come(self) -> None:
        pieces = [b'[{"x":', b" 1}", b"\n,\r\n", b'{"y": 2', b"}]"]
        reads = [Read(at_ns=at, data=piece) for at, piece in enumerate(pieces)]
        chunks = read_answer(reads, media_type="application/json").transcript.chunks
        assert [1, 4] == [each.at_ns for each in chunks]

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            (b"[]", []),
            (b"[", []),
            (b"[,,]", []),
            (b'[{"a":1}', [b'{"a":1}']),
            (b'[{"a":1},{"b"', [b'{"a":1}']),
            (b'[1, "x" ,{}]', [b"1", b'"x"', b"{}"]),
            (b"[{}]{}", [b"{}"]),
            (b"[{]}", [b"{]"]),
            (b'["a', []),
            (b'{"a":1}', []),
            (b'\xef\xbb\xbf\n[{"a":1}]', [b'{"a":1}']),
        ],
    )
    def test_hostile_arrays_have_the_elements_that_are_whole(self, body: bytes, found: list[bytes]) -> None:
        assert found == [body[start:end] for start, end in elements(body)]

    @given(value=st.lists(JSON_VALUES, max_size=4), indent=st.sampled_from([None, 2]))
    def test_any_array_is_taken_apart_as_a_parser_does(self, value: list[object], indent: int | None) -> None:
        body = json.dumps(value, indent=indent).encode()
        assert list(map(json.dumps, value)) == [
            json.dumps(json.loads(body[start:end])) for start, end in elements(body)
        ]

    def test_an_array_of_a_million_brackets_is_read(self) -> None:
        assert () == transcript(b"[" * 1_000_000).chunks
        assert 100_000 == sum(1 for _ in elements(b"[" + b"{}," * 100_000))


class TestHostileAnswers:
    @given(body=st.binary(max_size=120))
    def test_any_bytes_are_read(self, body: bytes) -> None:
        transcript(body)
        transcript(b"data: " + body + b"\n\n")
        transcript(b"[" + body)

    @given(value=JSON_VALUES)
    def test_any_json_is_read(self, value: object) -> None:
        text = json.dumps(value)
        for body in (text, f"data: {text}\r\n\r\n", f"[{text},{text}]"):
            transcript(body.encode())

    @given(part=JSON_VALUES, finish=JSON_VALUES, usage=JSON_VALUES)
    def test_any_response_is_read(self, part: object, finish: object, usage: object) -> None:
        record = {**response(part, {"functionCall": part}, finishReason=finish), "usageMetadata": usage}
        transcript(events(record, record))

    def test_deep_arguments_are_read(self) -> None:
        deep = b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"a","partialArgs":[],"args":%s}}]}}]}'
        nested = b'{"a":' * 390 + b"1" + b"}" * 390
        transcript(b"data: " + deep % nested + b"\n\n")

    def test_half_of_a_pair_stays_an_escape(self) -> None:
        body = rb'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"a","args":{"x":"\ud800"}}}]}}]}'
        assert r'{"x": "\ud800"}' == transcript(body).choices[0].tool_calls[0].arguments


class TestFinishReasons:
    @pytest.mark.parametrize(
        ("reason", "meaning"),
        [
            ("STOP", "stop"),
            (1, "stop"),
            ("MAX_TOKENS", "length"),
            (2, "length"),
            ("SAFETY", "content_filter"),
            ("MODEL_ARMOR", "content_filter"),
            ("UNEXPECTED_TOOL_CALL", "failed"),
            (99, "failed"),
            ("stop", None),
            ("FINISH_REASON_UNSPECIFIED", None),
            (0, None),
            (True, None),
            ([], None),
        ],
    )
    def test_have_the_meaning_of_the_shared_words(self, reason: object, meaning: str | None) -> None:
        assert meaning == meaning_of(reason)


def of_recording(recording: Recording) -> Transcript:
    exchange = load_wire(recording.path)
    return API.read_answer(decode_content(exchange).reads, media_type="").transcript


ANSWERS = [each for each in wire_recordings("gemini_generate_content__") if "__error__" not in each.name]


@needs_shared
class TestRecordings:
    @pytest.mark.parametrize("recording", ANSWERS, ids=lambda each: each.name)
    def test_an_answer_is_in_order_and_says_how_it_ended(self, recording: Recording) -> None:
        read = of_recording(recording)
        assert () == read.out_of_order
        assert () == read.markers
        assert () == read.errors
        assert [1] == [len(choice.finishes) for choice in read.choices]
        assert read.choices[0].finish_meaning is not None

    @pytest.mark.parametrize("recording", ANSWERS, ids=lambda each: each.name)
    def test_an_answer_says_or_calls_something_unless_it_was_cut_or_held_back(self, recording: Recording) -> None:
        (choice,) = of_recording(recording).choices
        if choice.finish_meaning == "stop":
            assert choice.text or choice.tool_calls
        for call_ in choice.tool_calls:
            assert call_.name
            assert isinstance(json.loads(call_.arguments), dict)

    @pytest.mark.parametrize("recording", ANSWERS, ids=lambda each: each.name)
    def test_every_chunk_reports_usage_that_adds_up(self, recording: Recording) -> None:
        read = of_recording(recording)
        assert len(read.chunks) == len(read.usages)
        last = read.usages[-1]
        assert last.input_tokens is not None
        assert last.output_tokens is not None
        assert last.total_tokens == last.input_tokens + last.output_tokens

    def test_arrays_are_read_chunk_by_chunk(self) -> None:
        arrays = {each.name: of_recording(each) for each in ANSWERS if "json-array" in str(each.load()["tags"])}
        assert 7 == len(arrays)
        assert {"array"} == {read.kind for read in arrays.values()}

    def test_arguments_of_vertex_in_pieces_are_put_together(self) -> None:
        (recording,) = (each for each in ANSWERS if each.name.endswith("019447d411"))
        calls = of_recording(recording).choices[0].tool_calls
        assert [("read_theme", "{}")] + [("read_screen", json.dumps({"id": each})) for each in "ABC"] == [
            (each.name, each.arguments) for each in calls
        ]
