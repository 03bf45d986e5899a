"""Rules on tool calls as they are sent: fragments of a stream, and calls of a whole message."""

from collections.abc import Mapping

import pytest

import whole_answers
from chunked_answers import DONE, ROLE, JsonObject, broken_by, delta, is_judged, said, stream, violations, whole
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.rules import Profile, all_rules
from vapi_conformance.rules.rule import MUST
from vapi_conformance.verdict import Outcome, judge

OFFER: JsonObject = {"tools": [{"type": "function", "function": {"name": name}} for name in ("f", "g")]}


def fragment(index: object = 0, **fields: object) -> dict[str, object]:
    """An item of `tool_calls`; `name` and `arguments` go where they belong, and None leaves a key out."""
    function = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    head = {} if index is None else {"index": index}
    return {**head, **fields, **({"function": function} if function else {})}


def first(index: object = 0, *, name: str = "f", arguments: object = "{}", **fields: object) -> dict[str, object]:
    return fragment(index, id=f"call_{index}", type="function", name=name, arguments=arguments, **fields)


def calls(*fragments: object, offer: JsonObject = OFFER) -> Exchange:
    """A stream with one delta for each fragment."""
    deltas = [delta({"tool_calls": [each]}) for each in fragments]
    return stream(delta({"role": "assistant"}), *deltas, delta({}, "tool_calls"), DONE, request=offer)


class TestIndex:
    @pytest.mark.parametrize("index", [None, "0", 0.5, -1, True])
    def test_is_an_integer_from_0(self, index: object) -> None:
        assert {"tools.index-is-an-integer"} == broken_by(calls(first(index)))

    @pytest.mark.parametrize("indexes", [(0,), (0, 1), (1, 0), (0, 1, 2)])
    def test_leaves_none_out(self, indexes: tuple[int, ...]) -> None:
        assert set() == broken_by(calls(*map(first, indexes)))

    @pytest.mark.parametrize("indexes", [(1,), (0, 2), (1, 2)])
    def test_does_not_begin_late_or_leap(self, indexes: tuple[int, ...]) -> None:
        assert {"tools.indexes-are-contiguous"} == broken_by(calls(*map(first, indexes)))

    def test_lets_fragments_of_several_calls_take_turns(self) -> None:
        parts = [first(0, arguments=""), first(1, name="g", arguments="")]
        rest = [fragment(1, arguments="{"), fragment(0, arguments="{}"), fragment(1, arguments="}")]
        assert set() == broken_by(calls(*parts, *rest))

    def test_missing_on_whole_calls_is_one_fault(self) -> None:
        two = [fragment(None, id=f"call_{at}", type="function", name="f", arguments="{}") for at in range(2)]
        assert {"tools.index-is-an-integer"} == broken_by(calls(*two))


class TestFirstFragment:
    @pytest.mark.parametrize("identity", [None, "", 7])
    def test_has_an_id(self, identity: object) -> None:
        assert {"tools.first-fragment-has-id"} == broken_by(calls({**first(), "id": identity}))

    @pytest.mark.parametrize("name", ["", None, 7])
    def test_has_a_name(self, name: object) -> None:
        sent = {**first(), "function": {"name": name, "arguments": "{}"}}
        assert {"tools.first-fragment-has-name"} == broken_by(calls(sent))

    @pytest.mark.parametrize("kind", [None, "", "tool", 1])
    def test_has_a_type(self, kind: object) -> None:
        assert {"tools.first-fragment-has-type"} == broken_by(calls({**first(), "type": kind}))

    def test_says_what_was_sent(self) -> None:
        (violation,) = violations("tools.first-fragment-has-id", calls(fragment(type="function", name="f")))
        assert "id is absent" == violation.actual

    def test_of_a_custom_tool_is_named_elsewhere(self) -> None:
        sent = {"index": 0, "id": "call_0", "type": "custom", "custom": {"name": "note", "input": "hi"}}
        offer = {"tools": [{"type": "custom", "custom": {"name": "note"}}]}
        assert set() == broken_by(calls(sent, offer=offer))


