"""An answer as a line of speech: silences take the room of the words that could have been said in them."""

from collections.abc import Mapping

import pytest

from made_reports import dead_air, played
from vapi_conformance.report.page.speech_line import SpeechLine, speech_line


def line(document: Mapping[str, object]) -> SpeechLine:
    found = speech_line(document)
    assert found is not None
    return found


def kinds(document: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(each.kind, each.text) for each in line(document).segments]


def piece(text: str, starts: float, until: float) -> dict[str, object]:
    return {"text": text, "at_ms": starts, "from_ms": starts, "until_ms": until}


def heard(what: str) -> list[dict[str, object]]:
    return [{"name": "vapi", "library": "Vapi", "what": what, "sentence": "", "known": "observed", "text": ""}]


class TestSegments:
    def test_words_wait_words_and_silence_in_order(self) -> None:
        assert [
            ("wait", "0.40 s"),
            ("words", "Let me look that up for you."),
            ("silence", "3.20 s"),
            ("words", "There is a table at eight."),
        ] == kinds(dead_air())

    def test_a_silence_is_drawn_in_half_seconds_and_a_rest(self) -> None:
        [silence] = [each for each in line(dead_air(silence_ms=3200)).segments if each.kind == "silence"]
        assert (5, 5, 5, 5, 5, 5, 2) == silence.cells
        assert (False, "silence of 3.20 s") == (silence.is_broken_off, silence.told)

    def test_a_very_long_silence_is_broken_off_and_says_its_length(self) -> None:
        [silence] = [each for each in line(dead_air(silence_ms=20_000)).segments if each.kind == "silence"]
        assert (80, True, "20.0 s") == (sum(silence.cells), silence.is_broken_off, silence.text)

    def test_pauses_that_nobody_hears_join_the_words(self) -> None:
        pieces = [piece("One, ", 40, 300), piece("two, ", 350, 600), piece("three.", 600, 900)]
        assert [("words", "One, two, three.")] == kinds(played(pieces=pieces))

    def test_a_wait_that_vapi_calls_a_hang_is_a_silence(self) -> None:
        assert [("silence", "6.00 s"), ("words", "Yes.")] == kinds(played(pieces=[piece("Yes.", 6000, 6300)]))

    def test_a_stream_that_stays_open_after_the_last_word_is_silence(self) -> None:
        timing = {"headers_ms": 1.0, "end_ms": 9000.0}
        assert [("words", "Yes."), ("silence", "8.70 s")] == kinds(
            played(pieces=[piece("Yes.", 0, 300)], timing=timing)
        )

    def test_what_we_cut_off_ourselves_is_no_silence(self) -> None:
        timing = {"headers_ms": 1.0, "end_ms": 9000.0}
        made = played(pieces=[piece("Yes.", 0, 300)], timing=timing, end="closed by us")
        assert [("words", "Yes.")] == kinds(made)

    def test_without_times_there_are_words_only(self) -> None:
        pieces = [{"text": each, "at_ms": None, "from_ms": None, "until_ms": None} for each in ("One. ", "Two.")]
        assert [("words", "One. Two.")] == kinds(played(pieces=pieces, timing={}))

    def test_an_answer_without_a_word_is_the_wait_for_its_end(self) -> None:
        made = played(pieces=[], consumers=heard("silence"), timing={"headers_ms": 1.0, "end_ms": 7000.0})
        assert [("silence", "7.00 s")] == kinds(made)
        assert not line(made).has_words


class TestEnding:
    @pytest.mark.parametrize(
        ("what", "told", "tone"),
        [
            ("heard", "the caller’s turn", "good"),
            ("tool-call", "a tool is called", "good"),
            ("silence", "nothing is said", "warn"),
            ("tool-lost", "the tool is not called", "bad"),
            ("call-ends", "the call ends", "bad"),
            ("raises", "the client fails", "bad"),
            ("something new", "the answer is over", "plain"),
        ],
    )
    def test_says_what_follows(self, what: str, told: str, tone: str) -> None:
        ending = line(played(consumers=heard(what))).ending
        assert (told, tone) == (ending.text, ending.tone)

    @pytest.mark.parametrize(
        ("closed", "told"),
        [
            ("barge-in", "the caller interrupts"),
            ("superseded", "never heard: a newer request replaces it"),
            ("timeout", "the caller waits no longer"),
        ],
    )
    def test_says_why_we_hung_up(self, closed: str, told: str) -> None:
        assert told == line(played(call={"id": "c", "closed": closed}, end="closed by us")).ending.text


class TestSentence:
    def test_has_the_figures(self) -> None:
        assert (
            "first words after 0.40 s; 1 silence inside the answer, 3.20 s together; answer complete after 5.48 s"
        ) == line(dead_air()).says
        assert "no silence inside the answer" in line(played()).says

    def test_nobody_knows_what_was_heard_of_an_answer_that_nobody_listened_to(self) -> None:
        assert speech_line(played(pieces=[], consumers=[])) is None
