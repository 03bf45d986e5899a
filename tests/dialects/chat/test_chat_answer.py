"""Chat Completions: bytes to a typed reply, delta by delta, and no bytes that it fails on."""

import json
import random
import time
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.dialects.chat.answer import TRANSITIONS, Signal, State, read_answer
from vapi_conformance.dialects.transcript import OutOfOrder, Role, Transcript
from vapi_conformance.exchange import Read
from vapi_conformance.recordings import load_wire

JsonObject = Mapping[str, object]
DONE = "[DONE]"
KEYS = (
    "index",
    "delta",
    "message",
    "content",
    "tool_calls",
    "function",
    "arguments",
    "name",
    "id",
    "finish_reason",
    "role",
    "choices",
    "usage",
    "error",
    "function_call",
    "reasoning",
    "refusal",
)


def choice(delta: object, finish: object = None, index: object = 0) -> JsonObject:
    return {"index": index, "delta": delta, "finish_reason": finish}


def chunk(*choices: object, **top: object) -> JsonObject:
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": list(choices), **top}


def text(content: str, index: object = 0) -> JsonObject:
    return chunk(choice({"content": content}, index=index))


def call(*fragments: object, finish: object = None) -> JsonObject:
    return chunk(choice({"tool_calls": list(fragments)}, finish))


def reads(*pieces: bytes) -> list[Read]:
    """One ms apart, the first after 1 ms."""
    return [Read(at_ns=number * 1_000_000, data=piece) for number, piece in enumerate(pieces, 1)]


def event(payload: object) -> bytes:
    data = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    return f"data: {data}\n\n".encode()


def streamed(*payloads: object) -> Transcript:
    """Each payload comes in a read of its own."""
    return read_answer(reads(*map(event, payloads)), media_type="text/event-stream").transcript


def whole(document: object) -> Transcript:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_answer(reads(body), media_type="application/json").transcript


class TestText:
    def test_deltas_are_joined_with_their_chunks_and_times(self) -> None:
        reply = streamed(chunk(choice({"role": "assistant", "content": ""})), text("Hel"), text("lo"), DONE)
        assert "Hello" == reply.text
        deltas = [(each.chunk, each.text, each.at_ns) for each in reply.choices[0].content]
        assert [(1, "Hel", 2_000_000), (2, "lo", 3_000_000)] == deltas

    @pytest.mark.parametrize("content", [None, "", 1, ["a"], {"text": "a"}, True])
    def test_what_is_no_text_is_no_delta(self, content: object) -> None:
        assert () == streamed(chunk(choice({"content": content}))).choices[0].content

    @pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
    def test_reasoning_is_no_content(self, key: str) -> None:
        (only,) = streamed(chunk(choice({key: "hm", "content": ""}))).choices
        assert ("hm", "") == (only.reasoning[0].text, only.text)

    def test_reasoning_under_both_names_counts_once(self) -> None:
        (only,) = streamed(chunk(choice({"reasoning": "hm", "reasoning_content": "hm"}))).choices
        assert ["hm"] == [delta.text for delta in only.reasoning]

    def test_refusal_is_no_content(self) -> None:
        (only,) = streamed(chunk(choice({"refusal": "no"}))).choices
        assert ("no", "") == (only.refusal[0].text, only.text)

    def test_choices_are_kept_apart_and_sorted(self) -> None:
        reply = streamed(text("b", 1), text("a", 0), text("B", 1), chunk(choice({"content": "A"}), choice({}, None, 2)))
        assert [(0, "aA"), (1, "bB"), (2, "")] == [(each.index, each.text) for each in reply.choices]
        assert "aA" == reply.text

    @pytest.mark.parametrize("index", [None, "0", 0.0, True, []])
    def test_a_choice_without_a_proper_index_has_its_place(self, index: object) -> None:
        reply = streamed(chunk(choice({"content": "a"}, index=index), choice({"content": "b"}, index=index)))
        assert [(0, "a"), (1, "b")] == [(each.index, each.text) for each in reply.choices]

    def test_the_minimal_frame_is_heard(self) -> None:
        assert "Hi" == streamed({"choices": [{"delta": {"content": "Hi"}}]}).text

    def test_a_whole_completion_in_one_event_is_heard_by_its_delta(self) -> None:
        """Vapi's example for serverless functions answers so."""
        assert "Hi" == streamed({"object": "chat.completion", "choices": [{"delta": {"content": "Hi"}}]}).text

    @pytest.mark.parametrize("keys", [("delta", "message"), ("message", "delta")])
    def test_a_chunk_speaks_by_its_delta_and_a_document_by_its_message(self, keys: tuple[str, str]) -> None:
        both = {"index": 0, **{key: {"content": key} for key in keys}}
        assert ("delta", "message") == (streamed(chunk(both)).text, whole({"choices": [both]}).text)


