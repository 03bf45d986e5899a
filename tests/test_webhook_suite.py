"""Playing server messages: what is sent, as whom, and which questions a backend declines."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pytest

from vapi_conformance.client import Client, Outgoing
from vapi_conformance.exchange import End, Exchange, Label, Read, Request, Response
from vapi_conformance.narrow import array_or_nothing, object_or_nothing
from vapi_conformance.platforms.vapi.webhooks import Hmac, Secret
from vapi_conformance.problems import TransportError, UsageError
from vapi_conformance.schema import errors
from vapi_conformance.webhook_scenario import all_webhook_scenarios
from vapi_conformance.webhook_suite import UNKNOWN_TOOL, WRONG_KEY, Backend, CalledTool, be_sure_of, declined, play

KEY = "key-of-this-test-0123456789"
BACKEND = Backend(
    url="https://b.example/hook",
    tools=(CalledTool(name="f", arguments='{"a": 1}'), CalledTool(name="g")),
    auth=Secret(KEY),
    headers=(("X-Team", "7"),),
    seed=3,
)


class Kept(Client):
    """Sends nothing, and keeps what was to be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Outgoing] = []

    def send(self, outgoing: Outgoing) -> Exchange:
        self.sent.append(outgoing)
        request = Request(method="POST", url=outgoing.url, body=outgoing.body)
        return Exchange(request=request, response=Response(status=200), label=outgoing.label)


def sent(name: str, backend: Backend = BACKEND) -> list[Outgoing]:
    client = Kept()
    list(play([all_webhook_scenarios()[f"webhooks/{name}"]], backend=backend, client=client))
    return client.sent


def message(outgoing: Outgoing) -> Mapping[str, object]:
    return object_or_nothing(json.loads(outgoing.body or b"{}")["message"])


def ids(outgoing: Outgoing) -> list[object]:
    return [object_or_nothing(each)["id"] for each in array_or_nothing(message(outgoing)["toolCallList"])]


def names(outgoing: Outgoing) -> list[object]:
    calls = map(object_or_nothing, array_or_nothing(message(outgoing)["toolCallList"]))
    return [object_or_nothing(each["function"])["name"] for each in calls]


class TestMessages:
    @pytest.mark.parametrize("name", [each.removeprefix("webhooks/") for each in all_webhook_scenarios()])
    def test_follow_the_schema_and_carry_their_label(self, name: str) -> None:
        scenario = all_webhook_scenarios()[f"webhooks/{name}"]
        found = sent(name)
        assert [(scenario.name, step.name, step.expects) for step in scenario.steps] == [
            (each.label.scenario, each.label.step, each.label.expects) for each in found if each.label
        ]
        assert [] == [
            problem for each in found for problem in errors("vapi/server-message", json.loads(each.body or b""))
        ]

    def test_are_the_same_for_the_same_seed_and_others_for_another(self) -> None:
        first, again, other = sent("notices"), sent("notices"), sent("notices", replace(BACKEND, seed=4))
        assert [each.body for each in first] == [each.body for each in again]
        assert [] == [each for each, another in zip(first, other, strict=True) if each.body == another.body]

    def test_call_the_tools_in_turn_under_ids_of_their_own(self) -> None:
        one, several = sent("tool-calls")
        assert (["f"], ["f", "g", "f"]) == (names(one), names(several))
        assert 4 == len({*ids(one), *ids(several)})

    def test_of_an_unknown_tool(self) -> None:
        assert [UNKNOWN_TOOL] == names(sent("tool-unknown")[0])

    def test_come_again_byte_for_byte_and_are_not_sent_thrice(self) -> None:
        first, again = sent("tool-calls-again")
        assert (first.body, True, False) == (again.body, first.may_retry, again.may_retry)


