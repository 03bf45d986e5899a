"""Messages: bytes to a typed reply, block by block, and no bytes that it fails on."""

import json
import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_data import Recording, needs_shared, wire_recordings
from vapi_conformance.dialects.anthropic.answer import read_answer
from vapi_conformance.dialects.anthropic.blocks import blocks_of
from vapi_conformance.dialects.anthropic.order import AFTER_FAULT, TRANSITIONS, Signal, State
from vapi_conformance.dialects.transcript import Transcript
from vapi_conformance.exchange import Read
from vapi_conformance.narrow import object_or_none, object_or_nothing
from vapi_conformance.recordings import load_wire

JsonObject = Mapping[str, object]
RECORDINGS = wire_recordings("anthropic_messages__")
STREAMS = wire_recordings("anthropic_messages__anthropic__stream")
USAGE = {"input_tokens": 10, "output_tokens": 1}
KEYS = (
    "type",
    "index",
    "delta",
    "message",
    "content",
    "content_block",
    "text",
    "thinking",
    "partial_json",
    "input",
    "id",
    "name",
    "role",
    "usage",
    "input_tokens",
    "stop_reason",
    "error",
)


def start(**fields: object) -> JsonObject:
    message: JsonObject = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "usage": USAGE,
        **fields,
    }
    return {"type": "message_start", "message": message}


def block(index: object, **fields: object) -> JsonObject:
    return {"type": "content_block_start", "index": index, "content_block": fields}


def delta(index: object, kind: str, **fields: object) -> JsonObject:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def text(words: object, index: object = 0) -> JsonObject:
    return delta(index, "text_delta", text=words)


def stop(index: object = 0) -> JsonObject:
    return {"type": "content_block_stop", "index": index}


def ending(reason: object = "end_turn", **usage: object) -> JsonObject:
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}


STOPPED: JsonObject = {"type": "message_stop"}
PING: JsonObject = {"type": "ping"}
ERROR: JsonObject = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
TEXT_BLOCK = block(0, type="text", text="")
TOOL_BLOCK = block(0, type="tool_use", id="toolu_1", name="f", input={})


def piece(words: object, index: object = 0) -> JsonObject:
    return delta(index, "input_json_delta", partial_json=words)


def reads(*pieces: bytes) -> list[Read]:
    """One ms apart, the first after 1 ms."""
    return [Read(at_ns=number * 1_000_000, data=each) for number, each in enumerate(pieces, 1)]


def event(payload: object) -> bytes:
    name = object_or_nothing(payload).get("type")
    return f"event: {name}\ndata: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()


def streamed(*payloads: object) -> Transcript:
    """Each payload comes in a read of its own."""
    return read_answer(reads(*map(event, payloads)), media_type="text/event-stream").transcript


def whole(document: object) -> Transcript:
    return read_answer(reads(json.dumps(document).encode()), media_type="application/json").transcript


class TestText:
    def test_deltas_are_joined_with_their_chunks_and_times(self) -> None:
        reply = streamed(start(), TEXT_BLOCK, PING, text("Hel"), text("lo"), stop(), ending(), STOPPED)
        assert "Hello" == reply.text
        deltas = [(each.chunk, each.text, each.at_ns) for each in reply.choices[0].content]
        assert [(3, "Hel", 4_000_000), (4, "lo", 5_000_000)] == deltas

    def test_text_that_a_block_starts_with_counts(self) -> None:
        assert "Hello" == streamed(start(), block(0, type="text", text="Hel"), text("lo")).text

    def test_blocks_follow_each_other(self) -> None:
        assert "ab" == streamed(start(), TEXT_BLOCK, text("a"), stop(), block(1, type="text"), text("b", 1)).text

    @pytest.mark.parametrize("words", [None, "", 1, ["a"], {"text": "a"}, True])
    def test_what_is_no_text_is_no_delta(self, words: object) -> None:
        assert () == streamed(start(), TEXT_BLOCK, text(words)).choices[0].content

    def test_thinking_is_no_content_and_its_signature_no_words(self) -> None:
        reply = streamed(
            start(),
            block(0, type="thinking", thinking="", signature=""),
            delta(0, "thinking_delta", thinking="hm"),
            delta(0, "signature_delta", signature="c2ln"),
            stop(),
        )
        assert (["hm"], "") == ([each.text for each in reply.choices[0].reasoning], reply.text)

    def test_text_without_a_block_is_heard_all_the_same(self) -> None:
        """Clients that read events one by one deliver it."""
        assert "Hi" == streamed(text("Hi")).text

    def test_the_type_decides_and_not_the_name_of_the_event(self) -> None:
        body = b"data: " + json.dumps(text("Hi")).encode() + b"\n\n"
        assert "Hi" == read_answer(reads(body), media_type="").transcript.text

    def test_the_name_of_the_event_stands_in_for_a_type(self) -> None:
        body = b'event: content_block_delta\ndata: {"index":0,"delta":{"type":"text_delta","text":"Hi"}}\n\n'
        assert "Hi" == read_answer(reads(body), media_type="").transcript.text

    def test_a_whole_message_speaks_by_its_text_blocks(self) -> None:
        content: list[JsonObject] = [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "text", "text": "Hel"},
            {"type": "text", "text": "lo"},
            {"type": "web_search_tool_result", "content": [], "text": "no"},
        ]
        reply = whole({"type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn"})
        assert ("json", "Hello", "hm") == (reply.kind, reply.text, reply.choices[0].reasoning[0].text)


