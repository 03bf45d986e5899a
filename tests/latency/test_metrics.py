"""Metrics: each on an answer where the figure is known beforehand, and each where it has to refuse."""

from dataclasses import replace
from itertools import pairwise

import pytest

from latency.samples import answered, sample, with_usage
from timed_answers import DONE, NS_PER_MS, ask, chunk, streamed, user, whole, words
from vapi_conformance.exchange import End, Exchange, Response, Timing
from vapi_conformance.latency import metrics
from vapi_conformance.latency.metrics import Metric, Stage, TurnModel, error_kind, metrics_for

FIRST, SECOND = "Good morning, how may I help you?", " I am all ears for you today."
SPOKEN = answered((100, "Good morning, "), (180, "how may I help you?"), (200, " I listen"), end_ms=350)
BROKEN_OFF = answered((100, "Good mor"), (130, "ning"), end_ms=300, end=End.TRUNCATED)
REFUSED = replace(answered((100, "no")), response=Response(status=503))
NOTHING = answered()
IN_ONE_DOCUMENT = whole({"role": "assistant", "content": FIRST}, request=ask(user("Hello."), stream=False))
NO_TIMES = replace(SPOKEN, reads=tuple(replace(read, at_ns=None) for read in SPOKEN.reads))
CALLED = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
TOOL_CALL = streamed((50, chunk({"tool_calls": [CALLED]})), (60, chunk({}, "tool_calls") + DONE))
UNANSWERED = Exchange(request=SPOKEN.request, response=None, end=End.NO_RESPONSE, error="refused")


def ms(value: int | None) -> float | None:
    return None if value is None else value / NS_PER_MS


class TestTTFT:
    def test_is_the_first_delta_with_content_and_not_the_role(self) -> None:
        assert 100.0 == ms(metrics.ttft(sample(SPOKEN)))

    def test_a_first_token_counts_although_the_answer_broke_off_later(self) -> None:
        assert 100.0 == ms(metrics.ttft(sample(BROKEN_OFF)))

    @pytest.mark.parametrize("exchange", [REFUSED, NOTHING, IN_ONE_DOCUMENT, NO_TIMES, TOOL_CALL, UNANSWERED])
    def test_refuses_what_has_none(self, exchange: Exchange) -> None:
        assert metrics.ttft(sample(exchange)) is None


class TestTTFS:
    def test_is_when_the_chunk_plan_has_a_first_piece(self) -> None:
        assert 180.0 == ms(metrics.ttfs(sample(SPOKEN)))

    def test_a_rest_is_spoken_once_the_answer_is_finished(self) -> None:
        assert 120.0 == ms(metrics.ttfs(sample(answered((100, "Good "), (120, "morning"), end_ms=500))))

    @pytest.mark.parametrize("exchange", [BROKEN_OFF, REFUSED, NOTHING, IN_ONE_DOCUMENT, NO_TIMES, TOOL_CALL])
    def test_refuses_what_was_never_released(self, exchange: Exchange) -> None:
        assert metrics.ttfs(sample(exchange)) is None

    def test_a_piece_that_was_released_counts_although_the_answer_broke_off_later(self) -> None:
        assert 100.0 == ms(metrics.ttfs(sample(answered((100, FIRST), (130, " I"), end=End.RESET))))


class TestGaps:
    def test_icl_has_one_gap_less_than_deltas(self) -> None:
        assert [80.0, 20.0] == [ms(gap) for gap in metrics.icl(sample(SPOKEN))]

    def test_icl_of_deltas_that_came_together_is_0(self) -> None:
        together = streamed((10, words("a") + words("b")), (20, chunk({}, "stop") + DONE))
        assert (0,) == metrics.icl(sample(together))

    def test_icl_of_a_broken_answer_are_the_gaps_that_were_seen(self) -> None:
        assert [30.0] == [ms(gap) for gap in metrics.icl(sample(BROKEN_OFF))]

    @pytest.mark.parametrize("exchange", [answered((100, FIRST)), REFUSED, NOTHING, IN_ONE_DOCUMENT, NO_TIMES])
    def test_fewer_than_two_deltas_give_no_gap(self, exchange: Exchange) -> None:
        assert () == metrics.icl(sample(exchange))
        assert metrics.longest_gap(sample(exchange)) is None

    def test_the_longest_gap_is_one_of_them(self) -> None:
        assert 80.0 == ms(metrics.longest_gap(sample(SPOKEN)))

    def test_the_longest_gap_of_a_broken_answer_is_not_known(self) -> None:
        assert metrics.longest_gap(sample(BROKEN_OFF)) is None


