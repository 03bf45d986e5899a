from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reference_server.talking import CLOCK, WEATHER, Json, called, chat, result
from reference_server.telephone import END_CALL
from vapi_reference_server.brain import think
from vapi_reference_server.dialects.chat.request import parse_request
from vapi_reference_server.request import Message, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vapi_reference_server.reply import Reply


def answer(*messages: Json, **more: object) -> Reply:
    return think(parse_request(chat(list(messages), **more)))


def asking(text: str) -> Request:
    return Request(model="m", messages=(Message(role="user", text=text),), stream=False)


def system(text: str) -> Json:
    return {"role": "system", "content": text}


def says(text: str) -> Json:
    return {"role": "user", "content": text}


def names(reply: Reply) -> Sequence[str]:
    return [call.name for call in reply.calls]


class TestThinkingAloud:
    def test_is_done_where_it_is_asked_for(self) -> None:
        assert think(asking("Hi")).reasoning == ""
        assert think(replace(asking("Hi"), thinks_aloud=True)).reasoning != ""

    def test_counts_within_the_limit(self) -> None:
        short = think(replace(asking("Hi"), thinks_aloud=True, max_tokens=5))
        assert (short.reasoning_tokens, short.text, short.finish_reason) == (5, "", "length")
        longer = think(replace(asking("Hi"), thinks_aloud=True, max_tokens=25))
        assert longer.reasoning_tokens + longer.tokens == 25
        assert longer.text != ""


class TestStopSequences:
    def test_the_first_to_come_is_named(self) -> None:
        reply = think(replace(asking("Say exactly: one two three"), stops=("three", "two")))
        assert (reply.text, reply.stopped_by) == ("one ", "two")

    def test_none_is_named_where_the_limit_came_first(self) -> None:
        reply = think(replace(asking("Say exactly: one two three"), stops=("three",), max_tokens=1))
        assert (reply.text, reply.stopped_by, reply.finish_reason) == ("one", None, "length")


class TestWords:
    @pytest.mark.parametrize("text", ["banana", "data: [DONE]", "two\n\nlines ", "👩‍👩‍👧 مرحبا e\u0301", '{"a": 1}'])
    def test_say_exactly_is_taken_literally(self, text: str) -> None:
        assert answer(says(f"Say exactly: {text}")).text == text

    def test_the_last_code_word_counts(self) -> None:
        reply = answer(
            says("My code word is plum."), {"role": "assistant", "content": "Fine."},
            says("Sorry. My code word is pear!"), says("What is my code word?"),
        )  # fmt: skip
        assert reply.text == "Your code word is pear."

    def test_an_unstated_code_word_is_not_invented(self) -> None:
        assert "plum" not in answer(system("My code word is plum."), says("What is my code word?")).text

    def test_the_house_word_comes_from_the_system(self) -> None:
        reply = answer(system("Be nice. The house word is oak. Be brief."), says("What is the house word?"))
        assert reply.text == "The house word is oak."

    def test_a_long_story_is_long(self) -> None:
        assert len(answer(says("Tell me a long story.")).text.split()) >= 80

    def test_the_first_turn_needs_no_user(self) -> None:
        assert answer(system("Be nice.")).text.startswith("Hello")

    def test_anything_else_is_quoted(self) -> None:
        assert answer(says("I like tea")).text == "You said: I like tea. How can I help you with that?"

    def test_a_user_after_a_tool_is_heard(self) -> None:
        reply = answer(says("Weather?"), called(), result("Rain."), says("Yeah."))
        assert reply.text.startswith("You said: Yeah.")


