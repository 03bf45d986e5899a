"""What the models of anthropic (Python) and @anthropic-ai/sdk (Node) hear, without the real packages."""

import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.anthropic_expected import EXPECTED
from consumers.anthropic_vectors import HI, STEP_NS, STREAMS, WHOLE, anthropic_answer, sse
from consumers.gemini_vectors import summary
from vapi_conformance.consumers import Heard, Outcome, anthropic_node, anthropic_python
from vapi_conformance.consumers.jiter_partial import PartialJson
from vapi_conformance.consumers.js_error import JsError
from vapi_conformance.consumers.partial_json_parser import parse
from vapi_conformance.exchange import End, Exchange, Request

Hear = Callable[..., Heard]
BOTH = pytest.mark.parametrize("hear", [anthropic_python.hear, anthropic_node.hear], ids=["python", "node"])
STREAMED = pytest.mark.parametrize("way", ["raw", "helper"])
EVERY_WAY = pytest.mark.parametrize("way", ["raw", "helper", "whole"])
EVENTS = [f"{event}\n\n" for event in HI.removesuffix("\n\n").split("\n\n")]
FRAGMENT = sse("content_block_delta", '"index":0,"delta":{"type":"input_json_delta","partial_json":"FRAGMENT"}')
TOOL_START = [
    EVENTS[0],
    sse("content_block_start", '"index":0,"content_block":{"type":"tool_use","name":"end","input":{}}'),
]


class TestVectors:
    @pytest.mark.parametrize("name", STREAMS)
    def test_streams(self, name: str) -> None:
        heard = (
            anthropic_python.hear(STREAMS[name], way="raw"),
            anthropic_python.hear(STREAMS[name], way="helper"),
            anthropic_node.hear(STREAMS[name], way="raw"),
            anthropic_node.hear(STREAMS[name], way="helper"),
        )
        assert EXPECTED[name] == tuple(summary(each) for each in heard)

    @pytest.mark.parametrize("name", WHOLE)
    def test_whole_answers(self, name: str) -> None:
        heard = (anthropic_python.hear(WHOLE[name], way="whole"), anthropic_node.hear(WHOLE[name], way="whole"))
        assert EXPECTED[name] == tuple(summary(each) for each in heard)

    def test_nothing_is_expected_of_what_is_not_there(self) -> None:
        assert set(EXPECTED) == {*STREAMS, *WHOLE}


class TestTimes:
    @BOTH
    @STREAMED
    def test_a_text_is_heard_when_its_event_is_complete(self, hear: Hear, way: str) -> None:
        heard = hear(
            anthropic_answer("".join(EVENTS[:2]), EVENTS[2][:30], EVENTS[2][30:], "".join(EVENTS[3:])), way=way
        )
        assert [2 * STEP_NS] == [text.at_ns for text in heard.texts]
        assert 4 * STEP_NS == heard.ended_at_ns

    def test_lf_cr_lf_holds_an_event_back_in_python(self) -> None:
        """Neither LF LF nor CRLF CRLF: the block ends where one of these follows, or with the body."""
        exchange = anthropic_answer(EVENTS[2].removesuffix("\n") + "\r\n", "".join(EVENTS[3:]))
        assert [STEP_NS] == [text.at_ns for text in anthropic_python.hear(exchange).texts]
        assert [0] == [text.at_ns for text in anthropic_node.hear(exchange).texts]

    @BOTH
    def test_a_call_has_the_time_of_its_last_fragment(self, hear: Hear) -> None:
        heard = hear(anthropic_answer("".join(TOOL_START), FRAGMENT.replace("FRAGMENT", "{}"), EVENTS[3]))
        assert [("{}", STEP_NS)] == [(call.arguments, call.at_ns) for call in heard.tool_calls]

    @BOTH
    def test_an_error_has_the_time_of_its_event(self, hear: Hear) -> None:
        heard = hear(anthropic_answer("".join(EVENTS[:3]), "event: error\ndata: {}\n\n", EVENTS[2]))
        assert (STEP_NS, STEP_NS) == (heard.error_at_ns, heard.ended_at_ns)
        assert ["Hi"] == [text.text for text in heard.texts]

    @BOTH
    @EVERY_WAY
    def test_the_end_of_the_librarys_patience_is_not_known(self, hear: Hear, way: str) -> None:
        heard = hear(anthropic_answer(EVENTS[0], end=End.TIMED_OUT), way=way)
        assert (Outcome.FAILED, None, None) == (heard.outcome, heard.ended_at_ns, heard.error_at_ns)

    @BOTH
    @STREAMED
    def test_hanging_up_is_no_error(self, hear: Hear, way: str) -> None:
        exchange = anthropic_answer("".join(EVENTS[:3]), EVENTS[3][:9], end=End.CLOSED_BY_US)
        assert Outcome.SPOKEN is hear(exchange, way=way).outcome