class TestRates:
    def test_characters_after_the_first_delta_by_the_time_since_it(self) -> None:
        exchange = answered((100, "Hello"), (600, " " * 9 + "!"), (1100, "x" * 30))
        assert 40_000 == metrics.characters_rate(sample(exchange))  # 40 in one second

    @pytest.mark.parametrize(
        "exchange",
        [
            answered((100, FIRST)),
            streamed((10, words("a") + words("b")), (20, chunk({}, "stop") + DONE)),
            BROKEN_OFF,
            REFUSED,
            NOTHING,
        ],
    )
    def test_characters_need_two_points_in_time_and_an_end(self, exchange: Exchange) -> None:
        assert metrics.characters_rate(sample(exchange)) is None

    def test_tokens_by_the_time_from_the_request_to_the_last_content(self) -> None:
        assert 100_000 == metrics.tokens_rate(sample(with_usage(SPOKEN, 20)))  # 20 in 200 ms

    @pytest.mark.parametrize(
        "exchange",
        [
            SPOKEN,
            with_usage(SPOKEN, 0),
            with_usage(SPOKEN, "many"),
            with_usage(SPOKEN, 10**300),
            with_usage(SPOKEN, 20, reasoning_content="Hm."),
            with_usage(SPOKEN, 20, tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]),
            with_usage(BROKEN_OFF, 20),
            with_usage(NOTHING, 20),
        ],
    )
    def test_tokens_need_usage_that_means_the_content_alone(self, exchange: Exchange) -> None:
        assert metrics.tokens_rate(sample(exchange)) is None


class TestWholeAnswer:
    def test_end_lag_is_from_the_last_content_until_it_was_over(self) -> None:
        assert 150.0 == ms(metrics.end_lag(sample(SPOKEN)))

    def test_answer_time_is_until_it_was_over(self) -> None:
        assert 350.0 == ms(metrics.answer_time(sample(SPOKEN)))

    def test_pieces_are_counted(self) -> None:
        assert 2 == metrics.pieces(sample(SPOKEN))

    def test_dead_air_is_the_silence_between_pieces(self) -> None:
        late = answered((100, FIRST), (5100, SECOND))
        spoken_ms = len(FIRST) / 15 * 1000
        assert 5000 - spoken_ms == pytest.approx(ms(metrics.dead_air(sample(late))), abs=0.001)

    def test_no_dead_air_is_0_and_not_nothing(self) -> None:
        assert 0 == metrics.dead_air(sample(SPOKEN))

    @pytest.mark.parametrize("exchange", [BROKEN_OFF, REFUSED, UNANSWERED])
    def test_nothing_is_told_of_an_answer_that_is_not_whole(self, exchange: Exchange) -> None:
        found = [
            measure(sample(exchange))
            for measure in (metrics.end_lag, metrics.answer_time, metrics.pieces, metrics.dead_air)
        ]
        assert [None, None, None, None] == found

    @pytest.mark.parametrize("exchange", [NOTHING, TOOL_CALL])
    def test_nothing_is_told_of_speech_where_there_is_none(self, exchange: Exchange) -> None:
        found = [measure(sample(exchange)) for measure in (metrics.end_lag, metrics.pieces, metrics.dead_air)]
        assert [None, None, None] == found


class TestConnection:
    COLD = answered((100, FIRST), timing=Timing(connect_ns=3, tls_ns=7))

    def test_a_new_one_is_told_in_parts(self) -> None:
        assert (3, 7) == (metrics.connect(sample(self.COLD)), metrics.tls(sample(self.COLD)))

    def test_a_reused_one_has_none(self) -> None:
        assert (None, None) == (metrics.connect(sample(SPOKEN)), metrics.tls(sample(SPOKEN)))

    def test_headers_of_a_success(self) -> None:
        assert 5.0 == ms(metrics.headers(sample(SPOKEN)))
        assert metrics.headers(sample(REFUSED)) is None
        assert metrics.headers(sample(UNANSWERED)) is None


class TestTurn:
    def test_is_ttfs_and_what_is_assumed(self) -> None:
        assert 180.0 + 100 + 150 + 325 == ms(metrics.turn(sample(SPOKEN)))

    def test_the_assumptions_are_the_users(self) -> None:
        model = TurnModel(stages=(Stage(name="voice", length_ns=5, source="measured by me"),))
        assert 180 * NS_PER_MS + 5 == metrics.turn(replace(sample(SPOKEN), turn_model=model))

    def test_refuses_where_nothing_is_spoken(self) -> None:
        assert metrics.turn(sample(NOTHING)) is None

    def test_every_assumption_says_that_it_is_one(self) -> None:
        assert all(stage.source.startswith("assumed: ") for stage in TurnModel().stages)


