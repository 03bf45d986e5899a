"""What Vapi does next: turns, re-sent turns, tools, interruptions, silences, hand-offs and endings, in virtual time."""

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar, cast

import pytest

from call.scripted import Answer, Body, call, calls_of, events, messages_of, said, sent, told, tool_call
from timed_answers import DONE, chunk, words
from vapi_conformance.call.hearing import LONGEST_ARGUMENTS, MOST_CALLS
from vapi_conformance.call.player import MOST_ROUNDS
from vapi_conformance.call.voice import MOST_CHARACTERS
from vapi_conformance.exchange import End
from vapi_conformance.platforms.vapi import NO_RESULT, STILL_PENDING, SUCCESS

HELLO = {"first_message": "Hello."}
ONE_TURN = {"turns": [{"says": "Hi."}]}
WEATHER = {"name": "get_weather", "returns": "Fourteen degrees.", "after_s": 2.0}
LONG = "It is a very long story about a clock that had stopped. "
Call = tuple[str, str, str]
SPOKEN = "pipeline-error-custom-llm-"


class TestTurns:
    def test_begin_with_what_the_assistant_says_first(self) -> None:
        record = call({**HELLO, **ONE_TURN}, [said("Good morning.")])
        assert [[("assistant", "Hello."), ("user", "Hi.")]] == sent(record)
        assert ["Hello.", "Good morning."] == told(record, "speech")

    def test_wait_for_the_caller_without_it(self) -> None:
        assert [[("user", "Hi.")]] == sent(call(ONE_TURN, [said("Good morning.")]))

    def test_ask_the_model_for_a_greeting(self) -> None:
        mode = {"first_message_mode": "assistant-speaks-first-with-model-generated-message"}
        record = call({**mode, "turns": [{"says": "Hi."}]}, [said("Welcome."), said("Yes?")])
        assert [[], [("assistant", "Welcome."), ("user", "Hi.")]] == sent(record)
        assert ["greeting", "heard"] == [each.why for each in record.requests]
        assert [(0, 0), (1, 0)] == [(each.turn, each.number) for each in record.requests]

    def test_follow_the_answer_after_a_pause(self) -> None:
        """15 characters a second: 45 characters take three seconds, then the caller waits one."""
        record = call({"turns": [{"says": "Hi."}, {"says": "And then?", "after_s": 1.0}]}, [said("x" * 45, at_ms=200)])
        # The piece without a boundary waits for the end of the answer, a millisecond later.
        assert [(1000, "transcript", "Hi."), (5201, "transcript", "And then?")] == [
            (at, kind, text) for at, kind, text in events(record, "transcript")
        ]

    def test_come_at_a_time_of_the_call_but_not_into_an_answer(self) -> None:
        turns = [{"says": "Hi.", "at_s": 2.5}, {"says": "And?", "at_s": 4.0}, {"says": "Then.", "at_s": 9.0}]
        record = call({"turns": turns}, [said("x" * 45, at_ms=200), said("Yes.")])
        assert [2500, 5701, 9000] == [at for at, _, _ in events(record, "transcript")]

    def test_carry_the_history_on(self) -> None:
        record = call({"turns": [{"says": "One."}, {"says": "Two."}]}, [said("First."), said("Second.")])
        assert [("user", "One."), ("assistant", "First."), ("user", "Two.")] == sent(record)[1]

    def test_of_a_caller_who_got_no_answer_are_one_message(self) -> None:
        record = call({"turns": [{"says": "One."}, {"says": "Two."}]}, [said(""), said("Second.")])
        assert [[("user", "One.")], [("user", "One. Two.")]] == sent(record)
        assert ["silence", "hang"] == [kind for _, kind, _ in events(record, "silence", "hang")]

    def test_have_no_more_of_an_answer_in_their_history_than_anybody_listens_to(self) -> None:
        record = call({"turns": [{"says": "One."}, {"says": "Two."}]}, [said("word " * MOST_CHARACTERS), said("Yes.")])
        (answer,) = (text for role, text in sent(record)[1] if role == "assistant")
        assert MOST_CHARACTERS // 2 < len(answer) <= MOST_CHARACTERS

    def test_by_keypad_tell_the_digits(self) -> None:
        assert [[("user", "User's Keypad Entry: 12#")]] == sent(call({"turns": [{"keypad": "12#"}]}, [said("Thanks.")]))

    def test_carry_word_level_confidence_and_keep_it(self) -> None:
        turns = [{"says": "Hi there.", "confidence": True}, {"says": "Bye.", "confidence": True}]
        record = call({"turns": turns}, [said("Yes?")])
        metadata = [[each.get("metadata") for each in messages_of(exchange)[1:]] for exchange in record.exchanges]
        assert metadata[0] == metadata[1][:1]
        assert [True, False, True] == [isinstance(each, dict) and "wordLevelConfidence" in each for each in metadata[1]]

    def test_edit_an_earlier_one(self) -> None:
        turns = [{"says": "One."}, {"says": "Two.", "edits": [{"turn": 1, "text": "Won."}]}]
        record = call({"turns": turns}, [said("First."), said("Second.")])
        assert [("user", "Won."), ("assistant", "First."), ("user", "Two.")] == sent(record)[1]
        assert ["Won."] == told(record, "edit")

    def test_end_when_the_caller_hangs_up(self) -> None:
        record = call(ONE_TURN, [said("Bye.")])
        assert (("customer-ended-call",), "caller", "documented") == (
            record.ended.reasons,
            record.ended.by,
            record.ended.sureness,
        )


