"""The model of the Python package openai against the package itself: the same answers, the same words heard."""

from collections.abc import Iterable
from dataclasses import replace

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.node_library import case_of
from consumers.openai_node_vectors import answer
from consumers.openai_python_state_vectors import STATE_VECTORS
from consumers.python_drivers import needs_release
from consumers.python_library import hear_from, real, shown
from consumers.recorded import recorded_exchanges
from consumers.responses_http_vectors import HTTP_ANSWERS, WHOLE_ANSWERS
from consumers.responses_streams import responses_answer, whole_answer
from consumers.responses_vectors import BEGIN, HI, VECTORS, WHOLE, Vector
from consumers.wire_server import serving
from shared_data import needs_shared
from vapi_conformance.consumers import Outcome
from vapi_conformance.consumers.openai_python_responses import Way, hear
from vapi_conformance.exchange import End, Exchange

SEEDS = st.integers(0, 1 << 32)
IMPATIENCE_S = 1.0
needs_openai = needs_release("openai", "3.54")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
class TestVectors:
    @pytest.mark.parametrize("way", ["raw", "helper"])
    def test_is_heard_as_written(self, vector: Vector, way: Way) -> None:
        heard = hear(vector.exchange, way=way)
        expected = vector.python_raw if way == "raw" else vector.python_helper
        assert expected == (heard.outcome.value, heard.text, heard.error)

    @needs_openai
    @pytest.mark.parametrize("way", ["raw", "helper"])
    def test_is_heard_as_the_package_hears_it(self, vector: Vector, way: Way) -> None:
        assert real(vector.exchange, way) == shown(hear(vector.exchange, way=way))


@pytest.mark.parametrize("name", STATE_VECTORS)
class TestAccumulator:
    def test_takes_or_refuses_as_written(self, name: str) -> None:
        exchange, error = STATE_VECTORS[name]
        assert error == hear(exchange, way="helper").error

    @needs_openai
    def test_takes_or_refuses_as_the_package_does(self, name: str) -> None:
        exchange, _ = STATE_VECTORS[name]
        assert real(exchange, "helper") == shown(hear(exchange, way="helper"))


@needs_openai
class TestConnections:
    """Over a real connection: what breaks it, and what breaks the coding."""

    @pytest.mark.slow
    @pytest.mark.parametrize("way", ["raw", "helper"])
    def test_answers_to_a_streamed_request_are_heard_as_the_package_hears_them(self, way: Way) -> None:
        assert {} == differences_on_the_wire(HTTP_ANSWERS.items(), way)

    @pytest.mark.slow
    def test_whole_answers_are_heard_as_the_package_hears_them(self) -> None:
        assert {} == differences_on_the_wire(WHOLE_ANSWERS.items(), "whole")


def differences_on_the_wire(named: Iterable[tuple[str, Exchange]], way: Way) -> dict[str, object]:
    cases = [case_of(name, exchange) for name, exchange in named]
    found: dict[str, object] = {}
    with serving({str(number): case.play for number, case in enumerate(cases)}) as base:
        for number, case in enumerate(cases):
            url = f"{base}/{number}"
            patience = IMPATIENCE_S if case.exchange.end is End.TIMED_OUT else None
            with openai.OpenAI(api_key="none", base_url=url, max_retries=0, timeout=patience) as client:
                told = hear_from(client, way)
            request = replace(case.exchange.request, url=url)
            model = shown(hear(replace(case.exchange, request=request), way=way), timed=False)
            if model != told:
                found[case.name] = {"model": model, "real": told}
    return found


class TestHear:
    def test_gives_each_text_the_time_of_its_read(self) -> None:
        texts = hear(answer(BEGIN, HI, HI)).texts
        assert [200_000_000, 400_000_000] == [text.at_ns for text in texts]

    def test_ends_at_the_done_marker(self) -> None:
        heard = hear(answer(WHOLE, "data: [DONE]\n\n", ": ping\n\n", end=End.RESET))
        assert (Outcome.SPOKEN, 200_000_000) == (heard.outcome, heard.ended_at_ns)

    def test_does_not_know_when_the_package_loses_patience(self) -> None:
        heard = hear(answer(BEGIN + HI, end=End.TIMED_OUT))
        assert ("APITimeoutError: Request timed out.", None, None) == (
            heard.error,
            heard.error_at_ns,
            heard.ended_at_ns,
        )

    @pytest.mark.parametrize("way", ["raw", "helper", "whole"])
    def test_has_no_error_of_the_package_where_its_user_hung_up(self, way: Way) -> None:
        assert hear(answer(BEGIN + HI, end=End.CLOSED_BY_US), way=way).error is None

    def test_says_where_a_redirect_leads(self) -> None:
        heard = hear(answer(status=307, headers=[("Location", "/v2")]))
        assert "(307: the request is sent again to http://endpoint.example/v2)" == heard.error

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
        items = "".join(
            f'data: {{"type":"response.output_item.{kind}","output_index":{at},"item":{{"id":"{at}","type":"x"}}}}\n\n'
            for at in range(1000)
            for kind in ("added", "done")
        )
        created = 'data: {"type":"response.created","response":{"id":"r"}}\n\n'
        completed = 'data: {"type":"response.completed","response":{"id":"r"}}\n\n'
        heard = hear(answer(created + items + completed * 1000), way="helper")
        assert "(not followed beyond 1000000 looks at an item)" == heard.error


@needs_openai
class TestGenerated:
    @pytest.mark.parametrize("way", ["raw", "helper"])
    @given(seed=SEEDS)
    @settings(max_examples=200)
    def test_streams_are_heard_as_the_package_hears_them(self, way: Way, seed: int) -> None:
        exchange = responses_answer(seed)
        assert real(exchange, way) == shown(hear(exchange, way=way))

    @given(seed=SEEDS)
    @settings(max_examples=200)
    def test_whole_answers_are_heard_as_the_package_hears_them(self, seed: int) -> None:
        exchange = whole_answer(seed)
        assert real(exchange, "whole") == shown(hear(exchange, way="whole"))


@needs_openai
@needs_shared
@pytest.mark.parametrize("way", ["raw", "helper", "whole"])
class TestRecorded:
    def test_traffic_is_heard_as_the_package_hears_it(self, way: Way) -> None:
        recorded = list(recorded_exchanges("openai_responses"))
        assert recorded
        found: dict[str, object] = {}
        for name, exchange in recorded:
            told, model = real(exchange, way), shown(hear(exchange, way=way))
            if told != model:
                found[name] = {"model": model, "real": told}
        assert {} == found
