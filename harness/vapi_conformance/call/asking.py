"""One request of a call: built as Vapi builds it, sent, heard as Vapi hears it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from vapi_conformance.call.clock import Clock
from vapi_conformance.call.hearing import Hearing, heard_by_vapi, within_bounds
from vapi_conformance.call.log import CallLog
from vapi_conformance.call.person import Person
from vapi_conformance.call.speaking import Interruption, Listener
from vapi_conformance.call_record import CallRequest, Closed, Why
from vapi_conformance.client import ON_PURPOSE, Client, Outgoing
from vapi_conformance.evidence import Conditions, Evidence
from vapi_conformance.exchange import End, Exchange, Label
from vapi_conformance.json_writing import utf8_json
from vapi_conformance.platforms.vapi import Era, Platform, TurnCounters

__all__ = ["Asker", "Given", "Reply"]

_NS_PER_S: Final = 1_000_000_000
_WORD_S: Final = 0.28
"""How long a word takes, for the times of word-level confidence. Made up: only the shape is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a request tells the model."""

    messages: Sequence[Mapping[str, object]]
    tools: Sequence[Mapping[str, object]]
    turn: int
    number: int
    why: Why
    was_interrupted: bool = False
    """This turn was asked before, and that answer was dropped."""
    with_confidence: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a request."""

    exchange: Exchange
    position: int
    requested_ns: int
    closed: Closed | None
    hearing: Hearing
    barge_in_ns: int | None
    """Call time at which the caller interrupts, where the answer was heard so far."""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Where and as whom a call asks."""

    platform: Platform
    client: Client
    conditions: Conditions
    clock: Clock
    log: CallLog
    era: Era
    scenario: str
    """The label of its exchanges."""
    attempt: int = 1
    person: Person | None = None
    server_headers: Mapping[str, Sequence[tuple[str, str]]] = field(
        default_factory=dict[str, Sequence[tuple[str, str]]], repr=False
    )
    """For tools that are posted to a server of their own: header fields by its URL."""

    def ask(self, given: Given, *, superseded_ns: int | None = None, interruption: Interruption | None = None) -> Reply:
        """superseded_ns: call time at which the caller's words change, and this answer is dropped."""
        requested_ns = self.clock.now_ns()
        left_ns = None if superseded_ns is None else max(0, superseded_ns - requested_ns)
        person = self.person
        listener = Listener(
            self.conditions.chunk_plan,
            timeout_ns=round(self.conditions.timeout_s * _NS_PER_S),
            superseded_ns=left_ns,
            interruption=interruption,
            tell=None if person is None else person.hears,
        )
        step = f"turn-{given.turn}.{given.number + 1}"
        outgoing = Outgoing(
            url=self.platform.url(),
            headers=self.platform.headers(),
            body=self._body(given),
            label=Label(scenario=self.scenario, step=step, attempt=self.attempt),
            hang_up=listener,
            may_interrupt=None if person is None else person.may_interrupt,
        )
        self.log.tell("request", requested_ns, given.why, exchange=self.log.latest + 1)
        started_ns = time.monotonic_ns()
        exchange = self.client.send(outgoing)
        # Where nothing came, the record cannot say how long that took.
        passed_ns = exchange.timing.end_ns or time.monotonic_ns() - started_ns
        closed = _closed(exchange, listener, by_hand=person is not None and passed_ns < listener.due[0])
        if closed is not None:
            label = Label(scenario=self.scenario, step=step, attempt=self.attempt, expects="anything")
            exchange = replace(exchange, label=label)
            self.clock.hung_up()
        self.clock.took(exchange.timing.end_ns or (listener.due[0] if closed and person is None else passed_ns))
        request = CallRequest(at_ns=requested_ns, turn=given.turn, number=given.number, why=given.why, closed=closed)
        position = self.log.asked(request, exchange)
        self.log.tell("closed" if closed else "answer", self.clock.now_ns(), closed or "", exchange=position)
        evidence = Evidence(exchange=exchange, conditions=self.conditions, dialect=self.platform.dialect)
        heard = heard_by_vapi(evidence)
        hearing = within_bounds(heard) if heard.consequence.what == "tool-call" else heard
        if hearing is not heard and hearing.calls:
            self.log.tell("silence", self.clock.now_ns(), hearing.consequence.text, exchange=position)
        barge_in_ns = listener.barge_in_ns
        if closed == "barge-in" and barge_in_ns is None:
            barge_in_ns = self.clock.now_ns() - requested_ns
        return Reply(
            exchange=exchange,
            position=position,
            requested_ns=requested_ns,
            closed=closed,
            hearing=hearing,
            barge_in_ns=None if barge_in_ns is None else requested_ns + barge_in_ns,
        )

    def _body(self, given: Given) -> bytes:
        messages = [dict(each) for each in given.messages]
        heard = [each for each in messages if given.with_confidence and each.get("role") == "user"]
        for message in heard:  # the earlier ones keep theirs: whoever drops it changes the history
            message["metadata"] = {"wordLevelConfidence": _confidence(str(message.get("content", "")))}
        begun = TurnCounters.of(messages)
        counters = replace(begun, model_requests_in_turn=given.number, interrupted=given.was_interrupted)
        body = self.platform.body(messages, tools=given.tools, counters=counters, era=self.era)
        return utf8_json(body)


def _closed(exchange: Exchange, listener: Listener, *, by_hand: bool) -> Closed | None:
    """A bound of ours closes connections, too: that is the endpoint's doing. by_hand: before anything was due."""
    if exchange.end is not End.CLOSED_BY_US or exchange.error != ON_PURPOSE:
        return None
    return "barge-in" if by_hand else listener.due[1]


def _confidence(text: str) -> list[dict[str, object]]:
    """As recorded on webhooks, seconds; that the request to the model has it at the same place is inferred."""
    words = text.split()
    return [
        {
            "word": word.strip(".,!?").lower(),
            "start": round(number * _WORD_S, 2),
            "end": round((number + 1) * _WORD_S, 2),
            "confidence": round(0.99 - 0.03 * (number % 5), 2),
            "punctuated_word": word,
        }
        for number, word in enumerate(words)
    ]