class TestCredentials:
    def test_the_right_the_wrong_and_none(self) -> None:
        found = [dict(each.headers).get("X-Vapi-Secret") for each in sent("auth")]
        assert [None, WRONG_KEY, KEY] == found

    def test_a_wrong_signature_is_a_signature(self) -> None:
        missing, wrong, right = (dict(each.headers) for each in sent("auth", replace(BACKEND, auth=Hmac(key=KEY))))
        assert ("x-signature" in missing, len(wrong["x-signature"])) == (False, len(right["x-signature"]))
        assert wrong["x-signature"] != right["x-signature"]

    def test_without_one_nothing_is_played_that_needs_it(self) -> None:
        assert [] == sent("auth", replace(BACKEND, auth=None))

    def test_the_users_headers_come_with_each(self) -> None:
        assert [("7", "application/json")] == list(
            {(dict(each.headers)["X-Team"], dict(each.headers)["Content-Type"]): None for each in sent("notices")}
        )


def answered(scenario: str, kind: str, status: int = 200, data: bytes = b"{}") -> Exchange:
    return Exchange(
        request=Request(method="POST", url=BACKEND.url, body=json.dumps({"message": {"type": kind}}).encode()),
        response=Response(status=status),
        reads=(Read(at_ns=1, data=data),),
        label=Label(scenario=f"webhooks/{scenario}", step="only"),
    )


UNKNOWN = answered("unknown-message", "caller-smiled")
ASSISTANT = answered("assistant-request", "assistant-request")


class TestDeclined:
    @pytest.mark.parametrize(
        ("exchanges", "found"),
        [
            ([UNKNOWN, ASSISTANT], {"webhooks/assistant-request": "assistant-request"}),
            ([UNKNOWN, answered("assistant-request", "assistant-request", data=b'{"a":1}')], {}),
            ([UNKNOWN, answered("assistant-request", "assistant-request", status=404)], {}),
            ([ASSISTANT], {}),
            ([UNKNOWN, answered("tool-calls", "tool-calls")], {}),
            ([UNKNOWN, answered("notices", "hang")], {}),
            ([replace(UNKNOWN, response=None), ASSISTANT], {}),
            ([UNKNOWN, replace(ASSISTANT, label=None)], {}),
        ],
    )
    def test_is_a_question_answered_as_what_nobody_knows(
        self, exchanges: Sequence[Exchange], found: Mapping[str, str]
    ) -> None:
        assert found == declined(exchanges)

    def test_what_was_asked_for_by_name_is_kept(self) -> None:
        assert {} == declined([UNKNOWN, ASSISTANT], kept=frozenset({"assistant-request"}))


class TestTheFirstExchange:
    @pytest.mark.parametrize(("status", "has_key"), [(200, True), (400, True), (500, False), (204, False)])
    def test_is_judged_where_it_may_be_the_backends_fault(self, status: int, has_key: bool) -> None:
        be_sure_of(answered("tool-calls", "tool-calls", status), has_key=has_key)

    @pytest.mark.parametrize(
        ("status", "has_key", "told"),
        [
            (401, False, "--secret-env, --bearer-env or --hmac-env"),
            (403, True, "refuses the secret"),
            (404, True, "give the whole URL"),
            (405, True, "give the whole URL"),
            (301, True, "redirects"),
        ],
    )
    def test_tells_of_a_wrong_set_up(self, status: int, has_key: bool, told: str) -> None:
        with pytest.raises(UsageError, match=told):
            be_sure_of(answered("tool-calls", "tool-calls", status), has_key=has_key)

    def test_that_nobody_answers_is_no_fault_of_the_set_up(self) -> None:
        nobody = replace(answered("a", "b"), response=None, end=End.NO_RESPONSE, error="refused")
        with pytest.raises(TransportError, match="cannot be reached: refused"):
            be_sure_of(nobody, has_key=False)


def test_progress_is_told_for_what_is_played() -> None:
    told: list[tuple[int, int, str]] = []
    scenarios: Iterable[str] = ("webhooks/tool-calls", "webhooks/auth", "webhooks/function-call")
    chosen = [all_webhook_scenarios()[each] for each in scenarios]

    def tell(number: int, total: int, name: str) -> None:
        told.append((number, total, name))

    list(play(chosen, backend=replace(BACKEND, auth=None), client=Kept(), progress=tell))
    assert [(1, 2, "webhooks/tool-calls"), (2, 2, "webhooks/function-call")] == told
