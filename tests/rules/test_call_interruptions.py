"""Rules on interruptions: what the next answer shows, and what nobody can see from outside."""

from collections.abc import Mapping, Sequence

import pytest

from made_calls import answer, cut_off, in_call, judged, refused, told, with_headers
from timed_answers import NS_PER_MS, ask, chunk, streamed, user, words
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import Exchange
from vapi_conformance.verdict import Outcome

STORY = "Once upon a time, in a small house by the sea, there lived a clockmaker who had a dog."
CLOSED: Mapping[str, object] = {"turn-1.1": {"closed": "barge-in"}, "turn-2.1": {"at_ms": 5000}}
ACTIVE = "x-generations-active"


def interrupted(
    after: Exchange,
    *,
    name: str = "barge-in-after-a-pause",
    cut: str = "Once upon",
    requests: Mapping[str, object] = CLOSED,
    more: Mapping[str, Exchange] | None = None,
    story: Exchange | None = None,
) -> list[Evidence]:
    """A story that the caller speaks into, and the answer after it."""
    first = cut_off(answer(STORY, "Tell me a long story.")) if story is None else story
    events = [{"kind": "cut", "text": cut, "at_ms": 800, "step": "turn-1.1"}]
    exchanges = {"turn-1.1": first, "turn-2.1": after, **(more or {})}
    return in_call(name, exchanges, {"requests": requests, "events": events})


def next_answer(text: str, heard: str = "Say exactly: we are open until six.") -> Exchange:
    return answer(text, heard)


class TestTheNextAnswer:
    RULE = "call.barge-in-is-answered"

    @pytest.mark.parametrize(
        ("text", "outcome"),
        [
            ("We are open until six!", Outcome.PASSED),
            ("Oh, of course. We are open until six.", Outcome.PASSED),
            ("a time, in a small house by the sea, there lived a clockmaker", Outcome.VIOLATED),
            ("in a small house", Outcome.VIOLATED),
            ("Once upon a time, in a small house", Outcome.UNTESTABLE),  # from the start: an agent that loves it
            ("How may I help you today?", Outcome.UNTESTABLE),
            ("a time", Outcome.UNTESTABLE),
            ("", Outcome.UNTESTABLE),
        ],
    )
    def test_answers_the_caller_and_not_the_story(self, text: str, outcome: Outcome) -> None:
        assert outcome is judged(self.RULE, interrupted(next_answer(text))).outcome

    def test_the_old_answer_goes_on_before_the_new_one_begins(self) -> None:
        text = "a time, in a small house by the sea, there lived a clockmaker. We are open until six."
        ((_, fault),) = told(self.RULE, interrupted(next_answer(text)))
        assert fault.endswith("which goes on with the answer that was interrupted")

    def test_tells_that_the_old_answer_goes_on(self) -> None:
        ((step, fault),) = told(self.RULE, interrupted(next_answer("a time, in a small house by the sea")))
        assert "turn-2.1" == step
        assert fault.endswith("which goes on with the answer that was interrupted")

    def test_other_words_of_an_agent_that_heeds_are_a_fault(self) -> None:
        more = {"turn-3.1": answer("Good evening.", "Say exactly: good evening.")}
        ((_, fault),) = told(self.RULE, interrupted(next_answer("There lived a dog."), more=more))
        assert "the answer is 'There lived a dog.'" == fault

    def test_a_code_word_is_known_after_an_interruption(self) -> None:
        def after(text: str) -> Exchange:
            return answer(text, "What is my code word?", user("My code word is sorrel."))

        more = {"turn-3.1": answer("Good evening.", "Say exactly: good evening.")}
        assert [] == told(self.RULE, interrupted(after("It is sorrel."), name="barge-in-twice", more=more))
        assert 1 == len(told(self.RULE, interrupted(after("What do you mean?"), name="barge-in-twice", more=more)))

    def test_an_answer_that_was_complete_can_go_on_too(self) -> None:
        evidence = interrupted(next_answer("a time, in a small house"), requests={})
        assert Outcome.VIOLATED is judged(self.RULE, evidence).outcome

    def test_a_question_without_set_words_shows_nothing(self) -> None:
        evidence = interrupted(next_answer("a time, in a small house", "Another story, please!"))
        assert Outcome.UNTESTABLE is judged(self.RULE, evidence).outcome

    def test_a_refusal_is_for_another_rule(self) -> None:
        assert Outcome.UNTESTABLE is judged(self.RULE, interrupted(refused("Say exactly: six."))).outcome

    @pytest.mark.parametrize("events", [[], [{"kind": "cut", "text": "Once", "step": "turn-2.1"}]])
    def test_an_answer_that_nobody_could_interrupt_shows_nothing(self, events: Sequence[object]) -> None:
        exchanges = {"turn-1.1": answer("No.", "Tell me a long story."), "turn-2.1": next_answer("Six.")}
        found = judged(self.RULE, in_call("barge-in", exchanges, {"events": events}))
        assert (Outcome.UNTESTABLE, "no answer was long enough to be interrupted") == (found.outcome, found.reason)


