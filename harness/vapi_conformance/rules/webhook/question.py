"""What the rules on server messages share: which message an exchange is about, and the document that answers it.

Vapi owns this shape, so what it needs and what the standard says are one and the same level.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Final
from weakref import WeakKeyDictionary

from vapi_conformance.dialects.names import Dialect
from vapi_conformance.dialects.server_messages.kinds import UNKNOWN, MessageKind
from vapi_conformance.dialects.server_messages.request import has_message, kind_of
from vapi_conformance.dialects.shape import ShapeError, shape_errors
from vapi_conformance.evidence import Evidence
from vapi_conformance.narrow import object_or_none
from vapi_conformance.rules.bounding import at_most
from vapi_conformance.rules.rule import Check, GroupCheck, Level, Need, Rule, Violation, rule, scenario_rule

__all__ = [
    "answers",
    "asked_kind",
    "asked_of",
    "claimed",
    "document",
    "is_answer_due",
    "is_notice",
    "webhook_rule",
    "webhook_scenario_rule",
]

_DIALECTS: Final = frozenset({Dialect.VAPI_SERVER_MESSAGES})
_OK: Final = 200
_SHAPES: Final = WeakKeyDictionary["Evidence", "tuple[ShapeError, ...]"]()
"""A dozen rules ask; an answer is explained once."""


def webhook_rule(  # noqa: PLR0913 - as rule
    rule_id: str,
    *,
    level: Level,
    source: str,
    remedy: str,
    applies: Callable[[Evidence], bool],
    needs: Collection[Need] = (),
) -> Callable[[Check], Rule]:
    """A rule on the answer to one message."""
    return rule(
        rule_id,
        standard=level,
        vapi=level,
        rapida=None,
        dialects=_DIALECTS,
        source=source,
        remedy=remedy,
        needs={Need.REQUEST, *needs},
        applies=applies,
    )


def webhook_scenario_rule(  # noqa: PLR0913 - as scenario_rule
    rule_id: str,
    *,
    scenarios: Sequence[str],
    level: Level,
    source: str,
    remedy: str,
    applies: Callable[[Sequence[Evidence]], bool] = bool,
    optional: bool = False,
) -> Callable[[GroupCheck], Rule]:
    """A rule on the messages of one scenario; names without `webhooks/`."""
    return scenario_rule(
        rule_id,
        scenarios=[f"webhooks/{name}" for name in scenarios],
        standard=level,
        vapi=level,
        rapida=None,
        dialects=_DIALECTS,
        source=source,
        remedy=remedy,
        needs={Need.REQUEST},
        optional=optional,
        applies=applies,
    )


def asked_of(evidence: Evidence) -> Mapping[str, object]:
    """The body of the message; empty where it is none."""
    return evidence.request.body if evidence.request is not None else {}


def asked_kind(evidence: Evidence) -> MessageKind:
    """What kind of message was sent."""
    return kind_of(asked_of(evidence))


def _is_ordinary(evidence: Evidence) -> bool:
    """A probe is sent to be refused, or in a form that nobody has seen: rules of their own speak about those."""
    label = evidence.exchange.label
    return label is None or label.expects == "answer"


def is_answer_due(evidence: Evidence) -> bool:
    """Whether the message asks, and is no probe."""
    return asked_kind(evidence).asks and _is_ordinary(evidence)


def is_notice(evidence: Evidence) -> bool:
    """Whether the message is of a known kind that only tells, and is no probe."""
    kind = asked_kind(evidence)
    known = kind is not UNKNOWN and has_message(asked_of(evidence))
    return known and not kind.asks and _is_ordinary(evidence)


def document(evidence: Evidence) -> Mapping[str, object] | None:
    """The JSON object that came with status 200; None where none did (rules of their own speak about that)."""
    if evidence.status != _OK or (chunk := evidence.transcript.document) is None or chunk.payload.error is not None:
        return None
    return object_or_none(chunk.payload.value)


def answers(*kinds: str) -> Callable[[Evidence], bool]:
    """Whether a message of one of these kinds was answered by a JSON object."""
    return partial(_answers, frozenset(kinds))


def _answers(kinds: frozenset[str], evidence: Evidence) -> bool:
    return is_answer_due(evidence) and asked_kind(evidence).name in kinds and document(evidence) is not None


def claimed(evidence: Evidence, rule_id: str, expected: str) -> Iterator[Violation]:
    """What this rule claims of the places where the answer breaks its schema."""
    return at_most(
        Violation.at(
            each.chunk,
            expected=expected,
            actual=f"{each.error.pointer}: {each.error.message}" if each.error.pointer else each.error.message,
        )
        for each in _shapes(evidence)
        if each.error.rule == rule_id
    )


def _shapes(evidence: Evidence) -> tuple[ShapeError, ...]:
    found = _SHAPES.get(evidence)
    if found is None:
        schema = asked_kind(evidence).answer
        chunk = evidence.transcript.document
        found = () if chunk is None else shape_errors((chunk,), lambda _: schema, ())
        _SHAPES[evidence] = found
    return found
