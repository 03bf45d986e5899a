"""Server messages as we build them: held to the recordings, and to what a backend may count on."""

import json
from collections.abc import Mapping, Sequence

import pytest

from platforms.structure import differences
from platforms.test_recordings import Explained, unexplained
from shared_data import needs_shared, vapi_recordings
from vapi_conformance.dialects.server_messages.kinds import KINDS
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.platforms.vapi import STILL_PENDING, Assistant, Caller, Conversation, Era, ToolCall
from vapi_conformance.platforms.vapi.assistant import Model
from vapi_conformance.platforms.vapi.history import ToolRound
from vapi_conformance.platforms.vapi.webhooks import (
    LISTS,
    QUESTIONS,
    Lists,
    Moment,
    Said,
    arguments_of,
    function_call_message,
    notice,
    notice_names,
    question,
    server_message,
    tool_calls_message,
)
from vapi_conformance.schema import errors

EXCERPTS = ("27", "28")
WHOLE = ("17", "18", "19", "20", "21", "22", "23", "24", "25", "26")
RECORDED = (*WHOLE, *EXCERPTS)
CALLER = Caller.from_seed(7)
PLAIN = Conversation().system("Be brief.").assistant("Hello, how can I help?").user("Weather in Rome and Oslo?")
CALLS = (
    ToolCall(id="call_1", name="getWeather", arguments='{"city": "Rome"}'),
    ToolCall(id="call_2", name="getWeather", arguments='{"city": "Oslo"}'),
)
TOOL: Mapping[str, object] = {
    "type": "function",
    "function": {
        "name": "getWeather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "password": {"type": "string"}}},
    },
    "async": False,
    "server": {"url": "https://backend.example/tool", "secret": "do-not-tell", "timeoutSeconds": 10},
    "messages": [],
    "parameters": [{"key": "clinicId", "value": "c-1"}],
}


def made(value: Mapping[str, object]) -> Mapping[str, object]:
    return object_or_nothing(value["message"])


def moment(assistant: Assistant | None = None, *, era: Era = Era.PHONE_2026) -> Moment:
    return Moment(caller=CALLER, assistant=assistant or Assistant(), said=Said(conversation=PLAIN), era=era)


def recorded(number: str) -> Mapping[str, object]:
    (recording,) = vapi_recordings(f"{number}-")
    return made(object_or_nothing(recording.load()["body"]))


def history_of(number: str) -> tuple[Conversation, tuple[ToolCall, ...]]:
    """The recorded history up to the calls that are pending, and these."""
    said = object_or_nothing(recorded(number)["artifact"])["messagesOpenAIFormatted"]
    whole = Conversation.from_messages(object_or_nothing(each) for each in array_or_nothing(said))
    if recorded(number)["type"] != "tool-calls":
        return whole, ()
    *before, last = whole.entries
    assert isinstance(last, ToolRound)
    return Conversation(tuple(before)), last.calls


def assistant_of(number: str) -> Assistant:
    document = object_or_nothing(recorded(number).get("assistant"))
    return Assistant(model=Model(tools=tools_of(number)), document=document)


def tools_of(number: str) -> tuple[Mapping[str, object], ...]:
    found = array_or_nothing(recorded(number).get("toolWithToolCallList"))
    return tuple({key: value for key, value in object_or_nothing(each).items() if key != "toolCall"} for each in found)


def era_of(number: str) -> Era:
    if number == "20":
        return Era.WEB_2024_12
    return Era.WEB_2026 if object_or_nothing(recorded(number).get("call")).get("type") == "webCall" else Era.PHONE_2026


def rebuilt(number: str) -> Mapping[str, object]:
    """The recorded message as we would build it of the same words, the same assistant and the same tools."""
    kind = str(recorded(number)["type"])
    era, assistant = era_of(number), assistant_of(number)
    if kind == "assistant-request":
        return made(question(kind, Moment.begun(CALLER, assistant)))
    if number == "27":  # an excerpt: only what the message is about
        return made(notice("status-update.ended", moment(assistant)))
    history, calls = history_of(number)
    if kind == "tool-calls":
        return made(tool_calls_message(CALLER, assistant, calls, history, tools=tools_of(number), era=era))
    at = Moment(caller=CALLER, assistant=assistant, said=Said(conversation=history), era=era)
    return made(notice(f"{kind}.ended" if recorded(number).get("status") == "ended" else kind, at))


