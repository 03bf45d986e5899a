"""What openai 6.x for Node hears of a Responses answer; the differential test proves the same vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.openai_node_state_vectors import STATE_VECTORS
from consumers.openai_node_vectors import answer
from consumers.responses_http_vectors import WHOLE_ANSWERS
from consumers.responses_streams import responses_answer, whole_answer
from consumers.responses_vectors import BEGIN, HI, VECTORS, WHOLE, Told, Vector
from vapi_conformance.consumers import Outcome
from vapi_conformance.consumers.openai_node_responses import Way, hear
from vapi_conformance.exchange import End

NOT_IN = "TypeError: Cannot use 'in' operator to search for 'object' in "


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
class TestVectors:
    @pytest.mark.parametrize("way", ["raw", "helper"])
    def test_is_heard_as_written(self, vector: Vector, way: Way) -> None:
        heard = hear(vector.exchange, way=way)
        expected = vector.node_raw if way == "raw" else vector.node_helper
        assert expected == (heard.outcome.value, heard.text, heard.error)


@pytest.mark.parametrize("name", STATE_VECTORS)
class TestAccumulator:
    def test_takes_or_refuses_as_written(self, name: str) -> None:
        exchange, error = STATE_VECTORS[name]
        assert error == hear(exchange, way="helper").error


class TestGenerated:
    @pytest.mark.parametrize("way", ["raw", "helper"])
    @given(seed=st.integers(0, 1 << 32))
    def test_streams_raise_nothing_and_fail_only_with_an_error(self, way: Way, seed: int) -> None:
        heard = hear(responses_answer(seed), way=way)
        assert (heard.outcome is Outcome.FAILED) == (heard.error is not None)

    @given(seed=st.integers(0, 1 << 32))
    def test_whole_answers_raise_nothing_and_fail_only_with_an_error(self, seed: int) -> None:
        heard = hear(whole_answer(seed), way="whole")
        assert (heard.outcome is Outcome.FAILED) == (heard.error is not None)


class TestHear:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("a text", ("spoken", "Hi", None)),
            ("two texts and a call", ("spoken", "HiHi", None)),
            ("output_text on the wire", ("spoken", "Hi", None)),
            ("no object", ("silence", "", None)),
            ("null", ("failed", "", "TypeError: Cannot use 'in' operator to search for 'object' in null")),
            ("as problem+json", ("spoken", "Hi", None)),
            ("nothing, and its length", ("failed", "", f"{NOT_IN}undefined")),
            ("nothing", ("failed", "", "SyntaxError: Unexpected end of JSON input")),
            ("HTML", ("failed", "", f"{NOT_IN}<html></html>")),
            ("status 204", ("failed", "", f"{NOT_IN}null")),
            ("status 400", ("failed", "", "BadRequestError: 400 boom")),
            ("an array", ("silence", "", None)),
        ],
    )
    def test_reads_a_whole_answer(self, name: str, expected: Told) -> None:
        heard = hear(WHOLE_ANSWERS[name], way="whole")
        assert expected == (heard.outcome.value, heard.text, heard.error)

    def test_gives_each_text_the_time_of_its_read(self) -> None:
        texts = hear(answer(BEGIN, HI, HI)).texts
        assert [200_000_000, 400_000_000] == [text.at_ns for text in texts]

    def test_ends_at_the_close_and_not_at_the_done_marker(self) -> None:
        heard = hear(answer(WHOLE, "data: [DONE]\n\n"))
        assert 400_000_000 == heard.ended_at_ns

    def test_does_not_know_when_fetch_loses_patience(self) -> None:
        heard = hear(answer(BEGIN + HI, end=End.TIMED_OUT))
        assert ("TypeError: terminated", None, None) == (heard.error, heard.error_at_ns, heard.ended_at_ns)

    def test_is_told_by_the_helper_alone_that_its_user_hung_up(self) -> None:
        exchange = answer(BEGIN + HI, end=End.CLOSED_BY_US)
        assert None is hear(exchange, way="raw").error
        assert "APIUserAbortError: Request was aborted." == hear(exchange, way="helper").error

    @pytest.mark.parametrize("way", ["raw", "helper", "whole"])
    def test_bounds_the_body(self, way: Way) -> None:
        heard = hear(answer(*["x" * 100] * 11), way=way, max_body_bytes=1000)
        assert "(not followed beyond 1000 bytes)" == heard.error

    def test_bounds_an_event(self) -> None:
        heard = hear(answer("data: " + "x" * 101 + "\n\n"), max_event_bytes=100)
        assert "(an event of more than 100 characters was not followed)" == heard.error

    @pytest.mark.parametrize("way", ["raw", "helper", "whole"])
    @pytest.mark.parametrize("opener", ["[", '{"a":'])
    def test_survives_deep_nesting(self, way: Way, opener: str) -> None:
        heard = hear(answer("data: " + opener * 200_000 + "\n\n"), way=way)
        assert Outcome.FAILED == heard.outcome

    def test_gives_up_on_a_stream_that_makes_the_helper_look_at_each_item_again_and_again(self) -> None:
        created = 'data: {"type":"response.created","response":{"output":[]}}\n\n'
        added = 'data: {"type":"response.output_item.added","item":{"type":"message","content":[]}}\n\n'
        heard = hear(answer(created + added * 2000), way="helper")
        assert "(not followed beyond 1000000 looks at an item)" == heard.error