class TestFinish:
    def test_reason_and_time(self) -> None:
        (only,) = streamed(text("a"), chunk(choice({}, "stop"))).choices
        assert ("stop", 2_000_000) == (only.finish_reason, only.finishes[0].at_ns)

    def test_null_is_none_and_everything_else_is_kept(self) -> None:
        (only,) = streamed(text("a"), chunk(choice({}, "")), chunk(choice({}, 0)), chunk(choice({}, "stop"))).choices
        assert ["", 0, "stop"] == [each.value for each in only.finishes]

    def test_roles_are_kept_as_sent(self) -> None:
        (only,) = streamed(chunk(choice({"role": "assistant"})), chunk(choice({"role": 7}))).choices
        assert (Role(chunk=0, value="assistant"), Role(chunk=1, value=7)) == only.roles


class TestTools:
    def test_fragments_of_an_index_make_a_call(self) -> None:
        first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}
        rest = [{"index": 0, "function": {"arguments": part}} for part in ('{"a"', ": 1}")]
        (made,) = streamed(call(first), *(call(each) for each in rest)).choices[0].tool_calls
        assert (0, "call_1", "f", '{"a": 1}') == (made.index, made.id, made.name, made.arguments)
        assert [(0, 1_000_000), (1, 2_000_000), (2, 3_000_000)] == [(each.chunk, each.at_ns) for each in made.fragments]
        assert first == made.fragments[0].fields

    def test_parallel_calls_may_take_turns(self) -> None:
        def part(index: int, arguments: str) -> JsonObject:
            return call({"index": index, "id": f"call_{index}", "function": {"name": "f", "arguments": arguments}})

        calls = streamed(part(0, "a"), part(1, "b"), part(0, "A"), part(1, "B")).choices[0].tool_calls
        assert [(0, "aA"), (1, "bB")] == [(each.index, each.arguments) for each in calls]

    def test_id_and_name_are_the_first_that_are_texts_with_letters(self) -> None:
        parts = [
            {"index": 0, "id": None, "function": {"name": ""}},
            {"index": 0, "id": "", "function": {"name": 5}},
            {"index": 0, "id": "one", "function": {"name": "f"}},
            {"index": 0, "id": "two", "function": {"name": "g"}},
        ]
        (made,) = streamed(*(call(part) for part in parts)).choices[0].tool_calls
        assert ("one", "f") == (made.id, made.name)

    def test_fragments_without_an_index_are_one_call(self) -> None:
        (made,) = streamed(call({"id": "x"}), call({"function": {"name": "f"}})).choices[0].tool_calls
        assert (None, "x", "f") == (made.index, made.id, made.name)

    @pytest.mark.parametrize("fragment", [None, 1, "x", [], {}, {"function": None}, {"function": {"arguments": {}}}])
    def test_fragments_of_any_shape_are_kept(self, fragment: object) -> None:
        (made,) = streamed(call(fragment)).choices[0].tool_calls
        assert (None, None, "") == (made.id, made.name, made.arguments)

    def test_calls_of_a_document_are_numbered_by_place(self) -> None:
        calls = [{"id": f"call_{name}", "function": {"name": name, "arguments": "{}"}} for name in "fg"]
        reply = whole({"choices": [{"index": 0, "message": {"content": None, "tool_calls": calls}}]})
        assert [(0, "f"), (1, "g")] == [(each.index, each.name) for each in reply.choices[0].tool_calls]

    def test_the_older_function_call_is_told(self) -> None:
        assert streamed(chunk(choice({"function_call": {"name": "f"}}))).choices[0].has_function_call
        assert not streamed(chunk(choice({"function_call": None}))).choices[0].has_function_call