OLD = "17 18 19 21"
OLD_CALLS = "18 19 21"
WEB = "22 23 24 25"
SIP = "carrier: the recorded call came by SIP, ours comes by Twilio"

TABLE: Sequence[Explained] = (
    Explained(OLD, "", "order", "era: in mid-2024 the timestamp came last"),
    Explained(OLD, "/timestamp", "type", "era: an ISO string then, epoch milliseconds since late 2024"),
    Explained(OLD, "/call", "order", "era: the keys that stayed were sorted differently"),
    Explained(OLD, "/call/[mt]*", "only here", "era: monitor and transport came with 2024-12"),
    Explained(f"{OLD} {WEB}", "/call/cost", "only here", "era: 2026"),
    Explained(OLD_CALLS, "/call/assistantOverrides", "only here", "era: 2024-12"),
    Explained(OLD_CALLS, "/assistant", "only here", "era: late 2024"),
    Explained(f"{OLD_CALLS} 22 24 25", "/artifact/variables", "only here", "era: seen in 2026"),
    Explained(f"{OLD_CALLS} {WEB}", "/artifact/variableValues", "only here", "era: seen in 2026"),
    Explained("18 21", "/artifact/messages/0/duration", "only here", "era: what the bot said has one since 2024-12"),
    Explained("17", "/phoneNumber/[cfnst]*", "only there", "era: the whole record of the database"),
    Explained("18 19", "/phoneNumber/stripe*", "only there", "era: billing was part of the record"),
    Explained("18 19", "/phoneNumber/assistantId", "only here", "era: by 2026"),
    Explained("17 18 19", "/phoneNumber/status", "only here", "era: by 2026"),
    Explained("18 19", "/call/squad", "only there", "configuration: a squad took the call"),
    Explained("18 19 20", "/call/assistantId", "only here", "configuration: a squad, an assistant without an id"),
    Explained("20", "/call/assistant", "only there", "configuration: an assistant without an id"),
    Explained("20", "/assistant/[iocu]*", "only here", "configuration: an assistant without an id and dates"),
    Explained("26", "/assistant/[cu]*", "only here", "trimmed by its author"),
    Explained(WEB, "/assistant", "order", "our record has the dates before the configuration"),
    Explained("18", "/artifact/messagesOpenAIFormatted", "length", "era: a call under way had no result then"),
    Explained("18", "/artifact/messagesOpenAIFormatted/2/content", "only there", "era: an empty text beside the calls"),
    Explained("18", "/artifact/messagesOpenAIFormatted/2/tool_calls/0", "order", "era: the type came first"),
    Explained("18", "/tool*isPrecededByText", "only here", "era: 2026"),
    Explained("18", "/toolWithToolCallList/0/server/secret", "only there", "secrets are not repeated by us"),
    Explained(WEB, "/call/transport/*", "only here", "era: keys of 2026"),
    Explained("22 23 24", "/call/assistantOverrides/clientMessages", "only there", "configuration of the client"),
    Explained("25", "/call/assistantOverrides/[fmntv]*", "only there", "configuration of the client"),
    Explained(WEB, "/call/assistantOverrides/variableValues", "only here", "configuration: none here"),
    Explained("24", "/conversation", "length", "its author trimmed one of the two lists"),
    Explained("23", "/artifact/variables/*", "only here", "it was empty then"),
    Explained("19", "/artifact/*", "only here", "era: the report of 2024 had an empty artifact"),
    Explained("19", "/[cdes]*", "only here", "era: the report of 2024 had no times and costs"),
    Explained("19", "/messages", "length", "era: its artifact was empty, so that ours is rebuilt of nothing"),
    Explained("26", "/*sipUri", "only there", SIP),
    Explained("26", "/*providerResourceId", "only there", SIP),
    Explained("26", "/call/*sbcCallSid", "only there", SIP),
    Explained("26", "/call/phoneCallProviderDetails", "only there", SIP),
    Explained("26", "/call/assistantOverrides/variableValues/*", "only there", SIP),
    Explained("26", "/artifact/variable*", "only there", SIP),
    Explained("26", "/artifact/messages/2/metadata", "only there", "configuration: confidence of each word"),
)