class TestErrorKinds:
    @pytest.mark.parametrize(
        ("exchange", "expected"),
        [
            (SPOKEN, None),
            (TOOL_CALL, None),
            (IN_ONE_DOCUMENT, None),
            (REFUSED, "status 503"),
            (UNANSWERED, "no response"),
            (replace(UNANSWERED, error="broken HTTP: a status that is none"), "broken HTTP"),
            (replace(SPOKEN, end=End.RESET, error="broken HTTP: a chunk without a size"), "broken HTTP"),
            (replace(REFUSED, end=End.RESET, error="broken HTTP: a chunk without a size"), "status 503"),
            (replace(UNANSWERED, end=End.TIMED_OUT), "timed out"),
            (replace(SPOKEN, end=End.TIMED_OUT), "timed out"),
            (BROKEN_OFF, "answer cut off"),
            (replace(SPOKEN, end=End.RESET), "connection broken"),
            (replace(SPOKEN, end=End.CLOSED_BY_US), "answer too large"),
            (NOTHING, "empty answer"),
            (streamed((10, 'data: {"error": {"message": "overloaded"}}\n\n')), "error in the answer"),
            (streamed((10, chunk({"function_call": {"name": "f", "arguments": "{}"}}, "function_call"))), None),
        ],
    )
    def test_name_what_went_wrong(self, exchange: Exchange, expected: str | None) -> None:
        assert expected == error_kind(sample(exchange))

    def test_a_request_that_was_never_sent_had_no_connection(self) -> None:
        assert "no connection" == error_kind(sample(UNANSWERED, sent_ms=None))


def named(name: str, *, loop: str = "open") -> Metric:
    return next(each for each in metrics_for("open" if loop == "open" else "closed") if each.name == name)


class TestCatalogue:
    def test_an_open_loop_counts_from_the_intended_start_and_tells_the_sending_too(self) -> None:
        late = sample(SPOKEN, intended_ms=1000, sent_ms=1700)
        assert (800 * NS_PER_MS,) == named("ttft").values(late)
        assert (100 * NS_PER_MS,) == named("ttft_from_sent").values(late)
        assert (700 * NS_PER_MS,) == named("start_delay").values(late)

    def test_what_the_client_was_late_itself_is_told_apart_from_connecting(self) -> None:
        timing = replace(SPOKEN.timing, connect_ns=500 * NS_PER_MS, tls_ns=150 * NS_PER_MS)
        late = sample(replace(SPOKEN, timing=timing), intended_ms=1000, sent_ms=1700)
        assert (50 * NS_PER_MS,) == named("own_delay").values(late)
        assert (700 * NS_PER_MS,) == named("own_delay").values(sample(SPOKEN, intended_ms=1000, sent_ms=1700))
        assert {"neither"} == {named(name).is_better for name in ("start_delay", "own_delay")}

    def test_a_closed_loop_counts_from_the_sending(self) -> None:
        assert (100 * NS_PER_MS,) == named("ttft", loop="closed").values(sample(SPOKEN, sent_ms=700))

    def test_gaps_do_not_depend_on_the_start(self) -> None:
        assert (80 * NS_PER_MS, 20 * NS_PER_MS) == named("icl").values(sample(SPOKEN, sent_ms=700))

    def test_what_was_never_sent_adds_nothing(self) -> None:
        lost = sample(UNANSWERED, sent_ms=None)
        assert [] == [metric.name for metric in metrics_for("open") if metric.values(lost)]

    @pytest.mark.parametrize("loop", ["closed", "open"])
    def test_the_keys_of_the_contract(self, loop: str) -> None:
        found = [metric.key for metric in metrics_for("open" if loop == "open" else "closed")]
        assert {"ttft_ms", "ttfs_ms", "icl_ms", "turn_ms", "dead_air_ms", "pieces", "tokens_per_s"} <= set(found)
        assert len(found) == len(set(found))

    @pytest.mark.parametrize("metric", metrics_for("open"), ids=lambda metric: metric.name)
    def test_every_metric_has_a_definition_in_one_paragraph(self, metric: Metric) -> None:
        assert metric.definition.endswith(".")
        assert "\n" not in metric.definition
        assert len(metric.definition) > 30

    def test_the_definition_says_where_time_begins(self) -> None:
        assert named("ttft").definition.endswith("From the moment at which the request was meant to start.")
        assert named("ttft_from_sent").definition.endswith("From the last byte of the request.")

    @pytest.mark.parametrize("exchange", [SPOKEN, BROKEN_OFF, NOTHING, REFUSED, TOOL_CALL, with_usage(SPOKEN, 3)])
    def test_no_value_is_negative(self, exchange: Exchange) -> None:
        assert all(value >= 0 for metric in metrics_for("open") for value in metric.values(sample(exchange)))

    def test_stations_of_an_answer_follow_each_other(self) -> None:
        order = [measure(sample(SPOKEN)) or 0 for measure in (metrics.headers, metrics.ttft, metrics.ttfs)]
        assert all(earlier < later for earlier, later in pairwise(order))
