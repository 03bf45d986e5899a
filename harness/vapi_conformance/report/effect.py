"""What an answer does where it arrives: to a call of Vapi's, by the model of its client and by Vapi's habits; elsewhere
to the users of the client libraries, and to those that other distributions model.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from vapi_conformance.additions import Origin
from vapi_conformance.call.hearing import heard_by_vapi
from vapi_conformance.dialects.names import CHAT, Dialect
from vapi_conformance.dialects.server_messages.request import calls_of, kind_of
from vapi_conformance.evidence import NS_PER_S, Evidence
from vapi_conformance.exchange import End
from vapi_conformance.platforms.vapi import ToolCall
from vapi_conformance.platforms.vapi.consequence import Sureness, What
from vapi_conformance.platforms.vapi.webhooks import webhook_consequence
from vapi_conformance.report.client import Client
from vapi_conformance.report.clients import ClientWhat, clients_of, told
from vapi_conformance.report.custom_clients import custom_clients

__all__ = ["Effect", "effects", "heard_of", "hearer"]


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
    origin: Origin | None = None
    """The distribution that adds the consumer; None: it is ours."""

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
        return (*_on_a_call(evidence), *_at_libraries(evidence, custom_clients(evidence.dialect, "vapi")))
    if evidence.dialect is Dialect.VAPI_SERVER_MESSAGES:
        return _of_a_server_message(evidence)
    return tuple(_at_libraries(evidence, clients_of(evidence.dialect, evidence.conditions.platform)))


def _of_a_server_message(evidence: Evidence) -> tuple[Effect, ...]:
    asked: Mapping[str, object] = {} if evidence.request is None else evidence.request.body
    kind, end_ns = kind_of(asked), evidence.exchange.timing.end_ns
    limit_s = evidence.conditions.timeout_s if kind.limit_s is None else kind.limit_s
    found = webhook_consequence(
        kind.name,
        status=evidence.status,
        body=evidence.body,
        calls=[ToolCall(id=each.id, name=each.name) for each in calls_of(asked)],
        is_late=end_ns is not None and end_ns > limit_s * NS_PER_S,
    )
    if found is None:
        return ()
    return (
        Effect(
            consumer="vapi",
            who="Vapi",
            what=found.what,
            text=found.text,
            known=found.sureness,
            ended_reasons=found.ended_reasons,
            sureness=found.sureness,
        ),
    )


def _is_a_call(evidence: Evidence) -> bool:
    """Whether Vapi hears it; elsewhere client libraries do."""
    return evidence.conditions.platform == "vapi" and evidence.dialect in CHAT


def hearer(evidence: Evidence) -> str:
    """Whose ears `heard_of` counts with, for people."""
    if _is_a_call(evidence):
        return "Vapi"
    return clients_of(evidence.dialect, evidence.conditions.platform)[0].library


def _at_libraries(evidence: Evidence, clients: Iterable[Client]) -> Iterator[Effect]:
    request = evidence.request
    stream = request.stream if request is not None else evidence.transcript.kind != "json"
    for client in clients:
        if (found := told(client, evidence.exchange, stream=stream)) is not None:
            yield Effect(
                consumer=client.name,
                who=client.library,
                what=found.what,
                text=found.text,
                known=client.known,
                sureness=client.sureness,
                origin=client.origin,
            )


def _on_a_call(evidence: Evidence) -> tuple[Effect, ...]:
    if evidence.request is not None and not evidence.request.stream:
        return ()  # Vapi always asks for a stream
    outcome = heard_by_vapi(evidence).consequence
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
