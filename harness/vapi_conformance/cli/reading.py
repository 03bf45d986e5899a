"""The files of a command line, one after the other, with a progress bar where somebody watches."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vapi_conformance.cli.printing import complain
from vapi_conformance.exchange import Exchange
from vapi_conformance.recordings import Unread, load_exchanges

__all__ = ["Reading", "files_argument"]

_MANY_FILES: Final = 10
_SUFFIXES: Final = (".json", ".har")

files_argument = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))


@dataclass(kw_only=True)
class Reading:
    """Hands out exchanges and remembers what was not read. Keeps no exchange."""

    files: Sequence[Path]
    unread: list[str] = field(default_factory=list[str])
    """Faults of files, one sentence each, with the place."""
    left_out: list[str] = field(default_factory=list[str])
    """What has nothing to do with a chat endpoint, one sentence a file."""
    exchanges: int = 0
    """How many were handed out."""
    _bar: Progress | None = None

    def __iter__(self) -> Iterator[tuple[Path, Exchange]]:
        """Each exchange with the file it is in; a folder stands for the recordings in it."""
        paths = list(self._expanded())
        console = Console(stderr=True)
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,  # rich would move standard output to standard error
            disable=not console.is_terminal or len(paths) < _MANY_FILES,
        ) as self._bar:
            for path in self._bar.track(paths, description="files read"):
                yield from self._exchanges(path)
        self._bar = None

    @contextmanager
    def paused(self) -> Generator[None]:
        """While this lasts, the bar is off the terminal and lines can be printed."""
        bar = None if self._bar is None or self._bar.disable else self._bar
        if bar is not None:
            bar.stop()
        yield
        if bar is not None:
            bar.start()

    def complain(self) -> None:
        """Says on standard error what was not read."""
        for sentence in self.left_out:
            complain(sentence, is_fault=False)
        for sentence in self.unread:
            complain(f"not read: {sentence}")

    def exit_status(self, *, failed: bool = False) -> int:
        """0, or 1 when something failed or was not read, or 2 when nothing was."""
        if self.unread and not self.exchanges:
            return 2
        return 1 if failed or self.unread else 0

    def _exchanges(self, path: Path) -> Iterator[tuple[Path, Exchange]]:
        for item in load_exchanges(path):
            if isinstance(item, Exchange):
                self.exchanges += 1
                yield path, item
            else:
                self._note(item)

    def _note(self, item: Unread) -> None:
        (self.unread if item.is_fault else self.left_out).append(item.reason)

    def _expanded(self) -> Iterator[Path]:
        for path in self.files:
            if not path.is_dir():
                yield path
                continue
            inside = sorted(_recordings_in(path))
            if not inside:
                self.unread.append(f"{path} is a folder without .json and .har files")
            yield from inside


def _recordings_in(folder: Path) -> Iterable[Path]:
    try:
        return [each for each in folder.iterdir() if each.suffix.lower() in _SUFFIXES]
    except OSError:
        return ()