class TestTheSameTurnAgain:
    TURN: ClassVar = {"turns": [{"heard": [{"at_s": 0, "text": "I like"}, {"at_s": 0.9, "text": "I like ice."}]}]}

    def test_supersedes_the_answer_under_way(self) -> None:
        record = call(self.TURN, [said("What?", at_ms=500, over_ms=3000), said("Me too.")])
        assert [[("user", "I like")], [("user", "I like ice.")]] == sent(record)
        assert ["superseded", None] == [each.closed for each in record.requests]
        assert ["Me too."] == told(record, "speech")
        assert 900_000_000 == record.requests[1].at_ns - record.requests[0].at_ns
        assert ["anything", "answer"] == [each.label.expects for each in record.exchanges if each.label]

    def test_drops_an_answer_that_was_complete(self) -> None:
        record = call(self.TURN, [said("What?"), said("Me too.")])
        assert [None, None] == [each.closed for each in record.requests]
        assert [("user", "I like ice.")] == sent(record)[1]
        assert ["Me too."] == told(record, "speech")

    def test_counts_in_the_metadata(self) -> None:
        record = call(self.TURN, [said("What?", at_ms=500, over_ms=3000), said("Me too.")])
        assert [(0, False), (1, True)] == [_counters(exchange.request.body) for exchange in record.exchanges]

    def test_counts_while_a_tool_runs(self) -> None:
        asks = tool_call(("call_1", "get_weather", "{}"))
        record = call({"tools": [WEATHER], **self.TURN}, [asks, said("Me too.")])
        assert [(0, False), (1, True)] == [_counters(exchange.request.body) for exchange in record.exchanges]

    def test_forgives_an_error_that_a_newer_request_replaces(self) -> None:
        """Four answers with status 500 on superseded requests did not end a recorded call."""
        record = call(self.TURN, [Answer(status=500), said("Me too.")])
        assert ("customer-ended-call",) == record.ended.reasons


def _counters(body: bytes | None) -> tuple[object, object]:
    metadata = json.loads(body or b"{}")["metadata"]
    return metadata["numModelRequestInTurn"], metadata["assistantTurnInterrupted"]