def began(text: str, at_ms: float, headers: Mapping[str, str] | None = None) -> Exchange:
    """An answer whose first token comes then."""
    events = ((at_ms, words(text)), (at_ms + 10, chunk({}, "stop")), (at_ms + 20, "data: [DONE]\n\n"))
    return with_headers(streamed(*events, request=ask(user("Say exactly: six."))), headers or {})


class TestTheOldAnswer:
    RULE = "call.barge-in-stops-the-work"

    def outcome(self, evidence: Sequence[Evidence]) -> tuple[Outcome, str]:
        found = judged(self.RULE, evidence)
        return found.outcome, found.reason

    @pytest.mark.parametrize(
        ("active", "outcome"), [("0", Outcome.PASSED), ("1", Outcome.VIOLATED), ("12", Outcome.VIOLATED)]
    )
    def test_the_endpoints_own_count_is_evidence(self, active: str, outcome: Outcome) -> None:
        assert outcome is judged(self.RULE, interrupted(began("Six.", 100, {ACTIVE: active}))).outcome

    def test_work_for_others_was_there_before(self) -> None:
        story = with_headers(cut_off(answer(STORY, "Tell me a long story.")), {ACTIVE: "3"})
        assert [] == told(self.RULE, interrupted(began("Six.", 100, {ACTIVE: "3"}), story=story))
        assert 1 == len(told(self.RULE, interrupted(began("Six.", 100, {ACTIVE: "4"}), story=story)))

    @pytest.mark.parametrize("active", ["", "yes", "-1", "1.5", "\u0661"])
    def test_what_is_no_count_is_no_evidence(self, active: str) -> None:
        after = began("Six.", 100)
        assert after.response is not None
        evidence = interrupted(with_headers(after, {ACTIVE: active}))
        assert Outcome.UNTESTABLE is judged(self.RULE, evidence).outcome

    def test_a_count_of_any_length_is_read(self) -> None:
        assert 1 == len(told(self.RULE, interrupted(began("Six.", 100, {ACTIVE: "9" * 10_000}))))

    def test_an_endpoint_has_a_second_to_notice(self) -> None:
        requests = {"turn-1.1": {"closed": "barge-in"}, "turn-2.1": {"at_ms": 400}}
        evidence = interrupted(began("Six.", 100, {ACTIVE: "1"}), requests=requests)
        outcome, reason = self.outcome(evidence)
        assert Outcome.UNTESTABLE is outcome
        assert "the next request came too soon after the interruption to ask whether the work had stopped" == reason

    @pytest.mark.parametrize("began_ms", [100, 4_600])
    def test_an_answer_that_is_not_clearly_late_proves_nothing(self, began_ms: int) -> None:
        outcome, reason = self.outcome(interrupted(began("Six.", began_ms)))
        assert Outcome.UNTESTABLE is outcome
        assert reason.startswith(
            "the endpoint offers no evidence, and only a next answer 5 s later than the others is any: "
        )

    @pytest.mark.parametrize(
        ("first_ms", "late_ms", "is_late"),
        [(100, 5099, False), (100, 5200, True), (2000, 7900, False), (2000, 8000, True)],
    )
    def test_an_answer_that_comes_much_later_than_the_others_is_evidence(
        self, first_ms: float, late_ms: float, is_late: bool
    ) -> None:
        story = cut_off(began(STORY, first_ms))
        found = judged(self.RULE, interrupted(began("Six.", late_ms), story=story))
        assert (Outcome.VIOLATED if is_late else Outcome.UNTESTABLE) is found.outcome
        assert [late_ms * NS_PER_MS] * is_late == [each.violation.at_ns for each in found.findings]

    def test_the_answer_after_another_interruption_is_no_measure(self) -> None:
        """Both came late for the same reason; the others of the call came at once."""
        requests = {"turn-1.1": {"closed": "barge-in"}, "turn-2.1": {"closed": "barge-in", "at_ms": 5000}}
        story: dict[str, object] = {"requests": {**requests, "turn-3.1": {"at_ms": 20_000}}, "events": []}
        first, second = cut_off(began(STORY, 100)), cut_off(began(STORY, 6000))
        evidence = in_call(
            "barge-in-twice", {"turn-1.1": first, "turn-2.1": second, "turn-3.1": began("Six.", 6100)}, story
        )
        assert ["turn-2.1", "turn-3.1"] == [step for step, _ in told(self.RULE, evidence)]

    def test_tells_how_late(self) -> None:
        ((_, fault),) = told(self.RULE, interrupted(began("Six.", 9000)))
        assert (
            "its first token came after 9.0 s, as if the answer that was interrupted had been finished first" == fault
        )

    def test_an_answer_that_was_complete_left_no_work(self) -> None:
        outcome, reason = self.outcome(interrupted(began("Six.", 9000, {ACTIVE: "1"}), requests={}))
        assert Outcome.UNTESTABLE is outcome
        assert "the answer was complete before the caller interrupted it, so there was no work left to stop" == reason

    def test_an_answer_that_never_began_has_no_time(self) -> None:
        assert Outcome.UNTESTABLE is judged(self.RULE, interrupted(refused("Say exactly: six."))).outcome
