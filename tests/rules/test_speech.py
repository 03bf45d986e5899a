"""Rules on what is spoken: what they find, and above all what they leave alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_data import Recording, needs_shared, wire_recordings
from timed_answers import DONE, ask, chunk, outcome, said, step, streamed, user, violations, whole, words
from vapi_conformance.dialects.names import Dialect
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.recordings import load_wire
from vapi_conformance.rules import all_rules
from vapi_conformance.rules.rule import MUST, Profile
from vapi_conformance.verdict import Outcome, judge, judge_rule

EMPTY = "speech.answer-is-not-empty"
BLANK = "speech.answer-is-not-blank"
ONLY_REASONING = "speech.answer-is-not-only-reasoning"
NOTHING_SAID = (EMPTY, BLANK, ONLY_REASONING)
MARKUP = sorted(
    rule_id for rule_id in all_rules() if rule_id.startswith("speech.no-") and rule_id != "speech.no-dead-air"
)
ROLE = chunk({"role": "assistant", "content": ""})
FINISH = chunk({}, "stop")
SENTENCE = words("We open at seven in the morning, and close at five.")
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}


def violated(exchange: Exchange) -> set[str]:
    """Rules on single answers that these bytes break."""
    evidence = [Evidence(exchange=exchange)]
    return {
        rule_id
        for rule_id in (*MARKUP, *NOTHING_SAID)
        if judge_rule(all_rules()[rule_id], MUST, evidence).outcome is Outcome.VIOLATED
    }


class TestSomethingIsSaid:
    def test_words_are_sound(self) -> None:
        assert {Outcome.PASSED} == {outcome(rule_id, said("Hello.")) for rule_id in NOTHING_SAID}

    def test_no_text_is_empty(self) -> None:
        assert {EMPTY} == violated(said(""))

    @pytest.mark.parametrize("text", [" ", "\n\n", "\t \u00a0", "\u200b", "\ufeff \u200d"])
    def test_white_space_is_blank_not_empty(self, text: str) -> None:
        assert {BLANK} == violated(said(text))

    @pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
    def test_reasoning_alone_is_neither_empty_nor_blank(self, key: str) -> None:
        exchange = streamed((10, ROLE), (20, chunk({key: "Hm."})), (30, words(" ")), (40, FINISH), (50, DONE))
        assert {ONLY_REASONING} == violated(exchange)

    def test_an_end_marker_alone_is_empty(self) -> None:
        assert {EMPTY} == violated(streamed((10, DONE)))

    @pytest.mark.parametrize("content", [None, ""])
    def test_a_json_answer_is_judged_alike(self, content: str | None) -> None:
        assert {EMPTY} == violated(whole({"role": "assistant", "content": content}, request=ask(user("Hi."))))

    def test_a_tool_call_needs_no_words(self) -> None:
        exchange = streamed((10, chunk({"tool_calls": [CALL]})), (20, chunk({}, "tool_calls")), (30, DONE))
        assert {Outcome.NOT_APPLICABLE} == {outcome(rule_id, exchange) for rule_id in NOTHING_SAID}

    @pytest.mark.parametrize(
        "delta", [{"refusal": "I cannot help with that."}, {"function_call": {"name": "f", "arguments": "{}"}}]
    )
    def test_neither_does_a_refusal_nor_an_old_call(self, delta: dict[str, object]) -> None:
        assert set() == violated(streamed((10, chunk(delta)), (20, FINISH), (30, DONE)))

    @pytest.mark.parametrize("end", [End.CLOSED_BY_US, End.RESET, End.TRUNCATED, End.TIMED_OUT])
    def test_an_answer_that_was_cut_off_is_not_judged(self, end: End) -> None:
        assert set() == violated(streamed((10, ROLE), end=end))

    @pytest.mark.parametrize(
        "event",
        [
            pytest.param(chunk({"content": [{"type": "text", "text": "Hi"}]}), id="array content"),
            pytest.param("data: {not json\n\n", id="no JSON"),
            pytest.param('data: {"error": {"message": "overloaded"}}\n\n', id="error in the stream"),
            pytest.param('data: {"choices": [{"index": 0, "text": "Hi"}]}\n\n', id="no delta"),
            pytest.param('data: {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n', id="event not closed"),
        ],
    )
    def test_what_is_broken_below_is_left_to_the_rules_there(self, event: str) -> None:
        assert set() == violated(streamed((10, ROLE), (20, event)))

    def test_a_bound_below_what_vapi_sends_may_cut_everything(self) -> None:
        texts = ((10, ROLE), (20, chunk({}, "length")), (30, DONE))
        assert set() == violated(streamed(*texts, request=ask(user("Hi."), max_tokens=16)))
        assert {EMPTY} == violated(streamed(*texts, request=ask(user("Hi."), max_tokens=250)))

    def test_a_stop_sequence_may_leave_nothing(self) -> None:
        assert set() == violated(streamed((10, ROLE), (20, FINISH), request=ask(user("Hi."), stop="Hello")))


class TestMarkup:
    @pytest.mark.parametrize(
        ("text", "rule_id"),
        [
            ("<think>Hm.</think>Hello.", "speech.no-think-tags"),
            ("So they want bread.\n</think>\n\nHello.", "speech.no-think-tags"),
            ("<Thinking>", "speech.no-think-tags"),
            ("<reasoning>Hm.</reasoning>", "speech.no-think-tags"),
            ("◁think▷Hm.◁/think▷Hello.", "speech.no-think-tags"),
            ("[THINK]Hm.[/THINK]Hello.", "speech.no-think-tags"),
            ("Hello.<|im_end|>", "speech.no-special-tokens"),
            ("Hello.<|eot_id|>", "speech.no-special-tokens"),
            ("<|start_header_id|>assistant<|end_header_id|>Hello.", "speech.no-special-tokens"),
            ("Hello.<｜end▁of▁sentence｜>", "speech.no-special-tokens"),
            ("[INST] Hello [/INST]", "speech.no-special-tokens"),
            ("<s>Hello.</s>", "speech.no-special-tokens"),
            ("Hello.<end_of_turn>", "speech.no-special-tokens"),
            ("<start_of_turn>model\nHello.", "speech.no-special-tokens"),
            ('{"answer": "Hello."}', "speech.no-json-aloud"),
            ('[{"say": "Hello."}]', "speech.no-json-aloud"),
            ('["Hello.", "Bye."]', "speech.no-json-aloud"),
            ('Here you are:\n\n{"open": 7}\n\nAnything else?', "speech.no-json-aloud"),
            ("{}", "speech.no-json-aloud"),
            ("# Opening hours\nSeven.", "speech.no-markdown-aloud"),
            ("### 1. Weekdays", "speech.no-markdown-aloud"),
            ("We open at **seven**.", "speech.no-markdown-aloud"),
            ("**Hours:** seven", "speech.no-markdown-aloud"),
            ("- bread\n- cake", "speech.no-markdown-aloud"),
            ("* bread\n\n* cake", "speech.no-markdown-aloud"),
            ("• bread\n• cake", "speech.no-markdown-aloud"),
            ("| day | hour |\n|---|---|\n| Monday | 7 |", "speech.no-markdown-aloud"),
            ("See [our site](https://bakery.example/hours).", "speech.no-markdown-aloud"),
            ("```\nopen = 7\n```", "speech.no-code-aloud"),
            ('Here:\n```json\n{"open": 7}', "speech.no-code-aloud"),
            ("See you 😊", "speech.no-emoji-aloud"),
            ("Sunny ☀️ today", "speech.no-emoji-aloud"),
            ("Press 1️⃣", "speech.no-emoji-aloud"),
            ("From 🇵🇹 with bread", "speech.no-emoji-aloud"),
            ('<tool_call>\n{"name": "get_weather", "arguments": {}}\n</tool_call>', "speech.no-tool-syntax-aloud"),
            ('<function=get_weather>{"city": "Lisbon"}</function>', "speech.no-tool-syntax-aloud"),
            ('functions.get_weather({"city": "Lisbon"})', "speech.no-tool-syntax-aloud"),
            ('[TOOL_CALLS] [{"name": "get_weather"}]', "speech.no-tool-syntax-aloud"),
            ("fianc\ufffd\ufffd", "speech.no-replacement-characters"),
        ],
    )
    def test_finds_it(self, text: str, rule_id: str) -> None:
        assert {rule_id} == violated(said(text))

    @pytest.mark.parametrize(
        "text",
        [
            "5 * 3 is 15, and 2 ** 3 is 8, and 2**3**2 is 512.",
            "He writes C#, F# and a_b_c in __init__.",
            "I <3 bread, and 1 < 2 > 0.",
            "I think so. Thinking of it, that is my reasoning.",
            "#1 in town, # 2 in the country, and number #3.",
            "Great :) see you ;-) or not :( <:",
            "Well - to be honest - no.\n- Yes.",
            "* one footnote only",
            "Say [1], [note] or {name}; see [that] (or this).",
            "[1]",
            "[1, 2, 3]",
            "{not json}",
            "It costs $5 | 4 € | 3 £.",
            "Call us: 555-0100 -- any time --- really.",
            "One`s own `quotes` and ''two''.",
            "© 2026, ™, ✓, →, °C, ½, €, ☎",
            "café, naïve, 東京, नमस्ते, שלום, مرحبا",
            "Please wait. <flush /> <break time='1s'/> <spell>AB</spell> Done.",
            "<speak><s>Hello.</s></speak>",
            "data: [DONE] and event: end",
            "The functions of sleep: rest. Book(s) and get_weather() are names.",
            "I call it a tool call, or a function.",
            "No. 5|No. 6",
            "It's 7:30 a.m. (sharp)!",
        ],
    )
    def test_leaves_ordinary_speech_alone(self, text: str) -> None:
        request = ask(user("Hello."), tools=[WEATHER])
        assert set() == violated(said(text, request=request))

    @given(
        st.text(st.characters(codec="utf-8", categories=["L", "N", "Zs"], include_characters=".,!?'-:;()"), max_size=80)
    )
    def test_never_cries_wolf_on_letters_and_punctuation(self, text: str) -> None:
        emoji = {"speech.no-emoji-aloud"}
        assert not violated(said(f"Hello {text}")) - emoji

    @pytest.mark.parametrize(
        "text",
        [
            '{"name": "get_weather", "arguments": {"city": "Lisbon"}}',
            '[{"name": "get_weather", "parameters": {}}]',
            '{"type": "function", "function": {"name": "get_weather", "arguments": "{}"}}',
            'get_weather(city="Lisbon")',
            'Let me see: get_weather({"city": "Lisbon"})',
        ],
    )
    def test_a_bare_call_of_an_offered_tool_is_tool_syntax_and_nothing_else(self, text: str) -> None:
        assert {"speech.no-tool-syntax-aloud"} == violated(said(text, request=ask(user("Rain?"), tools=[WEATHER])))

    def test_the_same_object_without_tools_is_json(self) -> None:
        assert {"speech.no-json-aloud"} == violated(said('{"name": "x", "arguments": {}}'))

    @pytest.mark.parametrize(
        "request_body",
        [
            ask(user("Hours?"), response_format={"type": "json_object"}),
            ask(user("Hours?"), response_format={"type": "json_schema", "json_schema": {}}),
            ask({"role": "system", "content": "Answer in JSON."}, user("Hours?")),
            ask(user('Say exactly: {"open": 7}')),
        ],
    )
    def test_json_that_was_asked_for_is_sound(self, request_body: dict[str, object]) -> None:
        assert set() == violated(said('{"open": 7}', request=request_body))

    @pytest.mark.parametrize(
        "text",
        ["<think>", "<|im_end|>", "**bold**", "```", "👨‍👩‍👧 and 👋🏽", "<tool_call>", "half a \ufffd", "# A title"],
    )
    def test_what_the_caller_wrote_may_be_quoted(self, text: str) -> None:
        assert set() == violated(said(text, request=ask(user(f"Say exactly: {text}"))))
        parts = [{"type": "text", "text": f"Say exactly: {text}"}]
        assert set() == violated(said(text, request=ask({"role": "user", "content": parts})))

    def test_names_the_chunk_and_quotes_no_more_than_a_line(self) -> None:
        exchange = streamed((10, ROLE), (20, words("Hello.")), (30, words("<|" + "x" * 60 + "|>")), (40, FINISH))
        (found,) = violations("speech.no-special-tokens", exchange)
        assert 2 == found.chunk
        assert len(found.actual) < 100

    def test_a_tag_in_pieces_is_found_where_it_begins(self) -> None:
        exchange = streamed((10, ROLE), (20, words("Hello.<thi")), (30, words("nk>Hm.</think>")), (40, FINISH))
        assert [1, 2] == [each.chunk for each in violations("speech.no-think-tags", exchange)]

    def test_bytes_that_are_no_utf_8_are_not_also_lost_characters(self) -> None:
        exchange = said("Caf_")
        broken = tuple(replace(read, data=read.data.replace(b"Caf_", b"Caf\xe9")) for read in exchange.reads)
        assert set() == violated(replace(exchange, reads=broken))

    def test_a_bounded_number_is_listed(self) -> None:
        exchange = said(" ".join(f"<|t{number}|>" for number in range(500)))
        assert 10 == len(violations("speech.no-special-tokens", exchange))

    @pytest.mark.parametrize("text", ["[", "<", "**a", "{\n\n", "- a\n", "\n ", "|-", "`", "<|a", "functions.a", "# "])
    def test_takes_linear_time_on_hostile_text(self, text: str) -> None:
        """A quarter of a megabyte; a pattern that goes back over it would take minutes."""
        assert Outcome.HARNESS_ERROR not in {
            outcome(rule_id, said(text * (250_000 // len(text)))) for rule_id in MARKUP
        }


class TestDeadAir:
    RULE = "speech.no-dead-air"

    def test_words_that_last_until_the_next_come_are_sound(self) -> None:
        exchange = streamed((200, SENTENCE), (4000, SENTENCE), (4010, FINISH), (4020, DONE))
        assert outcome(self.RULE, exchange) is Outcome.PASSED

    def test_silence_is_counted_from_the_end_of_the_words(self) -> None:
        """The first 32 characters are a piece; the rest is not long enough to be one before more comes."""
        exchange = streamed((200, SENTENCE), (8000, SENTENCE), (8010, FINISH), (8020, DONE))
        (found,) = violations(self.RULE, exchange)
        assert "the caller hears nothing for 5.67 s, from 2.33 s after the request on" == found.actual

    @pytest.mark.parametrize(
        "exchange",
        [
            pytest.param(
                streamed((200, words("One moment.<flush />")), (4000, SENTENCE), (4010, FINISH), (4020, DONE)),
                id="flush",
            ),
            pytest.param(streamed((200, SENTENCE), (30_000, SENTENCE), (30_010, FINISH), (30_020, DONE)), id="silence"),
        ],
    )
    def test_a_pause_that_another_rule_reports_is_not_counted_again(self, exchange: Exchange) -> None:
        assert outcome(self.RULE, exchange) is Outcome.PASSED

    def test_a_late_end_is_no_dead_air(self) -> None:
        exchange = streamed((200, SENTENCE), (210, words("Bye")), (220, FINISH), (9000, DONE), end_ms=20_000)
        assert outcome(self.RULE, exchange) is Outcome.PASSED


def unicode_answer(told: str, answer: str) -> Exchange:
    return step(said(answer, request=ask(user(f"Say exactly: {told}"))), "unicode", "stream")


class TestUnicodeSurvives:
    RULE = "speech.unicode-survives"
    TOLD = "Grüße, 東京, नमस्ते, e\u0301, 👋🏽 and ❤\ufe0f"

    @pytest.mark.parametrize(
        "answer", [TOLD, f"Sure: {TOLD}!", TOLD.replace("e\u0301", "é"), TOLD.replace("\ufe0f", "")]
    )
    def test_the_same_characters_are_sound(self, answer: str) -> None:
        assert outcome(self.RULE, unicode_answer(self.TOLD, answer)) is Outcome.PASSED

    @pytest.mark.parametrize(
        "answer",
        [
            TOLD.encode("ascii", "replace").decode(),
            TOLD.encode().decode("latin-1"),
            TOLD.replace("🏽", ""),
            TOLD.replace("東京", "\ufffd\ufffd"),
        ],
    )
    def test_lost_characters_are_found(self, answer: str) -> None:
        assert outcome(self.RULE, unicode_answer(self.TOLD, answer)) is Outcome.VIOLATED

    def test_a_model_that_says_something_else_shows_nothing(self) -> None:
        assert outcome(self.RULE, unicode_answer(self.TOLD, "I cannot do that.")) is Outcome.UNTESTABLE


class TestFramingWordsSurvive:
    RULE = "speech.framing-words-survive"
    TOLD = "data: [DONE] and event: end"

    def answered(self, answer: str) -> Outcome:
        exchange = said(answer, request=ask(user(f"Say exactly: {self.TOLD}")))
        return outcome(self.RULE, step(exchange, "framing-words", "stream"))

    @pytest.mark.parametrize("answer", [TOLD, f'"{TOLD}."', "Data: [done] and event: end"])
    def test_all_words_are_sound(self, answer: str) -> None:
        assert self.answered(answer) is Outcome.PASSED

    @pytest.mark.parametrize("answer", ["data: ", "data:  and event: end", " and event: end", ""])
    def test_lost_words_are_found(self, answer: str) -> None:
        assert self.answered(answer) is Outcome.VIOLATED


@needs_shared
class TestRecordings:
    @pytest.mark.parametrize("recording", wire_recordings("openai_chat_completions"), ids=lambda each: each.name)
    def test_a_first_party_breaks_no_must(self, recording: Recording) -> None:
        results = judge(
            [rule for rule_id, rule in all_rules().items() if rule_id.startswith("speech.")],
            [Evidence(exchange=load_wire(recording.path))],
            profile=Profile.STANDARD,
            dialect=Dialect.OPENAI_CHAT_COMPLETIONS,
        )
        wrong = [
            r.rule.id for r in results if r.level is MUST and r.outcome in (Outcome.VIOLATED, Outcome.HARNESS_ERROR)
        ]
        assert [] == wrong
