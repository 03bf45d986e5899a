"""Which pieces are spoken, when, and where the caller hears nothing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapi_conformance.speech import (
    ChunkPlan,
    SpeechMetrics,
    SpokenPiece,
    TimedText,
    chunk_plan,
    speech_metrics,
    spoken_pieces,
)

S = 1_000_000_000
TEXTS = st.text("aé. ,!|</>flushFL\n😀", max_size=120)
PLANS = st.builds(
    ChunkPlan,
    min_characters=st.integers(1, 40),
    punctuation_boundaries=st.sampled_from([ChunkPlan().punctuation_boundaries, (), ("|", "||"), ("a.", "."), ("<",)]),
)


def deltas(*texts: str) -> list[TimedText]:
    """One delta a second, from 0."""
    return [TimedText(text=text, at_ns=at * S) for at, text in enumerate(texts)]


def spoken(*texts: str, plan: ChunkPlan | None = None) -> list[tuple[str, float]]:
    """Pieces with their times in seconds; the stream ends at 100 s."""
    pieces = spoken_pieces(deltas(*texts), plan or ChunkPlan(), 100 * S)
    return [(piece.text, (piece.at_ns or 0) / S) for piece in pieces]


class TestSpokenPieces:
    def test_end_at_the_first_boundary_after_the_least_number_of_characters(self) -> None:
        text = "Yes, of course. We are open from seven, also on Sundays"
        assert [("Yes, of course. We are open from seven,", 0), (" also on Sundays", 100)] == spoken(text)

    def test_count_the_boundary_itself(self) -> None:
        assert [("a" * 29 + ".", 0), ("b", 100)] == spoken("a" * 29 + ".b")
        assert [("a" * 28 + ".b", 100)] == spoken("a" * 28 + ".b")

    def test_come_with_the_delta_that_brings_the_boundary(self) -> None:
        assert [("a" * 30 + ".", 2)] == spoken("a" * 20, "a" * 10, ".")

    def test_may_be_several_of_one_delta(self) -> None:
        assert [("aa.", 0), ("bb.", 0), ("c", 100)] == spoken("aa.bb.c", plan=ChunkPlan(min_characters=3))

    @pytest.mark.parametrize("boundary", ChunkPlan().punctuation_boundaries)
    def test_end_at_every_boundary_of_the_default_plan(self, boundary: str) -> None:
        assert [("a" * 30 + boundary, 0), ("b", 100)] == spoken("a" * 30 + boundary + "b")

    def test_prefer_the_longer_boundary(self) -> None:
        assert [("a" * 30 + "||", 0), ("b", 100)] == spoken("a" * 30 + "||b")

    def test_wait_for_the_second_half_of_a_boundary(self) -> None:
        assert [("a" * 30 + "||", 1), ("b", 100)] == spoken("a" * 30 + "|", "|b")
        assert [("a" * 30 + "|", 1), ("b", 100)] == spoken("a" * 30 + "|", "b")

    def test_are_never_white_space_alone(self) -> None:
        assert [] == spoken(" ", "\n", "")
        assert [("a" * 30 + ".", 0)] == spoken("a" * 30 + ". \n")

    def test_are_spoken_at_the_end_when_nothing_released_them(self) -> None:
        assert [("Hi", 100)] == spoken("H", "i")

    def test_have_no_time_when_the_end_is_unknown(self) -> None:
        assert (SpokenPiece(text="Hi", at_ns=None),) == spoken_pieces(deltas("Hi"), ChunkPlan(), None)

    def test_are_the_deltas_themselves_without_a_plan(self) -> None:
        plan = ChunkPlan(enabled=False)
        assert [("Hi", 0), (" there<flush/>", 1)] == spoken("Hi", " there<flush/>", "", " ", plan=plan)


class TestFlushTag:
    @pytest.mark.parametrize("tag", ["<flush />", "<flush/>", "<flush>", "</flush>", "< FLUSH />", "< / Flush >"])
    def test_releases_what_is_there_and_is_not_spoken(self, tag: str) -> None:
        assert [("Hm.", 0), (" So", 100)] == spoken(f"Hm.{tag} So")

    @pytest.mark.parametrize("at", range(1, 9))
    def test_is_found_across_deltas(self, at: int) -> None:
        tag = "<flush />"
        assert [("Hm", 1), ("So", 100)] == spoken("Hm" + tag[:at], tag[at:] + "So")

    @pytest.mark.parametrize("text", ["<flushed>", "<flux>", "flush", "< >", "<", "<fl", "<flu\u017fh>"])
    def test_is_spoken_when_it_is_none(self, text: str) -> None:
        assert [(text, 100)] == spoken(text)

    def test_holds_back_only_the_text_behind_a_bracket(self) -> None:
        assert [("a" * 30 + ".", 0), (" <", 100)] == spoken("a" * 30 + ". <")


@given(text=TEXTS, cuts=st.sets(st.integers(0, 120), max_size=10), plan=PLANS)
def test_pieces_do_not_depend_on_how_the_text_was_cut(text: str, cuts: set[int], plan: ChunkPlan) -> None:
    at = [0, *sorted(cut for cut in cuts if 0 < cut < len(text)), len(text)]
    parts = [text[start:end] for start, end in pairwise(at)]
    expected = [piece.text for piece in spoken_pieces(deltas(text), plan, 200 * S)]
    assert expected == [piece.text for piece in spoken_pieces(deltas(*parts), plan, 200 * S)]


@given(parts=st.lists(TEXTS, max_size=8), plan=PLANS)
def test_times_of_pieces_never_go_back(parts: list[str], plan: ChunkPlan) -> None:
    times = [piece.at_ns or 0 for piece in spoken_pieces(deltas(*parts), plan, 200 * S)]
    assert sorted(times) == times


@given(parts=st.lists(st.text("ab .,!|😀", max_size=50), max_size=8), plan=PLANS)
def test_nothing_is_lost_but_white_space(parts: list[str], plan: ChunkPlan) -> None:
    joined = "".join(piece.text for piece in spoken_pieces(deltas(*parts), plan, 200 * S))
    assert "".join("".join(parts).split()) == "".join(joined.split())


@given(parts=st.lists(TEXTS, max_size=8), plan=PLANS)
def test_every_piece_but_a_flushed_or_the_last_one_has_its_length(parts: list[str], plan: ChunkPlan) -> None:
    if "<" not in "".join(parts):
        pieces = spoken_pieces(deltas(*parts), plan, 200 * S)
        assert all(len(piece.text) >= plan.min_characters for piece in pieces[:-1])


@pytest.mark.parametrize("unit", ["<", "< ", "|", "<flush", "a", ".", "<flush/>"])
def test_hostile_text_is_cut_in_linear_time(unit: str) -> None:
    """Would take minutes if each delta were compared with all text before it."""
    pieces = spoken_pieces([TimedText(text=unit, at_ns=0)] * 100_000, ChunkPlan(), 0)
    assert "".join(piece.text for piece in pieces) == (unit * 100_000 if unit != "<flush/>" else "")


class TestSpeechMetrics:
    def test_of_two_sentences_with_a_pause(self) -> None:
        texts = [
            TimedText(text="", at_ns=S // 10),
            TimedText(text="One moment please, I ", at_ns=S // 5),
            TimedText(text="am looking it up.", at_ns=S // 2),
            TimedText(text="We open at seven in the morning.", at_ns=6 * S),
        ]
        expected = SpeechMetrics(
            ttft_ns=S // 5,
            ttfs_ns=S // 2,
            pieces=2,
            longest_gap_ns=5 * S + S // 2,
            dead_air_ns=6 * S - S // 2 - round(38 / 20 * S),
            dead_airs=((S // 2 + round(38 / 20 * S), 6 * S - S // 2 - round(38 / 20 * S)),),
        )
        assert expected == speech_metrics(texts, ChunkPlan(), 7 * S, characters_per_second=20)

    def test_find_no_dead_air_while_earlier_pieces_are_still_spoken(self) -> None:
        metrics = speech_metrics(deltas(*["a" * 30 + "."] * 5), ChunkPlan(), 5 * S)
        assert (0, ()) == (metrics.dead_air_ns, metrics.dead_airs)

    def test_let_speech_wait_for_speech(self) -> None:
        """Two pieces of 2 s at once, the third 5 s later: one second of silence, not three."""
        plan = ChunkPlan(min_characters=1)
        texts = [TimedText(text="a" * 29 + "." + "b" * 29 + ".", at_ns=0), TimedText(text="c.", at_ns=5 * S)]
        assert ((4 * S, S),) == speech_metrics(texts, plan, 5 * S, characters_per_second=15).dead_airs

    def test_are_none_and_not_zero_of_an_empty_answer(self) -> None:
        expected = SpeechMetrics(ttft_ns=None, ttfs_ns=None, pieces=0, longest_gap_ns=None, dead_air_ns=None)
        assert expected == speech_metrics([], ChunkPlan(), S)

    def test_are_none_without_times(self) -> None:
        texts = [TimedText(text="a" * 30 + ".", at_ns=None)] * 2
        expected = SpeechMetrics(ttft_ns=None, ttfs_ns=None, pieces=2, longest_gap_ns=None, dead_air_ns=None)
        assert expected == speech_metrics(texts, ChunkPlan(), None)

    def test_have_no_gap_with_one_piece(self) -> None:
        metrics = speech_metrics(deltas("Hi"), ChunkPlan(), S)
        assert (None, 0) == (metrics.longest_gap_ns, metrics.dead_air_ns)


class TestChunkPlan:
    def test_has_the_platforms_defaults(self) -> None:
        assert ChunkPlan() == chunk_plan(None) == chunk_plan({}) == chunk_plan([])
        assert (True, 30, 15) == (
            ChunkPlan().enabled,
            ChunkPlan().min_characters,
            len(ChunkPlan().punctuation_boundaries),
        )

    def test_is_read_from_an_assistant(self) -> None:
        plan: object = {"enabled": False, "minCharacters": 10, "punctuationBoundaries": [".", "!"]}
        assert ChunkPlan(enabled=False, min_characters=10, punctuation_boundaries=(".", "!")) == chunk_plan(plan)

    @pytest.mark.parametrize(
        ("given", "expected"),
        [(0, 1), (-5, 1), (81, 80), (1e400, 80), (12.0, 12), ("9", 30), (True, 30), (None, 30), (float("nan"), 30)],
    )
    def test_takes_the_nearest_number_that_the_platform_accepts(self, given: object, expected: int) -> None:
        assert expected == chunk_plan({"minCharacters": given}).min_characters

    def test_ignores_what_is_of_a_wrong_type(self) -> None:
        assert ChunkPlan(punctuation_boundaries=(".",)) == chunk_plan(
            {"enabled": "no", "minCharacters": [], "punctuationBoundaries": [".", 5, "", None]}
        )
