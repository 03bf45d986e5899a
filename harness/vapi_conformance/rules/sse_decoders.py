"""The same bytes through a second, independent decoder.

Ours follows the standard sentence by sentence. Where another one, written from the same standard, or a client
library's way to cut lines, reads other events, some client of the endpoint will too. That is for information:
the endpoint may be right. Differences that a rule of their own tells (a byte order mark, bytes that are no UTF-8,
an event that is not terminated, which sseclient-py delivers, a line past our bound) are left to those rules.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final, Protocol, cast

from sseclient import SSEClient

from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.rules.quoting import quote
from vapi_conformance.rules.rule import MAY, Need, Violation, rule
from vapi_conformance.rules.sse_lines import is_stream

__all__ = ["decoders_agree"]

_MAX_COMPARED_BYTES: Final = 64 * 1024
"""sseclient-py joins lines to a block by copying, so its time grows with the square of a block's lines."""

Seen = Sequence[tuple[str, str]]
"""Type and data of each event."""


class _ForeignEvent(Protocol):
    event: str
    data: str


def _comparable(evidence: Evidence) -> bool:
    stream = evidence.stream
    return (
        is_stream(evidence)
        and stream is not None
        and not stream.has_bom
        and not stream.invalid_utf8_at
        and stream.tail is None
        and evidence.exchange.end is End.CLEAN
        and not any(block.oversized for block in stream.blocks)
    )


@rule(
    "sse.decoders-agree",
    standard=MAY,
    vapi=MAY,
    source="HTML Living Standard, 9.2.5 and 9.2.6; second reading: sseclient-py, and line ends as httpx knows them",
    remedy="End lines with LF everywhere, and escape U+0085, U+2028 and U+2029 inside JSON strings.",
    needs=[Need.FRAMING],
    applies=_comparable,
)
def decoders_agree(evidence: Evidence) -> Iterator[Violation]:
    """An independent decoder reads the same events from the stream."""
    events = [
        event for event in (evidence.stream.events if evidence.stream else ()) if event.end <= _MAX_COMPARED_BYTES
    ]
    if not events:
        return
    body = evidence.body[: events[-1].end]
    ours = [(event.type, event.data) for event in events]
    # httpx's iter_lines, and every client built on str.splitlines, also ends lines at U+0085, U+2028 and others.
    as_text_lines = "\n".join(body.decode(errors="replace").splitlines()).encode()
    for name, theirs in (
        ("sseclient-py", _read(body)),
        ("a client that cuts lines with str.splitlines", _read(as_text_lines)),
    ):
        if theirs != ours:
            at, our, their = _first_difference(ours, theirs)
            event = events[min(at, len(events) - 1)]
            yield Violation(
                expected=f"the same events for every decoder: ours sees {len(ours)}, event {at} is {_shown(our)}",
                actual=f"{name} sees {len(theirs)}, event {at} is {_shown(their)}",
                start=event.start,
                end=event.end,
                at_ns=event.at_ns,
            )
            return


def _read(body: bytes) -> Seen:
    foreign = cast("Iterable[_ForeignEvent]", SSEClient(iter([body])).events())
    return [(event.event, event.data) for event in foreign]


def _first_difference(ours: Seen, theirs: Seen) -> tuple[int, tuple[str, str] | None, tuple[str, str] | None]:
    pairs = enumerate(zip_longest(ours, theirs))
    return next((at, our, their) for at, (our, their) in pairs if our != their)


def _shown(event: tuple[str, str] | None) -> str:
    return "not there" if event is None else f"{event[0]} {quote(event[1])}"
