"""Every stored call, played against the reference server over real sockets, once.

Two questions: does a sound endpoint's call end as its scenario says, and are the requests of a call what Vapi was
recorded to send?
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, pairwise
from typing import cast

import pytest

from shared_data import needs_shared, vapi_recordings
from vapi_conformance.call import Line, play_calls
from vapi_conformance.call_file import from_document, to_document
from vapi_conformance.call_record import CallRecord, CallRequest
from vapi_conformance.call_scenario import CallScenario, all_call_scenarios
from vapi_conformance.client import Client
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.platforms.vapi import NO_RESULT, STILL_PENDING, SUCCESS, Conversation, Platform
from vapi_conformance.reference import reference_server
from vapi_conformance.rules.prompt_words import says, told_to_say

pytestmark = pytest.mark.slow

NAMES = sorted(all_call_scenarios())
Message = Mapping[str, object]
Calls = Mapping[str, Sequence[CallRecord]]


@pytest.fixture(scope="module")
def played() -> Calls:
    """All calls by the name of their scenario. A story takes longer at this pace than anybody listens to it."""
    calls = all_call_scenarios()
    with reference_server(["--model", "*", "--pace-ms", "12"]) as server, Client(secrets=[server.key]) as client:
        line = Line(platform=Platform.from_files(base_url=server.url, api_key=server.key, seed=5), client=client)

        def play(scenario: CallScenario) -> list[CallRecord]:
            return list(play_calls(scenario, line))

        with ThreadPoolExecutor(max_workers=4) as executor:
            return dict(zip(calls, executor.map(play, calls.values()), strict=True))


def body_of(exchange: Exchange) -> Mapping[str, object]:
    return object_or_nothing(json.loads(exchange.request.body or b"{}"))


def messages_of(body: Mapping[str, object]) -> list[Message]:
    return cast("list[Message]", body["messages"])


def asked_in(records: Sequence[CallRecord]) -> Iterator[tuple[CallRequest, Exchange]]:
    for record in records:
        yield from zip(record.requests, record.exchanges, strict=True)


def roles(messages: Sequence[Message]) -> list[str]:
    """A message that asks for tools is a role of its own here."""
    return ["tool_calls" if "tool_calls" in each else str(each["role"]) for each in messages]


def changed(earlier: Sequence[Message], later: Sequence[Message]) -> list[str]:
    """Roles of messages that stand in both and differ."""
    pairs = zip(roles(earlier), earlier, later, strict=False)
    return [role for role, before, after in pairs if before != after]


@pytest.mark.parametrize("name", NAMES)
class TestACallWithASoundEndpoint:
    def test_ends_as_expected(self, name: str, played: Calls) -> None:
        scenario = all_call_scenarios()[name]
        ended = [record.ended for record in (played[name] if scenario.callers > 1 else played[name][-1:])]
        assert [True] * scenario.callers == [each.reasons[0] in scenario.expects_ended for each in ended]

    def test_runs_its_tools_at_the_first_try(self, name: str, played: Calls) -> None:
        scenario = all_call_scenarios()[name]
        assert scenario.callers == len(played[name])
        assert all({tool.name for tool in record.tools} == set(scenario.expects_tools) for record in played[name])

    def test_runs_no_tool_twice_in_one_turn(self, name: str, played: Calls) -> None:
        for record in played[name]:
            run = [(record.requests[tool.exchange].turn, tool.name, tool.arguments) for tool in record.tools]
            assert len(set(run)) == len(run)

    def test_is_answered_in_every_request(self, name: str, played: Calls) -> None:
        for request, exchange in asked_in(played[name]):
            evidence = Evidence(exchange=exchange)
            assert 200 == evidence.status
            if request.closed is None:
                assert End.CLEAN is exchange.end
                assert evidence.transcript.text.strip() or evidence.transcript.choices[0].tool_calls
            else:
                assert End.CLOSED_BY_US is exchange.end

    def test_hears_what_was_asked_to_be_said(self, name: str, played: Calls) -> None:
        for request, exchange in asked_in(played[name]):
            evidence = Evidence(exchange=exchange)
            words = told_to_say(evidence.request)
            if words is not None and request.why in ("heard", "heard-again") and request.closed is None:
                assert says(evidence.transcript.text, words)

    def test_loads_back_from_its_file(self, name: str, played: Calls) -> None:
        for record in played[name]:
            assert record == from_document(json.loads(json.dumps(to_document(record))))


@pytest.mark.parametrize("name", NAMES)
class TestTheRequestsOfACall:
    """Facts that were measured over 264 recorded requests."""

    def test_never_have_two_user_messages_in_a_row(self, name: str, played: Calls) -> None:
        for _, exchange in asked_in(played[name]):
            assert ("user", "user") not in list(pairwise(roles(messages_of(body_of(exchange)))))

    def test_end_with_the_user_or_with_results(self, name: str, played: Calls) -> None:
        for request, exchange in asked_in(played[name]):
            ends = "system" if request.why == "greeting" else "tool" if request.why in AFTER_TOOLS else "user"
            last = roles(messages_of(body_of(exchange)))[-1]
            assert last == ends or (request.why, last) == ("heard-again", "tool")

    def test_have_content_beside_calls_only_where_something_was_spoken(self, name: str, played: Calls) -> None:
        for record in played[name]:
            spoken = " ".join(event.text for event in record.events if event.kind == "speech")
            for _, exchange in asked_in([record]):
                for message in messages_of(body_of(exchange)):
                    if "tool_calls" in message and "content" in message:
                        assert str(message["content"]) in spoken

    def test_have_the_results_of_calls_right_behind_them_in_order(self, name: str, played: Calls) -> None:
        for _, exchange in asked_in(played[name]):
            messages = messages_of(body_of(exchange))
            for at, message in enumerate(messages):
                calls = cast("list[Message]", message.get("tool_calls", []))
                results = messages[at + 1 : at + 1 + len(calls)]
                assert [call["id"] for call in calls] == [each.get("tool_call_id") for each in results]
            asked = sum(len(cast("list[Message]", each.get("tool_calls", []))) for each in messages)
            assert asked == roles(messages).count("tool")

    def test_are_in_the_shape_of_the_recordings(self, name: str, played: Calls) -> None:
        """The recorded list of messages is read and written by the same code, so ours has to pass through it."""
        for _, exchange in asked_in(played[name]):
            messages = [
                {key: value for key, value in each.items() if key != "metadata"}
                for each in messages_of(body_of(exchange))
            ]
            assert messages == Conversation.from_messages(messages).messages()

    def test_count_turns_and_requests(self, name: str, played: Calls) -> None:
        for request, exchange in asked_in(played[name]):
            body = body_of(exchange)
            told = roles(messages_of(body))
            counters = object_or_nothing(body["metadata"])
            assert (told.count("assistant"), told.count("user")) == (
                counters["numAssistantTurns"],
                counters["numUserTurns"],
            )
            assert request.number == counters["numModelRequestInTurn"]
            assert (request.number > 0 and request.why == "heard-again") <= (
                counters["assistantTurnInterrupted"] is True
            )

    def test_tell_the_same_of_the_call_every_time(self, name: str, played: Calls) -> None:
        for record in played[name]:
            bodies = [body_of(exchange) for exchange in record.exchanges]
            kept = [{key: value for key, value in body.items() if key not in CHANGING} for body in bodies]
            assert all(each == kept[0] for each in kept)
            assert {record.call_id} == {object_or_nothing(body["call"])["id"] for body in bodies}

    def test_of_a_turn_that_is_asked_again_differ_in_the_words_of_that_turn(self, name: str, played: Calls) -> None:
        """And a result that was still pending may have come."""
        for record in played[name]:
            for _, group in groupby(asked_in([record]), key=lambda each: each[0].turn):
                requests = list(group)
                for (_, earlier), (request, later) in pairwise(requests):
                    before, after = (messages_of(body_of(each)) for each in (earlier, later))
                    if request.why == "heard-again":
                        assert set(changed(before, after)) <= {"user", "tool"}
                        assert len(changed(before, after)) <= 1
                    elif request.why == "tool-results":
                        assert [] == changed(before, after)


AFTER_TOOLS = ("tool-results", "hand-off")
CHANGING = {"messages", "metadata", "timestamp"}


INTERRUPTED = ("barge-in", "barge-in-at-once", "barge-in-after-a-pause", "barge-in-before-a-word", "barge-in-twice")


LISTS: Mapping[str, set[str]] = {
    "recorded": {"toolCalls", "toolCallList", "toolWithToolCallList"},
    "schema": {"toolCallList", "toolWithToolCallList"},
    "events-page": {"toolCallList", "toolWithToolCallList"},
    "custom-tools-page": {"toolCallList", "toolWithToolCallList"},
}


def ids_in(listed: Sequence[Message]) -> list[object]:
    """Of the calls, which stand alone or inside their tool."""
    return [object_or_nothing(each.get("toolCall", each))["id"] for each in listed]


class TestScenariosShow:
    """What each was written for is in its requests."""

    def test_a_greeting_without_a_user_message_and_counters_at_zero(self, played: Calls) -> None:
        body = body_of(played["greeting"][0].exchanges[0])
        assert ["system"] == roles(messages_of(body))
        counters = object_or_nothing(body["metadata"])
        assert (0, 0, 0) == tuple(
            counters[key] for key in ("numAssistantTurns", "numUserTurns", "numModelRequestInTurn")
        )

    def test_six_requests_of_one_turn_within_16_seconds(self, played: Calls) -> None:
        (record,) = played["six-requests"]
        assert [1] * 6 + [2] == [request.turn for request in record.requests]
        assert record.requests[5].at_ns - record.requests[0].at_ns < 16_000_000_000

    def test_connections_that_are_closed(self, played: Calls) -> None:
        """Where the server takes longer than the caller waits, and nowhere else."""
        for name, records in played.items():
            turns = all_call_scenarios()[name].turns
            grows = any(len(turn.heard) > 1 for turn in turns)
            interrupts = any(turn.interrupts_after_s is not None for turn in turns)
            kinds = {request.closed for request, _ in asked_in(records)} - {None}
            assert kinds <= {*(["superseded"] * grows), *(["barge-in"] * interrupts)}
        closed = [request.closed for request, _ in asked_in(played["superseded-while-speaking"])]
        assert ["superseded", None, None] == closed

    @pytest.mark.parametrize("name", INTERRUPTED)
    def test_connections_that_are_closed_when_the_caller_interrupts(self, name: str, played: Calls) -> None:
        """Unless the whole answer was there before."""
        (record,) = played[name]
        cuts = [event for event in record.events if event.kind == "cut"]
        assert cuts
        for cut in cuts:
            assert cut.exchange is not None
            request, exchange = record.requests[cut.exchange], record.exchanges[cut.exchange]
            over_ns = request.at_ns + (exchange.timing.end_ns or 0)
            assert request.closed == "barge-in" or over_ns <= cut.at_ns

    @pytest.mark.parametrize("name", ["barge-in", "barge-in-at-once", "barge-in-after-a-pause"])
    def test_of_an_interrupted_answer_only_what_was_spoken(self, name: str, played: Calls) -> None:
        (record,) = played[name]
        (cut,) = (event for event in record.events if event.kind == "cut")
        messages = messages_of(body_of(record.exchanges[1]))
        assert {"role": "assistant", "content": cut.text} == messages[-2]
        pause_ns = record.requests[1].at_ns - cut.at_ns
        turn = all_call_scenarios()[name].turns[1]
        assert round(turn.after_s * 1_000_000_000) <= pause_ns

    @pytest.mark.parametrize(
        ("name", "result"),
        [
            ("async-tool", SUCCESS),
            ("failing-tool", NO_RESULT),
            ("still-pending", STILL_PENDING),
            ("tool-of-a-superseded-turn", STILL_PENDING),
        ],
    )
    def test_the_placeholder_of_a_result(self, name: str, result: str, played: Calls) -> None:
        messages = messages_of(body_of(played[name][0].exchanges[1]))
        assert [result] == [each["content"] for each in messages if each["role"] == "tool"]

    @pytest.mark.parametrize("name", ["still-pending", "tool-of-a-superseded-turn"])
    def test_a_late_result_in_the_next_turn(self, name: str, played: Calls) -> None:
        (record,) = played[name]
        (tool,) = all_call_scenarios()[name].tools
        messages = messages_of(body_of(record.exchanges[-1]))
        assert [tool.returns] == [each["content"] for each in messages if each["role"] == "tool"]
        assert (name == "tool-of-a-superseded-turn") == record.tools[0].superseded

    def test_a_tool_that_vapi_does_not_know_is_run_once(self, played: Calls) -> None:
        (record,) = played["native-tool"]
        heads = [exchange.response for exchange in record.exchanges]
        runs = {value for head in heads if head for name, value in head.headers if name.lower() == b"x-tool-runs"}
        assert {b"1"} == runs
        assert "tools" not in body_of(record.exchanges[0])

    @pytest.mark.parametrize("lists", ["recorded", "schema", "events-page", "custom-tools-page"])
    def test_both_calls_of_one_answer_in_one_message_to_the_endpoint(self, lists: str, played: Calls) -> None:
        (record,) = played[f"webhook-{lists}"]
        (posted,) = record.webhooks
        message = object_or_nothing(body_of(posted)["message"])
        listed = {key for key in ("toolCalls", "toolCallList", "toolWithToolCallList") if key in message}
        assert LISTS[lists] == listed
        asked = [tool.id for tool in record.tools]
        assert all(asked == ids_in(cast("list[Message]", message[key])) for key in listed)
        results = [each["content"] for each in messages_of(body_of(record.exchanges[1])) if each["role"] == "tool"]
        assert [tool.result for tool in record.tools] == results
        assert NO_RESULT not in results

    def test_a_hand_over_brings_a_new_prompt(self, played: Calls) -> None:
        for name in ("squad-hand-off", "transfer-to-an-assistant"):
            (record,) = played[name]
            (member,) = all_call_scenarios()[name].squad
            first, *_, last = (str(messages_of(body_of(each))[0]["content"]) for each in record.exchanges)
            assert (False, True) == (first.endswith(member.system), last.endswith(member.system))

    def test_callers_at_once_hear_their_own_words_only(self, played: Calls) -> None:
        records = played["sixteen-callers"]
        assert 16 == len({record.call_id for record in records}) == len({record.word for record in records})
        for record in records:
            heard = " ".join(Evidence(exchange=each).transcript.text for each in record.exchanges)
            assert {record.word} == {word for word in record.words if says(heard, word)}

    def test_numbers_in_telephone_calls_only(self, played: Calls) -> None:
        for name, records in played.items():
            keys = body_of(records[0].exchanges[0]).keys()
            assert (name != "web-call") == ({"customer", "phoneNumber"} <= keys)


@needs_shared
class TestRecordings:
    """Recordings 06 to 15: what changed from one request of a call to the next, there and here."""

    @staticmethod
    def recorded(number: str) -> list[Message]:
        (only,) = vapi_recordings(f"{number}-")
        return messages_of(object_or_nothing(only.load()["body"]))

    @staticmethod
    def played_messages(record: CallRecord) -> list[list[Message]]:
        return [messages_of(body_of(exchange)) for exchange in record.exchanges]

    def test_a_turn_that_grows(self, played: Calls) -> None:
        """Recordings 06 to 08."""
        there = [self.recorded(number) for number in ("06", "07", "08")]
        here = self.played_messages(played["grown-turn"][0])[1:4]
        assert [changed(*pair) for pair in pairwise(there)] == [changed(*pair) for pair in pairwise(here)]
        for messages in (there, here):
            texts = [str(each[-1]["content"]) for each in messages]
            assert all(later.startswith(earlier) for earlier, later in pairwise(texts))

    def test_a_turn_whose_words_are_replaced(self, played: Calls) -> None:
        """Recordings 09 and 10."""
        there = [self.recorded(number) for number in ("09", "10")]
        here = self.played_messages(played["replaced-turn"][0])[:2]
        assert [changed(*pair) for pair in pairwise(there)] == [changed(*pair) for pair in pairwise(here)]
        for messages in (there, here):
            first, second = (str(each[-1]["content"]) for each in messages)
            assert not second.startswith(first)

    def test_words_that_change_before_a_tool(self, played: Calls) -> None:
        """Recordings 11 and 12: the results at the end stay as they were."""
        there = [self.recorded(number) for number in ("11", "12")]
        here = self.played_messages(played["edited-after-a-tool"][0])[1:3]
        for before, after in (there, here):
            assert ["user"] == changed(before, after)
            assert ("tool", before[-1]) == (roles(after)[-1], after[-1])

    @pytest.mark.parametrize(
        ("number", "name", "request_number"),
        [
            ("13", "failing-tool", 1),
            ("14", "merged-answer", 2),
            ("15", "user-right-after-tool", 2),
        ],
    )
    def test_what_stands_around_a_tool(self, number: str, name: str, request_number: int, played: Calls) -> None:
        """From the message that asks for it to the end: roles and keys; recording 14 asks for two."""
        there = self.from_the_tool_on(self.recorded(number))
        here = self.from_the_tool_on(self.played_messages(played[name][0])[request_number])
        if number == "15":
            # There the filler had been spoken between two parts of the caller's words.
            assert [("assistant", ("role", "tool_calls"))] == there[:1] == here[:1]
        assert [key for key, _ in groupby(there)] == [key for key, _ in groupby(here)]

    @staticmethod
    def from_the_tool_on(messages: Sequence[Message]) -> list[tuple[str, tuple[str, ...]]]:
        at = roles(messages).index("tool_calls")
        return [(str(each["role"]), tuple(each)) for each in messages[at:]]

    def test_two_results_of_one_answer(self, played: Calls) -> None:
        """Recording 11."""
        here = self.from_the_tool_on(self.played_messages(played["two-tools-at-once"][0])[1])
        there = self.from_the_tool_on(self.recorded("11"))
        assert [role for role, _ in there] == [role for role, _ in here] == ["assistant", "tool", "tool"]

    def test_no_messages_follow_each_other_that_never_did(self, played: Calls) -> None:
        """But for what no recording has: an idle message, and a caller who speaks first."""
        numbers = [f"{number:02}" for number in range(6, 16)]
        there = {pair for number in numbers for pair in pairwise(roles(self.recorded(number)))}
        for name, records in played.items():
            messages = [messages_of(body_of(exchange)) for _, exchange in asked_in(records)]
            here = {pair for each in messages for pair in pairwise(roles(each))}
            assert here - there <= UNRECORDED.get(name, set())


UNRECORDED: Mapping[str, set[tuple[str, str]]] = {
    "idle-message": {("assistant", "assistant")},
    "voicemail": {("system", "user")},
}
