"""What a call came to: the words as they were heard, how long the caller waited in each turn, the tools, the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

from vapi_conformance import __version__
from vapi_conformance.call_record import CallEvent, CallRecord, ToolRun
from vapi_conformance.evidence import Evidence
from vapi_conformance.report.document import to_document as run_document
from vapi_conformance.report.run import Run
from vapi_conformance.units import milliseconds

__all__ = ["CallResult", "Said", "TurnTimes", "call_document", "call_result", "to_document"]

_WORDS: Final = ("greeting", "heard", "heard-again", "hand-off")
"""Why the model is asked something new; the rest brings tools' results."""

Who = Literal["caller", "keypad", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Words in the transcript of a call."""

    who: Who
    text: str
    """Of the assistant what was spoken, up to an interruption; of the caller what the transcriber has in the end."""
    at_ns: int
    until_ns: int | None
    """None for the caller: nobody knows how long they spoke."""
    cut: bool = False
    """The caller spoke into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTimes:
    """What the caller waited for, in one turn. Nanoseconds; None is not known, or none such."""

    turn: int
    """From 1; 0 for what came before the caller said anything."""
    text: str
    requests: int
    """How often the model was asked, tools' results included."""
    superseded: int
    """Requests that were given up because the caller's words changed."""
    ttft_ns: int | None
    """From the request that answers the last words to the first token of the answer, of a tool call, too."""
    ttfs_ns: int | None
    """From that request to the first spoken piece, fillers included; tools take their time in between."""
    dead_air_ns: int | None
    """All silence between the first and the last piece of the turn."""
    hang: bool
    """Five seconds without speech."""
    interrupted: bool


@dataclass(frozen=True, kw_only=True)
class CallResult:
    """One call. How it ended stands in its record."""

    record: CallRecord
    transcript: tuple[Said, ...]
    turns: tuple[TurnTimes, ...]

    @property
    def tools(self) -> tuple[ToolRun, ...]:
        """In the order in which they were called."""
        return self.record.tools

    @property
    def is_as_expected(self) -> bool:
        """Whether it ended as its scenario says; true where that says nothing."""
        expected = self.record.expects_ended
        return not expected or bool(set(expected) & set(self.record.ended.reasons))


def call_result(record: CallRecord, evidence: Sequence[Evidence]) -> CallResult:
    """evidence: of the call's exchanges, in their order."""
    events = sorted(record.events, key=lambda event: event.at_ns)
    return CallResult(
        record=record,
        transcript=tuple(each.said() for each in _transcript(record, events) if each.parts),
        turns=tuple(each.times(record, evidence) for _, each in sorted(_turns(record, events).items())),
    )


@dataclass(slots=True, kw_only=True)
class _Saying:
    """Somebody speaks, until somebody else does."""

    who: Who
    parts: list[str]
    at_ns: int
    of: int | None
    """The exchange that the assistant speaks out of, or the turn of the caller."""
    until_ns: int | None = None
    cut: bool = False

    def said(self) -> Said:
        text = " ".join(self.parts)
        return Said(who=self.who, text=text, at_ns=self.at_ns, until_ns=self.until_ns, cut=self.cut)


def _transcript(record: CallRecord, events: Sequence[CallEvent]) -> list[_Saying]:
    said: list[_Saying] = []
    turns = _turns_of_words(record, events)
    for position, event in enumerate(events):
        last = said[-1] if said else None
        text = event.text.strip()
        if event.kind in ("transcript", "keypad"):
            turn = turns.get(position)
            if last is not None and last.who != "assistant" and turn is not None and last.of == turn:
                last.parts = [text]  # the transcriber revised them
            else:
                who: Who = "keypad" if event.kind == "keypad" else "caller"
                said.append(_Saying(who=who, parts=[text], at_ns=event.at_ns, of=turn))
        elif event.kind == "speech":
            goes_on = last is not None and last.who == "assistant" and event.exchange is not None
            if last is None or not goes_on or last.of != event.exchange:
                last = _Saying(who="assistant", parts=[], at_ns=event.at_ns, of=event.exchange)
                said.append(last)
            last.parts.append(text)
            last.until_ns = event.until_ns
        elif event.kind == "cut" and last is not None and last.who == "assistant":
            last.parts, last.until_ns, last.cut = [text] if text else [], event.at_ns, True
    return said


def _turns_of_words(record: CallRecord, events: Sequence[CallEvent]) -> dict[int, int]:
    """For the position of each event with the caller's words the turn of the request that they led to."""
    found: dict[int, int] = {}
    turn: int | None = None
    for position in range(len(events) - 1, -1, -1):
        event = events[position]
        if event.kind == "request" and event.exchange is not None and event.exchange < len(record.requests):
            turn = record.requests[event.exchange].turn
        elif event.kind in ("transcript", "keypad") and turn is not None:
            found[position] = turn
    return found


@dataclass(slots=True, kw_only=True)
class _Turn:
    """What is gathered of a turn."""

    turn: int
    text: str = ""
    words: int = 0
    """Position of the request that answers the last words."""
    asked_ns: int = 0
    speech: list[CallEvent] = field(default_factory=list[CallEvent])
    requests: int = 0
    superseded: int = 0
    hang: bool = False
    interrupted: bool = False

    def take(self, event: CallEvent) -> None:
        """What happened in it after the model was asked."""
        if event.kind == "speech" and (event.exchange is None or event.exchange >= self.words):
            self.speech.append(event)
        elif event.kind == "hang":
            self.hang = True
        elif event.kind == "cut" or (event.kind == "closed" and event.text == "barge-in"):
            self.interrupted = True

    def times(self, record: CallRecord, evidence: Sequence[Evidence]) -> TurnTimes:
        speech = self.speech
        silences = [max(0, later.at_ns - (earlier.until_ns or earlier.at_ns)) for earlier, later in pairwise(speech)]
        return TurnTimes(
            turn=self.turn,
            text=self.text,
            requests=self.requests,
            superseded=self.superseded,
            ttft_ns=_first_token_ns(evidence[self.words]) if self.words < len(record.exchanges) else None,
            ttfs_ns=speech[0].at_ns - self.asked_ns if speech else None,
            dead_air_ns=sum(silences) if speech else None,
            hang=self.hang,
            interrupted=self.interrupted,
        )


def _turns(record: CallRecord, events: Sequence[CallEvent]) -> dict[int, _Turn]:
    turns: dict[int, _Turn] = {}
    current: _Turn | None = None
    said, idle_ns = "", -1
    for event in events:
        exchange = event.exchange if event.exchange is not None and event.exchange < len(record.requests) else None
        if event.kind in ("transcript", "keypad"):
            said = event.text
        elif event.kind == "idle":
            idle_ns = event.at_ns
        elif event.kind == "request" and exchange is not None:
            request = record.requests[exchange]
            current = turns.setdefault(request.turn, _Turn(turn=request.turn))
            current.requests += 1
            current.superseded += request.closed == "superseded"
            if request.why in _WORDS:
                current.words, current.asked_ns, current.text, current.speech = exchange, event.at_ns, said, []
        elif exchange is not None:
            if (turn := turns.get(record.requests[exchange].turn)) is not None:
                turn.take(event)
        elif current is not None and event.kind == "speech" and event.at_ns != idle_ns:
            current.take(event)  # what the platform says while tools run
    return turns


def _first_token_ns(evidence: Evidence) -> int | None:
    times = (chunk.at_ns for chunk in evidence.token_chunks)
    return min((at_ns for at_ns in times if at_ns is not None), default=None)


def to_document(results: Sequence[CallResult], run: Run) -> dict[str, object]:
    """JSON-ready, after the schema `harness/call-result`. run: all of them judged."""
    return {
        "format": "vapi-conformance/call-result",
        "version": 1,
        "suite": {"version": __version__},
        "calls": [call_document(each) for each in results],
        "report": run_document(run),
    }


def call_document(result: CallResult) -> dict[str, object]:
    """One call, JSON-ready."""
    record, ended = result.record, result.record.ended
    return {
        "name": record.name,
        "call_id": record.call_id,
        "clock": record.clock,
        "transcript": [
            {
                "who": each.who,
                "text": each.text,
                "at_ms": milliseconds(each.at_ns),
                "until_ms": milliseconds(each.until_ns),
                "cut": each.cut,
            }
            for each in result.transcript
        ],
        "turns": [_turn_document(each) for each in result.turns],
        "tools": [
            {
                "name": each.name,
                "arguments": each.arguments,
                "result": each.result,
                "started_ms": milliseconds(each.started_ns),
                "ended_ms": milliseconds(each.ended_ns),
                "superseded": each.superseded,
            }
            for each in result.tools
        ],
        "ended": {
            "at_ms": milliseconds(ended.at_ns),
            "by": ended.by,
            "reasons": list(ended.reasons),
            "sureness": ended.sureness,
            "text": ended.text,
            "expected": list(record.expects_ended),
            "is_as_expected": result.is_as_expected,
        },
    }


def _turn_document(times: TurnTimes) -> dict[str, object]:
    return {
        "turn": times.turn,
        "text": times.text,
        "requests": times.requests,
        "superseded": times.superseded,
        "ttft_ms": milliseconds(times.ttft_ns),
        "ttfs_ms": milliseconds(times.ttfs_ns),
        "dead_air_ms": milliseconds(times.dead_air_ns),
        "hang": times.hang,
        "interrupted": times.interrupted,
    }
