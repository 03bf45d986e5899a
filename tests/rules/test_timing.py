"""Rules on time, on answers that were never sent: each write has the time that the test gives it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timed_answers import DONE, ask, chunk, outcome, said, streamed, user, violations, whole, words
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import End, Exchange, Read
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.verdict import Outcome, judge_rule

TIMING = sorted(rule_id for rule_id in all_rules() if rule_id.startswith("timing."))
ROLE = chunk({"role": "assistant", "content": ""})
FINISH = chunk({}, "stop")
SENTENCE = words("We open at seven in the morning, and close at five.")
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": ""}}


def violated(exchange: Exchange, conditions: Conditions | None = None) -> set[str]:
    evidence = [Evidence(exchange=exchange, conditions=conditions or Conditions())]
    return {
        rule_id for rule_id in TIMING if judge_rule(all_rules()[rule_id], MUST, evidence).outcome is Outcome.VIOLATED
    }


def first_words_after(seconds: float) -> Exchange:
    at_ms = seconds * 1000
    return streamed((50, ROLE), (at_ms, SENTENCE), (at_ms + 10, FINISH), (at_ms + 20, DONE))


class TestFirstToken:
    @pytest.mark.parametrize(
        ("seconds", "rule_ids"),
        [
            (0.3, set[str]()),
            (1.0, set[str]()),
            (1.1, {"timing.first-speech-is-prompt"}),
            (5.0, {"timing.first-speech-is-prompt"}),
            (5.1, {"timing.first-token-before-hang"}),
            (20.0, {"timing.first-token-before-hang"}),
            (20.1, {"timing.first-token-within-timeout"}),
        ],
    )
    def test_a_late_start_is_one_fault_by_its_size(self, seconds: float, rule_ids: set[str]) -> None:
        assert rule_ids == violated(first_words_after(seconds))

    def test_limits_are_the_platforms(self) -> None:
        conditions = Conditions(timeout_s=3)
        assert {"timing.first-token-within-timeout"} == violated(first_words_after(4), conditions)

    def test_a_tool_call_is_a_token(self) -> None:
        exchange = streamed((300, chunk({"tool_calls": [CALL]})), (25_000, chunk({}, "tool_calls")), (25_010, DONE))
        assert outcome("timing.first-token-within-timeout", exchange) is Outcome.PASSED

    def test_reasoning_is_a_token(self) -> None:
        exchange = streamed(
            (300, chunk({"reasoning_content": "Well."})), (6000, SENTENCE), (6010, FINISH), (6020, DONE)
        )
        assert outcome("timing.first-token-before-hang", exchange) is Outcome.PASSED

    def test_a_role_is_no_token(self) -> None:
        found = violations("timing.first-token-before-hang", first_words_after(6))
        assert ["it came after 6.00 s"] == [each.actual for each in found]
        assert [1] == [each.chunk for each in found]

    def test_no_token_until_we_gave_up_is_late(self) -> None:
        exchange = streamed((50, ROLE), end_ms=30_000, end=End.TIMED_OUT)
        assert ["none in 30.00 s"] == [
            each.actual for each in violations("timing.first-token-within-timeout", exchange)
        ]

    def test_an_answer_that_is_quickly_over_is_silent_not_late(self) -> None:
        exchange = streamed((50, ROLE), (60, FINISH), (70, DONE))
        assert outcome("timing.first-token-within-timeout", exchange) is Outcome.NOT_APPLICABLE

    def test_an_answer_that_we_cut_off_early_is_not_judged(self) -> None:
        exchange = streamed((50, ROLE), end_ms=900, end=End.CLOSED_BY_US)
        assert outcome("timing.first-token-before-hang", exchange) is Outcome.NOT_APPLICABLE

    def test_a_refusal_is_not_judged(self) -> None:
        exchange = streamed((30_000, '{"error": {}}'), status=503)
        assert {Outcome.NOT_APPLICABLE} == {outcome(rule_id, exchange) for rule_id in TIMING}

    def test_whoever_asks_for_json_waits_for_all_of_it(self) -> None:
        exchange = whole({"role": "assistant", "content": "Hello."}, request=ask(user("Hi."), stream=False))
        late = replace(exchange, reads=(replace(exchange.reads[0], at_ns=30_000_000_000),))
        assert {Outcome.NOT_APPLICABLE} == {outcome(rule_id, late) for rule_id in TIMING}


class TestFirstSpeech:
    def test_counts_until_a_piece_is_ready_not_until_a_word(self) -> None:
        exchange = streamed((200, words("Well")), (1500, words(", we open at seven in the morning.")), (1510, FINISH))
        assert ["it was ready after 1.50 s"] == [
            each.actual for each in violations("timing.first-speech-is-prompt", exchange)
        ]

    def test_a_short_answer_is_ready_when_it_is_whole(self) -> None:
        exchange = streamed((200, words("Yes")), (210, FINISH), (900, DONE), end_ms=4000)
        assert outcome("timing.first-speech-is-prompt", exchange) is Outcome.PASSED

    def test_a_stall_before_the_first_piece_is_a_stall(self) -> None:
        exchange = streamed((200, words("Well")), (17_000, SENTENCE), (17_010, FINISH), (17_020, DONE))
        assert {"timing.no-gap-beyond-15s"} == violated(exchange)

    def test_a_tool_call_is_no_speech(self) -> None:
        exchange = streamed((300, chunk({"tool_calls": [CALL]})), (310, chunk({}, "tool_calls")), (320, DONE))
        assert outcome("timing.first-speech-is-prompt", exchange) is Outcome.NOT_APPLICABLE


class TestPauses:
    def test_a_comment_is_a_sign_of_life(self) -> None:
        exchange = streamed(
            (200, SENTENCE), (12_000, ": wait\n\n"), (19_000, SENTENCE), (19_010, FINISH), (19_020, DONE)
        )
        assert outcome("timing.no-gap-beyond-15s", exchange) is Outcome.PASSED

    def test_silence_is_not_also_a_token_gap(self) -> None:
        exchange = streamed((200, SENTENCE), (40_000, SENTENCE), (40_010, FINISH), (40_020, DONE))
        assert {"timing.no-gap-beyond-15s"} == violated(exchange)

    def test_comments_do_not_make_up_for_tokens(self) -> None:
        exchange = streamed(
            (200, SENTENCE), (12_000, ": wait\n\n"), (24_000, SENTENCE), (24_010, FINISH), (24_020, DONE)
        )
        assert {"timing.no-token-gap-beyond-timeout"} == violated(exchange)

    def test_an_answer_that_never_goes_on_is_silent_until_we_gave_up(self) -> None:
        exchange = streamed((200, SENTENCE), end_ms=20_000, end=End.TIMED_OUT)
        assert {"timing.no-gap-beyond-15s"} == violated(exchange)

    def test_an_answer_that_we_cut_off_is_not_judged_for_the_rest(self) -> None:
        exchange = streamed((200, SENTENCE), end_ms=3000, end=End.CLOSED_BY_US)
        assert set() == violated(exchange)


class TestFlush:
    @pytest.mark.parametrize("tag", ["<flush />", "<flush>", "< FLUSH/>", "</flush>"])
    def test_a_pause_after_a_tag_is_found(self, tag: str) -> None:
        exchange = streamed((200, words(f"One moment.{tag}")), (3000, SENTENCE), (3010, FINISH), (3020, DONE))
        assert outcome("timing.flush-is-followed", exchange) is Outcome.VIOLATED

    def test_a_tag_may_come_in_pieces(self) -> None:
        exchange = streamed(
            (200, words("One moment.<fl")), (210, words("ush />")), (3000, SENTENCE), (3010, FINISH), (3020, DONE)
        )
        found = violations("timing.flush-is-followed", exchange)
        assert [210_000_000] == [each.at_ns for each in found]

    def test_an_empty_delta_does_not_follow(self) -> None:
        exchange = streamed(
            (200, words("Wait.<flush />")), (1000, ROLE), (3000, SENTENCE), (3010, FINISH), (3020, DONE)
        )
        assert outcome("timing.flush-is-followed", exchange) is Outcome.VIOLATED

    @pytest.mark.parametrize("then", [SENTENCE, FINISH])
    def test_words_or_the_end_in_time_follow(self, then: str) -> None:
        exchange = streamed((200, words("One moment.<flush />")), (1900, then), (1910, FINISH), (1920, DONE))
        assert outcome("timing.flush-is-followed", exchange) is Outcome.PASSED

    def test_words_behind_the_tag_have_followed(self) -> None:
        exchange = streamed((200, words("Wait.<flush /> So")), (3000, SENTENCE), (3010, FINISH), (3020, DONE))
        assert outcome("timing.flush-is-followed", exchange) is Outcome.PASSED

    def test_text_without_a_tag_is_not_about_flushing(self) -> None:
        assert outcome("timing.flush-is-followed", said("Blush, flush, <b>flush</b>.")) is Outcome.NOT_APPLICABLE


def buffered(text_at: list[tuple[float, int]], *, cut: int | None = None) -> Exchange:
    """Writes of so many events each; `cut` bytes at most in a read, a tenth of a millisecond apart."""
    reads: list[tuple[float, str]] = []
    for ms, events in text_at:
        data = words(" word.") * events
        size = cut or len(data)
        reads += [(ms + 0.1 * at, data[start : start + size]) for at, start in enumerate(range(0, len(data), size))]
    last_ms = reads[-1][0]
    return streamed(*reads, (last_ms + 1, FINISH), (last_ms + 2, DONE))


class TestEventsAreFlushedOneByOne:
    RULE = "timing.events-are-flushed-one-by-one"

    def test_a_steady_stream_is_sound(self) -> None:
        assert outcome(self.RULE, buffered([(300 + 30 * at, 1) for at in range(40)])) is Outcome.PASSED

    def test_a_fast_server_is_sound(self) -> None:
        """The whole answer in 8 ms: nothing was waited for, however the kernel joined the writes."""
        assert outcome(self.RULE, buffered([(3, 1), (3.4, 20), (5, 30), (8, 12)])) is Outcome.PASSED

    def test_a_slow_start_with_a_fast_rest_is_sound(self) -> None:
        """The first event ends the wait alone; the others are there by the next read."""
        assert outcome(self.RULE, buffered([(900, 1), (900.3, 25), (900.9, 40)])) is Outcome.PASSED

    def test_events_that_a_kernel_joined_are_sound(self) -> None:
        assert outcome(self.RULE, buffered([(300 + 250 * at, 2) for at in range(20)])) is Outcome.PASSED

    def test_one_stall_of_ours_is_sound(self) -> None:
        """A reader that was held up finds a few events at once; most of the answer came one by one."""
        steady: list[tuple[float, int]] = [(300 + 30 * at, 1) for at in range(30)]
        assert outcome(self.RULE, buffered([*steady, (1600, 12)])) is Outcome.PASSED

    def test_all_at_once_is_found(self) -> None:
        found = violations(self.RULE, buffered([(2000, 40)]))
        assert ["40 of 40 events with content came in one burst, after 2.00 s of nothing"] == [
            each.actual for each in found
        ]

    @pytest.mark.parametrize("cut", [1460, 4096, 16_384])
    def test_one_write_that_the_network_cut_is_found(self, cut: int) -> None:
        """Cuts fall inside of events. 1460 bytes are one segment of TCP on Ethernet."""
        assert outcome(self.RULE, buffered([(2000, 60)], cut=cut)) is Outcome.VIOLATED

    def test_a_small_buffer_that_fills_again_and_again_is_found(self) -> None:
        assert outcome(self.RULE, buffered([(500 * at, 16) for at in range(1, 6)])) is Outcome.VIOLATED

    def test_a_short_answer_tells_nothing(self) -> None:
        assert outcome(self.RULE, buffered([(2000, 12)])) is Outcome.NOT_APPLICABLE

    def test_lines_that_end_in_crlf_end_where_events_end(self) -> None:
        one_by_one = buffered([(900, 1), (900.3, 25), (900.9, 40)])
        crlf = tuple(replace(read, data=read.data.replace(b"\n", b"\r\n")) for read in one_by_one.reads)
        assert outcome(self.RULE, replace(one_by_one, reads=crlf)) is Outcome.PASSED

    @given(gaps_ms=st.lists(st.floats(0.01, 400), min_size=16, max_size=60), joined=st.integers(1, 7))
    def test_never_cries_wolf_when_few_events_share_a_read(self, gaps_ms: list[float], joined: int) -> None:
        at_ms = 0.0
        writes: list[tuple[float, int]] = []
        for gap_ms in gaps_ms:
            at_ms += gap_ms
            writes.append((at_ms, joined))
        assert outcome(self.RULE, buffered(writes)) is Outcome.PASSED


class TestTheEnd:
    def test_a_late_end_marker_is_found(self) -> None:
        exchange = streamed((200, SENTENCE), (300, FINISH), (1400, DONE))
        assert {"timing.end-follows-finish"} == violated(exchange)

    def test_usage_in_between_does_not_matter(self) -> None:
        usage = 'data: {"choices": [], "usage": {}}\n\n'
        exchange = streamed((200, SENTENCE), (300, FINISH), (900, usage), (1200, DONE))
        assert set() == violated(exchange)

    def test_a_held_connection_is_found(self) -> None:
        exchange = streamed((200, SENTENCE), (300, FINISH), (310, DONE), end_ms=5400)
        assert {"timing.connection-is-released"} == violated(exchange)

    def test_a_connection_that_we_closed_at_last_was_held(self) -> None:
        exchange = streamed((200, SENTENCE), (300, FINISH), (310, DONE), end_ms=9000, end=End.TIMED_OUT)
        found = violations("timing.connection-is-released", exchange)
        assert ["the body was still open after 8.69 s"] == [each.actual for each in found]

    def test_a_connection_that_we_closed_at_once_shows_nothing(self) -> None:
        exchange = streamed((200, SENTENCE), (300, FINISH), (310, DONE), end_ms=320, end=End.CLOSED_BY_US)
        assert outcome("timing.connection-is-released", exchange) is Outcome.NOT_APPLICABLE


class TestAnyAnswer:
    def test_without_times_nothing_is_judged(self) -> None:
        exchange = said("Hello there.")
        untimed = replace(exchange, reads=tuple(replace(read, at_ns=None) for read in exchange.reads))
        assert {Outcome.NOT_APPLICABLE} == {outcome(rule_id, untimed) for rule_id in TIMING}

    @given(reads=st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 10**11)), st.sampled_from(
        [ROLE, SENTENCE, FINISH, DONE, words("<flush />"), ": x\n\n", "data: {\n\n", "\r", "garbage"]
    )), max_size=12))  # fmt: skip
    def test_never_fails_on_what_a_server_sends(self, reads: list[tuple[int | None, str]]) -> None:
        exchange = replace(streamed(), reads=tuple(Read(at_ns=at_ns, data=text.encode()) for at_ns, text in reads))
        assert Outcome.HARNESS_ERROR not in {outcome(rule_id, exchange) for rule_id in TIMING}
