"""A call as text: its timeline, line by line as things happen, and what it came to."""

from collections.abc import Iterable, Iterator
from typing import Final

from vapi_conformance.call_record import CallEvent, EventKind, ToolRun
from vapi_conformance.report.call_result import CallResult, Said, TurnTimes
from vapi_conformance.report.text import Line, Style

__all__ = ["event_line", "result_lines", "shortened", "timeline_lines"]

_NS_PER_S: Final = 1_000_000_000
_MOST_CHARACTERS: Final = 400
"""Of one thing said or returned: an endpoint may send a book without a full stop."""
_WHY: Final = {
    "greeting": "asks the model for a greeting",
    "heard": "asks the model",
    "heard-again": "asks again: the words have changed",
    "tool-results": "asks with the tools' results",
    "hand-off": "asks the assistant that took over",
}
_CLOSED: Final = {
    "superseded": "closes the connection: the caller's words have changed",
    "barge-in": "closes the connection: the caller speaks",
}
_WHO: Final[dict[EventKind, tuple[str, Style]]] = {
    "transcript": ("caller", "strong"),
    "edit": ("caller", "faint"),
    "keypad": ("caller", "strong"),
    "request": ("vapi", "faint"),
    "closed": ("vapi", "faint"),
    "speech": ("assistant", "plain"),
    "cut": ("caller", "warning"),
    "silence": ("vapi", "warning"),
    "hang": ("vapi", "warning"),
    "idle": ("vapi", "faint"),
    "tool": ("tool", "plain"),
    "tool-result": ("tool", "plain"),
    "hand-off": ("vapi", "plain"),
    "ended": ("vapi", "strong"),
}
_FORMS: Final[dict[EventKind, str]] = {
    "edit": "(the transcriber changes earlier words: {})",
    "keypad": "(keypad) {}",
    "request": "({})",
    "closed": "({})",
    "cut": "-- interrupts; heard so far: {}",
    "silence": "... silence: {}",
    "hang": "... hang: five seconds without speech",
    "idle": "(speaks into the silence)",
    "tool": "-> {}",
    "tool-result": "<- {}",
    "hand-off": "(hands the call to {})",
    "ended": "the call is over: {}",
}


def shortened(text: str, most: int = _MOST_CHARACTERS) -> str:
    """The beginning, and how much there is."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def timeline_lines(events: Iterable[CallEvent]) -> Iterator[Line]:
    """By call time."""
    for event in sorted(events, key=lambda each: each.at_ns):
        if (line := event_line(event)) is not None:
            yield line


def event_line(event: CallEvent) -> Line | None:
    """None for what is told by other lines."""
    if event.kind == "answer":
        return None
    who, style = _WHO[event.kind]
    return Line(f"{event.at_ns / _NS_PER_S:>8.2f} s  {who:<10} {_told(event)}".rstrip(), style)


def _told(event: CallEvent) -> str:
    text = shortened(event.text)
    if event.kind == "request":
        text = _WHY.get(event.text, text)
    elif event.kind == "closed":
        text = _CLOSED.get(event.text, text)
    elif event.kind == "cut":
        text = text or "(nothing)"
    return _FORMS.get(event.kind, "{}").format(text)


def result_lines(result: CallResult, *, with_transcript: bool = True) -> Iterator[Line]:
    """Transcript, turns, tools, the end."""
    if with_transcript:
        yield Line("transcript", "strong")
        for said in result.transcript:
            yield _said(said)
        if not result.transcript:
            yield Line("  nobody said anything")
    if result.turns:
        yield Line("turn  asked     TTFT  1st speech  dead air", "strong")
        for times in result.turns:
            yield _times(times)
    if result.tools:
        yield Line("tools", "strong")
        for tool in result.tools:
            yield _tool(tool)
    yield from _ended(result)


def _said(said: Said) -> Line:
    who = "caller" if said.who == "keypad" else said.who
    end = " --" if said.cut else ""
    return Line(f"{said.at_ns / _NS_PER_S:>8.2f} s  {who:<10} {shortened(said.text)}{end}")


def _times(times: TurnTimes) -> Line:
    remarks = [
        *(["hang"] if times.hang else []),
        *(["interrupted"] if times.interrupted else []),
        *([f"{times.superseded} superseded"] if times.superseded else []),
    ]
    told = f" ({', '.join(remarks)})" if remarks else ""
    numbers = f"{_s(times.ttft_ns):>9} {_s(times.ttfs_ns):>11} {_s(times.dead_air_ns):>9}"
    text = shortened(times.text, 60) or "(the assistant begins)"
    return Line(f"{times.turn:>4} {times.requests:>5}x {numbers}  {text}{told}", "warning" if times.hang else "plain")


def _s(duration_ns: int | None) -> str:
    return "-" if duration_ns is None else f"{duration_ns / _NS_PER_S:.2f} s"


def _tool(tool: ToolRun) -> Line:
    took = "" if tool.ended_ns is None else f" after {_s(tool.ended_ns - tool.started_ns)}"
    result = "(no result: the call was over)" if tool.result is None else shortened(tool.result, 200)
    again = "; the words that led to it were changed later" if tool.superseded else ""
    return Line(
        f"{tool.started_ns / _NS_PER_S:>8.2f} s  {tool.name}({shortened(tool.arguments, 200)}): {result}{took}{again}"
    )


def _ended(result: CallResult) -> Iterator[Line]:
    ended = result.record.ended
    style: Style = "bad" if ended.by == "endpoint" or not result.is_as_expected else "plain"
    yield Line(f"ended after {ended.at_ns / _NS_PER_S:.2f} s: {shortened(ended.text, 1000)}", style)
    yield Line(f"  endedReason {' or '.join(ended.reasons)} ({ended.sureness})", style)
    if not result.is_as_expected:
        yield Line(f"  expected {' or '.join(result.record.expects_ended)}", style)
