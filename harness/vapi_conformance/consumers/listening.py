"""What a loop over an answer collects while it runs, whatever the library."""

from collections.abc import Callable, Hashable
from typing import Final

from vapi_conformance.consumers.heard import Heard, HeardText, HeardToolCall, Outcome
from vapi_conformance.consumers.utf16 import joined, well_formed

__all__ = ["Call", "Listening"]

_SPACE: Final = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""White space as JavaScript's `trim` has it (ECMA-262, 22.1.3.32), for every library, so that outcomes compare."""


class Call:
    """One tool call while its fragments come."""

    __slots__ = ("arguments", "at_ns", "id", "index", "name")

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id: str | None = None
        self.name: str | None = None
        self.arguments: list[str] = []
        self.at_ns: int | None = None

    def heard(self, join: Callable[[list[str]], str]) -> HeardToolCall:
        """The call as it stands."""
        return HeardToolCall(
            index=self.index, id=self.id, name=self.name, arguments=join(self.arguments), at_ns=self.at_ns
        )


class Listening:
    """Set `at_ns` to the time of the read that is being looked at, then say what it gave."""

    def __init__(self, *, join: Callable[[list[str]], str] = joined) -> None:
        """`join`: how the library's language puts strings together; in JavaScript surrogate halves meet."""
        self.at_ns: int | None = None
        self.finish_reason: str | None = None
        self._join = join
        self._texts: list[HeardText] = []
        self._calls: dict[Hashable, Call] = {}

    def text(self, text: str) -> None:
        """One piece of text; an empty one is nothing."""
        if text:
            self._texts.append(HeardText(text=text, at_ns=self.at_ns))

    def call(self, key: Hashable, *, index: int | None = None) -> Call:
        """The call with this key, begun if it is new; its time becomes that of now."""
        call = self._calls.get(key)
        if call is None:
            call = self._calls[key] = Call(index)
        call.at_ns = self.at_ns
        return call

    def heard(self, error: str | None, *, ended: bool, at_ns: int | None) -> Heard:
        """`at_ns` is when the loop ended, well or not; `ended` is false when it never would."""
        return Heard(
            outcome=self._outcome(failed=error is not None),
            texts=tuple(self._texts),
            tool_calls=tuple(call.heard(self._join) for call in self._calls.values()),
            finish_reason=self.finish_reason,
            error=None if error is None else well_formed(error),
            error_at_ns=at_ns if error is not None and ended else None,
            ended_at_ns=at_ns if ended else None,
        )

    def _outcome(self, *, failed: bool) -> Outcome:
        if failed:
            return Outcome.FAILED
        if any(part.text.strip(_SPACE) for part in self._texts):
            return Outcome.SPOKEN
        if any(call.name for call in self._calls.values()):
            return Outcome.TOOL_CALL
        return Outcome.SILENCE
