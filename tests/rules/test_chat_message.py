"""Rules on the message of a whole answer."""

import pytest

from judging import outcome, told
from vapi_conformance.verdict import Outcome
from whole_answers import choice_of, document, message_of, whole

SILENT = "chat.null-content-has-a-reason"
CALLS = "chat.tool-calls-are-complete"


def saying(**message: object) -> object:
    sent = document()
    message_of(sent).update(message)
    return sent


class TestContent:
    @pytest.mark.parametrize("content", [7, {"text": "hello"}, [], [{"type": "text", "text": "hello"}], True])
    def test_is_a_string_or_null(self, content: object) -> None:
        assert 1 == len(told("chat.content-is-not-an-array", whole(saying(content=content))))

    def test_null_is_there_and_absent_is_not(self) -> None:
        assert [] == told("chat.content-key-is-present", whole(saying(content=None)))
        sent = document()
        del message_of(sent)["content"]
        assert 1 == len(told("chat.content-key-is-present", whole(sent)))
        assert Outcome.NOT_APPLICABLE is outcome("chat.content-is-not-an-array", whole(sent))


class TestNullContentHasAReason:
    @pytest.mark.parametrize(
        "message",
        [
            {"tool_calls": [{"id": "call_1"}]},
            {"function_call": {"name": "endCall", "arguments": "{}"}},
            {"refusal": "I cannot help with that."},
            {"audio": {"id": "audio_1"}},
        ],
    )
    def test_whatever_else_is_said_is_one(self, message: dict[str, object]) -> None:
        assert [] == told(SILENT, whole(saying(content=None, **message)))

    def test_so_is_a_filter(self) -> None:
        sent = document()
        message_of(sent)["content"] = None
        choice_of(sent)["finish_reason"] = "content_filter"
        assert [] == told(SILENT, whole(sent))

    @pytest.mark.parametrize(
        "message", [{}, {"tool_calls": []}, {"tool_calls": None}, {"refusal": ""}, {"audio": None}]
    )
    def test_nothing_is_none(self, message: dict[str, object]) -> None:
        assert ["choice 0 has content null and nothing else to say"] == told(
            SILENT, whole(saying(content=None, **message))
        )

    def test_empty_text_is_not_its_business(self) -> None:
        assert [] == told(SILENT, whole(saying(content="")))


class TestToolCallsAreComplete:
    FUNCTION = {"name": "get_weather", "arguments": "{}"}  # noqa: RUF012 - read only

    @pytest.mark.parametrize(
        "call",
        [
            {"type": "function", "function": FUNCTION},
            {"id": "", "type": "function", "function": FUNCTION},
            {"id": "call_1", "function": FUNCTION},
            {"id": "call_1", "type": "tool", "function": FUNCTION},
            {"id": "call_1", "type": "function"},
            {"id": "call_1", "type": "function", "function": {"arguments": "{}"}},
            {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": None}},
            {"id": "call_1", "type": "custom", "custom": {"name": "run"}},
            "get_weather",
        ],
    )
    def test_tells_what_is_missing(self, call: object) -> None:
        assert 1 == len(told(CALLS, whole(saying(tool_calls=[call]))))

    @pytest.mark.parametrize(
        "call",
        [
            {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{cut"}},
            {"id": "call_1", "type": "custom", "custom": {"name": "run", "input": "1 + 1"}},
        ],
    )
    def test_accepts_both_types_and_any_text_as_arguments(self, call: object) -> None:
        assert [] == told(CALLS, whole(saying(tool_calls=[call])))

    @pytest.mark.parametrize("calls", [None, []])
    def test_no_calls_are_not_incomplete(self, calls: object) -> None:
        assert Outcome.NOT_APPLICABLE is outcome(CALLS, whole(saying(tool_calls=calls)))

    def test_calls_that_are_no_list_are_told(self) -> None:
        assert 1 == len(told(CALLS, whole(saying(tool_calls={"0": {"id": "call_1"}}))))
