"""Rules on the tools of a call: those that Vapi runs, and those of the endpoint's own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from made_calls import after_tools, answer, calling, in_call, judged, refused, to_results, told, with_headers
from timed_answers import ask, user
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange, Response
from vapi_conformance.platforms.vapi import NO_RESULT, STILL_PENDING, SUCCESS
from vapi_conformance.verdict import Outcome

Run = Mapping[str, object]
HEARD = "What is the weather like?"


def run(step: str, result: str | None, *, call_id: str = "call_1", arguments: str = "{}", name: str = "x") -> Run:
    return {"step": step, "id": call_id, "name": name, "arguments": arguments, "result": result}


def tool_call(
    exchanges: Mapping[str, Exchange], *runs: Run, name: str = "tool-at-vapi", why: Mapping[str, str] | None = None
) -> list[Evidence]:
    """Every request behind the first of its turn comes with results, where nothing else is said."""
    whys = {step: "tool-results" for step in exchanges if not step.endswith(".1")} | dict(why or {})
    return in_call(
        name, exchanges, {"requests": {step: {"why": each} for step, each in whys.items()}, "tools": list(runs)}
    )


class TestAskedForOnce:
    RULE = "call.tool-is-asked-for-once"

    def twice(self, result: str, *, second: str = '{"city":"Lisbon"}', **more: Run | str) -> list[Evidence]:
        first = '{"city": "Lisbon"}'
        exchanges = {
            "turn-1.1": calling("x", first),
            "turn-1.2": calling("x", second, call_id="call_2", request=after_tools(HEARD, {"call_1": result})),
        }
        runs = [run("turn-1.1", result, arguments=first), run("turn-1.2", None, call_id="call_2", arguments=second)]
        return tool_call(exchanges, *runs)

    @pytest.mark.parametrize(
        ("result", "faults"),
        [("Rain.", 1), (SUCCESS, 1), (STILL_PENDING, 1), ("", 1), (NO_RESULT, 0), ("No result returned.", 0)],
    )
    def test_the_same_call_again_is_right_only_where_the_first_failed(self, result: str, faults: int) -> None:
        assert faults == len(told(self.RULE, self.twice(result)))

    @pytest.mark.parametrize("second", ['{"city": "Porto"}', "{}", '{"city": "Lisbon"', '{"city": ["Lisbon"]}'])
    def test_other_arguments_make_another_call(self, second: str) -> None:
        assert [] == told(self.RULE, self.twice("Rain.", second=second))

    def test_another_turn_may_ask_again(self) -> None:
        exchanges = {
            "turn-1.1": calling("x"),
            "turn-1.2": to_results("Rain.", HEARD, {"call_1": "Rain."}),
            "turn-2.1": calling("x", call_id="call_2", request=after_tools("And now?", {"call_1": "Rain."})),
        }
        runs = [run("turn-1.1", "Rain."), run("turn-2.1", None, call_id="call_2")]
        assert Outcome.PASSED is judged(self.RULE, tool_call(exchanges, *runs)).outcome

    def test_two_of_one_answer_are_for_another_rule(self) -> None:
        exchanges = {"turn-1.1": calling("x"), "turn-1.2": to_results("Rain.", HEARD, {"call_1": "Rain."})}
        runs = [run("turn-1.1", "Rain."), run("turn-1.1", "Rain.", call_id="call_2")]
        assert Outcome.PASSED is judged(self.RULE, tool_call(exchanges, *runs)).outcome

    def test_a_third_time_is_right_after_a_second_that_failed(self) -> None:
        results = {"call_1": NO_RESULT}
        exchanges = {
            "turn-1.1": calling("x"),
            "turn-1.2": calling("x", call_id="call_2", request=after_tools(HEARD, results)),
            "turn-1.3": calling("x", call_id="call_3", request=after_tools(HEARD, {**results, "call_2": "Rain."})),
        }
        runs = [run(f"turn-1.{at}", result, call_id=f"call_{at}") for at, result in enumerate([NO_RESULT, "Rain."], 1)]
        found = told(self.RULE, tool_call(exchanges, *runs, run("turn-1.3", None, call_id="call_3")))
        assert [("turn-1.3", "'x' is called again with '{}'")] == found

    def test_without_a_tool_it_is_not_applicable(self) -> None:
        found = judged(self.RULE, tool_call({"turn-1.1": answer("Rain.", HEARD)}))
        assert Outcome.NOT_APPLICABLE is found.outcome
        assert "the agent called no tool when it was asked to" == found.reason

    def test_a_stored_call_may_say_anything(self) -> None:
        (only,) = tool_call(
            {"turn-1.1": calling("x", request=after_tools(HEARD, {"call_1": "Rain."}))}, run("turn-1.1", "x")
        )
        assert only.call is not None
        strange = replace(only.call, tools=(replace(only.call.tools[0], exchange=7),))
        assert Outcome.PASSED is judged(self.RULE, [replace(only, call=strange)]).outcome


class TestRounds:
    RULE = "call.tool-rounds-come-to-an-end"

    def rounds(self, calls: int, *last: Exchange) -> list[Evidence]:
        made = [
            calling("x", call_id=f"call_{at}", request=after_tools(HEARD, {f"call_{at - 1}": "Rain."}))
            for at in range(calls)
        ]
        return tool_call({f"turn-1.{at}": each for at, each in enumerate([*made, *last], 1)})

    @pytest.mark.parametrize(("calls", "faults"), [(1, 0), (6, 0), (7, 1)])
    def test_six_in_a_row_are_enough(self, calls: int, faults: int) -> None:
        last = to_results("Rain.", HEARD, {"call_9": "Rain."})
        assert faults == len(told(self.RULE, self.rounds(calls, last)))

    def test_tells_how_many_there_were(self) -> None:
        ((step, fault),) = told(self.RULE, self.rounds(7))
        assert ("turn-1.7", "7 answers in a row call tools, and the caller has heard nothing yet") == (step, fault)

    def test_each_turn_counts_by_itself(self) -> None:
        exchanges = {f"turn-{turn}.{at}": calling("x") for turn in (1, 2) for at in (1, 2, 3, 4)}
        assert [] == told(self.RULE, tool_call(exchanges))

    def test_a_turn_that_is_asked_again_begins_anew(self) -> None:
        exchanges = {f"turn-1.{at}": calling("x") for at in range(1, 9)}
        assert [] == told(self.RULE, tool_call(exchanges, why={"turn-1.4": "heard-again"}))


class TestResultIsTold:
    RULE = "call.tool-result-is-told"
    RESULT = "It is 14 degrees, with drizzle."

    def call(self, text: str, result: str = RESULT, *, told_result: str | None = None) -> list[Evidence]:
        exchanges = {
            "turn-1.1": calling("x"),
            "turn-1.2": to_results(text, HEARD, {"call_1": result if told_result is None else told_result}),
        }
        return tool_call(exchanges, run("turn-1.1", result))

    @pytest.mark.parametrize(
        ("text", "outcome"),
        [
            ("Fourteen degrees, they say.", Outcome.PASSED),
            ("It is 14.", Outcome.PASSED),
            ("Take an umbrella, there is DRIZZLE!", Outcome.PASSED),
            ("I am sorry, what was your question?", Outcome.VIOLATED),
            ("", Outcome.NOT_APPLICABLE),
        ],
    )
    def test_one_word_of_it_is_enough(self, text: str, outcome: Outcome) -> None:
        assert outcome is judged(self.RULE, self.call(text)).outcome

    @pytest.mark.parametrize("result", [SUCCESS, NO_RESULT, STILL_PENDING, "No result returned."])
    def test_there_is_nothing_to_tell_of_a_placeholder(self, result: str) -> None:
        assert Outcome.NOT_APPLICABLE is judged(self.RULE, self.call("Hm.", result)).outcome

    def test_a_result_that_comes_later_cannot_be_told_yet(self) -> None:
        evidence = self.call("One moment.", told_result=STILL_PENDING)
        assert Outcome.NOT_APPLICABLE is judged(self.RULE, evidence).outcome

    def test_a_refusal_is_for_another_rule(self) -> None:
        exchanges = {"turn-1.1": calling("x"), "turn-1.2": refused(HEARD)}
        assert Outcome.NOT_APPLICABLE is judged(self.RULE, tool_call(exchanges, run("turn-1.1", "Rain."))).outcome

    def test_each_of_several_results_is_told(self) -> None:
        results = {"call_1": self.RESULT, "call_2": "It is 7 41."}
        exchanges = {"turn-1.1": calling("x"), "turn-1.2": to_results("14 degrees.", HEARD, results)}
        runs = [run("turn-1.1", text, call_id=call_id) for call_id, text in results.items()]
        assert 1 == len(told(self.RULE, tool_call(exchanges, *runs)))

    def test_words_after_another_round_tell_it_too(self) -> None:
        second = to_results("Some drizzle.", HEARD, {"call_1": self.RESULT})
        exchanges = {"turn-1.1": calling("x"), "turn-1.2": to_results("Let me see.", HEARD, {"call_1": self.RESULT})}
        evidence = tool_call({**exchanges, "turn-1.3": second}, run("turn-1.1", self.RESULT))
        assert [] == told(self.RULE, evidence)


class TestPlaceholders:
    RULE = "call.placeholder-is-not-read-out"

    def outcome(self, text: str, result: str) -> Outcome:
        exchanges = {"turn-1.1": calling("x"), "turn-1.2": to_results(text, HEARD, {"call_1": result})}
        return judged(self.RULE, tool_call(exchanges, run("turn-1.1", result), name="async-tool")).outcome

    @pytest.mark.parametrize(
        ("text", "result"),
        [
            ("Success.", SUCCESS),
            ("The tool says: Success.", SUCCESS),
            ("No result returned.", "No result returned."),
            (NO_RESULT, NO_RESULT),
            ("I am sorry. " + NO_RESULT, NO_RESULT),
            (STILL_PENDING, STILL_PENDING),
            ("Hm: tool result still pending, but proceed further if possible!", STILL_PENDING),
        ],
    )
    def test_read_aloud_are_found(self, text: str, result: str) -> None:
        assert Outcome.VIOLATED is self.outcome(text, result)

    @pytest.mark.parametrize(
        ("text", "result"),
        [
            ("Success! The courier knows that you are at home.", SUCCESS),
            ("That was a success, and the courier is on the way.", SUCCESS),
            ("I am afraid that the search has had no result returned to me so far.", NO_RESULT),
            ("There was no result.", NO_RESULT),
            ("The result is still pending, I am sorry.", STILL_PENDING),
            ("Success.", "The word is: Success."),
        ],
    )
    def test_words_that_people_say_are_none(self, text: str, result: str) -> None:
        assert self.outcome(text, result) in (Outcome.PASSED, Outcome.NOT_APPLICABLE)

    def test_nobody_hears_what_is_dropped(self) -> None:
        exchanges = {
            "turn-1.1": calling("x"),
            "turn-1.2": to_results(STILL_PENDING, HEARD, {"call_1": STILL_PENDING}),
            "turn-1.3": to_results("One moment.", HEARD, {"call_1": STILL_PENDING}),
        }
        evidence = tool_call(exchanges, name="tool-of-a-superseded-turn", why={"turn-1.3": "heard-again"})
        assert Outcome.PASSED is judged(self.RULE, evidence).outcome


class TestNativeTools:
    RULE = "call.native-tool-runs-once"

    def call(self, *counts: str | None) -> list[Evidence]:
        exchanges = {
            f"turn-1.{at}": answer(
                "Shipped.", "Look up order 1234", headers={} if each is None else {"X-Tool-Runs": each}
            )
            for at, each in enumerate(counts, 1)
        }
        return in_call("native-tool", exchanges)

    @pytest.mark.parametrize(
        ("counts", "outcome"),
        [
            (("1", "1", "1"), Outcome.PASSED),
            (("0", "1", "1"), Outcome.PASSED),
            (("1", "2"), Outcome.VIOLATED),
            (("1", None, "3"), Outcome.VIOLATED),
            (("2", "2"), Outcome.PASSED),
            (("1", "many"), Outcome.PASSED),
            (("0", "0"), Outcome.NOT_APPLICABLE),
            ((None, None), Outcome.NOT_APPLICABLE),
        ],
    )
    def test_the_count_does_not_grow_when_a_turn_is_asked_again(
        self, counts: Sequence[str | None], outcome: Outcome
    ) -> None:
        assert outcome is judged(self.RULE, self.call(*counts)).outcome

    def test_says_what_would_be_evidence(self) -> None:
        assert "send the header x-tool-runs" in judged(self.RULE, self.call(None, None)).reason
        assert "no tool of the endpoint's own ran in the call" == judged(self.RULE, self.call("0", "0")).reason

    def test_is_told_once(self) -> None:
        assert [("turn-1.2", "x-tool-runs: 2")] == told(self.RULE, self.call("1", "2", "3"))

    def test_another_turn_may_run_it_again(self) -> None:
        evidence = in_call(
            "native-tool",
            {
                "turn-1.1": answer("Shipped.", "Look up order 1", headers={"x-tool-runs": "1"}),
                "turn-1.2": answer("Shipped.", "Look up order 1.", headers={"x-tool-runs": "1"}),
                "turn-2.1": answer("Shipped.", "Look up order 2.", headers={"x-tool-runs": "2"}),
            },
        )
        assert Outcome.PASSED is judged(self.RULE, evidence).outcome


class TestCustomTools:
    RULE = "call.custom-tool-is-answered"

    def call(self, *results: str, statuses: Sequence[int] = (200,), run_by: str = "webhook") -> list[Evidence]:
        posted = [with_headers(replace(answer("", ""), response=Response(status=each)), {}) for each in statuses]
        runs = [run("turn-1.1", text, call_id=f"call_{at}", name="x") for at, text in enumerate(results)]
        tools = [{"name": "x", "run_by": run_by}, 5, None]
        exchanges = {"turn-1.1": calling("x", request=ask(user(HEARD)))}
        return in_call("webhook-schema", exchanges, {"tools": runs, "scenario": {"tools": tools}}, webhooks=posted)

    @pytest.mark.parametrize(
        ("results", "faults"),
        [(("Rain.", "7 41"), 0), (("Rain.", NO_RESULT), 1), ((NO_RESULT, "No result returned."), 2), (("",), 0)],
    )
    def test_each_call_has_a_result(self, results: Sequence[str], faults: int) -> None:
        assert faults == len(told(self.RULE, self.call(*results)))

    @pytest.mark.parametrize("status", [404, 405, 501])
    def test_an_endpoint_without_custom_tools_has_none_to_answer(self, status: int) -> None:
        found = judged(self.RULE, self.call(NO_RESULT, statuses=[status]))
        assert Outcome.NOT_APPLICABLE is found.outcome
        assert found.reason.startswith("the endpoint serves no custom tools")

    @pytest.mark.parametrize("status", [400, 401, 500])
    def test_one_that_refuses_them_has(self, status: int) -> None:
        assert Outcome.VIOLATED is judged(self.RULE, self.call(NO_RESULT, statuses=[status])).outcome

    def test_tools_that_vapi_runs_are_not_the_endpoints(self) -> None:
        assert Outcome.NOT_APPLICABLE is judged(self.RULE, self.call(NO_RESULT, run_by="vapi")).outcome

    def test_without_a_call_there_is_nothing_to_answer(self) -> None:
        found = judged(self.RULE, self.call(statuses=[]))
        assert "the agent called no tool when it was asked to" == found.reason