class TestFinish:
    @pytest.mark.parametrize(
        ("reason", "meaning"),
        [
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("tool_use", "tool_calls"),
            ("refusal", "content_filter"),
            ("pause_turn", "paused"),
            ("stop", None),
            (7, None),
        ],
    )
    def test_reason_has_a_meaning(self, reason: object, meaning: str | None) -> None:
        for reply in (streamed(start(), ending(reason)), whole({"type": "message", "stop_reason": reason})):
            assert (reason, meaning) == (reply.choices[0].finish_reason, reply.choices[0].finish_meaning)

    def test_null_is_none_and_the_time_is_the_events(self) -> None:
        (only,) = streamed(start(stop_reason=None), ending(None), ending("end_turn")).choices
        assert [("end_turn", 3_000_000)] == [(each.value, each.at_ns) for each in only.finishes]

    def test_role_is_that_of_the_message(self) -> None:
        assert ["assistant"] == [role.value for role in streamed(start()).choices[0].roles]


class TestTools:
    def test_fragments_of_a_block_make_a_call(self) -> None:
        reply = streamed(start(), TOOL_BLOCK, piece(""), piece('{"a"'), piece(": 1}"), stop())
        (made,) = reply.choices[0].tool_calls
        assert (0, "toolu_1", "f", '{"a": 1}') == (made.index, made.id, made.name, made.arguments)
        assert [1, 2, 3, 4] == [each.chunk for each in made.fragments]
        assert TOOL_BLOCK["content_block"] == made.fragments[0].fields

    @pytest.mark.parametrize("pieces", [(), ("",), ("", "")])
    def test_no_arguments_are_an_empty_object(self, pieces: tuple[str, ...]) -> None:
        (made,) = streamed(start(), TOOL_BLOCK, *map(piece, pieces), stop()).choices[0].tool_calls
        assert "{}" == made.arguments

    def test_pieces_go_to_their_index_also_when_blocks_overlap(self) -> None:
        second = block(1, type="tool_use", id="toolu_2", name="g", input={})
        reply = streamed(start(), TOOL_BLOCK, second, piece('{"a":'), piece("{}", 1), piece("1}"))
        assert [(0, '{"a":1}'), (1, "{}")] == [(each.index, each.arguments) for each in reply.choices[0].tool_calls]

    def test_a_piece_without_index_belongs_to_the_latest_block(self) -> None:
        (made,) = streamed(start(), TOOL_BLOCK, piece('{"a":1}', None)).choices[0].tool_calls
        assert '{"a":1}' == made.arguments

    def test_what_the_server_runs_itself_is_no_call(self) -> None:
        own = block(0, type="server_tool_use", id="srvtoolu_1", name="web_search", input={})
        assert () == streamed(start(), own, piece('{"query":"x"}'), stop()).choices[0].tool_calls

    def test_a_whole_call_has_its_input_written_out(self) -> None:
        content = [{"type": "text", "text": "a"}, {"type": "tool_use", "id": "t", "name": "f", "input": {"a": "ü"}}]
        (made,) = whole({"type": "message", "content": content}).choices[0].tool_calls
        assert (1, "t", "f", '{"a": "ü"}') == (made.index, made.id, made.name, made.arguments)

    @pytest.mark.parametrize("value", [None, [], 1, "{}"])
    def test_input_of_any_type_is_written(self, value: object) -> None:
        content = [{"type": "tool_use", "id": 5, "name": "", "input": value}]
        (made,) = whole({"type": "message", "content": content}).choices[0].tool_calls
        expected = value if isinstance(value, str) else json.dumps(value)
        assert (None, None, expected) == (made.id, made.name, made.arguments)


