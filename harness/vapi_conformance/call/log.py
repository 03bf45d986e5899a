"""What is written down of a call while it is played."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from vapi_conformance.call_record import CallEvent, CallRequest, EventKind, ToolRun
from vapi_conformance.exchange import Exchange

__all__ = ["CallLog", "Watch"]

Watch = Callable[[CallEvent], None]
"""Told of each event as it becomes known; times may lie ahead, since speech is known before it is heard."""


def _nobody(_event: CallEvent) -> None:
    """Nobody watches."""


@dataclass(slots=True, kw_only=True)
class CallLog:
    """Grows by what happens; nothing is taken back."""

    watch: Watch = _nobody
    requests: list[CallRequest] = field(default_factory=list[CallRequest])
    exchanges: list[Exchange] = field(default_factory=list[Exchange])
    webhooks: list[Exchange] = field(default_factory=list[Exchange])
    tools: list[ToolRun] = field(default_factory=list[ToolRun])
    events: list[CallEvent] = field(default_factory=list[CallEvent])

    @property
    def latest(self) -> int:
        """Position of the newest exchange."""
        return len(self.exchanges) - 1

    def tell(
        self,
        kind: EventKind,
        at_ns: int,
        text: str = "",
        *,
        until_ns: int | None = None,
        exchange: int | None = None,
    ) -> None:
        """One more event."""
        event = CallEvent(at_ns=at_ns, kind=kind, text=text, until_ns=until_ns, exchange=exchange)
        self.events.append(event)
        self.watch(event)

    def asked(self, request: CallRequest, exchange: Exchange) -> int:
        """One more exchange with the model. Gives its position."""
        self.requests.append(request)
        self.exchanges.append(exchange)
        return self.latest

    def superseded(self, turn: int) -> None:
        """The words that led to the tools of this turn have changed."""
        for position, each in enumerate(self.tools):
            if self.requests[each.exchange].turn == turn:
                self.tools[position] = replace(each, superseded=True)

    def in_order(self) -> tuple[CallEvent, ...]:
        """Events by call time."""
        return tuple(sorted(self.events, key=lambda event: event.at_ns))