class TestTools:
    def test_a_word_of_the_name_calls_a_tool(self) -> None:
        reply = answer(says("How is the weather?"), tools=[WEATHER, CLOCK])
        assert (names(reply), reply.finish_reason) == (["get_weather"], "tool_calls")

    def test_several_words_call_several_tools(self) -> None:
        assert names(answer(says("Weather and clock"), tools=[WEATHER, CLOCK])) == ["get_weather", "read_clock"]

    def test_one_call_at_most_when_not_parallel(self) -> None:
        reply = answer(says("Weather and clock"), tools=[WEATHER, CLOCK], parallel_tool_calls=False)
        assert names(reply) == ["get_weather"]

    def test_no_name_no_call(self) -> None:
        assert names(answer(says("How are you?"), tools=[WEATHER])) == []

    def test_none_forbids_calls(self) -> None:
        assert names(answer(says("Weather"), tools=[WEATHER], tool_choice="none")) == []

    def test_required_asks_for_a_call(self) -> None:
        assert names(answer(says("How are you?"), tools=[WEATHER], tool_choice="required")) == ["get_weather"]

    def test_a_named_choice_is_called_and_stops(self) -> None:
        chosen = {"type": "function", "function": {"name": "read_clock"}}
        reply = answer(says("Weather"), tools=[WEATHER, CLOCK], tool_choice=chosen)
        assert (names(reply), reply.finish_reason) == (["read_clock"], "stop")

    def test_arguments_fit_the_schema(self) -> None:
        reply = answer(says("Weather and clock"), tools=[WEATHER, CLOCK])
        assert [call.arguments for call in reply.calls] == ['{"city":"Paris","days":1}', "{}"]

    def test_what_must_be_said_exactly_calls_nothing(self) -> None:
        assert answer(says("Say exactly: weather"), tools=[WEATHER]).text == "weather"


class TestResults:
    def test_a_result_is_quoted_and_not_asked_again(self) -> None:
        reply = answer(says("Weather?"), called(), result("Sunny, 20 degrees"), tools=[WEATHER])
        assert reply.text == "The tool says: Sunny, 20 degrees."

    def test_all_results_of_a_round_are_quoted(self) -> None:
        calls = [*_calls("a"), *_calls("b")]
        reply = answer(says("?"), {"role": "assistant", "tool_calls": calls}, result("One", "a"), result("Two", "b"))
        assert reply.text == "The tool says: One. The tool says: Two."

    @pytest.mark.parametrize(
        "sentinel",
        [
            "Success.",
            "No result returned.",
            "No result returned. If this is unexpected, see the tips.",
            "Tool Result Still Pending But Proceed Further If Possible.",
        ],
    )
    def test_what_stands_for_a_result_is_not_quoted(self, sentinel: str) -> None:
        text = answer(says("Weather?"), called(), result(sentinel)).text
        assert len(text) > 10
        assert sentinel.rstrip(".") not in text


class TestLimits:
    def test_a_stop_sequence_is_left_out(self) -> None:
        reply = answer(says("Say exactly: one two three"), stop=["three", "two"])
        assert (reply.text, reply.finish_reason) == ("one ", "stop")

    def test_max_tokens_cut_the_text(self) -> None:
        reply = answer(says("Say exactly: one two three"), max_tokens=2)
        assert (reply.text, reply.finish_reason, reply.tokens) == ("one two", "length", 2)

    def test_max_tokens_cut_arguments(self) -> None:
        reply = answer(says("Weather and clock"), tools=[WEATHER, CLOCK], max_completion_tokens=3)
        assert (reply.finish_reason, len(reply.calls), reply.tokens) == ("length", 1, 3)

    def test_words_before_a_call_are_cut_last(self) -> None:
        asked, tools = says("At the tone, leave a message."), [END_CALL]
        whole = answer(asked, tools=tools)
        cut = answer(asked, tools=tools, max_tokens=whole.tokens - 1)
        assert (whole.text, ["endCall"], "length") == (cut.text, names(cut), cut.finish_reason)
        assert (whole.tokens - 1, "Hello, this") == (cut.tokens, answer(asked, tools=tools, max_tokens=3).text)

    def test_a_stop_sequence_before_a_call_ends_all(self) -> None:
        reply = answer(says("At the tone, leave a message."), tools=[END_CALL], stop=["Goodbye"])
        assert ([], "stop", "Goodbye") == (names(reply), reply.finish_reason, reply.stopped_by)

    def test_a_text_that_fits_is_whole(self) -> None:
        assert answer(says("Say exactly: one two"), max_tokens=2).finish_reason == "stop"


def _calls(call_id: str) -> list[object]:
    calls = called(call_id)["tool_calls"]
    assert isinstance(calls, list)
    return [*calls]
