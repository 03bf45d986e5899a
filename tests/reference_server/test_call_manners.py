"""What a caller says on a telephone, and what the scripted model does about it."""

from __future__ import annotations

import json

import pytest

from reference_server.talking import Json, inner
from reference_server.telephone import END_CALL, NUMBERS, tool, transfer
from vapi_reference_server.call_manners import FAREWELL, MESSAGE_ON_MACHINE, telephone_reply, words_of
from vapi_reference_server.request import Tool

GREETING_OF_A_MACHINE = "Ada is not available. Please leave a message after the tone."


def offered(*tools: Json) -> list[Tool]:
    functions = [inner(each, "function") for each in tools]
    return [Tool(name=str(each["name"]), parameters=inner(each, "parameters")) for each in functions]


def called(said: str, *tools: Json) -> list[tuple[str, object]]:
    reply = telephone_reply(said, offered(*tools))
    return [(call.name, json.loads(call.arguments)) for call in reply.calls] if reply else []


class TestHangingUp:
    @pytest.mark.parametrize(
        "said", ["Goodbye.", "good-bye", "Okay, bye!", "Bye-bye", "Please end the call.", "You can hang up now"]
    )
    def test_is_asked_of_the_tool(self, said: str) -> None:
        reply = telephone_reply(said, offered(END_CALL))
        assert reply is not None
        assert ("", "tool_calls") == (reply.text, reply.finish_reason)
        assert [("endCall", {})] == called(said, END_CALL)

    @pytest.mark.parametrize(
        "said",
        [
            "Do not hang up!",
            "Please don't end the call",
            "Don’t hang up",
            "Call me Ada",
            "goodbyes",
            "Hello",
            "the end",
        ],
    )
    def test_needs_the_words(self, said: str) -> None:
        assert telephone_reply(said, offered(END_CALL)) is None

    def test_is_wished_well_where_no_tool_can_do_it(self) -> None:
        reply = telephone_reply("Goodbye.", offered(transfer(*NUMBERS)))
        assert reply is not None
        assert (FAREWELL, (), "stop") == (reply.text, reply.calls, reply.finish_reason)


class TestTransferring:
    @pytest.mark.parametrize(
        "said",
        [
            "Transfer me",
            "please connect me",
            "Put me through!",
            "I want to speak to a person",
            "Let me talk with your boss",
        ],
    )
    def test_goes_to_the_first_place_without_a_name(self, said: str) -> None:
        assert [("transferCall", {"destination": NUMBERS[0]})] == called(said, transfer(*NUMBERS))

    @pytest.mark.parametrize("said", ["Transfer me to +15550122", "Connect me with 1 555 0122, please"])
    def test_goes_to_the_number_that_was_named(self, said: str) -> None:
        assert [("transferCall", {"destination": NUMBERS[1]})] == called(said, transfer(*NUMBERS))

    def test_goes_to_the_assistant_that_was_named(self) -> None:
        place = transfer("Sales Assistant", "BillingAssistant")
        assert [("transferCall", {"destination": "BillingAssistant"})] == called("Transfer me to billing", place)

    def test_never_leaves_what_was_offered(self) -> None:
        assert [("transferCall", {"destination": NUMBERS[0]})] == called("Transfer me to +15550999", transfer(*NUMBERS))

    def test_serves_a_tool_that_says_more_before_the_word(self) -> None:
        named = transfer(*NUMBERS, name="dynamicDestinationTransferCall")
        assert [("dynamicDestinationTransferCall", {"destination": NUMBERS[0]})] == called("Transfer me", named)

    def test_needs_no_list_of_places(self) -> None:
        assert [("transferCall", {})] == called("Transfer me", tool("transferCall"))

    def test_is_not_done_without_a_tool(self) -> None:
        assert telephone_reply("Transfer me", offered(END_CALL)) is None

    @pytest.mark.parametrize("said", ["Can I talk to you about tea?", "I speak with an accent of my own", "Hello"])
    def test_needs_the_words(self, said: str) -> None:
        assert [] == called(said, transfer(*NUMBERS))


class TestHandingOff:
    TOOLS = (tool("handoff_to_sales"), tool("handoff_to_BillingTeam"))

    @pytest.mark.parametrize(
        ("said", "name"),
        [
            ("Transfer me to billing, please.", "handoff_to_BillingTeam"),
            ("Hand me over to Sales.", "handoff_to_sales"),
            ("Transfer me.", "handoff_to_sales"),
        ],
    )
    def test_goes_to_the_assistant_that_was_named(self, said: str, name: str) -> None:
        assert [(name, {})] == called(said, *self.TOOLS)

    def test_knows_a_list_of_assistants(self) -> None:
        places = transfer("Sales", "Billing", name="handoff_to_assistant")
        assert [("handoff_to_assistant", {"destination": "Billing"})] == called("Transfer me to billing", places)

    def test_comes_after_a_transfer_where_nothing_was_named(self) -> None:
        assert ["transferCall"] == [name for name, _ in called("Transfer me", *self.TOOLS, transfer(*NUMBERS))]

    def test_comes_first_where_it_was_named(self) -> None:
        found = called("Transfer me to billing", transfer(*NUMBERS), *self.TOOLS)
        assert ["handoff_to_BillingTeam"] == [name for name, _ in found]


class TestKeys:
    @pytest.mark.parametrize(
        ("said", "text"),
        [
            ("User's Keypad Entry: 1234#", "You pressed 1 2 3 4 pound, thank you."),
            ("User’s keypad entry: *9", "You pressed star 9, thank you."),
        ],
    )
    def test_are_repeated_one_by_one(self, said: str, text: str) -> None:
        reply = telephone_reply(said, ())
        assert reply is not None
        assert text == reply.text

    def test_that_were_not_pressed(self) -> None:
        assert telephone_reply("User's Keypad Entry: ", ()) is None


class TestMachines:
    @pytest.mark.parametrize(
        "said",
        [
            GREETING_OF_A_MACHINE,
            "You have reached the voicemail of Ada.",
            "We cannot take your call right now, so leave your message.",
            "At the tone, please record your message.",
        ],
    )
    def test_get_a_message_and_are_hung_up_on(self, said: str) -> None:
        reply = telephone_reply(said, offered(END_CALL))
        assert reply is not None
        assert (MESSAGE_ON_MACHINE, ["endCall"]) == (reply.text, [call.name for call in reply.calls])
        assert "tool_calls" == reply.finish_reason

    def test_get_the_message_alone_where_nothing_hangs_up(self) -> None:
        reply = telephone_reply(GREETING_OF_A_MACHINE, ())
        assert reply is not None
        assert (MESSAGE_ON_MACHINE, (), "stop") == (reply.text, reply.calls, reply.finish_reason)

    @pytest.mark.parametrize("said", ["Can I leave a message for Ada?", "She is not available on Monday.", "voicemail"])
    def test_are_not_taken_for_callers(self, said: str) -> None:
        assert telephone_reply(said, offered(END_CALL)) is None


class TestWords:
    def test_are_found_in_names(self) -> None:
        assert ["billing", "team", "2", "desk"] == words_of("BillingTeam-2_desk")


class TestHostileWords:
    @pytest.mark.parametrize("piece", ["not available ", "keypad entry: ", "n't ", "speak to a ", "by", "\u0300"])
    def test_take_no_long_time(self, piece: str) -> None:
        """Or this never ends."""
        assert telephone_reply(piece * 50_000, offered(END_CALL, transfer(*NUMBERS))) is None
