"""Lines that somebody types, or that come through a pipe."""

import sys
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Final

import click
from rich.console import Console

from vapi_conformance.cli.call_interrupts import Interrupts
from vapi_conformance.cli.printing import encodable, one_line
from vapi_conformance.problems import UsageError

__all__ = ["Typing"]

_LONGEST: Final = 20_000
"""Characters of one line. Nobody says so much in one breath."""


def _editor() -> ModuleType | None:
    """Editing and history of lines; not on every system."""
    with suppress(ImportError):
        import readline

        return readline
    return None


@dataclass(kw_only=True)
class Typing:
    """Reads line by line."""

    console: Console
    interrupts: Interrupts
    is_interactive: bool
    _editor: ModuleType | None = field(default_factory=_editor)

    def line(self, prompt: str) -> str | None:
        """The next line without blanks around it; None where there is no more, or Ctrl-C at an empty one."""
        while True:
            try:
                with self.interrupts.may_interrupt():
                    text = self._edited(prompt) if self._is_edited else self._plain(prompt)
            except KeyboardInterrupt:
                click.echo(err=not self._is_edited)
                if self._typed():
                    continue
                return None
            except EOFError:
                text = None
            if text is None and self.is_interactive:
                click.echo(err=not self._is_edited)
            # A lone surrogate stands for a byte that was no text.
            return None if text is None else text.encode(errors="replace").decode().strip()

    @property
    def _is_edited(self) -> bool:
        return self.is_interactive and self.console.file is sys.stdout and self.console.is_terminal

    def _edited(self, prompt: str) -> str:
        try:
            text = input(encodable(one_line(prompt), sys.stdout.encoding))
        except UnicodeDecodeError:
            raise UsageError("what was typed is no text in this terminal's encoding") from None
        return _checked(text)

    def _plain(self, prompt: str) -> str | None:
        if self.is_interactive:
            click.echo(encodable(one_line(prompt), sys.stderr.encoding), nl=False, err=True)
        # As bytes: one that is no text is no reason to end a call.
        text = sys.stdin.buffer.readline(_LONGEST + 2).decode(errors="replace")
        return _checked(text) if text else None

    def _typed(self) -> str:
        """What stood in the line when Ctrl-C came."""
        if self._editor is None or not self._is_edited:
            return ""
        text: object = self._editor.get_line_buffer()
        return text if isinstance(text, str) else ""


def _checked(text: str) -> str:
    if len(text.rstrip("\n")) > _LONGEST:
        raise UsageError(f"a line has more than {_LONGEST:,} characters; nobody says that in one breath")
    return text
