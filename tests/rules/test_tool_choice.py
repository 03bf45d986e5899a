"""Rules on what a request demands about calling tools."""

import pytest

from chunked_answers import DONE, FINISH, ROLE, JsonObject, broken_by, delta, is_judged, stream, whole
from vapi_conformance.exchange import End, Exchange

TOOLS: JsonObject = {"tools": [{"type": "function", "function": {"name": name}} for name in ("f", "g")]}
NAMED: JsonObject = {**TOOLS, "tool_choice": {"type": "function", "function": {"name": "f"}}}
NONE = "tools.choice-none-is-honoured"
REQUIRED = "tools.choice-required-is-honoured"
CHOICE_NAMED = "tools.choice-named-is-honoured"
ONE = "tools.one-call-when-not-parallel"


def asking(choice: object) -> JsonObject:
    return {**TOOLS, "tool_choice": choice}


def calling(*names: str, request: JsonObject, finish: str = "tool_calls") -> Exchange:
    """A stream that calls these."""
    items = [
        {"index": at, "id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        for at, name in enumerate(names)
    ]
    return stream(delta({"role": "assistant", "tool_calls": items}), delta({}, finish), DONE, request=request)


def speaking(request: JsonObject, finish: str = "stop", end: End = End.CLEAN) -> Exchange:
    """A stream that says a word."""
    return stream(ROLE, delta({"content": "one"}), delta({}, finish), DONE, request=request, end=end)


class TestNone:
    def test_is_honoured_by_words(self) -> None:
        assert set() == broken_by(speaking(asking("none")))

    def test_is_broken_by_a_call(self) -> None:
        assert {NONE} == broken_by(calling("f", request=asking("none")))

    def test_is_broken_by_a_call_in_a_message(self) -> None:
        call = {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        assert {NONE} == broken_by(whole({"tool_calls": [call]}, "tool_calls", request=asking("none")))

    def test_can_be_said_in_the_old_way(self) -> None:
        request = {"functions": [{"name": "f"}], "function_call": "none"}
        called = delta({"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}})
        assert {NONE} == broken_by(stream(called, delta({}, "function_call"), DONE, request=request))

    @pytest.mark.parametrize("choice", [None, "auto", "required", 7, {"type": "none"}])
    def test_is_not_meant_by_anything_else(self, choice: object) -> None:
        assert not is_judged(NONE, calling("f", request=asking(choice)))


class TestRequired:
    def test_is_honoured_by_any_call(self) -> None:
        assert set() == broken_by(calling("g", request=asking("required")))

    def test_is_broken_by_words(self) -> None:
        assert {REQUIRED} == broken_by(speaking(asking("required")))
        assert {REQUIRED} == broken_by(whole({"content": "one"}, request=asking("required")))

    @pytest.mark.parametrize("reason", ["length", "content_filter"])
    def test_is_not_broken_by_an_answer_that_was_cut(self, reason: str) -> None:
        assert set() == broken_by(speaking(asking("required"), reason))

    def test_is_not_broken_by_a_stream_that_was_cut(self) -> None:
        assert not is_judged(REQUIRED, speaking(asking("required"), end=End.TRUNCATED))

    def test_is_not_broken_by_a_refusal(self) -> None:
        assert set() == broken_by(stream(ROLE, delta({"refusal": "No."}), FINISH, DONE, request=asking("required")))


class TestNamed:
    @pytest.mark.parametrize("finish", ["stop", "tool_calls"])
    def test_is_honoured_by_that_tool(self, finish: str) -> None:
        assert set() == broken_by(calling("f", request=NAMED, finish=finish))

    @pytest.mark.parametrize("names", [("g",), ("f", "g")])
    def test_is_broken_by_another(self, names: tuple[str, ...]) -> None:
        assert {CHOICE_NAMED} == broken_by(calling(*names, request=NAMED))

    def test_is_broken_by_words(self) -> None:
        assert {CHOICE_NAMED} == broken_by(speaking(NAMED))


class TestOneAtATime:
    def test_is_one(self) -> None:
        assert set() == broken_by(calling("f", request={**TOOLS, "parallel_tool_calls": False}))

    def test_is_not_two(self) -> None:
        assert {ONE} == broken_by(calling("f", "g", request={**TOOLS, "parallel_tool_calls": False}))

    @pytest.mark.parametrize("parallel", [True, None, 0, "false"])
    def test_is_asked_for_by_false_only(self, parallel: object) -> None:
        assert not is_judged(ONE, calling("f", "g", request={**TOOLS, "parallel_tool_calls": parallel}))