@needs_shared
class TestRecordings:
    @pytest.mark.parametrize("number", ["18", "20", "26"])
    def test_the_lists_of_calls_are_the_recorded_ones_to_the_letter(self, number: str) -> None:
        there, here = recorded(number), rebuilt(number)
        for key in ("toolCalls", "toolCallList"):
            calls = [dict(object_or_nothing(each)) for each in array_or_nothing(here[key])]
            for each in calls:
                each.pop("isPrecededByText", None)  # 2026; whether it is true is not in the words
            expected = [dict(object_or_nothing(each)) for each in array_or_nothing(there[key])]
            for each in expected:
                each.pop("isPrecededByText", None)
            assert expected == calls

    @pytest.mark.parametrize("number", ["20", "26"])
    def test_what_the_model_is_shown_is_recorded_to_the_letter(self, number: str) -> None:
        there, here = (object_or_nothing(each["artifact"]) for each in (recorded(number), rebuilt(number)))
        assert there["messagesOpenAIFormatted"] == here["messagesOpenAIFormatted"]

    @pytest.mark.parametrize("number", RECORDED)
    def test_our_schema_takes_the_recording_and_what_we_build(self, number: str) -> None:
        assert () == errors("vapi/server-message", {"message": recorded(number)})
        assert () == errors("vapi/server-message", {"message": rebuilt(number)})

    @pytest.mark.parametrize("number", WHOLE)
    def test_have_the_recorded_structure(self, number: str) -> None:
        assert ([], []) == unexplained(number, differences(recorded(number), rebuilt(number)), TABLE)

    @pytest.mark.parametrize("number", EXCERPTS)
    def test_what_its_author_kept_of_one_is_there_but_for_what_went_wrong(self, number: str) -> None:
        missing = {key for key in recorded(number) if key not in rebuilt(number)}
        assert missing <= {"inboundPhoneCallDebuggingArtifacts"}  # our calls find their assistant


class TestMessages:
    @pytest.mark.parametrize("name", notice_names())
    @pytest.mark.parametrize("era", list(Era))
    def test_notices_follow_the_schema(self, name: str, era: Era) -> None:
        message = notice(name, moment(era=era))
        assert () == errors("vapi/server-message", message)
        assert json.loads(json.dumps(message)) == message

    @pytest.mark.parametrize("kind", QUESTIONS)
    def test_questions_follow_the_schema(self, kind: str) -> None:
        assert () == errors("vapi/server-message", question(kind, moment()))

    def test_every_kind_that_we_know_can_be_built(self) -> None:
        built = {*QUESTIONS, *(str(made(notice(name, moment()))["type"]) for name in notice_names())}
        assert set(KINDS) == built | {"tool-calls", "function-call"}

    def test_names_of_none_are_refused(self) -> None:
        with pytest.raises(KeyError):
            notice("rain", moment())
        with pytest.raises(KeyError):
            question("rain", moment())

    def test_the_same_call_gives_the_same_message(self) -> None:
        assert notice("end-of-call-report", moment()) == notice("end-of-call-report", moment())

    def test_an_assistant_request_has_no_assistant_yet(self) -> None:
        message = made(question("assistant-request", moment()))
        assert (None, False, False) == (
            object_or_nothing(message["call"])["assistantId"],
            "assistant" in message,
            "artifact" in message,
        )

    def test_a_predial_has_a_contact_and_no_call(self) -> None:
        message = made(question("campaign.predial", moment()))
        assert CALLER.number == object_or_nothing(message["contact"])["number"]
        assert "call" not in message

    def test_a_web_call_has_no_number(self) -> None:
        message = made(server_message("hang", moment(era=Era.WEB_2026)))
        assert {"phoneNumber", "customer"}.isdisjoint(message)

    def test_the_time_goes_on_with_the_words(self) -> None:
        early = Moment(caller=CALLER, assistant=Assistant(), said=Said(conversation=Conversation()))
        assert moment().timestamp_ms > early.timestamp_ms == int(CALLER.started_at.timestamp() * 1000)
        fixed = Moment(caller=CALLER, assistant=Assistant(), said=Said(conversation=PLAIN), at_ms=5)
        assert early.timestamp_ms + 5 == fixed.timestamp_ms

    def test_secrets_of_the_configuration_are_left_out(self) -> None:
        document = {"model": {"tools": [TOOL]}, "server": {"url": "https://b.example", "secret": "do-not-tell"}}
        assistant = Assistant(model=Model(tools=(TOOL,)), document=document)
        built = [
            *(notice(name, moment(assistant)) for name in notice_names()),
            *(question(kind, moment(assistant)) for kind in QUESTIONS),
            *(tool_calls_message(CALLER, assistant, CALLS, PLAIN, lists=lists) for lists in LISTS),
        ]
        assert [] == [each for each in built if "do-not-tell" in json.dumps(each)]


