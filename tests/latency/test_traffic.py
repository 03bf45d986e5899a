"""What is sent as load: calls of their own, histories that grow, and an end whatever the endpoint says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from latency.samples import answered
from timed_answers import DONE, chunk, streamed
from vapi_conformance.call_scenario import CallScenario, all_call_scenarios, call_scenario
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange, Response
from vapi_conformance.latency.engine import Prepared
from vapi_conformance.latency.traffic import SingleTurns, WholeCalls, most_requests_of
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.platforms.direct import Direct
from vapi_conformance.platforms.vapi import Platform
from vapi_conformance.problems import UsageError

URL = "http://127.0.0.1:1/v1"
VAPI = Platform.from_files(base_url=URL, seed=7)
TWO_TURNS: Mapping[str, object] = {
    "call": "two",
    "about": "Two turns.",
    "system": "You sell bread.",
    "first_message": "The bakery, hello?",
    "turns": [{"says": "Is there rye bread?"}, {"silence_s": 2}, {"says": "I take two.", "after_s": 1.5}],
}
TOOL: Mapping[str, object] = {"name": "checkStock", "description": "Bread left.", "returns": "4 loaves", "after_s": 2}
BY_TOOL = {**TWO_TURNS, "tools": [TOOL]}


def body(request: Prepared) -> Mapping[str, object]:
    parsed: object = json.loads(request.body)
    return object_or_nothing(parsed)


def told(request: Prepared) -> list[tuple[object, object]]:
    """Role and content of each message."""
    messages = map(object_or_nothing, array_or_nothing(body(request)["messages"]))
    return [(each["role"], each.get("content")) for each in messages]


def call_id(request: Prepared) -> object:
    return object_or_nothing(body(request)["call"])["id"]


def answer(*texts: str) -> Evidence:
    return Evidence(exchange=answered(*((20.0 + 10 * at, text) for at, text in enumerate(texts))))


def calling(*names: str, arguments: str = "{}") -> Evidence:
    calls = [
        {"index": at, "id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for at, name in enumerate(names)
    ]
    return Evidence(exchange=streamed((10.0, chunk({"tool_calls": calls})), (20.0, chunk({}, "tool_calls") + DONE)))


def calls(document: Mapping[str, object] = TWO_TURNS, *, is_real_time: bool = False) -> WholeCalls:
    return WholeCalls(platform=VAPI, scenario=call_scenario(document), is_real_time=is_real_time)


class TestSingleTurns:
    def test_each_request_is_a_call_of_its_own(self) -> None:
        turns = SingleTurns(VAPI)
        requests = [turns.request(number) for number in range(300)]
        assert 300 == len({call_id(each) for each in requests})
        assert all(each.wire.endswith(each.body) for each in requests)
        assert {len(requests[0].wire)} == {len(each.wire) for each in requests}

    def test_nothing_but_the_call_differs(self) -> None:
        first, second = (SingleTurns(VAPI).request(number) for number in (0, 1))
        known, other = (str(call_id(each)).encode() for each in (first, second))
        assert first.wire == second.wire.replace(other, known)

    def test_the_caller_says_what_was_chosen(self) -> None:
        assert ("user", "Good evening.") == told(SingleTurns(VAPI, "Good evening.").request(3))[-1]

    def test_a_new_token_is_sent_from_then_on(self) -> None:
        class Tokens:
            lifetime_s = None
            count = 0

            def current(self) -> str:
                self.count += 1
                return f"token-{self.count // 3}"

            def expired(self) -> str:
                return ""

            def lints(self) -> tuple[()]:
                return ()

        turns = SingleTurns(replace(VAPI, tokens=Tokens()))
        sent = [dict(turns.request(number).headers)[b"authorization"] for number in range(8)]
        assert [b"Bearer token-%d" % (count // 3) for count in range(1, 9)] == sent

    @pytest.mark.parametrize("dialect", [Dialect.ANTHROPIC_MESSAGES, Dialect.GEMINI_GENERATE_CONTENT])
    def test_other_apis_are_asked_in_their_own_words(self, dialect: Dialect) -> None:
        request = SingleTurns(Direct.made(dialect=dialect, base_url=URL)).request(70)
        assert b"Hello, who is this?" in request.body
        assert "chat/completions" not in request.url


class TestWholeCalls:
    def test_a_turn_brings_the_answers_before_it(self) -> None:
        traffic = calls()
        call, asked = traffic.begin(0)
        first = [("system", "You sell bread."), ("assistant", "The bakery, hello?"), ("user", "Is there rye bread?")]
        assert first == told(asked.request)
        following = traffic.follow(call, answer("There is ", "one left. "))
        assert following is not None
        assert [*first, ("assistant", "There is one left."), ("user", "I take two.")] == told(following.request)
        assert traffic.follow(call, answer("Thank you.")) is None

    def test_placeholders_stand_for_words_of_this_caller(self) -> None:
        says = "I am {name} from {city}, my word is {word}."
        document = {**TWO_TURNS, "system": "You are {company}.", "turns": [{"says": says}]}
        first, other, again = (told(calls(document).begin(number)[1].request) for number in (0, 1, 0))
        assert first == again
        assert first[-1] != other[-1]
        assert [] == [text for _, text in (*first, *other) if "{" in str(text)]

    def test_each_call_has_a_caller_of_its_own_and_keeps_it(self) -> None:
        traffic = calls()
        call, asked = traffic.begin(0)
        following = traffic.follow(call, answer("Yes."))
        assert following is not None
        assert call_id(asked.request) == call_id(following.request) != call_id(traffic.begin(1)[1].request)

    def test_an_empty_answer_joins_the_turns_as_vapi_does(self) -> None:
        traffic = calls()
        call, _ = traffic.begin(0)
        following = traffic.follow(call, answer())
        assert following is not None
        assert ("user", "Is there rye bread? I take two.") == told(following.request)[-1]

    def test_a_tool_has_the_result_of_the_scenario(self) -> None:
        traffic = calls(BY_TOOL)
        call, asked = traffic.begin(0)
        assert ["checkStock"] == [
            object_or_nothing(object_or_nothing(each)["function"])["name"]
            for each in array_or_nothing(body(asked.request)["tools"])
        ]
        following = traffic.follow(call, calling("checkStock"))
        assert following is not None
        assert [("assistant", None), ("tool", "4 loaves")] == told(following.request)[-2:]

    def test_tools_without_end_come_to_an_end(self) -> None:
        traffic = calls(BY_TOOL)
        call, _ = traffic.begin(0)
        rounds = 0
        while traffic.follow(call, calling("checkStock")) is not None:
            rounds += 1
        assert 13 == rounds  # six for each of two turns, and the second turn
        assert 1 + rounds == most_requests_of(traffic.scenario)

    def test_what_was_not_offered_is_not_run(self) -> None:
        traffic = calls(BY_TOOL)
        call, _ = traffic.begin(0)
        following = traffic.follow(call, calling("formatDisk"))
        assert following is not None
        assert "user" == told(following.request)[-1][0]

    def test_hanging_up_ends_the_call(self) -> None:
        traffic = calls({**TWO_TURNS, "tools": [{"name": "endCall"}]})
        call, _ = traffic.begin(0)
        assert traffic.follow(call, calling("endCall")) is None

    @pytest.mark.parametrize(
        "exchange",
        [
            replace(answered((20, "no")), response=Response(status=500)),
            answered((20, "Yes"), end=End.TRUNCATED),
            replace(answered(), response=None, end=End.NO_RESPONSE, reads=()),
        ],
        ids=["refused", "broken off", "no response"],
    )
    def test_an_answer_that_failed_ends_the_call(self, exchange: Exchange) -> None:
        traffic = calls()
        call, _ = traffic.begin(0)
        assert traffic.follow(call, Evidence(exchange=exchange)) is None

    def test_speaking_and_thinking_take_their_time_when_asked_to(self) -> None:
        text = "There is one left, and it is still warm from the oven."
        for is_real_time, expected_s in ((False, 0), (True, len(text) / 15 + 1.5)):
            traffic = calls(is_real_time=is_real_time)
            call, _ = traffic.begin(0)
            following = traffic.follow(call, answer(text))
            assert following is not None
            assert round(expected_s * 1_000_000_000) == following.pause_ns

    def test_a_tool_takes_its_time_when_asked_to(self) -> None:
        traffic = calls(BY_TOOL, is_real_time=True)
        call, _ = traffic.begin(0)
        following = traffic.follow(call, calling("checkStock"))
        assert following is not None
        assert 2_000_000_000 == following.pause_ns

    def test_hostile_words_cannot_break_the_next_request(self) -> None:
        traffic = calls()
        call, _ = traffic.begin(0)
        following = traffic.follow(call, answer("half \ud83d a pair", "x" * 100_000))
        assert following is not None
        assert len(following.request.body) < 40_000
        following.request.body.decode()

    def test_a_call_in_which_nothing_is_asked_is_refused(self) -> None:
        with pytest.raises(UsageError, match="the model is never asked"):
            calls({**TWO_TURNS, "turns": [{"silence_s": 2}]})

    @pytest.mark.parametrize("scenario", all_call_scenarios().values(), ids=lambda each: each.name)
    def test_every_stored_call_can_be_load(self, scenario: CallScenario) -> None:
        traffic = WholeCalls(platform=VAPI, scenario=scenario)
        call, _ = traffic.begin(0)
        requests = 1
        while traffic.follow(call, answer("Very well.")) is not None:
            requests += 1
        assert requests == most_requests_of(replace(scenario, tools=()))

    def test_the_model_may_speak_first(self) -> None:
        traffic = calls({**TWO_TURNS, "first_message_mode": "assistant-speaks-first-with-model-generated-message"})
        _, asked = traffic.begin(0)
        assert [("system", "You sell bread.")] == told(asked.request)


def test_a_sequence_of_bodies_is_json_whatever_the_words() -> None:
    words: Sequence[str] = ('"', "\\", "\u2028", "é", "\x00")
    for word in words:
        assert ("user", word) == told(SingleTurns(VAPI, word).request(1))[-1]
