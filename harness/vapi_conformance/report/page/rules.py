"""The rules of a run by layer, what is broken first, and everything that is known of each violation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from re import fullmatch
from typing import Final, Literal

from vapi_conformance.narrow import object_or_nothing
from vapi_conformance.report.page.exchanges import Exchange
from vapi_conformance.report.page.issue_text import issue_text
from vapi_conformance.report.page.speech_line import Tone, tone_of
from vapi_conformance.report.page.values import count, duration, number, objects, string, strings

__all__ = [
    "LEVELS",
    "STATES",
    "Bytes",
    "Effect",
    "Layer",
    "Rule",
    "State",
    "Violation",
    "anchor_of",
    "layers_of",
    "state_of",
]

State = Literal["broken", "unshown", "passed", "absent"]
STATES: Final[Mapping[State, str]] = {
    "broken": "Broken",
    "unshown": "Not shown",
    "passed": "Passed",
    "absent": "Not applicable",
}
LEVELS: Final = ("MUST", "SHOULD", "MAY")

_ID: Final = r"[a-z0-9]{1,80}(?:[.-][a-z0-9]{1,80}){1,12}"
_IN_FULL: Final = 3
"""Violations of one rule that are told at length."""
_IN_SHORT: Final = 12
"""More of it, in a line each."""
_STATE_OF: Final[Mapping[str, State]] = {"violated": "broken", "passed": "passed", "not applicable": "absent"}
_LAYERS: Final = {
    "http": "HTTP",
    "sse": "Server-sent events",
    "stream": "The stream as a whole",
    "chat": "The answer",
    "chat-stream": "The answer as a stream",
    "responses": "The response",
    "responses-stream": "The response as a stream",
    "responses-tools": "Tools of Responses",
    "anthropic": "The message",
    "anthropic-stream": "The message as a stream",
    "gemini": "The generated content",
    "gemini-stream": "The generated content as a stream",
    "tools": "Tools",
    "usage": "Usage",
    "errors": "Errors and refusals",
    "auth": "Authentication",
    "timing": "Time",
    "speech": "Speech",
    "turns": "Turns of a conversation",
    "sampling": "Sampling",
    "call": "Whole calls",
    "webhook": "Server messages",
    "rapida": "Rapida",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """The bytes that are meant, between their neighbours."""

    before: str
    marked: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one consumer makes of the answer."""

    sentence: str
    tone: Tone
    sureness: str
    ended_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One way in which a rule was broken."""

    expected: str
    actual: str
    place: str
    exchange_name: str
    exchange: Exchange | None
    bytes: Bytes | None
    effects: tuple[Effect, ...]
    curl: str
    repeat: str
    issue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, and how it fared."""

    anchor: str
    id: str
    level: str
    state: State
    outcome: str
    statement: str
    source: str
    remedy: str
    reason: str
    tried: str
    is_expected: bool
    in_full: tuple[Violation, ...]
    in_short: tuple[Violation, ...]
    left_out: int
    """Violations that are not listed here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Rules on one subject."""

    id: str
    title: str
    open: tuple[Rule, ...]
    """Broken or not shown, the grave ones first."""
    closed: tuple[Rule, ...]
    """Passed or not applicable."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All of them."""
        return (*self.open, *self.closed)

    @property
    def closed_says(self) -> str:
        """How many of those that are folded away came to what."""
        states = [each.state for each in self.closed]
        told = ((states.count(state), STATES[state].lower()) for state in ("passed", "absent"))
        return ", ".join(f"{many} {what}" for many, what in told if many)


def state_of(outcome: str) -> State:
    """What is needed and was not seen, for whatever reason, is not shown."""
    return _STATE_OF.get(outcome, "unshown")


def anchor_of(rule_id: str, prefix: str = "") -> str:
    """Where a rule stands in the page: its id, which people put after a #."""
    if fullmatch(_ID, rule_id) is None:
        rule_id = f"rule-{sha256(rule_id.encode(errors='replace')).hexdigest()[:16]}"
    return f"{prefix}{rule_id}"