class TestBargeIn:
    TURNS: ClassVar = {"turns": [{"says": "Tell me."}, {"says": "Stop.", "interrupts_after_s": 1.0, "after_s": 0.5}]}

    def test_closes_the_connection_and_keeps_what_was_spoken(self) -> None:
        story = Answer(events=[(100, words(LONG)), (5000, words(LONG)), (9000, chunk({}, "stop") + DONE)])
        record = call(self.TURNS, [story, said("Yes?")])
        assert ["barge-in", None] == [each.closed for each in record.requests]
        assert [("user", "Tell me."), ("assistant", "It is a very"), ("user", "Stop.")] == sent(record)[1]
        assert 1_600_000_000 == record.requests[1].at_ns - record.requests[0].at_ns

    def test_cuts_an_answer_that_had_come_whole(self) -> None:
        record = call(self.TURNS, [said(LONG * 3), said("Yes?")])
        assert [None, None] == [each.closed for each in record.requests]
        assert [("user", "Tell me."), ("assistant", "It is a very"), ("user", "Stop.")] == sent(record)[1]
        assert ["It is a very"] == told(record, "cut")

    def test_of_an_answer_that_was_over_is_an_ordinary_turn(self) -> None:
        record = call(self.TURNS, [said("No."), said("Yes?")])
        assert [] == told(record, "cut")
        assert [("user", "Tell me."), ("assistant", "No."), ("user", "Stop.")] == sent(record)[1]


