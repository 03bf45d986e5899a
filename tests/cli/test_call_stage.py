"""The timeline while it grows: in the order of call time, on a terminal at the pace of speech."""

from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from vapi_conformance.call.speaking import Utterance
from vapi_conformance.call_record import CallEvent, EventKind
from vapi_conformance.cli.call_stage import Stage
from vapi_conformance.report.text import Line

S = 1_000_000_000


def stage(*, is_terminal: bool = False, now_ns: Callable[[], int] | None = None, is_quiet: bool = False) -> Stage:
    console = Console(file=StringIO(), force_terminal=is_terminal, width=60, height=8, markup=False, highlight=False)
    return Stage(console=console, now_ns=now_ns, is_quiet=is_quiet)


def event(at_s: float, kind: EventKind, text: str = "", until_s: float | None = None) -> CallEvent:
    return CallEvent(
        at_ns=round(at_s * S), kind=kind, text=text, until_ns=None if until_s is None else round(until_s * S)
    )


def painted(made: Stage) -> str:
    """What stands below the lines that are printed for good."""
    with made.console.capture() as captured:
        made.console.print(made.frame())
    return captured.get()


class TestLines:
    def test_come_by_call_time_and_not_before_their_turn(self, capsys: pytest.CaptureFixture[str]) -> None:
        made = stage()
        made.watch(event(1, "transcript", "Hi."))
        made.watch(event(1, "request", "heard"))
        assert [
            "    1.00 s  caller     Hi.",
            "    1.00 s  vapi       (asks the model)",
        ] == capsys.readouterr().out.splitlines()
        made.watch(event(1.5, "answer"))
        made.watch(event(1.2, "speech", "One.", 2))
        made.watch(event(1.1, "speech", "Zero.", 1.2))
        assert "" == capsys.readouterr().out
        made.watch(event(3, "transcript", "Bye."))
        assert ["    1.10 s  assistant  Zero.", "    1.20 s  assistant  One."] == capsys.readouterr().out.splitlines()
        made.settle()
        assert "    3.00 s  caller     Bye.\n" == capsys.readouterr().out

    def test_are_none_where_a_document_is_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        made = stage(is_quiet=True)
        made.watch(event(1, "transcript", "Hi."))
        made.say(Line("Something."))
        made.settle()
        assert "" == capsys.readouterr().out

    def test_beside_the_timeline_come_after_what_was_before(self, capsys: pytest.CaptureFixture[str]) -> None:
        made = stage()
        made.watch(event(1, "speech", "One.", 2))
        made.say(Line("Something."))
        assert ["    1.00 s  assistant  One.", "Something."] == capsys.readouterr().out.splitlines()


class TestTerminal:
    def test_shows_speech_as_far_as_it_is_spoken(self) -> None:
        now = [0.0]
        made = stage(is_terminal=True, now_ns=lambda: round(now[0] * S))
        made.listens(
            [
                Utterance(text="one two three four", at_ns=S, until_ns=5 * S),
                Utterance(text="five", at_ns=5 * S, until_ns=6 * S),
            ]
        )
        seen: list[str] = []
        for now[0] in (0.5, 3.0, 5.5, 7.0):
            seen.append(painted(made))
        assert "one" not in seen[0]
        assert "one two ..." in seen[1]
        assert "five" not in seen[1]
        assert "one two three four\n" in seen[2]
        assert "five\n" in seen[3]

    def test_shows_pieces_while_the_answer_comes_and_how_long_nothing_came(self) -> None:
        made = stage(is_terminal=True)
        made.watch(event(1, "request", "heard"))
        assert "assistant  ... 0." in painted(made)
        made.hears("Good morning.")
        assert "Good morning." in painted(made)

    def test_holds_no_more_than_the_screen(self) -> None:
        made = stage(is_terminal=True)
        for number in range(50):
            made.watch(event(number, "speech", f"piece {number} " + "x" * 200, number + 1))
        seen = painted(made)
        assert "piece 49" in seen
        assert 7 >= seen.count("\n")
        assert 60 >= max(map(len, seen.splitlines()))

    def test_does_not_repeat_what_was_typed(self) -> None:
        made = stage(is_terminal=True)
        made.hides = frozenset({"transcript"})
        with made.console.capture() as captured:
            made.watch(event(1, "transcript", "Hi."))
            made.settle()
        assert "Hi." not in captured.get()

    def test_takes_a_stranger_s_words_as_text(self) -> None:
        made = stage(is_terminal=True)
        with made.console.capture() as captured:
            made.say(Line("[red]\x1b[2J\x07 :smile: {0}"))
        assert "[red]\\x1b[2J\\x07 :smile: {0}\n" == captured.get()
