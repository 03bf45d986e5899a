"""The timeline of a call as it grows: on a terminal what is spoken at its pace, elsewhere line by line.

What happens becomes known in another order than it is heard: an answer's words are there before they are spoken. So
events wait, and are printed by call time as soon as nothing earlier can come.
"""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from vapi_conformance.call.speaking import Utterance, speech_ns, spoken_until
from vapi_conformance.call.voice import MOST_PIECES
from vapi_conformance.call_record import CallEvent, EventKind
from vapi_conformance.cli.printing import encodable, one_line, print_lines
from vapi_conformance.masking import MIN_BODY_SECRET_BYTES, MIN_SECRET_BYTES, Secrets
from vapi_conformance.report.call_text import event_line
from vapi_conformance.report.text import Line, Style

__all__ = ["PieceMask", "Stage"]

_NS_PER_S: Final = 1_000_000_000
_FRAMES_PER_S: Final = 12
_SETTLING: Final = frozenset[EventKind]({"transcript", "keypad", "request", "tool", "hand-off", "ended"})
"""When one of these is told, all that was before it has been told, too."""
_STYLES: Final[dict[Style, str]] = {
    "plain": "",
    "good": "green",
    "bad": "bold red",
    "warning": "yellow",
    "faint": "bright_black",
    "strong": "bold",
}


class PieceMask:
    """Hides secrets in an answer that comes piece by piece: a record is masked when it is whole, this is shown before.

    What may be the beginning of a secret at the end of a piece is hidden, too.
    """

    def __init__(self, secrets: Secrets) -> None:
        """Of the client that asks."""
        self._secrets = secrets
        self._before = ""

    def shown(self, piece: str) -> str:
        """The next piece, fit to be seen."""
        long = [each for each in self._secrets.values if len(each) >= MIN_BODY_SECRET_BYTES]
        values = [each.decode(errors="replace") for each in long]
        text = whole = self._before + piece
        for value in values:
            whole = whole.replace(value, "*" * len(value))
        for value in values:
            for length in range(min(len(value), len(text)), MIN_SECRET_BYTES - 1, -1):
                if text.endswith(value[:length]):
                    whole = whole[:-length] + "*" * length
                    break
        shown = whole[len(self._before) :]
        self._before = text[-max(map(len, values), default=1) :]
        return shown


