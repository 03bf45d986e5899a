"""Somebody at the keyboard, who hears an answer while it comes, interrupts it, and answers for tools."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from vapi_conformance.call.speaking import Utterance
from vapi_conformance.call_scenario import CallTool
from vapi_conformance.platforms.vapi import ToolCall

__all__ = ["Person"]


class Person(Protocol):
    """Asked by the player in place of a scenario, which would know beforehand."""

    def hears(self, piece: str) -> None:
        """A piece of the answer under way can be spoken."""
        ...

    def listens(self, spoken: Sequence[Utterance]) -> None:
        """This is spoken next, at its times; the player waits, and the clock says when they cut in."""
        ...

    def may_interrupt(self) -> AbstractContextManager[object]:
        """Within it KeyboardInterrupt means that they speak into the answer."""
        ...

    def result_of(self, tool: CallTool, call: ToolCall) -> str | None:
        """What a tool returns that nobody else runs; None: what the tool itself says it returns."""
        ...