class TestUsage:
    def test_the_prompt_is_what_was_read_and_what_the_cache_held(self) -> None:
        counts = {"input_tokens": 3, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 100}
        reply = streamed(start(usage={**counts, "output_tokens": 1}), ending(output_tokens=9))
        assert [(0, 123, 1), (1, 123, 9)] == [
            (each.chunk, each.input_tokens, each.output_tokens) for each in reply.usages
        ]

    def test_later_counts_replace_the_earlier_ones(self) -> None:
        reply = streamed(start(), ending(input_tokens=50, cache_read_input_tokens=7, output_tokens=9))
        assert [10, 57] == [each.input_tokens for each in reply.usages]

    def test_counts_of_the_wrong_type_count_nothing(self) -> None:
        reply = streamed(start(usage={"input_tokens": "3", "output_tokens": True}), ending(output_tokens=None))
        assert [(None, None), (None, None)] == [(each.input_tokens, each.output_tokens) for each in reply.usages]

    def test_there_is_no_total(self) -> None:
        assert None is whole({"type": "message", "usage": {**USAGE, "total_tokens": 3}}).usages[0].total_tokens


class TestErrors:
    def test_an_event_of_that_type_is_one_whatever_its_name(self) -> None:
        body = b"data: " + json.dumps(ERROR).encode() + b"\n\n"
        assert (0,) == read_answer(reads(body), media_type="").transcript.errors

    def test_an_event_of_that_name_is_one_whatever_its_type(self) -> None:
        body = b'event: error\ndata: {"type":"message_stop"}\n\n'
        assert (0,) == read_answer(reads(body), media_type="").transcript.errors

    @pytest.mark.parametrize(("payload", "errors"), [({"error": {"message": "x"}}, (0,)), ({"error": None}, ())])
    def test_an_error_without_type_is_one_when_it_says_something(
        self, payload: JsonObject, errors: tuple[int, ...]
    ) -> None:
        assert errors == whole(payload).errors
        assert (
            errors == read_answer(reads(f"data: {json.dumps(payload)}\n\n".encode()), media_type="").transcript.errors
        )

    def test_a_document_that_is_an_error_is_no_message(self) -> None:
        reply = whole(ERROR)
        assert ((0,), ()) == (reply.errors, reply.choices)

    @pytest.mark.parametrize("document", [{}, [], "x", {"choices": []}, {"id": "msg_1"}])
    def test_what_is_no_message_has_no_choice(self, document: object) -> None:
        assert () == whole(document).choices


class TestOrder:
    def test_the_table_knows_every_state_and_leads_to_states(self) -> None:
        assert set(State) == set(TRANSITIONS)
        assert {State.STOPPED, State.FAILED} == {state for state, row in TRANSITIONS.items() if not row}
        assert set(Signal) == {signal for row in TRANSITIONS.values() for signal in row}

    def test_after_a_fault_a_stream_is_where_the_table_would_have_led(self) -> None:
        for signal, state in AFTER_FAULT.items():
            assert {state} == {row[signal] for row in TRANSITIONS.values() if signal in row}

    SOUND = (start(), TEXT_BLOCK, text("a"), stop(), ending(), STOPPED)

    @pytest.mark.parametrize("at", range(1, len(SOUND)))
    def test_a_ping_may_come_anywhere_between_start_and_stop(self, at: int) -> None:
        assert () == streamed(*self.SOUND[:at], PING, *self.SOUND[at:]).out_of_order

    @pytest.mark.parametrize(
        ("payloads", "faults"),
        [
            (SOUND, []),
            ((start(), ending(), STOPPED), []),
            ((start(), ending(None), ending(), STOPPED), []),
            ((*SOUND[:3], ERROR), []),
            ((ERROR,), []),
            ((start(), {"type": "something_new"}, *SOUND[1:]), []),
            ((PING, *SOUND), [(0, "idle", "ping")]),
            (SOUND[1:], [(0, "idle", "content_block_start")]),
            ((start(), *SOUND), [(1, "between blocks", "message_start")]),
            (
                (start(), text("a"), text("b"), stop(), ending(), STOPPED),
                [(1, "between blocks", "content_block_delta")],
            ),
            ((start(), TEXT_BLOCK, block(1), stop(), ending(), STOPPED), [(2, "in a block", "content_block_start")]),
            ((start(), TEXT_BLOCK, ending(), STOPPED), [(2, "in a block", "message_delta")]),
            ((start(), TEXT_BLOCK, stop(), stop(), ending(), STOPPED), [(3, "between blocks", "content_block_stop")]),
            ((*SOUND[:4], STOPPED), [(4, "between blocks", "message_stop")]),
            ((*SOUND[:5], TEXT_BLOCK, stop(), ending(), STOPPED), [(5, "ending", "content_block_start")]),
            ((*SOUND, STOPPED, PING), [(6, "stopped", "message_stop"), (7, "stopped", "ping")]),
            (
                (start(), ERROR, TEXT_BLOCK, stop()),
                [(2, "failed", "content_block_start"), (3, "failed", "content_block_stop")],
            ),
        ],
    )
    def test_what_the_table_has_no_place_for_is_told(
        self, payloads: Sequence[object], faults: list[tuple[int, str, str]]
    ) -> None:
        told = [(each.chunk, each.state, each.signal) for each in streamed(*payloads).out_of_order]
        assert faults == told


