"""Rules on tool calls as they are meant: what is called, with what, and how the answer ends."""

import pytest

from chunked_answers import DONE, ROLE, JsonObject, broken_by, delta, is_judged, said, stream, violations, whole
from vapi_conformance.exchange import End, Exchange

CITY: JsonObject = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
JSON = "tools.arguments-are-json"
SCHEMA = "tools.arguments-match-the-schema"
NOTHING = "tools.no-argument-call-is-an-empty-object"
OFFERED = "tools.name-was-offered"
ANY_OFFER = "tools.calls-need-an-offer"
FINISH_IS = "tools.finish-is-tool-calls"
FINISH_HAS = "tools.finish-tool-calls-has-a-call"
OLD = "tools.function-call-only-for-functions"


def offer(parameters: object = CITY, *, name: str = "f", **body: object) -> JsonObject:
    return {"tools": [{"type": "function", "function": {"name": name, "parameters": parameters}}], **body}


def call(
    *arguments: str,
    name: str = "f",
    finish: object = "tool_calls",
    request: JsonObject | None = None,
    end: End = End.CLEAN,
) -> Exchange:
    """A stream with one call, its arguments in these pieces."""
    head = {"index": 0, "id": "call_0", "type": "function", "function": {"name": name, "arguments": ""}}
    pieces = [delta({"tool_calls": [{"index": 0, "function": {"arguments": each}}]}) for each in arguments]
    deltas = [delta({"role": "assistant", "tool_calls": [head]}), *pieces, delta({}, finish)]
    return stream(*deltas, DONE, request=offer() if request is None else request, end=end)


def whole_call(arguments: object, *, finish: object = "tool_calls", request: JsonObject | None = None) -> Exchange:
    called = {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return whole({"tool_calls": [called]}, finish, request=offer() if request is None else request)


class TestArgumentsAreJson:
    @pytest.mark.parametrize(
        "pieces", [('{"city": "Oslo"}',), ("{", '"city"', ":", '"Oslo"', "}"), (' {"city":"Oslo"}\n',)]
    )
    def test_however_they_are_cut(self, pieces: tuple[str, ...]) -> None:
        assert set() == broken_by(call(*pieces))

    @pytest.mark.parametrize(
        "pieces",
        [('{"city": "Os',), ('{"city": "Oslo"}', "{}"), ("[]",), ("null",), ('"Oslo"',), ('{"city": NaN}',), ("",)],
    )
    def test_or_it_is_told(self, pieces: tuple[str, ...]) -> None:
        assert {JSON} == broken_by(call(*pieces))

    @pytest.mark.parametrize("arguments", ['{"city": "Os', "", "[]"])
    def test_in_a_message_too(self, arguments: str) -> None:
        assert {JSON} == broken_by(whole_call(arguments))

    @pytest.mark.parametrize("reason", ["length", "content_filter"])
    def test_unless_the_answer_was_cut(self, reason: str) -> None:
        assert set() == broken_by(call('{"city": "Os', finish=reason))

    @pytest.mark.parametrize("end", [End.RESET, End.CLOSED_BY_US])
    def test_unless_the_stream_was_cut(self, end: End) -> None:
        assert set() == broken_by(call('{"city": "Os', end=end))

    def test_or_nothing_where_the_tool_takes_nothing(self) -> None:
        assert {NOTHING} == broken_by(call("", request=offer({"type": "object", "properties": {}})))

    def test_and_of_a_custom_tool_they_are_text(self) -> None:
        called = {"id": "call_0", "type": "custom", "custom": {"name": "note", "input": "not JSON"}}
        request = {"tools": [{"type": "custom", "custom": {"name": "note"}}]}
        assert set() == broken_by(whole({"tool_calls": [called]}, "tool_calls", request=request))


class TestArgumentsMatchTheSchema:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [("{}", "'city' is a required property"), ('{"city": 7}', "/city: 7 is not of type 'string'")],
    )
    def test_or_it_is_told_where_and_how(self, arguments: str, told: str) -> None:
        for answer in (call(arguments), whole_call(arguments)):
            (violation,) = violations(SCHEMA, answer)
            assert told == violation.actual
            assert {SCHEMA} == broken_by(answer)

    @pytest.mark.parametrize(
        "parameters",
        [
            None,
            {"type": "strnig"},
            {"$ref": "https://schemas.example/city.json"},
            {"$ref": "#"},
            {"$schema": "urn:nobody", "type": "array"},
            "any",
        ],
    )
    def test_is_not_judged_by_a_schema_that_cannot_be_applied(self, parameters: object) -> None:
        answer = call('{"city": 7}', request=offer(parameters))
        assert not is_judged(SCHEMA, answer)
        assert set() == broken_by(answer)

    def test_is_not_judged_where_arguments_are_no_json(self) -> None:
        assert not is_judged(SCHEMA, call('{"city'))


