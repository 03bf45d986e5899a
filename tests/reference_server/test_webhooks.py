"""The reference server as the backend of a Vapi assistant, sound and with each of its mistakes."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import TYPE_CHECKING

import httpx
import pytest

from reference_server.conftest import KEY
from reference_server.talking import Heard, Json, Talk, every, first, inner
from vapi_reference_server.dialects import DialectName
from vapi_reference_server.faults import all_faults

if TYPE_CHECKING:
    from collections.abc import Mapping

FAULTS = {name: fault for name, fault in all_faults().items() if fault.dialect is DialectName.SERVER_MESSAGES}
PATHS = ("/webhook", "/chat/completions/custom-tool", "/v1/chat/completions/custom-tool")


def message(kind: str, call: str = "c-1", **fields: object) -> Json:
    return {"message": {"type": kind, "timestamp": 1_767_603_600_000, **fields, "call": {"id": call}}}


def asked(call_id: str, name: str = "get_weather", arguments: object = None) -> Json:
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": {"city": "Lyon"} if arguments is None else arguments},
    }


def tool_calls(*calls: Json, call: str = "c-1") -> Json:
    return message("tool-calls", call, toolCalls=list(calls), toolCallList=list(calls))


def post(talk: Talk, body: Json, path: str = "/webhook", **headers: str) -> Heard:
    return talk.post(body, path, {name.replace("_", "-"): value for name, value in headers.items()})


class TestTools:
    @pytest.mark.parametrize("path", PATHS)
    def test_each_call_has_a_result_of_one_line_under_its_id(self, talk: Talk, path: str) -> None:
        heard = post(talk, tool_calls(asked("a"), asked("b", "read_clock", {}), call=path), path)
        assert (200, [("a", "get_weather was run with city Lyon."), ("b", "read_clock was run.")]) == (
            heard.status,
            [(each["toolCallId"], each["result"]) for each in every(heard.json, "results")],
        )

    @pytest.mark.parametrize(
        "call",
        [
            asked("f", arguments='{"city": "Lyon"}'),
            {"id": "f", "name": "get_weather", "arguments": {"city": "Lyon"}},
            {"id": "f", "name": "get_weather", "parameters": {"city": "Lyon"}},
            {"id": "f", "function": {"name": "get_weather", "parameters": {"city": "Lyon"}}},
        ],
    )
    def test_every_form_of_arguments_is_understood(self, talk: Talk, call: Json) -> None:
        body = message("tool-calls", json.dumps(call), toolWithToolCallList=[{"toolCall": call}])
        assert "get_weather was run with city Lyon." == first(post(talk, body).json, "results")["result"]

    def test_line_breaks_of_arguments_do_not_reach_the_result(self, talk: Talk) -> None:
        heard = post(talk, tool_calls(asked("n", arguments={"city": "Ly\non\r\u2028x"}), call="lines"))
        assert "get_weather was run with city Ly on x." == first(heard.json, "results")["result"]

    def test_a_tool_that_there_is_not_is_told(self, talk: Talk) -> None:
        (result,) = every(post(talk, tool_calls(asked("u", "no_such_tool"), call="none")).json, "results")
        assert ("u", "There is no tool called no_such_tool.", False) == (
            result["toolCallId"],
            result["error"],
            "result" in result,
        )

    def test_a_call_that_comes_again_is_answered_and_not_run_again(self, talk: Talk) -> None:
        once, again = (post(talk, tool_calls(asked("r"), call="redelivered")) for _ in range(2))
        assert (once.json, "1", "1") == (again.json, once.headers["x-tool-runs"], again.headers["x-tool-runs"])
        assert "2" == post(talk, tool_calls(asked("s"), call="redelivered")).headers["x-tool-runs"]

    def test_the_predecessor_is_answered(self, talk: Talk) -> None:
        body = message("function-call", functionCall={"name": "get_weather", "parameters": {"city": "Lyon"}})
        assert {"result": "get_weather was run with city Lyon."} == post(talk, body).json


class TestOtherMessages:
    def test_questions_have_their_answers(self, talk: Talk) -> None:
        found = {
            kind: set(post(talk, message(kind)).json)
            for kind in (
                *("assistant-request", "transfer-destination-request", "handoff-destination-request"),
                *("knowledge-base-request", "call.endpointing.request", "campaign.predial"),
            )
        }
        assert {
            "assistant-request": {"assistantId"},
            "transfer-destination-request": {"destination"},
            "handoff-destination-request": {"destination"},
            "knowledge-base-request": {"documents"},
            "call.endpointing.request": {"timeoutSeconds"},
            "campaign.predial": {"eligible"},
        } == found

    @pytest.mark.parametrize("kind", ["status-update", "end-of-call-report", "of-tomorrow"])
    def test_all_others_are_taken(self, talk: Talk, kind: str) -> None:
        heard = post(talk, message(kind))
        assert (200, {}) == (heard.status, heard.json)

    @pytest.mark.parametrize("body", [{}, {"message": "hi"}, {"message": {}}, {"message": {"type": 7}}])
    def test_what_is_no_message_is_refused(self, talk: Talk, body: Json) -> None:
        heard = post(talk, body)
        assert (400, "no_message") == (heard.status, inner(heard.json, "error")["code"])

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"toolCallList": {}},
            {"toolCallList": [1, None, {}, {"id": 7}]},
            {"toolWithToolCallList": [{"toolCall": "x"}]},
        ],
    )
    def test_lists_that_are_none_hold_no_calls(self, talk: Talk, fields: Json) -> None:
        assert {"results": []} == post(talk, {"message": {"type": "tool-calls", **fields}}).json


class TestKeys:
    @pytest.mark.parametrize("headers", [{"X_Vapi_Secret": KEY}, {"Authorization": f"Bearer {KEY}"}])
    def test_the_right_one_is_let_in(self, locked: Talk, headers: Mapping[str, str]) -> None:
        assert 200 == post(locked, message("hang"), **headers).status

    @pytest.mark.parametrize("headers", [{}, {"X_Vapi_Secret": "wrong"}, {"x_signature": "00", "x_timestamp": "1"}])
    def test_others_are_refused(self, locked: Talk, headers: Mapping[str, str]) -> None:
        assert 401 == post(locked, message("hang"), **headers).status

    def test_a_signature_is_as_good_as_long_as_the_body_is_what_was_signed(self, locked: Talk) -> None:
        body = json.dumps(message("hang")).encode()
        signature = hmac.new(KEY.encode(), b"17." + body, hashlib.sha256).hexdigest()
        headers = {"x-signature": signature, "x-timestamp": "17"}
        assert 200 == locked.post(body, "/webhook", headers).status
        assert 401 == locked.post(body + b" ", "/webhook", headers).status


ONE, TWO = tool_calls(asked("a")), tool_calls(asked("a"), asked("b", "read_clock"))
TEXT_ARGUMENTS = tool_calls(asked("t", arguments='{"city": "Lyon"}'))
BY_NAME: Mapping[str, tuple[Json, ...]] = {
    "webhook-text-arguments-lost": (TEXT_ARGUMENTS,),
    "webhook-unknown-tool-done": (tool_calls(asked("a", "no_such_tool")),),
    "webhook-function-call-empty": (message("function-call", functionCall={"name": "f", "parameters": {}}),),
    "webhook-waits-a-minute": (message("call.endpointing.request"),),
    "webhook-eligible-text": (message("campaign.predial"),),
    "webhook-unknown-500": (message("of-tomorrow"),),
}
BY_START: Mapping[str, Json] = {
    "webhook-(assistant-(slow|by|id)|nobody|two|overrides|error-unspeakable)": message("assistant-request"),
    "webhook-(transfer|destination|number|sip)": message("transfer-destination-request"),
    "webhook-(handoff|assistant-unnamed)": message("handoff-destination-request"),
    "webhook-(documents|message-text)": message("knowledge-base-request"),
    "webhook-notice": message("status-update"),
}


def shown(name: str) -> tuple[Json, ...]:
    """Messages that show a fault."""
    found = (body for start, body in BY_START.items() if re.match(start, name))
    return BY_NAME.get(name) or (next(found, TWO),) * 2


def in_call(body: Json, name: str) -> Json:
    """The same in a call of the fault's own: what was asked in one is remembered there."""
    return {"message": {**inner(body, "message"), "call": {"id": name}}}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_each_fault_differs_from_the_sound_answer(locked: Talk, name: str) -> None:
    headers: tuple[dict[str, str], ...] = (
        {"X-Vapi-Secret": KEY},
        {"X-Vapi-Secret": "wrong"},
        {},
        {"X-Vapi-Secret": KEY},
    )
    bodies = [in_call(body, name) for body in shown(name)]

    def seen(fault: str | None) -> list[object]:
        start = "" if fault is None else f"/faults/{fault}"
        found: list[object] = []
        for body in bodies:
            for head in headers:
                try:
                    heard = locked.post(body, f"{start}/webhook", {**head, "X-Fault-Seconds": "0.2"})
                except httpx.RemoteProtocolError:
                    found.append("nothing")
                    continue
                steady = {key: value for key, value in heard.headers.items() if key not in ("date", "x-tool-runs")}
                found.append((heard.status, steady, heard.body, heard.complete))
        return found

    if name == "webhook-runs-again":
        runs = [post(locked, bodies[0], f"/faults/{name}/webhook", X_Vapi_Secret=KEY).headers["x-tool-runs"]] * 2
        runs[1] = post(locked, bodies[0], f"/faults/{name}/webhook", X_Vapi_Secret=KEY).headers["x-tool-runs"]
        assert ["2", "4"] == runs
    elif FAULTS[name].seconds:
        (sound, slow) = (
            post(locked, bodies[0], path, X_Vapi_Secret=KEY, X_Fault_Seconds="0.2")
            for path in ("/webhook", f"/faults/{name}/webhook")
        )
        assert (sound.body, True) == (slow.body, slow.took_s >= 0.2)
    else:
        assert seen(None) != seen(name)


def test_the_table_says_whose_they_are() -> None:
    assert [] == [name for name in FAULTS if not name.startswith("webhook-")]
    assert [] == [fault.breaks for fault in FAULTS.values() if not fault.breaks.startswith("webhook.")]
    assert len(FAULTS) >= 50