class TestHostileAnswers:
    """Nothing raises, and neither time nor memory runs away."""

    @BOTH
    @EVERY_WAY
    @given(
        reads=st.lists(
            st.binary(max_size=40)
            | st.sampled_from([event.encode() for event in (*EVENTS, *TOOL_START, FRAGMENT)])
            | st.sampled_from(
                [b"\r", b"\n", b"event: x\ndata: ", b"{", b"5\n\n", b'{"type":["x"]}\n\n', b"data: [1]\n\n"]
            )
        )
    )
    def test_any_bytes_are_heard(self, hear: Hear, way: str, reads: list[bytes]) -> None:
        assert isinstance(hear(anthropic_answer(*reads), way=way), Heard)

    @BOTH
    @STREAMED
    @given(
        fields=st.dictionaries(
            st.sampled_from(["type", "index", "delta", "content_block", "message", "usage"]),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats()
                | st.sampled_from(["text", "tool_use", "text_delta"]),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["type", "text", "content", "index", "toString"]), inner, max_size=3
                    )
                ),
            ),
        ),
        kind=st.sampled_from(["message_start", "content_block_start", "content_block_delta", "content_block_stop"]),
    )
    def test_any_values_are_heard(self, hear: Hear, way: str, fields: dict[str, object], kind: str) -> None:
        event = f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"
        assert isinstance(hear(anthropic_answer("".join(EVENTS[:2]) + event * 2), way=way), Heard)
        assert isinstance(hear(anthropic_answer(event * 2 + "".join(EVENTS)), way=way), Heard)

    @BOTH
    @STREAMED
    @given(cuts=st.sets(st.integers(1, len(HI) - 1)))
    def test_the_same_is_heard_however_the_reads_are_cut(self, hear: Hear, way: str, cuts: set[int]) -> None:
        reads = [HI[start:end] for start, end in pairwise([0, *sorted(cuts), len(HI)])]
        assert "spoken Hi [end_turn]" == summary(hear(anthropic_answer(*reads), way=way))

    @BOTH
    @STREAMED
    @pytest.mark.parametrize(
        "body",
        [
            "\n" * 1_000_000,
            "event: x\ndata: " + "[" * 300_000 + "\n\n",
            "event: x\ndata: " + '{"a":' * 100_000 + "\n\n",
            "".join(TOOL_START) + FRAGMENT.replace("FRAGMENT", "[" * 300_000) + EVENTS[3],
            "".join(TOOL_START) + FRAGMENT.replace("FRAGMENT", "1" * 300_000) + EVENTS[3],
            "".join(TOOL_START) + FRAGMENT.replace("FRAGMENT", '{\\"a\\":\\"') + FRAGMENT * 10_000 + EVENTS[3],
            "".join(EVENTS[:2]) + EVENTS[2] * 10_000,
        ],
        ids=["empty lines", "arrays", "objects", "nested input", "a long number", "many fragments", "many texts"],
    )
    def test_large_bodies_cost_little(self, hear: Hear, way: str, body: str) -> None:
        assert isinstance(hear(anthropic_answer(body), way=way), Heard)

    @BOTH
    @STREAMED
    def test_bounds_are_said(self, hear: Hear, way: str) -> None:
        body = hear(anthropic_answer(HI), way=way, max_body_bytes=100)
        assert "(not followed beyond" in (body.error or "")
        event = hear(anthropic_answer("event: x\ndata: " + "x" * 5000 + "\n\n"), way=way, max_event_bytes=1000)
        assert "was not followed)" in (event.error or "")

    @BOTH
    @EVERY_WAY
    def test_no_answer_is_a_failure(self, hear: Hear, way: str) -> None:
        request = Request(method="POST", url="http://endpoint.example/v1/messages")
        for end in (End.NO_RESPONSE, End.TIMED_OUT, End.CLOSED_BY_US):
            assert Outcome.FAILED is hear(Exchange(request=request, response=None, end=end), way=way).outcome


class TestPartialJson:
    """Python's parser looks at each fragment, Node's at the whole input when the block stops."""

    @pytest.mark.parametrize("text", ["{", '{"a', '{"a":tr', '{"a":1.', "[1 2", '{"a":1}x', '{"a":"\\ud83d', "5"])
    def test_python_accepts(self, text: str) -> None:
        assert partial(text).is_accepted

    @pytest.mark.parametrize("text", ["", " ", "x", "{a", '{"a":1,}', '{"a":01', '{"a":"\\x', "tru", "}", "[" * 202])
    def test_python_refuses(self, text: str) -> None:
        assert not partial(text).is_accepted

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("{", {}),
            ('{"a', {}),
            ('{"a":', {}),
            ('{"a":tr', {}),
            ('{"a":1', {}),
            ('{"a":1,', {"a": 1}),
            ("[1, 2", [1]),
            ('["x', []),
            ('{"a":[{"b":true', {"a": [{"b": True}]}),
        ],
    )
    def test_node_completes(self, text: str, value: object) -> None:
        assert value == parse(text)

    @pytest.mark.parametrize("text", ["{a}", "[12 3]", "}", "[}", "x"])
    def test_node_refuses(self, text: str) -> None:
        with pytest.raises(JsError, match="SyntaxError"):
            parse(text)


def partial(text: str) -> PartialJson:
    grown = PartialJson()
    for character in text:
        grown.feed(character)
    return grown
