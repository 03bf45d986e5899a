"""What an answer does where it arrives: to a call of Vapi's, by the model of its client and by Vapi's habits; elsewhere
to the users of the client libraries.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final
from weakref import WeakKeyDictionary

from vapi_conformance.consumers import Heard, HeardToolCall, Outcome
from vapi_conformance.consumers.openai_node import hear
from vapi_conformance.dialects.names import CHAT
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End
from vapi_conformance.narrow import array_or_nothing, object_or_none, object_or_nothing
from vapi_conformance.payload import parse
from vapi_conformance.platforms.vapi import Consequence, consequence
from vapi_conformance.platforms.vapi.consequence import Sureness, What
from vapi_conformance.report.clients import RAPIDA, ClientWhat, clients_of, told

__all__ = ["Effect", "effects", "heard_of", "hearer"]

_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one modelled consumer makes of these very bytes."""

    consumer: str
    """For scripts."""
    who: str
    """For people."""
    what: What | ClientWhat
    text: str
    known: str
    """How it is known, in words."""
    ended_reasons: tuple[str, ...] = ()
    sureness: Sureness

    @property
    def sentence(self) -> str:
        """All of it, for people."""
        return f"{self.who}: {self.text} ({self.known})"


_KNOWN: Final = WeakKeyDictionary["Evidence", "tuple[Effect, ...]"]()
"""An answer breaks several rules at times, and is heard once. It is forgotten with its evidence, bytes and all."""


def effects(evidence: Evidence) -> tuple[Effect, ...]:
    """Nothing for an answer that we cut off ourselves, and for one to a request that nobody would send."""
    found = _KNOWN.get(evidence)
    if found is None:
        found = _KNOWN[evidence] = _effects(evidence)
    return found


def _effects(evidence: Evidence) -> tuple[Effect, ...]:
    exchange = evidence.exchange
    label = exchange.label
    if exchange.end is End.CLOSED_BY_US or (label is not None and label.expects == "refusal"):
        return ()
    if _is_a_call(evidence):
        return _on_a_call(evidence)
    return tuple(_at_libraries(evidence))


def _is_a_call(evidence: Evidence) -> bool:
    """Whether Vapi hears it; elsewhere client libraries do."""
    return evidence.conditions.platform == "vapi" and evidence.dialect in CHAT


def hearer(evidence: Evidence) -> str:
    """Whose ears `heard_of` counts with, for people."""
    if _is_a_call(evidence):
        return "Vapi"
    return clients_of(evidence.dialect, evidence.conditions.platform)[0].library


def _at_libraries(evidence: Evidence) -> Iterator[Effect]:
    request = evidence.request
    stream = request.stream if request is not None else evidence.transcript.kind != "json"
    for client in clients_of(evidence.dialect, evidence.conditions.platform):
        if (found := told(client, evidence.exchange, stream=stream)) is not None:
            yield Effect(
                consumer=client.name,
                who=client.library,
                what=found.what,
                text=found.text,
                known=client.known,
                sureness="inferred" if client is RAPIDA else "observed",
            )


def _on_a_call(evidence: Evidence) -> tuple[Effect, ...]:
    exchange = evidence.exchange
    if evidence.request is not None and not evidence.request.stream:
        return ()  # Vapi always asks for a stream
    heard = hear(exchange)
    lost = sum(not _can_be_run(call, evidence) for call in heard.tool_calls)
    outcome = consequence(
        evidence.status,
        error=heard.error,
        spoken=heard.outcome is Outcome.SPOKEN or bool(heard.text.strip()),
        tool_calls=len(heard.tool_calls) - lost,
        lost_tool_calls=lost,
        silence_s=_longest_silence_s(heard, evidence.conditions.timeout_s),
        timeout_s=evidence.conditions.timeout_s,
    )
    if outcome.what == "silence" and evidence.transcript.kind == "json" and evidence.transcript.text.strip():
        outcome = _of_plain_json(outcome, evidence)
    return (
        Effect(
            consumer="vapi",
            who="Vapi, of this answer as a whole",
            what=outcome.what,
            text=outcome.text,
            known=outcome.sureness,
            ended_reasons=outcome.ended_reasons,
            sureness=outcome.sureness,
        ),
    )


def heard_of(evidence: Iterable[Evidence]) -> dict[str, int]:
    """How often each effect comes about, over the streamed answers to ordinary requests; see `hearer`."""
    ordinary = (each for each in evidence if (label := each.exchange.label) is None or label.expects == "answer")
    streamed = (each for each in ordinary if each.request is None or each.request.stream)
    return dict(Counter(effect.what for each in streamed for effect in effects(each)[:1]))


def _can_be_run(call: HeardToolCall, evidence: Evidence) -> bool:
    """Vapi runs tools that it offered, with arguments that it can read (inferred: nothing else could be run)."""
    if not call.name:
        return False
    if evidence.request is not None and call.name not in {tool.name for tool in evidence.request.tools}:
        return False
    return not call.arguments.strip() or object_or_none(parse(call.arguments).value) is not None


def _of_plain_json(found: Consequence, evidence: Evidence) -> Consequence:
    """The words are there, in a document: sources contradict each other (facts on Vapi, 2.1)."""
    choices = array_or_nothing((evidence.transcript.chunks[0].record or {}).get("choices"))
    has_message = any(object_or_none(object_or_nothing(choice).get("message")) is not None for choice in choices)
    if has_message:
        text = (
            "The caller hears nothing: Vapi's client finds no event in a JSON answer, and two reports of 2025 say the "
            "same. Vapi's documentation says that plain JSON is handled."
        )
        return replace(found, text=text, sureness="observed")
    text = (
        "Sources disagree. Vapi's own example answers so, a JSON document with the text in `delta`; but its client "
        "finds no event in a JSON answer, and then the caller hears nothing."
    )
    return replace(found, text=text, sureness="inferred")


def _longest_silence_s(heard: Heard, timeout_s: float) -> float:
    """Before the first token or between two, in seconds; 0 where no times are known.

    After the last one only where it breaks the timeout: the client waits for the end of the body, but what it has is
    spoken meanwhile.
    """
    times = [each.at_ns for each in heard.texts] + [each.at_ns for each in heard.tool_calls]
    stations = [0, *sorted(at_ns for at_ns in times if at_ns is not None)]
    silence_s = max((later - earlier for earlier, later in pairwise(stations)), default=0) / _NS_PER_S
    tail_s = 0.0 if heard.ended_at_ns is None else (heard.ended_at_ns - stations[-1]) / _NS_PER_S
    return max(silence_s, tail_s) if tail_s > timeout_s else silence_s