class TestMarkers:
    @pytest.mark.parametrize("data", ["[DONE]", "[done]", '"[DONE]"', "'[DONE]'", " [DONE] ", "[DONE] bye"])
    def test_what_wants_to_be_the_end_is_no_chunk(self, data: str) -> None:
        reply = streamed(text("a"), data)
        (marker,) = reply.markers
        assert (data, data == "[DONE]", 1, 2_000_000) == (marker.text, marker.exact, marker.position, marker.at_ns)
        assert 1 == len(reply.chunks)

    @pytest.mark.parametrize("data", ["DONE", "[DONE", "[FINISHED]", '{"done": "[DONE]"}', ""])
    def test_other_data_is_a_chunk(self, data: str) -> None:
        reply = streamed(data)
        assert ((), 1) == (reply.markers, len(reply.chunks))

    def test_an_end_that_no_empty_line_closes_was_never_sent(self) -> None:
        answer = read_answer(reads(event(text("a")) + b"data: [DONE]"), media_type="text/event-stream")
        assert () == answer.transcript.markers


class TestOrder:
    def test_the_table_knows_every_state_and_leads_to_states(self) -> None:
        assert set(State) == set(TRANSITIONS)
        assert {State.DONE} == {state for state, row in TRANSITIONS.items() if not row}
        assert set(Signal) == {signal for row in TRANSITIONS.values() for signal in row}

    @needs_shared
    @pytest.mark.parametrize("recording", wire_recordings("openai_chat_completions__"), ids=lambda each: each.name)
    def test_a_first_party_is_never_out_of_order(self, recording: Recording) -> None:
        exchange = load_wire(recording.path)
        assert () == read_answer(exchange.reads, media_type="").transcript.out_of_order

    @pytest.mark.parametrize(
        ("payloads", "faults"),
        [
            ((text("a"), chunk(choice({}, "stop")), text("b")), [(2, 0, "finished", "delta")]),
            ((chunk(choice({}, "stop")), chunk(choice({}, "stop"))), [(1, 0, "finished", "finish_reason")]),
            ((chunk(choice({}, "stop")), chunk(choice({"role": "assistant"}))), [(1, 0, "finished", "role")]),
            ((text("a"), DONE, text("b")), [(1, 0, "done", "delta")]),
            ((DONE, text("b")), [(0, 0, "done", "delta")]),
            ((text("a"), DONE, text("b", 1)), [(1, 1, "done", "delta")]),
            ((text("a"), DONE, chunk(usage={"total_tokens": 1})), [(1, 0, "done", "usage")]),
            ((text("a"), DONE, DONE), []),
            ((text("a"), chunk(choice({}, "stop")), chunk(usage={"total_tokens": 1}), DONE), []),
            ((chunk(usage={"total_tokens": 1}), text("a"), text("b", 1), chunk(choice({}, "stop"))), []),
            ((chunk(choice({"role": "assistant", "content": "a"}, "stop")), DONE), []),
        ],
    )
    def test_what_the_table_has_no_place_for_is_told(
        self, payloads: Sequence[object], faults: list[tuple[int, int, str, str]]
    ) -> None:
        expected = [
            OutOfOrder(chunk=at, choice=which, state=state, signal=signal) for at, which, state, signal in faults
        ]
        assert expected == list(streamed(*payloads).out_of_order)


class TestUsageAndErrors:
    def test_usage_is_kept_with_its_chunk(self) -> None:
        reply = streamed(text("a"), chunk(usage={"total_tokens": 3}), chunk(usage=None))
        assert [(1, {"total_tokens": 3})] == [(each.chunk, each.counts) for each in reply.usages]

    def test_an_error_is_a_truthy_one(self) -> None:
        errors: tuple[object, ...] = (None, {}, "", 0, {"message": "x"}, "x")
        assert (4, 5) == streamed(*({"error": error} for error in errors)).errors


