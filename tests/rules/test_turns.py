"""Rules on several turns: what an answer has to hold is read from the request that it answers."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from timed_answers import DONE, ask, chunk, outcome, said, step, streamed, user, violations, whole
from vapi_conformance.dialects.asked import Asked
from vapi_conformance.dialects.chat.request import read_request
from vapi_conformance.exchange import End, Exchange, Response
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.prompt_words import code_word, folded, house_word, says, stands_in, told_to_say
from vapi_conformance.verdict import Outcome


def asked(body: Mapping[str, object]) -> Asked | None:
    return read_request(json.dumps(body).encode())


REFUSED = streamed((10, '{"error": {"message": "no"}}'), status=400)
ACCEPTANCE = {
    "turns.message-without-content-is-accepted": "message-without-content",
    "turns.filler-beside-calls-is-accepted": "filler-beside-calls",
    "turns.user-after-tool-is-accepted": "user-after-tool",
    "turns.merged-answer-is-accepted": "merged-answer",
    "turns.greeting-needs-no-user-message": "greeting",
}


def told(words: str) -> Mapping[str, object]:
    return ask(user(f"Say exactly: {words}"))


class TestPromptWords:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            ("Your code word is Pearl.", "pearl"),
            ('"We open at nine,\nand close at five!"', "We open at nine and close at five."),
            ("DATA:  [done]  and event: END", "data: [DONE] and event: end"),
            ("Gru\u0308\u00dfe", "grüsse"),
            ("anything", ""),
        ],
    )
    def test_case_punctuation_and_space_do_not_matter(self, answer: str, words: str) -> None:
        assert says(answer, words)

    @pytest.mark.parametrize(
        ("answer", "words"),
        [("wholeness", "whole"), ("a whole big mess", "whole mess"), ("", "whole"), ("me ss", "mess")],
    )
    def test_words_are_whole_and_stand_together(self, answer: str, words: str) -> None:
        assert not says(answer, words)

    def test_folding_keeps_signs_and_marks(self) -> None:
        assert "नमस्ते 👋🏽" == folded(" नमस्ते,  👋🏽!")

    def test_the_last_user_message_tells_what_to_say(self) -> None:
        request = asked(ask(user("Say exactly: one"), {"role": "assistant", "content": "one"}, user("Hm.")))
        assert told_to_say(request) is None
        assert "a\nb" == told_to_say(asked(told("a\nb")))
        assert told_to_say(None) is None

    def test_the_last_code_word_of_the_user_counts(self) -> None:
        messages = (
            user("My code word is plum."),
            {"role": "assistant", "content": "My code word is fig."},
            {"role": "user", "content": [{"type": "text", "text": "No: my code word is pearl, please."}]},
        )
        assert "pearl" == code_word(asked(ask(*messages)))

    def test_the_house_word_is_the_systems(self) -> None:
        messages = ({"role": "developer", "content": "The house word is marigold."}, user("The house word is rose."))
        assert "marigold" == house_word(asked(ask(*messages)))

    def test_hostile_messages_are_read_over(self) -> None:
        request = asked({"messages": [None, 5, {"role": "user"}, {"role": "user", "content": [{"text": 3}]}]})
        assert (None, None, False) == (told_to_say(request), code_word(request), stands_in(request, "x"))


class TestWhatTheModelKnows:
    @pytest.mark.parametrize(
        ("rule_id", "scenario", "request_body", "word"),
        [
            (
                "turns.system-prompt-is-read",
                "system-prompt",
                ask({"role": "system", "content": "The house word is marigold."}, user("What is the house word?")),
                "marigold",
            ),
            (
                "turns.history-is-read",
                "history",
                ask(user("My code word is plum."), user("Hm."), user("What is my code word?")),
                "plum",
            ),
        ],
    )
    def test_the_word_decides(self, rule_id: str, scenario: str, request_body: Mapping[str, object], word: str) -> None:
        def judged(answer: str) -> Outcome:
            return outcome(rule_id, step(said(answer, request=request_body), scenario, "stream"))

        assert judged(f"It is {word.upper()}!") is Outcome.PASSED
        assert judged("I do not know.") is Outcome.VIOLATED
        assert judged("") is Outcome.UNTESTABLE
        refused = replace(REFUSED, request=said("", request=request_body).request)
        assert outcome(rule_id, step(refused, scenario, "stream")) is Outcome.UNTESTABLE


class TestATurnSentAgain:
    def grown(self, answer: str) -> list[Exchange]:
        first = streamed((10, chunk({"content": "apple"})), end=End.CLOSED_BY_US, request=told("apple"))
        second = said(answer, request=told("apple pie with cream"))
        return [step(first, "grown-turn", "first"), step(second, "grown-turn", "grown")]

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ("apple pie with cream", Outcome.PASSED),
            ("Apple pie, with cream!", Outcome.PASSED),
            ("apple", Outcome.VIOLATED),
            ("pie with cream", Outcome.VIOLATED),
            ("", Outcome.VIOLATED),
        ],
    )
    def test_a_grown_turn_is_answered_to_its_end(self, answer: str, expected: Outcome) -> None:
        assert outcome("turns.grown-turn-is-answered-afresh", *self.grown(answer)) is expected

    def test_a_first_answer_that_was_cut_short_takes_nothing_away(self) -> None:
        first, second = self.grown("apple")
        cut = replace(streamed((10, chunk({"content": "app"})), end=End.CLOSED_BY_US), request=first.request)
        assert (
            outcome("turns.grown-turn-is-answered-afresh", replace(cut, label=first.label), second) is Outcome.VIOLATED
        )

    def test_a_refusal_is_for_another_rule(self) -> None:
        first, second = self.grown("")
        refused = replace(REFUSED, request=second.request, label=second.label)
        assert outcome("turns.grown-turn-is-answered-afresh", first, refused) is Outcome.UNTESTABLE

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ("wholeness", Outcome.PASSED),
            ("whole mess", Outcome.VIOLATED),
            ("Whole mess. Wholeness.", Outcome.VIOLATED),
            ("", Outcome.VIOLATED),
        ],
    )
    def test_a_replaced_turn_is_answered_to_the_new_words(self, answer: str, expected: Outcome) -> None:
        first = step(said("whole mess", request=told("whole mess")), "replaced-turn", "first")
        second = step(said(answer, request=told("wholeness")), "replaced-turn", "replaced")
        assert outcome("turns.replaced-turn-is-answered-afresh", first, second) is expected

    def test_a_stale_answer_is_called_one(self) -> None:
        first = step(said("whole mess", request=told("whole mess")), "replaced-turn", "first")
        second = step(said("whole mess", request=told("wholeness")), "replaced-turn", "replaced")
        (found,) = violations("turns.replaced-turn-is-answered-afresh", first, second)
        assert "the answer is 'whole mess', which answers the earlier 'whole mess'" == found.actual
        assert 1 == found.step

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [("Your code word is pearl.", Outcome.PASSED), ("Your code word is plum.", Outcome.VIOLATED)],
    )
    def test_an_edited_history_is_read_as_it_is(self, answer: str, expected: Outcome) -> None:
        asked = user("What is my code word?")
        first = said("Plum.", request=ask(user("My code word is plum."), asked))
        edited = said(answer, request=ask(user("My code word is pearl."), asked))
        exchanges = step(first, "edited-history", "first"), step(edited, "edited-history", "edited")
        assert outcome("turns.edited-history-is-read", *exchanges) is expected

    @pytest.mark.parametrize(
        ("answers", "broken_steps"),
        [
            (("nine to five", "nine to five", "Nine to five."), []),
            (("nine to five", "", "nine to five"), [1]),
            (("nine to five", "to five", "five"), [1, 2]),
        ],
    )
    def test_a_repeated_turn_is_answered_in_full(self, answers: tuple[str, ...], broken_steps: list[int]) -> None:
        exchanges = [
            step(said(answer, request=told("nine to five")), "repeated-turn", name)
            for answer, name in zip(answers, ("first", "second", "third"), strict=True)
        ]
        found = violations("turns.repeated-turn-is-answered-in-full", *exchanges)
        assert broken_steps == [each.step for each in found]

    def test_a_question_without_set_words_needs_words_each_time(self) -> None:
        request = ask(user("When do you open?"))
        exchanges = [
            step(said(text, request=request), "repeated-turn", name) for text, name in (("At 9.", "a"), (" ", "b"))
        ]
        assert [1] == [each.step for each in violations("turns.repeated-turn-is-answered-in-full", *exchanges)]


class TestAnAgentWithALineOfItsOwn:
    """It repeats no words on demand, as one with a strict prompt or a mock does: nothing stale is shown by that."""

    LINE = "Hi there! How can I help you today?"

    @pytest.mark.parametrize(
        ("rule_id", "scenario", "requests"),
        [
            ("turns.grown-turn-is-answered-afresh", "grown-turn", {"first": told("apple"), "grown": told("apple pie")}),
            (
                "turns.replaced-turn-is-answered-afresh",
                "replaced-turn",
                {"first": told("whole mess"), "replaced": told("wholeness")},
            ),
            (
                "turns.repeated-turn-is-answered-in-full",
                "repeated-turn",
                {"first": told("nine to five"), "second": told("nine to five")},
            ),
            (
                "turns.concurrent-calls-do-not-mix",
                "concurrent",
                {"call-1": told("canary a"), "call-2": told("canary b")},
            ),
            (
                "turns.edited-history-is-read",
                "edited-history",
                {
                    "first": ask(user("My code word is plum."), user("What is my code word?")),
                    "edited": ask(user("My code word is pearl."), user("What is my code word?")),
                },
            ),
        ],
    )
    def test_shows_neither_this_nor_that(
        self, rule_id: str, scenario: str, requests: Mapping[str, Mapping[str, object]]
    ) -> None:
        exchanges = [step(said(self.LINE, request=body), scenario, name) for name, body in requests.items()]
        assert outcome(rule_id, *exchanges) is Outcome.UNTESTABLE


@pytest.mark.parametrize(("rule_id", "scenario"), ACCEPTANCE.items())
class TestAcceptance:
    def test_words_are_an_answer(self, rule_id: str, scenario: str) -> None:
        assert outcome(rule_id, step(said("Hello."), scenario, "stream")) is Outcome.PASSED

    def test_a_call_is_an_answer(self, rule_id: str, scenario: str) -> None:
        call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        exchange = streamed((10, chunk({"tool_calls": [call]})), (20, chunk({}, "tool_calls")), (30, DONE))
        assert outcome(rule_id, step(exchange, scenario, "stream")) is Outcome.PASSED

    @pytest.mark.parametrize(
        "exchange",
        [
            pytest.param(REFUSED, id="refused"),
            pytest.param(replace(REFUSED, reads=()), id="refused without a word"),
            pytest.param(said(" "), id="blank"),
            pytest.param(streamed((10, 'data: {"error": {"message": "content is required"}}\n\n')), id="error inside"),
        ],
    )
    def test_anything_else_is_none(self, rule_id: str, scenario: str, exchange: Exchange) -> None:
        assert outcome(rule_id, step(exchange, scenario, "stream")) is Outcome.VIOLATED

    def test_a_broken_transfer_says_nothing(self, rule_id: str, scenario: str) -> None:
        broken = replace(said("Hel"), end=End.RESET)
        assert outcome(rule_id, step(broken, scenario, "stream")) is Outcome.UNTESTABLE
        nothing = replace(broken, response=None, end=End.NO_RESPONSE, reads=())
        assert outcome(rule_id, step(nothing, scenario, "stream")) is Outcome.UNREACHABLE

    def test_a_refusal_of_the_caller_says_nothing_about_the_history(self, rule_id: str, scenario: str) -> None:
        limited = replace(REFUSED, response=Response(status=429))
        assert outcome(rule_id, step(limited, scenario, "stream")) is Outcome.UNTESTABLE

    def test_says_what_came_instead(self, rule_id: str, scenario: str) -> None:
        (found,) = violations(rule_id, step(REFUSED, scenario, "stream"))
        assert """HTTP status 400, '{"error": {"message": "no"}}'""" == found.actual
        assert "." == all_rules()[rule_id].statement[-1]


def calls(*answers: str, ids: tuple[str, ...] = ()) -> list[Exchange]:
    words = ("amber", "birch", "cobalt", "dahlia")[: len(answers)]
    return [
        step(
            streamed(
                (10, chunk({"role": "assistant", "content": answer}, answer_id=ids[at] if ids else f"id-{at}")),
                (20, chunk({}, "stop", answer_id=ids[at] if ids else f"id-{at}")),
                (30, DONE),
                request=told(f"canary {word}"),
            ),
            "concurrent",
            f"call-{at + 1}",
        )
        for at, (word, answer) in enumerate(zip(words, answers, strict=True))
    ]


class TestConcurrentCalls:
    RULE = "turns.concurrent-calls-do-not-mix"

    def test_each_its_own_is_sound(self) -> None:
        assert outcome(self.RULE, *calls("canary amber", "Canary Birch.", "canary cobalt")) is Outcome.PASSED

    @pytest.mark.parametrize(
        ("answers", "broken_steps"),
        [
            (("canary birch", "canary amber"), [0, 1]),
            (("canary amber birch", "canary birch"), [0]),
            (("canary amber", "canary"), [1]),
        ],
    )
    def test_anothers_words_are_found(self, answers: tuple[str, ...], broken_steps: list[int]) -> None:
        assert broken_steps == [each.step for each in violations(self.RULE, *calls(*answers))]

    def test_silence_and_refusals_do_not_count(self) -> None:
        exchanges = calls("canary amber", "", "canary cobalt", "x")
        exchanges[3] = replace(REFUSED, request=exchanges[3].request, label=exchanges[3].label)
        assert outcome(self.RULE, *exchanges) is Outcome.PASSED

    def test_one_answer_alone_shows_nothing(self) -> None:
        assert outcome(self.RULE, *calls("canary amber", "")) is Outcome.UNTESTABLE

    def test_attempts_are_judged_one_by_one(self) -> None:
        first, second = calls("canary amber", "canary birch")
        assert first.label is not None
        again = replace(second, label=replace(first.label, attempt=2))
        assert outcome(self.RULE, first, again) is Outcome.UNTESTABLE


class TestConcurrentIds:
    RULE = "turns.concurrent-streams-have-own-ids"

    def test_own_ids_are_sound(self) -> None:
        assert outcome(self.RULE, *calls("a", "b", ids=("x", "y"))) is Outcome.PASSED

    def test_a_shared_id_is_found_at_the_second(self) -> None:
        found = violations(self.RULE, *calls("a", "b", "c", ids=("x", "y", "x")))
        assert [(2, "'x' is also the id of answer 1 of 3")] == [(each.step, each.actual) for each in found]

    def test_empty_ids_are_for_another_rule(self) -> None:
        assert outcome(self.RULE, *calls("a", "b", ids=("", ""))) is Outcome.NOT_APPLICABLE

    def test_ids_of_another_protocol_are_none(self) -> None:
        parts = [streamed((10, 'data: {"type":"text-start","id":"txt-0"}\n\n'), (20, DONE)) for _ in range(2)]
        exchanges = [step(part, "concurrent", f"call-{at + 1}") for at, part in enumerate(parts)]
        assert outcome(self.RULE, *exchanges) is Outcome.NOT_APPLICABLE


class TestStreamAndJson:
    RULE = "turns.stream-and-json-agree"

    def judged(self, delta: dict[str, object], finish: str, message: dict[str, object], json_finish: str) -> Outcome:
        request = ask(user("Hello."))
        stream = streamed((10, chunk(delta)), (20, chunk({}, finish)), (30, DONE), request=request)
        document = whole(message, json_finish, request=request)
        return outcome(self.RULE, step(stream, "stream-and-json", "stream"), step(document, "stream-and-json", "json"))

    def test_the_same_kind_is_sound_whatever_the_words(self) -> None:
        assert self.judged({"content": "Hi."}, "stop", {"content": "Hello."}, "stop") is Outcome.PASSED

    def test_where_sampling_ended_does_not_matter(self) -> None:
        assert self.judged({"content": "Hi."}, "stop", {"content": "Hello."}, "length") is Outcome.PASSED

    def test_another_kind_is_found(self) -> None:
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        assert self.judged({"content": "Hi."}, "stop", {"tool_calls": [call]}, "tool_calls") is Outcome.VIOLATED

    def test_another_end_is_found(self) -> None:
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        delta: dict[str, object] = {"tool_calls": [{"index": 0, **call}]}
        assert self.judged(delta, "stop", {"tool_calls": [call]}, "tool_calls") is Outcome.VIOLATED