class TestBlocks:
    def test_pieces_without_a_block_are_strays(self) -> None:
        found = blocks_of(streamed(start(), text("a", 3), stop(3), TEXT_BLOCK, stop(), stop()).chunks)
        assert ((1,), (2, 5)) == (found.stray_deltas, found.stray_stops)

    def test_start_stop_and_deltas_are_kept(self) -> None:
        (only,) = blocks_of(streamed(start(), TEXT_BLOCK, text("a"), stop(), text("b")).chunks).blocks
        assert (1, 3, [2, 4]) == (only.start, only.stop, [each.chunk for each in only.deltas])


@needs_shared
class TestRecordings:
    @pytest.mark.parametrize("recording", RECORDINGS, ids=lambda each: each.name)
    def test_of_the_first_party_are_in_order_and_say_something(self, recording: Recording) -> None:
        reply = read_answer(load_wire(recording.path).reads, media_type="").transcript
        assert () == reply.out_of_order
        if "__error__" in recording.name:
            assert ((0,), ()) == (reply.errors, reply.choices)
            return
        (only,) = reply.choices
        assert only.text or only.tool_calls
        assert only.finish_meaning is not None
        assert ["assistant"] == [role.value for role in only.roles]
        assert all(call.id and call.name and isinstance(json.loads(call.arguments), dict) for call in only.tool_calls)
        last = reply.usages[-1]
        assert last.input_tokens is not None
        assert (last.output_tokens or 0) > 0

    @pytest.mark.parametrize("recording", STREAMS, ids=lambda each: each.name)
    def test_any_cut_gives_the_same(self, recording: Recording) -> None:
        body = load_wire(recording.path).body
        cuts = sorted(random.Random(recording.name).sample(range(len(body)), min(50, len(body))))
        pieces = [body[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        once, cut = (
            read_answer([Read(at_ns=None, data=each) for each in parts], media_type="").transcript
            for parts in ([body], pieces)
        )
        assert once == cut


class TestHostileBytes:
    VALUES = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "a", "text", *Signal]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
        max_leaves=12,
    )

    @given(body=st.binary(max_size=200), media_type=st.sampled_from(["text/event-stream", "application/json", ""]))
    def test_any_bytes_are_read(self, body: bytes, media_type: str) -> None:
        read_answer(reads(body), media_type=media_type)

    @given(values=st.lists(VALUES, max_size=4), signals=st.lists(st.sampled_from(Signal), max_size=6), value=VALUES)
    def test_any_json_in_any_place_is_read(self, values: list[object], signals: list[Signal], value: object) -> None:
        record = object_or_none(value) or {"message": value, "delta": value, "content_block": value}
        streamed(*values, *({**record, "type": str(signal)} for signal in signals))
        whole(value)
        whole({"content": values})
        whole({"type": "message", "content": value, "usage": value})

    def test_input_as_deep_as_is_parsed_is_written(self) -> None:
        deep = b'{"type":"message","content":[{"type":"tool_use","input":' + b"[" * 390 + b"]" * 390 + b"}]}"
        (made,) = read_answer(reads(deep), media_type="").transcript.choices[0].tool_calls
        assert "[" * 390 + "]" * 390 == made.arguments

    @needs_shared
    @settings(max_examples=100)
    @given(data=st.data())
    def test_damaged_recordings_are_read(self, data: st.DataObject) -> None:
        body = bytearray(load_wire(data.draw(st.sampled_from(RECORDINGS)).path).body)
        for _ in range(data.draw(st.integers(1, 5))):
            at = data.draw(st.integers(0, max(0, len(body) - 1)))
            body[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=3))
        read_answer(reads(bytes(body)), media_type="")
