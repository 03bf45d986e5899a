"""How a certification gets on: one line that changes on a terminal, one line for each part elsewhere."""

import sys
import time
from typing import Final

import click

from vapi_conformance.call_scenario import CALLS
from vapi_conformance.cli.printing import complain, encodable, one_line

__all__ = ["CertifyProgress"]

_EVERY_LINE_S: Final = 20.0
_WIDTH: Final = 78


class CertifyProgress:
    """On standard error. `say` for a part of the work, `playing` as `suite.Progress`; `end` when it is over."""

    def __init__(self) -> None:
        """Shows nothing yet."""
        self._is_live = sys.stderr.isatty()
        self._told = 0.0
        self._kind = ""

    def say(self, what: str) -> None:
        """A part of the work that begins."""
        if self._is_live:
            self._rewrite(what)
        else:
            complain(what, is_fault=False)

    def playing(self, number: int, total: int, name: str) -> None:
        """Scenario by scenario, where somebody watches; else at the beginning of each kind, and now and then."""
        kind = "calls" if name.startswith(CALLS) else "scenarios"
        if self._is_live:
            self._rewrite(f"playing {name} ({number} of {total} {kind})")
            return
        now = time.monotonic()
        if kind != self._kind:
            self._kind, self._told = kind, now
            complain(f"playing {total} {kind}", is_fault=False)
        elif now - self._told > _EVERY_LINE_S:
            self._told = now
            complain(f"playing {name} ({number} of {total} {kind})", is_fault=False)

    def end(self) -> None:
        """Gives the line back."""
        if self._is_live:
            self._rewrite("")

    def _rewrite(self, text: str) -> None:
        shown = encodable(one_line(text), sys.stderr.encoding)[:_WIDTH]
        click.echo(f"\r{shown:<{_WIDTH}}\r{shown}", nl=False, err=True)
