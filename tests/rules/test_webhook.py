"""Rules on server messages where one example for each is not enough: what they leave alone, and hostile answers."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_data import needs_shared, vapi_recordings
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.server_messages.kinds import KINDS
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import Exchange, Label, Read, Request, Response, Timing
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.rules import Profile, all_rules
from vapi_conformance.verdict import Outcome, judge

DIALECT = Dialect.VAPI_SERVER_MESSAGES
RULES = [rule for rule in all_rules().values() if DIALECT in rule.dialects]
CALL: Mapping[str, object] = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": {}}}
OTHER: Mapping[str, object] = {**CALL, "id": "call_2"}


def answered(
    kind: str,
    answer: object,
    *,
    status: int = 200,
    end_s: float = 0.1,
    content_type: bytes = b"application/json",
    step: str | None = None,
    scenario: str = "tool-calls",
    **fields: object,
) -> Evidence:
    calls = {"toolCallList": [CALL]} if kind == "tool-calls" else {}
    message: dict[str, object] = {"type": kind, **calls, **fields}
    data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    exchange = Exchange(
        request=Request(method="POST", url="https://b.example", body=json.dumps({"message": message}).encode()),
        response=Response(status=status, headers=((b"Content-Type", content_type),)),
        reads=(Read(at_ns=1, data=data),),
        timing=Timing(end_ns=round(end_s * 1e9)),
        label=None if step is None else Label(scenario=f"webhooks/{scenario}", step=step),
    )
    return Evidence(exchange=exchange, dialect=DIALECT, conditions=Conditions(timeout_s=20.0))


def violated(*evidence: Evidence) -> set[str]:
    results = judge(RULES, evidence, profile=Profile.VAPI, dialect=DIALECT)
    assert [] == [f"{each.rule.id}: {each.reason}" for each in results if each.outcome is Outcome.HARNESS_ERROR]
    return {each.rule.id.removeprefix("webhook.") for each in results if each.outcome is Outcome.VIOLATED}


def result(call_id: str = "call_1", **more: object) -> dict[str, object]:
    return {"toolCallId": call_id, "name": "f", **({"result": "Done."} if not more else {}), **more}


class TestToolCalls:
    @pytest.mark.parametrize(
        "results",
        [
            [result()],
            [result(error="It is closed.")],
            [result(result='{"free": ["nine", "ten"]}')],
            [result(result="Naïve – 5 € 😀")],
            [result(result="Done.", error=None, message=None, metadata=None)],
            [result(result="Done.", message={"type": "request-complete", "content": "Yes."}, metadata={"a": 1})],
            [result(result="Done.", unknown=True)],
        ],
    )
    def test_sound_results(self, results: object) -> None:
        assert set() == violated(answered("tool-calls", {"results": results, "more": 1}))

    def test_a_charset_is_no_other_type(self) -> None:
        found = answered("tool-calls", {"results": [result()]}, content_type=b"Application/JSON; charset=utf-8")
        assert set() == violated(found)

    @pytest.mark.parametrize(
        ("results", "rules"),
        [
            ([], {"every-call-has-a-result"}),
            ({}, {"results-are-listed"}),
            ("done", {"results-are-listed"}),
            ([7], {"results-are-listed"}),
            ([result(7)], {"results-name-their-call"}),  # type: ignore[arg-type]  # on purpose
            ([result("call_9")], {"every-call-has-a-result"}),
            ([result(result=["a"])], {"result-is-a-string"}),
            ([result(result=True)], {"result-is-a-string"}),
            ([result(error=7)], {"error-is-a-string"}),
            ([result(result="a\r\nb")], {"result-is-one-line"}),
            ([result(error="a\nb")], {"result-is-one-line"}),
            ([result(result="  ")], {"result-is-not-empty"}),
            ([result(result=None)], {"result-or-error"}),
            ([{**result(), "name": "g"}], {"results-name-the-tool"}),
            ([result(result="Done.", message="Done.")], {"spoken-message-is-an-object"}),
        ],
    )
    def test_what_vapi_cannot_read(self, results: object, rules: set[str]) -> None:
        assert rules == violated(answered("tool-calls", {"results": results}))

    def test_of_several_calls_each_needs_its_own(self) -> None:
        both = [CALL, OTHER]
        sound = answered("tool-calls", {"results": [result(), result("call_2")]}, toolCallList=both)
        turned = answered("tool-calls", {"results": [result("call_2"), result()]}, toolCallList=both)
        half = answered("tool-calls", {"results": [result("call_2")]}, toolCallList=both)
        assert (set(), {"results-keep-the-order"}) == (violated(sound), violated(turned))
        assert {"every-call-has-a-result"} == violated(half)

    @pytest.mark.parametrize("status", [201, 204, 302, 400, 404, 500, 503])
    def test_another_status_is_all_that_is_told(self, status: int) -> None:
        assert {"status-is-200"} == violated(answered("tool-calls", {"error": "x"}, status=status))

    @pytest.mark.parametrize("data", [b"", b" ", b"OK", b"[]", b"null", b'{"results": [', b"\xff{}", b'"{}"'])
    def test_no_object_is_all_that_is_told(self, data: bytes) -> None:
        assert {"answer-is-json"} == violated(answered("tool-calls", data))


class TestTimes:
    @pytest.mark.parametrize(
        ("kind", "answer", "end_s", "rules"),
        [
            ("assistant-request", {"assistantId": "a"}, 5.9, set[str]()),
            ("assistant-request", {"assistantId": "a"}, 6.1, {"answers-with-margin"}),
            ("assistant-request", {"assistantId": "a"}, 7.6, {"answers-in-time"}),
            ("tool-calls", {"results": [result()]}, 19.0, set[str]()),
            ("tool-calls", {"results": [result()]}, 20.1, {"answers-in-time"}),
            ("knowledge-base-request", {"documents": []}, 0.9, set[str]()),
            ("knowledge-base-request", {"documents": []}, 1.1, {"knowledge-comes-at-once"}),
            ("knowledge-base-request", {"documents": []}, 10.1, {"answers-in-time"}),
            ("hang", {}, 2.9, set[str]()),
            ("hang", {}, 3.1, {"notice-is-answered-at-once"}),
        ],
    )
    def test_each_kind_has_its_limit(self, kind: str, answer: object, end_s: float, rules: set[str]) -> None:
        assert rules == violated(answered(kind, answer, end_s=end_s))


NUMBER = {"type": "number", "number": "+15550100001"}
SOUND: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("assistant-request", {"assistantId": "a", "assistantOverrides": {"variableValues": {}}}),
    ("assistant-request", {"assistant": {"name": "Desk", "model": {"provider": "custom-llm", "model": "m"}}}),
    ("assistant-request", {"assistant": {"firstMessage": "Hi."}}),
    ("assistant-request", {"squad": {"members": [{"assistantId": "a"}]}}),
    ("assistant-request", {"squadId": "s", "assistantId": None, "error": None}),
    ("assistant-request", {"workflow": {"nodes": []}}),
    ("assistant-request", {"destination": NUMBER}),
    ("assistant-request", {"error": "We are closed."}),
    ("transfer-destination-request", {"destination": NUMBER, "message": {"type": "request-start", "content": "Wait."}}),
    (
        "transfer-destination-request",
        {"destination": {"type": "number", "number": "100", "numberE164CheckEnabled": False}},
    ),
    ("transfer-destination-request", {"destination": {"type": "sip", "sipUri": "sip:desk@sip.example:5060"}}),
    ("transfer-destination-request", {"destination": {"type": "sip", "sipUri": "sips:+15550100001@192.0.2.1"}}),
    ("transfer-destination-request", {"destination": {"type": "assistant", "assistantName": "Billing"}}),
    ("transfer-destination-request", {"error": "Nobody is there.", "destination": None}),
    ("handoff-destination-request", {"destination": {"type": "assistant", "assistantId": "a"}, "result": "Going."}),
    ("handoff-destination-request", {"destination": {"type": "squad", "squadId": "s"}, "error": "Late."}),
    ("knowledge-base-request", {"documents": []}),
    ("knowledge-base-request", {"documents": [{"content": "a", "similarity": 1, "uuid": "u"}], "message": None}),
    ("knowledge-base-request", {"message": {"role": "assistant", "content": "The ocean is blue."}}),
    ("call.endpointing.request", {"timeoutSeconds": 0}),
    ("call.endpointing.request", {"timeoutSeconds": 15}),
    ("campaign.predial", {"eligible": False}),
    ("function-call", {"result": "Done."}),
    ("function-call", {"result": {"any": "thing"}}),
)
BROKEN: tuple[tuple[str, Mapping[str, object], str], ...] = (
    ("assistant-request", {}, "assistant-request-is-decided"),
    ("assistant-request", {"assistantId": ""}, "chosen-id-is-a-string"),
    ("assistant-request", {"squadId": {}}, "chosen-id-is-a-string"),
    ("assistant-request", {"assistant": {"model": {"model": "m"}}}, "assistant-is-an-object"),
    ("assistant-request", {"assistant": {"name": "n" * 41}}, "assistant-is-an-object"),
    ("assistant-request", {"squad": {"members": []}}, "assistant-is-an-object"),
    ("assistant-request", {"squad": {}}, "assistant-is-an-object"),
    ("assistant-request", {"error": " "}, "assistant-error-is-spoken"),
    ("assistant-request", {"destination": {"type": "number", "number": "12"}}, "destination-number-is-e164"),
    ("transfer-destination-request", {"error": {"code": 1}}, "error-is-a-string"),
    (
        "transfer-destination-request",
        {"destination": {"type": "phone", "number": "+15550100001"}},
        "destination-has-a-type",
    ),
    ("transfer-destination-request", {"destination": {"number": "+15550100001"}}, "destination-has-a-type"),
    ("transfer-destination-request", {"destination": {"type": "number"}}, "destination-number-is-e164"),
    (
        "transfer-destination-request",
        {"destination": {"type": "number", "number": "+0155501"}},
        "destination-number-is-e164",
    ),
    ("transfer-destination-request", {"destination": {"type": "sip", "sipUri": "sip:"}}, "destination-sip-uri-is-one"),
    ("transfer-destination-request", {"destination": {"type": "sip"}}, "destination-sip-uri-is-one"),
    ("transfer-destination-request", {"destination": {"type": "assistant"}}, "destination-names-its-assistant"),
    ("handoff-destination-request", {"destination": None}, "handoff-names-a-destination"),
    ("handoff-destination-request", {"destination": NUMBER}, "destination-has-a-type"),
    ("handoff-destination-request", {"destination": {"type": "squad"}}, "destination-names-its-assistant"),
    ("knowledge-base-request", {"documents": {}}, "knowledge-is-given"),
    ("knowledge-base-request", {"documents": ["a"]}, "documents-have-content-and-similarity"),
    (
        "knowledge-base-request",
        {"documents": [{"content": 1, "similarity": 1}]},
        "documents-have-content-and-similarity",
    ),
    ("call.endpointing.request", {"timeoutSeconds": "0.5"}, "endpointing-timeout-is-in-range"),
    ("call.endpointing.request", {"timeoutSeconds": -1}, "endpointing-timeout-is-in-range"),
    ("call.endpointing.request", {}, "endpointing-timeout-is-in-range"),
    ("campaign.predial", {"eligible": 1}, "eligibility-is-a-boolean"),
    ("function-call", {"result": 7}, "function-call-has-a-result"),
)


class TestOtherQuestions:
    @pytest.mark.parametrize(("kind", "answer"), SOUND)
    def test_sound_answers(self, kind: str, answer: Mapping[str, object]) -> None:
        assert set() == violated(answered(kind, answer))

    @pytest.mark.parametrize(("kind", "answer", "rule"), BROKEN)
    def test_broken_ones(self, kind: str, answer: Mapping[str, object], rule: str) -> None:
        assert {rule} == violated(answered(kind, answer))


class TestNotices:
    @pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not kind.asks])
    @pytest.mark.parametrize(("status", "data"), [(200, b""), (204, b""), (202, b"OK"), (200, b"{}"), (200, b"[1]")])
    def test_any_success_will_do(self, kind: str, status: int, data: bytes) -> None:
        assert set() == violated(answered(kind, data, status=status))

    def test_what_was_meant_to_be_refused_is_not_blamed(self) -> None:
        evidence = answered("hang", {}, status=401)
        label = Label(scenario="webhooks/auth", step="missing", expects="refusal")
        refused = Evidence(exchange=replaced(evidence.exchange, label), dialect=DIALECT)
        assert set() == violated(refused) - {"missing-secret-is-refused"}


def replaced(exchange: Exchange, label: Label) -> Exchange:
    return Exchange(
        request=exchange.request,
        response=exchange.response,
        reads=exchange.reads,
        timing=exchange.timing,
        label=label,
    )


class TestOverSeveralMessages:
    def forms(self, **answers: object) -> list[Evidence]:
        usual = {"results": [result()]}
        names = ("recorded", "schema", "events-page", "custom-tools-page")
        return [
            answered("tool-calls", answers.get(name.replace("-", "_"), usual), step=name, scenario="tool-call-forms")
            for name in names
        ]

    def test_a_tool_that_fails_in_every_form_alike_is_no_matter_of_forms(self) -> None:
        failing = {"results": [result(error="No such city.")]}
        names = {"recorded": failing, "schema": failing, "events_page": failing, "custom_tools_page": failing}
        assert set() == violated(*self.forms(**names))

    def test_one_form_that_fails_is(self) -> None:
        failing = {"results": [result(error="No such city.")]}
        assert {"object-arguments-are-understood"} == violated(*self.forms(recorded=failing))
        assert {"other-forms-are-understood"} == violated(*self.forms(events_page=failing))

    @pytest.mark.parametrize("value", ["x", "-1", "", "9" * 40, "²"])
    def test_a_count_of_runs_that_is_none_shows_nothing(self, value: str) -> None:
        first, again = (
            answered("tool-calls", {"results": [result()]}, step=step, scenario="tool-calls-again")
            for step in ("first", "again")
        )
        for each in (first, again):
            assert each.exchange.response is not None
            object.__setattr__(
                each.exchange.response,
                "headers",
                ((b"Content-Type", b"application/json"), (b"x-tool-runs", value.encode())),
            )
        assert set() == violated(first, again)


@needs_shared
def test_the_documented_answer_is_sound() -> None:
    (recording,) = vapi_recordings("34-")
    document = object_or_nothing(recording.load()["body"])
    call: Mapping[str, object] = {
        "id": "call_51kj",
        "type": "function",
        "function": {"name": "getWeatherByCity_001", "arguments": {}},
    }
    # The page on custom tools leaves the name out, which only informs.
    assert {"results-name-the-tool"} == violated(answered("tool-calls", document, toolCallList=[call]))


@given(
    kind=st.sampled_from(sorted(KINDS)),
    answer=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["results", "toolCallId", "result", "error", "destination", "type", "number", "documents"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
)
def test_no_answer_makes_a_rule_fail_to_run(kind: str, answer: object) -> None:
    violated(answered(kind, answer))


@pytest.mark.parametrize(
    "data",
    [
        b'{"results": ' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"results": [' + b'{"toolCallId": "x"},' * 20_000 + b"{}]}",
        b'{"results": [{"toolCallId": "call_1", "result": "' + b"\\n" * 100_000 + b'"}]}',
        b'{"results": "' + b"x" * 1_000_000 + b'"}',
        b'{"results": [{"toolCallId": "\\ud800", "result": "\\udfff"}]}',
    ],
)
def test_a_hostile_answer_is_told_in_few_words(data: bytes) -> None:
    evidence = answered("tool-calls", data)
    for found in judge(RULES, [evidence], profile=Profile.VAPI, dialect=DIALECT):
        assert found.outcome is not Outcome.HARNESS_ERROR, found.reason
        assert len(found.findings) <= 20
        assert all(len(each.violation.actual) < 1000 for each in found.findings)
