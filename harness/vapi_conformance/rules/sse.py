"""Server-sent events as framing: what a client that follows the HTML standard can read."""

from collections.abc import Iterator

from vapi_conformance.evidence import Evidence
from vapi_conformance.rules.rule import MUST, Need, Violation, rule

__all__ = ["last_event_is_terminated"]


def _is_stream(evidence: Evidence) -> bool:
    return evidence.is_success and evidence.transcript.kind == "stream"


@rule(
    "sse.last-event-is-terminated",
    standard=MUST,
    vapi=MUST,
    both=True,
    source="HTML Living Standard, 9.2.6",
    catalogue=["SSE-04"],
    remedy="End every event with an empty line, the last one too.",
    needs=[Need.FRAMING],
    applies=_is_stream,
)
def last_event_is_terminated(evidence: Evidence) -> Iterator[Violation]:
    """The last event is closed by an empty line."""
    tail = evidence.stream.tail if evidence.stream else None
    if tail is not None and any(field.name == "data" for field in tail.fields):
        yield Violation(
            expected="an empty line after the last event",
            actual="the body ends inside an event, which a client then discards",
            start=tail.start,
            end=tail.end,
            at_ns=tail.at_ns,
        )
