from collections.abc import Mapping

import pytest

from vapi_conformance.platforms.vapi import NO_RESULT, STILL_PENDING, SUCCESS, Conversation, ToolCall

START = Conversation().system("Be kind.").assistant("Hello.").user("Weather?")
CALL = ToolCall(id="c1", name="get_weather", arguments='{\n "city": "Bern"\n}', result="Sunny.")
OTHER = ToolCall(id="c2", name="get_time")


def last(conversation: Conversation, count: int) -> list[dict[str, object]]:
    return conversation.messages()[-count:]


class TestMessages:
    def test_begin_with_prompt_first_message_and_user_text(self) -> None:
        expected = [
            {"role": "system", "content": "Be kind."},
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "Weather?"},
        ]
        assert expected == START.messages()

    def test_a_tool_call_has_no_content_key_and_arguments_as_the_model_wrote_them(self) -> None:
        asking, result = last(START.tools(CALL), 2)
        function = {"name": "get_weather", "arguments": '{\n "city": "Bern"\n}'}
        assert {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": function}]} == asking
        assert [("role", "tool"), ("tool_call_id", "c1"), ("content", "Sunny.")] == list(result.items())

    def test_a_filler_is_content_between_role_and_calls(self) -> None:
        asking = last(START.tools(CALL, filler="Just a sec."), 2)[0]
        assert ["role", "content", "tool_calls"] == list(asking)
        assert "Just a sec." == asking["content"]

    def test_parallel_results_follow_in_the_order_of_the_calls(self) -> None:
        assert ["c1", "c2"] == [each["tool_call_id"] for each in last(START.tools(CALL, OTHER), 2)]

    @pytest.mark.parametrize("sentinel", [SUCCESS, NO_RESULT, STILL_PENDING])
    def test_sentinels_are_results_like_any_other(self, sentinel: str) -> None:
        call = ToolCall(id="c", name="n", result=sentinel)
        assert sentinel == last(START.tools(call), 1)[0]["content"]

    def test_a_user_text_may_follow_a_tool_result_at_once(self) -> None:
        assert ["tool", "user"] == [each["role"] for each in last(START.tools(CALL).user("Hello?"), 2)]

    def test_a_user_text_never_follows_another(self) -> None:
        with pytest.raises(ValueError, match="two user texts in a row"):
            START.user("Again.")

    def test_a_round_without_calls_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least one call"):
            START.tools()


class TestEditedHistory:
    def test_the_last_user_text_grows(self) -> None:
        assert "Weather in Bern?" == last(START.with_user_text("Weather in Bern?"), 1)[0]["content"]

    def test_an_earlier_user_text_is_rewritten_before_executed_tools(self) -> None:
        later = START.tools(CALL)
        edited = later.with_user_text("Whether?")
        assert later.messages()[3:] == edited.messages()[3:]
        assert "Whether?" == edited.messages()[2]["content"]

    def test_turns_are_counted_like_an_index(self) -> None:
        longer = START.assistant("Sunny.").user("Thanks.")
        assert "Rain?" == longer.with_user_text("Rain?", turn=0).messages()[2]["content"]

    def test_the_original_stays_as_it_was(self) -> None:
        START.with_user_text("Gone.")
        assert "Weather?" == START.messages()[-1]["content"]


class TestMergedAnswer:
    ANSWERED = START.tools(CALL).assistant("It is sunny. Anything else?")

    def test_the_first_sentence_moves_before_the_results(self) -> None:
        asking, result, rest = last(self.ANSWERED.with_first_sentence_merged(), 3)
        assert ["role", "content", "tool_calls"] == list(asking)
        assert ("It is sunny.", "Sunny.", "Anything else?") == (asking["content"], result["content"], rest["content"])

    def test_a_filler_stays_in_front(self) -> None:
        answered = START.tools(CALL, filler="One moment.").assistant("It is sunny. Bye.")
        assert "One moment. It is sunny." == last(answered.with_first_sentence_merged(), 3)[0]["content"]

    def test_an_answer_of_one_sentence_leaves_no_message(self) -> None:
        merged = START.tools(CALL).assistant("It is 21.5 degrees").with_first_sentence_merged()
        assert "tool" == merged.messages()[-1]["role"]
        assert "It is 21.5 degrees" == last(merged, 2)[0]["content"]

    def test_what_was_said_later_stays(self) -> None:
        merged = self.ANSWERED.user("No.").with_first_sentence_merged()
        assert ["assistant", "tool", "assistant", "user"] == [each["role"] for each in last(merged, 4)]

    @pytest.mark.parametrize("conversation", [START, START.tools(CALL), START.tools(CALL).user("So?"), Conversation()])
    def test_needs_something_spoken_right_after_the_round(self, conversation: Conversation) -> None:
        with pytest.raises(ValueError, match="nothing was spoken right after"):
            conversation.with_first_sentence_merged()


class TestFromMessages:
    def test_gives_back_what_messages_made(self) -> None:
        conversation = START.tools(CALL, OTHER, filler="Hm.").user("So?").tools(CALL).assistant("Sunny.")
        assert conversation == Conversation.from_messages(conversation.messages())

    @pytest.mark.parametrize(
        "message",
        [
            {"role": "bot", "content": "Hi."},
            {"role": "user", "content": None},
            {"role": "user", "content": [{"type": "text", "text": "Hi."}]},
            {"role": "assistant"},
            {"content": "Hi."},
            {"role": "tool", "tool_call_id": "c9", "content": "Sunny."},
        ],
    )
    def test_refuses_what_vapi_does_not_send(self, message: Mapping[str, object]) -> None:
        with pytest.raises(ValueError, match=r"no message of a kind Vapi sends|a tool result without its call"):
            Conversation.from_messages([message])