def layers_of(
    rules: Sequence[Mapping[str, object]], exchanges: Sequence[Exchange], provenance: str, prefix: str
) -> tuple[Layer, ...]:
    """In the catalogue's order. prefix: what anchors begin with; empty where there is one run only."""
    by_name = {each.name: each for each in exchanges}
    found: dict[str, list[Rule]] = {}
    for fields in {string(each.get("id")): each for each in rules}.values():
        rule = _rule(fields, by_name, provenance, prefix)
        found.setdefault(rule.id.partition(".")[0], []).append(rule)
    return tuple(
        Layer(
            id=name,
            title=_LAYERS.get(name, name),
            open=tuple(sorted((each for each in members if _is_open(each)), key=_gravity)),
            closed=tuple(each for each in members if not _is_open(each)),
        )
        for name, members in found.items()
    )


def _is_open(rule: Rule) -> bool:
    return rule.state in ("broken", "unshown")


def _gravity(rule: Rule) -> tuple[int, int]:
    level = LEVELS.index(rule.level) if rule.level in LEVELS else len(LEVELS)
    return level, [*STATES].index(rule.state)


def _rule(fields: Mapping[str, object], exchanges: Mapping[str, Exchange], provenance: str, prefix: str) -> Rule:
    violations = objects(fields.get("violations"))
    judged, broken, identity = count(fields.get("judged")), count(fields.get("broken")), string(fields.get("id"))
    outcome = string(fields.get("outcome"))
    state = state_of(outcome)
    return Rule(
        anchor=anchor_of(identity, prefix),
        id=identity,
        level=string(fields.get("level")),
        state=state,
        outcome=outcome,
        statement=string(fields.get("statement")),
        source=_source(fields),
        remedy=string(fields.get("remedy")),
        reason=string(fields.get("reason")),
        tried=_tried(judged, broken),
        is_expected=fields.get("expected_failure") is True,
        in_full=tuple(_violation(fields, each, exchanges, provenance) for each in violations[:_IN_FULL]),
        in_short=tuple(_violation(fields, each, exchanges, "") for each in violations[_IN_FULL : _IN_FULL + _IN_SHORT]),
        left_out=max(0, len(violations) - _IN_FULL - _IN_SHORT, (broken if violations else 0) - _IN_FULL - _IN_SHORT),
    )


def _source(fields: Mapping[str, object]) -> str:
    """With the distribution that adds the rule, where it is none of ours."""
    origin = string(fields.get("origin"))
    return f"{string(fields.get('source'))}{f' (a rule that {origin} adds)' if origin else ''}"


def _tried(judged: int, broken: int) -> str:
    """n of k."""
    if broken:
        return f"broken in {broken:,} of {judged:,}"
    return f"holds in {judged:,} of {judged:,}" if judged else ""


def _violation(
    rule: Mapping[str, object], fields: Mapping[str, object], exchanges: Mapping[str, Exchange], provenance: str
) -> Violation:
    """provenance: empty for one that is told in a line."""
    name = string(fields.get("exchange"))
    exchange = exchanges.get(name)
    curl = exchange.curl if exchange is not None else ""
    return Violation(
        expected=string(fields.get("expected")),
        actual=string(fields.get("actual")),
        place=", ".join(_place(fields)),
        exchange_name=name,
        exchange=exchange,
        bytes=_bytes(fields.get("bytes")),
        effects=tuple(_effects(fields)),
        curl=curl,
        repeat=string(fields.get("repeat")),
        issue=issue_text(rule, fields, provenance, curl) if provenance else "",
    )


def _place(fields: Mapping[str, object]) -> Iterator[str]:
    if (chunk := number(fields.get("chunk"))) is not None:
        yield f"chunk {chunk:,.0f}"
    start, end = number(fields.get("start_byte")), number(fields.get("end_byte"))
    if start is not None:
        yield f"bytes {start:,.0f} to {end - 1:,.0f}" if end is not None and end > start + 1 else f"byte {start:,.0f}"
    if (at_ms := number(fields.get("at_ms"))) is not None:
        yield f"{duration(at_ms)} after the request was written"


def _bytes(value: object) -> Bytes | None:
    fields = object_or_nothing(value)
    if not fields:
        return None
    before, marked, after = (string(fields.get(name)) for name in ("before", "marked", "after"))
    if marked.endswith("\n"):  # the end of a shown line, and none of the bytes
        marked, after = marked[:-1], f"\n{after}"
    return Bytes(before=before, marked=marked, after=after)


def _effects(fields: Mapping[str, object]) -> Iterator[Effect]:
    for each in objects(fields.get("effects")):
        yield Effect(
            sentence=string(each.get("sentence")),
            tone=tone_of(string(each.get("what"))),
            sureness=string(each.get("sureness")),
            ended_reasons=tuple(strings(each.get("ended_reasons"))[:4]),
        )
