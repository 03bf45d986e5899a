"""Rules on the turns of a call: what the caller hears counts, and not what Vapi has dropped."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from made_calls import answer, calling, cut_off, in_call, judged, refused, to_results, told
from timed_answers import ask, said, streamed, user
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.verdict import Outcome

LINE = "Hi there! How can I help you today?"
SAY = "Say exactly: "


class TestEveryTurnIsAnswered:
    RULE = "call.every-turn-is-answered"

    def call(self, *exchanges: Exchange) -> list[Evidence]:
        return in_call("ten-turns", {f"turn-{turn}.1": each for turn, each in enumerate(exchanges, 1)})

    def test_words_and_tool_calls_are_answers(self) -> None:
        assert Outcome.PASSED is judged(self.RULE, self.call(answer("Hi.", "Hello."), calling("get_weather"))).outcome

    @pytest.mark.parametrize("text", ["", " \n"])
    def test_blank_is_none(self, text: str) -> None:
        found = told(self.RULE, self.call(answer("Hi.", "Hello."), answer(text, "And now?")))
        assert [("turn-2.1", "nothing for 'And now?', request 2 of the call")] == found

    def test_a_failure_is_for_another_rule(self) -> None:
        assert Outcome.PASSED is judged(self.RULE, self.call(answer("Hi.", "Hello."), refused("Hm?"))).outcome
        assert Outcome.UNTESTABLE is judged(self.RULE, self.call(refused("Hm?"))).outcome

    def test_a_broken_transfer_is_for_another_rule(self) -> None:
        broken = replace(answer("", "Hm?"), end=End.RESET)
        assert Outcome.UNTESTABLE is judged(self.RULE, self.call(broken)).outcome

    def test_a_transfer_as_vapis_guide_prints_it_is_for_another_rule(self) -> None:
        bare = streamed((10, 'data: {"function_call": {"name": "transferCall"}}\n\n'))
        assert Outcome.PASSED is judged(self.RULE, self.call(bare)).outcome

    def test_what_was_dropped_was_not_waited_for(self) -> None:
        exchanges = {"turn-1.1": answer("", "Hel"), "turn-1.2": answer("Hi.", "Hello.")}
        assert Outcome.PASSED is judged(self.RULE, in_call("grown-turn", exchanges)).outcome

    def test_what_came_before_words_that_changed_was_dropped_with_its_tools(self) -> None:
        exchanges = {
            "turn-1.1": calling("get_weather"),
            "turn-1.2": to_results("", "Weather?", {"call_1": "Rain."}),
            "turn-1.3": to_results("Rain.", "Weather, please?", {"call_1": "Rain."}),
        }
        story = {"requests": {"turn-1.2": {"why": "tool-results"}}}
        assert Outcome.PASSED is judged(self.RULE, in_call("edited-after-a-tool", exchanges, story)).outcome

    def test_what_we_hung_up_on_was_not_waited_for(self) -> None:
        exchanges = {"turn-1.1": cut_off(answer("", "Hello.")), "turn-2.1": answer("Hi.", "Hello?")}
        story = {"requests": {"turn-1.1": {"closed": "barge-in"}}}
        assert Outcome.PASSED is judged(self.RULE, in_call("barge-in", exchanges, story)).outcome

    def test_hundreds_of_silences_are_told_a_few_times(self) -> None:
        found = told(self.RULE, self.call(*[answer("", "Hm?")] * 300))
        assert 20 == len(found)
        assert found[-1][1].endswith("... and 280 more")

    def test_half_a_call_shows_nothing(self) -> None:
        evidence = self.call(answer("", "Hello."), answer("", "Hello?"))
        assert Outcome.UNTESTABLE is judged(self.RULE, evidence[:1]).outcome


class TestATurnAskedAgain:
    def grown(self, text: str, *, first: str = "the blue boat") -> list[Evidence]:
        return in_call(
            "grown-turn",
            {
                "turn-1.1": answer(first, SAY + "the blue boat"),
                "turn-1.2": answer(text, SAY + "the blue boat leaves at noon."),
            },
        )

    @pytest.mark.parametrize(
        ("text", "outcome"),
        [
            ("the blue boat leaves at noon.", Outcome.PASSED),
            ("The blue boat leaves, at noon!", Outcome.PASSED),
            ("Of course: the blue boat leaves at noon.", Outcome.PASSED),
            ("the blue boat", Outcome.VIOLATED),
            ("leaves at noon", Outcome.VIOLATED),
            ("Did you say that it leaves at noon?", Outcome.PASSED),
            ("Did you say the blue boat?", Outcome.VIOLATED),
            ("", Outcome.UNTESTABLE),
        ],
    )
    def test_is_answered_to_its_end(self, text: str, outcome: Outcome) -> None:
        assert outcome is judged("call.grown-turn-is-answered-afresh", self.grown(text)).outcome

    def test_a_question_back_answers_no_request(self) -> None:
        found = judged("call.grown-turn-is-answered-afresh", self.grown("Gladly! What else do you need today?"))
        assert Outcome.UNTESTABLE is found.outcome
        assert found.reason.startswith("the agent speaks in words of its own only")

    def test_a_question_that_was_asked_before_may_be_a_kept_answer(self) -> None:
        exchanges = {
            "turn-1.1": answer("Which story do you want?", "Tell me a long story."),
            "turn-1.2": answer("Which story do you want?", "Tell me a long story. No. Say exactly: another time."),
            "turn-2.1": answer("good evening", SAY + "good evening."),
        }
        found = judged("call.grown-turn-is-answered-afresh", in_call("superseded-while-speaking", exchanges))
        assert Outcome.VIOLATED is found.outcome

    def test_what_was_dropped_does_not_count(self) -> None:
        evidence = self.grown("the blue boat leaves at noon.", first="Yes?")
        assert Outcome.PASSED is judged("call.grown-turn-is-answered-afresh", evidence).outcome

    def test_an_agent_with_a_line_of_its_own_shows_nothing(self) -> None:
        found = judged("call.grown-turn-is-answered-afresh", self.grown(LINE, first=LINE))
        assert Outcome.UNTESTABLE is found.outcome
        assert found.reason.startswith("the agent speaks in words of its own only")

    def test_words_that_it_says_elsewhere_in_the_call_show_that_it_heeds(self) -> None:
        exchanges = {
            "turn-1.1": cut_off(answer("Once upon a time", "Tell me a long story.")),
            "turn-1.2": answer("Once upon a time", "Tell me a long story. No. Say exactly: another time."),
            "turn-2.1": answer("good evening", SAY + "good evening."),
        }
        story = {"requests": {"turn-1.1": {"closed": "superseded"}}}
        found = judged("call.grown-turn-is-answered-afresh", in_call("superseded-while-speaking", exchanges, story))
        assert (Outcome.VIOLATED, 1) == (found.outcome, found.broken)

    @pytest.mark.parametrize(
        ("text", "faults"),
        [
            ("pear tree", []),
            ("plum", ["the answer is 'plum', which answers the earlier 'plum'"]),
            ("Plum. Pear tree.", ["the answer is 'Plum. Pear tree.', which answers the earlier 'plum'"]),
            ("pear", ["the answer is 'pear'"]),
            ("A pear, you say?", ["the answer is 'A pear, you say?'"]),
        ],
    )
    def test_in_other_words_is_answered_to_those(self, text: str, faults: list[str]) -> None:
        exchanges = {"turn-1.1": answer("plum", SAY + "plum"), "turn-1.2": answer(text, SAY + "pear tree")}
        found = told("call.replaced-turn-is-answered-afresh", in_call("replaced-turn", exchanges))
        assert faults == [fault for _, fault in found]

    @pytest.mark.parametrize(("last", "faults"), [("at ten past nine", []), ("Yes.", ["the answer is 'Yes.'"])])
    def test_many_times_the_last_answer_counts(self, last: str, faults: list[str]) -> None:
        texts = ["at", "at ten", "at ten past", "at ten past nine"]
        exchanges = {f"turn-1.{at}": answer(text, SAY + text) for at, text in enumerate(texts[:3], 1)}
        exchanges["turn-1.4"] = answer(last, SAY + texts[3])
        found = told("call.repeated-turn-is-answered-in-full", in_call("six-requests", exchanges))
        assert faults == [fault for _, fault in found]

    def test_many_times_and_stale_from_the_second_on_is_for_another_rule(self) -> None:
        texts = ["at", "at ten", "at ten past", "at ten past nine"]
        exchanges = {f"turn-1.{at}": answer("at", SAY + text) for at, text in enumerate(texts, 1)}
        found = judged("call.repeated-turn-is-answered-in-full", in_call("six-requests", exchanges))
        assert Outcome.UNTESTABLE is found.outcome
        assert "the turn was not answered afresh when it was first asked again" == found.reason

    def test_many_times_with_all_before_closed_the_last_answer_counts(self) -> None:
        """A slow model: the caller went on each time before the answer was whole."""
        texts = ["at", "at ten", "at ten past nine"]
        closed = {f"turn-1.{at}": cut_off(answer("at", SAY + text)) for at, text in enumerate(texts[:2], 1)}
        story = {"requests": {step: {"closed": "superseded"} for step in closed}}
        exchanges = {**closed, "turn-1.3": answer("Yes.", SAY + texts[2])}
        call = in_call("six-requests", {**exchanges, "turn-2.1": answer("ten", SAY + "ten")}, story)
        assert Outcome.VIOLATED is judged("call.repeated-turn-is-answered-in-full", call).outcome

    def test_a_refusal_is_for_another_rule(self) -> None:
        exchanges = {"turn-1.1": answer("plum", SAY + "plum"), "turn-1.2": refused(SAY + "pear tree")}
        found = judged("call.replaced-turn-is-answered-afresh", in_call("replaced-turn", exchanges))
        assert Outcome.UNTESTABLE is found.outcome

    def test_an_endless_answer_is_compared_in_part_only(self) -> None:
        """So that judging it takes bounded time; what stands behind the bound, nobody hears."""
        exchanges = {"turn-1.1": answer("plum", SAY + "plum"), "turn-1.2": answer("x " * 20_000, SAY + "pear tree")}
        found = judged("call.replaced-turn-is-answered-afresh", in_call("replaced-turn", exchanges))
        assert Outcome.VIOLATED is found.outcome


class TestEditedHistory:
    RULE = "call.edited-history-is-read"

    def call(self, text: str) -> list[Evidence]:
        return in_call(
            "edited-history",
            {
                "turn-1.1": answer("Fine.", "My code word is plum."),
                "turn-2.1": answer(text, "What is my code word?", user("My code word is plover.")),
            },
        )

    @pytest.mark.parametrize(
        ("text", "outcome"),
        [
            ("It is Plover!", Outcome.PASSED),
            ("Your code word is plum.", Outcome.VIOLATED),
            ("That I cannot tell you.", Outcome.UNTESTABLE),
            ("", Outcome.UNTESTABLE),
        ],
    )
    def test_counts_as_the_newest_request_has_it(self, text: str, outcome: Outcome) -> None:
        assert outcome is judged(self.RULE, self.call(text)).outcome

    def test_says_why_nothing_was_shown(self) -> None:
        found = judged(self.RULE, self.call("That I cannot tell you."))
        assert "no answer says a code word, old or new" == found.reason


class TestHandOff:
    RULE = "call.handoff-follows-the-new-prompt"
    EVENTS: Sequence[Mapping[str, object]] = [{"kind": "hand-off", "text": "billing", "at_ms": 500}]

    def call(self, before: str, after: str, *, events: object = EVENTS) -> list[Evidence]:
        def asking(text: str, word: str) -> Exchange:
            prompt = {"role": "system", "content": f"The house word is {word}."}
            return said(text, request=ask(prompt, user("What is the house word?")))

        exchanges = {"turn-1.1": asking(before, "juniper"), "turn-2.1": asking(after, "saffron")}
        return in_call("squad-hand-off", exchanges, {"events": events})

    @pytest.mark.parametrize(
        ("before", "after", "outcome"),
        [
            ("Juniper.", "Saffron!", Outcome.PASSED),
            ("I do not know.", "It is saffron.", Outcome.PASSED),
            ("Juniper.", "Juniper.", Outcome.VIOLATED),
            ("Juniper.", "I do not know.", Outcome.VIOLATED),
            ("I do not know.", "I do not know.", Outcome.NOT_APPLICABLE),
        ],
    )
    def test_the_word_of_the_new_prompt_is_known(self, before: str, after: str, outcome: Outcome) -> None:
        assert outcome is judged(self.RULE, self.call(before, after)).outcome

    def test_an_agent_that_stays_on_the_line_shows_nothing(self) -> None:
        found = judged(self.RULE, self.call("Juniper.", "Juniper.", events=[]))
        assert Outcome.NOT_APPLICABLE is found.outcome
        assert "the agent did not hand the call over when it was asked to" == found.reason
