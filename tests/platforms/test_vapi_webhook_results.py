"""How an answer to `tool-calls` is read: what the model gets for each call."""

import json
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.platforms.vapi import NO_RESULT, ToolCall
from vapi_conformance.platforms.vapi.consequence import Sureness
from vapi_conformance.platforms.vapi.webhooks import tool_results, webhook_consequence

ONE = (ToolCall(id="a", name="f"),)
TWO = (*ONE, ToolCall(id="b", name="g"))


def body(document: object) -> bytes:
    return json.dumps(document).encode()


def read(document: object, status: int | None = 200) -> tuple[str, str, Sureness]:
    (found,) = tool_results(body(document), status, ONE)
    return found.text, found.why_none, found.sureness


class TestFound:
    def test_the_text_under_the_id(self) -> None:
        assert ("Sunny.", "", "documented") == read({"results": [{"toolCallId": "a", "result": "Sunny."}]})

    def test_an_error_is_what_the_model_gets(self) -> None:
        (found,) = tool_results(body({"results": [{"toolCallId": "a", "error": "Closed."}]}), 200, ONE)
        assert ("Closed.", True, True) == (found.text, found.is_error, found.is_found)

    def test_an_error_for_all_is_everybodys(self) -> None:
        found = tool_results(body({"error": "Down."}), 200, TWO)
        assert [("Down.", "inferred")] * 2 == [(each.text, each.sureness) for each in found]

    def test_results_are_taken_by_id_and_given_in_the_order_of_the_calls(self) -> None:
        document = {"results": [{"toolCallId": "b", "result": "2"}, {"toolCallId": "a", "result": "1"}]}
        assert ["1", "2"] == [each.text for each in tool_results(body(document), 200, TWO)]

    def test_of_two_results_the_first(self) -> None:
        document = {"results": [{"toolCallId": "a", "result": "1"}, {"toolCallId": "a", "result": "2"}]}
        assert "1" == read(document)[0]


NO_OBJECT: Mapping[str, object] = {}
NO_LIST: Sequence[object] = ()
NONE: Sequence[tuple[object, str, Sureness]] = [
    (NO_LIST, "the body is no JSON object", "documented"),
    (NO_OBJECT, "the body has no list `results`", "documented"),
    ({"results": NO_OBJECT}, "the body has no list `results`", "documented"),
    ({"results": NO_LIST}, "no result has the toolCallId a", "documented"),
    ({"results": [{"toolCallId": "x", "result": "1"}]}, "no result has the toolCallId a", "documented"),
    ({"results": ["a", None, 1]}, "no result has the toolCallId a", "documented"),
    ({"results": [{"toolCallId": "a", "result": NO_OBJECT}]}, "its result is no string", "documented"),
    ({"results": [{"toolCallId": "a", "result": 5}]}, "its result is no string", "documented"),
    ({"results": [{"toolCallId": "a", "result": "1\n2"}]}, "its result holds a line break", "documented"),
    ({"results": [{"toolCallId": "a", "error": "1\r2"}]}, "its error holds a line break", "documented"),
    ({"results": [{"toolCallId": "a", "result": " "}]}, "its result is empty", "inferred"),
    ({"results": [{"toolCallId": "a"}]}, "it has neither a result nor an error", "documented"),
    (
        {"results": [{"toolCallId": "a", "result": None, "error": None}]},
        "it has neither a result nor an error",
        "documented",
    ),
]


class TestNone:
    @pytest.mark.parametrize(
        ("document", "why", "sureness"),
        NONE,
    )
    def test_says_why_and_how_that_is_known(self, document: object, why: str, sureness: Sureness) -> None:
        assert (NO_RESULT, why, sureness) == read(document)

    @pytest.mark.parametrize(
        ("status", "sureness"), [(201, "inferred"), (204, "inferred"), (400, "documented"), (500, "documented")]
    )
    def test_any_status_but_200(self, status: int, sureness: Sureness) -> None:
        text, why, known = read({"results": [{"toolCallId": "a", "result": "1"}]}, status)
        assert (NO_RESULT, sureness) == (text, known)
        assert f"the status is {status}" in why

    def test_no_response(self) -> None:
        assert (NO_RESULT, "no response came", "inferred") == read({}, None)

    @given(st.binary(max_size=200))
    def test_bytes_of_any_kind_give_one_for_each_call(self, data: bytes) -> None:
        assert ["a", "b"] == [each.call_id for each in tool_results(data, 200, TWO)]

    @pytest.mark.parametrize("data", [b"\xff\xfe", b"[" * 5000, b'{"results": ' + b"[" * 1000, b'{"results": [NaN]}'])
    def test_hostile_bytes(self, data: bytes) -> None:
        assert [NO_RESULT] == [each.text for each in tool_results(data, 200, ONE)]


def consequence(kind: str, document: object, status: int | None = 200, *, late: bool = False) -> tuple[str, ...]:
    """Empty where nothing is known to come of it."""
    found = webhook_consequence(kind, status=status, body=body(document), calls=TWO, is_late=late)
    return () if found is None else (found.what, found.text, *found.ended_reasons)


class TestConsequence:
    def test_of_lost_results(self) -> None:
        expected = "The model gets `No result returned…` for 1 of 2 calls: no result has the toolCallId b."
        found = consequence("tool-calls", {"results": [{"toolCallId": "a", "result": "1"}]})
        assert ("tool-lost", expected) == found

    def test_of_results_that_are_there(self) -> None:
        document = {"results": [{"toolCallId": each, "result": "1"} for each in "ab"]}
        assert ("tool-call", "The model gets the result of each call.") == consequence("tool-calls", document)
        assert "tool-lost" == consequence("tool-calls", document, late=True)[0]

    @pytest.mark.parametrize(
        ("document", "status", "reason"),
        [
            ({"assistantId": "x"}, 500, "assistant-request-failed"),
            ({"assistantId": "x"}, None, "assistant-request-failed"),
            ([], 200, "assistant-request-failed"),
            ({}, 200, "assistant-request-returned-no-assistant"),
            ({"error": "Closed."}, 200, "assistant-request-returned-error"),
            ({"error": {}}, 200, "assistant-request-returned-unspeakable-error"),
            ({"assistant": "Desk"}, 200, "assistant-request-returned-invalid-assistant"),
        ],
    )
    def test_of_a_call_without_assistant(self, document: object, status: int | None, reason: str) -> None:
        found = consequence("assistant-request", document, status)
        assert ("call-ends", reason) == (found[0], found[-1])

    def test_of_a_choice_is_none(self) -> None:
        assert () == consequence("assistant-request", {"assistantId": "x"})
        assert () == consequence("assistant-request", {"assistant": {"name": "Desk"}})

    def test_of_other_messages_nothing_is_known(self) -> None:
        assert () == consequence("status-update", {"error": "x"}, 500)
