"""Rules on what belongs to one call alone: words of others, and what is known of the caller."""

import pytest

from made_calls import answer, calling, in_call, judged, told
from timed_answers import ask, said, user
from vapi_conformance.evidence import Evidence
from vapi_conformance.verdict import Outcome


class TestConcurrentCalls:
    RULE = "call.concurrent-calls-keep-apart"

    def call(self, text: str, *, word: str = "brabeck", attempt: int = 1) -> list[Evidence]:
        exchanges = {"turn-1.1": answer(text, f"Say exactly: canary {word}.")}
        story = {"word": word, "words": ["brabeck", "felfant", "drodish"]}
        return in_call("sixteen-callers", exchanges, story, attempt=attempt)

    @pytest.mark.parametrize(
        ("text", "outcome"),
        [
            ("Canary Brabeck!", Outcome.PASSED),
            ("canary brabeck. canary felfant.", Outcome.VIOLATED),
            ("DRODISH", Outcome.VIOLATED),
            ("canary brabecks felfants", Outcome.UNTESTABLE),
            ("How can I help you?", Outcome.UNTESTABLE),
            ("", Outcome.UNTESTABLE),
        ],
    )
    def test_the_own_word_is_heard_and_no_other(self, text: str, outcome: Outcome) -> None:
        assert outcome is judged(self.RULE, self.call(text)).outcome

    def test_each_call_is_judged_by_itself(self) -> None:
        calls = [self.call("canary brabeck."), self.call("canary felfant.", word="felfant", attempt=2)]
        found = judged(self.RULE, *calls)
        assert (Outcome.PASSED, 2) == (found.outcome, found.judged)

    def test_tells_whose_word_it_is(self) -> None:
        ((_, fault),) = told(self.RULE, self.call("canary brabeck. canary felfant."))
        assert fault.endswith("with 'felfant' of somebody else's call")


class TestCallerData:
    RULE = "call.caller-data-is-not-read-out"
    ID = "0199a5b0-0000-7000-8000-000000000001"

    def call(self, text: str, heard: str = "Hello.", number: str = "+14155550118") -> list[Evidence]:
        exchanges = {"turn-1.1": answer(text, heard)}
        return in_call("caller-from-america", exchanges, {"caller_data": [number, self.ID]})

    @pytest.mark.parametrize(
        "text",
        [
            "You are calling from +14155550118.",
            "You are calling from (415) 555-0118.",
            "Your number is 4 1 5 5 5 5 0 1 1 8.",
            f"Your call is {ID.upper()}.",
        ],
    )
    def test_is_found_however_it_is_written(self, text: str) -> None:
        assert Outcome.VIOLATED is judged(self.RULE, self.call(text)).outcome

    @pytest.mark.parametrize(
        "text",
        [
            "Hello, how can I help you?",
            "Our number is +14155550100.",
            "That is 1 415 dollars, and 5550 118 times more than you thought.",
            "It ends with 0118.",
            "0199a5b0",
        ],
    )
    def test_other_numbers_are_none(self, text: str) -> None:
        assert Outcome.PASSED is judged(self.RULE, self.call(text)).outcome

    def test_what_the_caller_said_may_be_repeated(self) -> None:
        evidence = self.call("So it is 415 555 0118.", "My number is four, I mean 4155550118.")
        assert Outcome.PASSED is judged(self.RULE, evidence).outcome

    def test_what_the_prompt_tells_may_be_said(self) -> None:
        request = ask({"role": "system", "content": "The caller's number is +14155550118."}, user("Hello."))
        exchanges = {"turn-1.1": said("You call from 415 555 0118.", request=request)}
        story = {"caller_data": ["+14155550118"]}
        assert Outcome.PASSED is judged(self.RULE, in_call("web-call", exchanges, story)).outcome

    def test_a_national_form_with_a_nought_in_front_is_found(self) -> None:
        evidence = self.call("You call from 020 7946 0123.", number="+442079460123")
        assert Outcome.VIOLATED is judged(self.RULE, evidence).outcome

    @pytest.mark.parametrize("number", ["", "+", "118", "anonymous"])
    def test_what_is_no_number_is_not_looked_for(self, number: str) -> None:
        assert Outcome.PASSED is judged(self.RULE, self.call("It is 118. Yes, 118.", number=number)).outcome

    def test_a_call_without_a_word_shows_nothing(self) -> None:
        found = judged(self.RULE, in_call("tool-at-vapi", {"turn-1.1": calling("get_weather")}))
        assert (Outcome.NOT_APPLICABLE, "nothing was said in the call") == (found.outcome, found.reason)

    def test_an_answer_of_digits_takes_no_time(self) -> None:
        assert Outcome.PASSED is judged(self.RULE, self.call("1 ,2" * 5_000)).outcome
