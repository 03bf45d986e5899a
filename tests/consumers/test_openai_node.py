"""What openai-node hears; the same vectors are played to the real library in test_openai_node_differential.py."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.openai_node_http_vectors import VECTORS
from consumers.openai_node_vectors import STEP_NS, Vector, answer, chunk, tool
from vapi_conformance.consumers import Heard, HeardText, HeardToolCall, Outcome
from vapi_conformance.consumers.openai_node import hear
from vapi_conformance.exchange import Capture, End, Exchange, Read, Timing

HI = f"data: {chunk('Hi')}\n\n"


def in_one_read(exchange: Exchange) -> Exchange:
    return replace(exchange, reads=(Read(at_ns=0, data=exchange.body),) if exchange.reads else ())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
class TestVectors:
    def test_is_heard_as_written(self, vector: Vector) -> None:
        heard = hear(vector.exchange)
        assert (vector.outcome, vector.texts, vector.error) == (
            heard.outcome.value,
            tuple(text.text for text in heard.texts),
            heard.error,
        )

    def test_comes_with_the_time_of_its_read(self, vector: Vector) -> None:
        if vector.reads is not None:
            assert [at * STEP_NS for at in vector.reads] == [text.at_ns for text in hear(vector.exchange).texts]

    def test_is_the_same_without_times(self, vector: Vector) -> None:
        untimed = replace(
            vector.exchange,
            reads=tuple(replace(read, at_ns=None) for read in vector.exchange.reads),
            timing=Timing(),
        )
        timed, heard = hear(vector.exchange), hear(untimed)
        assert (timed.outcome, timed.text, timed.error) == (heard.outcome, heard.text, heard.error)
        assert (None, None) == (heard.error_at_ns, heard.ended_at_ns)


class TestHear:
    def test_gives_the_whole_of_a_short_answer(self) -> None:
        exchange = answer(HI, 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n', "data: [DONE]\n\n")
        expected = Heard(
            outcome=Outcome.SPOKEN,
            texts=(HeardText(text="Hi", at_ns=0),),
            finish_reason="stop",
            ended_at_ns=3 * STEP_NS,
        )
        assert expected == hear(exchange)

    def test_puts_a_tool_call_together_from_fragments(self) -> None:
        exchange = answer(
            tool('[{"index":1,"id":"call_1","function":{"name":"weather","arguments":""}}]'),
            tool('[{"index":1,"id":"","function":{"name":"","arguments":"{\\"a\\""}}]'),
            tool('[{"index":1.0,"function":{"arguments":":1}"}},{"index":0,"id":"call_2","function":{"name":"end"}}]'),
        )
        expected = (
            HeardToolCall(index=1, id="call_1", name="weather", arguments='{"a":1}', at_ns=2 * STEP_NS),
            HeardToolCall(index=0, id="call_2", name="end", arguments="", at_ns=2 * STEP_NS),
        )
        assert expected == hear(exchange).tool_calls

    def test_ends_at_the_close_and_not_at_the_done_marker(self) -> None:
        exchange = replace(answer(HI, "data: [DONE]\n\n"), timing=Timing(end_ns=99 * STEP_NS))
        assert 99 * STEP_NS == hear(exchange).ended_at_ns

    def test_fails_at_the_event_that_is_broken(self) -> None:
        heard = hear(answer(HI, "data: {}\n\n", HI))
        assert (STEP_NS, STEP_NS, "Hi") == (heard.error_at_ns, heard.ended_at_ns, heard.text)

    def test_fails_at_the_read_whose_coding_is_broken(self) -> None:
        heard = hear(answer(HI, HI, headers=(("Content-Encoding", "gzip"),)))
        assert 0 == heard.error_at_ns

    def test_has_no_end_when_the_library_waits_for_ever(self) -> None:
        heard = hear(answer(HI, end=End.TIMED_OUT))
        assert (Outcome.FAILED, None, None) == (heard.outcome, heard.error_at_ns, heard.ended_at_ns)

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (301, "(301: followed with GET and without a body to http://endpoint.example/v2)"),
            (303, "(303: followed with GET and without a body to http://endpoint.example/v2)"),
            (307, "(307: the request is sent again to http://endpoint.example/v2)"),
        ],
    )
    def test_says_where_a_redirect_leads(self, status: int, expected: str) -> None:
        heard = hear(answer(status=status, headers=(("location", "/v2"),)))
        assert (Outcome.FAILED, expected) == (heard.outcome, heard.error)

    def test_takes_a_body_that_a_recorder_decoded_as_it_is(self) -> None:
        exchange = answer(HI, headers=(("Content-Encoding", "gzip"),))
        assert "Hi" == hear(replace(exchange, capture=Capture(body="decoded"))).text

    def test_does_not_model_brotli(self) -> None:
        heard = hear(answer(HI, headers=(("Content-Encoding", "br"),)))
        assert "(brotli, which the library's request does not ask for, is not modelled)" == heard.error


class TestOlderVersion:
    """4.83.0, which Vapi may run as well."""

    def test_hands_an_event_over_when_the_next_bytes_come(self) -> None:
        heard = hear(answer(HI, HI, "data: [DONE]\n\n"), sdk_version="4.83.0")
        assert [STEP_NS, 2 * STEP_NS] == [text.at_ns for text in heard.texts]

    def test_hands_the_last_event_over_at_the_end(self) -> None:
        assert [STEP_NS] == [text.at_ns for text in hear(answer(HI), sdk_version="4.83.0").texts]

    def test_does_not_wait_after_crlf(self) -> None:
        assert [0] == [text.at_ns for text in hear(answer(HI.replace("\n", "\r\n")), sdk_version="4.83.0").texts]

    def test_wraps_the_events_of_the_responses_api(self) -> None:
        heard = hear(answer(f"event: response.x\n{HI}"), sdk_version="4.83.0")
        assert "TypeError: chunk.choices is not iterable" == heard.error


class TestBounds:
    def test_follows_a_body_only_so_far(self) -> None:
        heard = hear(answer(HI, HI, HI), max_body_bytes=len(HI) * 2)
        assert ("HiHi", f"(not followed beyond {len(HI) * 2} bytes)") == (heard.text, heard.error)

    def test_does_not_parse_an_event_without_bound(self) -> None:
        heard = hear(answer(HI, "data: " + " " * 1000 + "\n\n"), max_event_bytes=999)
        assert ("Hi", "(an event of more than 999 characters was not followed)") == (heard.text, heard.error)

    @pytest.mark.parametrize("opening", ["[", '{"a":', "[[],"])
    @pytest.mark.parametrize("closing", ["", "]"])
    def test_outlives_any_nesting(self, opening: str, closing: str) -> None:
        heard = hear(answer("data: " + opening * 100_000 + closing * 100_000 + "\n\n"))
        assert Outcome.FAILED is heard.outcome

    def test_outlives_deeply_nested_errors_and_arguments(self) -> None:
        nested = "[" * 900 + "]" * 900
        assert Outcome.FAILED is hear(answer(f'data: {{"error":{{"a":{nested}}}}}\n\n')).outcome
        hear(answer(tool(f'[{{"function":{{"name":"a","arguments":{nested}}}}}]')))

    @pytest.mark.parametrize(
        "unit", [HI.encode(), b"\n", b"\r", b"data:\n", b"data: [\n", b"\r\n\r", b"x", b"event:\n\n"]
    )
    def test_takes_time_in_proportion_to_the_body(self, unit: bytes) -> None:
        """20 times the body in less than 80 times the time; a quadratic decoder would need 400."""

        def seconds(count: int) -> float:
            data = unit * (count // len(unit))
            exchange = replace(
                answer(), reads=tuple(Read(at_ns=0, data=data[at : at + 1000]) for at in range(0, len(data), 1000))
            )
            started = time.process_time()
            hear(exchange)
            return time.process_time() - started

        small = min(seconds(50_000) for _ in range(3))
        assert seconds(1_000_000) < max(0.05, 80 * small)


@given(data=st.data(), vector=st.sampled_from([each for each in VECTORS if each.exchange.body]))
def test_what_is_heard_does_not_depend_on_read_boundaries(data: st.DataObject, vector: Vector) -> None:
    body = vector.exchange.body
    if any(name.lower() == b"content-encoding" for name, _ in (vector.exchange.response or answer().response).headers):  # type: ignore[union-attr]
        return
    cuts = sorted(data.draw(st.sets(st.integers(1, len(body)), max_size=20)))
    reads = tuple(
        Read(at_ns=0, data=body[start:end]) for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)
    )
    cut = replace(vector.exchange, reads=reads, timing=Timing(end_ns=0))
    assert hear(replace(in_one_read(vector.exchange), timing=Timing(end_ns=0))) == hear(cut)


@given(
    body=st.binary(max_size=200),
    status=st.sampled_from([200, 204, 301, 404]),
    coding=st.sampled_from(["", "gzip", "deflate"]),
    end=st.sampled_from(End),
)
def test_hears_something_or_fails_whatever_the_bytes_are(body: bytes, status: int, coding: str, end: End) -> None:
    headers = (("Content-Encoding", coding),) if coding else ()
    heard = hear(answer(body, status=status, headers=headers, end=end))
    assert (heard.outcome is Outcome.FAILED) == (heard.error is not None)


@given(st.text('[]{}",:dataevnt \n\r\\0.1truefalsn\u00e9\U0001f600', max_size=80))
def test_hears_something_or_fails_whatever_the_text_is(text: str) -> None:
    heard = hear(answer("data: " + text + "\n\n"))
    assert (heard.outcome is Outcome.FAILED) == (heard.error is not None)