class TestToolCalls:
    @pytest.mark.parametrize("lists", LISTS)
    def test_every_form_names_each_call_in_order(self, lists: Lists) -> None:
        message = made(tool_calls_message(CALLER, Assistant(), CALLS, PLAIN, lists=lists))
        listed = [object_or_nothing(each)["id"] for each in array_or_nothing(message["toolCallList"])]
        tools = [object_or_nothing(each)["toolCall"] for each in array_or_nothing(message["toolWithToolCallList"])]
        assert ["call_1", "call_2"] == listed == [object_or_nothing(each)["id"] for each in tools]

    def test_arguments_are_an_object_in_the_lists_and_text_in_the_artifact(self) -> None:
        message = made(tool_calls_message(CALLER, Assistant(), CALLS, PLAIN))
        call = object_or_nothing(object_or_nothing(array_or_nothing(message["toolCalls"])[0])["function"])
        assert {"city": "Rome"} == call["arguments"]
        asked = object_or_nothing(array_or_nothing(object_or_nothing(message["artifact"])["messages"])[-1])
        held = object_or_nothing(object_or_nothing(array_or_nothing(asked["toolCalls"])[0])["function"])
        assert ("tool_calls", '{"city": "Rome"}') == (asked["role"], held["arguments"])

    def test_a_call_under_way_has_no_result_but_a_sentence_for_the_model(self) -> None:
        artifact = object_or_nothing(made(tool_calls_message(CALLER, Assistant(), CALLS, PLAIN))["artifact"])
        roles = [object_or_nothing(each)["role"] for each in array_or_nothing(artifact["messages"])]
        assert ["system", "bot", "user", "tool_calls"] == roles
        shown = [object_or_nothing(each) for each in array_or_nothing(artifact["messagesOpenAIFormatted"])]
        assert [STILL_PENDING, STILL_PENDING] == [each["content"] for each in shown if each["role"] == "tool"]

    def test_an_earlier_round_has_its_results_also_where_it_was_the_same(self) -> None:
        before = PLAIN.tools(*CALLS).assistant("Done.").user("Again, please.")
        artifact = object_or_nothing(made(tool_calls_message(CALLER, Assistant(), CALLS, before))["artifact"])
        roles = [object_or_nothing(each)["role"] for each in array_or_nothing(artifact["messages"])]
        assert (2, 2) == (roles.count("tool_calls"), roles.count("tool_call_result"))

    def test_filler_is_spoken_and_says_so(self) -> None:
        message = made(tool_calls_message(CALLER, Assistant(), CALLS, PLAIN, filler="One moment."))
        assert "One moment." in json.dumps(message["artifact"])
        assert object_or_nothing(array_or_nothing(message["toolCalls"])[0])["isPrecededByText"] is True

    def test_static_values_are_merged_into_the_arguments(self) -> None:
        assert {"city": "Rome", "clinicId": "c-1"} == arguments_of(CALLS[0], TOOL)

    @pytest.mark.parametrize("text", ["", "[]", "no json", '"x"'])
    def test_arguments_that_are_no_object_become_an_empty_one(self, text: str) -> None:
        assert {} == arguments_of(ToolCall(id="c", name="n", arguments=text))

    def test_a_parameter_called_password_stays(self) -> None:
        message = tool_calls_message(CALLER, Assistant(model=Model(tools=(TOOL,))), CALLS, PLAIN)
        assert '"password"' in json.dumps(message)

    def test_the_predecessor_has_one_call_with_parameters(self) -> None:
        message = made(function_call_message(CALLER, Assistant(), CALLS[0], PLAIN))
        assert {"name": "getWeather", "parameters": {"city": "Rome"}} == message["functionCall"]
