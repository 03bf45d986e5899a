"""Whole calls as Vapi makes them, with a sound server: it accepts every history, and goes on where the call stands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from reference_server.talking import CLOCK, WEATHER, Json, Talk, called, every, inner, message, result, text_of, user
from reference_server.telephone import (
    END_CALL,
    NUMBERS,
    Telephone,
    arguments,
    called_again,
    finish,
    names,
    results,
    runs,
    says,
    spoke,
    system,
    tool,
    transfer,
)

HELLO = "Hello, thank you for calling. How can I help you today?"
MACHINE = "Ada is not available. Please leave a message after the tone."
ORDER = "Order 1234 was shipped on Monday and arrives in 2 days."
COUNTERS: Json = {"numAssistantTurns": 0, "numUserTurns": 0}


@pytest.fixture
def phone(talk: Talk) -> Telephone:
    return Telephone(talk, tools=[WEATHER, CLOCK])


@pytest.fixture
def bare(talk: Talk) -> Telephone:
    """A call without tools."""
    return Telephone(talk)


class TestACallThatBegins:
    def test_without_a_user_message_gets_a_greeting(self, bare: Telephone) -> None:
        assert HELLO == bare.words(system("Be nice."))

    @pytest.mark.parametrize("more", [{"metadata": COUNTERS}, COUNTERS])
    def test_with_examples_in_its_prompt_gets_a_greeting_by_the_counters(self, bare: Telephone, more: Json) -> None:
        examples = (system("Be nice."), says("Can you help?"), spoke("Yes."))
        assert HELLO == bare.words(*examples, **more)
        assert HELLO != bare.words(*examples)

    def test_by_the_caller_gets_an_answer(self, bare: Telephone) -> None:
        """Where the caller speaks first, nothing has been counted yet."""
        assert "red" == bare.words(says("Say exactly: red"), metadata=COUNTERS)

    @pytest.mark.parametrize("metadata", [None, {}, [], "x", {"numAssistantTurns": "0"}])
    def test_may_count_in_odd_ways(self, bare: Telephone, metadata: object) -> None:
        assert "red" == bare.words(says("Say exactly: red"), metadata=metadata)


ASKED = says("The weather?")
PENDING = "Tool Result Still Pending But Proceed Further If Possible."


class TestHistories:
    """What Vapi makes of a history is accepted, and the last words are answered."""

    @pytest.mark.parametrize(
        "before",
        [
            pytest.param([spoke("Hello.")], id="opening line"),
            pytest.param([says("Hi"), spoke("Hello."), spoke("Are you still there?")], id="idle message"),
            pytest.param([says("Hi"), spoke("One moment."), spoke("It rains.")], id="two assistant messages"),
            pytest.param([ASKED, called()], id="call without a result"),
            pytest.param([ASKED, called(content="One moment.")], id="filler, and no result"),
            pytest.param([ASKED, called(), result("Rain.")], id="user right after the tool"),
            pytest.param([ASKED, called(), result(PENDING)], id="pending result"),
            pytest.param([ASKED, called(), result(PENDING), spoke("Hm."), result("Rain.")], id="late result"),
            pytest.param([ASKED, called(content="Rain."), result("Rain."), spoke("Bye.")], id="merged answer"),
            pytest.param([ASKED, called(), result("Rain."), system("Be brief.")], id="system message in the middle"),
        ],
    )
    def test_are_accepted(self, phone: Telephone, before: list[Json]) -> None:
        assert "red" == phone.words(*before, says("Say exactly: red"))

    def test_may_be_edited_further_back(self, bare: Telephone) -> None:
        asked = says("What is my code word?")
        for word in ("plum", "pear"):
            words = bare.words(says(f"My code word is {word}."), spoke("Fine."), asked)
            assert f"Your code word is {word}." == words

    def test_end_with_an_idle_message_without_harm(self, phone: Telephone) -> None:
        assert phone.words(says("Hi"), spoke("Hello."), spoke("Are you still there?"))


class TestATurn:
    def test_is_answered_afresh_each_time(self, bare: Telephone) -> None:
        asked = ("red", "red wine", "bread", "red", "red", "red", "red")
        assert list(asked) == [bare.words(says(f"Say exactly: {words}")) for words in asked]


class TestATool:
    def test_is_called_once_in_a_turn(self, phone: Telephone) -> None:
        first = phone.ask(ASKED)
        second = phone.ask(ASKED, called_again(first), *results(first, "Rain."))
        assert (["get_weather"], []) == (names(first), names(second))
        assert "The tool says: Rain." == message(second.json)["content"]

    def test_of_two_tells_both_results(self, phone: Telephone) -> None:
        asked = says("Weather and clock")
        first = phone.ask(asked)
        again, (one, two) = called_again(first), results(first, "Fine")
        assert "The tool says: Fine. The tool says: Late." == phone.words(asked, again, one, {**two, "content": "Late"})
        # Nobody says the same sentence twice.
        assert "The tool says: Fine." == phone.words(asked, again, one, two)

    def test_result_that_was_spoken_already_is_not_said_again(self, phone: Telephone) -> None:
        """What Vapi heard itself say is spelt in other ways."""
        calls = called(content="Just a sec. the tool says rain")
        assert "Is there anything else I can do for you?" == phone.words(ASKED, calls, result("Rain."))

    def test_result_is_said_after_a_filler(self, phone: Telephone) -> None:
        assert "The tool says: Rain." == phone.words(ASKED, called(content="Just a sec."), result("Rain."))

    def test_result_is_said_although_it_was_said_in_an_earlier_turn(self, phone: Telephone) -> None:
        before = (ASKED, called(content="The tool says: Rain."), result("Rain."))
        words = phone.words(*before, says("And the weather now?"), called("call_2"), result("Rain.", "call_2"))
        assert "The tool says: Rain." == words

    @pytest.mark.parametrize("said", ["Please call me Ada.", "At the end of the day"])
    def test_of_the_telephone_is_not_called_by_a_word_of_its_name(self, talk: Talk, said: str) -> None:
        tools = [END_CALL, transfer(*NUMBERS), tool("handoff_to_sales")]
        assert [] == Telephone(talk, tools=tools).tools(says(said))


class TestAnEnding:
    def test_is_a_tool_call(self, talk: Talk) -> None:
        heard = Telephone(talk, tools=[END_CALL]).ask(says("That was all, goodbye."))
        assert (["endCall"], "tool_calls") == (names(heard), finish(heard))

    def test_is_not_called_where_it_is_forbidden(self, talk: Talk) -> None:
        phone = Telephone(talk, tools=[END_CALL])
        assert "Goodbye, and thank you for calling." == phone.words(says("Goodbye."), tool_choice="none")

    def test_by_transfer_names_a_place(self, talk: Talk) -> None:
        heard = Telephone(talk, tools=[END_CALL, transfer(*NUMBERS)]).ask(says("Transfer me to +15550122."))
        assert [{"destination": NUMBERS[1]}] == arguments(heard)

    def test_by_hand_off_is_followed_by_the_new_prompt(self, talk: Talk) -> None:
        phone = Telephone(talk, tools=[tool("handoff_to_billing")])
        asked = says("Transfer me to billing.")
        first = phone.ask(system("The house word is oak."), asked)
        history = [asked, called_again(first), *results(first, "Success."), says("What is the house word?")]
        assert ["handoff_to_billing"] == names(first)
        assert "The house word is elm." == phone.words(system("The house word is elm."), *history)
        both = (system("The house word is oak."), *history[:-1], system("The house word is elm."), history[-1])
        assert "The house word is elm." == phone.words(*both)

    def test_on_a_machine_is_a_message_and_then_the_call(self, talk: Talk) -> None:
        heard = Telephone(talk, tools=[END_CALL]).ask(says(MACHINE))
        assert str(message(heard.json)["content"]).startswith("Hello, this is the reference assistant.")
        assert (["endCall"], "tool_calls") == (names(heard), finish(heard))

    def test_on_a_machine_streams_the_words_before_the_call(self, talk: Talk) -> None:
        heard = Telephone(talk, tools=[END_CALL]).ask(says(MACHINE), stream=True)
        deltas = [inner(each, "delta") for chunk in heard.chunks for each in every(chunk, "choices")]
        kinds = ["calls" if "tool_calls" in delta else "words" for delta in deltas if delta]
        assert sorted(kinds, reverse=True) == kinds
        assert {"words", "calls"} == set(kinds)
        assert text_of(heard.chunks).endswith("Goodbye.")
        assert 1 == sum("role" in delta for delta in deltas)


class TestOtherApis:
    """The same words and the same call, in the form of each."""

    def test_responses(self, talk: Talk) -> None:
        tools = [{"type": "function", **inner(END_CALL, "function")}]
        heard = talk.post({"model": "reference", "input": MACHINE, "tools": tools}, "/v1/responses")
        assert ["message", "function_call"] == [item["type"] for item in every(heard.json, "output")]

    def test_anthropic(self, talk: Talk) -> None:
        tools = [{"name": "endCall", "input_schema": {"type": "object"}}]
        asked: Json = {"model": "reference", "max_tokens": 500, "messages": [says(MACHINE)], "tools": tools}
        heard = talk.post(asked, "/v1/messages", {"anthropic-version": "2023-06-01"})
        assert ["text", "tool_use"] == [block["type"] for block in every(heard.json, "content")]
        assert "tool_use" == heard.json["stop_reason"]

    def test_gemini(self, talk: Talk) -> None:
        tools = [{"functionDeclarations": [{"name": "endCall"}]}]
        asked: Json = {"contents": [{"parts": [{"text": MACHINE}]}], "tools": tools}
        heard = talk.post(asked, "/v1beta/models/reference:generateContent")
        content = inner(every(heard.json, "candidates")[0], "content")
        assert ["text", "functionCall"] == [next(iter(part)) for part in every(content, "parts")]


class TestAToolOfTheServersOwn:
    def test_is_told_in_words(self, phone: Telephone) -> None:
        heard = phone.ask(says("Look up order 1234."))
        assert (ORDER, [], "1") == (message(heard.json)["content"], names(heard), runs(heard))

    def test_runs_once_however_often_the_turn_is_asked(self, phone: Telephone) -> None:
        asked = ("Look up order 1234", "Look up order 1234 please", "Uh, look up order 1234")
        heard = [phone.ask(says(text), stream=True) for text in asked]
        assert [(ORDER, "1")] * 3 == [(text_of(each.chunks), runs(each)) for each in heard]

    def test_runs_for_another_order(self, phone: Telephone) -> None:
        assert ["1", "2"] == [runs(phone.ask(says(f"Look up order {number}"))) for number in (12, 34)]

    def test_is_counted_in_each_call_for_itself(self, talk: Talk) -> None:
        heard = [Telephone(talk).ask(says("Look up order 1234")) for _ in range(2)]
        assert ["1", "1"] == [runs(each) for each in heard]

    def test_is_counted_where_it_did_not_run(self, phone: Telephone) -> None:
        assert "0" == runs(phone.ask(says("Hello")))

    @pytest.mark.parametrize("call", [{}, {"call": {}}, {"call": {"id": 7}}, {"call": {"id": ""}}, {"call": "c"}])
    def test_is_not_counted_without_a_call(self, talk: Talk, call: Json) -> None:
        heard = talk.post(user("Look up order 1234", **call))
        assert (ORDER, None) == (message(heard.json)["content"], runs(heard))

    def test_is_left_to_the_caller_who_has_one_of_that_name(self, talk: Talk) -> None:
        heard = Telephone(talk, tools=[tool("look_up_order")]).ask(says("Look up order 1234."))
        assert (["look_up_order"], "0") == (names(heard), runs(heard))

    def test_runs_once_for_choices_of_one_request(self, phone: Telephone) -> None:
        assert "1" == runs(phone.ask(says("Look up order 1234"), n=3))

    def test_does_not_run_for_words_of_the_past(self, phone: Telephone) -> None:
        assert "0" == runs(phone.ask(says("Look up order 1234"), spoke(ORDER), says("Thank you.")))

    def test_may_be_of_a_call_with_a_hostile_id(self, talk: Talk) -> None:
        heard = talk.post(b'{"model":"reference","messages":[{"role":"user","content":"Hi"}],"call":{"id":"\\ud800"}}')
        assert (200, "0") == (heard.status, runs(heard))


class TestCallsAtTheSameTime:
    def test_do_not_hear_each_other(self, talk: Talk) -> None:
        def canary(number: int) -> str:
            return Telephone(talk).words(says(f"Say exactly: canary {number}"))

        with ThreadPoolExecutor(max_workers=8) as executor:
            assert [f"canary {number}" for number in range(16)] == list(executor.map(canary, range(16)))