class TestIds:
    def test_are_unique_in_a_stream(self) -> None:
        assert {"tools.ids-are-unique"} == broken_by(calls(first(0), {**first(1), "id": "call_0"}))

    def test_are_unique_in_a_message(self) -> None:
        call = {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        answer = whole({"tool_calls": [call, call]}, "tool_calls", request=OFFER)
        assert {"tools.ids-are-unique"} == broken_by(answer)

    @pytest.mark.parametrize(("ids", "found"), [(("call_a", "call_b"), Outcome.PASSED), (("a", "a"), Outcome.VIOLATED)])
    def test_are_unique_among_the_calls_of_a_response_too(self, ids: tuple[str, str], found: Outcome) -> None:
        """Responses calls it call_id: the result of a tool finds its call by nothing else."""
        output = [
            {"type": "function_call", "id": f"fc_{place}", "call_id": name, "name": "f", "arguments": "{}"}
            for place, name in enumerate(ids)
        ]
        exchange = whole_answers.whole({"object": "response", "id": "resp_1", "status": "completed", "output": output})
        evidence = Evidence(exchange=exchange, dialect=Dialect.OPENAI_RESPONSES)
        rule = all_rules()["tools.ids-are-unique"]
        (result,) = judge([rule], [evidence], profile=Profile.STANDARD, dialect=Dialect.OPENAI_RESPONSES)
        assert (MUST, found) == (result.level, result.outcome)

    def test_missing_are_not_the_same(self) -> None:
        both = [{**first(at), "id": ""} for at in range(2)]
        assert {"tools.first-fragment-has-id"} == broken_by(calls(*both))


class TestLaterFragments:
    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"id": "call_0"}, "id again"),
            ({"type": "function"}, "type again"),
            ({"name": "f"}, "function.name again"),
            ({"id": "call_0", "type": "function", "name": "f"}, "id, type, function.name again"),
        ],
    )
    def test_repeat_nothing(self, fields: Mapping[str, object], told: str) -> None:
        answer = calls(first(arguments="{"), fragment(**{"arguments": "}", **fields}))
        (violation,) = violations("tools.later-fragments-repeat-nothing", answer)
        assert told == violation.actual

    @pytest.mark.parametrize("fields", [{"id": ""}, {"id": None}, {"name": ""}, {"name": None, "type": None}])
    def test_may_have_empty_ones(self, fields: Mapping[str, object]) -> None:
        assert set() == broken_by(calls(first(arguments="{"), fragment(**{"arguments": "}", **fields})))


class TestArguments:
    @pytest.mark.parametrize("arguments", [None, {}, {"city": "Lisbon"}, 7, []])
    def test_are_a_string(self, arguments: object) -> None:
        assert {"tools.arguments-are-a-string"} == broken_by(calls(first(arguments=arguments)))

    def test_are_in_an_object(self) -> None:
        sent = [first(arguments="{}"), {"index": 0, "function": "{}"}]
        assert {"tools.arguments-are-a-string"} == broken_by(calls(*sent))


class TestContentBeside:
    @pytest.mark.parametrize("content", ["", "One moment."])
    def test_is_in_deltas_of_its_own(self, content: str) -> None:
        beside = delta({"content": content, "tool_calls": [first()]})
        answer = stream(delta({"role": "assistant"}), beside, delta({}, "tool_calls"), DONE, request=OFFER)
        assert {"tools.no-content-beside-calls"} == broken_by(answer)

    def test_may_come_before(self) -> None:
        chunks = [ROLE, delta({"content": "One moment."}), delta({"content": None, "tool_calls": [first()]})]
        assert set() == broken_by(stream(*chunks, delta({}, "tool_calls"), DONE, request=OFFER))


class TestEmptyList:
    @pytest.mark.parametrize("empty", [[], None])
    def test_is_left_out_of_deltas(self, empty: object) -> None:
        answer = stream(ROLE, delta({"content": "one", "tool_calls": empty}), delta({}, "stop"), DONE)
        assert {"tools.no-empty-call-list"} == broken_by(answer)

    @pytest.mark.parametrize("empty", [[], None])
    def test_is_left_out_of_messages(self, empty: object) -> None:
        assert {"tools.no-empty-call-list"} == broken_by(whole({"content": "one", "tool_calls": empty}))

    def test_is_no_question_without_the_key(self) -> None:
        assert set() == broken_by(said("one"), whole({"content": "one"}))


class TestWholeCalls:
    def test_have_no_index(self) -> None:
        call = {"id": "call_0", "index": 0, "type": "function", "function": {"name": "f", "arguments": "{}"}}
        answer = whole({"tool_calls": [call]}, "tool_calls", request=OFFER)
        assert {"tools.json-calls-have-no-index"} == broken_by(answer)

    def test_are_not_judged_as_fragments(self) -> None:
        answer = whole({"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}, "tool_calls", request=OFFER)
        assert not is_judged("tools.first-fragment-has-id", answer)
        assert set() == broken_by(answer)
