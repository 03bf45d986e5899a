"""Rules on whether the request's parameters were honoured."""

from dataclasses import replace

import pytest

from judging import outcome, told, with_status
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.specimens import base
from vapi_conformance.verdict import Outcome
from whole_answers import choice_of, document, message_of, whole

SCENARIOS = {
    "sampling.max-tokens-is-honoured": "max-tokens-json",
    "sampling.stop-sequence-is-honoured": "stop-json",
    "sampling.json-mode-parses": "json-mode",
}


def saying(name: str, text: object, finish: object) -> Exchange:
    sent = document(name)
    message_of(sent)["content"] = text
    choice_of(sent)["finish_reason"] = finish
    return whole(sent, name)


class TestMaxTokens:
    RULE = "sampling.max-tokens-is-honoured"

    @pytest.mark.parametrize(
        ("words", "finish", "passes"),
        [(16, "length", True), (3, "length", True), (0, "length", True), (17, "length", False), (16, "stop", False)],
    )
    def test_is_short_and_says_so(self, words: int, finish: str, passes: bool) -> None:
        assert passes == (told(self.RULE, saying("max-tokens-json", "word " * words, finish)) == [])

    def test_an_answer_that_is_short_by_itself_shows_nothing(self) -> None:
        assert Outcome.UNTESTABLE is outcome(self.RULE, saying("max-tokens-json", "Hi there! How can I help?", "stop"))
        assert Outcome.VIOLATED is outcome(self.RULE, saying("max-tokens-json", "word " * 15 + "word.", "stop"))

    @pytest.mark.parametrize("finish", [None, 7, "max_tokens"])
    def test_tells_the_finish_reason_whatever_it_is(self, finish: object) -> None:
        assert 1 == len(told(self.RULE, saying("max-tokens-json", "a word", finish)))


class TestStop:
    RULE = "sampling.stop-sequence-is-honoured"

    @pytest.mark.parametrize(
        ("text", "finish", "passes"),
        [
            ("red ", "stop", True),
            ("", "stop", True),
            ("Red Green", "stop", True),
            ("red green", "stop", False),
            ("red", "length", False),
        ],
    )
    def test_is_looked_for_letter_by_letter(self, text: str, finish: str, passes: bool) -> None:
        assert passes == (told(self.RULE, saying("stop-json", text, finish)) == [])


class TestJsonMode:
    RULE = "sampling.json-mode-parses"

    @pytest.mark.parametrize("text", ["", "[]", "7", '{"city": NaN}', "{} {}", '```json\n{"city": "Lisbon"}\n```'])
    def test_wants_one_object(self, text: str) -> None:
        assert 1 == len(told(self.RULE, saying("json-mode", text, "stop")))

    @pytest.mark.parametrize("finish", ["length", "content_filter"])
    def test_may_be_cut(self, finish: str) -> None:
        assert [] == told(self.RULE, saying("json-mode", '{"city": "Lis', finish))

    def test_may_be_refused_by_the_model(self) -> None:
        sent = document("json-mode")
        message_of(sent).update(content=None, refusal="I cannot help with that.")
        assert [] == told(self.RULE, whole(sent, "json-mode"))


class TestRefusals:
    @pytest.mark.parametrize(("rule", "name"), SCENARIOS.items())
    def test_who_refuses_a_parameter_does_not_honour_it(self, rule: str, name: str) -> None:
        assert ["status 400"] == told(rule, with_status(base(name)[0], 400))

    @pytest.mark.parametrize(("rule", "name"), SCENARIOS.items())
    @pytest.mark.parametrize("status", [401, 429, 500, 503])
    def test_who_fails_says_nothing_about_parameters(self, rule: str, name: str, status: int) -> None:
        assert Outcome.UNTESTABLE is outcome(rule, with_status(base(name)[0], status))


class TestN:
    RULE = "chat.n-is-honoured-or-refused"

    @pytest.mark.parametrize("status", [400, 422])
    def test_may_be_refused(self, status: int) -> None:
        assert [] == told(self.RULE, with_status(base("choices-json")[0], status))

    def test_may_not_break_the_server(self) -> None:
        assert ["status 500"] == told(self.RULE, with_status(base("choices-json")[0], 500))

    def test_an_answer_that_cannot_be_read_is_for_other_rules(self) -> None:
        (sound,) = base("choices-json")
        assert Outcome.UNTESTABLE is outcome(self.RULE, replace(sound, reads=(), end=End.TRUNCATED))

    @pytest.mark.parametrize("given", [0, 1, 3])
    def test_is_counted(self, given: int) -> None:
        sent = document("choices-json")
        sent["choices"] = [{**choice_of(sent), "index": at} for at in range(given)]
        assert [f"{given} in an answer with status 200"] == told(self.RULE, whole(sent, "choices-json"))


class TestSeed:
    RULE = "chat.seed-repeats"

    def test_needs_both_answers(self) -> None:
        first, second = base("seed")
        assert Outcome.UNTESTABLE is outcome(self.RULE, first)
        assert Outcome.UNTESTABLE is outcome(self.RULE, first, with_status(second, 500))

    def test_ids_and_fingerprints_may_differ(self) -> None:
        first, _ = base("seed")
        sent = document("seed")
        sent.update(id="chatcmpl-other", system_fingerprint="fp_2", created=1785312009)
        assert [] == told(self.RULE, first, whole(sent, "seed", at=1))