class TestNoArguments:
    @pytest.mark.parametrize("parameters", [None, {}, {"type": "object"}, {"type": "object", "properties": {}}])
    def test_are_an_empty_object(self, parameters: object) -> None:
        assert set() == broken_by(call("{}", request=offer(parameters)))
        assert {NOTHING} == broken_by(call(" ", request=offer(parameters)))

    def test_are_no_question_for_a_tool_that_takes_some(self) -> None:
        assert not is_judged(NOTHING, call("{}"))


class TestOffer:
    def test_of_another_name_is_no_offer(self) -> None:
        (violation,) = violations(OFFERED, call('{"city": "Oslo"}', name="g"))
        assert ("one of the tools offered: 'f'", "'g'") == (violation.expected, violation.actual)

    def test_is_looked_for_in_old_functions_too(self) -> None:
        assert set() == broken_by(call("{}", request={"functions": [{"name": "f"}]}))

    def test_is_open_where_the_service_brings_tools_of_its_own(self) -> None:
        request = {"tools": [{"type": "web_search"}]}
        assert set() == broken_by(call("{}", name="search", request=request))

    def test_of_none_at_all_is_told_more_softly(self) -> None:
        assert {ANY_OFFER} == broken_by(call("{}", request={}))


class TestFinish:
    @pytest.mark.parametrize("reason", ["tool_calls", "length", "content_filter"])
    def test_of_a_call(self, reason: str) -> None:
        assert set() == broken_by(call('{"city": "Oslo"}', finish=reason))

    def test_with_stop_is_wrong(self) -> None:
        assert {FINISH_IS} == broken_by(call('{"city": "Oslo"}', finish="stop"))
        assert {FINISH_IS} == broken_by(whole_call('{"city": "Oslo"}', finish="stop"))

    def test_with_stop_is_right_for_a_named_choice(self) -> None:
        named = {"type": "function", "function": {"name": "f"}}
        assert set() == broken_by(call('{"city": "Oslo"}', finish="stop", request=offer(tool_choice=named)))

    @pytest.mark.parametrize("reason", ["eos", None, 7])
    def test_with_what_is_no_reason_is_left_to_other_rules(self, reason: object) -> None:
        assert FINISH_IS not in broken_by(call('{"city": "Oslo"}', finish=reason))

    def test_with_tool_calls_needs_one(self) -> None:
        assert {FINISH_HAS} == broken_by(stream(ROLE, delta({"content": "one"}), delta({}, "tool_calls"), DONE))
        assert {FINISH_HAS} == broken_by(whole({"content": "one"}, "tool_calls"))


class TestFunctionCall:
    @staticmethod
    def answer(request: JsonObject) -> Exchange:
        deltas = [
            {"role": "assistant", "function_call": {"name": "f", "arguments": ""}},
            {"function_call": {"arguments": "{}"}},
        ]
        return stream(*map(delta, deltas), delta({}, "function_call"), DONE, request=request)

    def test_answers_a_request_with_functions(self) -> None:
        assert set() == broken_by(self.answer({"functions": [{"name": "f"}]}))

    def test_does_not_answer_a_request_with_tools(self) -> None:
        assert {OLD} == broken_by(self.answer(offer()))

    def test_is_no_question_where_nothing_is_called(self) -> None:
        assert not is_judged(OLD, said("one"))
