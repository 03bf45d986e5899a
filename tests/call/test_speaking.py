"""When pieces are spoken, what an interruption leaves of them, and when the connection closes."""

import gzip
from collections.abc import Callable

import pytest

from timed_answers import chunk, words
from vapi_conformance.call.speaking import Interruption, Listener, Utterance, spoken_until, utterances
from vapi_conformance.speech import ChunkPlan, SpokenPiece

S = 1_000_000_000
SENTENCE = "This sentence has more than thirty characters."


def piece(text: str, at_s: float) -> SpokenPiece:
    return SpokenPiece(text=text, at_ns=round(at_s * S))


class TestUtterances:
    def test_begin_when_they_are_ready(self) -> None:
        (only,) = utterances([piece("a" * 15, 2.0)], requested_ns=10 * S, free_ns=0, characters_per_second=15)
        assert Utterance(text="a" * 15, at_ns=12 * S, until_ns=13 * S) == only

    def test_wait_for_those_before_them(self) -> None:
        pieces = [piece("a" * 15, 0.5), piece("b" * 30, 0.6)]
        spoken = utterances(pieces, requested_ns=0, free_ns=S, characters_per_second=15)
        assert [(S, 2 * S), (2 * S, 4 * S)] == [(each.at_ns, each.until_ns) for each in spoken]

    def test_leave_silence_where_they_come_late(self) -> None:
        pieces = [piece("a" * 15, 0.0), piece("b" * 15, 5.0)]
        spoken = utterances(pieces, requested_ns=0, free_ns=0, characters_per_second=15)
        assert [(0, S), (5 * S, 6 * S)] == [(each.at_ns, each.until_ns) for each in spoken]


class TestSpokenUntil:
    SPOKEN = (
        Utterance(text="one two", at_ns=0, until_ns=7 * S),
        Utterance(text="three four five", at_ns=8 * S, until_ns=23 * S),
    )

    @pytest.mark.parametrize(
        ("at_s", "said"),
        [
            (0, ""),
            (2, ""),
            (4, "one"),
            (7, "one two"),
            (8, "one two"),
            (14, "one two three"),
            (23, "one two three four five"),
            (60, "one two three four five"),
        ],
    )
    def test_is_in_whole_words(self, at_s: int, said: str) -> None:
        assert said == spoken_until(self.SPOKEN, at_s * S)


TIMEOUT_NS = 20 * S


def listening(
    plan: ChunkPlan | None = None,
    *,
    superseded_ns: int | None = None,
    interruption: Interruption | None = None,
    tell: Callable[[str], None] | None = None,
) -> Listener:
    """To an answer whose tokens may be twenty seconds apart."""
    return Listener(
        plan or ChunkPlan(), timeout_ns=TIMEOUT_NS, superseded_ns=superseded_ns, interruption=interruption, tell=tell
    )


class TestListener:
    def test_waits_for_each_token_as_long_as_the_platform_does(self) -> None:
        listener = listening()
        assert [TIMEOUT_NS, 5 * S + TIMEOUT_NS] == [listener(b"", 0), listener(words("Hi").encode(), 5 * S)]
        assert "timeout" == listener.due[1]

    @pytest.mark.parametrize(
        "nothing",
        [b": ping\n\n", chunk({"role": "assistant"}).encode(), words("").encode(), chunk({}, "stop").encode()],
    )
    def test_takes_nothing_else_for_a_token(self, nothing: bytes) -> None:
        assert TIMEOUT_NS == listening()(nothing, 5 * S)

    def test_takes_a_piece_of_a_tool_call_for_one(self) -> None:
        piece = chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]})
        assert 5 * S + TIMEOUT_NS == listening()(piece.encode(), 5 * S)

    def test_hangs_up_when_the_words_change(self) -> None:
        listener = listening(superseded_ns=3 * S)
        assert 3 * S == listener(b"", 0)
        assert (3 * S, "superseded") == listener.due

    def test_counts_an_interruption_from_the_first_spoken_piece(self) -> None:
        listener = listening(interruption=Interruption(after_ns=S))
        assert S + TIMEOUT_NS == listener(words("Too short").encode(), S)
        assert 3 * S == listener(words(SENTENCE).encode(), 2 * S)
        assert 3 * S == listener(words(SENTENCE).encode(), 5 * S)
        assert (3 * S, "barge-in") == listener.due

    def test_the_earlier_of_both_counts(self) -> None:
        listener = listening(superseded_ns=2 * S, interruption=Interruption(after_ns=5 * S))
        assert 2 * S == listener(words(SENTENCE).encode(), S)
        assert (2 * S, "superseded") == listener.due

    def test_counts_each_delta_without_a_chunk_plan(self) -> None:
        listener = listening(ChunkPlan(enabled=False), interruption=Interruption(after_ns=0))
        assert 2 * S == listener(words("Hi").encode(), 2 * S)

    def test_hears_through_compression(self) -> None:
        listener = listening(interruption=Interruption(after_ns=0))
        assert S == listener(gzip.compress(words(SENTENCE).encode(), mtime=0), S)

    def test_tells_the_pieces_as_they_are_ready(self) -> None:
        told: list[str] = []
        listener = listening(tell=told.append)
        listener(words(f"{SENTENCE} And").encode(), S)
        assert [SENTENCE] == told

    @pytest.mark.parametrize(
        "hostile",
        [
            b"data: {}\n\n",
            b"data: []\n\n",
            b'data: {"choices": {}}\n\n',
            b'data: {"choices": [7]}\n\n',
            b'data: {"choices": [{"delta": {"content": {}}}]}\n\n',
            b"data: " + b"[" * 100_000 + b"\n\n",
            b"\xff\xfe\n\n",
            b"\x1f\x8bno gzip",
            chunk({"content": "\ud800"}).encode(),
        ],
    )
    def test_is_not_moved_by_anything_else(self, hostile: bytes) -> None:
        listener = listening(superseded_ns=S, interruption=Interruption(after_ns=0), tell=lambda _: None)
        assert S == listener(hostile, 5)