class TestTools:
    SCENARIO: ClassVar = {"tools": [WEATHER], "turns": [{"says": "The weather, please."}]}
    ASKS = tool_call(("call_1", "get_weather", '{"city": "Bath"}'))

    def test_go_with_text_that_is_no_unicode_as_javascript_writes_it(self) -> None:
        asks = tool_call(("call_\ud800", "get_weather", '{"city": "\udfff"}'), beside="One \ud83d moment.")
        record = call(self.SCENARIO, [asks, said("Four \udc00.")])
        assert r'"tool_call_id":"call_\ud800"' in (record.exchanges[1].request.body or b"").decode()
        assert [("user", "The weather, please."), ("assistant", "One \ud83d moment. + get_weather")] == sent(record)[1][
            :2
        ]

    @pytest.mark.parametrize(
        ("calls", "run"),
        [
            ([("c", "get_weather", "{}")] * 3000, MOST_CALLS),
            ([("c", "get_weather", '{"a": "' + "x" * (LONGEST_ARGUMENTS // 2) + '"}')] * 3, 1),
            ([("c", "get_weather", "{}"), ("d", "get_weather", '{"a": "' + "x" * LONGEST_ARGUMENTS + '"}')], 1),
        ],
        ids=["many", "long-together", "long-alone"],
    )
    def test_are_no_more_in_one_answer_than_a_call_can_carry(self, calls: Sequence[Call], run: int) -> None:
        numbered = [(f"{call_id}{at}", name, arguments) for at, (call_id, name, arguments) in enumerate(calls)]
        record = call(self.SCENARIO, [tool_call(*numbered), said("Fourteen.")])
        assert run == len(record.tools)
        assert run == sum(role == "tool" for role, _ in sent(record)[1])
        (told_once,) = told(record, "silence")
        assert told_once.startswith(f"Of {len(calls):,} tool calls in the answer {run} are run")

    def test_that_a_call_cannot_carry_at_all_are_lost(self) -> None:
        asks = tool_call(("c", "get_weather", '{"a": "' + "x" * LONGEST_ARGUMENTS + '"}'))
        record = call(self.SCENARIO, [asks])
        assert (1, ()) == (len(record.requests), record.tools)
        assert told(record, "silence")[0].startswith("Of 1 tool calls in the answer 0 are run")

    def test_run_and_their_results_come_back(self) -> None:
        record = call(self.SCENARIO, [self.ASKS, said("Fourteen.")])
        assert [("user", "The weather, please."), ("assistant", "get_weather"), ("tool", "Fourteen degrees.")] == sent(
            record
        )[1]
        assert {"role", "tool_calls"} == set(messages_of(record.exchanges[1])[-2])
        assert ["heard", "tool-results"] == [each.why for each in record.requests]
        assert [("get_weather", "Fourteen degrees.")] == [(each.name, each.result) for each in record.tools]
        assert 2_000_000_000 == (record.tools[0].ended_ns or 0) - record.tools[0].started_ns

    @pytest.mark.parametrize(
        ("changes", "result"),
        [({"fails": True}, NO_RESULT), ({"async": True}, SUCCESS), ({"returns": ""}, SUCCESS)],
    )
    def test_without_a_result_leave_a_placeholder(self, changes: Mapping[str, object], result: str) -> None:
        record = call({**self.SCENARIO, "tools": [{**WEATHER, **changes}]}, [self.ASKS, said("I see.")])
        assert ("tool", result) == sent(record)[1][-1]

    @pytest.mark.parametrize(
        ("beside", "filler", "content"),
        [("", "Just a sec.", "Just a sec."), ("Let me look.", "Just a sec.", "Let me look."), ("", None, "")],
    )
    def test_leave_what_was_said_meanwhile_beside_the_calls(
        self, beside: str, filler: str | None, content: str
    ) -> None:
        tool = WEATHER if filler is None else {**WEATHER, "filler": filler}
        asks = tool_call(("call_1", "get_weather", "{}"), beside=beside)
        record = call({**self.SCENARIO, "tools": [tool]}, [asks, said("Fourteen.")])
        assert content == messages_of(record.exchanges[1])[-2].get("content", "")

    def test_in_parallel_are_awaited_together(self) -> None:
        slower = {"name": "read_clock", "returns": "Noon.", "after_s": 5.0}
        asks = tool_call(("a", "get_weather", "{}"), ("b", "read_clock", "{}"))
        record = call({**self.SCENARIO, "tools": [WEATHER, slower]}, [asks, said("So.")])
        assert [("tool", "Fourteen degrees."), ("tool", "Noon.")] == sent(record)[1][-2:]
        assert 2 == len(record.exchanges)
        assert 5_000_000_000 < record.requests[1].at_ns - record.requests[0].at_ns

    def test_that_were_not_offered_are_lost(self) -> None:
        record = call(ONE_TURN, [self.ASKS])
        assert () == record.tools
        assert ["silence"] == [kind for _, kind, _ in events(record, "silence")]

    def test_of_a_superseded_request_stay_executed(self) -> None:
        """The caller's words change while the tool runs: the text further back is edited, the result stays."""
        turn = {"heard": [{"at_s": 0, "text": "The weather"}, {"at_s": 0.9, "text": "The weather, please."}]}
        record = call({"tools": [WEATHER], "turns": [turn]}, [self.ASKS, said("One moment.")])
        assert [
            [("user", "The weather")],
            [("user", "The weather, please."), ("assistant", "get_weather"), ("tool", STILL_PENDING)],
        ] == sent(record)
        assert [True] == [each.superseded for each in record.tools]

    def test_under_way_when_the_caller_speaks_are_still_pending(self) -> None:
        """Their result is in the history one turn later, and nobody asks for it before."""
        turns = [
            {"says": "The weather."},
            {"says": "Hurry.", "interrupts_after_s": 0.5, "after_s": 0.2},
            {"says": "And now?", "after_s": 5},
        ]
        record = call({"tools": [WEATHER], "turns": turns}, [self.ASKS, said("Soon."), said("Fourteen.")])
        before = [("user", "The weather."), ("assistant", "get_weather")]
        assert [
            [("user", "The weather.")],
            [*before, ("tool", STILL_PENDING), ("user", "Hurry.")],
            [*before, ("tool", "Fourteen degrees."), ("user", "Hurry."), ("assistant", "Soon."), ("user", "And now?")],
        ] == sent(record)

    def test_without_end_are_given_up(self) -> None:
        record = call(self.SCENARIO, [self.ASKS])
        assert MOST_ROUNDS + 1 == len(record.exchanges)
        assert [f"tools were called {MOST_ROUNDS + 1} times in a row"] == told(record, "silence")

    def test_are_tried_again_until_those_expected_ran(self) -> None:
        document = {**self.SCENARIO, "tries": 3, "expects": {"tools": ["get_weather"]}}
        records = calls_of(document, [said("No."), self.ASKS, said("Fourteen.")])
        assert [(), ("get_weather",)] == [tuple(tool.name for tool in each.tools) for each in records]
        assert 2 == len({each.call_id for each in records})

    def test_first_sentence_of_the_answer_is_merged_into_the_call(self) -> None:
        """In the next turn, however often that is asked, and from then on."""
        again = {"heard": [{"at_s": 0, "text": "Than"}, {"at_s": 0.5, "text": "Thanks."}]}
        turns = [{"says": "The weather."}, again, {"says": "Bye."}]
        answers = [self.ASKS, said("Fourteen. Take a coat."), said("Yes.")]
        record = call({"merges_answers": True, "tools": [WEATHER], "turns": turns}, answers)
        merged = [
            ("user", "The weather."),
            ("assistant", "Fourteen. + get_weather"),
            ("tool", "Fourteen degrees."),
            ("assistant", "Take a coat."),
        ]
        assert [
            [*merged, ("user", "Than")],
            [*merged, ("user", "Thanks.")],
            [*merged, ("user", "Thanks."), ("assistant", "Yes."), ("user", "Bye.")],
        ] == sent(record)[2:]


class TestWebhookTools:
    def test_are_posted_and_read_as_vapi_reads_them(self) -> None:
        tool = {"name": "book_table", "run_by": "webhook"}
        asks = tool_call(("call_1", "book_table", '{"seats": 2}'))
        answer = Answer(document={"results": [{"toolCallId": "call_1", "result": "Booked."}]})
        record = call({"tools": [tool], "turns": [{"says": "Book."}]}, [asks, answer, said("Done.")])
        assert ("tool", "Booked.") == sent(record)[1][-1]
        (posted,) = record.webhooks
        assert "http://endpoint.example/v1/chat/completions/custom-tool" == posted.request.url
        assert b'"toolWithToolCallList"' in (posted.request.body or b"")

    def test_with_a_useless_answer_have_no_result(self) -> None:
        tool = {"name": "book_table", "run_by": "webhook"}
        asks = tool_call(("call_1", "book_table", "{}"))
        record = call({"tools": [tool], "turns": [{"says": "Book."}]}, [asks, Answer(document=[]), said("Sorry.")])
        assert ("tool", NO_RESULT) == sent(record)[1][-1]
        assert [f"book_table: {NO_RESULT} (the body is no JSON object)"] == told(record, "tool-result")


class TestSpecialTools:
    SQUAD: ClassVar = [{"name": "Billing", "system": "You are billing."}]

    def test_end_call_ends_the_call_when_all_is_said(self) -> None:
        asks = tool_call(("e", "endCall", "{}"), beside="Goodbye and thank you for calling.")
        record = call({"tools": [{"name": "endCall"}], **ONE_TURN}, [asks])
        assert (("assistant-ended-call",), "assistant") == (record.ended.reasons, record.ended.by)
        speech = [event for event in record.events if event.kind == "speech"]
        assert record.ended.at_ns == speech[-1].until_ns

    def test_transfer_to_an_offered_number(self) -> None:
        tools = [{"name": "transferCall", "destinations": ["+15550100002"]}]
        record = call(
            {"tools": tools, **ONE_TURN}, [tool_call(("t", "transferCall", '{"destination":"+15550100002"}'))]
        )
        assert ("assistant-forwarded-call",) == record.ended.reasons

    def test_transfer_to_an_unknown_place_fails(self) -> None:
        tools = [{"name": "transferCall", "destinations": ["+15550100002"]}]
        asks = tool_call(("t", "transferCall", '{"destination":"+15550100003"}'))
        record = call({"tools": tools, **ONE_TURN}, [asks, said("Sorry.")])
        assert ("tool", NO_RESULT) == sent(record)[1][-1]
        assert ("customer-ended-call",) == record.ended.reasons

    @pytest.mark.parametrize(
        ("tool", "name", "arguments"),
        [
            ({"name": "transferCall", "destinations": ["Billing"]}, "transferCall", '{"destination": "billing"}'),
            ({"name": "handoff_to_Billing"}, "handoff_to_Billing", "{}"),
        ],
    )
    def test_hand_the_call_to_a_member_of_the_squad(
        self, tool: Mapping[str, object], name: str, arguments: str
    ) -> None:
        scenario = {"tools": [tool], "squad": self.SQUAD, "system": "You are reception.", **ONE_TURN}
        record = call(scenario, [tool_call(("h", name, arguments)), said("Billing here.")])
        assert ["You are reception.", "You are billing."] == [
            messages_of(exchange)[0]["content"] for exchange in record.exchanges
        ]
        assert ["heard", "hand-off"] == [each.why for each in record.requests]
        assert ["Billing"] == told(record, "hand-off")
        assert ["Billing here."] == told(record, "speech")

    def test_hand_overs_without_end_are_given_up(self) -> None:
        scenario = {"tools": [{"name": "handoff_to_Billing"}], "squad": self.SQUAD, **ONE_TURN}
        record = call(scenario, [tool_call(("h", "handoff_to_Billing", "{}"))])
        assert MOST_ROUNDS + 1 == len(record.exchanges)
        assert [f"the call was handed over {MOST_ROUNDS + 1} times"] == told(record, "silence")
        assert ("customer-ended-call",) == record.ended.reasons

    def test_a_member_with_a_first_message_says_it(self) -> None:
        squad = [{**self.SQUAD[0], "first_message": "Billing, hello."}]
        scenario = {"tools": [{"name": "handoff_to_Billing"}], "squad": squad, **ONE_TURN}
        record = call(scenario, [tool_call(("h", "handoff_to_Billing", "{}"))])
        assert (1, ["Billing, hello."]) == (len(record.exchanges), told(record, "speech"))


class TestSilence:
    IDLE: ClassVar = {"idle": {"message": "Still there?", "after_s": 10, "most": 2}}

    def test_idle_messages_are_spoken_into_it(self) -> None:
        record = call({**HELLO, **self.IDLE, "turns": [{"silence_s": 25}, {"says": "Yes."}]}, [said("Good.")])
        assert ["Hello.", "Still there?", "Still there?", "Good."] == told(record, "speech")
        assert [("assistant", "Hello."), *2 * [("assistant", "Still there?")], ("user", "Yes.")] == sent(record)[0]

    def test_the_call_ends_after_too_much_of_it(self) -> None:
        record = call({**HELLO, **self.IDLE, "turns": [{"silence_s": 31}, {"says": "Yes."}]}, [said("Good.")])
        assert (("silence-timed-out",), "platform") == (record.ended.reasons, record.ended.by)
        assert () == record.exchanges
        assert 30_400_000_000 == record.ended.at_ns

    def test_an_end_call_phrase_ends_the_call(self) -> None:
        scenario = {"end_call_phrases": ["have a nice day"], **ONE_TURN}
        record = call(scenario, [said("Done. Have a nice day!")])
        assert ("assistant-said-end-call-phrase",) == record.ended.reasons


NEWER = "call.in-progress.error-"


class TestTheEndpointEndsTheCall:
    @pytest.mark.parametrize(
        ("status", "legacy", "newer", "sureness"),
        [
            (400, "400-bad-request-validation-failed", "vapifault", "documented"),
            (401, "401-unauthorized", "vapifault", "documented"),
            (403, "403-model-access-denied", "vapifault", "documented"),
            (429, "429-exceeded-quota", "vapifault", "documented"),
            (500, "500-server-error", "providerfault", "documented"),
            (503, "503-server-overloaded-error", "providerfault", "documented"),
            (402, "llm-failed", "providerfault", "observed"),
            (404, "llm-failed", "providerfault", "inferred"),
            (418, "llm-failed", "providerfault", "inferred"),
            (502, "llm-failed", "providerfault", "inferred"),
        ],
    )
    def test_by_a_status(self, status: int, legacy: str, newer: str, sureness: str) -> None:
        record = call(ONE_TURN, [Answer(status=status, document={"error": {"message": "No."}})])
        assert (f"{SPOKEN}{legacy}", f"{NEWER}{newer}-custom-llm-{legacy}") == record.ended.reasons
        assert ("endpoint", sureness) == (record.ended.by, record.ended.sureness)

    @pytest.mark.parametrize(
        "answers",
        [
            [Answer(end=End.NO_RESPONSE, error="Connection refused")],
            [Answer(end=End.TIMED_OUT, error="no byte for 25 s", end_ms=25_000)],
            [said("Late.", at_ms=20_500)],
            [Answer(events=[(10, "data: {no json\n\n")])],
            [Answer(events=[(10, 'data: {"function_call": {"name": "transferCall"}}\n\n' + DONE)])],
            [Answer(events=[(10, words("Half a")), (20, 'data: {"error": {"message": "overloaded"}}\n\n')])],
        ],
        ids=["refused", "timed-out", "after the timeout", "malformed", "no choices", "error in the stream"],
    )
    def test_by_failing(self, answers: Sequence[Answer]) -> None:
        record = call(ONE_TURN, answers)
        assert (f"{SPOKEN}llm-failed", f"{NEWER}providerfault-custom-llm-llm-failed") == record.ended.reasons
        assert "observed" == record.ended.sureness

    def test_not_at_all_if_nobody_says_a_word(self) -> None:
        """A call of which nothing was typed is kept so by `--save`."""
        record = call({"first_message": "Hello.", "turns": []}, [])
        assert (("customer-ended-call",), 0) == (record.ended.reasons, len(record.exchanges))

    @pytest.mark.parametrize(
        ("answer", "ended_ms", "said_first"),
        [
            (Answer(events=[(5000, ": ping\n\n"), (10_000, ": ping\n\n")], end_ms=90_000), 20_000, []),
            (Answer(events=[(1000, words(LONG))], end_ms=90_000), 21_000, [LONG.strip()]),
        ],
        ids=["never a token", "no further token"],
    )
    def test_at_the_moment_when_vapi_gives_up(self, answer: Answer, ended_ms: int, said_first: list[str]) -> None:
        """Whatever else comes over the wire: comments keep no call alive."""
        record = call({"turns": [{"says": "Hi.", "after_s": 0}]}, [answer])
        assert ended_ms == record.ended.at_ns // 1_000_000
        assert ("timeout", said_first) == (record.requests[0].closed, told(record, "speech"))
        assert f"{SPOKEN}llm-failed" == record.ended.reasons[0]
        assert [] == said_first or [] == told(record, "hang")

    def test_and_no_further_turn_is_played(self) -> None:
        record = call({"turns": [{"says": "One."}, {"says": "Two."}]}, [Answer(status=500)])
        assert 1 == len(record.exchanges)

    def test_but_not_by_a_first_token_in_time(self) -> None:
        record = call(ONE_TURN, [said("Just in time.", at_ms=19_500)])
        assert ("customer-ended-call",) == record.ended.reasons
        assert ["hang"] == [kind for _, kind, _ in events(record, "hang")]


class TestAttempts:
    DOCUMENT: ClassVar = {"tries": 3, "expects": {"words": ["pear tree", "at six"]}, "turns": [{"says": "Hi."}]}

    def test_end_with_the_first_in_which_the_words_are_heard(self) -> None:
        answers = [said("I would rather not."), said("A Pear-tree? At six!"), said("Never asked.")]
        assert 2 == len(calls_of(self.DOCUMENT, answers))

    def test_end_when_there_were_enough(self) -> None:
        assert 3 == len(calls_of(self.DOCUMENT, [said("A pear tree at sixteen.")]))

    def test_are_one_where_nothing_is_expected(self) -> None:
        assert 1 == len(calls_of({**self.DOCUMENT, "expects": {"ended": ["customer-ended-call"]}}, [said("No.")]))


class TestCallers:
    def test_at_once_have_words_and_ids_of_their_own(self) -> None:
        document = {"callers": 16, "turns": [{"says": "Say exactly: canary {word}"}]}

        def repeats(body: Body) -> Answer:
            last = cast("list[Body]", body["messages"])[-1]
            return said(str(last["content"]).removeprefix("Say exactly: "))

        records = calls_of(document, repeats)
        assert 16 == len({each.call_id for each in records}) == len({each.word for each in records})
        assert [f"canary {each.word}" for each in records] == [told(each, "speech")[0] for each in records]
        assert {tuple(each.word for each in records)} == {each.words for each in records}

    def test_are_made_up_the_same_each_time(self) -> None:
        document = {"locale": "en_GB", "turns": [{"says": "I am {name} from {city}."}]}
        first, second = (call(document, [said("Hello.")]) for _ in range(2))
        assert first == second
        assert "{" not in sent(first)[0][0][1]
        assert first.caller_data[0].startswith("+447700900")
