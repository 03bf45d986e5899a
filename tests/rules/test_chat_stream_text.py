"""Rules on the text of a stream: repetitions that nobody can have meant, and above all those that people make."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chunked_answers import DONE, FINISH, ROLE, broken_by, delta, is_judged, said, stream, violations, words

REPLAYED = "stream.text-is-not-replayed"
CUMULATIVE = "stream.text-is-not-cumulative"
PIECES = "stream.long-answers-come-in-pieces"
REASONING = "chat-stream.reasoning-precedes-content"
REFUSAL = "chat-stream.refusal-finishes-stop"
SENTENCE = "We open at seven in the morning, and the first bread is out of the oven at half past six."

VOCABULARY = (
    "ha no yes one the bread is at I am sorry very 1 11 2024 7:30 oh well please hold on and then again bye — ok so "
    "ja да はい 好 好的 😀 ñam"
)
ORDINARY_WORDS = VOCABULARY.split()


def cut(text: str, sizes: list[int]) -> Iterator[str]:
    """The text in pieces of these sizes, over and over."""
    at = turn = 0
    while at < len(text):
        size = sizes[turn % len(sizes)] if sizes else len(text)
        yield text[at : at + size]
        at, turn = at + size, turn + 1


def growing(text: str, words_each: int = 1) -> list[str]:
    """What a cumulative server sends: all the text so far, each time some words longer."""
    parts = text.split(" ")
    return [" ".join(parts[: end + words_each]) for end in range(0, len(parts), words_each)]


class TestReplay:
    @pytest.mark.parametrize("sizes", [[4], [12], [1], [29, 5]])
    def test_of_the_whole_text_is_found_however_it_was_cut(self, sizes: list[int]) -> None:
        assert {REPLAYED} == broken_by(said(*cut(SENTENCE, sizes), SENTENCE))

    @pytest.mark.parametrize("again", [f" {SENTENCE}", f"{SENTENCE}\n"])
    def test_with_other_white_space_around_it_is_one(self, again: str) -> None:
        assert {REPLAYED} == broken_by(said(*cut(SENTENCE, [9]), again))

    def test_is_found_before_a_last_blank_delta(self) -> None:
        assert {REPLAYED} == broken_by(said(*cut(SENTENCE, [9]), SENTENCE, "\n"))

    def test_on_the_finish_chunk_is_found(self) -> None:
        chunks = [ROLE, *words(*cut(SENTENCE, [9])), delta({"content": SENTENCE}, "stop"), DONE]
        assert REPLAYED in broken_by(stream(*chunks))

    def test_is_told_with_its_extent(self) -> None:
        (violation,) = violations(REPLAYED, said("We open ", "at ", "seven sharp.", "We open at seven sharp."))
        assert "all 3 pieces before it once more: 'We open at seven sharp.'" == violation.actual
        assert 4 == violation.chunk

    @pytest.mark.parametrize(
        "pieces",
        [
            ("I am so very sorry. ", "I am so very sorry. "),
            ("Fresh bread, every day. ", "Fresh bread, every day. ", "Fresh bread, every day. "),
            ("ha ", "ha ", "ha ha ha ha ha ha ha ha "),
            ("no, no, ", "no, no, ", "no, no, no, no, "),
            ("1111", "1111", "11111111"),
            ("0123456789", "0123456789", "01234567890123456789"),
            ("We are open ", "on Sundays. ", "We are open on Sundays."),
            ("Yes", ",", " sir", ".", " Yes, sir."),
            ("…", "…", "……"),
            (SENTENCE, SENTENCE[:20]),
            (*cut(SENTENCE, [9]), SENTENCE[:-1]),
        ],
    )
    def test_is_not_what_people_say_twice(self, pieces: tuple[str, ...]) -> None:
        assert set() == broken_by(said(*pieces))


class TestCumulation:
    @pytest.mark.parametrize("words_each", [1, 2, 5])
    def test_is_found_in_steps_of_any_size(self, words_each: int) -> None:
        assert {CUMULATIVE} == broken_by(said(*growing(SENTENCE, words_each)))

    def test_is_found_where_the_last_delta_is_blank(self) -> None:
        assert {CUMULATIVE} == broken_by(said(*growing(SENTENCE), " "))

    def test_is_told_with_its_extent(self) -> None:
        (violation,) = violations(CUMULATIVE, said(*growing(SENTENCE, 5)))
        assert (
            "the first 4 pieces each begin with the one before: 'We open at seven in the morning, and the first'"
            == (violation.actual)
        )

    @pytest.mark.parametrize(
        "pieces",
        [
            ("ha", "ha ha", "ha ha ha", "ha ha ha ha ha ha ha ha"),
            ("1", "10", "100", "1000", "10000", "100000000000000000000"),
            ("1", "12", "123", "1234"),
            ("n", "no", "nooo", "noooooooooooooooooooooo"),
            ("I", "I", "I think", " so."),
            ("I am so very sorry. ", "I am so very sorry. Let me look again."),
            ("We", " open", " at seven."),
        ],
    )
    def test_is_not_stammering_or_counting(self, pieces: tuple[str, ...]) -> None:
        assert set() == broken_by(said(*pieces))


class TestOrdinaryText:
    @settings(max_examples=150, deadline=None)
    @given(
        spoken=st.lists(st.sampled_from(ORDINARY_WORDS), min_size=1, max_size=60),
        sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    )
    def test_cut_anywhere_is_sound(self, spoken: list[str], sizes: list[int]) -> None:
        assert set() == broken_by(said(*cut(" ".join(spoken), sizes)))

    @settings(max_examples=150, deadline=None)
    @given(
        spoken=st.lists(st.sampled_from(ORDINARY_WORDS), min_size=1, max_size=30),
        least=st.integers(1, 20),
        sizes=st.data(),
        times=st.integers(2, 4),
    )
    def test_said_several_times_in_pieces_of_a_size_is_sound(
        self, spoken: list[str], least: int, sizes: st.DataObject, times: int
    ) -> None:
        pieces = cut(" ".join(spoken * times), sizes.draw(st.lists(st.integers(least, 2 * least), min_size=1)))
        assert set() == broken_by(said(*pieces))

    @settings(max_examples=100, deadline=None)
    @given(
        beat=st.text(st.sampled_from("ha no1.,"), min_size=1, max_size=12),
        sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6),
        count=st.integers(2, 30),
    )
    def test_with_a_beat_is_sound_however_it_is_cut(self, beat: str, sizes: list[int], count: int) -> None:
        assert set() == broken_by(said(*cut(beat * count, sizes)))

    @settings(max_examples=60, deadline=None)
    @given(spoken=st.lists(st.sampled_from(["bread", "oven", "seven", "morning", "rye"]), min_size=10, max_size=40))
    def test_sent_over_and_over_is_found(self, spoken: list[str]) -> None:
        text = "We open at half past six: " + " ".join(spoken)
        assert CUMULATIVE in broken_by(said(*growing(text)))
        assert REPLAYED in broken_by(said(*cut(text, [7]), text))


class TestPieces:
    def test_one_for_a_long_answer_are_too_few(self) -> None:
        (violation,) = violations(PIECES, said(SENTENCE * 5))
        assert f"{5 * len(SENTENCE)} characters in one piece" == violation.actual

    def test_several_for_a_long_answer_are_sound(self) -> None:
        assert set() == broken_by(said(*cut(SENTENCE * 5, [100])))

    def test_are_no_question_where_the_answer_is_short(self) -> None:
        assert not is_judged(PIECES, said(SENTENCE))


class TestReasoning:
    @pytest.mark.parametrize("key", ["reasoning", "reasoning_content"])
    def test_after_content_is_late(self, key: str) -> None:
        chunks = [ROLE, *words("one"), delta({key: "hm"}), FINISH, DONE]
        (violation,) = violations(REASONING, stream(*chunks))
        assert "1 deltas of reasoning after content began in chunk 1" == violation.actual

    @pytest.mark.parametrize("between", [{"content": ""}, {"content": "\n\n"}, {"content": "one", "reasoning": "hm"}])
    def test_before_content_or_with_it_is_sound(self, between: dict[str, object]) -> None:
        chunks = [ROLE, delta({"reasoning": "a"}), delta(between)]
        late = [delta({"reasoning": "b"})] if not str(between["content"]).strip() else []
        assert set() == broken_by(stream(*chunks, *late, *words("two"), FINISH, DONE))


class TestRefusal:
    @pytest.mark.parametrize("reason", ["stop", "content_filter", "length"])
    def test_ends_in_a_way_that_is_sound(self, reason: str) -> None:
        assert set() == broken_by(stream(ROLE, delta({"refusal": "No."}), delta({}, reason), DONE))

    def test_ends_in_no_call(self) -> None:
        assert REFUSAL in broken_by(stream(ROLE, delta({"refusal": "No."}), delta({}, "tool_calls"), DONE))

    def test_with_an_unknown_reason_is_not_judged(self) -> None:
        assert not is_judged(REFUSAL, stream(ROLE, delta({"refusal": "No."}), delta({}, json.dumps("eos")), DONE))
