"""What an answer does to a call: the bytes through the model of Vapi's client, and its result through Vapi's habits."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from vapi_conformance.consumers import Heard, Outcome
from vapi_conformance.consumers.openai_node import hear
from vapi_conformance.evidence import Evidence
from vapi_conformance.exchange import End, Exchange
from vapi_conformance.platforms.vapi import consequence
from vapi_conformance.platforms.vapi.consequence import Sureness, What

__all__ = ["Effect", "effects", "heard_of"]

_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one modelled consumer makes of these very bytes."""

    consumer: str
    what: What
    sentence: str
    ended_reasons: tuple[str, ...]
    sureness: Sureness


def effects(evidence: Evidence) -> tuple[Effect, ...]:
    """Nothing for an answer that we cut off ourselves, and for one to a request that Vapi would never send."""
    exchange = evidence.exchange
    label = exchange.label
    if exchange.end is End.CLOSED_BY_US or (label is not None and label.expects == "refusal"):
        return ()
    if evidence.request is not None and not evidence.request.stream:
        return ()  # Vapi always asks for a stream
    heard = _heard(exchange)
    told = consequence(
        evidence.status,
        error=heard.error,
        spoken=heard.outcome is Outcome.SPOKEN or bool(heard.text.strip()),
        tool_calls=sum(1 for call in heard.tool_calls if call.name),
        lost_tool_calls=sum(1 for call in heard.tool_calls if not call.name),
        silence_s=_longest_silence_s(heard),
        timeout_s=evidence.conditions.timeout_s,
    )
    sentence = f"Vapi, of this answer as a whole: {told.text} ({told.sureness})"
    return (
        Effect(
            consumer="vapi",
            what=told.what,
            sentence=sentence,
            ended_reasons=told.ended_reasons,
            sureness=told.sureness,
        ),
    )


def heard_of(evidence: Iterable[Evidence]) -> dict[str, int]:
    """How often each effect comes about, over the answers to ordinary requests."""
    ordinary = (each for each in evidence if (label := each.exchange.label) is None or label.expects == "answer")
    return dict(Counter(effect.what for each in ordinary for effect in effects(each)))


@lru_cache(maxsize=256)
def _heard(exchange: Exchange) -> Heard:
    """An exchange breaks several rules at times; it is heard once."""
    return hear(exchange)


def _longest_silence_s(heard: Heard) -> float:
    """Before the first token or between two, in seconds; 0 where no times are known."""
    times = [each.at_ns for each in heard.texts] + [each.at_ns for each in heard.tool_calls]
    stations = [0, *sorted(at_ns for at_ns in times if at_ns is not None)]
    return max((later - earlier for earlier, later in pairwise(stations)), default=0) / _NS_PER_S