@dataclass(kw_only=True)
class Stage:
    """Told of events, and of what is about to be spoken; thread-safe, since a terminal is painted from a thread."""

    console: Console
    """Where to, if it is a terminal."""
    is_quiet: bool = False
    """Nothing is told where nobody watches: standard output holds a document."""
    hides: frozenset[EventKind] = frozenset()
    """On a terminal: what the user typed stands there already."""
    characters_per_second: float = 15.0
    now_ns: Callable[[], int] | None = None
    """Call time, where it passes as on the telephone; None: all is shown as soon as it is known."""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _waiting: list[CallEvent] = field(default_factory=list[CallEvent])
    _spoken: list[Utterance] = field(default_factory=list[Utterance])
    _asking_ns: int | None = None
    """Monotonic time since which the model is asked."""
    _live: Live | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether somebody watches."""
        return self.console.is_terminal

    # What happens.

    def watch(self, event: CallEvent) -> None:
        """See `call.log.Watch`."""
        with self._lock:
            if event.kind in ("speech", "cut", "silence", "closed"):
                self._spoken.clear()
            if event.kind == "request":
                self._asking_ns = time.monotonic_ns()
                self._spoken.clear()
            elif event.kind in ("answer", "closed"):
                self._asking_ns = None
            if event.kind in _SETTLING:
                self._print(event.at_ns)
            self._waiting.append(event)
            if event.kind == "request":
                self._print(event.at_ns)

    def hears(self, piece: str) -> None:
        """The next piece of the answer that is coming."""
        with self._lock:
            now_ns = self.now_ns() if self.now_ns is not None else 0
            at_ns = max(now_ns, self._spoken[-1].until_ns if self._spoken else 0)
            until_ns = at_ns + speech_ns(piece, self.characters_per_second)
            if len(self._spoken) >= MOST_PIECES:
                return
            self._spoken.append(Utterance(text=piece.strip(), at_ns=at_ns, until_ns=until_ns))

    def listens(self, spoken: Sequence[Utterance]) -> None:
        """This is spoken next."""
        with self._lock:
            self._asking_ns = None
            self._spoken[:] = spoken

    def settle(self) -> None:
        """Nothing more comes for now."""
        with self._lock:
            self._asking_ns = None
            self._spoken.clear()
            self._print(None)

    def say(self, *lines: Line) -> None:
        """Something beside the timeline."""
        with self._lock:
            self._print(None)
            self._print_lines(lines)

    # What is seen.

    @contextmanager
    def live(self) -> Generator[None]:
        """While this lasts, the terminal shows what is being spoken; without one nothing is special."""
        if not self.is_terminal:
            yield
            return
        with Live(
            get_renderable=self.frame,
            console=self.console,
            refresh_per_second=_FRAMES_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as self._live:
            try:
                yield
            finally:
                self.settle()
        self._live = None

    @contextmanager
    def paused(self) -> Generator[None]:
        """While this lasts, the terminal is somebody else's."""
        with self._lock:
            self._print(None)
        if self._live is not None:
            self._live.stop()
        yield
        if self._live is not None:
            self._live.start()

    def _print(self, until_ns: int | None) -> None:
        """What was up to then, by call time; None: all."""
        ready = [each for each in self._waiting if until_ns is None or each.at_ns <= until_ns]
        self._waiting = [each for each in self._waiting if until_ns is not None and each.at_ns > until_ns]
        ready.sort(key=lambda event: event.at_ns)
        self._print_lines(line for event in ready if (line := self._line(event)) is not None)

    def _print_lines(self, lines: "Sequence[Line] | Generator[Line]") -> None:
        if self.is_terminal:
            for line in lines:
                self.console.print(self._text(line), soft_wrap=True)
        elif not self.is_quiet:
            print_lines(lines)

    def _line(self, event: CallEvent) -> Line | None:
        return None if event.kind in self.hides and self.is_terminal else event_line(event)

    def _text(self, line: Line) -> Text:
        """Text of a stranger is no markup."""
        return Text(encodable(one_line(line.text), self.console.encoding), _STYLES[line.style])

    def frame(self) -> Group:
        """What is going on right now; no more than the screen holds."""
        with self._lock:
            now_ns = self.now_ns() if self.now_ns is not None else None
            spoken = [CallEvent(at_ns=u.at_ns, kind="speech", text=u.text, until_ns=u.until_ns) for u in self._spoken]
            begun = (each for each in (*self._waiting, *spoken) if now_ns is None or each.at_ns <= now_ns)
            lines = [line for event in begun if (line := self._line(_so_far(event, now_ns))) is not None]
            if self._asking_ns is not None and not self._spoken:
                waited_s = (time.monotonic_ns() - self._asking_ns) / _NS_PER_S
                lines.append(Line(f"{'':>12}assistant  ... {waited_s:.1f} s", "faint"))
            most = max(1, self.console.height - 2)
            return Group(*(self._cut(line) for line in lines[-most:]))

    def _cut(self, line: Line) -> Text:
        text = self._text(line)
        text.truncate(max(1, self.console.width - 1), overflow="ellipsis")
        return text


def _so_far(event: CallEvent, now_ns: int | None) -> CallEvent:
    """Speech under way as far as it has been spoken."""
    if event.kind != "speech" or now_ns is None or event.until_ns is None or event.until_ns <= now_ns:
        return event
    said = spoken_until([Utterance(text=event.text, at_ns=event.at_ns, until_ns=event.until_ns)], now_ns)
    return replace(event, text=f"{said} ...")
