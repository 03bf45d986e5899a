"""An endpoint without a wire: it answers in virtual time, and notices when the caller hangs up."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from timed_answers import DONE, chunk, words
from vapi_conformance.call import Line, play_calls
from vapi_conformance.call_record import CallRecord
from vapi_conformance.call_scenario import call_scenario
from vapi_conformance.client import Client, Outgoing
from vapi_conformance.evidence import Conditions
from vapi_conformance.exchange import End, Exchange, Read, Request, Response, Timing
from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.platforms.vapi import Platform
from vapi_conformance.schema import errors

__all__ = ["Answer", "ScriptedClient", "call", "calls_of", "events", "said", "sent", "told", "tool_call"]

NS_PER_MS = 1_000_000
Body = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the endpoint sends, and when, in milliseconds since the request."""

    events: Sequence[tuple[int, str]] = ()
    status: int = 200
    end: End = End.CLEAN
    error: str | None = None
    end_ms: int | None = None
    """A millisecond after the last event unless said."""
    document: object = None
    """A JSON body in place of events."""


def said(text: str, *, at_ms: int = 100, over_ms: int | None = None) -> Answer:
    """Words, and the end at once or later."""
    over_ms = at_ms if over_ms is None else over_ms
    return Answer(events=[(at_ms, words(text)), (over_ms, chunk({}, "stop") + DONE)])


def tool_call(*calls: tuple[str, str, str], beside: str = "", at_ms: int = 100) -> Answer:
    """Calls of tools: id, name, arguments."""
    pieces = [
        {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        for index, (call_id, name, arguments) in enumerate(calls)
    ]
    text = words(beside) if beside else ""
    return Answer(events=[(at_ms, text + chunk({"tool_calls": pieces}) + chunk({}, "tool_calls") + DONE)])


@dataclass(eq=False)
class ScriptedClient(Client):
    """Answers in the order given, the last one for all further; or by what a function makes of the request."""

    answers: Sequence[Answer] | Callable[[Body], Answer]
    outgoing: list[Outgoing] = field(default_factory=list[Outgoing])

    def send(self, outgoing: Outgoing) -> Exchange:
        """One exchange in virtual time."""
        number = len(self.outgoing)
        self.outgoing.append(outgoing)
        answers = self.answers
        if callable(answers):
            return _exchange(outgoing, answers(object_or_nothing(json.loads(outgoing.body or b"{}"))))
        return _exchange(outgoing, answers[min(number, len(answers) - 1)])


def _never(_new: bytes, _at_ns: int) -> int | None:
    return None


def _exchange(outgoing: Outgoing, answer: Answer) -> Exchange:
    hang_up = outgoing.hang_up or _never
    due_ns, reads = hang_up(b"", 0), list[Read]()
    planned = answer.events if answer.document is None else [(10, json.dumps(answer.document))]
    last_ms = planned[-1][0] + 1 if planned else 10
    end_ns = (last_ms if answer.end_ms is None else answer.end_ms) * NS_PER_MS
    for at_ms, text in planned:
        if due_ns is not None and due_ns <= at_ms * NS_PER_MS:
            break
        reads.append(Read(at_ns=at_ms * NS_PER_MS, data=text.encode()))
        due_ns = hang_up(text.encode(), at_ms * NS_PER_MS)
    closes = due_ns is not None and due_ns < end_ns
    media_type = b"text/event-stream" if answer.document is None else b"application/json"
    is_silent = answer.end is End.NO_RESPONSE or (closes and not reads)
    return Exchange(
        request=Request(method="POST", url=outgoing.url, body=outgoing.body),
        response=None if is_silent else Response(status=answer.status, headers=((b"Content-Type", media_type),)),
        reads=tuple(reads),
        end=End.CLOSED_BY_US if closes else answer.end,
        error="hung up on purpose" if closes else answer.error,
        timing=Timing(end_ns=due_ns if closes else end_ns),
        label=outgoing.label,
    )


def calls_of(
    document: Mapping[str, object],
    answers: Sequence[Answer] | Callable[[Body], Answer],
    *,
    conditions: Conditions | None = None,
    outgoing: list[Outgoing] | None = None,
) -> list[CallRecord]:
    """Every call of a scenario, in virtual time."""
    whole = {"call": "test", "about": "A call in a test.", **document}
    assert () == errors("harness/call-scenario", whole)
    client = ScriptedClient(answers=answers, outgoing=[] if outgoing is None else outgoing)
    platform = Platform.from_files(base_url="http://endpoint.example/v1", seed=7)
    line = Line(platform=platform, client=client, conditions=conditions or Conditions())
    return list(play_calls(call_scenario(whole), line))


def call(document: Mapping[str, object], answers: Sequence[Answer] | Callable[[Body], Answer]) -> CallRecord:
    """The only call of a scenario."""
    (only,) = calls_of(document, answers)
    return only


def sent(record: CallRecord) -> list[list[tuple[str, str]]]:
    """For each request the messages after the prompt: role, and content or the names of the tools called."""
    return [[_told(each) for each in messages_of(exchange)[1:]] for exchange in record.exchanges]


def messages_of(exchange: Exchange) -> list[Body]:
    """The messages of a request."""
    return cast("list[Body]", json.loads(exchange.request.body or b"{}")["messages"])


def _told(message: Body) -> tuple[str, str]:
    calls = cast("list[dict[str, dict[str, object]]]", message.get("tool_calls", []))
    names = [str(each["function"]["name"]) for each in calls]
    beside = str(message["content"]) if "content" in message else ""
    return (str(message["role"]), " + ".join(filter(None, [beside, *names])))


def events(record: CallRecord, *kinds: str) -> list[tuple[int, str, str]]:
    """Milliseconds, kind, text; those kinds only where some are named."""
    told = (event for event in record.events if not kinds or event.kind in kinds)
    return [(event.at_ns // NS_PER_MS, event.kind, event.text) for event in told]


def told(record: CallRecord, *kinds: str) -> list[str]:
    """The texts of the events of those kinds."""
    return [event.text for event in record.events if event.kind in kinds]
