"""What a call came to: words as heard, times of each turn, tools, the end; as data, as a document and as text."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from call.scripted import Answer, call, said, tool_call
from made_runs import PASSED, run
from vapi_conformance.call_record import CallEvent, CallRecord
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.report.call_result import CallResult, call_result, to_document
from vapi_conformance.report.call_text import event_line, result_lines, shortened, timeline_lines
from vapi_conformance.schema import errors

NS_PER_MS = 1_000_000
STORY = "It is a very long story about a clock that had stopped. "
BARGE_IN: Sequence[Mapping[str, object]] = [
    {"says": "Tell me."},
    {"says": "Stop.", "interrupts_after_s": 1.0, "after_s": 0.5},
]
REVISED = [{"heard": [{"at_s": 0, "text": "Two"}, {"at_s": 0.9, "text": "Two teas."}]}]


def of(record: CallRecord) -> CallResult:
    return call_result(record, [Evidence(exchange=each, call=record) for each in record.exchanges])


def played(turns: Sequence[Mapping[str, object]], *answers: Answer, **document: object) -> CallResult:
    return of(call({"turns": turns, **document}, answers))


def words(result: CallResult) -> list[tuple[str, str]]:
    return [(each.who, each.text) for each in result.transcript]


def text(result: CallResult) -> list[str]:
    return [line.text for line in result_lines(result)]


class TestTranscript:
    def test_has_both_sides_in_order(self) -> None:
        result = played(
            [{"says": "Hi."}, {"says": "Bye."}], said("Hello there."), said("Goodbye."), first_message="Ok?"
        )
        assert [
            ("assistant", "Ok?"),
            ("caller", "Hi."),
            ("assistant", "Hello there."),
            ("caller", "Bye."),
            ("assistant", "Goodbye."),
        ] == words(result)

    def test_joins_the_pieces_of_an_answer(self) -> None:
        result = played([{"says": "Tell me."}], said(STORY * 3))
        assert ("assistant", (STORY * 3).strip()) == words(result)[1]
        assert (100 * NS_PER_MS, 1100 * NS_PER_MS) == (
            result.transcript[1].at_ns - result.transcript[0].at_ns,
            result.transcript[1].at_ns,
        )

    def test_of_an_interrupted_answer_holds_what_was_spoken(self) -> None:
        result = played(BARGE_IN, said(STORY * 2), said("Ok."))
        assert [
            ("caller", "Tell me."),
            ("assistant", "It is a very"),
            ("caller", "Stop."),
            ("assistant", "Ok."),
        ] == words(result)
        assert [False, True, False, False] == [each.cut for each in result.transcript]

    def test_has_the_words_as_the_transcriber_left_them(self) -> None:
        assert [("caller", "Two teas."), ("assistant", "Coming.")] == words(played(REVISED, said("Coming.")))

    def test_keeps_both_where_something_was_said_between(self) -> None:
        """An answer that was heard before the words changed was heard all the same."""
        record = call({"turns": [{"says": "Two."}, {"says": "Two teas."}]}, [said("Two what?"), said("Coming.")])
        first, second = record.requests
        again = replace(record, requests=(first, replace(second, turn=1, number=1, why="heard-again")))
        assert ["caller", "assistant", "caller", "assistant"] == [each.who for each in of(again).transcript]

    def test_tells_the_keypad_apart(self) -> None:
        assert ("keypad", "User's Keypad Entry: 12#") == words(played([{"keypad": "12#"}], said("Thanks.")))[0]

    def test_costs_no_more_than_the_call_is_long(self) -> None:
        """Pieces are joined once; adding each to all before it took minutes for a stored call of this size."""
        record = call({"turns": [{"says": "Hi."}]}, [said("Yes?")])
        piece = CallEvent(at_ns=10**10, kind="speech", text="x" * 100, until_ns=10**10, exchange=0)
        assert 50_000 * 101 < len(of(replace(record, events=(*record.events, *[piece] * 50_000))).transcript[-1].text)


class TestTurns:
    def test_have_the_times_that_the_caller_waited(self) -> None:
        (times,) = played(
            [{"says": "Hi."}], said("Hello there, how can I help you today? And", at_ms=200, over_ms=9000)
        ).turns
        assert (1, "Hi.", 1, 0) == (times.turn, times.text, times.requests, times.superseded)
        assert (200 * NS_PER_MS, 200 * NS_PER_MS) == (times.ttft_ns, times.ttfs_ns)
        # 38 characters take 2.53 s; the rest is spoken when the answer is over, after 9 s.
        assert 9001 - 200 - 2534 == (times.dead_air_ns or 0) // NS_PER_MS

    def test_count_from_the_last_words(self) -> None:
        (times,) = played(REVISED, said("What?", at_ms=2000), said("Coming.", at_ms=300)).turns
        assert (2, 1, 300 * NS_PER_MS) == (times.requests, times.superseded, times.ttft_ns)
        assert 301 * NS_PER_MS == times.ttfs_ns

    def test_with_tools_count_until_something_is_heard(self) -> None:
        tools = [{"name": "get_weather", "returns": "Rain.", "after_s": 2.0}]
        (times,) = played(
            [{"says": "Weather?"}], tool_call(("1", "get_weather", "{}")), said("Rain."), tools=tools
        ).turns
        assert (2, 100 * NS_PER_MS, 2202 * NS_PER_MS) == (times.requests, times.ttft_ns, times.ttfs_ns)

    def test_with_a_filler_are_heard_sooner(self) -> None:
        tools = [{"name": "get_weather", "returns": "Rain.", "after_s": 3.0, "filler": "Just a sec."}]
        (times,) = played(
            [{"says": "Weather?"}], tool_call(("1", "get_weather", "{}")), said("Rain."), tools=tools
        ).turns
        assert 101 * NS_PER_MS == times.ttfs_ns
        assert 3000 - 734 + 101 == (times.dead_air_ns or 0) // NS_PER_MS

    def test_of_an_idle_message_are_nobodys(self) -> None:
        idle = {"message": "Still there?", "after_s": 10}
        result = played([{"says": "Hi."}, {"silence_s": 15}], said("Yes?"), idle=idle)
        assert [0] == [each.dead_air_ns for each in result.turns]

    def test_without_an_answer_have_none(self) -> None:
        (times,) = played([{"says": "Hi."}], said("")).turns
        assert (None, None, None, True) == (times.ttft_ns, times.ttfs_ns, times.dead_air_ns, times.hang)

    def test_say_that_they_were_interrupted(self) -> None:
        assert [True, False] == [each.interrupted for each in played(BARGE_IN, said(STORY * 2), said("Ok.")).turns]

    def test_a_greeting_is_turn_zero(self) -> None:
        mode = "assistant-speaks-first-with-model-generated-message"
        assert [0, 1] == [
            each.turn for each in played([{"says": "Hi."}], said("Welcome."), first_message_mode=mode).turns
        ]


class TestEnd:
    def test_is_as_expected_or_not(self) -> None:
        assert played([{"says": "Hi."}], said("Yes?")).is_as_expected
        failed = played([{"says": "Hi."}], Answer(status=500))
        assert not failed.is_as_expected
        assert of(replace(failed.record, expects_ended=())).is_as_expected

    def test_is_told_with_both_spellings_and_how_sure_it_is(self) -> None:
        sentence, reasons = text(played([{"says": "Hi."}], Answer(status=500)))[-3:-1]
        assert sentence.startswith("ended after 1.01 s: Vapi takes HTTP 500 as a failure of the model")
        newer = "call.in-progress.error-providerfault-custom-llm-500-server-error"
        assert f"  endedReason pipeline-error-custom-llm-500-server-error or {newer} (documented)" == reasons

    def test_says_what_was_expected(self) -> None:
        assert "  expected customer-ended-call" == text(played([{"says": "Hi."}], Answer(status=500)))[-1]


class TestDocument:
    @pytest.mark.parametrize("answers", [[said(STORY * 2), said("Ok.")], [said("")], [Answer(status=500)]])
    def test_follows_its_schema(self, answers: Sequence[Answer]) -> None:
        document = to_document([played(BARGE_IN, *answers)], run(PASSED))
        assert () == errors("harness/call-result", document)

    def test_says_what_the_text_says(self) -> None:
        tools = [{"name": "get_weather", "returns": "Rain.", "after_s": 2.0}]
        result = played([{"says": "Weather?"}], tool_call(("1", "get_weather", "{}")), said("It rains."), tools=tools)
        (made,) = array_or_nothing(to_document([result], run(PASSED))["calls"])
        document = object_or_nothing(made)
        assert document["tools"] == [
            {
                "name": "get_weather",
                "arguments": "{}",
                "result": "Rain.",
                "started_ms": 1101.0,
                "ended_ms": 3101.0,
                "superseded": False,
            }
        ]
        assert "get_weather({}): Rain. after 2.00 s" in text(result)[-3]
        assert ["customer-ended-call"] == object_or_nothing(document["ended"])["reasons"]


class TestTimeline:
    def test_tells_a_call_line_by_line(self) -> None:
        record = call({"turns": BARGE_IN}, [said(STORY * 2), said("Ok.")])
        assert [line.text for line in timeline_lines(record.events)] == [
            "    1.00 s  caller     Tell me.",
            "    1.00 s  vapi       (asks the model)",
            "    1.10 s  assistant  It is a very long story about a clock that had stopped.",
            "    2.10 s  caller     -- interrupts; heard so far: It is a very",
            "    2.60 s  caller     Stop.",
            "    2.60 s  vapi       (asks the model)",
            "    2.70 s  assistant  Ok.",
            "    3.90 s  vapi       the call is over: customer-ended-call",
        ]

    @pytest.mark.parametrize(
        ("event", "told"),
        [
            (CallEvent(at_ns=0, kind="tool", text="f {}"), "tool       -> f {}"),
            (CallEvent(at_ns=0, kind="tool-result", text="f: {0} % %s"), "tool       <- f: {0} % %s"),
            (CallEvent(at_ns=0, kind="cut"), "caller     -- interrupts; heard so far: (nothing)"),
            (CallEvent(at_ns=0, kind="hang"), "vapi       ... hang: five seconds without speech"),
            (
                CallEvent(at_ns=0, kind="closed", text="superseded"),
                "vapi       (closes the connection: the caller's words have changed)",
            ),
        ],
    )
    def test_of_each_kind(self, event: CallEvent, told: str) -> None:
        line = event_line(event)
        assert line is not None
        assert f"    0.00 s  {told}" == line.text

    def test_of_a_book_shows_the_beginning(self) -> None:
        assert "xxx... (1,000,000 characters)" == shortened("x" * 1_000_000, 3)
        line = event_line(CallEvent(at_ns=0, kind="speech", text="x" * 1_000_000))
        assert line is not None
        assert 500 > len(line.text)