class TestDocuments:
    def test_json_is_one_chunk_that_comes_with_its_last_byte(self) -> None:
        body = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}'
        reply = read_answer(reads(body[:5], body[5:], b""), media_type="").transcript
        assert ("json", "Hi") == (reply.kind, reply.text)
        assert reply.document is not None
        assert (0, len(body), 2_000_000) == (reply.document.start, reply.document.end, reply.document.at_ns)

    def test_a_byte_order_mark_stands_before_the_document(self) -> None:
        reply = whole(b"\xef\xbb\xbf" + b'{"choices": []}')
        assert reply.document is not None
        assert (3, None) == (reply.document.start, reply.document.payload.error)

    def test_bytes_that_are_no_utf_8_are_replaced(self) -> None:
        assert "\ufffd" == whole(b'{"choices": [{"message": {"content": "\xff"}}]}').text

    def test_lines_of_json_have_places_and_times_of_their_own(self) -> None:
        body = b'\xef\xbb\xbf{"a": "\xff"}\r\n\r\n{"b": 1}\n{"c": 1}'
        reply = read_answer(reads(body[:20], body[20:]), media_type="").transcript
        assert "ndjson" == reply.kind
        assert [b'{"a": "\xff"}', b'{"b": 1}', b'{"c": 1}'] == [body[each.start : each.end] for each in reply.chunks]
        assert [1_000_000, 2_000_000, 2_000_000] == [each.at_ns for each in reply.chunks]

    @pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\v", "\x1c"])
    def test_only_line_feed_and_carriage_return_end_a_line_of_json(self, separator: str) -> None:
        """Some of these may stand in a JSON string as they are (RFC 8259, 7)."""
        lines = [json.dumps({"a": f"x{separator}y"}, ensure_ascii=False)] * 2
        reply = whole("\n".join(lines).encode())
        assert 2 == len(reply.chunks)

    def test_nothing_and_other_have_no_chunks(self) -> None:
        assert [("nothing", ()), ("other", ())] == [
            (each.kind, each.chunks) for each in (whole(b" \n"), whole(b"oops"))
        ]


class TestHostileBytes:
    @given(body=st.binary(max_size=200), media_type=st.sampled_from(["text/event-stream", "application/json", ""]))
    def test_any_bytes_are_read(self, body: bytes, media_type: str) -> None:
        read_answer(reads(body), media_type=media_type)

    VALUES = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "a", "assistant", "stop"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(KEYS),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )

    @given(choices=st.lists(VALUES, max_size=3), rest=VALUES, usage=VALUES, error=VALUES)
    def test_any_json_in_any_place_is_read(
        self, choices: list[object], rest: object, usage: object, error: object
    ) -> None:
        delta = {"index": 0, "delta": {"tool_calls": [rest, {"index": 0, "function": rest}], "content": rest}}
        for payload in ({"choices": [*choices, delta], "usage": usage, "error": error}, {"choices": rest}, rest):
            streamed(payload, DONE, payload)
            whole({"choices": payload})

    @needs_shared
    @settings(max_examples=100)
    @given(data=st.data())
    def test_damaged_recordings_are_read(self, data: st.DataObject) -> None:
        recording = data.draw(st.sampled_from(wire_recordings("openai_c")))
        body = bytearray(load_wire(recording.path).body)
        for _ in range(data.draw(st.integers(1, 5))):
            at = data.draw(st.integers(0, max(0, len(body) - 1)))
            body[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=3))
        read_answer(reads(bytes(body)), media_type="")

    @needs_shared
    @pytest.mark.parametrize("recording", wire_recordings("openai_compatible__")[::6], ids=lambda each: each.name)
    def test_any_cut_of_a_recording_gives_the_same_but_for_the_times(self, recording: Recording) -> None:
        body = load_wire(recording.path).body
        cuts = sorted(random.Random(recording.name).sample(range(len(body)), min(50, len(body))))
        pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        untimed = [
            read_answer([Read(at_ns=None, data=piece) for piece in parts], media_type="") for parts in ([body], pieces)
        ]
        assert untimed[0] == untimed[1]


class TestSpeed:
    """Eight times the work in less than thirty times the time; 64 times it would take, were it quadratic."""

    @staticmethod
    def seconds(parts: Sequence[Read]) -> float:
        def once() -> float:
            started = time.process_time()
            answer = read_answer(parts, media_type="text/event-stream")
            assert answer.transcript.chunks
            return time.process_time() - started

        return min(once() for _ in range(3))

    @pytest.mark.parametrize("kind", ["text", "fragments", "calls", "choices"])
    def test_grows_with_the_number_of_chunks(self, kind: str) -> None:
        def payload(number: int) -> JsonObject:
            fragment = {"index": number if kind == "calls" else 0, "id": f"c{number}", "function": {"arguments": "x"}}
            return {
                "text": text("word "),
                "fragments": call(fragment),
                "calls": call(fragment),
                "choices": text("x", number),
            }[kind]

        parts = [Read(at_ns=number, data=event(payload(number))) for number in range(4000)]
        assert self.seconds(parts) < 30 * self.seconds(parts[:500])

    def test_grows_with_the_number_of_reads(self) -> None:
        body = b"".join(event(text(f"word {number} ")) for number in range(2000))
        parts = [Read(at_ns=at, data=body[at : at + 4]) for at in range(0, len(body), 4)]
        assert self.seconds(parts) < 30 * self.seconds(parts[: len(parts) // 8])
