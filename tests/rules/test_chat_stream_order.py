"""Rules on the order of a stream: what is missing, repeated or late, and what was merely cut off."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chunked_answers import DONE, FINISH, ROLE, broken_by, choice, delta, is_judged, record, stream, violations, words
from vapi_conformance.exchange import End

ERROR = {"error": {"message": "The model is overloaded.", "type": "server_error"}}
FIRST_ROLE = "chat-stream.first-delta-has-role"
REPEATED_ROLE = "chat-stream.role-is-not-repeated"
FINISH_SENT = "chat-stream.finish-reason-is-sent"
FINISH_ONCE = "chat-stream.finish-reason-is-sent-once"
FINISH_DELTA = "chat-stream.finish-delta-is-empty"
AFTER_FINISH = "chat-stream.nothing-after-finish"
EVERY_CHOICE = "chat-stream.every-choice-finishes"
ENDS = "chat-stream.ends-with-done"
FAILS = "stream.answer-does-not-fail"
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


class TestRole:
    @pytest.mark.parametrize("first", [{"role": "assistant"}, {"role": "assistant", "content": "one"}])
    def test_comes_first(self, first: dict[str, object]) -> None:
        assert set() == broken_by(stream(delta(first), FINISH, DONE))

    @pytest.mark.parametrize("first", [{"content": "one"}, {"role": "user"}, {"role": None}, {"role": "Assistant"}])
    def test_must_be_the_assistants(self, first: dict[str, object]) -> None:
        assert {FIRST_ROLE} == broken_by(stream(delta(first), FINISH, DONE))

    def test_that_comes_late_is_no_first_one(self) -> None:
        assert {FIRST_ROLE} == broken_by(stream(*words("one"), ROLE, FINISH, DONE))

    def test_is_each_choices_own(self) -> None:
        both = [delta({"role": "assistant"}), delta({"content": "two"}, index=1), FINISH, delta({}, "stop", index=1)]
        (violation,) = violations(FIRST_ROLE, stream(*both, DONE))
        assert "choice 1 begins with no role" == violation.actual
        assert 1 == violation.chunk

    def test_may_have_been_in_a_payload_that_cannot_be_read(self) -> None:
        assert set() == broken_by(stream('{"id": ', *words("one"), FINISH, DONE))

    def test_repeated_is_told_once_per_choice(self) -> None:
        (violation,) = violations(REPEATED_ROLE, stream(*[ROLE] * 30, FINISH, DONE))
        assert "choice 0 has it 30 times" == violation.actual


class TestFinish:
    def test_without_any_is_missing_once(self) -> None:
        assert {FINISH_SENT} == broken_by(stream(ROLE, *words("one"), DONE))

    def test_of_one_choice_does_not_finish_another(self) -> None:
        chunk = record(choice({"role": "assistant"}), choice({"role": "assistant"}, index=1))
        (violation,) = violations(EVERY_CHOICE, stream(chunk, FINISH, DONE))
        assert "1 of them finish; without one: '1'" == violation.actual

    def test_of_no_choice_is_one_fault(self) -> None:
        chunk = record(choice({"role": "assistant"}), choice({"role": "assistant"}, index=1))
        assert {FINISH_SENT} == broken_by(stream(chunk, DONE))

    def test_of_choices_that_take_turns_is_sound(self) -> None:
        chunks = [
            record(choice({"role": "assistant"}), choice({"role": "assistant"}, index=1)),
            delta({"content": "a"}, index=1),
            delta({}, "stop", index=1),
            delta({"content": "b"}),
            FINISH,
        ]
        assert set() == broken_by(stream(*chunks, DONE))

    @pytest.mark.parametrize("reason", ["stop", "length"])
    def test_sent_twice_is_one_too_many(self, reason: str) -> None:
        assert {FINISH_ONCE} == broken_by(stream(ROLE, *words("one"), FINISH, delta({}, reason), DONE))

    def test_empty_ones_are_unknown_and_nothing_else(self) -> None:
        empty = [delta({"content": "one"}, ""), delta({"content": "two"}, "")]
        assert {"chat-stream.finish-reason-is-known"} == broken_by(stream(ROLE, *empty, DONE)) - {FINISH_DELTA}

    @pytest.mark.parametrize("late", [{"content": "two"}, {"refusal": "no"}, {"tool_calls": [CALL]}])
    def test_is_the_end_of_its_choice(self, late: dict[str, object]) -> None:
        (violation,) = violations(AFTER_FINISH, stream(ROLE, FINISH, delta(late), DONE))
        assert 2 == violation.chunk

    @pytest.mark.parametrize("late", [{}, {"content": ""}, {"content": None}])
    def test_may_be_followed_by_nothing(self, late: dict[str, object]) -> None:
        assert set() == broken_by(stream(ROLE, *words("one"), FINISH, delta(late), DONE))

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"content": ""}, 'content "" in it'),
            ({"content": "the end"}, "content in it"),
            ({"role": "assistant", "content": "", "tool_calls": [CALL]}, 'content "", tool_calls in it'),
            ({"reasoning": "hm"}, "reasoning in it"),
        ],
    )
    def test_comes_with_an_empty_delta(self, fields: dict[str, object], told: str) -> None:
        (violation,) = violations(FINISH_DELTA, stream(delta(fields, "stop"), DONE))
        assert told == violation.actual

    @pytest.mark.parametrize("fields", [{}, {"content": None}, {"provider_metadata": {}}])
    def test_may_come_with_what_is_no_part_of_the_answer(self, fields: dict[str, object]) -> None:
        assert set() == broken_by(stream(ROLE, *words("one"), delta(fields, "stop"), DONE))


class TestEndMarker:
    @pytest.mark.parametrize("marker", ['"[DONE]"', "[done]", "[DONE] bye", " [DONE]"])
    def test_is_exact(self, marker: str) -> None:
        assert {"chat-stream.done-is-exact"} == broken_by(stream(ROLE, *words("one"), FINISH, marker))

    def test_is_missing_where_the_stream_just_ends(self) -> None:
        assert {ENDS} == broken_by(stream(ROLE, *words("one"), FINISH))

    @pytest.mark.parametrize("framed", ["data: [DONE]", "data: [DONE]\n", "Data: [DONE]\n\n", "[DONE]\n\n"])
    def test_framed_wrongly_is_the_fault_of_the_framing(self, framed: str) -> None:
        assert set() == broken_by(stream(ROLE, *words("one"), FINISH, raw_end=framed))

    def test_inside_the_text_is_none(self) -> None:
        assert {ENDS} == broken_by(stream(ROLE, *words("data: ", "[DONE]"), FINISH))

    def test_comes_after_everything_else(self) -> None:
        usage = record(usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})
        assert {"chat-stream.done-is-last"} == broken_by(stream(ROLE, *words("one"), FINISH, DONE, usage))

    def test_ends_the_judgement(self) -> None:
        late = {"choices": None, "error": None}
        assert {"chat-stream.done-is-last"} == broken_by(stream(ROLE, *words("one"), FINISH, DONE, late, *words("x")))

    def test_twice_is_once_too_often(self) -> None:
        assert {"chat-stream.done-is-sent-once"} == broken_by(stream(ROLE, *words("one"), FINISH, DONE, DONE))


class TestCutOff:
    @pytest.mark.parametrize("end", [End.TRUNCATED, End.RESET, End.TIMED_OUT, End.CLOSED_BY_US])
    def test_is_the_fault_of_the_connection(self, end: End) -> None:
        assert set() == broken_by(stream(ROLE, *words("one"), end=end))

    def test_by_an_event_without_its_end_is_the_fault_of_that(self) -> None:
        assert set() == broken_by(stream(ROLE, *words("one"), raw_end='data: {"id": "chatcmpl-1"}\n'))

    def test_by_a_payload_that_cannot_be_read_is_the_fault_of_that(self) -> None:
        assert set() == broken_by(stream(ROLE, *words("one"), '{"id": "chatcmpl'))

    def test_by_an_error_is_one_fault(self) -> None:
        (violation,) = violations(FAILS, stream(ROLE, *words("one"), ERROR))
        assert "an error after 2 chunks: 'The model is overloaded.'" == violation.actual
        assert {FAILS} == broken_by(stream(ROLE, *words("one"), ERROR))


class TestError:
    def test_before_the_answer_is_left_to_the_rules_on_errors(self) -> None:
        assert set() == broken_by(stream(ERROR, DONE))

    def test_is_the_end_of_the_answer(self) -> None:
        broken = broken_by(stream(ROLE, ERROR, *words("one"), FINISH, DONE))
        assert {FAILS, "chat-stream.nothing-after-error"} == broken

    @pytest.mark.parametrize("late", [FINISH, record(usage=None, moderation={}), DONE])
    def test_may_be_followed_by_the_form_of_an_end(self, late: object) -> None:
        assert "chat-stream.nothing-after-error" not in broken_by(stream(ROLE, *words("one"), ERROR, late))


class TestTable:
    @settings(max_examples=80, deadline=None)
    @given(
        texts=st.lists(st.text(max_size=8), max_size=6), reason=st.sampled_from(["stop", "length", "content_filter"])
    )
    def test_whatever_follows_the_grammar_is_sound(self, texts: list[str], reason: str) -> None:
        assert set() == broken_by(stream(ROLE, *words(*texts), delta({}, reason), DONE))

    def test_missing_parts_are_judged_on_whole_streams_only(self) -> None:
        assert not is_judged(ENDS, stream(ROLE, end=End.RESET))
        assert not is_judged(FINISH_SENT, stream(ROLE, end=End.RESET))
